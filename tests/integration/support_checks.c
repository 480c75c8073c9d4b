#include "tests/integration/support_checks.h"

#include <stdlib.h>
#include <string.h>

enum { PATIENCE_MS = 60000 };

static bool is_up(struct driver *asker, const void *arg)
{
    const struct model *model = asker->app->model;
    (void)arg;
    for (size_t i = 0; i < model->config->node_count; i++)
        if (model->nodes[i].link != LINK_UP)
            return false;
    return true;
}

struct driver *asker_start(const struct lab *lab)
{
    struct driver *asker = xcalloc(1, sizeof *asker);
    struct err err;
    uv_loop_init(&asker->loop);
    struct config *config = config_read(lab->conf, &err);
    cr_assert(config, "%s", err.text);
    asker->app = app_new(&asker->loop, MODE_STATUS, config, &err);
    cr_assert(asker->app, "%s", err.text);
    cr_assert(app_start(asker->app, &err), "%s", err.text);
    cr_assert(driver_until(asker, is_up, NULL, PATIENCE_MS), "not every server answers");
    return asker;
}

static bool have_answered(struct driver *asker, const void *arg)
{
    (void)arg;
    for (size_t i = 0; i < checks_count(asker->app->checks); i++)
        if (checks_at(asker->app->checks, i)->running)
            return false;
    return true;
}

void asker_run(struct driver *asker, bool (*wanted)(const struct check *))
{
    size_t all = checks_count(asker->app->checks), count = 0;
    const char **ids = xcalloc(all + 1, sizeof *ids);
    for (size_t i = 0; i < all; i++) {
        const struct check *check = checks_at(asker->app->checks, i)->check;
        if (!wanted || wanted(check))
            ids[count++] = check->id;
    }
    cr_assert_gt(count, 0, "no check is of this kind");
    checks_run(asker->app->checks, ids, count, NULL, NULL);
    free(ids);
    cr_assert(driver_until(asker, have_answered, NULL, PATIENCE_MS), "the checks never end");
}

static bool holds(const char *text, const char *part)
{
    return strstr(text ? text : "", part) != NULL;
}

int asker_find(const struct driver *asker, bool (*wanted)(const struct check *), const char *object,
               const char *detail, const struct check_result **result)
{
    for (size_t i = 0; i < checks_count(asker->app->checks); i++) {
        *result = checks_at(asker->app->checks, i);
        const struct table *offenders = (*result)->offenders;
        if (!offenders || (wanted && !wanted((*result)->check)))
            continue;
        for (int row = 0; row < offenders->rows; row++)
            if (holds(table_text(offenders, row, "object"), object) &&
                holds(table_text(offenders, row, "detail"), detail))
                return row;
    }
    *result = NULL;
    return -1;
}

const char *asker_story(const struct driver *asker, bool (*wanted)(const struct check *), int most)
{
    static struct str story;
    str_clear(&story);
    for (size_t i = 0; i < checks_count(asker->app->checks); i++) {
        const struct check_result *result = checks_at(asker->app->checks, i);
        if (wanted && !wanted(result->check))
            continue;
        if (result->error && most-- > 0)
            str_printf(&story, "%s could not be run: %s\n", result->check->id, result->error);
        for (int row = 0; result->offenders && row < result->offenders->rows; row++)
            if (most-- > 0)
                str_printf(&story, "%s (%s): %s: %s\n", result->check->id,
                           table_text(result->offenders, row, "place"),
                           table_text(result->offenders, row, "object"),
                           table_text(result->offenders, row, "detail"));
    }
    if (most < 0)
        str_printf(&story, "... and %d more\n", -most);
    return str_text(&story);
}
