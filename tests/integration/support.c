#include "tests/integration/support.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_MS = 60000, TICK_MS = 10 };

static const char *root(void)
{
    const char *root = getenv("PGCUTOVER_ROOT");
    return root ? root : ".";
}

static bool run_shell(const char *command)
{
    int status = system(command);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

struct lab lab_up(const char *name, int port, int from, int to, const char *options)
{
    struct lab lab = {.port = port};
    snprintf(lab.dir, sizeof lab.dir, "/var/tmp/pgcutover-lab/test-%s", name);
    snprintf(lab.conf, sizeof lab.conf, "%s/pgcutover.conf", lab.dir);
    lab_run(&lab, "down");
    cr_assert(lab_run(&lab, "up --from %d --to %d --port %d %s", from, to, port, options),
              "the lab %s does not start", name);
    return lab;
}

void lab_down(const struct lab *lab)
{
    lab_run(lab, "down");
}

bool lab_run(const struct lab *lab, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *words;
    if (vasprintf(&words, format, arguments) < 0)
        abort();
    va_end(arguments);
    size_t first = strcspn(words, " ");
    char *command = xprintf("'%s/tests/lab/lab' %.*s '%s'%s >/dev/null 2>'%s.err'", root(),
                            (int)first, words, lab->dir, words + first, lab->dir);
    bool ok = run_shell(command);
    free(command);
    if (!ok && strncmp(words, "down", 4) != 0) {
        char *show = xprintf("tail -5 '%s.err' >&2", lab->dir);
        run_shell(show);
        free(show);
    }
    char *leftover = xprintf("%s.err", lab->dir);
    unlink(leftover);
    free(leftover);
    free(words);
    return ok;
}

static PGconn *connect_as(const struct lab *lab, const char *side, const char *database,
                          const char *user, const char *options)
{
    int port = lab->port + (strcmp(side, "target") == 0 ? 1 : strcmp(side, "pooler") == 0 ? 2 : 0);
    char *dsn = xprintf("host=127.0.0.1 port=%d user=%s dbname=%s passfile=%s/pgpass "
                        "application_name=test%s",
                        port, user, database, lab->dir, options);
    PGconn *conn = PQconnectdb(dsn);
    free(dsn);
    cr_assert(PQstatus(conn) == CONNECTION_OK, "%s/%s: %s", side, database, PQerrorMessage(conn));
    return conn;
}

PGconn *lab_connect(const struct lab *lab, const char *side, const char *database, const char *user)
{
    return connect_as(lab, side, database, user, "");
}

/* Its own: a look may be taken, and a row of ours written, where the application's is refused. */
static PGconn *connect_to(const struct lab *lab, const char *side, const char *database)
{
    bool pooler = strcmp(side, "pooler") == 0;
    return connect_as(lab, side, database, "pgcutover",
                      pooler ? "" : " options='-c default_transaction_read_only=off'");
}

const char *lab_write(PGconn *conn)
{
    static char state[6];
    static int number;
    char sql[128];
    snprintf(sql, sizeof sql, "INSERT INTO load_ledger (client, n) VALUES (1000, %d)", ++number);
    PGresult *result = PQexec(conn, sql);
    const char *said = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    bool ok = PQresultStatus(result) == PGRES_COMMAND_OK;
    snprintf(state, sizeof state, "%s", ok ? "" : said ? said : "08006");
    PQclear(result);
    return state;
}

static PGresult *query(PGconn *conn, const char *sql)
{
    PGresult *result = PQexec(conn, sql);
    ExecStatusType status = PQresultStatus(result);
    cr_assert(status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK, "%s: %s", sql,
              PQerrorMessage(conn));
    return result;
}

char *lab_ask(const struct lab *lab, const char *side, const char *database, const char *sql)
{
    PGconn *conn = connect_to(lab, side, database);
    PGresult *result = query(conn, sql);
    bool none = PQntuples(result) == 0 || PQgetisnull(result, 0, 0);
    char *cell = xstrdup(none ? "" : PQgetvalue(result, 0, 0));
    PQclear(result);
    PQfinish(conn);
    return cell;
}

bool lab_pooler_at(const struct lab *lab, const char *side)
{
    char port[16];
    snprintf(port, sizeof port, "%d", lab->port + (strcmp(side, "target") == 0));
    PGconn *conn = connect_to(lab, "pooler", "pgbouncer");
    PGresult *shown = query(conn, "SHOW DATABASES");
    int name = PQfnumber(shown, "name"), to = PQfnumber(shown, "port"),
        paused = PQfnumber(shown, "paused"), good = 0;
    for (int i = 0; i < PQntuples(shown); i++)
        good += strcmp(PQgetvalue(shown, i, name), "pgbouncer") != 0 &&
                strcmp(PQgetvalue(shown, i, to), port) == 0 &&
                strcmp(PQgetvalue(shown, i, paused), "0") == 0;
    PQclear(shown);
    PQfinish(conn);
    return good == 2;
}

void lab_do(const struct lab *lab, const char *side, const char *database, const char *sql)
{
    free(lab_ask(lab, side, database, sql));
}

/* Row by row as text, in an order that no locale changes; floats as short as they can be. */
char *lab_content(const struct lab *lab, const char *side, const char *database)
{
    PGconn *conn = connect_to(lab, side, database);
    PQclear(query(conn, "SET extra_float_digits = 0"));
    PGresult *tables = query(
        conn, "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c "
              "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' "
              "AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgcutover') "
              "AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e') "
              "ORDER BY n.nspname::text COLLATE \"C\", c.relname::text COLLATE \"C\"");
    struct str content = {0};
    for (int i = 0; i < PQntuples(tables); i++) {
        const char *table = PQgetvalue(tables, i, 0);
        char *sql =
            xprintf("SELECT count(*) || ' ' || coalesce(md5(string_agg(r, '|' ORDER BY r "
                    "COLLATE \"C\")), '') FROM (SELECT row_to_json(t)::text AS r FROM %s t) x",
                    table);
        PGresult *digest = query(conn, sql);
        str_printf(&content, "%s %s\n", table, PQgetvalue(digest, 0, 0));
        PQclear(digest);
        free(sql);
    }
    PQclear(tables);
    PQfinish(conn);
    return str_take(&content);
}

const char *const lab_databases[2] = {"shop", "billing"};

char *lab_sequences(const struct lab *lab, const char *side, const char *database)
{
    PGconn *conn = connect_to(lab, side, database);
    PGresult *names =
        query(conn, "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c "
                    "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'S' "
                    "ORDER BY n.nspname::text COLLATE \"C\", c.relname::text COLLATE \"C\"");
    struct str sequences = {0};
    for (int i = 0; i < PQntuples(names); i++) {
        const char *name = PQgetvalue(names, i, 0);
        char *sql = xprintf("SELECT last_value || ' ' || is_called FROM %s", name);
        PGresult *value = query(conn, sql);
        str_printf(&sequences, "%s %s\n", name, PQgetvalue(value, 0, 0));
        PQclear(value);
        free(sql);
    }
    PQclear(names);
    PQfinish(conn);
    return str_take(&sequences);
}

bool lab_says(const struct lab *lab, const char *side, const char *database, const char *sql)
{
    char *said = lab_ask(lab, side, database, sql);
    bool yes = strcmp(said, "t") == 0;
    free(said);
    return yes;
}

void lab_drain(const struct lab *lab, const char *from, const char *to)
{
    static int drains;
    const char *table = strcmp(from, "target") == 0 ? "heartbeat_back" : "heartbeat";
    char *token = xprintf("drain %d of %d", ++drains, (int)getpid());
    for (size_t i = 0; i < 2; i++) {
        char *write = xprintf("INSERT INTO pgcutover.%s (id, token) VALUES (9, '%s') "
                              "ON CONFLICT (id) DO UPDATE SET token = excluded.token",
                              table, token);
        char *seen = xprintf(
            "SELECT EXISTS (SELECT FROM pgcutover.%s WHERE id = 9 AND token = '%s')", table, token);
        lab_do(lab, from, lab_databases[i], write);
        int left = PATIENCE_MS / 50;
        while (left > 0 && !lab_says(lab, to, lab_databases[i], seen)) {
            usleep(50000);
            left--;
        }
        cr_assert(left > 0, "%s: what is on the %s never comes to the %s", lab_databases[i], from,
                  to);
        free(write);
        free(seen);
    }
    free(token);
}

static void expect_same(const struct lab *lab,
                        char *(*what)(const struct lab *, const char *, const char *))
{
    for (size_t i = 0; i < 2; i++) {
        char *source = what(lab, "source", lab_databases[i]);
        char *target = what(lab, "target", lab_databases[i]);
        cr_expect_str_eq(source, target, "%s differs. Source:\n%sTarget:\n%s", lab_databases[i],
                         source, target);
        cr_expect_gt(strlen(source), 100, "%s: too little to compare", lab_databases[i]);
        free(source);
        free(target);
    }
}

void lab_expect_same_content(const struct lab *lab)
{
    expect_same(lab, lab_content);
}

void lab_expect_same_sequences(const struct lab *lab)
{
    expect_same(lab, lab_sequences);
}

void lab_expect_sequences_work(const struct lab *lab, const char *side)
{
    static const char sql[] =
        "DO $$ DECLARE r record; number bigint; taken boolean; BEGIN "
        "FOR r IN SELECT s.oid::regclass AS sequence, u.tab, u.col FROM pg_class s LEFT JOIN ("
        "  SELECT d.objid AS oid, d.refobjid AS tab, d.refobjsubid AS att FROM pg_depend d"
        "   WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass"
        "     AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0"
        "  UNION SELECT d.refobjid, x.adrelid, x.adnum FROM pg_depend d"
        "   JOIN pg_attrdef x ON x.oid = d.objid WHERE d.classid = 'pg_attrdef'::regclass"
        "    AND d.refclassid = 'pg_class'::regclass) AS k ON k.oid = s.oid"
        " LEFT JOIN LATERAL (SELECT a.attrelid::regclass AS tab, a.attname AS col"
        "   FROM pg_attribute a WHERE a.attrelid = k.tab AND a.attnum = k.att) AS u ON true"
        " WHERE s.relkind = 'S' LOOP"
        "  number := nextval(r.sequence); taken := false;"
        "  IF r.tab IS NOT NULL THEN"
        "   EXECUTE format('SELECT EXISTS (SELECT FROM %s WHERE %I = %s)', r.tab, r.col, number)"
        "   INTO taken; END IF;"
        "  IF taken THEN RAISE EXCEPTION '% gives %, which % has', r.sequence, number, r.tab;"
        "  END IF;"
        " END LOOP; END $$";
    for (size_t i = 0; i < 2; i++)
        lab_do(lab, side, lab_databases[i], sql);
}

void lab_expect_nothing_left(const struct lab *lab)
{
    static const char sql[] =
        "SELECT coalesce(string_agg(what, ', '), '') FROM ("
        " SELECT 'slot ' || slot_name AS what FROM pg_replication_slots"
        " UNION ALL SELECT 'publication ' || pubname FROM pg_publication"
        " UNION ALL SELECT 'subscription ' || subname FROM pg_subscription"
        " UNION ALL SELECT 'origin ' || roname FROM pg_replication_origin"
        " UNION ALL SELECT 'schema ' || nspname FROM pg_namespace WHERE nspname ~ 'pgcutover'"
        " UNION ALL SELECT 'setting ' || setconfig::text FROM pg_db_role_setting) AS ours";
    static const char *const sides[] = {"source", "target"};
    for (size_t side = 0; side < 2; side++)
        for (size_t i = 0; i < 2; i++) {
            char *left = lab_ask(lab, sides[side], lab_databases[i], sql);
            cr_expect_str_empty(left, "%s of the %s: left over: %s", lab_databases[i], sides[side],
                                left);
            free(left);
        }
}

void load_start(const struct lab *lab)
{
    cr_assert(lab_run(lab, "load start"), "the load does not start");
    load_wait_acks(lab, 20);
}

void load_stop(const struct lab *lab)
{
    cr_assert(lab_run(lab, "load stop"), "the load does not stop");
}

static long load_number(const struct lab *lab, const char *kind)
{
    char *command = xprintf("grep -c '^%s ' '%s/load.log' || true", kind, lab->dir);
    FILE *pipe = popen(command, "r");
    char line[64] = "";
    cr_assert(pipe && fgets(line, sizeof line, pipe));
    pclose(pipe);
    free(command);
    return atol(line);
}

long load_failed(const struct lab *lab)
{
    return load_number(lab, "fail");
}

long load_acked(const struct lab *lab)
{
    return load_number(lab, "ack");
}

void load_wait_acks(const struct lab *lab, long more)
{
    long goal = load_acked(lab) + more;
    for (int i = 0; i < 600 && load_acked(lab) < goal; i++)
        usleep(50000);
    cr_assert(load_acked(lab) >= goal, "the application does not get its writes acknowledged");
}

void load_expect_nothing_lost(const struct lab *lab, const char *side)
{
    cr_assert(lab_run(lab, "ledger %s", side), "an acknowledged write is not on the %s", side);
}

/* The major versions that acknowledged a database's writes, a change a word. */
static void load_servers(const struct lab *lab, const char *database, char line[static 256])
{
    char *command =
        xprintf("awk '$1 == \"ack\" && $4 == \"%s\" { v = int($7 / 10000); "
                "if (v != last) printf \"%%s%%d\", (last ? \" \" : \"\"), v; last = v } "
                "END { print \"\" }' '%s/load.log'",
                database, lab->dir);
    FILE *pipe = popen(command, "r");
    cr_assert(pipe && fgets(line, 256, pipe));
    pclose(pipe);
    free(command);
    line[strcspn(line, "\n")] = '\0';
}

void load_expect_server(const struct lab *lab, int major)
{
    for (size_t i = 0; i < 2; i++) {
        char line[256];
        load_servers(lab, lab_databases[i], line);
        const char *last = strrchr(line, ' ');
        cr_expect_eq(atoi(last ? last + 1 : line), major, "%s is written on %s", lab_databases[i],
                     line);
    }
}

void load_expect_servers(const struct lab *lab, const char *majors)
{
    for (size_t i = 0; i < 2; i++) {
        char line[256];
        load_servers(lab, lab_databases[i], line);
        cr_expect_str_eq(line, majors, "%s was written on %s", lab_databases[i], line);
    }
}

struct until {
    struct driver *driver;
    bool (*is_so)(struct driver *, const void *);
    const void *arg;
    uint64_t end_ms;
    bool met;
};

static void on_tick(uv_timer_t *timer)
{
    struct until *until = timer->data;
    until->met = until->is_so(until->driver, until->arg);
    if (until->met || uv_now(&until->driver->loop) >= until->end_ms)
        uv_stop(&until->driver->loop);
}

bool driver_until(struct driver *driver, bool (*is_so)(struct driver *, const void *),
                  const void *arg, int ms)
{
    uv_timer_t timer;
    uv_update_time(&driver->loop);
    struct until until = {driver, is_so, arg, uv_now(&driver->loop) + (uint64_t)ms, false};
    uv_timer_init(&driver->loop, &timer);
    timer.data = &until;
    uv_timer_start(&timer, on_tick, 0, TICK_MS);
    uv_run(&driver->loop, UV_RUN_DEFAULT);
    uv_close((uv_handle_t *)&timer, NULL);
    uv_run(&driver->loop, UV_RUN_NOWAIT);
    return until.met;
}

static bool drives(struct driver *driver, const void *arg)
{
    (void)arg;
    return engine_drive(driver->app->engine) == DRIVE_OURS && engine_resumed(driver->app->engine);
}

static struct driver *console(const struct lab *lab, const char *runbook, const char *journal)
{
    struct driver *driver = xcalloc(1, sizeof *driver);
    struct err err;
    uv_loop_init(&driver->loop);
    struct config *config = config_read(lab->conf, &err);
    cr_assert(config, "%s", err.text);
    if (runbook)
        config->runbook = runbook;
    if (journal)
        config->journal = journal;
    driver->app = app_new(&driver->loop, MODE_DRIVE, config, &err);
    cr_assert(driver->app, "%s", err.text);
    cr_assert(app_start(driver->app, &err), "%s", err.text);
    return driver;
}

struct driver *driver_start(const struct lab *lab, const char *runbook)
{
    struct driver *driver = console(lab, runbook, NULL);
    cr_assert(driver_until(driver, drives, NULL, PATIENCE_MS), "it never drives: %s",
              engine_driver(driver->app->engine));
    return driver;
}

static bool is_told(struct driver *driver, const void *arg)
{
    (void)arg;
    return engine_drive(driver->app->engine) == DRIVE_TAKEN;
}

struct driver *driver_second(const struct lab *lab)
{
    static char journal[128];
    snprintf(journal, sizeof journal, "%s/journal-2", lab->dir);
    struct driver *driver = console(lab, NULL, journal);
    cr_assert(driver_until(driver, is_told, NULL, PATIENCE_MS), "it is not told who drives");
    return driver;
}

void driver_stop(struct driver *driver)
{
    app_stop(driver->app);
    while (uv_run(&driver->loop, UV_RUN_DEFAULT) != 0)
        ;
    uv_loop_close(&driver->loop);
    app_free(driver->app);
    free(driver->conf);
    free(driver);
}

static size_t step_number(const struct driver *driver, const char *id)
{
    const struct run *run = driver->app->run;
    for (size_t i = 0; i < run->step_count; i++)
        if (strcmp(run->steps[i].step->id, id) == 0)
            return i;
    cr_assert_fail("the runbook has no step %s", id);
    return 0;
}

enum state driver_state(const struct driver *driver, const char *step)
{
    return run_step_state(driver->app->run, step_number(driver, step));
}

const char *driver_story(const struct driver *driver, const char *step)
{
    static char story[4096];
    const struct step_run *run = &driver->app->run->steps[step_number(driver, step)];
    size_t used = (size_t)snprintf(story, sizeof story, "%s: ", step);
    for (size_t i = 0; i < run->place_count && used < sizeof story; i++)
        used +=
            (size_t)snprintf(story + used, sizeof story - used, "[%s %s%s%s] ", run->places[i].name,
                             state_word(run->places[i].state), run->places[i].message ? ": " : "",
                             run->places[i].message ? run->places[i].message : "");
    return story;
}

static bool question_is_ready(struct driver *driver, const void *arg)
{
    (void)arg;
    const struct question *question = engine_question(driver->app->engine);
    return !question || question->ready;
}

static bool is_idle(struct driver *driver, const void *arg)
{
    const struct run *run = driver->app->run;
    (void)arg;
    return run_busy(run) == run->step_count && !engine_at_gate(driver->app->engine);
}

bool driver_do(struct driver *driver, enum verb verb, const char *step, struct err *why)
{
    struct engine *engine = driver->app->engine;
    if (!engine_ask(engine, verb, step_number(driver, step), why))
        return false;
    driver_until(driver, question_is_ready, NULL, PATIENCE_MS);
    const struct question *question = engine_question(engine);
    if (question && !engine_yes(engine, question->generation, driver->app->config->run, why)) {
        engine_no(engine);
        return false;
    }
    if (!driver_until(driver, is_idle, NULL, 5 * PATIENCE_MS))
        return err_set(why, "%s never ends", step);
    return true;
}

void driver_walk(struct driver *driver, const char *last)
{
    const struct run *run = driver->app->run;
    size_t stop = last ? step_number(driver, last) : run->step_count - 1;
    struct err why;
    for (size_t next = run_next(run); next <= stop; next = run_next(run)) {
        const char *id = run->steps[next].step->id;
        cr_assert(driver_do(driver, VERB_RUN, id, &why), "%s: %s", id, why.text);
        cr_assert(state_is_settled(run_step_state(run, next)), "%s", driver_story(driver, id));
    }
}

void driver_abort(struct driver *driver)
{
    const struct run *run = driver->app->run;
    struct err why;
    while (run_window_open(run)) {
        size_t back = run_back(run);
        cr_assert(back < run->step_count, "the window is open and nothing can be taken back");
        const char *id = run->steps[back].step->id;
        cr_assert(driver_do(driver, VERB_UNDO, id, &why), "undo of %s: %s", id, why.text);
        cr_assert_eq(run_step_state(run, back), S_UNDONE, "undo of %s", driver_story(driver, id));
    }
}
