#include "core/sqlfile.h"

#include <criterion/criterion.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct directive_rule rules[] = {
    {"runbook", NULL, RULE_VALUE, false},   {"title", NULL, RULE_VALUE, false},
    {"title", "step", RULE_VALUE, false},   {"on", "step", RULE_VALUE, false},
    {"why", "step", RULE_VALUE, true},      {"holds", "step", RULE_FLAG, false},
    {"timeout", "step", RULE_VALUE, false}, {"probe", "step", RULE_SECTION, false},
    {"undo", "step", RULE_SECTION, false},  {"every", "query", RULE_VALUE, false},
    {NULL, NULL, RULE_FLAG, false},
};

static struct sqlfile *parse_bytes(const char *text, size_t length)
{
    struct err err = {0};
    struct sqlfile *file = sqlfile_parse("f.sql", text, length, rules, &err);
    cr_assert(file, "%s", err.text);
    return file;
}

static struct sqlfile *parse(const char *text)
{
    return parse_bytes(text, strlen(text));
}

static void refuses_bytes(const char *text, size_t length, const char *expected)
{
    struct err err = {0};
    struct sqlfile *file = sqlfile_parse("f.sql", text, length, rules, &err);
    cr_expect_null(file);
    cr_expect_str_eq(err.text, expected);
    sqlfile_free(file);
}

static void refuses(const char *text, const char *expected)
{
    refuses_bytes(text, strlen(text), expected);
}

static const char *text_of(const struct entry *entry, const char *section)
{
    const struct section *found = entry_section(entry, section);
    return found ? found->text : NULL;
}

Test(sqlfile, a_file_has_a_head_and_entries_with_sections)
{
    struct sqlfile *file = parse("-- For the shop.\n"
                                 "--- runbook logical\n"
                                 "--- title   Move by logical replication\n"
                                 "\n"
                                 "--- step freeze\n"
                                 "---\ttitle\tStop writes  \n"
                                 "--- holds\n"
                                 "\n"
                                 "ALTER DATABASE shop;\n"
                                 "\n"
                                 "--- probe on target\n"
                                 "\n"
                                 "  SELECT true AS done;\n"
                                 "--- undo none It only reads.\n"
                                 "--- query slots\n"
                                 "--- every 1s\n"
                                 "SELECT 1");
    cr_assert_eq(file->header_count, 2);
    cr_assert_str_eq(file->header[0].name, "runbook");
    cr_assert_str_eq(file->header[1].value, "Move by logical replication");
    cr_assert_eq(file->entry_count, 2);

    const struct entry *freeze = &file->entries[0];
    cr_assert_str_eq(freeze->type, "step");
    cr_assert_str_eq(freeze->id, "freeze");
    cr_assert_eq(freeze->line, 5);
    cr_assert_eq(freeze->since, 0);
    cr_assert_eq(freeze->until, INT_MAX);
    cr_assert_str_eq(entry_value(freeze, "title"), "Stop writes");
    cr_assert_str_eq(entry_value(freeze, "holds"), "");
    cr_assert_null(entry_value(freeze, "on"));
    cr_assert_str_eq(text_of(freeze, "body"), "ALTER DATABASE shop;");
    cr_assert_eq(entry_section(freeze, "body")->line, 9);
    cr_assert_str_eq(entry_section(freeze, "probe")->on, "target");
    cr_assert_str_eq(text_of(freeze, "probe"), "  SELECT true AS done;");
    cr_assert_eq(entry_section(freeze, "probe")->line, 13);
    cr_assert_str_eq(entry_section(freeze, "undo")->none, "It only reads.");
    cr_assert_str_eq(text_of(freeze, "undo"), "");
    cr_assert_str_eq(text_of(&file->entries[1], "body"), "SELECT 1");
    sqlfile_free(file);
}

Test(sqlfile, an_empty_file_has_no_entries)
{
    for (size_t i = 0; i < 4; i++) {
        struct sqlfile *file = parse((const char *[]){"", "\n\n", "-- nothing", "---\n"}[i]);
        cr_assert_eq(file->entry_count, 0);
        sqlfile_free(file);
    }
}

Test(sqlfile, dashes_that_are_no_directive_are_text)
{
    struct sqlfile *file = parse("--- step s\n---\n-----\n --- title x\n--- \nSELECT '\n---';\n");
    cr_assert_str_eq(text_of(file->entries, "body"),
                     "---\n-----\n --- title x\n--- \nSELECT '\n---';");
    sqlfile_free(file);
}

Test(sqlfile, comments_may_stand_between_directives)
{
    struct sqlfile *file = parse("--- step s\n-- why\n--- title T\nSELECT 1\n");
    cr_assert_str_eq(entry_value(file->entries, "title"), "T");
    cr_assert_str_eq(text_of(file->entries, "body"), "-- why\nSELECT 1");
    sqlfile_free(file);
}

Test(sqlfile, carriage_returns_and_a_byte_order_mark_are_dropped)
{
    struct sqlfile *file =
        parse("\xEF\xBB\xBF--- step s\r\n--- title T\r\nSELECT 1,\r\n2;\r\n\r\n--- probe\r\nx\r\n");
    cr_assert_str_eq(file->entries->id, "s");
    cr_assert_str_eq(entry_value(file->entries, "title"), "T");
    cr_assert_str_eq(text_of(file->entries, "body"), "SELECT 1,\n2;");
    cr_assert_eq(entry_section(file->entries, "probe")->line, 7);
    sqlfile_free(file);
}

Test(sqlfile, the_final_newline_may_lack_anywhere)
{
    struct sqlfile *file = parse("--- step s\nx\n--- undo none It reads.");
    cr_assert_str_eq(entry_section(file->entries, "undo")->none, "It reads.");
    sqlfile_free(file);
    refuses("--- step s\nx\n--- undo",
            "f.sql:3: `undo` has no text; write it below, or give the reason why there is none: "
            "--- undo none REASON");
}

Test(sqlfile, a_directive_that_repeats_is_joined)
{
    struct sqlfile *file = parse("--- step s\n--- why One.\n--- title T\n--- why Two.\n");
    cr_assert_str_eq(entry_value(file->entries, "why"), "One. Two.");
    cr_assert_eq(entry_directive(file->entries, "why")->line, 2);
    sqlfile_free(file);
}

Test(sqlfile, a_variant_inherits_what_it_does_not_give)
{
    struct sqlfile *file = parse("--- step s\n--- until 13\n--- title T\n--- why Old.\n"
                                 "old body\n--- probe\nold probe\n"
                                 "--- step other\n"
                                 "--- step s\n--- since 14\n--- until 16\n--- why New.\n"
                                 "--- probe on target\nnew probe\n"
                                 "--- step s\n--- since 17\nnewest body\n");
    cr_assert_eq(file->entry_count, 4);
    const struct entry *middle = &file->entries[2];
    cr_assert_eq(middle->since, 14);
    cr_assert_eq(middle->until, 16);
    cr_assert_str_eq(entry_value(middle, "title"), "T");
    cr_assert_str_eq(entry_value(middle, "why"), "New.");
    cr_assert_str_eq(text_of(middle, "body"), "old body");
    cr_assert_str_eq(text_of(middle, "probe"), "new probe");
    cr_assert_str_eq(entry_section(middle, "probe")->on, "target");

    const struct entry *last = &file->entries[3];
    cr_assert_eq(last->since, 17);
    cr_assert_eq(last->until, INT_MAX);
    cr_assert_str_eq(text_of(last, "body"), "newest body");
    cr_assert_str_eq(text_of(last, "probe"), "old probe");
    cr_assert_null(entry_section(last, "probe")->on);
    cr_assert_null(entry_value(last, "until"));
    sqlfile_free(file);
}

Test(sqlfile, variants_that_overlap_are_refused)
{
    refuses("--- step s\n--- until 14\n--- step s\n--- since 14\n",
            "f.sql:3: step `s` exists on line 1 for the same server versions; rename one, or part "
            "them with `since` and `until`");
    refuses("--- step s\n--- step s\n",
            "f.sql:2: step `s` exists on line 1 for the same server versions; rename one, or part "
            "them with `since` and `until`");
    refuses("--- step s\n--- since 15\n--- until 14\n",
            "f.sql:1: step `s` is since 15 and until 14, which no server is; swap them");
}

Test(sqlfile, entries_of_two_types_may_share_an_id)
{
    sqlfile_free(parse("--- step s\n--- query s\n"));
}

Test(sqlfile, a_version_is_a_major_number)
{
    refuses("--- step s\n--- since 9.6\n",
            "f.sql:2: `since` takes a major version, not \"9.6\"; write a number such as 14");
    refuses("--- step s\n--- until new\n",
            "f.sql:2: `until` takes a major version, not \"new\"; write a number such as 14");
    refuses("--- step s\n--- until -1\n",
            "f.sql:2: `until` takes a major version, not \"-1\"; write a number such as 14");
    refuses("--- step s\n--- since 99999999999999999999\n",
            "f.sql:2: `since` takes a major version, not \"99999999999999999999\"; write a number "
            "such as 14");
}

Test(sqlfile, an_unknown_directive_is_told_the_nearest)
{
    refuses("--- step s\n--- tilte T\n", "f.sql:2: unknown directive `tilte`; did you mean "
                                         "`title`?");
    refuses("--- stpe s\n", "f.sql:1: unknown directive `stpe`; did you mean `step`?");
    refuses("--- step s\n--- sinc 14\n",
            "f.sql:2: unknown directive `sinc`; did you mean `since`?");
    refuses("--- step s\nSELECT 1\n--- Now the rest\n",
            "f.sql:3: unknown directive `Now`; for a plain comment begin the line with two dashes");
}

Test(sqlfile, a_directive_in_the_wrong_place_is_told_its_own)
{
    refuses("--- on source\n", "f.sql:1: `on` belongs to a step, and none has begun; move it below "
                               "the line that begins one");
    refuses("--- since 14\n", "f.sql:1: `since` belongs to an entry, and none has begun; move it "
                              "below the line that begins one");
    refuses("--- step s\n--- runbook r\n", "f.sql:2: `runbook` belongs to the head of the file; "
                                           "move it above the first entry");
    refuses("--- query q\n--- holds\n", "f.sql:2: `holds` belongs to a step, and this is a query; "
                                        "remove it");
    refuses("--- step s\nSELECT 1;\n--- title T\n",
            "f.sql:3: `title` stands below the text of step `s`; move it above that text");
    refuses("--- step s\n--- probe\n--- timeout 5s\nSELECT 1;\n",
            "f.sql:3: `timeout` stands below the text of step `s`; move it above that text");
}

Test(sqlfile, a_value_is_there_exactly_where_it_is_wanted)
{
    refuses("--- step s\n--- title\n", "f.sql:2: `title` lacks its value; write it behind the "
                                       "name");
    refuses("--- step s\n--- holds long\n", "f.sql:2: `holds` takes no value; remove \"long\"");
    refuses("--- step s\n--- title A\n--- title B\n",
            "f.sql:3: `title` was given already on line 2; remove one");
}

Test(sqlfile, an_id_is_one_word)
{
    refuses("--- step\n", "f.sql:1: `step` takes an id, a word of at most 63 letters, digits, `_`, "
                          "`-` and `.`, not \"\"; give it one");
    refuses("--- step two words\n",
            "f.sql:1: `step` takes an id, a word of at most 63 letters, digits, `_`, `-` and `.`, "
            "not \"two words\"; give it one");
}

Test(sqlfile, a_section_says_where_it_runs_or_why_it_is_absent)
{
    refuses("--- step s\n--- probe target\nx\n",
            "f.sql:2: `probe` is followed by `on ROLE` or `none REASON`, not by \"target\"; the "
            "text itself goes on the lines below");
    refuses("--- step s\n--- probe on\nx\n", "f.sql:2: `probe on` lacks the role; write it behind");
    refuses("--- step s\n--- undo none\n", "f.sql:2: `undo none` lacks the reason; write it "
                                           "behind");
    refuses("--- step s\n--- probe on source target\nx\n",
            "f.sql:2: `probe on` takes one role, not \"source target\"; name one");
    refuses("--- step s\n--- undo none It reads.\nSELECT 1;\n",
            "f.sql:3: text below `undo none`; remove the text, or the `none` and its reason");
    refuses("--- step s\n--- probe\nx\n--- probe\ny\n",
            "f.sql:4: step `s` has a second `probe`, the first is on line 3; remove one");
    refuses("--- step s\n--- probe\n\n--- step t\n",
            "f.sql:2: `probe` has no text; write it below, or give the reason why there is none: "
            "--- probe none REASON");
}

Test(sqlfile, text_before_the_first_entry_is_refused)
{
    refuses("--- runbook r\n\nSELECT 1;\n--- step s\n",
            "f.sql:3: text before the first entry; begin one with a directive, or make it a "
            "comment with two dashes");
}

Test(sqlfile, a_directive_without_its_blank_is_no_silent_comment)
{
    refuses("--- step s\n---title T\n", "f.sql:2: three dashes without a blank; write `--- ` for a "
                                        "directive, `-- ` for a comment");
}

Test(sqlfile, what_is_no_text_is_refused)
{
    refuses_bytes("--- step s\nSELECT\0 1", 20,
                  "f.sql:2: a NUL byte; this is no text file, or UTF-16: save it as UTF-8");
    static const char *const wrong[] = {"\xFF",         "\xC3",         "\xC0\xAF",
                                        "\xE0\x80\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80",
                                        "\x80",         "\xE2\x82",     "\xF0\x80\x80\x80"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char *text = xprintf("--- step s\n--- title T\n%s", wrong[i]);
        char *expected = xprintf("f.sql:3: byte 0x%02x is not UTF-8; save the file as UTF-8",
                                 (unsigned char)wrong[i][0]);
        refuses(text, expected);
        free(text);
        free(expected);
    }
}

Test(sqlfile, every_alphabet_is_welcome)
{
    struct sqlfile *file = parse("--- step s\n--- title \xD0\x9F \xE2\x82\xAC \xF0\x9F\x90\x98 "
                                 "\xF4\x8F\xBF\xBF\n");
    cr_assert_str_eq(entry_value(file->entries, "title"),
                     "\xD0\x9F \xE2\x82\xAC \xF0\x9F\x90\x98 \xF4\x8F\xBF\xBF");
    sqlfile_free(file);
}

Test(sqlfile, a_line_may_have_a_megabyte)
{
    struct str text = {0};
    str_add(&text, "--- step s\n--- title ");
    for (size_t i = 0; i < 1 << 20; i++)
        str_char(&text, 't');
    str_add(&text, "\nSELECT '");
    for (size_t i = 0; i < 1 << 20; i++)
        str_char(&text, 'x');
    struct sqlfile *file = parse_bytes(text.text, text.length);
    cr_assert_eq(strlen(entry_value(file->entries, "title")), 1 << 20);
    cr_assert_eq(strlen(text_of(file->entries, "body")), (1 << 20) + 8);
    sqlfile_free(file);
    str_free(&text);
}

Test(sqlfile, a_message_stays_readable_whatever_it_quotes)
{
    struct str text = {0};
    str_add(&text, "--- step s\n--- ");
    for (size_t i = 0; i < 1 << 20; i++)
        str_add(&text, "\xE2\x82\xAC");
    struct err err = {0};
    cr_assert_null(sqlfile_parse("f.sql", text.text, text.length, rules, &err));
    cr_assert_str_eq(strstr(err.text, "; "), "; for a plain comment begin the line with two "
                                             "dashes");
    str_free(&text);
}

Test(sqlfile, an_error_may_go_unread)
{
    cr_assert_null(sqlfile_parse("f.sql", "x", 1, rules, NULL));
    sqlfile_free(NULL);
}

Test(file, is_read_with_its_length)
{
    char path[] = "/tmp/pgcutover-test-XXXXXX";
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, "a\0b", 3), 3);
    close(fd);
    size_t length = 0;
    struct err err = {0};
    char *text = file_read(path, &length, &err);
    cr_assert_not_null(text, "%s", err.text);
    cr_assert_eq(length, 3);
    cr_assert_eq(memcmp(text, "a\0b", 4), 0);
    free(text);
    unlink(path);
}

Test(file, that_cannot_be_read_says_why)
{
    struct err err = {0};
    cr_assert_null(file_read("/nowhere/ours.sql", NULL, &err));
    cr_assert_str_eq(err.text, "can't open /nowhere/ours.sql: No such file or directory; check the "
                               "path and its permissions");
    cr_assert_null(file_read("/tmp", NULL, &err));
    cr_assert_str_eq(err.text, "can't read /tmp: Is a directory; is it a file?");
}
