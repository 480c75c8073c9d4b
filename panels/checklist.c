/* The steps of the run: where it stands, what comes next, and what that will do. */
#include "panels/panel.h"

#include <stdio.h>
#include <string.h>

enum { SIGN, NUMBER, PHASE, TITLE, STATE, WAITS, ELAPSED };

static const struct column columns[] = {
    [SIGN] = {"", 1, 0, 0, false},          [NUMBER] = {"#", 2, 0, 4, true},
    [PHASE] = {"phase", 7, 0, 5, false},    [TITLE] = {"step", 0, 30, 0, false},
    [STATE] = {"state", 18, 0, 0, false},   [WAITS] = {"waits for", 24, 0, 9, false},
    [ELAPSED] = {"elapsed", 7, 0, 6, true},
};

static unsigned state_style(enum state state)
{
    switch (state) {
    case S_DONE:
        return ROLE_OK;
    case S_FAILED:
        return ROLE_BAD;
    case S_UNKNOWN:
        return ROLE_UNKNOWN;
    case S_PENDING:
        return ROLE_NORMAL;
    case S_SKIPPED:
    case S_ABSENT:
    case S_UNDONE:
        return ROLE_MUTED;
    default:
        return ROLE_BUSY;
    }
}

/* A watcher knows no states of its own: the driver tells at which step it is. */
static void watched_state(const struct app *app, size_t step, struct cell *cell)
{
    const struct driver_seen *driver = &app->driver;

    if (!driver->seen)
        cell_text(cell, ROLE_MUTED, "not known");
    else if (step + 1 < driver->number)
        cell_text(cell, ROLE_OK, "passed");
    else if (step + 1 == driver->number)
        cell_text(cell, ROLE_BUSY, driver->state);
    else
        cell_text(cell, ROLE_NORMAL, "pending");
}

static void state_cell(const struct app *app, size_t step, struct cell *cell)
{
    enum state state = run_step_state(app->run, step);

    if (app->mode == MODE_WATCH && state == S_PENDING)
        watched_state(app, step, cell);
    else if (app->run->steps[step].armed && !state_is_settled(state) && !state_is_busy(state))
        cell_text(cell, ROLE_WARN, "armed");
    else if (app->run->steps[step].superseded)
        cell_text(cell, ROLE_OK, "superseded");
    else
        cell_text(cell, state_style(state), state_word(state));
}

static void sign_cell(const struct app *app, size_t step, struct cell *cell)
{
    struct cell word = {0};
    char sign = state_sign(run_step_state(app->run, step));

    state_cell(app, step, &word);
    if (app->mode == MODE_WATCH && app->driver.seen && step + 1 == app->driver.number)
        sign = '>';
    else if (strcmp(word.text, "armed") == 0)
        sign = '*';
    else if (app->mode == MODE_WATCH && strcmp(word.text, "passed") == 0)
        sign = '+';
    else if (sign == ' ' && step == run_next(app->run) && app->mode != MODE_WATCH)
        sign = '>';
    cell_printf(cell, word.style, "%c", sign);
}

/* Time that its slowest place took; 0: it did not begin. */
static double elapsed_ms(const struct app *app, const struct step_run *step)
{
    uint64_t most = 0;

    for (size_t i = 0; i < step->place_count; i++) {
        const struct place_run *place = &step->places[i];
        uint64_t end = place->ended_ms >= place->began_ms && place->ended_ms > 0 ? place->ended_ms
                                                                                 : app_now(app);
        if (place->began_ms > 0 && end - place->began_ms > most)
            most = end - place->began_ms;
    }
    return (double)most;
}

static const char *waits_of(const struct step_run *step)
{
    for (size_t i = 0; i < step->place_count; i++) {
        if (step->places[i].waits != NULL)
            return step->places[i].waits;
    }
    for (size_t i = 0; i < step->place_count; i++) {
        if (step->places[i].state == S_FAILED || step->places[i].state == S_UNKNOWN)
            return step->places[i].message != NULL ? step->places[i].message : "";
    }
    return "";
}

static void waits_cell(const struct step_run *step, struct cell *cell)
{
    char bar[64];

    for (size_t i = 0; i < step->place_count; i++) {
        const struct place_run *place = &step->places[i];
        if (place->progress && place->goal > 0 && state_is_busy(place->state)) {
            double ratio = place->current / place->goal;
            text_bar(cell->glyphs, ratio, 10, bar, sizeof bar);
            cell_printf(cell, ROLE_BUSY, "%s %.0f %%", bar, ratio * 100);
            return;
        }
    }
    cell_text(cell, ROLE_WARN, waits_of(step));
}

static void cell_of(const struct app *app, const struct ref *ref, size_t column, struct cell *cell)
{
    size_t index = (size_t)ref->row;
    const struct step_run *step = &app->run->steps[index];
    double elapsed = elapsed_ms(app, step);
    char text[TEXT_ROOM];

    switch (column) {
    case SIGN:
        sign_cell(app, index, cell);
        break;
    case NUMBER:
        cell->order = (double)index;
        cell_printf(cell, ROLE_MUTED, "%zu", index + 1);
        break;
    case PHASE:
        cell_text(cell, step->step->phase == PHASE_WINDOW ? ROLE_WARN : ROLE_MUTED,
                  phase_name(step->step->phase));
        break;
    case TITLE:
        cell_text(cell, ROLE_NORMAL, step->step->title);
        break;
    case STATE:
        state_cell(app, index, cell);
        break;
    case WAITS:
        waits_cell(step, cell);
        break;
    case ELAPSED:
        cell->order = elapsed;
        cell_text(cell, ROLE_MUTED, elapsed > 0 ? text_duration(text, elapsed) : "");
        break;
    }
}

static void gather(const struct app *app, struct grid *grid)
{
    for (size_t i = 0; i < app->run->step_count; i++)
        grid_add(grid, (struct ref){.row = (int)i});
}

static uint64_t stamp(const struct app *app)
{
    return app->run->step_count;
}

static void key(const struct app *app, const struct ref *ref, char *out, size_t room)
{
    const struct step *step = app->run->steps[ref->row].step;
    snprintf(out, room, "%s %s", step->id, step->title);
}

static void progress_line(const struct app *app, const struct place_run *place, struct lines *lines)
{
    char bar[96], left[TEXT_ROOM] = "";
    double ratio = place->goal > 0 ? place->current / place->goal : 0;
    double spent = place->began_ms > 0 ? (double)(app_now(app) - place->began_ms) : 0;

    text_bar(lines->glyphs, ratio, 24, bar, sizeof bar);
    if (ratio > 0.01 && ratio < 1)
        text_duration(left, spent * (1 - ratio) / ratio);
    lines_printf(lines, ROLE_BUSY, 2, "%s %.0f of %.0f%s%s", bar, place->current, place->goal,
                 *left ? ", about " : "", *left ? strcat(left, " left") : "");
}

static void place_lines(const struct app *app, const struct step_run *step, bool pending,
                        struct lines *lines)
{
    for (size_t i = 0; i < step->place_count; i++) {
        const struct place_run *place = &step->places[i];
        if ((place->state == S_PENDING) != pending)
            continue;
        lines_printf(lines, state_style(place->state), 0, "%c %s: %s%s%s", state_sign(place->state),
                     place->name, state_word(place->state), place->message != NULL ? ": " : "",
                     place->message != NULL ? place->message : "");
        if (place->waits != NULL)
            lines_printf(lines, ROLE_WARN, 2, "waits for %s", place->waits);
        if (place->progress && state_is_busy(place->state))
            progress_line(app, place, lines);
    }
}

static void check_lines(const struct app *app, const struct step *step, struct lines *lines)
{
    static const char *const words[] = {"unknown", "holds", "RED", "not available here"};
    static const unsigned styles[] = {ROLE_UNKNOWN, ROLE_OK, ROLE_BAD, ROLE_MUTED};
    char age[TEXT_ROOM];

    for (size_t i = 0; i < step->require_count; i++) {
        const struct check_result *result =
            app->checks != NULL ? checks_result(app->checks, step->requires[i]) : NULL;
        if (result == NULL) {
            lines_printf(lines, ROLE_UNKNOWN, 0, "check %s: unknown", step->requires[i]);
            continue;
        }
        bool asked = result->answered_ms > 0;
        text_age(age, asked ? (int64_t)(app_now(app) - result->answered_ms) : -1);
        lines_printf(lines, styles[result->outcome], 0, "check %s: %s (%s)%s%s", step->requires[i],
                     words[result->outcome], asked ? age : "not run yet",
                     result->accepted != NULL ? ", accepted: " : "",
                     result->accepted != NULL ? result->accepted : "");
    }
}

/* The version that decides which text it is: a generated one is of the server that generates it. */
static int major_for(const struct app *app, const struct step *step)
{
    const char *role = step->kind == STEP_GEXEC ? step->from : step->on;

    for (size_t i = 0; role != NULL && i < app->config->node_count; i++) {
        if (strcmp(app->config->nodes[i].role, role) == 0)
            return app->model->nodes[i].version / 10000;
    }
    return 0;
}

/* The text as it stands in the runbook; the question shows it as it will be sent. */
static void text_lines(const struct app *app, const struct step *step, struct lines *lines)
{
    int major = major_for(app, step);
    const struct step_variant *variant =
        step->variant_count == 1 ? step->variants : step_variant_for(step, major);

    if (variant == NULL && major == 0)
        lines_add(lines, ROLE_MUTED, 0, "The text depends on the server's version, not yet known.");
    if (variant == NULL || variant->body.text == NULL)
        return;
    lines_printf(lines, ROLE_MUTED, 0, "%s on %s:", step_kind_name(step->kind), step->on);
    lines_add(lines, ROLE_NORMAL, 2, variant->body.text);
}

static void detail(const struct app *app, const struct ref *ref, struct lines *lines)
{
    const struct step_run *step = &app->run->steps[ref->row];

    place_lines(app, step, false, lines); /* what is going on comes first */
    if (step->skip_reason != NULL)
        lines_printf(lines, ROLE_MUTED, 0, "skipped: %s", step->skip_reason);
    if (step->step->why != NULL)
        lines_add(lines, ROLE_NORMAL, 0, step->step->why);
    check_lines(app, step->step, lines);
    place_lines(app, step, true, lines);
    text_lines(app, step->step, lines);
}

const struct panel_ops checklist_panel = {
    .id = "checklist",
    .title = "checklist",
    .empty = "the runbook has no steps",
    .grid = {.columns = columns,
             .column_count = sizeof columns / sizeof *columns,
             .sort = -1,
             .fixed = true,
             .stamp = stamp,
             .gather = gather,
             .cell = cell_of,
             .key = key},
    .detail = detail,
};
