#include "tui/report.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/journal.h"
#include "core/plan.h"
#include "core/sampler.h"
#include "tui/text.h"

enum { PATIENCE_MS = 12000, POLL_MS = 20 };

/* What a server or a file says may not steer the terminal that it is printed on. */
static void put_harmless(FILE *out, const char *text)
{
    char *clean = text_harmless(text);
    fputs(clean, out);
    free(clean);
}

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void say(const char *format, ...)
{
    va_list arguments;
    char *text;
    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0)
        die("out of memory");
    va_end(arguments);
    put_harmless(stdout, text);
    free(text);
}

int complain(int status, const char *text)
{
    fputs("pgcutover: ", stderr);
    put_harmless(stderr, text);
    fputc('\n', stderr);
    return status;
}

static void print_json(const json_t *json)
{
    json_dumpf(json, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
    putchar('\n');
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static void print_indented(const char *label, const char *text)
{
    say("    %s\n", label);
    for (const char *at = text; *at;) {
        size_t length = strcspn(at, "\n");
        say("      %.*s\n", (int)length, at);
        at += length + (at[length] == '\n');
    }
}

static void print_variant(const json_t *variant)
{
    static const char *const keys[] = {"text", "each", "probe", "undo", "abandon"};
    const json_t *since = json_object_get(variant, "since"),
                 *until = json_object_get(variant, "until");
    if (since || until)
        say("    on version%s%lld%s%lld\n", since ? " " : "s up to ",
            (long long)json_integer_value(since ? since : until), since && until ? " to " : "",
            (long long)json_integer_value(until));
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (json_object_get(variant, keys[i]))
            print_indented(keys[i], text_of(variant, keys[i]));
}

static void print_names(const char *label, const json_t *names)
{
    size_t i;
    json_t *name;
    if (json_array_size(names) == 0)
        return;
    say("    %s", label);
    json_array_foreach(names, i, name) say(" %s", json_string_value(name));
    putchar('\n');
}

static void print_step(size_t number, const json_t *step)
{
    size_t i;
    json_t *variant;
    say("\n%3zu  %s  [%s, %s on %s%s%s]\n", number, text_of(step, "id"), text_of(step, "phase"),
        text_of(step, "kind"), text_of(step, "on"), *text_of(step, "window") ? ", the window " : "",
        text_of(step, "window"));
    say("     %s\n", text_of(step, "title"));
    print_names("places", json_object_get(step, "places"));
    print_names("requires", json_object_get(step, "requires"));
    if (*text_of(step, "why"))
        print_indented("why", text_of(step, "why"));
    json_array_foreach(json_object_get(step, "variants"), i, variant) print_variant(variant);
}

int report_plan(struct app *app, const struct options *options)
{
    struct err err;
    json_t *plan = plan_json(app, &err);
    if (!plan)
        return complain(EXIT_USAGE, err.text);
    size_t i;
    json_t *step;
    if (options->json) {
        print_json(plan);
    } else {
        say("run %s by the runbook %s: %s\n", text_of(plan, "run"), text_of(plan, "runbook"),
            text_of(plan, "title"));
        json_array_foreach(json_object_get(plan, "steps"), i, step) print_step(i + 1, step);
    }
    json_decref(plan);
    return EXIT_DONE;
}

struct wait {
    struct app *app;
    uv_timer_t timer;
    uint64_t until_ms;
    bool (*over)(const struct app *app);
};

static void timer_closed(uv_handle_t *handle)
{
    (void)handle;
}

static void on_poll(uv_timer_t *timer)
{
    struct wait *wait = timer->data;
    if (wait->over(wait->app) || uv_now(wait->app->loop) >= wait->until_ms)
        uv_stop(wait->app->loop);
}

/* Runs the loop until it is over, or patience is. */
static void run_until(struct app *app, bool (*over)(const struct app *app))
{
    struct wait wait = {.app = app, .over = over, .until_ms = uv_now(app->loop) + PATIENCE_MS};
    uv_timer_init(app->loop, &wait.timer);
    wait.timer.data = &wait;
    uv_timer_start(&wait.timer, on_poll, 0, POLL_MS);
    uv_run(app->loop, UV_RUN_DEFAULT);
    uv_close((uv_handle_t *)&wait.timer, timer_closed);
    uv_run(app->loop, UV_RUN_NOWAIT);
}

static bool is_sampled(const struct app *app)
{
    return sampler_settled(app->sampler);
}

static bool all_reached(const struct app *app)
{
    for (size_t i = 0; i < app->config->node_count; i++)
        if (app->model->nodes[i].link != LINK_UP)
            return false;
    return true;
}

static json_t *row_json(const struct table *table, int row)
{
    json_t *object = json_object();
    for (int column = 0; column < table->columns; column++) {
        const char *cell = table->cells[row * table->columns + column];
        json_object_set_new(object, table->names[column], cell ? journal_text(cell) : json_null());
    }
    return object;
}

static json_t *sample_json(const struct app *app, const struct sample *sample)
{
    json_t *object = json_object(), *rows = json_array();
    char *place = place_name(&sample->place);
    json_object_set_new(object, "query", json_string(sample->query->id));
    json_object_set_new(object, "place", journal_text(place));
    json_object_set_new(object, "age_ms", json_integer(sample_age_ms(app->model, sample)));
    json_object_set_new(object, "cost_ms", json_real(sample->cost_ms));
    if (sample->error)
        json_object_set_new(object, "error", journal_text(sample->error));
    for (int row = 0; sample->table && row < sample->table->rows; row++)
        json_array_append_new(rows, row_json(sample->table, row));
    json_object_set_new(object, "rows", rows);
    free(place);
    return object;
}

static json_t *node_json(const struct node_facts *node)
{
    json_t *object = json_object();
    json_object_set_new(object, "name", journal_text(node->config->name));
    json_object_set_new(object, "role", journal_text(node->config->role));
    json_object_set_new(object, "reached", json_boolean(node->link == LINK_UP));
    json_object_set_new(object, "version", json_integer(node->version));
    json_object_set_new(object, "round_trip_ms", json_real(node->round_trip_ms));
    if (node->error)
        json_object_set_new(object, "error", journal_text(node->error));
    return object;
}

static void print_status_json(const struct app *app)
{
    json_t *nodes = json_array(), *samples = json_array();
    for (size_t i = 0; i < app->config->node_count; i++)
        json_array_append_new(nodes, node_json(&app->model->nodes[i]));
    for (size_t i = 0; i < app->model->sample_count; i++)
        if (!app->model->samples[i].absent)
            json_array_append_new(samples, sample_json(app, &app->model->samples[i]));
    json_t *status =
        json_pack("{s:s, s:o, s:o}", "run", app->config->run, "nodes", nodes, "samples", samples);
    print_json(status);
    json_decref(status);
}

static void print_table(const struct table *table)
{
    for (int row = 0; row < table->rows; row++) {
        for (int column = 0; column < table->columns; column++) {
            const char *cell = table->cells[row * table->columns + column];
            if (cell && *cell)
                say("%s%s=%s", column > 0 ? "  " : "    ", table->names[column], cell);
        }
        putchar('\n');
    }
}

static void print_status(const struct app *app)
{
    for (size_t i = 0; i < app->config->node_count; i++) {
        const struct node_facts *node = &app->model->nodes[i];
        say("%-12s %-8s %s", node->config->name, node->config->role,
            node->link == LINK_UP ? "up" : "DOWN");
        if (node->version)
            say("  PostgreSQL %d.%d", node->version / 10000, node->version % 10000);
        if (node->error)
            say("  %s", node->error);
        putchar('\n');
    }
    for (size_t i = 0; i < app->model->sample_count; i++) {
        const struct sample *sample = &app->model->samples[i];
        if (sample->absent || (!sample->table && !sample->error))
            continue;
        char *place = place_name(&sample->place);
        say("\n%s on %s (%.1f ms)\n", sample->query->id, place, sample->cost_ms);
        free(place);
        if (sample->error)
            say("    %s\n", sample->error);
        if (sample->table)
            print_table(sample->table);
    }
}

int report_status(struct app *app, const struct options *options)
{
    run_until(app, is_sampled);
    if (options->json)
        print_status_json(app);
    else
        print_status(app);
    return all_reached(app) ? EXIT_DONE : EXIT_UNREACHABLE;
}

static bool nodes_answered(const struct app *app)
{
    for (size_t i = 0; i < app->config->node_count; i++)
        if (app->model->nodes[i].link != LINK_UP && !app->model->nodes[i].error)
            return false;
    return true;
}

static bool checks_answered(const struct app *app)
{
    for (size_t i = 0; i < checks_count(app->checks); i++)
        if (checks_at(app->checks, i)->running)
            return false;
    return true;
}

static bool is_asked_for(const struct check_result *result, const struct options *options)
{
    const struct check *check = result->check;
    return check->severity <= options->severity &&
           (!options->only || strcmp(options->only, check->id) == 0 ||
            strcmp(options->only, check->group) == 0);
}

static const char *verdict(const struct check_result *result)
{
    static const char *const words[] = {"unknown", "holds", "red", "not available here"};
    return words[result->outcome];
}

static json_t *check_json(const struct check_result *result)
{
    static const char *const severities[] = {"block", "warn", "info"};
    json_t *object = json_object(), *offenders = json_array();
    json_object_set_new(object, "id", json_string(result->check->id));
    json_object_set_new(object, "group", json_string(result->check->group));
    json_object_set_new(object, "severity", json_string(severities[result->check->severity]));
    json_object_set_new(object, "outcome", json_string(verdict(result)));
    json_object_set_new(object, "title", json_string(result->check->title));
    json_object_set_new(object, "why", json_string(result->check->why));
    json_object_set_new(object, "cost_ms", json_real(result->cost_ms));
    if (result->error)
        json_object_set_new(object, "error", journal_text(result->error));
    for (int row = 0; result->offenders && row < result->offenders->rows; row++)
        json_array_append_new(offenders, row_json(result->offenders, row));
    json_object_set_new(object, "offenders", offenders);
    if (result->check->remedy)
        json_object_set_new(object, "remedy", json_string(result->check->remedy));
    return object;
}

/* SGR of a role, for a terminal; "" where the output is not for one, or NO_COLOR is set. */
static const char *colour(const char *sgr)
{
    const char *no = getenv("NO_COLOR");
    return isatty(STDOUT_FILENO) && !(no && *no) ? sgr : "";
}

static const char *colour_of(const struct check_result *result)
{
    bool blocks = check_blocks(result);
    if (result->outcome == CHECK_HOLDS)
        return colour("\033[32m");
    if (result->outcome == CHECK_ABSENT)
        return colour("\033[2m");
    return colour(blocks ? "\033[1;31m" : "\033[33m");
}

enum { MOST_OFFENDERS = 20 }; /* a person reads so many; --json has all */

static void print_offenders(const struct table *offenders)
{
    int rows = offenders ? offenders->rows : 0;
    for (int row = 0; row < rows && row < MOST_OFFENDERS; row++)
        say("      %s: %s  %s\n", table_text(offenders, row, "place"),
            table_text(offenders, row, "object"), table_text(offenders, row, "detail"));
    if (rows > MOST_OFFENDERS)
        say("      and %d more, see --json\n", rows - MOST_OFFENDERS);
}

static void print_check(const struct check_result *result)
{
    static const char *const signs[] = {"?", "+", "x", "-"};
    static const char *const severities[] = {"BLOCK", "warn", "info"};
    bool open = result->outcome == CHECK_RED || result->outcome == CHECK_UNKNOWN;
    fputs(colour_of(result), stdout);
    say("%s %-24s %-5s %s", signs[result->outcome], result->check->id,
        open ? severities[result->check->severity] : "", result->check->title);
    if (check_is_dear(result))
        say(" (%.0f ms on a server: on demand)", result->cost_ms);
    fputs(colour("\033[0m"), stdout);
    putchar('\n');
    if (!open)
        return;
    if (result->error)
        say("      unknown: %s\n", result->error);
    print_offenders(result->offenders);
    say("      why: %s\n", result->check->why);
    if (result->check->remedy)
        say("      remedy: %s\n", result->check->remedy);
}

/* A heading for each group, in the catalogue's order of groups. */
static void print_checks(const struct app *app, const struct options *options)
{
    size_t count = checks_count(app->checks);
    for (size_t i = 0; i < count; i++) {
        const char *group = checks_at(app->checks, i)->check->group;
        bool told = false;
        for (size_t j = 0; j < i && !told; j++)
            told = strcmp(checks_at(app->checks, j)->check->group, group) == 0;
        for (size_t j = i, first = 1; j < count && !told; j++) {
            const struct check_result *result = checks_at(app->checks, j);
            if (strcmp(result->check->group, group) != 0 || !is_asked_for(result, options))
                continue;
            if (first)
                say("\n%s\n", group);
            first = 0;
            print_check(result);
        }
    }
}

static void print_summary(const struct app *app, const struct options *options)
{
    size_t holds = 0, blocks = 0, warns = 0, unknown = 0, absent = 0;
    for (size_t i = 0; i < checks_count(app->checks); i++) {
        const struct check_result *result = checks_at(app->checks, i);
        if (!is_asked_for(result, options))
            continue;
        holds += result->outcome == CHECK_HOLDS;
        absent += result->outcome == CHECK_ABSENT;
        unknown += result->outcome == CHECK_UNKNOWN;
        blocks += check_blocks(result);
        warns += result->outcome == CHECK_RED && !check_blocks(result);
    }
    say("\n%zu hold, %zu block, %zu are worth a look, %zu unknown, %zu not available here\n", holds,
        blocks, warns, unknown, absent);
}

/* The variant for the source's or the target's version where one is known. */
static int explain(const struct app *app, const char *id)
{
    const struct check *check = catalogue_check(app->catalogue, id);
    if (!check) {
        fprintf(stderr, "pgcutover: there is no check %s; pgcutover check lists them\n", id);
        return EXIT_USAGE;
    }
    static const char *const severities[] = {"block", "warn", "info"};
    int version = 0;
    for (size_t i = 0; i < app->config->node_count; i++)
        if (strcmp(app->config->nodes[i].role, check->on) == 0)
            version = app->model->nodes[i].version / 10000;
    say("%s: %s\n%s, group %s, on %s%s%s\n\nwhy: %s\nremedy: %s\n", check->id, check->title,
        severities[check->severity], check->group, check->on, check->against ? " against " : "",
        check->against ? check->against : "", check->why, check->remedy ? check->remedy : "none");
    if (check->privilege)
        say("needs: %s\n", check->privilege);
    for (size_t i = 0; i < check->variant_count; i++) {
        const struct variant *variant = &check->variants[i];
        bool here = version > 0 && variant->since <= version && version <= variant->until;
        say("\n-- %s:%d, for %s", variant->path, variant->line,
            variant->since == 0 && variant->until == INT_MAX ? "every version" : "versions");
        if (variant->since > 0)
            say(" from %d", variant->since);
        if (variant->until < INT_MAX)
            say(" up to %d", variant->until);
        say("%s\n%s\n", here ? " (the one that runs here)" : "", variant->text);
    }
    return EXIT_DONE;
}

static bool is_known(const struct app *app, const char *only)
{
    for (size_t i = 0; i < app->catalogue->check_count; i++)
        if (strcmp(app->catalogue->checks[i].id, only) == 0 ||
            strcmp(app->catalogue->checks[i].group, only) == 0)
            return true;
    return false;
}

int report_check(struct app *app, const struct options *options)
{
    if (options->only && !is_known(app, options->only))
        return complain(EXIT_USAGE, "--only knows no such check or group; see pgcutover check");
    run_until(app, nodes_answered);
    if (options->explain)
        return explain(app, options->explain);
    size_t count = checks_count(app->checks), asked = 0;
    const char **ids = xcalloc(count + 1, sizeof *ids);
    for (size_t i = 0; i < count; i++)
        if (is_asked_for(checks_at(app->checks, i), options))
            ids[asked++] = checks_at(app->checks, i)->check->id;
    checks_run(app->checks, ids, asked, NULL, NULL);
    free(ids);
    run_until(app, checks_answered);
    json_t *results = json_array();
    bool blocked = false;
    for (size_t i = 0; i < count; i++) {
        const struct check_result *result = checks_at(app->checks, i);
        if (!is_asked_for(result, options))
            continue;
        blocked = blocked || check_blocks(result);
        json_array_append_new(results, check_json(result));
    }
    if (options->json) {
        print_json(results);
    } else {
        print_checks(app, options);
        print_summary(app, options);
    }
    json_decref(results);
    return !all_reached(app) ? EXIT_UNREACHABLE : blocked ? EXIT_DOES_NOT_HOLD : EXIT_DONE;
}

static int list_runbooks(void)
{
    const char **names = runbook_names();
    for (const char **name = names; *name; name++) {
        struct runbook *book = runbook_read(*name, NULL);
        say("%-16s %s\n", *name, book && book->title ? book->title : "");
        runbook_free(book);
    }
    free(names);
    return EXIT_DONE;
}

static int show_runbook(const char *name)
{
    const char *text = runbook_text(name);
    if (!text)
        return complain(EXIT_USAGE, "there is no such runbook; pgcutover runbook list shows them");
    fputs(text, stdout);
    return EXIT_DONE;
}

static int check_runbook(const char *path)
{
    struct err err;
    struct catalogue *catalogue = catalogue_read(&err);
    struct runbook *book = catalogue ? runbook_read(path, &err) : NULL;
    bool ok = book && runbook_check(book, catalogue, NULL, &err);
    if (ok)
        say("%s: %zu steps, nothing wrong\n", path, book->step_count);
    runbook_free(book);
    catalogue_free(catalogue);
    return ok ? EXIT_DONE : complain(EXIT_USAGE, err.text);
}

int report_runbook(const struct options *options)
{
    const char *what = options->argument[0], *name = options->argument[1];
    if (!what || strcmp(what, "list") == 0)
        return list_runbooks();
    if (strcmp(what, "show") == 0 && name)
        return show_runbook(name);
    if (strcmp(what, "check") == 0 && name)
        return check_runbook(name);
    return complain(EXIT_USAGE,
                    "runbook list, runbook show NAME or runbook check FILE; see --help");
}
