/* Watchers: what a role with pg_monitor sees, that it can't change anything, what it costs, and
 * where no secret may be found afterwards. */
#include "tests/integration/support.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/sampler.h"
#include "core/sessions.h"

enum { PATIENCE_MS = 30000, COST_MS = 10000 };

static struct lab lab;
static struct app *watcher;
static struct str errors; /* of samples, that no privilege explains */
static struct str leaks;  /* process lists with a secret in them */

static void down(void)
{
    lab_down(&lab);
}

static void note(struct str *notes, const char *text)
{
    if (!strstr(str_text(notes), text))
        str_printf(notes, "%s\n", text);
}

static void on_sampled(struct app *app)
{
    for (size_t i = 0; i < app->model->sample_count; i++) {
        const struct sample *sample = &app->model->samples[i];
        if (!sample->error || strstr(sample->error, "permission denied"))
            continue;
        char *text = xprintf("%s on %s%s%s: %s", sample->query->id, sample->place.node->name,
                             sample->place.database ? "/" : "",
                             sample->place.database ? sample->place.database : "", sample->error);
        note(&errors, text);
        free(text);
    }
}

static void watch(struct driver *driver)
{
    struct err err;
    char *conf = xprintf("%s/observer.conf", lab.dir);
    struct config *config = config_read(conf, &err);
    cr_assert(config, "%s", err.text);
    free(conf);
    watcher = app_new(&driver->loop, MODE_WATCH, config, &err);
    cr_assert(watcher && app_start(watcher, &err), "%s", err.text);
    watcher->changed = on_sampled;
    cr_expect_null(watcher->engine);
}

/* --- what may not be seen in the process list --- */

static bool is_secret(const char *text)
{
    return strstr(text, "secret-of-") || strstr(text, "SCRAM-SHA-256$");
}

static void read_command_line(const char *pid)
{
    char path[64], line[16384], port[16];
    snprintf(path, sizeof path, "/proc/%.20s/cmdline", pid);
    snprintf(port, sizeof port, "%d", lab.port);
    FILE *file = fopen(path, "r");
    size_t length = file ? fread(line, 1, sizeof line - 1, file) : 0;
    if (file)
        fclose(file);
    for (size_t i = 0; i < length; i++)
        if (!line[i])
            line[i] = ' ';
    line[length] = '\0';
    /* of this lab only: others run beside it */
    if (is_secret(line) && (strstr(line, port) || strstr(line, lab.dir)))
        note(&leaks, line);
}

static void look_at_processes(uv_timer_t *timer)
{
    const struct driver *driver = timer->data;
    const struct run *run = driver->app->run;
    size_t busy = run_busy(run);
    if (busy == run->step_count || run->steps[busy].step->kind != STEP_COMMAND)
        return;
    DIR *proc = opendir("/proc");
    const struct dirent *entry;
    while (proc && (entry = readdir(proc)))
        if (isdigit((unsigned char)*entry->d_name))
            read_command_line(entry->d_name);
    closedir(proc);
}

/* --- what the servers' logs say --- */

static bool begins_as_reading(const char *statement)
{
    static const char *const words[] = {"SELECT", "SHOW", "SET ", "WITH"};
    statement += strspn(statement, " \t\r\n");
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strncmp(statement, words[i], strlen(words[i])) == 0)
            return true;
    return false;
}

static const char *statement_of(const char *line)
{
    static const char *const marks[] = {"LOG:  statement: ", "LOG:  execute <unnamed>: "};
    for (size_t i = 0; i < 2; i++) {
        const char *at = strstr(line, marks[i]);
        if (at)
            return at + strlen(marks[i]);
    }
    return NULL;
}

static long read_log(const char *side, bool judge)
{
    long statements = 0;
    char *path = xprintf("%s/%s.log", lab.dir, side);
    FILE *log = fopen(path, "r");
    char *line = NULL;
    size_t size = 0;
    cr_assert(log, "%s", path);
    bool comment = false;
    while (getline(&line, &size, log) > 0) {
        const char *statement = statement_of(line);
        bool labs_own = strstr(line, " postgres@postgres/psql ") != NULL;
        cr_expect(!judge || labs_own || !strstr(line, "secret-of-"), "%s: %s", path, line);
        if (comment && *line == '\t')
            statement = line + 1;
        else if (!statement || !strstr(line, " observer@"))
            continue;
        statements += !comment;
        comment = strncmp(statement, "--", 2) == 0;
        cr_expect(!judge || comment || begins_as_reading(statement), "%s: %s", path, line);
    }
    fclose(log);
    free(line);
    free(path);
    return statements;
}

/* --- the checks --- */

static bool is_settled(struct driver *driver, const void *arg)
{
    (void)driver;
    (void)arg;
    return sampler_settled(watcher->sampler);
}

static bool sees_step(struct driver *driver, const void *arg)
{
    (void)driver;
    return watcher->driver.seen && strcmp(watcher->driver.step, arg) == 0;
}

static bool never(struct driver *driver, const void *arg)
{
    (void)driver;
    (void)arg;
    return false;
}

static void expect_driver_is_seen(struct driver *driver)
{
    const struct run *run = driver->app->run;
    const char *next = run->steps[run_next(run)].step->id;
    cr_expect(driver_until(driver, sees_step, next, PATIENCE_MS), "the watcher sees %s, not %s",
              watcher->driver.step, next);
}

static void expect_watching_is_cheap(struct driver *driver)
{
    static const char *const sides[] = {"source", "target"};
    long before[2];
    for (size_t i = 0; i < 2; i++)
        before[i] = read_log(sides[i], false);
    driver_until(driver, never, NULL, COST_MS);
    for (size_t i = 0; i < 2; i++) {
        double each = (double)(read_log(sides[i], false) - before[i]) * 1000 / COST_MS;
        printf("watching costs the %s %.1f statements a second\n", sides[i], each);
        cr_expect_leq(each, 3.0, "watching costs the %s %.1f statements a second", sides[i], each);
    }
}

static void on_shown(struct reply *reply, void *arg)
{
    char *value = arg;
    snprintf(value, 16, "%s",
             reply->kind == REPLY_OK && reply->table->rows ? reply->table->cells[0] : "(none)");
}

static bool has_value(struct driver *driver, const void *arg)
{
    (void)driver;
    return *(const char *)arg;
}

/* As the sampler's sessions are made. */
static void expect_sessions_are_read_only(struct driver *driver)
{
    struct sessions *sessions = sessions_new(watcher, "pgcutover watch", true);
    for (size_t i = 0; i < watcher->config->node_count; i++) {
        struct place node = {&watcher->config->nodes[i], (int)i, NULL, -1};
        char value[16] = "";
        if (node.node->kind != KIND_POSTGRES)
            continue;
        sessions_send(sessions, &node, 0, "SHOW default_transaction_read_only", 5000, on_shown,
                      value);
        driver_until(driver, has_value, value, PATIENCE_MS);
        cr_expect_str_eq(value, "on");
    }
    sessions_free(sessions);
}

static void expect_no_secret_in(const char *path)
{
    FILE *file = fopen(path, "r");
    char *line = NULL;
    size_t size = 0;
    cr_assert(file, "%s", path);
    while (getline(&line, &size, file) > 0)
        cr_expect_not(is_secret(line), "%s: %s", path, line);
    fclose(file);
    free(line);
}

static void expect_no_secret(struct driver *driver)
{
    const struct run *run = driver->app->run;
    for (size_t i = 0; i < run->step_count; i++)
        cr_expect_not(is_secret(driver_story(driver, run->steps[i].step->id)));
    char *journal = xprintf("%s/journal/rehearsal.jsonl", lab.dir);
    expect_no_secret_in(journal);
    free(journal);
    cr_expect_eq(leaks.length, 0, "%s", str_text(&leaks));
}

static void watch_a_walk(int from)
{
    lab = lab_up("watch", from == 10 ? 18700 : 18710, from, 18,
                 "--source-conf \"log_statement='all'\" --target-conf \"log_statement='all'\"");
    load_start(&lab);
    struct driver *driver = driver_start(&lab, NULL);
    watch(driver);
    uv_timer_t looks;
    uv_timer_init(&driver->loop, &looks);
    looks.data = driver;
    uv_timer_start(&looks, look_at_processes, 0, 20);

    driver_walk(driver, "subscription");
    expect_driver_is_seen(driver);
    driver_walk(driver, "barrier");
    expect_driver_is_seen(driver);
    driver_walk(driver, "resume");
    load_wait_acks(&lab, 20);
    driver_walk(driver, NULL);
    load_stop(&lab);

    cr_expect(driver_until(driver, is_settled, NULL, PATIENCE_MS), "a query is never answered");
    cr_expect_eq(errors.length, 0, "from %d:\n%s", from, str_text(&errors));
    expect_sessions_are_read_only(driver);
    if (from != 10)
        expect_watching_is_cheap(driver);
    read_log("source", true);
    read_log("target", true);
    expect_no_secret(driver);

    uv_close((uv_handle_t *)&looks, NULL);
    app_stop(watcher);
    driver_stop(driver); /* runs the loop that both share to its end */
    app_free(watcher);
    str_free(&errors);
    str_free(&leaks);
}

Test(watch, a_walk_from_10_with_pg_monitor_only, .fini = down, .timeout = 140)
{
    watch_a_walk(10);
}

Test(watch, a_walk_from_14_with_pg_monitor_only, .fini = down, .timeout = 140)
{
    watch_a_walk(14);
}
