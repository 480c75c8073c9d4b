#include "core/sampler.h"

#include <stdlib.h>
#include <string.h>

#include "core/app.h"
#include "core/session.h"
#include "core/sqltext.h"

enum {
    TICK_MS = 250,
    DEADLINE_MS = 10000, /* a slow server is shown as slow, not cut off */
};

/* A connection of the sampler: one a node, and one for each database on it. */
struct source {
    struct sampler *sampler;
    struct place place;
    struct session *session;
};

struct sampled {
    struct sampler *sampler;
    struct sample *sample;
    struct source *source;
    uint64_t due_ms;
};

struct sampler {
    struct app *app;
    uv_timer_t tick;
    struct source *sources;
    size_t source_count;
    struct sampled *sampled; /* as many as the model's samples, same order */
};

static struct node_facts *facts_of(const struct source *source)
{
    return &source->sampler->app->model->nodes[source->place.node_index];
}

static void set_error(char **error, const struct app *app, const char *text)
{
    free(*error);
    *error = text ? app_redact(app, text) : NULL;
}

/* Reads upwards slowly and downwards at once: the shortest answer is the nearest to the network. */
static void note_round_trip(struct node_facts *facts, double ms)
{
    bool shorter = facts->round_trip_ms < 0 || ms < facts->round_trip_ms;
    facts->round_trip_ms = shorter ? ms : facts->round_trip_ms * 1.05;
}

static void on_answer(struct reply *reply, void *arg)
{
    struct sampled *sampled = arg;
    struct app *app = sampled->sampler->app;
    struct sample *sample = sampled->sample;
    struct node_facts *facts = facts_of(sampled->source);
    sample->asked_ms = 0;
    app->model->now_ms = app_now(app);
    if (reply->kind == REPLY_OK || reply->kind == REPLY_ERROR) {
        facts->heard_ms = app->model->now_ms;
        note_round_trip(facts, reply->ms);
    }
    facts->spent_ms += reply->ms;
    if (reply->kind == REPLY_OK && reply->table) {
        set_error(&sample->error, app, NULL);
        model_answer(app->model, sample, reply->table, reply->ms);
        reply->table = NULL;
    } else {
        set_error(&sample->error, app, reply->message);
    }
    app_changed(app);
}

struct lookup {
    const struct sampled *sampled;
    struct arena arena;
};

static bool look_up(const char *name, struct sql_value *value, void *arg)
{
    struct lookup *lookup = arg;
    return app_variable(lookup->sampled->sampler->app, &lookup->sampled->sample->place, name,
                        &lookup->arena, value);
}

static void ask(struct sampled *sampled)
{
    struct app *app = sampled->sampler->app;
    struct sample *sample = sampled->sample;
    int major = session_version(sampled->source->session) / 10000;
    const struct variant *variant =
        variant_for(sample->query->variants, sample->query->variant_count, major);
    sample->absent = variant == NULL;
    if (!variant)
        return;
    struct lookup lookup = {.sampled = sampled};
    struct str sql = {0};
    struct err err;
    if (sql_expand(variant->text, variant->path, variant->line, look_up, &lookup, &sql, NULL,
                   &err)) {
        sample->asked_ms = app_now(app);
        facts_of(sampled->source)->statements++;
        session_send(sampled->source->session, str_text(&sql), DEADLINE_MS, on_answer, sampled);
    } else {
        set_error(&sample->error, app, err.text);
    }
    str_free(&sql);
    arena_free(&lookup.arena);
}

static void on_tick(uv_timer_t *tick)
{
    struct sampler *sampler = tick->data;
    uint64_t now = app_now(sampler->app);
    sampler->app->model->now_ms = now;
    for (size_t i = 0; i < sampler->app->model->sample_count; i++) {
        struct sampled *sampled = &sampler->sampled[i];
        bool ready = session_link(sampled->source->session) == SESSION_READY;
        if (!ready || sampled->due_ms > now || sampled->sample->asked_ms)
            continue;
        /* From when it was due, not from now: else each tick's lateness adds up. */
        uint64_t every = (uint64_t)sampled->sample->query->every_ms;
        sampled->due_ms = sampled->due_ms + every > now ? sampled->due_ms + every : now + every;
        ask(sampled);
    }
}

static void on_link(struct session *session, const char *error, void *arg)
{
    static const enum link links[] = {
        [SESSION_CLOSED] = LINK_DOWN,           [SESSION_RESOLVING] = LINK_CONNECTING,
        [SESSION_CONNECTING] = LINK_CONNECTING, [SESSION_READY] = LINK_UP,
        [SESSION_BACKOFF] = LINK_DOWN,
    };
    struct source *source = arg;
    struct app *app = source->sampler->app;
    if (source->place.database)
        return; /* a database that is not there yet does not make its node dead */
    struct node_facts *facts = facts_of(source);
    /* While it tries again, why it failed last stays the news. */
    if (error || session_link(session) == SESSION_READY)
        set_error(&facts->error, app, error);
    facts->link = links[session_link(session)];
    if (facts->link == LINK_UP)
        facts->expected_down = false;
    else if (facts->expected_down)
        facts->link = LINK_EXPECTED_DOWN;
    facts->refused = session_refused(session);
    facts->retry_ms = session_retry_ms(session);
    if (session_link(session) == SESSION_READY) {
        facts->version = session_version(session);
        facts->heard_ms = app_now(app);
    }
    app_changed(app);
}

static struct source *source_for(struct sampler *sampler, const struct place *place)
{
    for (size_t i = 0; i < sampler->source_count; i++) {
        struct source *source = &sampler->sources[i];
        if (source->place.node_index == place->node_index &&
            source->place.database_index == place->database_index)
            return source;
    }
    return NULL;
}

/* Sources are counted before any is opened: sessions keep a pointer to theirs. */
static void collect_sources(struct sampler *sampler)
{
    struct model *model = sampler->app->model;
    sampler->sources =
        xcalloc(model->sample_count + model->config->node_count, sizeof(struct source));
    for (size_t i = 0; i < model->config->node_count; i++) {
        struct place node = {&model->config->nodes[i], (int)i, NULL, -1};
        sampler->sources[sampler->source_count++] = (struct source){sampler, node, NULL};
    }
    for (size_t i = 0; i < model->sample_count; i++) {
        const struct place *place = &model->samples[i].place;
        if (!source_for(sampler, place))
            sampler->sources[sampler->source_count++] = (struct source){sampler, *place, NULL};
    }
}

struct sampler *sampler_new(struct app *app)
{
    struct sampler *sampler = xcalloc(1, sizeof *sampler);
    const struct query *setup = catalogue_query(app->catalogue, "own_session");
    sampler->app = app;
    collect_sources(sampler);
    sampler->sampled = xcalloc(app->model->sample_count + 1, sizeof *sampler->sampled);
    for (size_t i = 0; i < app->model->sample_count; i++) {
        struct sample *sample = &app->model->samples[i];
        sampler->sampled[i] =
            (struct sampled){sampler, sample, source_for(sampler, &sample->place), 0};
    }
    for (size_t i = 0; i < sampler->source_count; i++) {
        struct source *source = &sampler->sources[i];
        struct session_options options = {
            .node = source->place.node,
            .database = source->place.database,
            .application_name = app->mode == MODE_DRIVE ? "pgcutover sampler" : "pgcutover watch",
            .read_only = true,
            .setup = setup->variants[0].text,
            .changed = on_link,
            .arg = source,
        };
        source->session = session_open(app->loop, &options);
    }
    uv_timer_init(app->loop, &sampler->tick);
    sampler->tick.data = sampler;
    uv_timer_start(&sampler->tick, on_tick, 20, TICK_MS);
    return sampler;
}

static void tick_closed(uv_handle_t *handle)
{
    struct sampler *sampler = handle->data;
    free(sampler->sampled);
    free(sampler->sources);
    free(sampler);
}

void sampler_free(struct sampler *sampler)
{
    if (!sampler)
        return;
    for (size_t i = 0; i < sampler->source_count; i++)
        session_close(sampler->sources[i].session);
    uv_close((uv_handle_t *)&sampler->tick, tick_closed);
}

void sampler_refresh(struct sampler *sampler, const char *id)
{
    for (size_t i = 0; i < sampler->app->model->sample_count; i++)
        if (!id || strcmp(sampler->sampled[i].sample->query->id, id) == 0)
            sampler->sampled[i].due_ms = 0;
}

bool sampler_settled(const struct sampler *sampler)
{
    for (size_t i = 0; i < sampler->app->model->sample_count; i++) {
        const struct sampled *sampled = &sampler->sampled[i];
        const struct sample *sample = sampled->sample;
        bool down = session_link(sampled->source->session) == SESSION_BACKOFF;
        if (!down && !sample->table && !sample->error && !sample->absent)
            return false;
    }
    return true;
}
