/* What must hold: the worst first, with who is in the way. */
#include "panels/panel.h"

#include <stdio.h>
#include <string.h>

enum { SIGN, SEVERITY, GROUP, TITLE, OUTCOME, COUNT, AGE, LAST };

static const struct column columns[] = {
    [SIGN] = {"", 1, 0, 0, false},           [SEVERITY] = {"sev.", 5, 0, 2, false},
    [GROUP] = {"group", 14, 0, 4, false},    [TITLE] = {"check", 0, 24, 0, false},
    [OUTCOME] = {"outcome", 9, 0, 0, false}, [COUNT] = {"found", 5, 0, 1, true},
    [AGE] = {"age", 6, 0, 3, true},
};

/* In the order in which they are listed within a severity. */
static const struct {
    enum check_outcome outcome;
    const char *word, *sign;
    unsigned style;
} outcomes[] = {{CHECK_RED, "RED", "x", ROLE_BAD},
                {CHECK_UNKNOWN, "unknown", "?", ROLE_UNKNOWN},
                {CHECK_HOLDS, "holds", "+", ROLE_OK},
                {CHECK_ABSENT, "absent", "-", ROLE_MUTED}};

#define OUTCOMES (sizeof outcomes / sizeof *outcomes)

static size_t rank(const struct check_result *result)
{
    for (size_t i = 0; i < OUTCOMES; i++) {
        if (outcomes[i].outcome == result->outcome)
            return i;
    }
    return 0;
}

static unsigned style_of(const struct check_result *result)
{
    if (result->outcome == CHECK_RED &&
        (result->accepted || result->check->severity != SEVERITY_BLOCK))
        return ROLE_WARN;
    return outcomes[rank(result)].style;
}

static const struct check_result *result_at(const struct app *app, const struct ref *ref)
{
    return checks_at(app->checks, (size_t)ref->row);
}

static int64_t age_of(const struct app *app, const struct check_result *result)
{
    return result->answered_ms > 0 ? (int64_t)(app_now(app) - result->answered_ms) : -1;
}

static void cell_of(const struct app *app, const struct ref *ref, size_t column, struct cell *cell)
{
    static const char *const severities[] = {"block", "warn", "info"};
    const struct check_result *result = result_at(app, ref);
    char text[TEXT_ROOM];

    switch (column) {
    case SIGN:
        cell_text(cell, style_of(result), outcomes[rank(result)].sign);
        break;
    case SEVERITY:
        cell_text(cell, ROLE_NORMAL, severities[result->check->severity]);
        break;
    case GROUP:
        cell_text(cell, ROLE_MUTED, result->check->group);
        break;
    case TITLE:
        cell_text(cell, ROLE_NORMAL, result->check->title);
        break;
    case OUTCOME:
        cell->order = (double)rank(result);
        cell_text(cell, style_of(result),
                  result->accepted != NULL ? "accepted" : outcomes[rank(result)].word);
        break;
    case COUNT:
        cell->order = result->offenders != NULL ? result->offenders->rows : 0;
        cell_printf(cell, style_of(result), cell->order > 0 ? "%.0f" : "", cell->order);
        break;
    case AGE:
        cell->order = (double)age_of(app, result);
        cell_text(cell, ROLE_MUTED,
                  result->running         ? "asking"
                  : check_is_dear(result) ? "demand"
                                          : text_age(text, age_of(app, result)));
        break;
    }
}

/* The first check of this one's group: groups stay together, in the order of the catalogue. */
static size_t group_of(const struct app *app, size_t index)
{
    const char *group = checks_at(app->checks, index)->check->group;
    size_t first = 0;

    while (strcmp(checks_at(app->checks, first)->check->group, group) != 0)
        first++;
    return first;
}

static void gather_group(const struct app *app, struct grid *grid, size_t r, int severity,
                         size_t group)
{
    for (size_t i = group; i < checks_count(app->checks); i++) {
        const struct check_result *result = checks_at(app->checks, i);
        if (rank(result) == r && (int)result->check->severity == severity &&
            strcmp(result->check->group, checks_at(app->checks, group)->check->group) == 0)
            grid_add(grid, (struct ref){.row = (int)i});
    }
}

/* What is in the way comes first; then by severity and group. */
static void gather(const struct app *app, struct grid *grid)
{
    size_t count = app->checks != NULL ? checks_count(app->checks) : 0;

    for (size_t r = 0; r < OUTCOMES; r++) {
        for (int severity = SEVERITY_BLOCK; severity <= SEVERITY_INFO; severity++) {
            for (size_t i = 0; i < count; i++) {
                if (group_of(app, i) == i)
                    gather_group(app, grid, r, severity, i);
            }
        }
    }
}

static uint64_t stamp(const struct app *app)
{
    size_t count = app->checks != NULL ? checks_count(app->checks) : 0;
    uint64_t stamp = count;

    for (size_t i = 0; i < count; i++)
        stamp = panel_mix(stamp, checks_at(app->checks, i)->outcome);
    return stamp;
}

static void key(const struct app *app, const struct ref *ref, char *out, size_t room)
{
    const struct check *check = result_at(app, ref)->check;
    snprintf(out, room, "%s %s %s", check->id, check->group ? check->group : "",
             check->title ? check->title : "");
}

static void detail(const struct app *app, const struct ref *ref, struct lines *lines)
{
    const struct check_result *result = result_at(app, ref);
    const struct table *offenders = result->offenders;
    char text[TEXT_ROOM];

    lines_printf(lines, ROLE_MUTED, 0, "%s", result->check->id);
    if (result->error != NULL)
        lines_add(lines, ROLE_UNKNOWN, 0, result->error);
    if (result->accepted != NULL)
        lines_printf(lines, ROLE_WARN, 0, "accepted: %s", result->accepted);
    for (int row = 0; offenders != NULL && row < offenders->rows && row < 200; row++) {
        const char *place = table_text(offenders, row, "place");
        const char *object = table_text(offenders, row, "object");
        const char *more = table_text(offenders, row, "detail");
        lines_printf(lines, style_of(result), 0, "%s: %s  %s", place ? place : "",
                     object ? object : "", more ? more : "");
    }
    if (offenders != NULL && offenders->rows > 200)
        lines_printf(lines, ROLE_MUTED, 0, "and %d more", offenders->rows - 200);
    if (check_is_dear(result))
        lines_printf(lines, ROLE_MUTED, 0,
                     "Took %.0f ms on a server, so it runs on demand only (r). Looked at %s ago.",
                     result->cost_ms, text_age(text, age_of(app, result)));
    if (result->check->why != NULL)
        lines_add(lines, ROLE_NORMAL, 0, result->check->why);
    if (result->check->remedy != NULL)
        lines_printf(lines, ROLE_NORMAL, 0, "Remedy: %s", result->check->remedy);
}

const struct panel_ops checks_panel = {
    .id = "checks",
    .title = "checks",
    .empty = "no checks",
    .grid = {.columns = columns,
             .column_count = LAST,
             .sort = -1,
             .stamp = stamp,
             .gather = gather,
             .cell = cell_of,
             .key = key},
    .detail = detail,
};
