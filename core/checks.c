#include "core/checks.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/app.h"
#include "core/engine.h"
#include "core/sessions.h"
#include "core/show.h"
#include "core/sqltext.h"

enum {
    DEADLINE_MS = 10000,
    TICK_MS = 1000,
    AGAIN_MS = 5000,          /* how often what the next step requires is looked at */
    WATCHED_AGAIN_MS = 30000, /* by a watcher, who has no step to confirm: there may be many */
    DEAR_MS = 200             /* what costs more is run once, and when it is asked for */
};

static const char INSUFFICIENT_PRIVILEGE[] = "42501";

/* One question of a check under way: a place, and what it answered. */
struct part {
    struct check_run *run;
    struct place place;
    bool other; /* asked on the role that it is compared against */
    bool waiting, absent;
    struct show show;
    struct table *table;
};

/* A check under way. */
struct check_run {
    struct checks *checks;
    struct check_result *result;
    struct batch *batch;
    struct arena arena;
    struct part *parts;
    size_t part_count, waiting;
    char *error;
    double cost_ms;
};

/* The checks that were asked for together. */
struct batch {
    size_t waiting;
    void (*done)(void *arg);
    void *arg;
};

struct checks {
    struct app *app;
    struct check_result *results; /* as many as the catalogue's checks, same order */
    struct sessions *sessions;
    uv_timer_t tick;
    bool begun; /* all were run once */
    bool closing;
};

static void part_done(struct part *part, const char *error);

static const char *const offender_columns[] = {"place", "object", "detail"};

static void add_offender(struct table *table, const char *place, const char *object,
                         const char *detail)
{
    const char *cells[] = {place, object ? object : "", detail ? detail : ""};
    table_add(table, cells);
}

/* PgBouncer's rows have columns of their own: the first is the object, the others say more. */
static void add_shown(struct table *offenders, const struct part *part, const char *place)
{
    for (int row = 0; row < part->table->rows; row++) {
        if (!show_matches(&part->show, part->table, row))
            continue;
        struct str detail = {0};
        for (int column = 1; column < part->table->columns; column++) {
            const char *cell = part->table->cells[row * part->table->columns + column];
            str_printf(&detail, "%s%s=%s", column > 1 ? " " : "", part->table->names[column],
                       cell ? cell : "");
        }
        add_offender(offenders, place, part->table->cells[row * part->table->columns],
                     str_text(&detail));
        str_free(&detail);
    }
}

/* Rows in an order, to find them by and to walk along two sides at once: looking each of 30,000 up
 * one by one would hold the console for seconds. */
struct order {
    const char *first, *second;
    int row;
};

static int by_both(const void *a, const void *b)
{
    const struct order *one = a, *other = b;
    int order = strcmp(one->first, other->first);
    return order != 0 ? order : strcmp(one->second, other->second);
}

/* By one column, or by two. The caller frees the result. */
static struct order *in_order(const struct table *table, const char *first, const char *second)
{
    struct order *order = xcalloc((size_t)table->rows + 1, sizeof *order);
    for (int row = 0; row < table->rows; row++) {
        const char *one = table_text(table, row, first);
        const char *two = second ? table_text(table, row, second) : NULL;
        order[row] = (struct order){one ? one : "", two ? two : "", row};
    }
    qsort(order, (size_t)table->rows, sizeof *order, by_both);
    return order;
}

/* What is told of a row that the other side has not. */
static void add_only(struct table *offenders, const struct part *part, const char *place,
                     const struct order *at)
{
    struct str text = {0};
    str_printf(&text, "only on %s", part->place.node->name);
    for (int column = 0; column < part->table->columns; column++) {
        const char *name = part->table->names[column];
        const char *cell = part->table->cells[at->row * part->table->columns + column];
        if (strcmp(name, "object") == 0 || !cell || !*cell)
            continue;
        bool is_detail = strcmp(name, "detail") == 0;
        str_printf(&text, "%s%s%s%s", strchr(str_text(&text), ':') ? ", " : ": ",
                   is_detail ? "" : name, is_detail ? "" : " ", cell);
    }
    add_offender(offenders, place, at->first, str_text(&text));
    str_free(&text);
}

/* Each column besides `object` is a property: those that differ are told. */
static void add_changed(struct table *offenders, const struct part *here, const struct part *there,
                        const char *place, const struct order *at, int other_row)
{
    struct str text = {0};
    for (int column = 0; column < here->table->columns; column++) {
        const char *name = here->table->names[column];
        const char *one = here->table->cells[at->row * here->table->columns + column];
        const char *other = table_text(there->table, other_row, name);
        bool is_detail = strcmp(name, "detail") == 0;
        if (strcmp(name, "object") == 0 || strcmp(one ? one : "", other ? other : "") == 0)
            continue;
        str_printf(&text, "%s%s%s%s: %s, %s: %s", str_text(&text)[0] ? "; " : "",
                   is_detail ? "" : name, is_detail ? "" : " on ", here->place.node->name,
                   one ? one : "none", there->place.node->name, other ? other : "none");
    }
    if (str_text(&text)[0])
        add_offender(offenders, place, at->first, str_text(&text));
    str_free(&text);
}

/* Rows that only one side has, or that differ. */
static void add_differences(struct table *offenders, const struct part *here,
                            const struct part *there)
{
    struct order *ours = in_order(here->table, "object", "detail");
    struct order *theirs = in_order(there->table, "object", "detail");
    char *place = place_name(&here->place), *other_place = place_name(&there->place);
    int i = 0, j = 0;
    while (i < here->table->rows || j < there->table->rows) {
        int order = i == here->table->rows    ? 1
                    : j == there->table->rows ? -1
                                              : strcmp(ours[i].first, theirs[j].first);
        if (order < 0)
            add_only(offenders, here, place, &ours[i++]);
        else if (order > 0)
            add_only(offenders, there, other_place, &theirs[j++]);
        else {
            add_changed(offenders, here, there, place, &ours[i], theirs[j].row);
            i++;
            j++;
        }
    }
    free(place);
    free(other_place);
    free(ours);
    free(theirs);
}

static struct part *counterpart(struct check_run *run, const struct part *part)
{
    for (size_t i = 0; i < run->part_count; i++)
        if (run->parts[i].other != part->other &&
            run->parts[i].place.database_index == part->place.database_index)
            return &run->parts[i];
    return NULL;
}

static void collect(struct check_run *run, struct table *offenders)
{
    for (size_t i = 0; i < run->part_count; i++) {
        struct part *part = &run->parts[i];
        if (!part->table)
            continue;
        struct part *there = run->result->check->against ? counterpart(run, part) : NULL;
        char *place = place_name(&part->place);
        if (there && there->table && !part->other)
            add_differences(offenders, part, there);
        else if (part->place.node->kind == KIND_PGBOUNCER)
            add_shown(offenders, part, place);
        else if (!run->result->check->against)
            for (int row = 0; row < part->table->rows; row++)
                add_offender(offenders, place, table_text(part->table, row, "object"),
                             table_text(part->table, row, "detail"));
        free(place);
    }
}

/* An accepted check stays so only while each offender was one when it was accepted. */
static bool nothing_new(const struct table *before, const struct table *now)
{
    if (!before)
        return now->rows == 0;
    struct order *old = in_order(before, "place", "object");
    bool known = true;
    for (int row = 0; row < now->rows && known; row++) {
        struct order wanted = {now->cells[row * 3], now->cells[row * 3 + 1], 0};
        known = bsearch(&wanted, old, (size_t)before->rows, sizeof *old, by_both) != NULL;
    }
    free(old);
    return known;
}

static bool all_absent(const struct check_run *run)
{
    for (size_t i = 0; i < run->part_count; i++)
        if (!run->parts[i].absent)
            return false;
    return true;
}

/* What only one of the two sides can be asked was not compared. */
static bool one_side_absent(const struct check_run *run)
{
    bool some = false;
    for (size_t i = 0; i < run->part_count; i++)
        some = some || run->parts[i].absent;
    return run->result->check->against && some && !all_absent(run);
}

static void conclude(struct check_run *run)
{
    struct check_result *result = run->result;
    struct table *offenders = table_new(3, offender_columns);
    if (!run->error && one_side_absent(run))
        run->error = xstrdup("it can be asked on one side only: the versions differ too much");
    if (!run->error)
        collect(run, offenders);
    if (result->accepted && !run->error && !nothing_new(result->offenders, offenders)) {
        free(result->accepted);
        result->accepted = NULL;
    }
    table_free(result->offenders);
    free(result->error);
    result->offenders = offenders;
    result->error = run->error;
    result->outcome = run->error            ? CHECK_UNKNOWN
                      : offenders->rows > 0 ? CHECK_RED
                      : all_absent(run)     ? CHECK_ABSENT
                                            : CHECK_HOLDS;
    result->answered_ms = app_now(run->checks->app);
    result->cost_ms = run->cost_ms;
    result->running = false;
}

static void finish(struct check_run *run)
{
    struct batch *batch = run->batch;
    struct checks *checks = run->checks;
    conclude(run);
    for (size_t i = 0; i < run->part_count; i++)
        table_free(run->parts[i].table);
    free(run->parts);
    arena_free(&run->arena);
    free(run);
    if (!checks->closing)
        app_changed(checks->app);
    if (--batch->waiting == 0) {
        if (batch->done)
            batch->done(batch->arg);
        free(batch);
    }
}

static void part_done(struct part *part, const char *error)
{
    struct check_run *run = part->run;
    part->waiting = false;
    if (error && !run->error) {
        char *clean = app_redact(run->checks->app, error);
        char *place = place_name(&part->place);
        run->error = xprintf("%s: %s", place, clean);
        free(place);
        free(clean);
    }
    if (--run->waiting == 0)
        finish(run);
}

/* What the role would need to see all of it, by the query's own word; NULL: it sees all. */
static char *lacks_of(const struct table *table)
{
    if (table_column(table, "lacks") < 0)
        return NULL;
    for (int row = 0; row < table->rows; row++) {
        const char *lacks = table_text(table, row, "lacks");
        if (lacks)
            return xprintf("it needs %s, and sees only a part without", lacks);
    }
    return NULL;
}

static void on_answer(struct reply *reply, void *arg)
{
    struct part *part = arg;
    if (reply->ms > part->run->cost_ms)
        part->run->cost_ms = reply->ms;
    if (reply->kind == REPLY_OK && reply->table) {
        part->table = reply->table;
        reply->table = NULL;
        char *lacks = lacks_of(part->table);
        part_done(part, lacks);
        free(lacks);
    } else if (strcmp(reply->sqlstate, INSUFFICIENT_PRIVILEGE) == 0) {
        const char *privilege = part->run->result->check->privilege;
        char *text = xprintf("it needs %s: %s", privilege ? privilege : "a privilege more",
                             reply->message ? reply->message : "");
        part_done(part, text);
        free(text);
    } else {
        part_done(part, reply->message ? reply->message : "no rows came back");
    }
}

struct lookup {
    struct app *app;
    struct part *part;
};

/* The configuration's, what steps of the run have captured, and the console's clock. */
static bool look_up(const char *name, struct sql_value *value, void *arg)
{
    struct lookup *lookup = arg;
    const struct place *place = &lookup->part->place;
    struct arena *arena = &lookup->part->run->arena;
    if (app_variable(lookup->app, place, name, arena, value))
        return true;
    *value = (struct sql_value){0};
    if (lookup->app->engine)
        value->text = engine_captured(lookup->app->engine, name, place->database_index);
    if (!value->text && strcmp(name, "console_epoch") == 0)
        value->text = arena_printf(arena, "%lld", (long long)time(NULL));
    return value->text != NULL;
}

/* The variant is picked by the version that the sampler saw: checks run after it has connected. */
static bool part_sql(struct part *part, struct str *sql, struct err *err)
{
    struct app *app = part->run->checks->app;
    const struct check *check = part->run->result->check;
    int major = app->model->nodes[part->place.node_index].version / 10000;
    const struct variant *variant = variant_for(check->variants, check->variant_count, major);
    struct lookup lookup = {app, part};
    struct sql_value value;
    part->absent = variant == NULL || (check->needs && !look_up(check->needs, &value, &lookup));
    if (part->absent)
        return true;
    if (!sql_expand(variant->text, variant->path, variant->line, look_up, &lookup, sql, NULL, err))
        return false;
    if (part->place.node->kind != KIND_PGBOUNCER)
        return true;
    if (!show_parse(str_text(sql), &part->show, &part->run->arena, err))
        return false;
    str_clear(sql);
    str_add(sql, part->show.command);
    return true;
}

static void ask_part(struct part *part)
{
    struct checks *checks = part->run->checks;
    const struct node_facts *facts = &checks->app->model->nodes[part->place.node_index];
    struct str sql = {0};
    struct err err;
    if (part->place.node->kind == KIND_POSTGRES && facts->version == 0) {
        part_done(part, facts->error ? facts->error : "the server's version is not yet known");
    } else if (!part_sql(part, &sql, &err)) {
        part_done(part, err.text);
    } else if (part->absent) {
        part_done(part, NULL);
    } else {
        sessions_send(checks->sessions, &part->place, 0, str_text(&sql), DEADLINE_MS, on_answer,
                      part);
    }
    str_free(&sql);
}

static void add_parts(struct check_run *run, const char *role, bool other)
{
    struct place *places;
    size_t count = places_of(run->checks->app->config, role, run->result->check->per_node, &places);
    run->parts = xrealloc(run->parts, run->part_count + count + 1, sizeof *run->parts);
    for (size_t i = 0; i < count; i++)
        run->parts[run->part_count++] =
            (struct part){.place = places[i], .run = run, .other = other, .waiting = true};
    free(places);
}

static void start(struct checks *checks, struct check_result *result, struct batch *batch)
{
    struct check_run *run = xcalloc(1, sizeof *run);
    run->checks = checks;
    run->result = result;
    run->batch = batch;
    add_parts(run, result->check->on, false);
    if (result->check->against)
        add_parts(run, result->check->against, true);
    result->running = true;
    /* One more than there are parts, so that the last answer can't end it while it is being asked.
     */
    run->waiting = run->part_count + 1;
    for (size_t i = 0, count = run->part_count; i < count; i++)
        ask_part(&run->parts[i]);
    if (--run->waiting == 0)
        finish(run);
}

static struct check_result *find(const struct checks *checks, const char *id)
{
    for (size_t i = 0; i < checks->app->catalogue->check_count; i++)
        if (strcmp(checks->results[i].check->id, id) == 0)
            return &checks->results[i];
    return NULL;
}

void checks_run(struct checks *checks, const char *const *ids, size_t count,
                void (*done)(void *arg), void *arg)
{
    struct batch *batch = xcalloc(1, sizeof *batch);
    *batch = (struct batch){1, done, arg};
    for (size_t i = 0; i < count; i++) {
        struct check_result *result = find(checks, ids[i]);
        if (!result)
            continue;
        batch->waiting++;
        start(checks, result, batch);
    }
    if (--batch->waiting == 0) {
        if (done)
            done(arg);
        free(batch);
    }
}

void checks_run_all(struct checks *checks)
{
    size_t count = checks->app->catalogue->check_count;
    const char **ids = xcalloc(count + 1, sizeof *ids);
    for (size_t i = 0; i < count; i++)
        ids[i] = checks->results[i].check->id;
    checks_run(checks, ids, count, NULL, NULL);
    free(ids);
}

static bool servers_are_known(const struct model *model)
{
    for (size_t i = 0; i < model->config->node_count; i++)
        if (model->nodes[i].link != LINK_UP && !model->nodes[i].error)
            return false;
    return true;
}

static const struct step *next_step(const struct app *app)
{
    size_t next =
        app->mode == MODE_WATCH && app->driver.seen ? app->driver.number - 1 : run_next(app->run);
    return next < app->run->step_count ? app->run->steps[next].step : NULL;
}

static bool is_due(const struct checks *checks, const struct check_result *result)
{
    uint64_t age = app_now(checks->app) - result->answered_ms;
    uint64_t again = checks->app->mode == MODE_WATCH ? WATCHED_AGAIN_MS : AGAIN_MS;
    return !result->running && !check_is_dear(result) && age >= again;
}

/* All of them once, as soon as the servers are known; then only what holds the next step back. */
static void on_tick(uv_timer_t *tick)
{
    struct checks *checks = tick->data;
    if (!checks->begun) {
        checks->begun = servers_are_known(checks->app->model);
        if (checks->begun)
            checks_run_all(checks);
        return;
    }
    const struct step *step = next_step(checks->app);
    for (size_t i = 0; step && i < step->require_count; i++) {
        const struct check_result *result = find(checks, step->requires[i]);
        if (result && is_due(checks, result))
            checks_run(checks, &step->requires[i], 1, NULL, NULL);
    }
}

static void tick_closed(uv_handle_t *handle)
{
    free(handle->data);
}

struct checks *checks_new(struct app *app)
{
    struct checks *checks = xcalloc(1, sizeof *checks);
    checks->app = app;
    checks->sessions = sessions_new(app, "pgcutover checks", true);
    checks->results = xcalloc(app->catalogue->check_count + 1, sizeof *checks->results);
    for (size_t i = 0; i < app->catalogue->check_count; i++)
        checks->results[i].check = &app->catalogue->checks[i];
    uv_timer_init(app->loop, &checks->tick);
    checks->tick.data = checks;
    if (app->mode != MODE_STATUS)
        uv_timer_start(&checks->tick, on_tick, TICK_MS, TICK_MS);
    return checks;
}

void checks_free(struct checks *checks)
{
    if (!checks)
        return;
    checks->closing = true;
    sessions_free(checks->sessions);
    for (size_t i = 0; i < checks->app->catalogue->check_count; i++) {
        table_free(checks->results[i].offenders);
        free(checks->results[i].error);
        free(checks->results[i].accepted);
    }
    free(checks->results);
    uv_close((uv_handle_t *)&checks->tick, tick_closed);
}

size_t checks_count(const struct checks *checks)
{
    return checks->app->catalogue->check_count;
}

const struct check_result *checks_at(const struct checks *checks, size_t index)
{
    return &checks->results[index];
}

const struct check_result *checks_result(const struct checks *checks, const char *id)
{
    return find(checks, id);
}

bool check_blocks(const struct check_result *result)
{
    bool open = result->outcome == CHECK_RED || result->outcome == CHECK_UNKNOWN;
    bool accepted = result->accepted && result->outcome == result->accepted_as;
    return open && result->check->severity == SEVERITY_BLOCK && !accepted;
}

bool check_is_dear(const struct check_result *result)
{
    return result->cost_ms > DEAR_MS;
}

void checks_accept(struct checks *checks, const char *id, const char *reason)
{
    struct check_result *result = find(checks, id);
    if (!result)
        return;
    free(result->accepted);
    result->accepted = xstrdup(reason);
    result->accepted_as = result->outcome;
}
