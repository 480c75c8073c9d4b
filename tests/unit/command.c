#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/command.h"

static struct arena arena;
static struct err err;
static uv_loop_t loop;

static struct {
    struct str output, errors;
    size_t lines;
    int ended;
    int64_t status;
    int signal;
    char error[256];
    struct command *to_stop;
} seen;

static void on_line(const char *text, bool is_error, void *arg)
{
    (void)arg;
    seen.lines++;
    str_printf(is_error ? &seen.errors : &seen.output, "%s|", text);
    if (seen.to_stop && strcmp(text, "ready") == 0)
        command_stop(seen.to_stop);
}

static void on_ended(int64_t status, int number, const char *error, void *arg)
{
    (void)arg;
    seen.ended++;
    seen.status = status;
    seen.signal = number;
    snprintf(seen.error, sizeof seen.error, "%s", error ? error : "");
}

static const struct command_events events = {.line = on_line, .ended = on_ended};

static void setup(void)
{
    uv_loop_init(&loop);
}

static void teardown(void)
{
    cr_assert_eq(uv_loop_close(&loop), 0, "a command leaves nothing on the loop");
    str_free(&seen.output);
    str_free(&seen.errors);
    arena_free(&arena);
}

TestSuite(command, .init = setup, .fini = teardown, .timeout = 30);

static void expect_words(const char *text, const char *expected)
{
    char **words = command_split(text, &arena, &err);
    cr_assert_not_null(words, "%s", err.text);
    struct str joined = {0};
    for (size_t i = 0; words[i]; i++)
        str_printf(&joined, "%s|", words[i]);
    cr_assert_str_eq(str_text(&joined), expected);
    str_free(&joined);
}

static void expect_no_words(const char *text, const char *part)
{
    cr_assert_null(command_split(text, &arena, &err));
    cr_assert_not_null(strstr(err.text, part), "%s", err.text);
}

Test(command, blanks_and_line_ends_cut_words)
{
    expect_words("pg_dump --schema-only\n  -d\tshop\r\n", "pg_dump|--schema-only|-d|shop|");
}

Test(command, quotes_keep_words_together)
{
    expect_words("a 'b c' \"d e\" f'g h'\"i j\"k '' \"\"", "a|b c|d e|fg hi jk|||");
    expect_words("'it''s' \"it's\" '\"'", "its|it's|\"|");
}

Test(command, a_backslash_takes_the_next_character)
{
    expect_words("a\\ b \\' \\\\ \\# \"\\\"\" '\\'", "a b|'|\\|#|\"|\\|");
    expect_words("pg_dump \\\n -s", "pg_dump|-s|");
}

Test(command, comments_are_whole_lines)
{
    expect_words("# the schema\n  # of shop\npg_dump # -s\n# end", "pg_dump|#|-s|");
    expect_words("a#b", "a#b|");
}

Test(command, no_shell_looks_at_the_words)
{
    expect_words("echo $HOME `id` *; ls | wc", "echo|$HOME|`id`|*;|ls|||wc|");
}

Test(command, what_cannot_be_cut_says_why)
{
    expect_no_words("", "no word");
    expect_no_words(" \n# nothing\n", "no word");
    expect_no_words("psql -c 'SELECT 1", "'...'");
    expect_no_words("psql \"x", "\"...\"");
    expect_no_words("psql \\", "backslash");
}

static struct command *start(const char *text, char *const *environment, uint64_t timeout_ms)
{
    char **argv = command_split(text, &arena, &err);
    cr_assert_not_null(argv, "%s", err.text);
    return command_start(&loop, argv, environment, timeout_ms, &events);
}

static void run(const char *text)
{
    start(text, NULL, 20000);
    cr_assert_eq(seen.ended, 0, "nothing is told from within the start");
    uv_run(&loop, UV_RUN_DEFAULT);
    cr_assert_eq(seen.ended, 1);
}

Test(command, output_comes_line_by_line_and_the_last_one_without_its_end)
{
    run("printf 'one\\ntwo\\n\\nthree'");
    cr_assert_str_eq(str_text(&seen.output), "one|two|three|");
    cr_assert_eq(seen.status, 0);
    cr_assert_eq(seen.signal, 0);
    cr_assert_str_eq(seen.error, "");
}

Test(command, progress_drawn_with_carriage_returns_is_lines)
{
    run("printf '10%%\\r20%%\\rdone\\r\\n'");
    cr_assert_str_eq(str_text(&seen.output), "10%|20%|done|");
}

Test(command, errors_are_told_apart)
{
    run("sh -c 'echo fine; echo broken >&2; exit 3'");
    cr_assert_str_eq(str_text(&seen.output), "fine|");
    cr_assert_str_eq(str_text(&seen.errors), "broken|");
    cr_assert_eq(seen.status, 3);
}

Test(command, all_output_is_there_before_the_end)
{
    run("seq 1 20000");
    cr_assert_eq(seen.lines, 20000);
    cr_assert_not_null(strstr(str_text(&seen.output), "|20000|"));
}

Test(command, a_line_without_end_does_not_fill_the_memory)
{
    run("sh -c 'head -c 200000 /dev/zero | tr \"\\\\0\" x'");
    cr_assert_eq(seen.output.length, 200000 + 4);
    cr_assert_eq(seen.lines, 4);
}

Test(command, a_missing_program_is_named)
{
    run("/nowhere/pg_dump -s");
    cr_assert_eq(seen.status, -1);
    cr_assert_not_null(strstr(seen.error, "/nowhere/pg_dump: can't be started"), "%s", seen.error);
}

Test(command, a_signal_is_told)
{
    run("sh -c 'kill -9 $$'");
    cr_assert_eq(seen.status, -1);
    cr_assert_eq(seen.signal, SIGKILL);
}

/* A zombie that nobody has fetched yet is dead. */
static bool is_alive(const char *line)
{
    char *path = xprintf("/proc/%d/stat", atoi(line));
    char state = 'Z';
    FILE *stat = fopen(path, "r");
    if (stat) {
        cr_assert_eq(fscanf(stat, "%*d (%*[^)]) %c", &state), 1);
        fclose(stat);
    }
    free(path);
    return state != 'Z' && state != 'X';
}

/* A signal was sent; the kernel may take a moment to carry it out. */
static bool dies(const char *line)
{
    for (int i = 0; i < 500 && is_alive(line); i++)
        uv_sleep(10);
    return !is_alive(line);
}

Test(command, the_deadline_ends_the_whole_tree)
{
    uint64_t began = uv_hrtime();
    start("sh -c 'sleep 100 & echo $!; wait'", NULL, 300);
    uv_run(&loop, UV_RUN_DEFAULT);
    cr_assert_eq(seen.ended, 1);
    cr_assert_eq(seen.signal, SIGTERM);
    cr_assert_str_eq(seen.error, "it was ended at its deadline");
    cr_assert_lt(uv_hrtime() - began, (uint64_t)6e9);
    cr_assert(dies(str_text(&seen.output)));
}

Test(command, who_ignores_sigterm_is_killed_five_seconds_later)
{
    uint64_t began = uv_hrtime();
    start("sh -c 'trap \"\" TERM; sleep 100 & echo $!; while :; do wait; done'", NULL, 200);
    uv_run(&loop, UV_RUN_DEFAULT);
    cr_assert_eq(seen.ended, 1);
    cr_assert_eq(seen.signal, SIGKILL);
    cr_assert_gt(uv_hrtime() - began, (uint64_t)5e9);
    cr_assert(dies(str_text(&seen.output)));
}

Test(command, a_child_that_outlives_its_stopped_parent_is_killed_too)
{
    start("sh -c '(trap \"\" TERM; sleep 100; :) & echo $!; trap \"exit 0\" TERM; wait'", NULL,
          200);
    uv_run(&loop, UV_RUN_DEFAULT);
    cr_assert_eq(seen.ended, 1);
    cr_assert(dies(str_text(&seen.output)));
}

Test(command, a_daemon_left_behind_does_not_hold_the_step)
{
    uint64_t began = uv_hrtime();
    run("sh -c 'sleep 100 & echo $!'");
    cr_assert_eq(seen.status, 0);
    cr_assert_lt(uv_hrtime() - began, (uint64_t)4e9);
    cr_assert(is_alive(str_text(&seen.output)));
    kill((pid_t)atoi(str_text(&seen.output)), SIGKILL);
}

Test(command, the_operator_may_stop_it)
{
    seen.to_stop = start("sh -c 'echo ready; exec sleep 100'", NULL, 20000);
    uv_run(&loop, UV_RUN_DEFAULT);
    cr_assert_eq(seen.ended, 1);
    cr_assert_eq(seen.signal, SIGTERM);
    cr_assert_str_eq(seen.error, "");
}

Test(command, what_is_added_to_the_environment_is_not_in_the_arguments)
{
    setenv("PGPASSFILE", "/old", 1);
    setenv("KEPT", "yes", 1);
    char *environment[] = {"PGPASSFILE=/run/pass", "PGAPPNAME=pgcutover", NULL};
    start("sh -c 'echo $PGPASSFILE $PGAPPNAME $KEPT; tr \"\\\\0\" \" \" < /proc/$$/cmdline'",
          environment, 20000);
    uv_run(&loop, UV_RUN_DEFAULT);
    cr_assert_eq(strncmp(str_text(&seen.output), "/run/pass pgcutover yes|", 24), 0, "%s",
                 str_text(&seen.output));
    cr_assert_null(strstr(str_text(&seen.output) + 24, "/run/pass"));
}

Test(command, it_reads_nothing_from_the_terminal)
{
    run("cat");
    cr_assert_eq(seen.status, 0);
    cr_assert_eq(seen.lines, 0);
}
