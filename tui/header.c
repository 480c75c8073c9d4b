/* The header: which run, who drives it, where to, how far behind, and the window's clock. */
#include "core/engine.h"
#include "core/journal.h"
#include "tui/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

/* The window ended because a step that closes it is done; else it was left by undoing. */
static bool went_through(const struct run *run)
{
    for (size_t i = 0; i < run->step_count; i++) {
        if (run->steps[i].step->closes && run_step_state(run, i) == S_DONE)
            return true;
    }
    return false;
}

static int node_of(const struct app *app, const char *role)
{
    for (size_t i = 0; i < app->config->node_count; i++) {
        if (strcmp(app->config->nodes[i].role, role) == 0)
            return (int)i;
    }
    return -1;
}

static bool feeds(const struct app *app, const char *role)
{
    int node = node_of(app, role);
    const struct sample *sample = node < 0 ? NULL : model_sample(app->model, "slots", node, -1);

    for (int row = 0; sample && sample->table && row < sample->table->rows; row++) {
        const char *type = table_text(sample->table, row, "slot_type");
        if (type && strcmp(type, "logical") == 0 && table_bool(sample->table, row, "active", false))
            return true;
    }
    return false;
}

/* On the way back the target feeds the source: the slots say so, whatever the runbook. */
static bool is_reversed(const struct app *app)
{
    return feeds(app, "target") && !feeds(app, "source");
}

static void node_name(const struct app *app, const char *role, char *out, size_t room)
{
    int node = node_of(app, role);
    int version = node >= 0 ? app->model->nodes[node].version : 0;

    if (node < 0)
        snprintf(out, room, "%s", role);
    else if (version == 0)
        snprintf(out, room, "%s ?", app->config->nodes[node].name);
    else
        snprintf(out, room, "%s %d.%d", app->config->nodes[node].name, version / 10000,
                 version % 10000);
}

static void direction_piece(const struct face *face, struct pieces *pieces)
{
    bool reversed = is_reversed(face->app);
    char from[80], to[80];

    node_name(face->app, reversed ? "target" : "source", from, sizeof from);
    node_name(face->app, reversed ? "source" : "target", to, sizeof to);
    pieces_add(pieces, ROLE_HEADER, 1, "%s %s %s", from, face->glyphs->arrow, to);
}

static void driver_piece(const struct app *app, struct pieces *pieces)
{
    static const char *const drives[] = {[DRIVE_ASKING] = "taking the driver's lock",
                                         [DRIVE_OURS] = "driving",
                                         [DRIVE_TAKEN] = "NOT driving",
                                         [DRIVE_LOST] = "LOST the driver's lock"};
    static const unsigned styles[] = {[DRIVE_ASKING] = ROLE_BUSY,
                                      [DRIVE_OURS] = ROLE_OK,
                                      [DRIVE_TAKEN] = ROLE_BAD,
                                      [DRIVE_LOST] = ROLE_BAD};
    char age[TEXT_ROOM];

    if (app->engine != NULL) {
        enum drive drive = engine_drive(app->engine);
        pieces_add(pieces, styles[drive], 2, "%s: %s", drives[drive], engine_who(app->engine));
    } else if (app->mode == MODE_DRIVE) {
        pieces_add(pieces, ROLE_BUSY, 2, "starting");
    } else if (app->driver.seen) {
        text_age(age, (int64_t)(app_now(app) - app->driver.seen_ms));
        pieces_add(pieces, ROLE_OK, 2, "watching, driver seen %s", age);
    } else {
        pieces_add(pieces, ROLE_WARN, 2, "watching, no driver");
    }
}

/* The slot that is farthest behind, on the side that feeds. */
static const struct sample *worst_slot(const struct app *app, int *worst)
{
    int node = node_of(app, is_reversed(app) ? "target" : "source");
    const struct sample *sample = node < 0 ? NULL : model_sample(app->model, "slots", node, -1);
    int64_t most = INT64_MIN;

    *worst = -1;
    for (int row = 0; sample && sample->table && row < sample->table->rows; row++) {
        int64_t lag = table_int(sample->table, row, "lag", INT64_MIN);
        if (lag > most) {
            most = lag;
            *worst = row;
        }
    }
    return *worst >= 0 ? sample : NULL;
}

static void lag_piece(const struct face *face, struct pieces *pieces)
{
    const struct app *app = face->app;
    int row;
    const struct sample *sample = worst_slot(app, &row);
    char lag[TEXT_ROOM], zero[TEXT_ROOM], age[TEXT_ROOM];

    if (sample == NULL) {
        pieces_add(pieces, ROLE_MUTED, 0, "lag n/a");
        return;
    }
    int64_t bytes = table_int(sample->table, row, "lag", 0);
    const struct series *series =
        model_series(app->model, "slots", sample->place.node_index, sample->place.database_index,
                     table_text(sample->table, row, "slot_name"), "lag");
    double slope = series != NULL ? series_slope(series, 10) : 0;
    unsigned style = bytes > app->config->lag_limit_bytes ? ROLE_WARN : ROLE_OK;
    text_bytes(lag, bytes);
    if (sample_is_stale(app->model, sample)) {
        pieces_add(pieces, ROLE_BAD, 0, "lag was %s %s ago", lag,
                   text_age(age, sample_age_ms(app->model, sample)));
        return;
    }
    pieces_add(pieces, style, 0, "lag %s %s", lag,
               bytes == 0 || slope == 0 ? face->glyphs->level
               : slope < 0              ? face->glyphs->down
                                        : face->glyphs->up);
    if (bytes > 0 && slope < 0)
        pieces_add(pieces, ROLE_MUTED, 4, "%s to zero",
                   text_duration(zero, (double)bytes / -slope * 1000));
}

/* A watcher has no clock of its own: the driver's journal, where it is on this machine, says since
 * when; else the place of the driver's step says whether. */
static const json_t *window_record(const struct app *app)
{
    for (size_t i = json_array_size(app->followed); i-- > 0;) {
        const json_t *record = json_array_get(app->followed, i);
        const char *type = json_string_value(json_object_get(record, "type"));
        if (type != NULL && strcmp(type, "window") == 0)
            return record;
    }
    return NULL;
}

/* Milliseconds since a journal's time; -1: it can't be read. */
static double since(const char *at)
{
    struct tm parts = {0};
    struct timeval now;

    if (at == NULL || strptime(at, "%Y-%m-%dT%H:%M:%S", &parts) == NULL)
        return -1;
    gettimeofday(&now, NULL);
    double ms = (double)(now.tv_sec - timegm(&parts)) * 1000 + (double)now.tv_usec / 1000;
    return ms - (strlen(at) > 22 ? strtod(at + 19, NULL) * 1000 : 0);
}

static const char *window_by_place(const struct app *app)
{
    size_t first = SIZE_MAX, last = 0, end = 0, at = app->driver.number;

    if (!app->driver.seen || at == 0)
        return "window not known: no driver is seen";
    for (size_t i = 0; i < app->run->step_count; i++) {
        const struct step *step = app->run->steps[i].step;
        first = step->opens && i < first ? i : first;
        last = step->opens ? i : last;
        end = step->closes ? i : end;
    }
    at--;
    if (at < first || at > end)
        return "window shut";
    return at > last ? "WINDOW OPEN (the driver has its clock)" : "window opening";
}

static void watched_window(const struct face *face, struct pieces *pieces)
{
    const json_t *record = window_record(face->app);
    const char *detail = json_string_value(json_object_get(record, "detail"));
    double spent = since(json_string_value(json_object_get(record, "at")));
    char clock[TEXT_ROOM], whole[TEXT_ROOM];

    if (detail == NULL)
        pieces_add(pieces, ROLE_HEADER, 0, "%s", window_by_place(face->app));
    else if (strcmp(detail, "opened") == 0)
        pieces_add(pieces, spent > face->app->config->budget_ms ? ROLE_BANNER : ROLE_BUSY, 0,
                   "WINDOW OPEN %s of %s", text_duration(clock, spent),
                   text_duration(whole, face->app->config->budget_ms));
    else
        pieces_add(pieces, ROLE_OK, 0, "window closed again");
}

static void window_piece(const struct face *face, struct pieces *pieces)
{
    const struct run *run = face->app->run;
    double budget = face->app->config->budget_ms, spent;
    char clock[TEXT_ROOM], whole[TEXT_ROOM], bar[64];

    if (face->app->mode == MODE_WATCH) {
        watched_window(face, pieces);
        return;
    }
    text_duration(whole, budget);
    if (run->window_opened_ms == 0) {
        pieces_add(pieces, ROLE_HEADER, 0, "window shut, budget %s", whole);
        return;
    }
    if (!run_window_open(run)) {
        uint64_t end = run->window_closed_ms;
        if (!went_through(run))
            pieces_add(pieces, ROLE_HEADER, 0, "window shut again, budget %s", whole);
        else
            pieces_add(pieces, ROLE_OK, 0, "window took %s of %s",
                       text_duration(clock, (double)(end - run->window_opened_ms)), whole);
        return;
    }
    spent = (double)(app_now(face->app) - run->window_opened_ms);
    unsigned style = spent > budget ? ROLE_BANNER : spent > budget * 0.7 ? ROLE_WARN : ROLE_BUSY;
    pieces_add(pieces, style, 0, "WINDOW OPEN %s of %s", text_duration(clock, spent), whole);
    text_bar(face->glyphs, spent / budget, 10, bar, sizeof bar);
    pieces_add(pieces, style, 5, "%s", bar);
}

static void step_piece(const struct app *app, struct pieces *pieces)
{
    size_t at = run_busy(app->run), count = app->run->step_count;

    if (app->mode == MODE_WATCH && app->driver.seen) {
        pieces_add(pieces, ROLE_BUSY, 3, "step %zu/%zu %s: %s", app->driver.number, count,
                   app->driver.step, app->driver.state);
        return;
    }
    if (app->engine != NULL && engine_drive(app->engine) == DRIVE_OURS &&
        !engine_resumed(app->engine)) {
        pieces_add(pieces, ROLE_BUSY, 3, "asking what is in place");
        return;
    }
    if (app->engine != NULL && engine_at_gate(app->engine)) {
        pieces_add(pieces, ROLE_BUSY, 3, "looking again before anything is sent");
        return;
    }
    if (at == count)
        at = run_next(app->run);
    if (at == count) {
        pieces_add(pieces, ROLE_OK, 3, "all %zu steps done", count);
        return;
    }
    enum state state = run_step_state(app->run, at);
    pieces_add(pieces, state_is_busy(state) ? ROLE_BUSY : ROLE_HEADER, 3, "step %zu/%zu %s: %s",
               at + 1, count, app->run->steps[at].step->id,
               state == S_PENDING || state == S_UNDONE ? "next" : state_word(state));
}

bool banner_text(const struct app *app, char *text, size_t room)
{
    char age[TEXT_ROOM];

    if (app->engine != NULL && journal_error(engine_journal(app->engine)) != NULL) {
        snprintf(text, room, "NOTHING CAN RUN: %s", journal_error(engine_journal(app->engine)));
        return true;
    }
    for (size_t i = 0; i < app->config->node_count; i++) {
        const struct node_facts *facts = &app->model->nodes[i];
        int64_t silent = facts->heard_ms > 0 ? (int64_t)(app_now(app) - facts->heard_ms) : -1;
        if (!node_is_silent(app, facts))
            continue;
        const char *why = facts->error ? facts->error : "what is shown of it is that old";
        snprintf(text, room, "%s (%s) IS NOT ANSWERING%s%s: %.*s", facts->config->name,
                 facts->config->role, silent >= 0 ? " since " : "",
                 silent >= 0 ? text_age(age, silent) : "", (int)strcspn(why, "\n"), why);
        return true;
    }
    if (app->engine != NULL && engine_drive(app->engine) == DRIVE_TAKEN) {
        snprintf(text, room, "ANOTHER CONSOLE DRIVES: %s. T takes over; or quit and watch.",
                 engine_driver(app->engine));
        return true;
    }
    if (app->engine != NULL && engine_drive(app->engine) == DRIVE_LOST) {
        snprintf(text, room, "THE DRIVER'S LOCK IS LOST: nothing runs until it is back");
        return true;
    }
    return false;
}

void header_draw(const struct face *face, const struct paint *paint, const char *banner)
{
    const struct app *app = face->app;
    struct pieces first = {0}, second = {0};
    struct pieces *numbers = paint->at.rows >= (*banner ? 3 : 2) ? &second : &first;

    if (app->config->production)
        pieces_add(&first, ROLE_PROD, 0, " PROD ");
    pieces_add(&first, ROLE_HEADER, numbers == &first ? 3 : 0, "%s", app->run->name);
    if (app->paused)
        pieces_add(&first, ROLE_WARN, 0, "PAUSED");
    lag_piece(face, numbers);
    window_piece(face, numbers);
    step_piece(app, numbers);
    if (numbers == &second) {
        direction_piece(face, &first);
        driver_piece(app, &first);
    }
    int y = 0;
    paint_pieces(paint, y++, ROLE_HEADER, &first);
    if (numbers == &second)
        paint_pieces(paint, y++, ROLE_HEADER, &second);
    if (*banner != '\0' && y < paint->at.rows)
        paint_cell(paint, y, 0, paint->at.cols, ROLE_BANNER, banner, false);
}
