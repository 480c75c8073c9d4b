#include <criterion/criterion.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/runbook.h"

#define HEAD "--- runbook test\n"
/* One line each, so that what a test adds to a step stands on a line that can be counted. */
#define STEP(id) "--- step " id "\n--- title t\n--- on source\n"
#define BODY     "SELECT 1;\n--- probe\nSELECT true AS done;\n--- undo\nSELECT 2;\n"

static struct check known_checks[] = {{.id = "lag_is_small"}, {.id = "no_slots"}};
static const struct catalogue catalogue = {.checks = known_checks, .check_count = 2};

static struct node_config nodes[] = {{.name = "old", .role = "source", .dsn = "host=a"},
                                     {.name = "new", .role = "target", .dsn = "host=b"},
                                     {.name = "w", .role = "witness", .dsn = "host=c"}};
static struct variable variables[] = {{.name = "app_role", .value = "shop"}};
static const char *databases[] = {"shop"};
static const struct config config = {.path = "test.conf",
                                     .nodes = nodes,
                                     .node_count = 3,
                                     .databases = databases,
                                     .database_count = 1,
                                     .variables = variables,
                                     .variable_count = 1};

static struct runbook *parsed(const char *text)
{
    struct err err = {0};
    struct runbook *runbook = runbook_parse("test.sql", text, strlen(text), &err);
    cr_assert(runbook, "%s", err.text);
    return runbook;
}

static void passes(const char *text, const struct config *with)
{
    struct err err = {0};
    struct runbook *runbook = parsed(text);
    cr_assert(runbook_check(runbook, &catalogue, with, &err), "%s in:\n%s", err.text, text);
    runbook_free(runbook);
}

struct mistake {
    const char *text, *where, *what;
};

static void says(const struct err *err, const struct mistake *mistake)
{
    cr_assert_eq(strncmp(err->text, mistake->where, strlen(mistake->where)), 0, "not %s: %s",
                 mistake->where, err->text);
    cr_assert(strstr(err->text, mistake->what), "no \"%s\" in: %s", mistake->what, err->text);
    cr_assert(strpbrk(err->text, ";?"), "no remedy in: %s", err->text);
}

static void fails_check(const struct mistake *mistake, const struct config *with)
{
    struct err err = {0};
    struct runbook *runbook = parsed(mistake->text);
    cr_assert_not(runbook_check(runbook, &catalogue, with, &err), "passed:\n%s", mistake->text);
    says(&err, mistake);
    runbook_free(runbook);
}

Test(runbook, a_step_has_all_that_its_directives_say)
{
    struct runbook *runbook = parsed("--- runbook ours\n"
                                     "--- title Our way\n"
                                     "--- step all\n"
                                     "--- title Everything\n"
                                     "--- why One.\n"
                                     "--- why Two.\n"
                                     "--- phase after\n"
                                     "--- on target\n"
                                     "--- from source\n"
                                     "--- per node\n"
                                     "--- kind gexec\n"
                                     "--- window closes\n"
                                     "--- requires lag_is_small no_slots\n"
                                     "--- capture lsn token\n"
                                     "--- no-transaction\n"
                                     "--- parallel 4\n"
                                     "--- timeout 2min\n"
                                     "--- confirm typed\n"
                                     "--- supersedes a b\n"
                                     "--- needs function f(int, text)\n"
                                     "--- needs extension x setting s\n"
                                     "--- down source standby\n"
                                     "--- holds\n"
                                     "SELECT 'x';\n"
                                     "--- probe on source\n"
                                     "SELECT true AS done;\n"
                                     "--- undo none It only reads.\n"
                                     "--- abandon\n"
                                     "SELECT 3;\n");
    cr_assert_str_eq(runbook->name, "ours");
    cr_assert_str_eq(runbook->title, "Our way");
    cr_assert_str_eq(runbook->path, "test.sql");
    const struct step *step = runbook_step(runbook, "all");
    cr_assert_str_eq(step->title, "Everything");
    cr_assert_str_eq(step->why, "One. Two.");
    cr_assert_eq(step->phase, PHASE_AFTER);
    cr_assert_eq(step->kind, STEP_GEXEC);
    cr_assert_str_eq(step->on, "target");
    cr_assert_str_eq(step->from, "source");
    cr_assert(step->per_node && step->closes && !step->opens && step->typed && step->holds);
    cr_assert_not(step->transaction);
    cr_assert_eq(step->parallel, 4);
    cr_assert_eq(step->timeout_ms, 120000);
    cr_assert_eq(step->require_count, 2);
    cr_assert_str_eq(step->requires[1], "no_slots");
    cr_assert_eq(step->capture_count, 2);
    cr_assert_eq(step->supersede_count, 2);
    cr_assert_eq(step->down_count, 2);
    cr_assert_eq(step->need_count, 3);
    cr_assert_str_eq(step->needs[0].kind, "function");
    cr_assert_str_eq(step->needs[0].what, "f(int, text)");
    cr_assert_str_eq(step->needs[2].kind, "setting");
    cr_assert_str_eq(step->needs[2].what, "s");
    cr_assert_eq(step->line, 3);
    const struct step_variant *variant = step_variant_for(step, 14);
    cr_assert_str_eq(variant->body.text, "SELECT 'x';");
    cr_assert_str_eq(variant->body.on, "source", "a generator runs where it reads");
    cr_assert_eq(variant->body.line, 24);
    cr_assert_str_eq(variant->probe.on, "source");
    cr_assert_null(variant->undo.text);
    cr_assert_str_eq(variant->undo.none, "It only reads.");
    cr_assert_str_eq(variant->abandon.on, "target");
    cr_assert_null(variant->each.text);
    runbook_free(runbook);
}

Test(runbook, a_step_has_defaults)
{
    struct runbook *runbook = parsed(HEAD STEP("a") "--- phase window\n" BODY STEP("b") BODY);
    cr_assert_str_eq(runbook->title, "test", "the name serves as a title");
    const struct step *step = runbook_step(runbook, "b");
    cr_assert_eq(step->kind, STEP_SQL);
    cr_assert_eq(step->phase, PHASE_WINDOW, "the phase goes on");
    cr_assert_eq(runbook->steps[0].phase, PHASE_WINDOW);
    cr_assert(step->transaction);
    cr_assert_not(step->per_node || step->opens || step->closes || step->typed || step->holds);
    cr_assert_eq(step->parallel, 1);
    cr_assert_eq(step->timeout_ms, 10000);
    cr_assert_str_eq(step->variants[0].body.on, "source");
    cr_assert_null(runbook_step(runbook, "c"));
    runbook_free(runbook);
}

Test(runbook, a_wait_is_its_own_probe)
{
    struct runbook *runbook = parsed(HEAD STEP("w") "--- kind wait\nSELECT true AS done;\n");
    const struct script *probe = &runbook->steps[0].variants[0].probe;
    cr_assert_str_eq(probe->text, "SELECT true AS done;");
    cr_assert_str_eq(probe->on, "source");
    runbook_free(runbook);
}

Test(runbook, the_variant_is_picked_by_the_servers_version_and_inherits)
{
    struct runbook *runbook =
        parsed(HEAD STEP("a") "--- until 13\n" BODY "--- step a\n--- since 14\nSELECT 14;\n");
    cr_assert_eq(runbook->step_count, 1);
    const struct step *step = runbook_step(runbook, "a");
    cr_assert_eq(step->variant_count, 2);
    cr_assert_str_eq(step_variant_for(step, 13)->body.text, "SELECT 1;");
    cr_assert_str_eq(step_variant_for(step, 14)->body.text, "SELECT 14;");
    cr_assert_str_eq(step_variant_for(step, 14)->undo.text, "SELECT 2;");
    runbook_free(runbook);

    runbook = parsed(HEAD STEP("a") "--- since 15\n" BODY);
    cr_assert_null(step_variant_for(&runbook->steps[0], 14));
    cr_assert_eq(step_variant_for(&runbook->steps[0], 99), runbook->steps[0].variants);
    runbook_free(runbook);
}

Test(runbook, kinds_and_phases_have_names)
{
    cr_assert_str_eq(step_kind_name(STEP_GEXEC), "gexec");
    cr_assert_str_eq(step_kind_name(STEP_MANUAL), "manual");
    cr_assert_str_eq(phase_name(PHASE_AFTER), "after");
}

Test(runbook, what_can_not_be_read_names_its_line_and_the_remedy)
{
    static const struct mistake all[] = {
        {STEP("a") BODY, "test.sql:1: ", "begin it with `--- runbook NAME`"},
        {HEAD, "test.sql:1: ", "no step; add one"},
        {HEAD STEP("a") "--- phaze window\n" BODY, "test.sql:5: ", "did you mean `phase`"},
        {HEAD STEP("a") "--- phase later\n" BODY, "test.sql:5: ", "prepare, window, after"},
        {HEAD STEP("a") "--- kind shell\n" BODY, "test.sql:5: ", "sql, gexec, wait, compare"},
        {HEAD STEP("a") "--- per table\n" BODY, "test.sql:5: ", "database, node"},
        {HEAD STEP("a") "--- window open\n" BODY, "test.sql:5: ", "opens, closes"},
        {HEAD STEP("a") "--- confirm twice\n" BODY, "test.sql:5: ", "typed"},
        {HEAD STEP("a") "--- timeout 10\n" BODY, "test.sql:5: ", "500ms, 10s, 2min"},
        {HEAD STEP("a") "--- parallel 0\n" BODY, "test.sql:5: ", "from 1 to 64"},
        {HEAD STEP("a") "--- parallel many\n" BODY, "test.sql:5: ", "from 1 to 64"},
        {HEAD STEP("a") "--- capture a-b\n" BODY, "test.sql:5: ", "letters, digits and _"},
        {HEAD STEP("a") "--- capture run\n" BODY, "test.sql:5: ", "exists already"},
        {HEAD STEP("a") "--- needs luck\n" BODY, "test.sql:5: ", "function f(int), extension x"},
        {HEAD STEP("a") "--- needs setting\n" BODY, "test.sql:5: ", "does not say which"},
        {HEAD "--- step a\n--- on source\n" BODY, "test.sql:2: ", "has no `title`"},
        {HEAD "--- step a\n--- title t\n" BODY, "test.sql:2: ", "has no `on`"},
        {HEAD STEP("a") BODY STEP("a") BODY, "test.sql:10: ", "exists on line 2"},
        {HEAD STEP("a") "--- until 13\n" BODY "--- step a\n--- since 14\n--- holds\nSELECT 1;\n",
         "test.sql:13: ", "can't have another `holds`"},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct err err = {0};
        const char *text = all[i].text;
        cr_assert_null(runbook_parse("test.sql", text, strlen(text), &err), "read:\n%s", text);
        says(&err, &all[i]);
    }
}

Test(runbook, what_a_step_lacks_or_may_not_say_is_found)
{
    static const struct mistake all[] = {
        {HEAD STEP("a") "--- probe none r\n--- undo none r\n", "test.sql:2: ", "has no text"},
        {HEAD STEP("a") "SELECT 1;\n--- undo none r\n", "test.sql:2: ", "--- probe none REASON"},
        {HEAD STEP("a") "SELECT 1;\n--- probe none r\n", "test.sql:2: ", "--- undo none REASON"},
        {HEAD STEP("a") "--- kind command\nls\n--- probe none r\n", "test.sql:2: ", "no undo"},
        {HEAD STEP("a") "--- kind manual\nGo there.\n", "test.sql:2: ", "no probe"},
        {HEAD STEP("a") "--- kind wait\n--- probe\nSELECT 1;\n", "test.sql:2: ", "has no text"},
        {HEAD STEP("a") "--- kind gexec\n" BODY, "test.sql:2: ", "no `from`; add `--- from ROLE`"},
        {HEAD STEP("a") "--- kind compare\nSELECT 1;\n", "test.sql:2: ", "the other side"},
        {HEAD STEP("a") "--- from target\n" BODY, "test.sql:5: ", "only gexec and compare"},
        {HEAD STEP("a") "--- parallel 2\n" BODY, "test.sql:5: ", "only gexec"},
        {HEAD STEP("a") "--- kind wait\n--- capture x\nSELECT 1;\n", "test.sql:6: ", "only sql"},
        {HEAD STEP("a") "--- kind manual\n--- no-transaction\n" BODY,
         "test.sql:6: ", "only sql and gexec"},
        {HEAD STEP("a") BODY "--- each\nSELECT 1;\n", "test.sql:11: ", "only compare"},
        {HEAD STEP("a") "--- requires lag_is_smal\n" BODY,
         "test.sql:5: ", "did you mean lag_is_small?"},
        {HEAD STEP("a") "--- requires x\n" BODY, "test.sql:5: ", "no check \"x\""},
        {HEAD STEP("a") "--- supersedes nobody\n" BODY, "test.sql:5: ", "no step \"nobody\""},
        {HEAD STEP("a") "--- supersedes b\n" BODY STEP("b") BODY, "test.sql:5: ", "before a"},
        {HEAD STEP("a") "--- window opens\n" BODY, "test.sql:5: ", "no later step closes it"},
        {HEAD STEP("a") "--- window closes\n" BODY, "test.sql:5: ", "before a step opens it"},
        {HEAD STEP("a") "--- window opens\n" BODY STEP("b") "--- window closes\n" BODY STEP(
             "c") "--- window opens\n" BODY,
         "test.sql:23: ", "c opens the window"},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        fails_check(&all[i], NULL);
        fails_check(&all[i], &config);
    }
}

Test(runbook, steps_that_need_no_probe_or_undo_pass)
{
    static const char *const all[] = {
        HEAD STEP("a") BODY,
        HEAD STEP("a") "SELECT 1;\n--- probe none r\n--- undo none r\n",
        HEAD STEP("a") "--- kind wait\nSELECT true AS done;\n",
        HEAD STEP("a") "--- kind compare\n--- from target\nSELECT 1;\n",
        HEAD STEP("a") "--- kind compare\n--- from target\n--- each\nSELECT 'SELECT 1';\n",
        HEAD STEP("a") "--- kind manual\nGo there.\n--- probe\nSELECT true AS done;\n",
        HEAD STEP("a") "--- window opens\n" BODY STEP("b") "--- window opens\n" BODY STEP(
            "c") "--- window closes\n" BODY STEP("d") "--- window closes\n" BODY,
        HEAD STEP("a") BODY STEP("b") "--- supersedes a\n" BODY,
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        passes(all[i], NULL);
        passes(all[i], &config);
    }
}

Test(runbook, variables_are_known_before_anything_connects)
{
    static const char *const good[] = {
        HEAD STEP("a") "SELECT :'run', :\"database\", :'node', :'role', :'lag_limit', "
                       ":'source_conninfo', :'target_conninfo', :'source_dsn', :'target_dsn';\n"
                       "--- probe none r\n--- undo none r\n",
        HEAD STEP("a") "SELECT :'app_role', 'x'::text, ':nothing';\n"
                       "--- probe none r\n--- undo none r\n",
        HEAD STEP("a") "--- capture lsn\n" BODY STEP("b") "SELECT :'lsn';\n--- probe none r\n"
                                                          "--- undo none r\n",
        /* After its body a step's own capture is there. */
        HEAD STEP("a") "--- capture lsn\nSELECT 1;\n--- probe\nSELECT :'lsn';\n--- undo none r\n",
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        passes(good[i], &config);
        passes(good[i], NULL);
    }
    static const struct mistake bad[] = {
        {HEAD STEP("a") "SELECT 1,\n:'lsn';\n--- probe none r\n--- undo none r\n" STEP(
             "b") "--- capture lsn\n" BODY,
         "test.sql:6: ", "is used before b captures it; move that step up"},
        {HEAD STEP("a") "--- capture lsn\nSELECT :'lsn';\n--- probe none r\n--- undo none r\n",
         "test.sql:6: ", "is used before a captures it"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        fails_check(&bad[i], &config);
        fails_check(&bad[i], NULL);
    }
}

Test(runbook, a_variable_that_nothing_defines_is_found_once_the_configuration_is_known)
{
    static const struct mistake all[] = {
        {HEAD STEP("a") "SELECT :'app_rule';\n--- probe none r\n--- undo none r\n", "test.sql:5: ",
         "nothing defines the variable \"app_rule\"; give it in `variables` of test.conf"},
        {HEAD STEP("a") "SELECT 1;\n--- probe\nSELECT :x;\n--- undo none r\n",
         "test.sql:7: ", "\"x\""},
        {HEAD STEP("a") "SELECT 1;\n--- probe none r\n--- undo\nSELECT 1;\nSELECT :x;\n",
         "test.sql:9: ", "\"x\""},
        {HEAD STEP("a") BODY "--- abandon\nSELECT :x;\n", "test.sql:11: ", "\"x\""},
        {HEAD STEP("a") "--- kind compare\n--- from target\n--- each\nSELECT :x;\n",
         "test.sql:8: ", "\"x\""},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        fails_check(&all[i], &config);
        passes(all[i].text, NULL);
    }
}

Test(runbook, a_role_that_nobody_has_is_a_mistake_unless_it_is_a_usual_one)
{
    static const struct mistake all[] = {
        {HEAD "--- step a\n--- title t\n--- on sorce\n" BODY,
         "test.sql:4: ", "no node has the role \"sorce\"; did you mean source?"},
        {HEAD "--- step a\n--- title t\n--- on etcd\n" BODY,
         "test.sql:4: ", "give a node in test.conf that role"},
        {HEAD STEP("a") "--- kind compare\n--- from targt\nSELECT 1;\n", "test.sql:6: ", "target?"},
        {HEAD STEP("a") "--- down etcd\n" BODY, "test.sql:5: ", "etcd"},
        {HEAD STEP("a") "SELECT 1;\n--- probe on etcd\nSELECT 1;\n--- undo none r\n",
         "test.sql:7: ", "etcd"},
        /* The step would run, and its probe could not. */
        {HEAD STEP("a") "SELECT 1;\n--- probe on pooler\nSELECT 1;\n--- undo none r\n",
         "test.sql:7: ", "which no node has"},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        fails_check(&all[i], &config);
        passes(all[i].text, NULL);
    }
    passes(HEAD "--- step a\n--- title t\n--- on witness\n" BODY, &config);
}

Test(runbook, a_step_without_a_node_is_absent_and_needs_nothing)
{
    passes(HEAD "--- step a\n--- title t\n--- on pooler\n--- window opens\nSELECT :nothing;\n"
                "--- probe none r\n--- undo none r\n",
           &config);
    static const struct mistake only_the_pooler_closes = {
        HEAD STEP("a") "--- window opens\n" BODY
                       "--- step b\n--- title t\n--- on pooler\n--- window closes\n" BODY,
        "test.sql:5: ", "no later step closes it"};
    fails_check(&only_the_pooler_closes, &config);
    passes(only_the_pooler_closes.text, NULL);
}

Test(runbook, an_unknown_name_says_what_there_is)
{
    struct err err = {0};
    cr_assert_null(runbook_read("no-such", &err));
    cr_assert(strstr(err.text, "no runbook \"no-such\" is built in; there are: "), "%s", err.text);
    cr_assert_null(runbook_read("/nonexistent/ours.sql", &err));
    cr_assert(strstr(err.text, "/nonexistent/ours.sql"), "%s", err.text);
    cr_assert_null(runbook_text("no-such"));
}

Test(runbook, a_file_is_read_by_its_path)
{
    char path[] = "/tmp/pgcutover_runbookXXXXXX";
    FILE *file = fdopen(mkstemp(path), "w");
    fputs(HEAD STEP("a") BODY, file);
    fclose(file);
    struct err err = {0};
    struct runbook *runbook = runbook_read(path, &err);
    cr_assert(runbook, "%s", err.text);
    cr_assert_str_eq(runbook->path, path);
    runbook_free(runbook);
    unlink(path);
}

Test(runbook, every_runbook_compiled_in_is_right)
{
    struct err err = {0};
    struct catalogue *checks = catalogue_read(&err);
    cr_assert(checks, "%s", err.text);
    const char **names = runbook_names();
    for (size_t i = 0; names[i]; i++) {
        cr_assert(runbook_text(names[i]));
        struct runbook *runbook = runbook_read(names[i], &err);
        cr_assert(runbook, "%s", err.text);
        cr_assert_str_eq(runbook->name, names[i], "the file is called as the runbook");
        cr_assert(runbook_check(runbook, checks, NULL, &err), "%s", err.text);
        runbook_free(runbook);
    }
    free(names);
    catalogue_free(checks);
}

Test(runbook, the_example_configuration_is_enough_for_its_runbook)
{
    const char *root = getenv("PGCUTOVER_ROOT");
    char path[4096];
    snprintf(path, sizeof path, "%s/pgcutover.conf.example", root ? root : ".");
    struct err err = {0};
    struct config *example = config_read(path, &err);
    cr_assert(example, "%s", err.text);
    struct catalogue *checks = catalogue_read(&err);
    cr_assert(checks, "%s", err.text);
    struct runbook *runbook = runbook_read(example->runbook, &err);
    cr_assert(runbook, "%s", err.text);
    cr_assert(runbook_check(runbook, checks, example, &err), "%s", err.text);
    runbook_free(runbook);
    catalogue_free(checks);
    config_free(example);
}
