#include "tui/options.h"

#include <criterion/criterion.h>
#include <getopt.h>

static struct options options;
static struct err err;

static bool read_words(char *const *words)
{
    char *argv[12] = {"pgcutover"};
    int argc = 1;
    for (; words[argc - 1]; argc++)
        argv[argc] = words[argc - 1];
    optind = 0; /* getopt begins anew */
    err.text[0] = '\0';
    return options_read(argc, argv, &options, &err);
}

#define READ(...) read_words((char *const[]){__VA_ARGS__, NULL})

static void expect_wrong(bool read, const char *text)
{
    cr_expect_not(read, "%s", text);
    cr_expect_str_eq(err.text, text);
}

Test(options, nothing_means_to_drive)
{
    cr_assert(read_words((char *const[]){NULL}));
    cr_assert_str_eq(options.command, "drive");
    cr_assert_null(options.config);
}

Test(options, stand_before_and_after_the_command)
{
    cr_assert(READ("--json", "check", "--only", "tables", "-c", "x.conf", "--severity", "warn"));
    cr_assert_str_eq(options.command, "check");
    cr_assert_str_eq(options.config, "x.conf");
    cr_assert_str_eq(options.only, "tables");
    cr_assert(options.json);
    cr_assert_eq(options.severity, SEVERITY_WARN);
}

Test(options, words_after_runbook)
{
    cr_assert(READ("runbook", "show", "logical"));
    cr_assert_str_eq(options.argument[0], "show");
    cr_assert_str_eq(options.argument[1], "logical");
}

Test(options, what_is_wrong_is_told_with_a_remedy)
{
    expect_wrong(READ("--frobnicate"), "there is no option --frobnicate; see --help");
    expect_wrong(READ("drive", "-x"), "there is no option -x; see --help");
    expect_wrong(READ("--config"), "--config wants a value; see --help");
    expect_wrong(READ("fly"), "there is no command \"fly\"; see --help");
    expect_wrong(READ("watch", "me"), "\"me\" is one word too many after watch; see --help");
    expect_wrong(READ("check", "--severity", "high"),
                 "--severity knows no \"high\"; it is block, warn or info");
}
