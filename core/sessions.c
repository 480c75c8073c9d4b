#include "core/sessions.h"

#include <stdlib.h>

#include "core/app.h"

/* What waits for a session to connect. */
struct queued {
    struct queued *next;
    char *sql;
    uint64_t deadline_ms;
    session_done *done;
    void *arg;
};

struct seat {
    struct seat *next;
    struct place place;
    size_t lane;
    struct session *session;
    struct queued *first, **last;
};

/* Lanes from here on are held replication connections. */
enum { HELD_LANE = 1000 };

struct sessions {
    struct app *app;
    char *application_name;
    bool read_only;
    struct seat *seats;
};

static void refuse(struct queued *queued, const char *message)
{
    struct reply reply = {.kind = REPLY_UNSENT, .message = message};
    if (queued->done)
        queued->done(&reply, queued->arg);
}

static void serve_queue(struct seat *seat, bool ready, const char *error)
{
    struct queued *queued = seat->first;
    seat->first = NULL;
    seat->last = &seat->first;
    while (queued) {
        struct queued *next = queued->next;
        if (ready)
            session_send(seat->session, queued->sql, queued->deadline_ms, queued->done,
                         queued->arg);
        else
            refuse(queued, error ? error : "not connected");
        free(queued->sql);
        free(queued);
        queued = next;
    }
}

static void on_link(struct session *session, const char *error, void *arg)
{
    enum session_link link = session_link(session);
    if (link == SESSION_READY || link == SESSION_BACKOFF || link == SESSION_CLOSED)
        serve_queue(arg, link == SESSION_READY, error);
}

static struct seat *find(const struct sessions *sessions, const struct place *place, size_t lane)
{
    for (struct seat *seat = sessions->seats; seat; seat = seat->next)
        if (seat->lane == lane && seat->place.node_index == place->node_index &&
            seat->place.database_index == place->database_index)
            return seat;
    return NULL;
}

static struct seat *seat_for(struct sessions *sessions, const struct place *place, size_t lane)
{
    struct seat *seat = find(sessions, place, lane);
    if (seat)
        return seat;
    seat = xcalloc(1, sizeof *seat);
    seat->place = *place;
    seat->lane = lane;
    seat->last = &seat->first;
    seat->next = sessions->seats;
    sessions->seats = seat;
    bool pooler = place->node->kind == KIND_PGBOUNCER;
    struct session_options options = {
        .node = place->node,
        .database = pooler ? NULL : place->database, /* its console is a database of its own */
        .application_name = sessions->application_name,
        .read_only = sessions->read_only,
        .replication = lane >= HELD_LANE,
        .once = lane >= HELD_LANE,
        .setup = catalogue_query(sessions->app->catalogue, "own_session")->variants[0].text,
        .changed = on_link,
        .arg = seat,
    };
    seat->session = session_open(sessions->app->loop, &options);
    return seat;
}

struct sessions *sessions_new(struct app *app, const char *application_name, bool read_only)
{
    struct sessions *sessions = xcalloc(1, sizeof *sessions);
    sessions->app = app;
    sessions->application_name = xstrdup(application_name);
    sessions->read_only = read_only;
    return sessions;
}

void sessions_free(struct sessions *sessions)
{
    if (!sessions)
        return;
    /* Answering what waits may ask for more: nobody is seated any more then. */
    for (struct seat *seat = sessions->seats; seat; seat = seat->next) {
        session_close(seat->session);
        serve_queue(seat, false, "the console closed the connection");
    }
    while (sessions->seats) {
        struct seat *seat = sessions->seats;
        sessions->seats = seat->next;
        free(seat);
    }
    free(sessions->application_name);
    free(sessions);
}

void sessions_warm(struct sessions *sessions, const struct place *place)
{
    seat_for(sessions, place, 0);
}

void sessions_send(struct sessions *sessions, const struct place *place, size_t lane,
                   const char *sql, uint64_t deadline_ms, session_done *done, void *arg)
{
    struct seat *seat = seat_for(sessions, place, lane);
    enum session_link link = session_link(seat->session);
    if (link != SESSION_RESOLVING && link != SESSION_CONNECTING) {
        session_send(seat->session, sql, deadline_ms, done, arg);
        return;
    }
    struct queued *queued = xcalloc(1, sizeof *queued);
    *queued = (struct queued){NULL, xstrdup(sql), deadline_ms, done, arg};
    *seat->last = queued;
    seat->last = &queued->next;
}

void sessions_send_held(struct sessions *sessions, const struct place *place, size_t hold,
                        const char *sql, uint64_t deadline_ms, session_done *done, void *arg)
{
    sessions_send(sessions, place, HELD_LANE + hold, sql, deadline_ms, done, arg);
}

bool sessions_holds(const struct sessions *sessions, const struct place *place, size_t hold)
{
    const struct seat *seat = find(sessions, place, HELD_LANE + hold);
    return seat && session_link(seat->session) == SESSION_READY;
}

static bool is_at(const struct seat *seat, const struct place *place)
{
    return seat->place.node_index == place->node_index &&
           seat->place.database_index == place->database_index;
}

void sessions_release(struct sessions *sessions, const struct place *place, size_t hold)
{
    for (struct seat **at = &sessions->seats; *at;) {
        struct seat *seat = *at;
        if (seat->lane != HELD_LANE + hold || (place && !is_at(seat, place))) {
            at = &seat->next;
            continue;
        }
        *at = seat->next;
        session_close(seat->session);
        serve_queue(seat, false, "the console closed the connection");
        free(seat);
    }
}

void sessions_cancel(struct sessions *sessions, const struct place *place)
{
    for (struct seat *seat = sessions->seats; seat; seat = seat->next)
        if (seat->place.node_index == place->node_index &&
            seat->place.database_index == place->database_index)
            session_cancel(seat->session);
}

void sessions_pids(const struct sessions *sessions, int node_index, struct str *pids)
{
    str_add(pids, "0");
    for (const struct seat *seat = sessions->seats; seat; seat = seat->next)
        if (seat->place.node_index == node_index)
            str_printf(pids, ", %d", session_pid(seat->session));
}

bool sessions_ready(const struct sessions *sessions, const struct place *place)
{
    const struct seat *seat = find(sessions, place, 0);
    return seat && session_link(seat->session) == SESSION_READY;
}

const char *sessions_error(const struct sessions *sessions, const struct place *place)
{
    const struct seat *seat = find(sessions, place, 0);
    return seat ? session_error(seat->session) : NULL;
}

int sessions_version(const struct sessions *sessions, const struct place *place)
{
    const struct seat *seat = find(sessions, place, 0);
    return seat ? session_version(seat->session) : 0;
}

const char *sessions_password(const struct sessions *sessions, const struct place *place)
{
    const struct seat *seat = find(sessions, place, 0);
    return seat ? session_password(seat->session) : NULL;
}
