#include "core/engine_parts.h"

#include <glob.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/command.h"
#include "core/show.h"

enum {
    POLL_FIRST_MS = 5,
    POLL_LAST_MS = 250,
    LOCK_TIMEOUT_MS = 2000,
    OWN_DEADLINE_MS = 5000,
    BLOCKERS_AFTER_MS = 500 /* a step that takes longer may wait for a lock: who holds it? */
};

/* One session of a job. The statements that the console adds come first and last. */
struct lane {
    struct job *job;
    size_t index, before_at, after_at;
    bool in_after;
    size_t statement; /* the one in flight */
    bool own;         /* what is in flight is the console's own */
    bool lost;        /* its connection is gone */
};

/* A step at work on one place. */
struct job {
    struct job *next;
    struct engine *engine;
    size_t step, place;
    bool undo;
    struct place on; /* where the text runs: an undo may name another role */
    struct arena arena;
    struct script_text text;
    char **statements, **shown;
    size_t count, at;

    const char *before[4], *after[4];
    size_t before_count, after_count;
    struct lane *lanes;
    size_t lane_count, lanes_busy;
    bool transaction;

    enum event result;
    char *message;
    bool failed, stopped, ended, abandoned;
    json_t *captured; /* kept back until the transaction has been committed */

    uv_timer_t timer; /* a wait's next look, or the look for who blocks it */
    uint64_t began_ms, deadline_ms, pause_ms;
    struct show show;
    struct command *command;
    char *passfile;

    size_t query; /* compare: the one under way */
    struct table *here, *there;
    size_t answers;
    size_t differences;
};

static const struct step *step_of(const struct job *job)
{
    return job->engine->app->run->steps[job->step].step;
}

static struct place_run *run_of(const struct job *job)
{
    return engine_place(job->engine, job->step, job->place);
}

static void timer_closed(uv_handle_t *handle)
{
    struct job *job = handle->data;
    json_decref(job->captured);
    table_free(job->here);
    table_free(job->there);
    script_text_free(&job->text);
    arena_free(&job->arena);
    free(job->lanes);
    free(job->message);
    free(job->passfile);
    free(job);
}

static void unlink_job(struct job *job)
{
    struct job **at = &job->engine->jobs;
    while (*at && *at != job)
        at = &(*at)->next;
    if (*at)
        *at = job->next;
}

/* The one end of every job. */
static void job_end(struct job *job, enum event result, const char *message)
{
    if (job->ended)
        return;
    job->ended = true;
    unlink_job(job);
    if (job->passfile)
        unlink(job->passfile);
    set_text(&run_of(job)->waits, NULL);
    uv_timer_stop(&job->timer);
    engine_event(job->engine, job->step, job->place, result, message);
    uv_close((uv_handle_t *)&job->timer, timer_closed);
}

static void job_fail(struct job *job, enum event result, const char *message)
{
    if (job->failed)
        return;
    job->failed = true;
    job->result = result;
    job->message = xstrdup(message ? message : "no reason was given");
}

static const char *own_text(const struct engine *engine, const char *id)
{
    return catalogue_query(engine->app->catalogue, id)->variants[0].text;
}

/* The job may have ended while the question was on its way: it is found again by its numbers. */
struct blockers {
    struct engine *engine;
    size_t step, place;
};

static void on_blockers(struct reply *reply, void *arg)
{
    struct blockers *asked = arg;
    if (asked->engine->closing) {
        free(asked);
        return;
    }
    struct place_run *place = engine_place(asked->engine, asked->step, asked->place);
    if (reply->kind == REPLY_OK && reply->table && state_is_busy(place->state)) {
        const char *holder = table_text(reply->table, 0, "holder");
        set_text(&place->waits, holder);
        app_changed(asked->engine->app);
    }
    free(asked);
}

static void on_look_for_blockers(uv_timer_t *timer)
{
    struct job *job = timer->data;
    if (job->on.node->kind != KIND_POSTGRES)
        return;
    struct blockers *asked = xcalloc(1, sizeof *asked);
    *asked = (struct blockers){job->engine, job->step, job->place};
    sessions_send(job->engine->probes, &job->on, 0, own_text(job->engine, "own_blockers"),
                  OWN_DEADLINE_MS, on_blockers, asked);
}

static void lane_next(struct lane *lane);

static void keep_captures(struct job *job, const struct table *table)
{
    const struct step *step = step_of(job);
    json_decref(job->captured);
    job->captured = json_object();
    for (size_t i = 0; i < step->capture_count; i++) {
        const char *value = table_text(table, 0, step->captures[i]);
        json_object_set_new(job->captured, step->captures[i], journal_text(value ? value : ""));
    }
}

/* What a transaction that was rolled back returned is nobody's truth. */
static void note_captures(struct job *job)
{
    const char *name;
    json_t *value;
    if (!job->captured)
        return;
    json_object_foreach(job->captured, name, value)
        capture_set(job->engine, name, json_string_value(value), job->on.database_index);
    json_t *record = engine_record(job->engine, "capture", job->step, job->place);
    json_object_set(record, "values", job->captured);
    journal_append(job->engine->journal, record, NULL, NULL);
}

static const char *outcome_word(enum reply_kind kind)
{
    static const char *const words[] = {"ok", "refused", "lost", "not sent"};
    return words[kind];
}

static void lane_lost(struct lane *lane, const char *message)
{
    lane->lost = true;
    job_fail(lane->job, E_LOST, message);
}

static void on_statement(struct reply *reply, void *arg)
{
    struct lane *lane = arg;
    struct job *job = lane->job;
    if (job->engine->closing)
        return;
    bool commits = lane->own && lane->in_after && job->transaction && lane->after_at <= 1;
    bool rolled_back = reply->kind == REPLY_OK && reply->tag && commits && !job->failed &&
                       strcmp(reply->tag, "ROLLBACK") == 0;
    if (!lane->own || commits)
        engine_journal_statement(job->engine, job->step, job->place,
                                 lane->own ? job->after[0] : job->shown[lane->statement],
                                 outcome_word(reply->kind), reply->ms,
                                 reply->message ? reply->message : reply->tag);
    if (rolled_back)
        job_fail(job, E_ERROR, "the server rolled the transaction back");
    else if (reply->kind == REPLY_LOST)
        lane_lost(lane, reply->message);
    else if (reply->kind != REPLY_OK && !(lane->own && job->failed))
        job_fail(job, E_ERROR, reply->message);
    else if (!lane->own && reply->table && lane->statement + 1 == job->count && !job->undo &&
             step_of(job)->capture_count > 0)
        keep_captures(job, reply->table);
    lane_next(lane);
}

static bool is_held(const struct job *job)
{
    return step_of(job)->holds && !job->undo;
}

static void lane_send(struct lane *lane, const char *sql, bool own)
{
    struct job *job = lane->job;
    /* COMMIT may take as long as a statement does; what else is ours takes no time. */
    bool short_one = own && !(lane->in_after && job->transaction);
    uint64_t deadline_ms = short_one ? OWN_DEADLINE_MS : (uint64_t)step_of(job)->timeout_ms + 1000;
    lane->own = own;
    if (is_held(job))
        sessions_send_held(job->engine->work, &job->on, job->step, sql, deadline_ms, on_statement,
                           lane);
    else
        sessions_send(job->engine->work, &job->on, lane->index, sql, deadline_ms, on_statement,
                      lane);
}

static void on_abandoned(struct reply *reply, void *arg)
{
    struct job *job = arg;
    if (job->engine->closing)
        return;
    (void)reply;
    job_end(job, job->result, job->message);
}

/* Without a transaction, what came before the failure stays. */
static void say_how_far(struct job *job)
{
    char *message =
        xprintf("after %zu of %zu statements: %s", job->at - 1, job->count, job->message);
    free(job->message);
    job->message = message;
}

/* What was given up may still be at work on the server: its own way to abandon it is sent first. */
static void statements_ended(struct job *job)
{
    const struct step_variant *variant = variant_at(job->engine, step_of(job), &run_of(job)->place);
    struct script_text text = {0};
    struct place on;
    struct err err;
    bool given_up = job->failed && job->result == E_LOST && !job->undo && !job->abandoned;
    if (given_up && variant && variant->abandon.text &&
        place_on(job->engine, &run_of(job)->place, variant->abandon.on, &on) &&
        script_expand(job->engine, &variant->abandon, &on, false, &text, &err)) {
        engine_journal_statement(job->engine, job->step, job->place, text.shown, "abandons", 0,
                                 NULL);
        sessions_send(job->engine->probes, &on, 0, text.real, OWN_DEADLINE_MS, on_abandoned, job);
        script_text_free(&text);
        return;
    }
    script_text_free(&text);
    if (job->failed && job->result == E_ERROR && is_held(job)) /* it holds nothing */
        sessions_release(job->engine->work, &job->on, job->step);
    if (!job->failed)
        note_captures(job);
    else if (!job->transaction && job->at > 1)
        say_how_far(job);
    job_end(job, job->failed ? job->result : E_RETURNED, job->message);
}

/* After the operator's stop, or once another console drives, nothing more is sent. */
static void heed_stop(struct lane *lane)
{
    struct job *job = lane->job;
    if (job->failed || lane->in_after)
        return;
    if (job->stopped)
        job_fail(job, E_ERROR, "stopped by the operator");
    else if (engine_drive(job->engine) == DRIVE_TAKEN)
        job_fail(job, E_ERROR, "another console drives");
}

static void lane_next(struct lane *lane)
{
    struct job *job = lane->job;
    heed_stop(lane);
    if (job->failed && job->transaction && !lane->lost && !lane->in_after) {
        lane->in_after = true;
        lane->after_at = job->after_count;
        lane_send(lane, own_text(job->engine, "own_rollback"), true);
    } else if (!job->failed && lane->before_at < job->before_count) {
        lane_send(lane, job->before[lane->before_at++], true);
    } else if (!job->failed && job->at < job->count) {
        lane->statement = job->at++;
        lane_send(lane, job->statements[lane->statement], false);
    } else if (!lane->lost && lane->after_at < job->after_count) {
        lane->in_after = true;
        lane_send(lane, job->after[lane->after_at++], true);
    } else if (--job->lanes_busy == 0) {
        statements_ended(job);
    }
}

struct limits {
    char lock[16], statement[16], local[8];
};

static bool look_up_limit(const char *name, struct sql_value *value, void *arg)
{
    struct limits *limits = arg;
    value->text = strcmp(name, "lock_timeout") == 0        ? limits->lock
                  : strcmp(name, "statement_timeout") == 0 ? limits->statement
                                                           : limits->local;
    value->shown = NULL;
    return true;
}

static const char *limits_sql(struct job *job)
{
    int timeout = step_of(job)->timeout_ms;
    struct limits limits;
    snprintf(limits.lock, sizeof limits.lock, "%d",
             timeout < LOCK_TIMEOUT_MS ? timeout : LOCK_TIMEOUT_MS);
    snprintf(limits.statement, sizeof limits.statement, "%d", timeout);
    snprintf(limits.local, sizeof limits.local, "%s", job->transaction ? "true" : "false");
    struct str sql = {0};
    const struct query *query = catalogue_query(job->engine->app->catalogue, "own_limits");
    sql_expand(query->variants[0].text, query->variants[0].path, query->variants[0].line,
               look_up_limit, &limits, &sql, NULL, NULL);
    const char *kept = arena_strdup(&job->arena, str_text(&sql));
    str_free(&sql);
    return kept;
}

/* A server with a read-only default (our own fence, after all) still takes what was confirmed. */
static void wrap(struct job *job)
{
    const struct engine *engine = job->engine;
    if (job->on.node->kind == KIND_PGBOUNCER || is_held(job))
        return;
    if (job->text.secret)
        job->before[job->before_count++] = own_text(engine, "own_unlogged");
    job->before[job->before_count++] =
        own_text(engine, job->transaction ? "own_begin" : "own_writable");
    job->before[job->before_count++] = limits_sql(job);
    job->after[job->after_count++] =
        own_text(engine, job->transaction ? "own_commit" : "own_unwritable");
    if (!job->transaction)
        job->after[job->after_count++] = own_text(engine, "own_session");
    if (job->text.secret)
        job->after[job->after_count++] = own_text(engine, "own_logged");
}

static void act_statements(struct job *job)
{
    const struct step *step = step_of(job);
    job->count = sql_split(job->text.real, &job->arena, &job->statements);
    size_t shown = sql_split(job->text.shown, &job->arena, &job->shown);
    if (shown != job->count) {
        job_end(job, E_ERROR, "a variable's value ends a statement; nothing was sent");
        return;
    }
    bool parallel = step->kind == STEP_GEXEC && step->parallel > 1 && !job->undo;
    job->transaction =
        step->transaction && !parallel && !is_held(job) && job->on.node->kind == KIND_POSTGRES;
    if (step->holds) /* begun anew, or taken back: what an earlier try held goes first */
        sessions_release(job->engine->work, &job->on, job->step);
    wrap(job);
    job->lane_count = parallel ? (size_t)step->parallel : 1;
    if (job->lane_count > job->count && job->count > 0)
        job->lane_count = job->count;
    if (job->count == 0) {
        job_end(job, E_RETURNED, "there was nothing to send");
        return;
    }
    if (!is_held(job) && !sessions_ready(job->engine->work, &job->on)) {
        const char *error = sessions_error(job->engine->work, &job->on);
        char *message = xprintf("its session is not connected, nothing was sent%s%s",
                                error ? ": " : "", error ? error : "");
        job_end(job, E_ERROR, message);
        free(message);
        return;
    }
    job->lanes = xcalloc(job->lane_count, sizeof *job->lanes);
    job->lanes_busy = job->lane_count;
    uv_timer_start(&job->timer, on_look_for_blockers, BLOCKERS_AFTER_MS, 1000);
    for (size_t i = 0; i < job->lane_count; i++) {
        job->lanes[i] = (struct lane){.job = job, .index = i};
        lane_next(&job->lanes[i]);
    }
}

static void poll_wait(uv_timer_t *timer);

static void on_polled(struct reply *reply, void *arg)
{
    struct job *job = arg;
    if (job->engine->closing)
        return;
    struct place_run *place = run_of(job);
    struct app *app = job->engine->app;
    bool shows = job->on.node->kind == KIND_PGBOUNCER;
    bool answered =
        reply->kind == REPLY_OK && reply->table && !(shows && show_lacks(&job->show, reply->table));
    bool done = answered && (shows ? show_holds(&job->show, reply->table)
                                   : table_bool(reply->table, 0, "done", false));
    if (answered && !shows) {
        place->progress = table_text(reply->table, 0, "goal") != NULL;
        place->current = table_real(reply->table, 0, "current", 0);
        place->goal = table_real(reply->table, 0, "goal", 0);
        set_text(&place->waits, table_text(reply->table, 0, "waits"));
    } else if (!answered) {
        char *clean = app_redact(app, reply->message ? reply->message : "no answer");
        set_text(&place->waits, clean);
        free(clean);
    }
    app_changed(app);
    if (done) {
        engine_journal_statement(job->engine, job->step, job->place, job->text.shown, "ok",
                                 (double)(app_now(app) - job->began_ms), "the wait is over");
        job_end(job, E_RETURNED, NULL);
    } else if (job->stopped || app_now(app) >= job->deadline_ms) {
        char *message =
            xprintf("%s after %.1f s%s%s",
                    job->stopped ? "stopped by the operator" : "it did not come true",
                    (double)(app_now(app) - job->began_ms) / 1000,
                    place->waits ? "; it waited for: " : "", place->waits ? place->waits : "");
        engine_journal_statement(job->engine, job->step, job->place, job->text.shown, "not true",
                                 (double)(app_now(app) - job->began_ms), message);
        job_end(job, E_ERROR, message);
        free(message);
    } else {
        uv_timer_start(&job->timer, poll_wait, job->pause_ms, 0);
        job->pause_ms = job->pause_ms * 3 / 2 > POLL_LAST_MS ? POLL_LAST_MS : job->pause_ms * 3 / 2;
    }
}

static void poll_wait(uv_timer_t *timer)
{
    struct job *job = timer->data;
    const char *sql = job->on.node->kind == KIND_PGBOUNCER ? job->show.command : job->text.real;
    sessions_send(job->engine->probes, &job->on, 0, sql, PROBE_DEADLINE_MS, on_polled, job);
}

static void act_wait(struct job *job)
{
    struct err err;
    job->pause_ms = POLL_FIRST_MS;
    job->deadline_ms = job->began_ms + (uint64_t)step_of(job)->timeout_ms;
    if (job->on.node->kind == KIND_PGBOUNCER &&
        !show_parse(job->text.real, &job->show, &job->arena, &err))
        job_end(job, E_ERROR, err.text);
    else
        poll_wait(&job->timer);
}

static char *row_text(const struct table *table, int row)
{
    struct str text = {0};
    for (int column = 0; column < table->columns; column++) {
        const char *cell = table->cells[row * table->columns + column];
        str_printf(&text, "%s%s", column > 0 ? " | " : "", cell ? cell : "NULL");
    }
    return str_take(&text);
}

static int by_text(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

static char **sorted_rows(const struct table *table)
{
    char **rows = xcalloc((size_t)table->rows + 1, sizeof *rows);
    for (int row = 0; row < table->rows; row++)
        rows[row] = row_text(table, row);
    qsort(rows, (size_t)table->rows, sizeof *rows, by_text);
    return rows;
}

static void free_rows(char **rows)
{
    for (char **row = rows; *row; row++)
        free(*row);
    free(rows);
}

static void note_difference(struct job *job, const char *only_on, const char *row)
{
    if (job->differences++ == 0) {
        char *message = xprintf("only on %s: %s", only_on, row);
        job_fail(job, E_ERROR, message);
        free(message);
    }
}

static void diff(struct job *job)
{
    struct place from;
    place_on(job->engine, &job->on, step_of(job)->from, &from);
    char **here = sorted_rows(job->here), **there = sorted_rows(job->there);
    char **a = here, **b = there;
    while (*a || *b) {
        int order = !*a ? 1 : !*b ? -1 : strcmp(*a, *b);
        if (order < 0)
            note_difference(job, job->on.node->name, *a);
        else if (order > 0)
            note_difference(job, from.node->name, *b);
        a += order <= 0;
        b += order >= 0;
    }
    free_rows(here);
    free_rows(there);
}

static void compare_next(struct job *job);

static void both_answered(struct job *job)
{
    if (job->here && job->there)
        diff(job);
    engine_journal_statement(job->engine, job->step, job->place, job->shown[job->query],
                             job->failed ? "differs" : "same", 0, job->message);
    table_free(job->here);
    table_free(job->there);
    job->here = job->there = NULL;
    job->query++;
    compare_next(job);
}

static void on_side(struct job *job, struct reply *reply, struct table **side)
{
    if (job->engine->closing)
        return;
    if (reply->kind == REPLY_OK && reply->table) {
        *side = reply->table;
        reply->table = NULL;
    } else {
        job_fail(job, reply->kind == REPLY_LOST ? E_LOST : E_ERROR,
                 reply->message ? reply->message : "a query that gave no rows");
    }
    if (++job->answers == 2)
        both_answered(job);
}

static void on_here(struct reply *reply, void *arg)
{
    struct job *job = arg;
    on_side(job, reply, &job->here);
}

static void on_there(struct reply *reply, void *arg)
{
    struct job *job = arg;
    on_side(job, reply, &job->there);
}

static void compare_next(struct job *job)
{
    struct place from;
    uint64_t deadline = (uint64_t)step_of(job)->timeout_ms;
    bool broken = job->failed && job->differences == 0;
    if (job->query == job->count || broken || job->stopped) {
        if (job->stopped)
            job_fail(job, E_ERROR, "stopped by the operator");
        char *message = job->differences > 1 ? xprintf("%zu rows differ; the first: %s",
                                                       job->differences, job->message)
                        : job->message       ? xstrdup(job->message)
                                             : NULL;
        job_end(job, job->failed ? job->result : E_RETURNED, message);
        free(message);
        return;
    }
    struct place_run *place = run_of(job);
    place->progress = job->count > 1;
    place->current = (double)job->query;
    place->goal = (double)job->count;
    job->answers = 0;
    place_on(job->engine, &job->on, step_of(job)->from, &from);
    const char *sql = job->statements[job->query];
    sessions_send(job->engine->probes, &job->on, 0, sql, deadline, on_here, job);
    sessions_send(job->engine->probes, &from, 0, sql, deadline, on_there, job);
}

static void on_each(struct reply *reply, void *arg)
{
    struct job *job = arg;
    if (job->engine->closing)
        return;
    if (reply->kind != REPLY_OK || !reply->table) {
        job_end(job, reply->kind == REPLY_LOST ? E_LOST : E_ERROR, reply->message);
        return;
    }
    job->statements = arena_alloc(
        &job->arena, sizeof(char *) * (size_t)(reply->table->rows * reply->table->columns + 1));
    for (int i = 0; i < reply->table->rows * reply->table->columns; i++)
        if (reply->table->cells[i])
            job->statements[job->count++] = arena_strdup(&job->arena, reply->table->cells[i]);
    job->shown = job->statements;
    compare_next(job);
}

static void act_compare(struct job *job)
{
    const struct step_variant *variant = variant_at(job->engine, step_of(job), &job->on);
    struct script_text each = {0};
    struct err err;
    if (!variant || !variant->each.text) {
        job->count = sql_split(job->text.real, &job->arena, &job->statements);
        sql_split(job->text.shown, &job->arena, &job->shown);
        compare_next(job);
    } else if (!script_expand(job->engine, &variant->each, &job->on, false, &each, &err)) {
        job_end(job, E_ERROR, err.text);
    } else {
        sessions_send(job->engine->probes, &job->on, 0, each.real,
                      (uint64_t)step_of(job)->timeout_ms, on_each, job);
    }
    script_text_free(&each);
}

static void on_line(const char *text, bool is_error, void *arg)
{
    struct job *job = arg;
    if (!job->engine)
        return;
    char *clean = app_redact(job->engine->app, text);
    json_t *record = engine_record(job->engine, "output", job->step, job->place);
    json_object_set_new(record, "text", journal_text(clean));
    json_object_set_new(record, "stream", json_string(is_error ? "stderr" : "stdout"));
    journal_append(job->engine->journal, record, NULL, NULL);
    set_text(&run_of(job)->waits, clean);
    if (is_error) {
        free(job->message);
        job->message = xstrdup(clean);
    }
    free(clean);
    app_changed(job->engine->app);
}

static void on_ended(int64_t status, int signal, const char *error, void *arg)
{
    struct job *job = arg;
    job->command = NULL;
    if (!job->engine) {
        uv_close((uv_handle_t *)&job->timer, timer_closed);
        return;
    }
    char *message = NULL;
    if (error)
        message = xstrdup(error);
    else if (signal)
        message = xprintf("ended by signal %d%s", signal, job->stopped ? ", as told" : "");
    else if (status != 0)
        message = xprintf("exit status %lld%s%s", (long long)status, job->message ? ": " : "",
                          job->message ? job->message : "");
    engine_journal_statement(job->engine, job->step, job->place, job->text.shown,
                             message ? "failed" : "ok",
                             (double)(app_now(job->engine->app) - job->began_ms), message);
    job_end(job, message ? E_ERROR : E_RETURNED, message);
    free(message);
}

static void add_escaped(struct str *line, const char *text)
{
    for (; *text; text++) {
        if (*text == ':' || *text == '\\')
            str_char(line, '\\');
        str_char(line, *text);
    }
}

static void add_passwords(struct str *lines, const struct node_config *node, const char *password)
{
    char *hosts = dsn_value(node->dsn, "host"), *ports = dsn_value(node->dsn, "port");
    char *user = dsn_value(node->dsn, "user");
    char *host_rest = hosts, *port_rest = ports, *port = ports;
    for (char *host; (host = strsep(&host_rest, ",")) != NULL;) {
        if (port_rest)
            port = strsep(&port_rest, ",");
        bool local = *host == '\0' || *host == '/' || *host == '@';
        add_escaped(lines, local ? "localhost" : host);
        str_printf(lines, ":%s:*:", port && *port ? port : "5432");
        add_escaped(lines, user);
        str_char(lines, ':');
        add_escaped(lines, password);
        str_char(lines, '\n');
    }
    free(hosts);
    free(ports);
    free(user);
}

/* A file that only we can read: neither a program's arguments nor its environment hold a password.
 * One line a host, so that no server is sent another one's. */
static char *write_passfile(struct job *job)
{
    const struct config *config = job->engine->app->config;
    struct str lines = {0};
    for (size_t i = 0; i < config->node_count; i++) {
        struct place node = {&config->nodes[i], (int)i, NULL, -1};
        const char *password = sessions_password(job->engine->probes, &node);
        if (password && config->nodes[i].kind == KIND_POSTGRES)
            add_passwords(&lines, &config->nodes[i], password);
    }
    char *path = xprintf("%s.passXXXXXX", journal_path(job->engine->journal));
    int fd = mkstemp(path);
    bool ok = fd >= 0 && write(fd, str_text(&lines), lines.length) == (ssize_t)lines.length;
    if (fd >= 0)
        close(fd);
    str_free(&lines);
    if (!ok) {
        free(path);
        return NULL;
    }
    return path;
}

/* A console that was killed leaves its file. The journal's lock says that nobody else has one. */
void act_clean(const struct engine *engine)
{
    glob_t left;
    char *pattern = xprintf("%s.pass??????", journal_path(engine->journal));
    if (glob(pattern, 0, NULL, &left) == 0) {
        for (size_t i = 0; i < left.gl_pathc; i++)
            unlink(left.gl_pathv[i]);
        globfree(&left);
    }
    free(pattern);
}

static void act_command(struct job *job)
{
    struct err err = {.text = "no file for the passwords can be written beside the journal"};
    char **argv = NULL;
    if (!job->engine->app->config->commands_allowed)
        err_set(&err, "the configuration allows no commands; set commands = { allow = true; }");
    else if ((job->passfile = write_passfile(job)) != NULL)
        argv = command_split(job->text.real, &job->arena, &err);
    if (!argv) {
        job_end(job, E_ERROR, err.text);
        return;
    }
    struct command_events events = {on_line, on_ended, job};
    /* By its name a console that comes after us sees that it is still at work. */
    char *environment[] = {arena_printf(&job->arena, "PGPASSFILE=%s", job->passfile),
                           "PGAPPNAME=pgcutover", NULL};
    job->command = command_start(job->engine->app->loop, argv, environment,
                                 (uint64_t)step_of(job)->timeout_ms, &events);
}

static void act_manual(struct job *job)
{
    job_end(job, E_RETURNED, NULL);
}

void act(struct engine *engine, size_t step, size_t place, bool undo, struct script_text *text)
{
    static void (*const kinds[])(struct job *) = {
        [STEP_SQL] = act_statements,  [STEP_GEXEC] = act_statements, [STEP_WAIT] = act_wait,
        [STEP_COMPARE] = act_compare, [STEP_COMMAND] = act_command,  [STEP_MANUAL] = act_manual,
    };
    struct job *job = xcalloc(1, sizeof *job);
    *job = (struct job){.engine = engine, .step = step, .place = place, .undo = undo};
    job->on = run_of(job)->place;
    job->began_ms = app_now(engine->app);
    uv_timer_init(engine->app->loop, &job->timer);
    job->timer.data = job;
    job->next = engine->jobs;
    engine->jobs = job;
    run_of(job)->progress = false;
    if (!text || !text->real) {
        job_end(job, E_RETURNED, NULL);
        return;
    }
    job->text = (struct script_text){xstrdup(text->real), xstrdup(text->shown), text->secret};
    const struct step_variant *variant = variant_at(engine, step_of(job), &job->on);
    enum step_kind kind = step_of(job)->kind;
    if (undo && variant)
        place_on(engine, &run_of(job)->place, variant->undo.on, &job->on);
    if (undo && kind != STEP_COMMAND)
        kind = STEP_SQL;
    kinds[kind](job);
}

void act_stop(struct engine *engine)
{
    struct job *next;
    for (struct job *job = engine->jobs; job; job = next) {
        next = job->next;
        job->stopped = true;
        if (job->command) {
            command_stop(job->command);
            continue;
        }
        const struct step_variant *variant = variant_at(engine, step_of(job), &run_of(job)->place);
        struct script_text text = {0};
        struct place on;
        if (variant && variant->abandon.text && !job->undo && !job->abandoned &&
            place_on(engine, &run_of(job)->place, variant->abandon.on, &on) &&
            script_expand(engine, &variant->abandon, &on, false, &text, NULL)) {
            engine_journal_statement(engine, job->step, job->place, text.shown, "abandons", 0,
                                     NULL);
            job->abandoned = true;
            sessions_send(engine->probes, &on, 0, text.real, OWN_DEADLINE_MS, NULL, NULL);
        } else if (job->lanes) {
            sessions_cancel(engine->work, &job->on);
        } else if (step_of(job)->kind == STEP_COMPARE &&
                   place_on(engine, &job->on, step_of(job)->from, &on)) {
            sessions_cancel(engine->probes, &job->on);
            sessions_cancel(engine->probes, &on);
        }
        script_text_free(&text);
    }
}

void act_free(struct engine *engine)
{
    while (engine->jobs) {
        struct job *job = engine->jobs;
        engine->jobs = job->next;
        uv_timer_stop(&job->timer);
        if (job->passfile)
            unlink(job->passfile);
        job->engine = NULL;
        /* A program that is still ending keeps its job until it has ended. */
        if (job->command)
            command_stop(job->command);
        else
            uv_close((uv_handle_t *)&job->timer, timer_closed);
    }
}
