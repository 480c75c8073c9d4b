/* Consoles that are killed, and servers that are, in the middle of a step: what is in place is what
 * the next console shows, and nothing runs twice by accident. */
#include "tests/integration/support.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/journal.h"

enum { STEPS_MOST = 100, CONSOLES_MOST = 200 };

/* Where a console is killed: with the intent on the disk and nothing sent, and with all sent and no
 * outcome on the disk. */
static const enum state moments[] = {S_RUNNING, S_PROBING};
enum { MOMENTS = sizeof moments / sizeof *moments };

/* What the test and its consoles share. */
static struct shared {
    bool killed[STEPS_MOST][MOMENTS];
    size_t step, moment; /* of the last kill */
    bool any, compared;
    char failure[1024];
} *shared;

static struct lab lab;

static void up(const char *name, int port, const char *options)
{
    lab = lab_up(name, port, 14, 18, options);
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(shared, MAP_FAILED);
}

static void down(void)
{
    lab_down(&lab);
}

/* --- one console, in a process of its own --- */

static void fail(const char *what, const char *detail)
{
    snprintf(shared->failure, sizeof shared->failure, "%s: %s", what, detail);
    _exit(1);
}

static void kill_at_moment(struct app *app)
{
    for (size_t i = 0; i < app->run->steps[shared->step].place_count; i++)
        if (app->run->steps[shared->step].places[i].state == moments[shared->moment])
            raise(SIGKILL);
}

/* In doubt for as long as the dead console's sessions are at work. */
static bool is_settled(struct driver *driver, const void *arg)
{
    const size_t *step = arg;
    struct run *run = driver->app->run;
    if (run_busy(run) < run->step_count)
        return false;
    if (run_step_state(run, *step) != S_UNKNOWN)
        return true;
    struct err why;
    if (!engine_ask(driver->app->engine, VERB_RECHECK, *step, &why))
        fail(driver_story(driver, run->steps[*step].step->id), why.text);
    return false;
}

static void expect_the_truth_of_the_killed(struct driver *driver)
{
    const struct step_run *step = &driver->app->run->steps[shared->step];
    bool told = false;
    for (size_t i = 0; i < step->place_count; i++) {
        const struct place_run *place = &step->places[i];
        /* what is waited for comes by itself */
        if (shared->moment == 0 && place->state == S_DONE && step->step->kind != STEP_WAIT)
            fail("it was never sent", driver_story(driver, step->step->id));
        told = told || (place->message && strstr(place->message, "a console stopped"));
    }
    if (!told)
        fail("nothing tells of the kill", driver_story(driver, step->step->id));
    if (!driver_until(driver, is_settled, &shared->step, 30000))
        fail("it stays in doubt", driver_story(driver, step->step->id));
}

static void next_kill(struct driver *driver, size_t step)
{
    size_t moment = 0;
    while (moment < MOMENTS && shared->killed[step][moment])
        moment++;
    driver->app->changed = moment < MOMENTS ? kill_at_moment : NULL;
    if (moment == MOMENTS)
        return;
    shared->any = true;
    shared->step = step;
    shared->moment = moment;
    shared->killed[step][moment] = true;
}

static bool same_content(const char *database)
{
    char *source = lab_content(&lab, "source", database);
    char *target = lab_content(&lab, "target", database);
    bool same = strcmp(source, target) == 0;
    free(source);
    free(target);
    return same;
}

/* The last moment at which both sides have to hold the same: then the way back ends. */
static void expect_same_content(void)
{
    bool same = false;
    if (shared->compared)
        return;
    load_stop(&lab);
    for (int i = 0; i < 100 && !same; i++, usleep(100000))
        same = same_content("shop") && same_content("billing");
    if (!same)
        fail("the shop", "the sides differ");
    shared->compared = true;
}

/* A step that was broken off may leave a worker that the server starts again in seconds: until then
 * a check is red. */
static void do_when_checks_hold(struct driver *driver, const char *step)
{
    struct err why;
    bool done = false;
    for (uint64_t end = uv_hrtime() + 20ULL * 1000000000; !done && uv_hrtime() < end;) {
        done = driver_do(driver, VERB_RUN, step, &why);
        if (!done && !strstr(why.text, "does not hold"))
            break;
    }
    if (!done)
        fail(step, why.text);
}

static _Noreturn void console(void)
{
    struct driver *driver = driver_start(&lab, NULL);
    struct run *run = driver->app->run;
    if (shared->any)
        expect_the_truth_of_the_killed(driver);
    for (size_t next = run_next(run); next < run->step_count; next = run_next(run)) {
        const char *id = run->steps[next].step->id;
        if (strcmp(id, "sign_off") == 0)
            expect_same_content();
        next_kill(driver, next);
        do_when_checks_hold(driver, id);
        if (!state_is_settled(run_step_state(run, next)))
            fail("not done", driver_story(driver, id));
    }
    _exit(0);
}

/* False once a console came to the end alive. */
static bool console_is_killed(void)
{
    int status;
    pid_t pid = fork();
    cr_assert(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        console();
    }
    waitpid(pid, &status, 0);
    cr_assert(WIFEXITED(status) ? WEXITSTATUS(status) == 0 : WTERMSIG(status) == SIGKILL,
              "status %d: %s", status, shared->failure);
    return WIFSIGNALED(status);
}

/* --- what has to hold afterwards --- */

static const char *text_of(const json_t *record, const char *key)
{
    const char *text = json_string_value(json_object_get(record, key));
    return text ? text : "";
}

static bool is_of(const json_t *record, const json_t *other)
{
    return strcmp(text_of(record, "step"), text_of(other, "step")) == 0 &&
           strcmp(text_of(record, "place"), text_of(other, "place")) == 0;
}

/* Between two intents for the same thing lies an outcome, and it is not "done". */
static void expect_no_step_ran_twice(const json_t *records)
{
    size_t i;
    const json_t *record;
    json_array_foreach(records, i, record)
    {
        if (strcmp(text_of(record, "type"), "intent") != 0)
            continue;
        const json_t *last = NULL;
        for (size_t j = 0; j < i; j++) {
            const json_t *before = json_array_get(records, j);
            bool tells = strcmp(text_of(before, "type"), "intent") == 0 ||
                         strcmp(text_of(before, "type"), "outcome") == 0;
            last = tells && is_of(before, record) ? before : last;
        }
        cr_expect(!last || strcmp(text_of(last, "outcome"), "failed") == 0,
                  "%s on %s was sent again after %s %s", text_of(record, "step"),
                  text_of(record, "place"), text_of(last, "type"), text_of(last, "outcome"));
    }
}

static json_t *read_journal(void)
{
    struct err err;
    char *path = xprintf("%s/journal/rehearsal.jsonl", lab.dir);
    json_t *records = journal_read(path, &err);
    cr_assert(records, "%s", err.text);
    free(path);
    return records;
}

/* What is sent a second time, the server says: it is there already, or it is gone already. */
static void expect_no_server_saw_it_twice(void)
{
    char *command = xprintf("grep -hE '(ERROR|FATAL): .*(already|does not exist)' "
                            "'%s/source.log' '%s/target.log' | head -5",
                            lab.dir, lab.dir);
    FILE *pipe = popen(command, "r");
    char line[512] = "";
    cr_assert(pipe);
    if (fgets(line, sizeof line, pipe))
        cr_expect(false, "a server was told twice: %s", line);
    pclose(pipe);
    free(command);
}

static void expect_no_passwords_left(void)
{
    char *command = xprintf("! ls '%s/journal' | grep -q pass", lab.dir);
    cr_expect_eq(system(command), 0, "a file with passwords is left beside the journal");
    free(command);
}

static void up_for_consoles(void)
{
    up("killed", 18500, "");
}

Test(killed, every_step_of_logical_twice, .init = up_for_consoles, .fini = down, .timeout = 280)
{
    size_t consoles = 0;
    load_start(&lab);
    while (console_is_killed())
        cr_assert(++consoles < CONSOLES_MOST, "the run does not get on");
    cr_expect(shared->compared);
    cr_expect_eq(load_failed(&lab), 0);
    load_expect_nothing_lost(&lab, "target");

    /* One more console finds all of it done, and ends in peace. */
    struct driver *driver = driver_start(&lab, NULL);
    const struct run *run = driver->app->run;
    cr_expect_eq(run_next(run), run->step_count, "not all is done: %s",
                 run_next(run) < run->step_count
                     ? driver_story(driver, run->steps[run_next(run)].step->id)
                     : "");
    cr_expect_gt(consoles, run->step_count, "only %zu consoles were killed", consoles);
    driver_stop(driver);

    json_t *records = read_journal();
    expect_no_step_ran_twice(records);
    json_decref(records);
    expect_no_server_saw_it_twice();
    expect_no_passwords_left();
}

/* --- a server that is killed --- */

static const char *stop_at;

static void stop_source(void)
{
    stop_at = NULL;
    cr_assert(lab_run(&lab, "stop-server source immediate"));
}

/* At that moment in one place, and in none before it: what another place had not yet committed would
 * be lost with the server, and truly so. */
static void stop_at_moment(struct app *app)
{
    for (size_t i = 0; stop_at && i < app->run->step_count; i++) {
        const struct step_run *step = &app->run->steps[i];
        size_t now = 0, before = 0;
        for (size_t j = 0; j < step->place_count; j++) {
            now += step->places[j].state == moments[shared->moment];
            before += shared->moment == 1 && step->places[j].state == S_RUNNING;
        }
        if (strcmp(step->step->id, stop_at) == 0 && now > 0 && before == 0)
            stop_source();
    }
}

static void on_time(uv_timer_t *timer)
{
    struct driver *driver = timer->data;
    size_t busy = run_busy(driver->app->run);
    if (!stop_at || busy == driver->app->run->step_count)
        return;
    const struct step_run *step = &driver->app->run->steps[busy];
    if (strcmp(step->step->id, stop_at) == 0 && step->places[0].state == S_RUNNING)
        stop_source();
}

static bool drives_again(struct driver *driver, const void *arg)
{
    (void)arg;
    return engine_drive(driver->app->engine) == DRIVE_OURS;
}

/* The source dies in this step; then it comes back, and the probe tells what is true. */
static void expect_truth_after_death_in(struct driver *driver, const char *step, enum state truth)
{
    struct err why;
    stop_at = step;
    driver_do(driver, VERB_RUN, step, &why);
    cr_assert_null(stop_at, "%s was never at that moment", step);
    enum state state = driver_state(driver, step);
    cr_expect(state == S_UNKNOWN || state == S_FAILED, "%s", driver_story(driver, step));
    cr_expect_not(engine_ask(driver->app->engine, VERB_RUN, run_next(driver->app->run), &why));

    cr_assert(lab_run(&lab, "start-server source"));
    cr_assert(driver_until(driver, drives_again, NULL, 30000));
    size_t number = run_next(driver->app->run);
    cr_assert(driver_until(driver, is_settled, &number, 30000), "%s", driver_story(driver, step));
    cr_expect_eq(driver_state(driver, step), truth, "%s", driver_story(driver, step));
    driver_walk(driver, step);
}

static void hold_a_transaction(void)
{
    static const char held[] = "SELECT count(*) FROM pg_stat_activity "
                               "WHERE query LIKE '%pg_sleep(60)' AND backend_xid IS NOT NULL";
    char *count = xstrdup("0");
    lab_run(&lab, "psql source shop -qc 'SELECT txid_current(), pg_sleep(60)' &");
    for (int i = 0; i < 500 && strcmp(count, "0") == 0; i++, usleep(20000)) {
        free(count);
        count = lab_ask(&lab, "source", "shop", held);
    }
    free(count);
}

static void up_for_a_server(void)
{
    up("killed-server", 18510, "--no-pooler");
}

Test(killed, the_source_in_the_middle_of_a_step, .init = up_for_a_server, .fini = down,
     .timeout = 120)
{
    struct driver *driver = driver_start(&lab, NULL);
    driver->app->changed = stop_at_moment;
    driver_walk(driver, "schema");
    shared->moment = 0; /* the intent is written; what is sent does not arrive */
    expect_truth_after_death_in(driver, "heartbeat", S_FAILED);
    driver_walk(driver, "fence");
    shared->moment = 1; /* committed; the probe can't be asked any more */
    expect_truth_after_death_in(driver, "publication", S_DONE);

    /* At work: the slot waits for a transaction that is open. */
    driver->app->changed = NULL;
    uv_timer_t timer;
    uv_timer_init(&driver->loop, &timer);
    timer.data = driver;
    uv_timer_start(&timer, on_time, 100, 300);
    hold_a_transaction();
    expect_truth_after_death_in(driver, "slot", S_FAILED);
    uv_close((uv_handle_t *)&timer, NULL);
    driver_walk(driver, "flowing");
    driver_stop(driver);
}
