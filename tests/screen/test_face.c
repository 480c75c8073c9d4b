/* The console's face in a terminal of its own, with servers that can't be reached: what it shows,
 * how it fits every size, and how it gives the terminal back. */
#include "tests/screen/expect.h"
#include "tui/keys.h"

#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct term *t;
static char dir[64], conf[96];

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    cr_assert(file);
    fputs(text, file);
    fclose(file);
}

/* Two servers at a port where nobody listens; `more` goes to the end of the file. */
static void configure(const char *source, const char *more)
{
    char text[2000];
    snprintf(text, sizeof text,
             "run = \"face\";\ndatabases = [\"shop\"];\njournal = \"%s/journal\";\nnodes = (\n"
             "  { name = \"%s\"; role = \"source\"; dsn = \"host=127.0.0.1 port=1 user=u "
             "dbname=shop\"; },\n"
             "  { name = \"new\"; role = \"target\"; dsn = \"host=127.0.0.1 port=1 user=u "
             "dbname=shop\"; });\n%s",
             dir, source, more);
    write_file(conf, text);
}

static void begin(void)
{
    snprintf(dir, sizeof dir, "/tmp/pgcutover-face-XXXXXX");
    cr_assert(mkdtemp(dir));
    snprintf(conf, sizeof conf, "%s/pgcutover.conf", dir);
    configure("old", "");
}

static void end(void)
{
    char command[96];
    term_free(t);
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    cr_assert_eq(system(command), 0);
}

TestSuite(face, .init = begin, .fini = end, .timeout = 60);

static void start_with(const struct term_options *options)
{
    const char *const argv[] = {getenv("PGCUTOVER_BIN"), "-c", conf, NULL};
    struct term_options mine = *options;
    if (!mine.argv)
        mine.argv = argv;
    t = term_start(&mine);
}

static void start(int cols, int rows)
{
    start_with(&(struct term_options){.cols = cols, .rows = rows});
    term_expect(t, "checklist");
    term_check(t, term_wait_quiet(t, 20, TERM_PATIENCE), "never quiet");
}

static void expect_given_back(void)
{
    bool visible;
    term_cursor(t, NULL, NULL, &visible);
    term_check(t, visible, "the cursor is hidden");
    term_check(t, !term_alternate(t), "the alternate screen is left on");
    term_check(t, term_sent(t, 0, "\033[?2004h") == term_sent(t, 0, "\033[?2004l"),
               "pastes are still bracketed");
}

Test(face, paints_before_anything_connects)
{
    configure("old", "production = true;");
    start(80, 24);
    term_expect(t, "q quit");
    term_check(t, term_find(t, "PROD", NULL, NULL), "PROD is not shown");
    term_check(t, term_find(t, "step 1/", NULL, NULL), "the run is not shown");
    term_check(t, term_find(t, "Read the source's roles", NULL, NULL), "no steps");
    term_expect(t, "old (source) IS NOT ANSWERING");
    term_keys(t, "5");
    term_expect(t, "DOWN");
    term_check(t, strstr(term_title(t), "PROD pgcutover face"), "title: %s", term_title(t));
    term_keys(t, "q");
    term_expect_exit(t, 0);
    expect_given_back();
}

Test(face, help_has_every_key_and_tells_which_may_change_something)
{
    start(100, 60);
    term_keys(t, "?");
    term_expect(t, "any key: back");
    term_wait_quiet(t, 50, TERM_PATIENCE);
    int border, row;
    term_find(t, "May change something", &border, NULL);
    for (size_t i = 0; i < key_binding_count; i++) {
        const struct key_binding *binding = &key_bindings[i];
        char line[160];
        snprintf(line, sizeof line, " %c %-7s %s", binding->changes ? '!' : ' ', binding->shown,
                 binding->help);
        term_check(t, term_find(t, line, &row, NULL), "not in the help: %s", line);
        term_check(t, binding->changes == (row > border), "on the wrong side: %s", line);
    }
    term_keys(t, "?");
    term_expect_gone(t, "May change something");

    term_resize(t, 80, 24);
    term_key(t, TERM_F1);
    term_expect(t, "more below: PgDn");
    term_key(t, TERM_END);
    term_expect(t, "take the run over");
    term_key(t, TERM_ESC);
    term_expect_gone(t, "take the run over");
}

/* What ends it, and with which exit code or signal. */
static void expect_end_by(int sig, int code)
{
    int status;
    start(80, 24);
    term_wait_quiet(t, 30, TERM_PATIENCE);
    term_signal(t, sig);
    term_check(t, term_exited(t, TERM_PATIENCE, &status), "still running after signal %d", sig);
    if (code)
        term_check(t, WIFEXITED(status) && WEXITSTATUS(status) == code, "status %#x",
                   (unsigned)status);
    else
        term_check(t, !WIFEXITED(status) || WEXITSTATUS(status) != 0, "status %#x",
                   (unsigned)status);
    expect_given_back();
    term_free(t);
    t = NULL;
}

Test(face, gives_the_terminal_back_whatever_ends_it)
{
    expect_end_by(SIGTERM, 128 + SIGTERM);
    expect_end_by(SIGHUP, 128 + SIGHUP);
    expect_end_by(SIGSEGV, 0);
    expect_end_by(SIGABRT, 0);
}

Test(face, a_key_control_c_quits)
{
    start(80, 24);
    term_keys(t, "\003");
    term_expect_exit(t, 0);
    expect_given_back();
}

Test(face, ends_with_its_terminal)
{
    start(80, 24);
    term_hangup(t);
    term_check(t, term_exited(t, 2000, NULL), "it outlives its terminal");
}

/* Nothing stands outside the screen or is torn: the frame of the panel that has the focus is whole,
 * header and footer are where they belong. */
struct size {
    int cols, rows;
};

static bool is_sane(const struct term *term, const void *arg)
{
    const struct size *size = arg;
    bool header = strncmp(term_row(term, 0), "face", 4) == 0 ||
                  (size->rows < 12 && term_find(term, "lag", NULL, NULL));
    bool frame = term_find(term, "┌─ ", NULL, NULL) && term_find(term, "┘", NULL, NULL);
    return (size->rows < 3 || size->cols < 4 || header) &&
           (size->rows < 4 || size->cols < 7 || term_find(term, "? help", NULL, NULL)) &&
           (size->rows < 12 || size->cols < 40 || frame);
}

static void expect_sane(int cols, int rows)
{
    struct size size = {cols, rows};
    term_check(t, term_wait(t, is_sane, &size, TERM_PATIENCE),
               "header, footer or frame are missing at %dx%d", cols, rows);
}

Test(face, every_panel_at_every_size)
{
    static const int sizes[][2] = {{80, 24}, {5, 2},  {1, 1},   {200, 60}, {40, 12},
                                   {39, 11}, {20, 4}, {300, 3}, {7, 90},   {120, 40}};
    static const char *const titles[] = {"checklist", "slots",   "subscriptions",
                                         "tables",    "nodes",   "pools",
                                         "activity",  "journal", "checks"};
    start(80, 24);
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        int cols = sizes[s][0], rows = sizes[s][1];
        term_resize(t, cols, rows);
        expect_sane(cols, rows);
        for (int panel = 0; panel < 9; panel++) {
            term_keys(t, (const char[]){(char)('1' + panel), '\0'});
            if (cols >= 40 && rows >= 12)
                term_expect(t, titles[panel]);
            term_keys(t, "zjGgz");
            term_key(t, TERM_PGDN);
            expect_sane(cols, rows);
        }
        term_keys(t, "\t");
        term_key(t, TERM_BACKTAB);
        term_keys(t, "?");
        term_wait_quiet(t, 20, TERM_PATIENCE);
        term_keys(t, "q1");
        expect_sane(cols, rows);
    }
    term_keys(t, "q");
    term_expect_exit(t, 0);
}

Test(face, zoom_shows_one_panel_and_goes_back)
{
    start(120, 40);
    term_expect(t, "2 slots");
    term_keys(t, "z");
    term_expect_gone(t, "2 slots");
    term_keys(t, "2");
    term_expect(t, "2 slots");
    term_expect_gone(t, "1 checklist");
    term_key(t, TERM_ESC);
    term_expect(t, "1 checklist");
}

/* The row that the hardware cursor stands on: readers of the screen follow it. */
static const char *cursor_row(void)
{
    int row;
    term_cursor(t, &row, NULL, NULL);
    return term_row(t, row);
}

static bool cursor_is_on(const struct term *term, const void *text)
{
    (void)term;
    return strstr(cursor_row(), text);
}

Test(face, the_cursor_stands_on_the_selected_row)
{
    start(80, 24);
    term_check(t, term_wait(t, cursor_is_on, "Read the source's roles", 3000), "not on row 1");
    term_keys(t, "jj");
    term_check(t, term_wait(t, cursor_is_on, "Passwords of roles", 3000), "not on row 3");
    term_wait_quiet(t, 20, TERM_PATIENCE);
    int row, col;
    term_cursor(t, &row, &col, NULL);
    term_check(t, term_cell(t, row, col).reverse, "the selected row does not stand out");
    term_keys(t, "G");
    term_check(t, term_wait(t, cursor_is_on, "Take the freeze", 3000), "not on the last row");
    term_keys(t, "5");
    term_check(t, term_wait(t, cursor_is_on, "DOWN", 3000), "not in the panel with the focus");
}

Test(face, a_key_that_can_not_be_used_says_why)
{
    static const char *const says[][2] = {
        {"\r", "not now: the "},        {"u", "not now: the "},
        {"x", "not now: the "},         {"a", "not now: the "},
        {"F", "not now: the "},         {"A", "not now"},
        {"S", "nothing is running"},    {"T", "no other console drives this run"},
        {"c", "that is for a check"},   {"s", "these rows stay in their order"},
        {"Y", "this key does nothing"}, {"\x1b[Z1", ""}};
    start(100, 30);
    for (size_t i = 0; i < sizeof says / sizeof *says; i++) {
        term_keys(t, says[i][0]);
        term_expect(t, says[i][1]);
        term_keys(t, "j");
        if (*says[i][1])
            term_expect_gone(t, says[i][1]);
    }
    term_keys(t, "9u");
    term_expect(t, "that is for a step: 1 goes to the checklist");
}

Test(face, a_paste_is_no_typing)
{
    start(100, 30);
    term_paste(t, "q");
    term_expect(t, "a pasted text does nothing here");
    term_keys(t, "/");
    term_expect(t, "filter");
    term_paste(t, "freeze\n");
    term_keys(t, "\r");
    term_expect_gone(t, "Read the source's roles");
    term_expect(t, "Stop writes on the source");
}

Test(face, watching_has_no_keys_that_change)
{
    start_with(&(struct term_options){
        .argv = (const char *const[]){getenv("PGCUTOVER_BIN"), "watch", "-c", conf, NULL},
        .cols = 100,
        .rows = 60});
    term_expect(t, "watching");
    for (size_t i = 0; i < key_binding_count; i++) {
        const struct key_binding *binding = &key_bindings[i];
        if (!binding->changes)
            continue;
        term_keys(t, (const char[]){(char)binding->keys[0], '\0'});
        term_expect(t, "this console watches");
        term_keys(t, "j");
        term_expect_gone(t, "this console watches");
    }
    term_keys(t, "?");
    term_expect(t, "these keys do nothing here");
    term_keys(t, "q");
    term_keys(t, "q");
    term_expect_exit(t, 0);
}

static bool any_colour(void)
{
    int cols, rows;
    term_size(t, &cols, &rows);
    for (int row = 0; row < rows; row++)
        for (int col = 0; col < cols; col++) {
            struct term_cell cell = term_cell(t, row, col);
            if (cell.fg != TERM_DEFAULT || cell.bg != TERM_DEFAULT)
                return true;
        }
    return false;
}

static void start_themed(const char *theme, const char *const *env)
{
    start_with(&(struct term_options){
        .argv = (const char *const[]){getenv("PGCUTOVER_BIN"), "-c", conf, "--theme", theme, NULL},
        .env = env});
    term_expect(t, "IS NOT ANSWERING");
    term_wait_quiet(t, 20, TERM_PATIENCE);
}

Test(face, themes_differ_and_no_color_has_none)
{
    start_themed("dark", NULL);
    struct term_cell dark = term_cell(t, 2, 0);
    cr_assert(any_colour());
    term_free(t);
    start_themed("light", NULL);
    cr_assert(any_colour());
    term_free(t);
    start_themed("mono", NULL);
    cr_assert_not(any_colour());
    cr_assert(term_cell(t, 2, 0).reverse || term_cell(t, 2, 0).bold,
              "the banner looks as the rest");
    cr_assert(dark.bg != TERM_DEFAULT);
    term_free(t);
    start_themed("dark", (const char *const[]){"NO_COLOR=1", NULL});
    cr_assert_not(any_colour());
    cr_assert_not(term_sent(t, 0, "\033[3") &&
                  (term_sent(t, 0, "\033[31m") || term_sent(t, 0, "\033[36m")));
}

Test(face, an_ascii_locale_gets_ascii)
{
    start_with(&(struct term_options){.env = (const char *const[]){"LC_ALL=C", NULL}});
    term_expect(t, "IS NOT ANSWERING");
    term_wait_quiet(t, 20, TERM_PATIENCE);
    for (int c = 0x80; c <= 0xff; c++)
        cr_assert_not(term_sent(t, 0, (const char[]){(char)c, '\0'}), "byte %#x", (unsigned)c);
    cr_assert(term_find(t, "+- 1 checklist -", NULL, NULL));
}

Test(face, other_terminals)
{
    static const char *const types[] = {"vt100", "linux", "screen-256color", "tmux-256color",
                                        "xterm"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        start_with(&(struct term_options){.type = types[i]});
        term_expect(t, "IS NOT ANSWERING");
        term_expect(t, "1 checklist");
        if (i < 2)
            term_check(t, !term_sent(t, 0, "\033]2;"), "%s got a title", types[i]);
        term_keys(t, "j2z");
        term_expect_gone(t, "1 checklist");
        term_keys(t, "qq");
        term_expect_exit(t, 0);
        term_free(t);
        t = NULL;
    }
    start_with(&(struct term_options){.type = "no-such-terminal"});
    term_expect(t, "no such terminal is known here; try TERM=xterm");
    term_expect_exit(t, 1);
}

/* Without a server, a file's text is what is foreign. */
Test(face, what_is_foreign_can_not_steer_the_terminal)
{
    configure("ol\x1b]2;pwned\x07\x1b[31md\u202e!", "");
    start_with(&(struct term_options){.cols = 160});
    term_expect(t, "ol\\x1b]2;pwned\\x07\\x1b[31md<U+202E>!");
    term_expect_exit(t, 2);
    cr_assert_not(term_sent(t, 0, "\033"));
    cr_assert_not(term_sent(t, 0, "\u202e"));
}

/* A port whose queue of connections is full: packets to it are swallowed without an answer. */
static int swallow(int *clients, size_t count)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    clients[0] = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert(bind(clients[0], (struct sockaddr *)&address, length) == 0);
    cr_assert(listen(clients[0], 0) == 0);
    getsockname(clients[0], (struct sockaddr *)&address, &length);
    for (size_t i = 1; i < count; i++) {
        clients[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        connect(clients[i], (struct sockaddr *)&address, length);
    }
    return ntohs(address.sin_port);
}

Test(face, a_server_that_swallows_packets_keeps_no_key_waiting)
{
    int clients[8], status;
    char text[1000];
    struct timespec began, done;
    int port = swallow(clients, 8);
    snprintf(
        text, sizeof text,
        "run = \"face\";\ndatabases = [\"shop\"];\njournal = \"%s/journal\";\nnodes = (\n"
        "  { name = \"old\"; role = \"source\"; dsn = \"host=127.0.0.1 port=%d user=u\"; },\n"
        "  { name = \"new\"; role = \"target\"; dsn = \"host=127.0.0.1 port=%d user=u\"; });\n",
        dir, port, port);
    write_file(conf, text);
    start(80, 24);
    for (int i = 0; i < 10; i++) {
        term_keys(t, "?");
        term_check(t, term_wait_text(t, "any key: back", 1000), "a key waits");
        term_keys(t, " ");
        term_check(t, term_wait_no_text(t, "any key: back", 1000), "a key waits");
    }
    term_keys(t, "5");
    term_expect(t, "connecting");
    term_keys(t, "\r");
    term_expect(t, "that is for a step");
    clock_gettime(CLOCK_MONOTONIC, &began);
    term_keys(t, "q");
    term_check(t, term_exited(t, 2000, &status), "it does not end");
    clock_gettime(CLOCK_MONOTONIC, &done);
    fprintf(stderr, "face: ended %ld ms after q with a server that swallows packets\n",
            (done.tv_sec - began.tv_sec) * 1000 + (done.tv_nsec - began.tv_nsec) / 1000000);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    for (size_t i = 0; i < 8; i++)
        close(clients[i]);
}

static void expect_wrong(const char *const *words, int code, const char *text)
{
    const char *argv[12] = {getenv("PGCUTOVER_BIN")};
    for (size_t i = 0; words[i]; i++)
        argv[i + 1] = words[i];
    start_with(&(struct term_options){.argv = argv, .cols = 160});
    term_expect(t, text);
    term_expect_exit(t, code);
    term_check(t, strncmp(term_row(t, 0), "pgcutover: ", 11) == 0, "not said by pgcutover");
    term_check(t, !term_sent(t, 0, "\033[?1049h"), "the terminal was taken");
    term_free(t);
    t = NULL;
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

Test(face, wrong_options_end_before_anything_begins)
{
    char path[96], wrong[128];
    expect_wrong(WORDS("--nonsense"), 2, "there is no option --nonsense; see --help");
    expect_wrong(WORDS("frobnicate"), 2, "there is no command \"frobnicate\"; see --help");
    expect_wrong(WORDS("-c"), 2, "-c wants a value; see --help");
    expect_wrong(WORDS("-c", "/no/such.conf"), 2, "/no/such.conf");
    expect_wrong(WORDS("--source", "host=x"), 2, "--source and --target come together");
    expect_wrong(WORDS("-c", conf, "--runbook", "nonsense"), 2, "nonsense");
    snprintf(path, sizeof path, "%s/wrong.conf", dir);
    write_file(path, "run = \"x\";\nnonsense = 1;\n");
    snprintf(wrong, sizeof wrong, "pgcutover: %s:2: ", path);
    expect_wrong(WORDS("-c", path), 2, wrong);
}

Test(face, a_wrong_theme_is_told_on_a_terminal_that_is_given_back)
{
    char path[96], wrong[128];
    snprintf(path, sizeof path, "%s/my.theme", dir);
    write_file(path, "normal = \"default\";\nok = \"greenish\";\n");
    snprintf(wrong, sizeof wrong, "pgcutover: %s:2: ", path);
    start_with(&(struct term_options){
        .argv = (const char *const[]){getenv("PGCUTOVER_BIN"), "-c", conf, "--theme", path, NULL},
        .cols = 160});
    term_expect(t, wrong);
    term_expect_exit(t, 1);
    expect_given_back();
}
