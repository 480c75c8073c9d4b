#include "core/app.h"

#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/engine.h"
#include "core/journal.h"
#include "core/sampler.h"
#include "core/sqltext.h"

enum { FOLLOW_MS = 1000 };

/* A watcher's eye on the journal of a driver on the same machine. */
struct follower {
    struct app *app;
    uv_timer_t timer;
    char *path;
    off_t size;
};

uint64_t app_now(const struct app *app)
{
    return uv_now(app->loop);
}

static const struct node_config *first_of(const struct config *config, const char *role)
{
    for (size_t i = 0; i < config->node_count; i++)
        if (strcmp(config->nodes[i].role, role) == 0)
            return &config->nodes[i];
    return NULL;
}

static char *keep(struct arena *arena, char *text)
{
    char *kept = arena_strdup(arena, text);
    free(text);
    return kept;
}

/* How servers reach a role: what `replication` says, else the console's own way. */
static const char *server_dsn(const struct config *config, const char *role)
{
    bool source = strcmp(role, "source") == 0;
    const char *dsn = source ? config->replication_source : config->replication_target;
    const struct node_config *node = first_of(config, role);
    return dsn && *dsn ? dsn : node ? node->dsn : NULL;
}

static bool conninfo(const struct app *app, const struct place *place, const char *role,
                     struct arena *arena, struct sql_value *value)
{
    const char *dsn = server_dsn(app->config, role);
    if (!dsn)
        return false;
    value->text = keep(arena, dsn_with(dsn, place->database, PASSWORD_KEEP, NULL));
    value->shown = keep(arena, dsn_with(dsn, place->database, PASSWORD_HIDE, NULL));
    return value->text != NULL;
}

/* For programs: their arguments are in the process list, so the password goes another way. */
static bool console_dsn(const struct app *app, const struct place *place, const char *role,
                        struct arena *arena, struct sql_value *value)
{
    const struct node_config *node = first_of(app->config, role);
    if (!node)
        return false;
    value->text = keep(arena, dsn_with(node->dsn, place->database, PASSWORD_DROP, NULL));
    return value->text != NULL;
}

/* The role by which the servers reach each other. */
static bool replicating_user(const struct app *app, const struct place *place, const char *role,
                             struct arena *arena, struct sql_value *value)
{
    (void)place;
    const char *dsn = server_dsn(app->config, role);
    char *user = dsn ? dsn_value(dsn, "user") : NULL;
    value->text = user ? keep(arena, user) : NULL;
    return value->text != NULL;
}

static bool configured(const struct app *app, const char *name, struct sql_value *value)
{
    for (size_t i = 0; i < app->config->variable_count; i++) {
        const struct variable *variable = &app->config->variables[i];
        if (strcmp(variable->name, name) != 0)
            continue;
        value->text = variable->value;
        value->shown = variable->secret ? "********" : NULL;
        return true;
    }
    return false;
}

/* source_host, target_port ...: as the console reaches them. Poolers may need another way: then the
 * configuration's variable of that name comes first. */
static bool address(const struct app *app, const char *name, struct arena *arena,
                    struct sql_value *value)
{
    static const struct {
        const char *name, *role, *keyword;
    } parts[] = {
        {"source_host", "source", "host"},
        {"source_port", "source", "port"},
        {"target_host", "target", "host"},
        {"target_port", "target", "port"},
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const struct node_config *node = first_of(app->config, parts[i].role);
        if (strcmp(parts[i].name, name) == 0 && node) {
            value->text = keep(arena, dsn_value(node->dsn, parts[i].keyword));
            return true;
        }
    }
    return false;
}

/* source_version, target_version: server_version_num, once the server has said it. */
static bool server_version(const struct app *app, const char *name, struct arena *arena,
                           struct sql_value *value)
{
    for (size_t i = 0; app->model && i < app->config->node_count; i++) {
        const char *wanted = arena_printf(arena, "%s_version", app->config->nodes[i].role);
        if (strcmp(wanted, name) != 0 || app->model->nodes[i].version == 0)
            continue;
        value->text = arena_printf(arena, "%d", app->model->nodes[i].version);
        return true;
    }
    return false;
}

bool app_variable(const struct app *app, const struct place *place, const char *name,
                  struct arena *arena, struct sql_value *value)
{
    static const struct {
        const char *name, *role;
        bool (*find)(const struct app *, const struct place *, const char *, struct arena *,
                     struct sql_value *);
    } ways[] = {
        {"source_conninfo", "source", conninfo},     {"target_conninfo", "target", conninfo},
        {"source_dsn", "source", console_dsn},       {"target_dsn", "target", console_dsn},
        {"source_user", "source", replicating_user}, {"target_user", "target", replicating_user},
    };
    *value = (struct sql_value){0};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        if (strcmp(name, ways[i].name) == 0)
            return ways[i].find(app, place, ways[i].role, arena, value);
    if (strcmp(name, "run") == 0)
        value->text = app->config->run;
    else if (strcmp(name, "database") == 0)
        value->text =
            place->database ? place->database : keep(arena, dsn_value(place->node->dsn, "dbname"));
    else if (strcmp(name, "node") == 0)
        value->text = place->node->name;
    else if (strcmp(name, "role") == 0)
        value->text = place->node->role;
    else if (strcmp(name, "lag_limit") == 0)
        value->text = arena_printf(arena, "%d", app->config->lag_limit_bytes);
    else
        return configured(app, name, value) || address(app, name, arena, value) ||
               server_version(app, name, arena, value);
    return true;
}

char *app_redact(const struct app *app, const char *text)
{
    const char **secrets;
    size_t count = config_secrets(app->config, &secrets);
    struct str out = {0};
    for (const char *at = text; *at;) {
        size_t length = 0;
        for (size_t i = 0; i < count && length == 0; i++)
            if (*secrets[i] && strncmp(at, secrets[i], strlen(secrets[i])) == 0)
                length = strlen(secrets[i]);
        if (length > 0)
            str_add(&out, "********");
        else
            str_char(&out, *at);
        at += length > 0 ? length : 1;
    }
    return str_take(&out);
}

/* "pgcutover drive RUN 12/31 freeze running", cut at 63 bytes by the server. */
static void read_state(struct driver_seen *seen, const char *text, const char *run)
{
    char name[64], step[64] = "", state[64] = "";
    unsigned number, of;
    if (!text ||
        sscanf(text, "pgcutover drive %63s %u/%u %63s %63[^\n]", name, &number, &of, step, state) <
            4 ||
        strcmp(name, run) != 0)
        return;
    seen->seen = true;
    seen->number = number;
    snprintf(seen->step, sizeof seen->step, "%s", step);
    snprintf(seen->state, sizeof seen->state, "%.31s", state);
}

static void see_driver(struct app *app)
{
    for (size_t i = 0; i < app->config->node_count; i++) {
        const struct sample *sample = model_sample(app->model, "driver", (int)i, -1);
        if (!sample || !sample->table || sample->answered_ms <= app->driver.seen_ms)
            continue;
        struct driver_seen seen = {.seen_ms = sample->answered_ms};
        for (int row = 0; row < sample->table->rows && !seen.seen; row++)
            read_state(&seen, table_text(sample->table, row, "application_name"), app->config->run);
        app->driver = seen;
        if (seen.seen)
            return;
    }
}

void app_changed(struct app *app)
{
    if (app->mode == MODE_WATCH)
        see_driver(app);
    if (app->changed)
        app->changed(app);
}

static void on_follow(uv_timer_t *timer)
{
    struct follower *follower = timer->data;
    struct stat about;
    if (stat(follower->path, &about) != 0 || about.st_size == follower->size)
        return;
    json_t *records = journal_read(follower->path, NULL);
    if (!records)
        return;
    follower->size = about.st_size;
    json_decref(follower->app->followed);
    follower->app->followed = records;
    app_changed(follower->app);
}

static void follow(struct app *app)
{
    struct follower *follower = xcalloc(1, sizeof *follower);
    follower->app = app;
    follower->path = journal_file(app->config->journal, app->config->run);
    uv_timer_init(app->loop, &follower->timer);
    follower->timer.data = follower;
    uv_timer_start(&follower->timer, on_follow, 0, FOLLOW_MS);
    app->follower = follower;
}

static void follower_closed(uv_handle_t *handle)
{
    struct follower *follower = handle->data;
    free(follower->path);
    free(follower);
}

struct app *app_new(uv_loop_t *loop, enum mode mode, struct config *config, struct err *err)
{
    struct app *app = xcalloc(1, sizeof *app);
    app->loop = loop;
    app->mode = mode;
    app->config = config;
    app->catalogue = catalogue_read(err);
    app->runbook = app->catalogue ? runbook_read(config->runbook, err) : NULL;
    if (!app->runbook || !runbook_check(app->runbook, app->catalogue, config, err)) {
        app_free(app);
        return NULL;
    }
    app->model = model_new(config, app->catalogue);
    app->run = run_new(config, app->runbook);
    return app;
}

bool app_start(struct app *app, struct err *err)
{
    app->sampler = sampler_new(app);
    app->checks = checks_new(app);
    if (app->mode == MODE_WATCH)
        follow(app);
    if (app->mode == MODE_DRIVE && !(app->engine = engine_new(app, err)))
        return false;
    return true;
}

void app_stop(struct app *app)
{
    app->changed = NULL;
    engine_free(app->engine);
    app->engine = NULL;
    checks_free(app->checks);
    app->checks = NULL;
    sampler_free(app->sampler);
    app->sampler = NULL;
    if (app->follower)
        uv_close((uv_handle_t *)&app->follower->timer, follower_closed);
    app->follower = NULL;
}

void app_free(struct app *app)
{
    run_free(app->run);
    model_free(app->model);
    runbook_free(app->runbook);
    catalogue_free(app->catalogue);
    config_free(app->config);
    json_decref(app->followed);
    free(app);
}
