/* The application of the lab: clients that write to the shop through its pooler and note in a log
 * what was acknowledged to them, which is what a cutover must not lose.
 *
 *   load FILES CLIENTS ROWS_PER_SECOND CONNINFO
 *
 * FILES is a path without its end: FILES.log gets a line for each transaction, FILES.status is
 * replaced every 200 ms. CONNINFO is libpq's, without dbname. SIGTERM ends it after the
 * transactions in flight. The log's lines:
 *
 *   ack CLIENT N DATABASE EPOCH_MS LATENCY_MS SERVER_VERSION_NUM
 *   fail CLIENT N DATABASE EPOCH_MS LATENCY_MS SQLSTATE MESSAGE       surely not committed
 *   unknown CLIENT N DATABASE EPOCH_MS LATENCY_MS SQLSTATE MESSAGE    the connection broke in
 * COMMIT
 */
#include <errno.h>
#include <libpq-fe.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    MAX_CLIENTS = 64,
    DATABASES = 2,
    ROWS_EACH = 10, /* about, of a transaction */
    STATUS_EVERY_MS = 200,
    RETRY_AFTER_MS = 100,
};

/* What a transaction does after its row in the ledger; the last statement says which server it was.
 * The tables come in one order, a row each, so that clients wait for each other and never deadlock;
 * it is (SELECT ... random()), since without the SELECT each row would roll the dice. */
static const char shop_sql[] =
    "UPDATE customers SET seen = now(), balance = balance + 1"
    " WHERE id = (SELECT 1 + floor(random() * 5000)::int);"
    "UPDATE stock SET pieces = pieces - 1 WHERE warehouse = 1"
    " AND product = (SELECT 1 + floor(random() * 2000)::int);"
    "INSERT INTO stock_movements (warehouse, product, pieces) VALUES (1, 1, -1);"
    "WITH o AS (INSERT INTO orders (customer_id, note) VALUES (1, 'load') RETURNING id)"
    " INSERT INTO order_lines (order_id, line, product, pieces, price)"
    " SELECT id, line, line, 1, 9.90 FROM o, generate_series(1, 2) line;"
    "INSERT INTO events (kind, payload) VALUES ('load', '{\"from\": \"load\"}');"
    "INSERT INTO \"日本\" (\"名前\") VALUES ('負荷');"
    "INSERT INTO \"Sales Data\".\"Receipt\" (\"No\", \"Client\", \"Sum\")"
    " VALUES (nextval('\"Sales Data\".\"Beleg №\"'), 1, 9.90);"
    "UPDATE page_counters SET hits = hits + 1"
    " WHERE page = (SELECT '/' || 1 + floor(random() * 50)::int);"
    "UPDATE sessions SET at = now()"
    " WHERE token = (SELECT md5((1 + floor(random() * 1000)::int)::text)::uuid);"
    "INSERT INTO carts (customer_id, items) VALUES (1, '{1,2}');"
    "DELETE FROM carts"
    " WHERE id = (SELECT id FROM carts ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED);"
    "SELECT current_setting('server_version_num')";

static const char billing_sql[] =
    "UPDATE accounts SET balance = balance + 1"
    " WHERE id = (SELECT 1 + floor(random() * 500)::int);"
    "WITH i AS (INSERT INTO invoices (account, amount) VALUES (1, 9.90) RETURNING id)"
    " INSERT INTO payments (invoice, kind, amount) SELECT id, 'card', 9.90 FROM i;"
    "INSERT INTO entries (account, amount) VALUES (1, 9.90);"
    "INSERT INTO reminders (invoice) VALUES (1);"
    "DELETE FROM reminders"
    " WHERE id = (SELECT id FROM reminders ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED);"
    "UPDATE exports SET lines = lines + 1"
    " WHERE file = (SELECT 'export-' || 1 + floor(random() * 20)::int);"
    "SELECT current_setting('server_version_num')";

static const struct {
    const char *name;
    const char *sql;
} databases[DATABASES] = {{"shop", shop_sql}, {"billing", billing_sql}};

struct outcome {
    enum { ACK, FAIL, UNKNOWN } kind;
    char sqlstate[6];
    char message[200];
    int server_version;
    int rows;
};

struct client {
    int number;
    int database;
    int64_t n; /* of the next transaction */
    PGconn *connection;
};

static char *log_path, *status_path, *status_new_path;
static const char *conninfo;
static int client_count;
static double rows_per_second;
static atomic_bool stopping;

/* What the clients share: the log and the sums for the status. */
static pthread_mutex_t shared = PTHREAD_MUTEX_INITIALIZER;
static FILE *log_file;
static int64_t counts[3], rows, slowest_ms, longest_gap_ms, last_ack[DATABASES];

static int64_t now_ms(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void sleep_ms(int64_t ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

static int64_t max(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* The error as one line. */
static struct outcome trouble(int kind, const PGconn *connection, const PGresult *result)
{
    struct outcome outcome = {.kind = kind};
    const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    snprintf(outcome.sqlstate, sizeof outcome.sqlstate, "%s", state ? state : "08006");
    snprintf(outcome.message, sizeof outcome.message, "%s", PQerrorMessage(connection));
    for (char *c = outcome.message; *c; c++)
        if (*c == '\n')
            *c = ' ';
    return outcome;
}

/* Runs all but the COMMIT. What breaks here was surely not committed. */
static struct outcome work(struct client *client)
{
    char sql[4096];
    snprintf(sql, sizeof sql, "BEGIN; INSERT INTO load_ledger (client, n) VALUES (%d, %lld); %s",
             client->number, (long long)client->n, databases[client->database].sql);
    if (!PQsendQuery(client->connection, sql))
        return trouble(FAIL, client->connection, NULL);

    struct outcome outcome = {.kind = ACK};
    PGresult *result;
    while ((result = PQgetResult(client->connection))) {
        ExecStatusType status = PQresultStatus(result);
        if (status == PGRES_TUPLES_OK)
            outcome.server_version = atoi(PQgetvalue(result, 0, 0));
        else if (status == PGRES_COMMAND_OK)
            outcome.rows += atoi(PQcmdTuples(result));
        else if (outcome.kind == ACK)
            outcome = trouble(FAIL, client->connection, result);
        PQclear(result);
    }
    return outcome;
}

static struct outcome commit(struct client *client, struct outcome worked)
{
    struct outcome outcome = worked;
    PGresult *result = PQexec(client->connection, "COMMIT");
    if (PQresultStatus(result) != PGRES_COMMAND_OK) {
        bool broke = PQstatus(client->connection) != CONNECTION_OK;
        outcome = trouble(broke ? UNKNOWN : FAIL, client->connection, result);
    }
    PQclear(result);
    return outcome;
}

/* Makes the connection, or makes it again. */
static bool connected(struct client *client)
{
    if (client->connection && PQstatus(client->connection) == CONNECTION_OK)
        return true;
    PQfinish(client->connection);
    const char *keys[] = {"dbname", "connect_timeout", "dbname", NULL};
    const char *values[] = {conninfo, "5", databases[client->database].name, NULL};
    client->connection = PQconnectdbParams(keys, values, true);
    return PQstatus(client->connection) == CONNECTION_OK;
}

static struct outcome transaction(struct client *client)
{
    if (!connected(client))
        return trouble(FAIL, client->connection, NULL);
    struct outcome outcome = work(client);
    if (outcome.kind == ACK)
        return commit(client, outcome);
    if (PQstatus(client->connection) == CONNECTION_OK)
        PQclear(PQexec(client->connection, "ROLLBACK"));
    return outcome;
}

static void record(const struct client *client, const struct outcome *outcome, int64_t latency)
{
    static const char *const words[] = {"ack", "fail", "unknown"};
    pthread_mutex_lock(&shared);
    fprintf(log_file, "%s %d %lld %s %lld %lld ", words[outcome->kind], client->number,
            (long long)client->n, databases[client->database].name,
            (long long)now_ms(CLOCK_REALTIME), (long long)latency);
    if (outcome->kind == ACK)
        fprintf(log_file, "%d\n", outcome->server_version);
    else
        fprintf(log_file, "%s %s\n", outcome->sqlstate, outcome->message);

    counts[outcome->kind]++;
    slowest_ms = max(slowest_ms, latency);
    if (outcome->kind == ACK) {
        int64_t now = now_ms(CLOCK_MONOTONIC), *last = &last_ack[client->database];
        longest_gap_ms = max(longest_gap_ms, now - *last);
        *last = now;
        rows += outcome->rows;
    }
    pthread_mutex_unlock(&shared);
}

static void sleep_until(double due)
{
    int64_t now = now_ms(CLOCK_MONOTONIC);
    if (due > (double)now)
        sleep_ms((int64_t)due - now);
}

/* One client: each transaction starts when the rows of the ones before it are due at the rate, and
 * the first ones one after the other, since in step they would leave gaps. Who was held up does not
 * catch up: people do not click faster afterwards. */
static void *run_client(void *argument)
{
    struct client *client = argument;
    double ms_per_row = client_count * 1000.0 / rows_per_second;
    double due =
        (double)now_ms(CLOCK_MONOTONIC) + ms_per_row * ROWS_EACH * client->number / client_count;
    for (; !stopping; client->n++) {
        sleep_until(due);
        int64_t start = now_ms(CLOCK_MONOTONIC);
        struct outcome outcome = transaction(client);
        int64_t end = now_ms(CLOCK_MONOTONIC);
        record(client, &outcome, end - start);
        due = due < (double)end - 1000 ? (double)end : due + outcome.rows * ms_per_row;
        if (outcome.kind != ACK)
            due = (double)(end + RETRY_AFTER_MS);
    }
    PQfinish(client->connection);
    return NULL;
}

/* The gap between two acknowledged transactions is one database's, and the worse of the two: with
 * the one at work nobody would see that the other stands still. An open gap counts. */
static void write_status(void)
{
    static int64_t rows_before, time_before;
    FILE *file = fopen(status_new_path, "w");
    if (!file)
        return;
    pthread_mutex_lock(&shared);
    int64_t now = now_ms(CLOCK_MONOTONIC), gap = longest_gap_ms;
    for (int i = 0; i < DATABASES && i < client_count; i++)
        gap = max(gap, now - last_ack[i]);
    int64_t rate = time_before ? (rows - rows_before) * 1000 / max(now - time_before, 1) : 0;
    fprintf(file, "acked=%lld\nfailed=%lld\nunknown=%lld\n", (long long)counts[ACK],
            (long long)counts[FAIL], (long long)counts[UNKNOWN]);
    fprintf(file, "slowest_ms=%lld\nlongest_gap_ms=%lld\nrows_per_second=%lld\n",
            (long long)slowest_ms, (long long)gap, (long long)rate);
    if (!time_before || now - time_before >= 1000) { /* a rate over 200 ms would only flicker */
        rows_before = rows;
        time_before = now;
    }
    pthread_mutex_unlock(&shared);
    if (fclose(file) == 0)
        rename(status_new_path, status_path);
}

static char *path_with(const char *path, const char *end)
{
    char *whole;
    if (asprintf(&whole, "%s%s", path, end) < 0)
        abort();
    return whole;
}

static bool options(char **arguments)
{
    log_path = path_with(arguments[1], ".log");
    status_path = path_with(arguments[1], ".status");
    status_new_path = path_with(arguments[1], ".status.new");
    client_count = atoi(arguments[2]);
    rows_per_second = atof(arguments[3]);
    conninfo = arguments[4];
    return client_count >= 1 && client_count <= MAX_CLIENTS && rows_per_second > 0;
}

int main(int argc, char **argv)
{
    if (argc != 5 || !options(argv)) {
        fprintf(stderr, "usage: load FILES CLIENTS(1-%d) ROWS_PER_SECOND CONNINFO\n", MAX_CLIENTS);
        return 2;
    }
    log_file = fopen(log_path, "a");
    if (!log_file) {
        fprintf(stderr, "load: %s: %s\n", log_path, strerror(errno));
        return 1;
    }
    setvbuf(log_file, NULL, _IOLBF,
            BUFSIZ); /* a kill -9 loses the transaction in flight, no more */

    /* Blocked in every thread, and taken below between two writings of the status. */
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);

    /* Numbers start at the clock, so that a load started again never takes one that was used. */
    int64_t first = now_ms(CLOCK_REALTIME) * 1000;
    static struct client clients[MAX_CLIENTS];
    pthread_t threads[MAX_CLIENTS];
    for (int i = 0; i < DATABASES; i++)
        last_ack[i] = now_ms(CLOCK_MONOTONIC);
    for (int i = 0; i < client_count; i++) {
        clients[i] = (struct client){.number = i, .database = i % DATABASES, .n = first};
        pthread_create(&threads[i], NULL, run_client, &clients[i]);
    }

    const struct timespec wait = {.tv_nsec = STATUS_EVERY_MS * 1000000L};
    while (sigtimedwait(&signals, NULL, &wait) < 0)
        write_status();
    stopping = true;
    for (int i = 0; i < client_count; i++)
        pthread_join(threads[i], NULL);
    write_status();
    fclose(log_file);
    free(log_path);
    free(status_path);
    free(status_new_path);
    return 0;
}
