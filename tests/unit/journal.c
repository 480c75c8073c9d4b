#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/journal.h"
#include "core/mem.h"

static uv_loop_t loop;
static char dir[] = "/tmp/journal-XXXXXX";
static char *path;
static struct err err;

static void setup(void)
{
    cr_assert_not_null(mkdtemp(dir));
    path = journal_file(dir, "night");
    uv_loop_init(&loop);
}

static void teardown(void)
{
    uv_run(&loop, UV_RUN_DEFAULT);
    cr_assert_eq(uv_loop_close(&loop), 0, "the journal leaves nothing on the loop");
    unlink(path);
    rmdir(dir);
    free(path);
}

TestSuite(journal, .init = setup, .fini = teardown, .timeout = 20);

static struct journal *open_night(void)
{
    struct journal *journal = journal_open(&loop, dir, "night", &err);
    cr_assert_not_null(journal, "%s", err.text);
    return journal;
}

static json_t *note(const char *detail)
{
    return json_pack("{s:s, s:o}", "type", "note", "detail", journal_text(detail));
}

static void write_file(const char *text)
{
    FILE *file = fopen(path, "a");
    cr_assert_not_null(file);
    fputs(text, file);
    fclose(file);
}

static json_t *read_back(void)
{
    json_t *records = journal_read(path, &err);
    cr_assert_not_null(records, "%s", err.text);
    return records;
}

static const char *field(const json_t *records, size_t index, const char *name)
{
    return json_string_value(json_object_get(json_array_get(records, index), name));
}

static json_int_t seq(const json_t *records, size_t index)
{
    return json_integer_value(json_object_get(json_array_get(records, index), "seq"));
}

static void expect_refusal(const char *run, const char *part)
{
    struct journal *journal = journal_open(&loop, dir, run, &err);
    cr_assert_null(journal);
    cr_assert_not_null(strstr(err.text, part), "%s", err.text);
}

/* What was told to those who wait, in order. */
static struct {
    size_t count;
    size_t numbers[64];
    size_t on_disk[64]; /* records in the file as it was told */
    bool ok[64];
    char error[512];
} told;

static void tell(bool ok, const char *error, void *arg)
{
    json_t *records = journal_read(path, NULL);
    told.numbers[told.count] = (size_t)(uintptr_t)arg;
    told.on_disk[told.count] = json_array_size(records);
    told.ok[told.count++] = ok;
    if (error)
        snprintf(told.error, sizeof told.error, "%s", error);
    json_decref(records);
}

static void append(struct journal *journal, size_t number)
{
    journal_append(journal, note("x"), tell, (void *)(uintptr_t)number);
}

Test(journal, a_record_is_on_the_disk_before_it_is_told)
{
    struct journal *journal = open_night();
    append(journal, 1);
    cr_assert_eq(told.count, 0, "never told from within append");
    append(journal, 2);
    append(journal, 3);
    uv_run(&loop, UV_RUN_DEFAULT);
    cr_assert_eq(told.count, 3);
    for (size_t i = 0; i < 3; i++) {
        cr_assert(told.ok[i]);
        cr_assert_eq(told.numbers[i], i + 1, "in the order of the appends");
        cr_assert_geq(told.on_disk[i], i + 1);
    }
    journal_close(journal);
}

Test(journal, a_record_says_when_and_in_which_run)
{
    struct journal *journal = open_night();
    append(journal, 1);
    journal_close(journal);
    json_t *records = read_back();
    const char *at = field(records, 0, "at");
    cr_assert_eq(strlen(at), strlen("2026-11-21T02:59:59.123Z"));
    cr_assert_eq(at[10], 'T');
    cr_assert_eq(at[23], 'Z');
    cr_assert_str_eq(field(records, 0, "run"), "night");
    cr_assert_str_eq(field(records, 0, "type"), "note");
    cr_assert_eq(seq(records, 0), 1);
    json_decref(records);
}

Test(journal, closing_writes_what_was_appended)
{
    struct journal *journal = open_night();
    for (size_t i = 0; i < 50; i++)
        append(journal, i);
    journal_close(journal);
    json_t *records = read_back();
    cr_assert_eq(json_array_size(records), 50);
    for (size_t i = 0; i < 50; i++)
        cr_assert_eq(seq(records, i), (json_int_t)i + 1);
    uv_run(&loop, UV_RUN_DEFAULT);
    cr_assert_eq(told.count, 0, "nobody is told after the close");
    json_decref(records);
}

static void close_it(bool ok, const char *error, void *arg)
{
    tell(ok, error, arg);
    journal_close(arg);
}

Test(journal, whoever_is_told_may_close_it)
{
    struct journal *journal = open_night();
    journal_append(journal, note("a"), close_it, journal);
    append(journal, 2);
    uv_run(&loop, UV_RUN_DEFAULT);
    cr_assert_eq(told.count, 1);
    json_t *records = read_back();
    cr_assert_eq(json_array_size(records), 2);
    json_decref(records);
}

static void append_more(bool ok, const char *error, void *arg)
{
    tell(ok, error, arg);
    if (told.count < 5)
        journal_append(arg, note("more"), append_more, arg);
}

Test(journal, whoever_is_told_may_append)
{
    struct journal *journal = open_night();
    journal_append(journal, note("first"), append_more, journal);
    uv_run(&loop, UV_RUN_DEFAULT);
    cr_assert_eq(told.count, 5);
    cr_assert_eq(journal_count(journal), 5);
    journal_close(journal);
}

Test(journal, the_sequence_goes_on_after_a_restart)
{
    struct journal *journal = open_night();
    append(journal, 1);
    append(journal, 2);
    journal_close(journal);
    journal = open_night();
    cr_assert_eq(journal_count(journal), 2, "what was there is known");
    append(journal, 3);
    cr_assert_eq(json_integer_value(
                     json_object_get(journal_record(journal, journal_count(journal) - 1), "seq")),
                 3);
    journal_close(journal);
    json_t *records = read_back();
    cr_assert_eq(seq(records, 2), 3);
    json_decref(records);
}

Test(journal, only_its_owner_may_read_it)
{
    char *deep = xprintf("%s/a/b", dir);
    struct journal *journal = journal_open(&loop, deep, "night", &err);
    cr_assert_not_null(journal, "%s", err.text);
    struct stat is;
    cr_assert_eq(stat(deep, &is), 0);
    cr_assert_eq(is.st_mode & 0777, 0700);
    cr_assert_eq(stat(journal_path(journal), &is), 0);
    cr_assert_eq(is.st_mode & 0777, 0600);
    unlink(journal_path(journal));
    journal_close(journal);
    rmdir(deep);
    *strrchr(deep, '/') = '\0';
    rmdir(deep);
    free(deep);
}

#define FIRST "{\"run\":\"night\",\"seq\":1,\"type\":\"note\"}\n"

Test(journal, a_torn_last_line_is_cut_off_and_kept_in_a_note)
{
    write_file(FIRST "{\"run\":\"night\",\"seq\":2,\"ty");
    json_t *records = read_back();
    cr_assert_eq(json_array_size(records), 1, "a reader leaves it out");
    json_decref(records);

    struct journal *journal = open_night();
    append(journal, 1);
    journal_close(journal);
    records = read_back();
    cr_assert_eq(json_array_size(records), 3);
    cr_assert_str_eq(field(records, 1, "type"), "note");
    cr_assert_str_eq(field(records, 1, "text"), "{\"run\":\"night\",\"seq\":2,\"ty");
    cr_assert_eq(seq(records, 2), 3);
    json_decref(records);
}

Test(journal, blocks_that_a_power_cut_left_empty_are_a_torn_line_too)
{
    write_file(FIRST);
    cr_assert_eq(truncate(path, sizeof FIRST - 1 + 4096), 0);
    struct journal *journal = open_night();
    append(journal, 1);
    journal_close(journal);
    json_t *records = read_back();
    cr_assert_eq(json_array_size(records), 3);
    json_decref(records);
}

Test(journal, torn_at_any_byte_it_can_be_opened)
{
    struct journal *journal = open_night();
    append(journal, 1);
    append(journal, 2);
    journal_close(journal);
    uv_run(&loop, UV_RUN_DEFAULT);
    struct stat is;
    cr_assert_eq(stat(path, &is), 0);
    for (off_t size = is.st_size; size >= 0; size--) {
        cr_assert_eq(truncate(path, size), 0);
        journal = open_night();
        journal_close(journal);
        uv_run(&loop, UV_RUN_DEFAULT);
        json_t *records = read_back();
        cr_assert_leq(json_array_size(records), 3);
        json_decref(records);
    }
}

Test(journal, a_line_that_is_no_record_is_named)
{
    write_file(FIRST "not JSON\n" FIRST);
    expect_refusal("night", "night.jsonl:2: ");
    cr_assert_null(journal_read(path, &err));
    cr_assert_not_null(strstr(err.text, "night.jsonl:2: "), "%s", err.text);
}

Test(journal, a_journal_of_another_run_is_left_alone)
{
    write_file(FIRST "{\"run\":\"day\",\"seq\":2}\n");
    expect_refusal("night", "night.jsonl:2: of the run day, not night");
}

Test(journal, what_is_not_a_file_is_not_a_journal)
{
    cr_assert_eq(mkfifo(path, 0600), 0);
    expect_refusal("night", "not a regular file");
    cr_assert_null(journal_read(path, &err));
}

Test(journal, a_directory_that_cannot_be_made_is_named)
{
    write_file("");
    char *inside = xprintf("%s/sub", path);
    cr_assert_null(journal_open(&loop, inside, "night", &err));
    cr_assert_not_null(strstr(err.text, inside), "%s", err.text);
    free(inside);
}

Test(journal, the_second_is_told_who_drives)
{
    int ready[2], leave[2];
    cr_assert_eq(pipe(ready), 0);
    cr_assert_eq(pipe(leave), 0);
    pid_t driver = fork();
    if (driver == 0) {
        uv_loop_t own;
        uv_loop_init(&own);
        struct journal *journal = journal_open(&own, dir, "night", NULL);
        journal_append(journal, json_pack("{s:s, s:s}", "type", "start", "who", "ann@db1"), NULL,
                       NULL);
        uv_run(&own, UV_RUN_DEFAULT);
        char byte = 'x';
        _exit(write(ready[1], &byte, 1) == 1 && read(leave[0], &byte, 1) == 1 ? 0 : 1);
    }
    char byte;
    cr_assert_eq(read(ready[0], &byte, 1), 1);
    char *who = xprintf("process %ld of ann@db1 writes it", (long)driver);
    expect_refusal("night", who);
    free(who);
    cr_assert_eq(write(leave[1], "x", 1), 1);
    waitpid(driver, NULL, 0);
    journal_close(open_night());
}

Test(journal, the_lock_outlives_readers_in_the_same_process)
{
    struct journal *journal = open_night();
    json_decref(journal_read(path, NULL));
    expect_refusal("night", "writes it");
    journal_close(journal);
}

Test(journal, after_a_full_disk_nothing_is_written_any_more)
{
    signal(SIGXFSZ, SIG_IGN);
    struct journal *journal = open_night();
    append(journal, 1);
    uv_run(&loop, UV_RUN_DEFAULT);
    struct stat is;
    cr_assert_eq(stat(path, &is), 0);
    struct rlimit was, full;
    getrlimit(RLIMIT_FSIZE, &was);
    full = (struct rlimit){.rlim_cur = (rlim_t)is.st_size + 20, .rlim_max = was.rlim_max};
    setrlimit(RLIMIT_FSIZE, &full);
    append(journal, 2);
    append(journal, 3);
    uv_run(&loop, UV_RUN_DEFAULT);
    setrlimit(RLIMIT_FSIZE, &was);
    append(journal, 4); /* there is room again: too late */
    cr_assert_eq(told.count, 3, "told from the loop even then");
    uv_run(&loop, UV_RUN_DEFAULT);
    cr_assert_eq(told.count, 4);
    cr_assert(told.ok[0]);
    for (size_t i = 1; i < 4; i++) {
        cr_assert_not(told.ok[i]);
        cr_assert_eq(told.on_disk[i], 1);
    }
    cr_assert_not_null(strstr(told.error, "can't be written"), "%s", told.error);
    cr_assert_str_eq(journal_error(journal), told.error);
    journal_close(journal);
    uv_run(&loop, UV_RUN_DEFAULT);

    journal = open_night(); /* what was torn is cut off, and the next run goes on */
    append(journal, 5);
    journal_close(journal);
    json_t *records = read_back();
    cr_assert_eq(json_array_size(records), 3);
    json_decref(records);
}

Test(journal, a_record_that_is_none_stops_the_run)
{
    struct journal *journal = open_night();
    journal_append(journal, json_pack("{s:s}", "detail", "\xff"), tell, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    cr_assert_eq(told.count, 1);
    cr_assert_not(told.ok[0]);
    journal_close(journal);
}

static void expect_text(const char *text, const char *expected)
{
    json_t *string = journal_text(text);
    cr_assert_str_eq(json_string_value(string), expected);
    json_decref(string);
}

Test(journal, text_of_a_server_in_any_encoding_is_kept)
{
    expect_text("", "");
    expect_text("größer", "größer");
    expect_text("gr\xf6\xdf"
                "er",
                "gr\\xf6\\xdfer");
    expect_text("€\xff€", "€\\xff€");
    expect_text("cut \xe2\x82", "cut \\xe2\\x82");
    expect_text("\xf0\x9f\x90\x98\x80", "🐘\\x80");
    json_t *null = journal_text(NULL);
    cr_assert(json_is_null(null));
}
