#include "core/session.h"

#include <errno.h>
#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"

enum {
    CONNECT_TIMEOUT_MS = 10000,
    SETUP_DEADLINE_MS = 5000,
    GRACE_MS = 2000, /* for the server to answer a cancel, before the connection is given up */
    BACKOFF_FIRST_MS = 250,
    BACKOFF_LAST_MS = 1500 /* a server that is back is seen within two seconds */
};

struct request {
    struct request *next;
    char *sql;
    uint64_t deadline_ms;
    session_done *done;
    void *arg;
};

/* The watch on libpq's socket. It is made anew whenever libpq may have changed the socket, and so
 * lives on the heap: libuv frees a handle only in a later turn of the loop. */
struct watch {
    uv_poll_t poll;
    struct session *session;
};

struct session {
    uv_loop_t *loop;
    struct session_options options;
    char *database;
    char *application_name;
    char *setup;
    PGconn *conn;
    struct watch *watch;
    uv_timer_t timer; /* connecting, backing off, or a request's deadline: never two at once */
    enum session_link link;
    char *error;
    unsigned failures;
    uint64_t retry_ms;

    struct request *first, *last; /* first is in flight while `sent` */
    bool sent, setting_up, cancelled, refused;
    uint64_t sent_ns;
    PGresult *result;

    /* Work in libuv's pool holds the session: it goes when the last of it has come back. */
    int holders;
    bool closing;
};

static void session_connect(struct session *session);
static void session_next(struct session *session);
static void session_lost(struct session *session, const char *error);

/* Everything that outlives session_close(): pool work and handles. */
static void session_release(struct session *session)
{
    if (--session->holders > 0)
        return;
    free(session->database);
    free(session->application_name);
    free(session->setup);
    free(session->error);
    free(session);
}

static void set_link(struct session *session, enum session_link link, const char *error)
{
    char *copy = error ? xstrdup(error) : NULL;
    free(session->error);
    session->error = copy;
    session->link = link;
    if (session->options.changed && !session->closing)
        session->options.changed(session, copy, session->options.arg);
}

static void watch_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void unwatch(struct session *session)
{
    if (!session->watch)
        return;
    uv_poll_stop(&session->watch->poll);
    session->watch->session = NULL;
    uv_close((uv_handle_t *)&session->watch->poll, watch_closed);
    session->watch = NULL;
}

static void watch(struct session *session, int events, uv_poll_cb callback)
{
    if (!session->watch) {
        session->watch = xcalloc(1, sizeof *session->watch);
        session->watch->session = session;
        session->watch->poll.data = session->watch;
        if (uv_poll_init(session->loop, &session->watch->poll, PQsocket(session->conn)) != 0)
            die("pgcutover: the connection's socket can't be watched");
    }
    uv_poll_start(&session->watch->poll, events, callback);
}

static void drop_connection(struct session *session)
{
    unwatch(session);
    uv_timer_stop(&session->timer);
    PQclear(session->result);
    session->result = NULL;
    if (session->conn)
        PQfinish(session->conn);
    session->conn = NULL;
}

static struct request *take_request(struct session *session)
{
    struct request *request = session->first;
    session->first = request->next;
    if (!session->first)
        session->last = NULL;
    return request;
}

static void answer(struct request *request, struct reply *reply)
{
    if (request->done)
        request->done(reply, request->arg);
    table_free(reply->table);
    free(request->sql);
    free(request);
}

static void answer_all(struct session *session, bool first_was_sent, const char *message)
{
    /* New requests may be queued by the callbacks: they are not of this failure. */
    struct request *request = session->first;
    session->first = session->last = NULL;
    session->sent = false;
    for (bool sent = first_was_sent; request; sent = false) {
        struct request *next = request->next;
        struct reply reply = {.kind = sent ? REPLY_LOST : REPLY_UNSENT, .message = message};
        if (sent)
            reply.ms = (double)(uv_hrtime() - session->sent_ns) / 1e6;
        answer(request, &reply);
        request = next;
    }
}

static struct table *table_of(const PGresult *result)
{
    int columns = PQnfields(result);
    const char **cells = xcalloc((size_t)columns + 1, sizeof *cells);
    for (int column = 0; column < columns; column++)
        cells[column] = PQfname(result, column);
    struct table *table = table_new(columns, cells);
    for (int row = 0; row < PQntuples(result); row++) {
        for (int column = 0; column < columns; column++)
            cells[column] =
                PQgetisnull(result, row, column) ? NULL : PQgetvalue(result, row, column);
        table_add(table, cells);
    }
    free(cells);
    return table;
}

/* One line: severity, text, detail, hint. libpq's own message spreads over several and repeats the
 * statement, which may hold what must not be shown. */
static char *message_of(const PGresult *result)
{
    static const struct {
        int field;
        const char *before;
    } parts[] = {
        {PG_DIAG_SEVERITY, ""},
        {PG_DIAG_MESSAGE_PRIMARY, ": "},
        {PG_DIAG_MESSAGE_DETAIL, "; "},
        {PG_DIAG_MESSAGE_HINT, "; "},
    };
    struct str text = {0};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const char *part = PQresultErrorField(result, parts[i].field);
        if (part)
            str_printf(&text, "%s%s", parts[i].before, part);
    }
    if (text.length == 0)
        str_add(&text, PQresultErrorMessage(result));
    while (text.length > 0 && text.text[text.length - 1] == '\n')
        text.text[--text.length] = '\0';
    return str_take(&text);
}

static bool is_fatal(const PGresult *result)
{
    const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    return severity && (strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0);
}

/* Hands the result of the request in flight to who asked for it. */
static void finish_request(struct session *session)
{
    PGresult *result = session->result;
    session->result = NULL;
    session->sent = false;
    uv_timer_stop(&session->timer);
    struct reply reply = {.ms = (double)(uv_hrtime() - session->sent_ns) / 1e6};
    char *message = NULL, tag[64];
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
        reply.kind = REPLY_OK;
        reply.table = status == PGRES_TUPLES_OK ? table_of(result) : NULL;
        snprintf(tag, sizeof tag, "%s", PQcmdStatus(result));
        reply.tag = tag;
    } else if (status == PGRES_EMPTY_QUERY) {
        reply.kind = REPLY_OK;
        reply.tag = "";
    } else {
        reply.kind = REPLY_ERROR;
        message = message_of(result);
        reply.message = message;
        const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
        snprintf(reply.sqlstate, sizeof reply.sqlstate, "%s", sqlstate ? sqlstate : "");
    }
    /* Before the callback, which may make something as large of the rows. */
    PQclear(result);
    session->holders++; /* a callback may close the session */
    answer(take_request(session), &reply);
    free(message);
    if (!session->closing)
        session_next(session);
    session_release(session);
}

static void setup_done(struct session *session)
{
    PGresult *result = session->result;
    session->result = NULL;
    session->setting_up = false;
    uv_timer_stop(&session->timer);
    if (PQresultStatus(result) != PGRES_TUPLES_OK && PQresultStatus(result) != PGRES_COMMAND_OK) {
        char *message = message_of(result);
        PQclear(result);
        session_lost(session, message);
        free(message);
        return;
    }
    PQclear(result);
    session->failures = 0;
    set_link(session, SESSION_READY, NULL);
    session_next(session);
}

static void on_socket(uv_poll_t *poll, int status, int events);

static void flush(struct session *session)
{
    int left = PQflush(session->conn);
    if (left < 0)
        session_lost(session, PQerrorMessage(session->conn));
    else
        watch(session, left > 0 ? UV_READABLE | UV_WRITABLE : UV_READABLE, on_socket);
}

/* All that has come is read; results are complete once PQgetResult says NULL. */
static void read_results(struct session *session)
{
    if (!PQconsumeInput(session->conn)) {
        session_lost(session, PQerrorMessage(session->conn));
        return;
    }
    PGnotify *notify;
    while ((notify = PQnotifies(session->conn)) != NULL)
        PQfreemem(notify);
    while (!PQisBusy(session->conn)) {
        PGresult *result = PQgetResult(session->conn);
        if (!result)
            break;
        ExecStatusType status = PQresultStatus(result);
        bool copies =
            status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH;
        if (copies || is_fatal(result)) {
            char *message = copies ? xstrdup("COPY can't be used here") : message_of(result);
            PQclear(result);
            session_lost(session, message);
            free(message);
            return;
        }
        /* An error stays: in the simple protocol it ends the text. */
        if (session->result && PQresultStatus(session->result) == PGRES_FATAL_ERROR) {
            PQclear(result);
        } else {
            PQclear(session->result);
            session->result = result;
        }
    }
    if (PQstatus(session->conn) == CONNECTION_BAD)
        session_lost(session, PQerrorMessage(session->conn));
    else if (PQtransactionStatus(session->conn) == PQTRANS_ACTIVE || !session->result)
        return;
    else if (session->setting_up)
        setup_done(session);
    else if (session->sent)
        finish_request(session);
}

static void on_socket(uv_poll_t *poll, int status, int events)
{
    struct session *session = ((struct watch *)poll->data)->session;
    if (!session)
        return;
    /* An error of the socket says nothing by itself: libpq reads what there was and knows why. */
    if (status < 0)
        events = UV_READABLE;
    if (events & UV_WRITABLE)
        flush(session);
    if (session->conn && (events & UV_READABLE))
        read_results(session);
    if (status < 0 && session->conn)
        session_lost(session, uv_strerror(status));
}

static void on_given_up(uv_timer_t *timer)
{
    session_lost(timer->data, "no answer before the deadline, and none to the cancel");
}

static void on_deadline(uv_timer_t *timer)
{
    struct session *session = timer->data;
    session_cancel(session);
    uv_timer_start(&session->timer, on_given_up, GRACE_MS, 0);
}

static bool is_simple(const struct session *session)
{
    return session->options.node->kind == KIND_PGBOUNCER || session->options.replication;
}

static bool dispatch(struct session *session, const char *sql, uint64_t deadline_ms)
{
    session->sent_ns = uv_hrtime();
    session->cancelled = false;
    /* The extended protocol takes one statement and no more, whatever a name may hold. */
    int ok = is_simple(session)
                 ? PQsendQuery(session->conn, sql)
                 : PQsendQueryParams(session->conn, sql, 0, NULL, NULL, NULL, NULL, 0);
    if (!ok)
        return false;
    uv_timer_start(&session->timer, on_deadline, deadline_ms, 0);
    return true;
}

static void session_next(struct session *session)
{
    if (session->link != SESSION_READY || session->sent || !session->first)
        return;
    session->sent = true;
    if (dispatch(session, session->first->sql, session->first->deadline_ms))
        flush(session);
    else
        session_lost(session, PQerrorMessage(session->conn));
}

void session_send(struct session *session, const char *sql, uint64_t deadline_ms,
                  session_done *done, void *arg)
{
    struct request *request = xcalloc(1, sizeof *request);
    request->sql = xstrdup(sql);
    request->deadline_ms = deadline_ms;
    request->done = done;
    request->arg = arg;
    if (session->link != SESSION_READY) {
        struct reply reply = {.kind = REPLY_UNSENT,
                              .message = session->error ? session->error : "not connected"};
        answer(request, &reply);
        return;
    }
    if (session->last)
        session->last->next = request;
    else
        session->first = request;
    session->last = request;
    session_next(session);
}

bool session_busy(const struct session *session)
{
    return session->first != NULL;
}

struct cancel {
    uv_work_t work;
    PGcancel *handle;
};

static void cancel_work(uv_work_t *work)
{
    struct cancel *cancel = work->data;
    char error[256];
    PQcancel(cancel->handle, error, sizeof error); /* blocks: that is why it is here */
}

static void cancel_done(uv_work_t *work, int status)
{
    (void)status;
    struct cancel *cancel = work->data;
    PQfreeCancel(cancel->handle);
    free(cancel);
}

void session_cancel(struct session *session)
{
    if (!session->conn || session->cancelled || !(session->sent || session->setting_up))
        return;
    session->cancelled = true;
    struct cancel *cancel = xcalloc(1, sizeof *cancel);
    cancel->handle = PQgetCancel(session->conn);
    cancel->work.data = cancel;
    if (!cancel->handle ||
        uv_queue_work(session->loop, &cancel->work, cancel_work, cancel_done) != 0)
        cancel_done(&cancel->work, 0);
}

static void on_retry(uv_timer_t *timer)
{
    session_connect(timer->data);
}

/* Nobody listens there: libpq says so only in words, those of the system's own error. */
static bool says_refused(const char *text)
{
    return strstr(text, strerror(ECONNREFUSED)) || strstr(text, strerror(ENOENT));
}

static void session_lost(struct session *session, const char *error)
{
    char *text = xstrdup(error && *error ? error : "the connection is gone");
    for (size_t n = strlen(text); n > 0 && text[n - 1] == '\n'; n--)
        text[n - 1] = '\0';
    session->refused = session->link == SESSION_CONNECTING && says_refused(text);
    drop_connection(session);
    bool was_sent = session->sent;
    session->setting_up = false;
    session->holders++; /* a callback may close the session */
    if (session->options.once) {
        set_link(session, SESSION_CLOSED, text);
    } else {
        uint64_t wait = (uint64_t)BACKOFF_FIRST_MS
                        << (session->failures < 3 ? session->failures : 3);
        session->failures++;
        if (wait > BACKOFF_LAST_MS)
            wait = BACKOFF_LAST_MS;
        session->retry_ms = uv_now(session->loop) + wait;
        uv_timer_start(&session->timer, on_retry, wait, 0);
        set_link(session, SESSION_BACKOFF, text);
    }
    answer_all(session, was_sent, text);
    free(text);
    session_release(session);
}

static void on_connect_timeout(uv_timer_t *timer)
{
    session_lost(timer->data, "no connection within the time allowed");
}

static void connected(struct session *session)
{
    uv_timer_stop(&session->timer);
    PQsetnonblocking(session->conn, 1);
    if (!session->setup || is_simple(session)) {
        session->failures = 0;
        set_link(session, SESSION_READY, NULL);
        if (session->conn)
            flush(session);
        return;
    }
    session->setting_up = true;
    if (dispatch(session, session->setup, SETUP_DEADLINE_MS))
        flush(session);
    else
        session_lost(session, PQerrorMessage(session->conn));
}

static void on_connecting(uv_poll_t *poll, int status, int events);

static void connect_step(struct session *session)
{
    /* libpq may close the socket and open another one in here. */
    unwatch(session);
    switch (PQconnectPoll(session->conn)) {
    case PGRES_POLLING_OK:
        connected(session);
        break;
    case PGRES_POLLING_READING:
        watch(session, UV_READABLE, on_connecting);
        break;
    case PGRES_POLLING_WRITING:
        watch(session, UV_WRITABLE, on_connecting);
        break;
    default:
        session_lost(session, PQerrorMessage(session->conn));
    }
}

static void on_connecting(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    struct session *session = ((struct watch *)poll->data)->session;
    if (session)
        connect_step(session);
}

struct start {
    uv_work_t work;
    struct session *session;
    PGconn *conn;
    struct str options;
};

static void ignore_notice(void *arg, const PGresult *result)
{
    (void)arg;
    (void)result;
}

/* Beside the DSN's own options: a watcher is read-only from its first statement on, and what is
 * held open is bounded too, since it can't be set up by statements. */
static void add_options(const struct session *session, struct str *options)
{
    char *own = dsn_value(session->options.node->dsn, "options");
    str_add(options, own);
    free(own);
    if (session->options.read_only)
        str_add(options, " -c default_transaction_read_only=on");
    if (session->options.replication)
        str_add(options, " -c lock_timeout=10s -c statement_timeout=10min"
                         " -c idle_in_transaction_session_timeout=0");
}

/* In the pool: this part of libpq reads files and looks names up, and blocks on both. */
static void start_work(uv_work_t *work)
{
    struct start *start = work->data;
    const struct session *session = start->session;
    add_options(session, &start->options);
    const char *keywords[10] = {"dbname"}, *values[10] = {session->options.node->dsn};
    int n = 1;
#define ADD(keyword, value) (keywords[n] = (keyword), values[n] = (value), n++)
    if (session->database)
        ADD("dbname", session->database);
    ADD("application_name", session->application_name);
    ADD("client_encoding", "UTF8");
    ADD("keepalives_idle", "5");
    ADD("keepalives_interval", "5");
    ADD("tcp_user_timeout", "20000");
    if (session->options.node->kind == KIND_POSTGRES)
        ADD("options", str_text(&start->options));
    if (session->options.replication)
        ADD("replication", "database");
#undef ADD
    start->conn = PQconnectStartParams(keywords, values, 1);
}

static void start_done(uv_work_t *work, int status)
{
    struct start *start = work->data;
    struct session *session = start->session;
    PGconn *conn = start->conn;
    (void)status;
    str_free(&start->options);
    free(start);
    if (session->closing) {
        PQfinish(conn);
    } else {
        session->conn = conn;
        if (!conn || PQstatus(conn) == CONNECTION_BAD) {
            session_lost(session, conn ? PQerrorMessage(conn) : "out of memory");
        } else {
            PQsetNoticeReceiver(conn, ignore_notice, NULL);
            int timeout = session->options.connect_timeout_ms;
            uv_timer_start(&session->timer, on_connect_timeout,
                           timeout ? (uint64_t)timeout : CONNECT_TIMEOUT_MS, 0);
            set_link(session, SESSION_CONNECTING, NULL);
            /* Until told otherwise, libpq waits to write. */
            watch(session, UV_WRITABLE, on_connecting);
        }
    }
    session_release(session);
}

static void session_connect(struct session *session)
{
    struct start *start = xcalloc(1, sizeof *start);
    start->session = session;
    start->work.data = start;
    session->retry_ms = 0;
    session->holders++;
    set_link(session, SESSION_RESOLVING, NULL);
    if (uv_queue_work(session->loop, &start->work, start_work, start_done) != 0)
        die("pgcutover: no thread for name look-ups");
}

struct session *session_open(uv_loop_t *loop, const struct session_options *options)
{
    struct session *session = xcalloc(1, sizeof *session);
    session->loop = loop;
    session->options = *options;
    session->database = options->database ? xstrdup(options->database) : NULL;
    session->application_name = xstrdup(options->application_name);
    session->setup = options->setup ? xstrdup(options->setup) : NULL;
    session->holders = 1;
    uv_timer_init(loop, &session->timer);
    session->timer.data = session;
    session_connect(session);
    return session;
}

static void timer_closed(uv_handle_t *handle)
{
    session_release(handle->data);
}

void session_close(struct session *session)
{
    if (!session || session->closing)
        return;
    session->closing = true;
    bool was_sent = session->sent;
    drop_connection(session);
    session->link = SESSION_CLOSED;
    answer_all(session, was_sent, "the console closed the connection");
    uv_close((uv_handle_t *)&session->timer, timer_closed);
}

enum session_link session_link(const struct session *session)
{
    return session->link;
}

const char *session_error(const struct session *session)
{
    return session->error;
}

bool session_refused(const struct session *session)
{
    return session->refused && session->link != SESSION_READY;
}

int session_version(const struct session *session)
{
    bool known = session->conn && session->options.node->kind == KIND_POSTGRES;
    return known ? PQserverVersion(session->conn) : 0;
}

int session_pid(const struct session *session)
{
    return session->conn ? PQbackendPID(session->conn) : 0;
}

const char *session_password(const struct session *session)
{
    return session->conn && PQpass(session->conn) && *PQpass(session->conn) ? PQpass(session->conn)
                                                                            : NULL;
}

uint64_t session_retry_ms(const struct session *session)
{
    return session->retry_ms;
}
