#include "core/engine_parts.h"

#include <stdlib.h>
#include <string.h>

enum {
    RETRY_MS = 2000,
    ALIVE_MS = 5000, /* how often a driver gives a sign of life: others read its silence */
    DEADLINE_MS = 5000
};

/* The lock on one server: an advisory lock held by a session that does nothing else. */
struct hold {
    struct drive_lock *lock;
    struct place place;
    struct session *session;
    bool ours, held_once;
    char *holder; /* who has it; NULL: nobody known */
    char *holder_pid;
    char *published;
    uint64_t asked_ms; /* when it was last published */
    unsigned hurry;    /* after a take-over: how often it still asks at once */
    bool wanted;       /* taken over before it was known who holds it */
};

struct drive_lock {
    struct engine *engine;
    struct hold holds[2]; /* the source's and the target's */
    size_t count;
    uv_timer_t tick;
    char *state; /* to be published */
};

struct lookup {
    const struct hold *hold;
    const char *name, *value;
    struct arena arena;
};

static bool look_up(const char *name, struct sql_value *value, void *arg)
{
    struct lookup *lookup = arg;
    *value = (struct sql_value){.text = lookup->value};
    if (strcmp(name, "mine") == 0) {
        struct str pids = {0};
        sessions_pids(lookup->hold->lock->engine->work, lookup->hold->place.node_index, &pids);
        value->text = arena_strdup(&lookup->arena, str_text(&pids));
        str_free(&pids);
        return true;
    }
    return (lookup->name && strcmp(name, lookup->name) == 0) ||
           app_variable(lookup->hold->lock->engine->app, &lookup->hold->place, name, &lookup->arena,
                        value);
}

static char *own_sql(const struct hold *hold, const char *id, const char *name, const char *value)
{
    const struct query *query = catalogue_query(hold->lock->engine->app->catalogue, id);
    struct lookup lookup = {hold, name, value, {0}};
    struct str sql = {0};
    struct err err;
    if (!sql_expand(query->variants[0].text, query->variants[0].path, query->variants[0].line,
                    look_up, &lookup, &sql, NULL, &err))
        die("pgcutover: %s", err.text);
    arena_free(&lookup.arena);
    return str_take(&sql);
}

static void send_own(struct hold *hold, const char *id, const char *name, const char *value,
                     session_done *done)
{
    char *sql = own_sql(hold, id, name, value);
    session_send(hold->session, sql, DEADLINE_MS, done, hold);
    free(sql);
}

static void publish(struct hold *hold)
{
    uint64_t now = app_now(hold->lock->engine->app);
    const char *state = hold->lock->state;
    bool same = state && hold->published && strcmp(state, hold->published) == 0;
    if (!hold->ours || !state || (same && now < hold->asked_ms + ALIVE_MS))
        return;
    set_text(&hold->published, state);
    hold->asked_ms = now;
    send_own(hold, "own_publish", "state", state, NULL);
}

static void on_lock(struct reply *reply, void *arg);

static void on_ended(struct reply *reply, void *arg)
{
    struct hold *hold = arg;
    if (reply->kind == REPLY_OK)
        send_own(hold, "own_lock", NULL, NULL, on_lock);
}

static void end_holder(struct hold *hold)
{
    hold->wanted = false;
    hold->hurry = 200;
    send_own(hold, "own_takeover", "holder", hold->holder_pid, on_ended);
    set_text(&hold->holder, NULL);
    set_text(&hold->holder_pid, NULL);
}

static void on_holder(struct reply *reply, void *arg)
{
    struct hold *hold = arg;
    if (reply->kind != REPLY_OK || !reply->table || reply->table->rows == 0)
        return;
    free(hold->holder);
    hold->holder =
        xprintf("%s from %s, for %s s, last sign of life %s s ago (on %s)",
                table_text(reply->table, 0, "application_name"),
                table_text(reply->table, 0, "client"), table_text(reply->table, 0, "since_s"),
                table_text(reply->table, 0, "silent_s"), hold->place.node->name);
    set_text(&hold->holder_pid, table_text(reply->table, 0, "pid"));
    if (hold->wanted)
        end_holder(hold);
    app_changed(hold->lock->engine->app);
}

/* Once the source's is ours, the target's. */
static void take_next(struct drive_lock *lock)
{
    for (size_t i = 1; i < lock->count; i++)
        if (!lock->holds[i].ours && session_link(lock->holds[i].session) == SESSION_READY &&
            !session_busy(lock->holds[i].session))
            send_own(&lock->holds[i], "own_lock", NULL, NULL, on_lock);
}

static void on_lock(struct reply *reply, void *arg)
{
    struct hold *hold = arg;
    hold->ours = reply->kind == REPLY_OK && table_bool(reply->table, 0, "ours", false);
    if (hold->ours) {
        hold->held_once = true;
        hold->wanted = false;
        set_text(&hold->holder, NULL);
        set_text(&hold->published, NULL);
        publish(hold);
        take_next(hold->lock);
    } else if (reply->kind == REPLY_OK && hold->hurry > 0) {
        hold->hurry--;
        send_own(hold, "own_lock", NULL, NULL, on_lock);
    } else if (reply->kind == REPLY_OK) {
        send_own(hold, "own_holder", NULL, NULL, on_holder);
    }
    app_changed(hold->lock->engine->app);
}

/* The source's first: two consoles that start together would else take one each. */
static bool may_take(const struct hold *hold)
{
    const struct hold *first = &hold->lock->holds[0];
    return hold == first || first->ours;
}

static void on_link(struct session *session, const char *error, void *arg)
{
    struct hold *hold = arg;
    (void)error;
    hold->ours = false;
    hold->asked_ms = 0;
    if (session_link(session) == SESSION_READY && may_take(hold))
        send_own(hold, "own_lock", NULL, NULL, on_lock);
}

static void on_tick(uv_timer_t *tick)
{
    struct drive_lock *lock = tick->data;
    for (size_t i = 0; i < lock->count; i++) {
        struct hold *hold = &lock->holds[i];
        if (session_link(hold->session) != SESSION_READY || session_busy(hold->session))
            continue;
        if (hold->ours)
            publish(hold);
        else if (may_take(hold))
            send_own(hold, "own_lock", NULL, NULL, on_lock);
    }
}

/* On the first database: advisory locks are a database's own, and that one is there on both sides.
 */
static void take(struct drive_lock *lock, const char *role)
{
    struct app *app = lock->engine->app;
    struct place *places;
    if (places_of(app->config, role, false, &places) > 0) {
        struct hold *hold = &lock->holds[lock->count++];
        hold->lock = lock;
        hold->place = places[0];
        if (strcmp(role, "target") == 0)
            hold->place.database = NULL; /* it may not have been made there yet */
        struct session_options options = {
            .node = hold->place.node,
            .database = hold->place.database,
            .application_name = "pgcutover drive",
            .read_only = true,
            .setup = catalogue_query(app->catalogue, "own_session")->variants[0].text,
            .changed = on_link,
            .arg = hold,
        };
        hold->session = session_open(app->loop, &options);
    }
    free(places);
}

struct drive_lock *drive_new(struct engine *engine)
{
    struct drive_lock *lock = xcalloc(1, sizeof *lock);
    lock->engine = engine;
    take(lock, "source");
    take(lock, "target");
    uv_timer_init(engine->app->loop, &lock->tick);
    lock->tick.data = lock;
    uv_timer_start(&lock->tick, on_tick, RETRY_MS, RETRY_MS);
    return lock;
}

static void tick_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void drive_free(struct drive_lock *lock)
{
    if (!lock)
        return;
    for (size_t i = 0; i < lock->count; i++) {
        session_close(lock->holds[i].session);
        free(lock->holds[i].holder);
        free(lock->holds[i].holder_pid);
        free(lock->holds[i].published);
    }
    free(lock->state);
    uv_close((uv_handle_t *)&lock->tick, tick_closed);
}

static bool is_expected_down(const struct hold *hold)
{
    const struct model *model = hold->lock->engine->app->model;
    return model->nodes[hold->place.node_index].link == LINK_EXPECTED_DOWN;
}

enum drive drive_state(const struct drive_lock *lock)
{
    bool all = true, once = false;
    for (size_t i = 0; i < lock->count; i++) {
        const struct hold *hold = &lock->holds[i];
        if (!hold->ours && hold->holder)
            return DRIVE_TAKEN;
        /* What a step took down can't be asked; the journal's lock stands for it meanwhile. */
        all = all && (hold->ours || is_expected_down(hold));
        once = once || hold->held_once;
    }
    return all ? DRIVE_OURS : once ? DRIVE_LOST : DRIVE_ASKING;
}

bool drive_may_go_back(const struct drive_lock *lock)
{
    bool one = false;
    for (size_t i = 0; i < lock->count; i++) {
        const struct hold *hold = &lock->holds[i];
        bool away = session_link(hold->session) != SESSION_READY && hold->held_once;
        if (!hold->ours && (hold->holder || !away))
            return false;
        one = one || hold->ours;
    }
    return one;
}

const char *drive_holder(const struct drive_lock *lock)
{
    for (size_t i = 0; i < lock->count; i++)
        if (!lock->holds[i].ours && lock->holds[i].holder)
            return lock->holds[i].holder;
    return "";
}

/* The other console asks for the lock again as soon as it can connect: this one asks first, and
 * goes on asking until the ended session has let it go. */
void drive_take_over(struct drive_lock *lock)
{
    for (size_t i = 0; i < lock->count; i++) {
        struct hold *hold = &lock->holds[i];
        if (!hold->ours && hold->holder_pid)
            end_holder(hold);
        else
            hold->wanted = !hold->ours; /* the target's is asked for once the source's is ours */
    }
}

void drive_publish(struct drive_lock *lock, const char *state)
{
    set_text(&lock->state, state);
    for (size_t i = 0; i < lock->count; i++)
        if (session_link(lock->holds[i].session) == SESSION_READY)
            publish(&lock->holds[i]);
}
