/* One asynchronous libpq connection: resolves, connects, asks, cancels and reconnects without ever
 * blocking the loop. The sampler and the engine each have their own. */
#ifndef PGCUTOVER_SESSION_H
#define PGCUTOVER_SESSION_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "core/config.h"
#include "core/table.h"

enum reply_kind {
    REPLY_OK,
    REPLY_ERROR, /* the server refused the statement: it had no effect */
    REPLY_LOST,  /* the connection or the deadline ended it on the way: nobody knows */
    REPLY_UNSENT /* it never left: there was no connection */
};

struct reply {
    enum reply_kind kind;
    struct table *table; /* rows, if any; the receiver may take it (set it to NULL), else it goes */
    const char *message; /* of an error: severity, text, detail and hint in one line */
    char sqlstate[6];    /* "" where there is none */
    const char *tag;     /* "ALTER DATABASE", "UPDATE 3" */
    double ms;           /* from sending to the answer */
};

typedef void session_done(struct reply *reply, void *arg);

enum session_link {
    SESSION_CLOSED,
    SESSION_RESOLVING,
    SESSION_CONNECTING,
    SESSION_READY,
    SESSION_BACKOFF
};

struct session;

struct session_options {
    const struct node_config *node;
    const char *database; /* NULL: the dsn's own */
    const char *application_name;
    bool read_only;         /* default_transaction_read_only=on for the whole session */
    bool replication;       /* a replication=database connection */
    bool once;              /* no reconnecting: when it is lost, it stays closed */
    int connect_timeout_ms; /* 0: 10 s */
    const char *setup;      /* one statement sent before the session is ready; NULL: none */
    /* Each change of link; `error` says why it went down, NULL otherwise. */
    void (*changed)(struct session *session, const char *error, void *arg);
    void *arg;
};

/* Begins to connect at once. Close with session_close(). */
struct session *session_open(uv_loop_t *loop, const struct session_options *options);

/* Ends it; a request under way gets REPLY_LOST (from within this call), queued ones REPLY_UNSENT.
 */
void session_close(struct session *session);

enum session_link session_link(const struct session *session);
const char *session_error(const struct session *session); /* why it is down; NULL: it is not */
/* The last try to connect was refused: nobody listens there. */
bool session_refused(const struct session *session);
int session_version(const struct session *session);          /* server_version_num; 0: unknown */
int session_pid(const struct session *session);              /* of the backend; 0: none */
const char *session_password(const struct session *session); /* that it used; NULL: none */
uint64_t session_retry_ms(const struct session *session); /* loop time of the next try; 0: none */

/* Queues one statement (requests go one after another). With no answer after `deadline_ms` it is
 * cancelled; 2 s later the connection is given up and the reply is REPLY_LOST. While the session
 * is down, requests are answered REPLY_UNSENT at once. `done` is called from the loop, once. */
void session_send(struct session *session, const char *sql, uint64_t deadline_ms,
                  session_done *done, void *arg);

/* Asks the server to cancel what runs; its request ends as the server answers. */
void session_cancel(struct session *session);

bool session_busy(const struct session *session);

#endif
