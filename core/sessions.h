/* Sessions of one purpose, one a place and lane, opened when they are first needed and kept. */
#ifndef PGCUTOVER_SESSIONS_H
#define PGCUTOVER_SESSIONS_H

#include "core/place.h"
#include "core/session.h"

struct app;
struct sessions;

/* `application_name` is copied. Sessions of a set that is not `read_only` are for the engine alone.
 */
struct sessions *sessions_new(struct app *app, const char *application_name, bool read_only);
void sessions_free(struct sessions *sessions);

/* Begins to connect to the place now, so that nothing connects when it matters. */
void sessions_warm(struct sessions *sessions, const struct place *place);

/* As session_send(); while the session still connects, the statement waits for it. */
void sessions_send(struct sessions *sessions, const struct place *place, size_t lane,
                   const char *sql, uint64_t deadline_ms, session_done *done, void *arg);

/* As sessions_send(), on a replication connection of its own that is kept open under `hold` (a
 * number of the caller's) and never made anew: what lives as long as the connection is gone with
 * it. */
void sessions_send_held(struct sessions *sessions, const struct place *place, size_t hold,
                        const char *sql, uint64_t deadline_ms, session_done *done, void *arg);
/* Whether it is still open; ends it, on every place where `place` is NULL. */
bool sessions_holds(const struct sessions *sessions, const struct place *place, size_t hold);
void sessions_release(struct sessions *sessions, const struct place *place, size_t hold);

/* Cancels what runs on the place, in every lane. */
void sessions_cancel(struct sessions *sessions, const struct place *place);

/* The backends' pids of all sessions on a node, "0" and ", 42" for each: a list for SQL's IN. */
void sessions_pids(const struct sessions *sessions, int node_index, struct str *pids);
/* Whether the place's session takes a statement at once. */
bool sessions_ready(const struct sessions *sessions, const struct place *place);
/* Why the place's session is down; NULL: it is not, or was never opened. */
const char *sessions_error(const struct sessions *sessions, const struct place *place);
int sessions_version(const struct sessions *sessions, const struct place *place);
const char *sessions_password(const struct sessions *sessions, const struct place *place);

#endif
