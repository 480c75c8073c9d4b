/* The console as a person has it: the real binary in a terminal, on real servers under load, moved
 * by keys alone and judged by what is on the screen, in the journal and on the servers. */
#include "core/journal.h"
#include "tests/integration/support.h"
#include "tests/screen/expect.h"
#include "tests/screen/svg.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { STEP_MS = 60000, QUIT_MS = 2000 };

static struct lab lab;
static struct term *t, *other;

static void end(void)
{
    term_free(t);
    term_free(other);
    if (lab.port)
        lab_down(&lab);
}

static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1000 + (double)now.tv_nsec / 1e6;
}

static struct term *console(const char *command, const char *conf, const char *runbook, int cols,
                            int rows)
{
    const char *argv[] = {getenv("PGCUTOVER_BIN"), command, "-c", conf, "--runbook", runbook, NULL};
    if (!runbook)
        argv[4] = NULL;
    return term_start(&(struct term_options){.argv = argv, .cols = cols, .rows = rows});
}

static void drive(const char *runbook, int cols, int rows)
{
    t = console("drive", lab.conf, runbook, cols, rows);
    term_expect(t, "driving: ");
}

/* Where the header says that the run stands: "step 7/43 heartbeat: next". */
struct at {
    int number;
    char id[64], state[64];
};

static struct at position(const struct term *term)
{
    struct at at = {0};
    int row, col;
    if (term_find(term, "  step ", &row, &col) && row < 3)
        sscanf(strstr(term_row(term, row), "  step "), "  step %d/%*d %63[^:]: %63[^\n]",
               &at.number, at.id, at.state);
    return at;
}

/* The run stands at another step than the one of this number, or that one failed. */
static bool has_moved_on(const struct term *term, const void *number)
{
    struct at at = position(term);
    return (at.number && at.number != *(const int *)number && strncmp(at.state, "next", 4) == 0) ||
           strncmp(at.state, "failed", 6) == 0 || strncmp(at.state, "in doubt", 8) == 0 ||
           term_find(term, " steps done", NULL, NULL);
}

/* The question takes an answer: its last line is drawn in the keys' bold, not muted any more. */
static bool can_be_answered(const struct term *term, const void *arg)
{
    int row, col;
    (void)arg;
    return (term_find(term, ": yes    any other key: no", &row, &col) ||
            term_find(term, " and Enter for yes, Esc for no", &row, &col)) &&
           term_cell(term, row, col).bold;
}

static void wait_for_question(void)
{
    term_check(t, term_wait(t, can_be_answered, NULL, STEP_MS), "no question that can be answered");
}

/* Says yes to the question on the screen in the way that it asks for. */
static void say_yes(void)
{
    int row, col;
    wait_for_question();
    if (term_find(t, ": yes    any other key: no", &row, &col)) {
        term_keys(t, term_cell(t, row, col - 1).text);
        term_expect_gone(t, "any other key: no");
        return;
    }
    term_keys(t, "rehearsal");
    term_expect(t, "Esc for no: rehearsal");
    term_keys(t, "\r");
    term_expect_gone(t, "Esc for no");
}

static void expect_moved_on(int number)
{
    term_check(t, term_wait(t, has_moved_on, &number, STEP_MS), "step %d does not end", number);
    struct at at = position(t);
    term_check(t, strncmp(at.state, "failed", 6) && strncmp(at.state, "in doubt", 8), "step %d: %s",
               number, at.state);
}

/* What a person wants to see before saying yes to these steps. */
static void expect_sight(const char *id)
{
    static const struct {
        const char *id, *sights[4];
    } sights[] = {
        {"fence", {"on new/shop", "on new/billing", "SET default_transaction_read_only = on;"}},
        {"slot", {"on old/shop", "The way back:"}},
        {"pause", {"on pgbouncer/shop", "PAUSE \"shop\";", "PAUSE \"billing\";", "RESUME"}},
        {"freeze", {"ALTER DATABASE \"shop\" SET", "RESET"}},
        {"sign_off", {"on old/shop", "DROP SUBSCRIPTION", "point of no return"}},
    };
    for (size_t i = 0; i < sizeof sights / sizeof *sights; i++)
        for (size_t j = 0; j < 4 && sights[i].sights[j] && !strcmp(id, sights[i].id); j++)
            term_check(t, term_find(t, sights[i].sights[j], NULL, NULL), "%s: never seen: %s", id,
                       sights[i].sights[j]);
}

/* Walks by keys until this step is next (NULL: to the end). */
static void walk_to(const char *id)
{
    int none = 0;
    term_check(t, term_wait(t, has_moved_on, &none, STEP_MS), "nothing is next");
    while (!term_find(t, " steps done", NULL, NULL)) {
        struct at at = position(t);
        char title[64];
        if (id && strcmp(at.id, id) == 0)
            return;
        term_keys(t, "\r");
        snprintf(title, sizeof title, "Run step %d: ", at.number);
        term_expect(t, title);
        wait_for_question();
        expect_sight(at.id);
        say_yes();
        expect_moved_on(at.number);
    }
    term_check(t, !id, "the step %s never came", id ? id : "");
}

/* How many records of this type and step the journal has whose text contains `text`. */
static size_t journaled(const char *type, const char *step, const char *text)
{
    char path[200];
    struct err err;
    size_t count = 0, i;
    json_t *record;
    snprintf(path, sizeof path, "%s/journal/rehearsal.jsonl", lab.dir);
    json_t *records = journal_read(path, &err);
    cr_assert(records, "%s", err.text);
    json_array_foreach(records, i, record)
    {
        char *line = json_dumps(record, JSON_ENSURE_ASCII);
        const char *of = json_string_value(json_object_get(record, "step"));
        const char *is = json_string_value(json_object_get(record, "type"));
        count += !strcmp(is, type) && (!step || (of && !strcmp(of, step))) &&
                 (!text || strstr(line, text));
        free(line);
    }
    json_decref(records);
    return count;
}

/* The journal is written beside the screen: it may take a moment more. */
static void expect_journaled(const char *type, const char *step, const char *text, size_t count)
{
    for (int i = 0; i < 100 && journaled(type, step, text) != count; i++)
        term_wait_text(t, "\001", 20);
    cr_assert_eq(journaled(type, step, text), count, "not in the journal: %s of %s with %s", type,
                 step ? step : "any step", text);
}

static void quit(void)
{
    term_keys(t, "q");
    term_expect_exit(t, 0);
    term_free(t);
    t = NULL;
}

/* The way back brings every row: both sides become the same, with the load stopped. */
static void expect_same_content(const char *database)
{
    char *source = NULL, *to = NULL;
    for (int i = 0; i < 40; i++) {
        free(source);
        free(to);
        source = lab_content(&lab, "source", database);
        to = lab_content(&lab, "target", database);
        if (strcmp(source, to) == 0)
            break;
    }
    cr_assert_str_eq(source, to, "%s differs:\n%s\n%s", database, source, to);
    free(source);
    free(to);
}

TestSuite(console, .fini = end, .timeout = 200);

static void expect_refused(const char *key)
{
    term_keys(other, key);
    term_expect(other, "this console watches");
    term_keys(other, "1");
    term_expect_gone(other, "this console watches");
}

Test(console, a_live_shop_moves_by_keys_alone)
{
    char observer[160];
    double began = now_ms();
    lab = lab_up("keys", 18910, 14, 18, "");
    load_start(&lab);
    drive(NULL, 120, 40);
    snprintf(observer, sizeof observer, "%s/observer.conf", lab.dir);
    other = console("watch", observer, NULL, 100, 30);
    term_expect(other, "driver seen");
    expect_refused("\r");
    expect_refused("F");
    expect_refused("A");

    walk_to("fence");
    term_expect(other, "fence");
    walk_to("pause");
    term_expect(t, "window shut, budget 30.0 s");
    term_keys(t, "\r");
    wait_for_question();
    /* Held-down, pasted and half-typed answers to the one question that opens the window. */
    term_paste(t, "rehearsal\n");
    term_expect(t, "a pasted text says nothing here");
    wait_for_question();
    term_keys(t, "rehear\r");
    term_expect(t, "no: nothing was done");
    cr_assert_eq(journaled("intent", "pause", NULL), 0);

    walk_to("drained");
    term_expect(t, "WINDOW OPEN");
    term_expect(other, "WINDOW OPEN");
    walk_to("unfence");
    term_check(t, term_find(t, "WINDOW OPEN", NULL, NULL), "the window is not shown as open");
    walk_to("flows_back");
    term_expect(t, "window took");
    load_wait_acks(&lab, 50);
    walk_to("sign_off");
    load_stop(&lab);
    cr_assert_eq(load_failed(&lab), 0);
    load_expect_nothing_lost(&lab, "target");
    expect_same_content("shop");
    expect_same_content("billing");
    walk_to(NULL);
    expect_journaled("outcome", "unfreeze", "\"done\"", 2);
    expect_journaled("window", NULL, "opened", 1);
    term_expect(other, "finished");
    quit();
    term_keys(other, "q");
    term_expect_exit(other, 0);
    fprintf(stderr, "console: 14 to 18 by keys in %.1f s\n", (now_ms() - began) / 1000);
}

/* A name that would set the terminal's title and turn the line around. */
#define HOSTILE "U&\"e\\001b]2;pwned\\0007\\202ex\""

Test(console, a_reflex_never_says_yes)
{
    lab = lab_up("reflex", 18920, 14, 18, "--no-pooler");
    lab_do(&lab, "source", "shop", "CREATE TABLE " HOSTILE " (id int PRIMARY KEY)");
    lab_do(&lab, "source", "shop", "CREATE TABLE public.keyless (a int)");
    drive(NULL, 80, 24);

    /* Typed ahead, held down, together, pasted. */
    term_keys(t, "\rRRRR");
    wait_for_question();
    term_keys(t, "RR");
    term_expect(t, "several keys at once say nothing");
    term_paste(t, "R");
    term_expect(t, "a pasted text says nothing here");
    wait_for_question();
    term_keys(t, "\r\r\r");
    term_expect(t, "no: nothing was done");
    cr_assert_eq(journaled("intent", NULL, NULL), 0);
    cr_assert_eq(journaled("statement", NULL, NULL), 0);

    /* A reason, and the journal has it. */
    walk_to("passwords");
    term_keys(t, "x");
    term_expect(t, "Type the reason and Enter");
    term_check(t, term_wait(t, can_be_answered, NULL, STEP_MS), "no question");
    term_keys(t, "set by hand");
    term_expect(t, "set by hand");
    term_keys(t, "\r");
    expect_moved_on(3);
    expect_journaled("skip", "passwords", "set by hand", 1);

    /* A red check says why, stands in the way, and goes as its reason goes. */
    term_keys(t, "\r");
    term_expect(t, "Yes is not possible: check replica_identity does not hold");
    term_expect(t, "checks stand in the way");
    term_keys(t, "R");
    term_check(t, !term_wait_no_text(t, "Yes is not possible", 500), "a red check was passed");
    cr_assert_eq(journaled("intent", "source_schema", NULL), 0);
    lab_do(&lab, "source", "shop", "DROP TABLE public.keyless");
    wait_for_question();
    say_yes();
    expect_moved_on(4);

    walk_to("fence");
    term_keys(t, "u");
    term_expect(t, "not now: nothing to undo");
    term_keys(t, "ku");
    term_expect(t, "Take back step 7: ");
    wait_for_question();
    term_check(t, term_find(t, "DROP SCHEMA pgcutover;", NULL, NULL), "the undo is not shown");
    say_yes();
    term_expect(t, "step 7/");
    expect_journaled("outcome", "heartbeat_target", "undone", 2);
    char *left = lab_ask(&lab, "target", "shop",
                         "SELECT count(*) FROM pg_namespace WHERE nspname = 'pgcutover'");
    cr_assert_str_eq(left, "0");
    free(left);

    term_resize(t, 130, 40);
    term_keys(t, "4z/pwned\r");
    term_expect(t, "\\x1b]2;pwned\\x07<U+202E>x");
    cr_assert_not(term_sent(t, 0, "\033]2;pwned"));
    cr_assert_not(term_sent(t, 0, "\u202e"));
    term_key(t, TERM_ESC);
    term_expect_gone(t, "pwned");
    term_keys(t, "z");
    term_expect(t, "1 checklist");
    quit();
}

/* Arms every step of the window, and says how many. */
static int arm_window(void)
{
    int armed = 0;
    for (;;) {
        term_keys(t, "a");
        term_check(t, term_wait_text(t, " Arm step", 1000) || term_find(t, "not now: ", NULL, NULL),
                   "neither a question nor a reason");
        if (term_find(t, "only steps of the window can be armed", NULL, NULL))
            return armed;
        if (term_find(t, " Arm step", NULL, NULL)) {
            say_yes();
            armed++;
        }
        term_keys(t, "j");
        term_expect_gone(t, "not now: ");
    }
}

Test(console, a_window_is_left_then_fired_then_rolled_back)
{
    int row;
    lab = lab_up("fire", 18930, 14, 18, "");
    load_start(&lab);
    drive(NULL, 130, 40);
    walk_to("barrier");
    term_expect(t, "WINDOW OPEN");
    term_keys(t, "A");
    for (int i = 0; i < 10 && !term_wait_text(t, "window shut again", 100); i++) {
        term_check(t, term_wait_text(t, "Take back step", STEP_MS), "nothing to take back");
        say_yes();
        term_wait_text(t, "Take back step", 3000);
    }
    term_expect(t, "window shut again");
    load_wait_acks(&lab, 50);
    walk_to("pause");

    int armed = arm_window();
    cr_assert_geq(armed, 15);
    term_keys(t, "F");
    term_expect(t, "Fire the armed window");
    say_yes();
    term_check(t, term_wait_text(t, "window took", STEP_MS), "the window does not close");
    term_find(t, "window took", &row, NULL);
    fprintf(stderr, "console: %d armed steps: %.40s\n", armed,
            strstr(term_row(t, row), "window took"));
    walk_to("no_strays");
    load_wait_acks(&lab, 50);
    quit();

    drive("rollback", 130, 40);
    walk_to(NULL);
    load_wait_acks(&lab, 50);
    load_stop(&lab);
    cr_assert_eq(load_failed(&lab), 0);
    load_expect_nothing_lost(&lab, "source");
    quit();
}

/* Signals the source's postmaster and its children. */
static void signal_source(const char *name)
{
    char command[300];
    snprintf(command, sizeof command,
             "p=$(head -1 '%s'/source/postmaster.pid) && kill -%s $p $(pgrep -P $p)", lab.dir,
             name);
    cr_assert_eq(system(command), 0);
}

static double most, total;
static int pressed;

/* Milliseconds until the screen shows what the key is for. */
static void press(const char *key, const char *shown, bool there)
{
    double began = now_ms(), took;
    term_keys(t, key);
    term_check(t, there ? term_wait_text(t, shown, 1000) : term_wait_no_text(t, shown, 1000),
               "a key is not answered within a second");
    took = now_ms() - began;
    most = took > most ? took : most;
    total += took;
    pressed++;
}

static void press_all(const char *when)
{
    most = total = pressed = 0;
    for (int i = 0; i < 5; i++) {
        press("?", "any key: back", true);
        press(" ", "any key: back", false);
        press("z", "2 slots", false);
        press("z", "2 slots", true);
        press("Y", "this key does nothing", true);
        press("j", "this key does nothing", false);
    }
    fprintf(stderr, "console: %s: %d keys answered in %.1f ms on average, %.1f at most\n", when,
            pressed, total / pressed, most);
}

static bool is_older(const struct term *term, const void *than)
{
    char banner[200];
    int row, age = -1;
    if (!term_find(term, "IS NOT ANSWERING since ", &row, NULL))
        return false;
    snprintf(banner, sizeof banner, "%s", term_row(term, row));
    sscanf(strstr(banner, "since "), "since %d", &age);
    return age > *(const int *)than;
}

Test(console, a_stopped_server_stops_no_key)
{
    lab = lab_up("stopped", 18940, 14, 18, "--no-pooler");
    drive(NULL, 80, 24);
    term_expect(t, "14.");
    press_all("servers well");

    double began = now_ms();
    signal_source("STOP");
    term_expect(t, "old (source) IS NOT ANSWERING");
    double told = now_ms() - began;
    press_all("source stopped");
    term_check(t, term_wait(t, is_older, &(int){4}, 6000), "the age does not grow");
    term_check(t, term_wait(t, is_older, &(int){6}, 6000), "the age does not grow");
    term_keys(t, "\r");
    term_check(t, !term_wait(t, can_be_answered, NULL, 1500), "yes is possible on old data");
    term_key(t, TERM_ESC);

    began = now_ms();
    signal_source("CONT");
    term_expect_gone(t, "IS NOT ANSWERING");
    fprintf(stderr, "console: told of the stop after %.0f ms, of its end after %.0f ms\n", told,
            now_ms() - began);
    cr_assert_lt(told, 4000);
    cr_assert_lt(now_ms() - began, 4000);

    signal_source("STOP");
    term_expect(t, "IS NOT ANSWERING");
    term_keys(t, "q");
    bool ended = term_exited(t, QUIT_MS, NULL);
    signal_source("CONT");
    cr_assert(ended, "it does not end while a server stands still");
}

/* The README's picture: PGCUTOVER_PICTURE names the file (tests/screen/picture-for-readme). */
Test(console, picture_in_the_middle_of_the_window)
{
    const char *path = getenv("PGCUTOVER_PICTURE");
    if (!path)
        cr_skip_test("PGCUTOVER_PICTURE is not set");
    lab = lab_up("picture", 18950, 14, 18, "");
    load_start(&lab);
    drive(NULL, 130, 38);
    walk_to("pause");
    term_keys(t, "4");
    term_check(t, term_wait_no_text(t, "NOT ON TARGET", STEP_MS), "the sizes are old");
    term_keys(t, "1");
    walk_to("forward_off");
    term_keys(t, "\r");
    wait_for_question();
    FILE *out = fopen(path, "w");
    cr_assert(out, "%s can't be written", path);
    svg_write(t, out);
    fclose(out);
}
