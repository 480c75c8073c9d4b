/* The harness on programs whose output is known: if these hold, a failing screen test means
 * pgcutover. */
#include "tests/screen/expect.h"
#include "tests/screen/svg.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static struct term *t;

static void sh_sized(const char *script, int cols, int rows)
{
    t = term_start(&(struct term_options){
        .argv = (const char *const[]){"sh", "-c", script, NULL}, .cols = cols, .rows = rows});
}

static void sh(const char *script)
{
    sh_sized(script, 0, 0);
}

static void end(void)
{
    term_free(t);
}

TestSuite(harness, .fini = end);

Test(harness, text_lands_on_its_row)
{
    sh("printf 'one\\r\\n  two  \\r\\n'");
    term_expect_exit(t, 0);
    cr_assert_str_eq(term_row(t, 0), "one");
    cr_assert_str_eq(term_row(t, 1), "  two");
    cr_assert_str_eq(term_row(t, 2), "");
    cr_assert_str_eq(term_row(t, -1), "");
    cr_assert_str_eq(term_row(t, 24), "");

    int row, col;
    cr_assert(term_find(t, "wo", &row, &col));
    cr_assert_eq(row, 1);
    cr_assert_eq(col, 3);
    cr_assert_not(term_find(t, "three", NULL, NULL));
}

Test(harness, waiting_ends_when_the_text_changes)
{
    sh("printf first; read x; printf '\\033[H\\033[2Jsecond'; read x");
    term_expect(t, "first");
    cr_assert_not(term_wait_text(t, "second", 20));
    term_keys(t, "\r");
    term_expect(t, "second");
    term_expect_gone(t, "first");
    cr_assert(term_wait_quiet(t, 20, TERM_PATIENCE));
}

Test(harness, a_chattering_program_is_never_quiet)
{
    sh("while :; do printf x; done");
    cr_assert_not(term_wait_quiet(t, 100, 300));
}

Test(harness, waiting_for_an_ended_program_is_short)
{
    sh("exit 0");
    term_expect_exit(t, 0);
    cr_assert_not(term_wait_text(t, "never", 3600 * 1000));
}

Test(harness, colours_and_attributes)
{
    sh("printf "
       "'a\\033[1;31mb\\033[0;4;38;5;200;44mc\\033[0;7;38;2;1;2;3md\\033[0;3;39me\\033[0mf'");
    term_expect_exit(t, 0);
    struct term_cell a = term_cell(t, 0, 0), b = term_cell(t, 0, 1), c = term_cell(t, 0, 2),
                     d = term_cell(t, 0, 3), e = term_cell(t, 0, 4), f = term_cell(t, 0, 5);
    cr_assert(a.fg == TERM_DEFAULT && a.bg == TERM_DEFAULT && !a.bold && !a.reverse);
    cr_assert(b.bold && b.fg == 1 && b.bg == TERM_DEFAULT && !b.underline);
    cr_assert(c.underline && c.fg == 200 && c.bg == 4 && !c.bold);
    cr_assert(d.reverse && d.fg == TERM_RGB + 0x010203);
    cr_assert(e.italic && e.fg == TERM_DEFAULT && !e.reverse);
    cr_assert(!f.italic && strcmp(f.text, "f") == 0);
    struct term_cell outside = term_cell(t, 99, 99);
    cr_assert_str_eq(outside.text, " ");
}

Test(harness, dim_is_seen_among_other_attributes)
{
    sh("printf "
       "'\\033[2ma\\033[22mb\\033[1;2;31mc\\033[0md\\033[38;5;2me\\033[48;2;2;22;2mf\\033[mg';"
       "printf '\\033'; sleep 0.05; printf '[2'; sleep 0.05; printf 'mh\\033[>4;2mi'");
    term_expect_exit(t, 0);
    cr_assert_str_eq(term_row(t, 0), "abcdefghi");
    static const char dim[] = "a c    hi";
    for (int col = 0; dim[col]; col++)
        cr_assert_eq(term_cell(t, 0, col).dim, dim[col] != ' ', "column %d", col);
    cr_assert(term_cell(t, 0, 2).bold && term_cell(t, 0, 2).fg == 1);
    cr_assert_eq(term_cell(t, 0, 4).fg, 2);
    cr_assert_eq(term_cell(t, 0, 5).bg, TERM_RGB + 0x021602);
}

Test(harness, wide_and_combining_characters)
{
    sh("printf '\\346\\227\\245e\\314\\201\\342\\224\\200x'"); /* U+65E5, e U+0301, U+2500 */
    term_expect_exit(t, 0);
    cr_assert_str_eq(term_row(t, 0), "\u65e5e\u0301\u2500x");
    struct term_cell wide = term_cell(t, 0, 0), half = term_cell(t, 0, 1),
                     accent = term_cell(t, 0, 2);
    cr_assert_eq(wide.width, 2);
    cr_assert_eq(half.width, 0);
    cr_assert_str_eq(half.text, "");
    cr_assert_str_eq(accent.text, "e\u0301");
    int col;
    cr_assert(term_find(t, "x", NULL, &col));
    cr_assert_eq(col, 4);
}

Test(harness, alternate_screen_and_cursor)
{
    bool visible;
    int row, col;

    sh("printf 'before\\033[?1049h\\033[?25l\\033[3;5H'; read x;"
       "printf '\\033[?25h\\033[?1049l'; read x");
    cr_assert(term_wait_quiet(t, 50, TERM_PATIENCE));
    cr_assert(term_alternate(t));
    cr_assert_not(term_find(t, "before", NULL, NULL));
    term_cursor(t, &row, &col, &visible);
    cr_assert(row == 2 && col == 4 && !visible);

    term_keys(t, "\r");
    term_expect(t, "before");
    cr_assert(term_wait_quiet(t, 50, TERM_PATIENCE));
    cr_assert_not(term_alternate(t));
    term_cursor(t, NULL, NULL, &visible);
    cr_assert(visible);
}

Test(harness, size_reaches_the_program)
{
    int cols, rows;

    sh_sized("trap 'stty size' WINCH; stty size; while :; do read x; done", 100, 30);
    term_expect(t, "30 100");
    term_resize(t, 61, 17);
    term_expect(t, "17 61");
    term_size(t, &cols, &rows);
    cr_assert(cols == 61 && rows == 17);
    term_resize(t, 200, 60);
    term_expect(t, "60 200");
}

Test(harness, tiny_sizes_and_growing_back)
{
    sh("printf '\\033[?1049h'; trap 'printf \"\\033[2J\\033[H\"; stty size' WINCH;"
       "echo ready; while :; do read x; done");
    term_expect(t, "ready");
    static const int sizes[][2] = {{5, 2}, {1, 1}, {200, 60}, {2, 90}, {80, 24}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        term_resize(t, sizes[i][0], sizes[i][1]);
        term_wait_quiet(t, 30, TERM_PATIENCE);
    }
    term_expect(t, "24 80");
}

/* The keys as cat -v shows them, in the program's cooked terminal without echo. */
static void expect_key(enum term_key key, const char *shown)
{
    term_key(t, key);
    term_keys(t, ";\n");
    term_expect(t, shown);
}

Test(harness, keys_in_application_form)
{
    sh("stty -echo -icrnl; printf '\\033[?1hready\\r\\n'; exec cat -v");
    term_expect(t, "ready");
    expect_key(TERM_UP, "^[OA;");
    expect_key(TERM_LEFT, "^[OD;");
    expect_key(TERM_HOME, "^[OH;");
    expect_key(TERM_PGUP, "^[[5~;");
    expect_key(TERM_DELETE, "^[[3~;");
    expect_key(TERM_F1, "^[OP;");
    expect_key(TERM_F12, "^[[24~;");
    expect_key(TERM_BACKTAB, "^[[Z;");
    expect_key(TERM_ENTER, "^M;");
    expect_key(TERM_ESC, "^[;");
}

Test(harness, keys_in_normal_form)
{
    sh("stty -echo; echo ready; exec cat -v");
    term_expect(t, "ready");
    expect_key(TERM_DOWN, "^[[B;");
}

Test(harness, paste_in_brackets_only_when_asked_for)
{
    sh("stty -echo; echo ready; cat -v");
    term_expect(t, "ready");
    term_paste(t, "plain\n");
    term_expect(t, "plain");
    cr_assert_str_eq(term_row(t, 1), "plain");
    term_free(t);

    sh("stty -echo; printf '\\033[?2004hready\\r\\n'; cat -v");
    term_expect(t, "ready");
    term_paste(t, "text");
    term_keys(t, "\n");
    term_expect(t, "^[[200~text^[[201~");
}

Test(harness, a_question_to_the_terminal_is_answered)
{
    sh("stty -icanon -echo min 1; printf '\\033[6n'; dd bs=1 count=6 2>/dev/null | cat -v");
    term_expect(t, "^[[1;1R");
}

Test(harness, a_long_paste_arrives_whole)
{
    char text[20001];

    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    sh("stty raw -echo; printf ready; sleep 0.2; head -c 20000 | wc -c");
    term_expect(t, "ready");
    term_paste(t, text);
    term_expect(t, "20000");
}

Test(harness, title_bell_and_raw_bytes)
{
    sh("printf '\\033]2;prod: step 3\\007\\007\\007done\\033[2mdim'; read x; printf "
       "'\\033]2;new\\007'");
    term_expect(t, "dim");
    cr_assert_str_eq(term_title(t), "prod: step 3");
    cr_assert_eq(term_bells(t), 2);
    cr_assert(term_sent(t, 0, "\033[2m"));
    cr_assert_not(term_sent(t, 0, "\033[31m"));

    size_t before = term_bytes(t);
    term_keys(t, "\r");
    term_expect_exit(t, 0);
    cr_assert_gt(term_bytes(t), before);
    cr_assert_not(term_sent(t, before, "done"));
    cr_assert_str_eq(term_title(t), "new");
}

Test(harness, exit_status_and_last_words)
{
    int status;

    sh("read x; printf goodbye; exit 3");
    cr_assert_not(term_exited(t, 20, &status));
    term_keys(t, "\r");
    term_expect_exit(t, 3);
    cr_assert(term_find(t, "goodbye", NULL, NULL));
}

Test(harness, signals)
{
    int status;

    sh("echo ready; read x");
    term_expect(t, "ready");
    term_signal(t, SIGTERM);
    cr_assert(term_exited(t, TERM_PATIENCE, &status));
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    term_signal(t, SIGTERM); /* nobody there: no harm */
}

Test(harness, hang_up_is_told_by_a_signal)
{
    int status;

    sh("echo ready; read x");
    term_expect(t, "ready");
    term_hangup(t);
    cr_assert(term_exited(t, TERM_PATIENCE, &status));
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGHUP);
    cr_assert(term_find(t, "ready", NULL, NULL));
    term_keys(t, "ignored");
    term_resize(t, 40, 10);
}

Test(harness, hang_up_reaches_the_right_program)
{
    struct term *other;

    sh("echo ready; read x");
    term_expect(t, "ready");
    other = t;
    sh("echo later; read x");
    term_expect(t, "later");
    term_hangup(other);
    cr_assert(term_exited(other, TERM_PATIENCE, NULL));
    cr_assert_not(term_exited(t, 20, NULL));
    term_free(other);
}

Test(harness, a_stubborn_program_is_killed)
{
    sh("trap '' HUP TERM INT; echo ready; while :; do sleep 1; done");
    term_expect(t, "ready");
    pid_t pid = term_pid(t);
    term_free(t);
    t = NULL;
    cr_assert_eq(kill(pid, 0), -1);
}

Test(harness, environment_and_directory)
{
    setenv("COLUMNS", "13", 1);
    setenv("HARNESS_GONE", "still here", 1);
    t = term_start(&(struct term_options){
        .argv = (const char *const[]){"sh", "-c", "echo $TERM/$HARNESS/$HARNESS_GONE/$COLUMNS/$PWD",
                                      NULL},
        .env = (const char *const[]){"HARNESS=set", "HARNESS_GONE", NULL},
        .dir = "/usr",
        .type = "vt100"});
    term_expect(t, "vt100/set////usr");
}

Test(harness, a_missing_program_says_so)
{
    t = term_start(&(struct term_options){.argv = (const char *const[]){"/no/such", NULL}});
    term_expect(t, "cannot run /no/such");
    term_expect_exit(t, 127);
}

Test(harness, picture_holds_the_text_and_is_repeatable)
{
    char *svg[2];
    size_t length[2];

    sh("printf '\\033]2;a < b\\007\\033[1;31mred & bold\\033[0m \\342\\224\\200\\342\\224\\220 "
       "plain'");
    term_expect_exit(t, 0);
    for (int i = 0; i < 2; i++) {
        FILE *out = open_memstream(&svg[i], &length[i]);
        svg_write(t, out);
        fclose(out);
    }
    cr_assert_str_eq(svg[0], svg[1]);
    cr_assert(strstr(svg[0], "a &lt; b"));
    cr_assert(strstr(svg[0], "red &amp; bold"));
    cr_assert(strstr(svg[0], "plain"));
    free(svg[0]);
    free(svg[1]);
}
