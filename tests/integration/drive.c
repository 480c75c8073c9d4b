/* One driver: who has the lock, what the others may do, and how it goes from one to another. */
#include "tests/integration/support.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_MS = 20000 };

static struct lab lab;

static void up(void)
{
    lab = lab_up("drive", 18600, 14, 18, "--no-pooler");
}

static void down(void)
{
    lab_down(&lab);
}

/* A console as any other, whose journal is in another directory: that one's lock is not what keeps
 * two drivers apart, they may be on two machines. */
static struct driver *console_on(const char *journal)
{
    struct driver *driver = xcalloc(1, sizeof *driver);
    struct err err;
    uv_loop_init(&driver->loop);
    struct config *config = config_read(lab.conf, &err);
    cr_assert(config, "%s", err.text);
    config->journal = arena_printf(&config->arena, "%s/%s", lab.dir, journal);
    driver->app = app_new(&driver->loop, MODE_DRIVE, config, &err);
    cr_assert(driver->app && app_start(driver->app, &err), "%s", err.text);
    return driver;
}

static bool is_drive(struct driver *driver, const void *arg)
{
    const enum drive *drive = arg;
    struct engine *engine = driver->app->engine;
    return engine_drive(engine) == *drive && (*drive != DRIVE_OURS || engine_resumed(engine));
}

static void expect_drive(struct driver *driver, enum drive drive)
{
    cr_assert(driver_until(driver, is_drive, &drive, PATIENCE_MS), "it is %d, not %d: %s",
              (int)engine_drive(driver->app->engine), (int)drive,
              engine_driver(driver->app->engine));
}

/* --- the first console, in a process of its own: it tells how it stands --- */

static struct told {
    enum drive drive;
    bool may;
    char why[512];
    unsigned long looks;
} *told;

static bool tell(struct driver *driver, const void *arg)
{
    struct engine *engine = driver->app->engine;
    struct err why = {.text = ""};
    (void)arg;
    told->drive = engine_drive(engine);
    told->may = engine_ask(engine, VERB_RUN, run_next(driver->app->run), &why);
    if (told->may)
        engine_no(engine);
    snprintf(told->why, sizeof told->why, "%s", why.text);
    told->looks++;
    return false;
}

static pid_t first_console(void)
{
    told = mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(told, MAP_FAILED);
    pid_t pid = fork();
    cr_assert(pid >= 0);
    if (pid > 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves nobody behind */
    driver_until(driver_start(&lab, NULL), tell, NULL, 1000 * 1000);
    _exit(1);
}

static bool first_drives(struct driver *driver, const void *arg)
{
    (void)driver;
    (void)arg;
    return told->drive == DRIVE_OURS && told->may;
}

static bool first_may_not(struct driver *driver, const void *arg)
{
    (void)driver;
    (void)arg;
    return (told->drive == DRIVE_TAKEN || told->drive == DRIVE_LOST) && !told->may;
}

static void wait_for_the_first(void)
{
    for (int i = 0; i < 2000 && !first_drives(NULL, NULL); i++)
        usleep(10000);
    cr_assert(first_drives(NULL, NULL), "the first console never drives");
}

static void expect_refused(struct driver *driver)
{
    struct err why = {.text = ""};
    cr_expect_not(engine_ask(driver->app->engine, VERB_RUN, 0, &why));
    cr_expect(strstr(why.text, "another console drives") || strstr(why.text, "being probed"), "%s",
              why.text);
    cr_expect_null(engine_question(driver->app->engine));
}

Test(drive, goes_to_who_takes_it_over_or_is_left, .init = up, .fini = down, .timeout = 120)
{
    pid_t first = first_console();
    wait_for_the_first();

    struct driver *second = console_on("second");
    expect_drive(second, DRIVE_TAKEN);
    cr_expect(strstr(engine_driver(second->app->engine), "pgcutover drive rehearsal"), "%s",
              engine_driver(second->app->engine));
    expect_refused(second);

    /* The first one hangs: it can be ended from here, and finds out when it wakes. */
    kill(first, SIGSTOP);
    engine_take_over(second->app->engine);
    expect_drive(second, DRIVE_OURS);
    kill(first, SIGCONT);
    cr_assert(driver_until(second, first_may_not, NULL, PATIENCE_MS), "the first one may still: %s",
              told->why);
    cr_expect_eq(engine_drive(second->app->engine), DRIVE_OURS);
    struct err why;
    cr_expect(driver_do(second, VERB_RUN, "source_roles", &why), "%s", why.text);

    /* What is left is there for who waits. */
    driver_stop(second);
    wait_for_the_first();
    second = console_on("second");
    expect_drive(second, DRIVE_TAKEN);
    kill(first, SIGKILL);
    waitpid(first, NULL, 0);
    expect_drive(second, DRIVE_OURS);
    cr_expect(driver_do(second, VERB_RUN, "roles", &why), "%s", why.text);
    driver_stop(second);
}

Test(drive, a_journal_has_one_writer, .init = up, .fini = down, .timeout = 60)
{
    pid_t first = first_console();
    wait_for_the_first();

    uv_loop_t loop;
    uv_loop_init(&loop);
    struct err err = {.text = ""};
    struct app *app = app_new(&loop, MODE_DRIVE, config_read(lab.conf, &err), &err);
    cr_assert(app, "%s", err.text);
    cr_expect_not(app_start(app, &err));
    char *pid = xprintf("process %d of ", (int)first);
    cr_expect(strstr(err.text, pid) && strstr(err.text, "watch instead"), "%s", err.text);
    free(pid);
    app_stop(app);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
    app_free(app);
    kill(first, SIGKILL);
    waitpid(first, NULL, 0);
}

Test(drive, without_room_for_the_journal_nothing_is_run, .init = up, .fini = down, .timeout = 60)
{
    struct driver *driver = driver_start(&lab, NULL);
    driver_walk(driver, "schema");

    /* A disk that is full in the middle of the intent. */
    struct stat journal;
    char *path = xprintf("%s/journal/rehearsal.jsonl", lab.dir);
    cr_assert_eq(stat(path, &journal), 0);
    free(path);
    struct rlimit before, full;
    getrlimit(RLIMIT_FSIZE, &before);
    full = before;
    full.rlim_cur = (rlim_t)journal.st_size + 40;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &full);

    struct err why = {.text = ""};
    /* What ended before may still be on its way to the disk: then not even yes can be said. */
    bool yes = driver_do(driver, VERB_RUN, "heartbeat", &why);
    const char *story = driver_story(driver, "heartbeat");
    cr_expect_eq(driver_state(driver, "heartbeat"), S_PENDING, "%s", story);
    cr_expect(strstr(yes ? story : why.text, "can't be written"), "%s %s", story, why.text);
    cr_expect_not(engine_ask(driver->app->engine, VERB_RUN, run_next(driver->app->run), &why));
    cr_expect(strstr(why.text, "the journal can't be written"), "%s", why.text);
    char *there = lab_ask(&lab, "source", "shop", "SELECT to_regclass('pgcutover.heartbeat')");
    cr_expect_str_eq(there, "", "it was sent without an intent on the disk");
    free(there);
    driver_stop(driver);

    setrlimit(RLIMIT_FSIZE, &before);
    driver = driver_start(&lab, NULL);
    cr_expect_eq(driver_state(driver, "schema"), S_DONE);
    driver_walk(driver, "heartbeat");
    driver_stop(driver);
}
