/* The console as a person has it: the real binary in a terminal, on real servers under load, moved
 * by keys alone and judged by what is on the screen, in the journal and on the servers. */
#include "core/journal.h"
#include "tests/integration/support.h"
#include "tests/screen/expect.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
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
    /* Enter has opened it: for a second it counts as held down. */
    for (int i = 0; i < 5 && term_find(t, "Esc for no", NULL, NULL); i++) {
        term_keys(t, "\r");
        term_wait_no_text(t, "Esc for no", 1200);
    }
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
        {"freeze", {"on old/shop", "ALTER DATABASE \"shop\" SET", "RESET"}},
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
    cr_assert_eq(journaled("outcome", "unfreeze", "\"done\""), 2);
    cr_assert_eq(journaled("window", NULL, "opened"), 1);
    term_expect(other, "finished");
    quit();
    term_keys(other, "q");
    term_expect_exit(other, 0);
    fprintf(stderr, "console: 14 to 18 by keys in %.1f s\n", (now_ms() - began) / 1000);
}
