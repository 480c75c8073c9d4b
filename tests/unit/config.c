#include <criterion/criterion.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/config.h"

/* Two nodes on one line: what a test adds stands on the lines after it. */
#define NODES                                                                                      \
    "nodes = ({name=\"old\";role=\"source\";dsn=\"host=a dbname=shop\";},"                         \
    "{name=\"new\";role=\"target\";dsn=\"host=b\";});\n"

static struct config *accepted(const char *text)
{
    struct err err = {0};
    struct config *config = config_parse("test.conf", text, &err);
    cr_assert(config, "%s", err.text);
    return config;
}

/* One mistake: the text and the pieces that its error must hold. */
struct mistake {
    const char *text, *where, *what;
};

static void refused(const struct mistake *mistake)
{
    struct err err = {0};
    struct config *config = config_parse("test.conf", mistake->text, &err);
    cr_assert_null(config, "accepted: %s", mistake->text);
    cr_assert_eq(strncmp(err.text, mistake->where, strlen(mistake->where)), 0, "%s", err.text);
    cr_assert(strstr(err.text, mistake->what), "no \"%s\" in: %s", mistake->what, err.text);
    cr_assert(strpbrk(err.text, ";?"), "no remedy in: %s", err.text);
}

Test(config, the_least_file_gets_the_defaults)
{
    setenv("XDG_STATE_HOME", "/state", 1);
    struct config *config = accepted(NODES);
    cr_assert_str_eq(config->path, "test.conf");
    cr_assert_str_eq(config->run, "cutover");
    cr_assert_str_eq(config->runbook, "logical");
    cr_assert_str_eq(config->theme, "dark");
    cr_assert_str_eq(config->journal, "/state/pgcutover");
    cr_assert_str_eq(config->replication_source, "");
    cr_assert_str_eq(config->replication_target, "");
    cr_assert_eq(config->budget_ms, 30000);
    cr_assert_eq(config->lag_limit_bytes, 1 << 20);
    cr_assert_not(config->commands_allowed);
    cr_assert_not(config->production);
    cr_assert_eq(config->database_count, 1);
    cr_assert_str_eq(config->databases[0], "shop");
    cr_assert_eq(config->nodes[1].line, 1);
    config_free(config);
}

Test(config, the_journal_lies_in_the_home_without_xdg)
{
    setenv("HOME", "/home/oncall", 1);
    unsetenv("XDG_STATE_HOME");
    struct config *config = accepted(NODES);
    cr_assert_str_eq(config->journal, "/home/oncall/.local/state/pgcutover");
    config_free(config);
    setenv("XDG_STATE_HOME", "relative", 1);
    config = accepted(NODES "journal = \"~/j\";");
    cr_assert_str_eq(config->journal, "/home/oncall/j");
    config_free(config);
}

Test(config, every_setting_is_taken)
{
    struct config *config = accepted(
        "run = \"night_2\"; runbook = \"./ours.sql\"; databases = [\"a\", \"b c\"];\n"
        "nodes = ({name=\"old\";role=\"source\";dsn=\"host=a\";},\n"
        "{name=\"new\";role=\"target\";dsn=\"postgresql://b\";},\n"
        "{name=\"p1\";role=\"pooler\";dsn=\"host=p\";},\n"
        "{name=\"p2\";role=\"pooler\";kind=\"postgres\";dsn=\"host=p\";});\n"
        "replication = {source=\"host=x\"; target=\"host=y\";};\n"
        "commands = {allow=true;}; variables = {v=\"\";}; secrets = {s=\"shh\";};\n"
        "journal=\"/j\"; budget=\"2min\"; lag_limit=4096; theme=\"mono\"; production=true;");
    cr_assert_str_eq(config->run, "night_2");
    cr_assert_str_eq(config->runbook, "./ours.sql");
    cr_assert_eq(config->database_count, 2);
    cr_assert_str_eq(config->databases[1], "b c");
    cr_assert_eq(config->node_count, 4);
    cr_assert_eq(config->nodes[0].kind, KIND_POSTGRES);
    cr_assert_eq(config->nodes[2].kind, KIND_PGBOUNCER, "a pooler is a pgbouncer");
    cr_assert_eq(config->nodes[3].kind, KIND_POSTGRES, "unless it says otherwise");
    cr_assert_eq(config->nodes[3].line, 5);
    cr_assert_str_eq(config->replication_source, "host=x");
    cr_assert_str_eq(config->replication_target, "host=y");
    cr_assert(config->commands_allowed);
    cr_assert_eq(config->variable_count, 2);
    cr_assert_not(config->variables[0].secret);
    cr_assert_str_eq(config->variables[0].value, "");
    cr_assert(config->variables[1].secret);
    cr_assert_eq(config->budget_ms, 120000);
    cr_assert_eq(config->lag_limit_bytes, 4096);
    cr_assert_str_eq(config->theme, "mono");
    cr_assert(config->production);
    config_free(config);
}

Test(config, the_database_comes_from_the_service_file_too)
{
    char path[] = "/tmp/pgcutover_serviceXXXXXX";
    FILE *file = fdopen(mkstemp(path), "w");
    fputs("[night]\nhost=a\nport=5499\ndbname=fromservice\n", file);
    fclose(file);
    setenv("PGSERVICEFILE", path, 1);
    struct config *config = accepted("nodes = ({name=\"o\";role=\"source\";dsn=\"service=night\";},"
                                     "{name=\"n\";role=\"target\";dsn=\"host=b\";});");
    cr_assert_str_eq(config->databases[0], "fromservice");
    char *port = dsn_value("service=night", "port");
    cr_assert_str_eq(port, "5499");
    free(port);
    config_free(config);
    unlink(path);
}

Test(config, each_mistake_names_its_line_and_the_remedy)
{
    static const struct mistake all[] = {
        {NODES "run = ", "test.conf:2: ", "syntax error"},
        {NODES "run = \"a\";\nrun = \"b\";", "test.conf:3: ", "duplicate"},
        {NODES "\n@include \"/nonexistent\"\n", "test.conf:3: ", "write its whole path"},
        {NODES "\nrunbok = \"logical\";", "test.conf:3: ", "did you mean \"runbook\"?"},
        {NODES "colour = \"blue\";", "test.conf:2: ", "known here: run, runbook, databases"},
        {NODES "run = 1;", "test.conf:2: ", "\"run\" must be text; write it in double quotes"},
        {NODES "run = \"\";", "test.conf:2: ", "\"run\" is empty"},
        {NODES "run = \"a b\";", "test.conf:2: ", "letters, digits, - and _, at most 20"},
        {NODES "run = \"123456789012345678901\";", "test.conf:2: ", "at most 20"},
        {NODES "theme = \"\\xff\";", "test.conf:2: ", "not UTF-8"},
        {NODES "theme = \"\\xed\\xa0\\x80\";", "test.conf:2: ", "not UTF-8"},
        {NODES "production = \"yes\";", "test.conf:2: ", "true or false"},
        {NODES "budget = 30;", "test.conf:2: ", "500ms, 10s, 2min"},
        {NODES "budget = \"soon\";", "test.conf:2: ", "500ms, 10s, 2min"},
        {NODES "lag_limit = \"1 megabyte\";", "test.conf:2: ", "16kB, 1MB, 2GB"},
        {NODES "lag_limit = \"2GB\";", "test.conf:2: ", "below 2GB"},
        {NODES "lag_limit = 0;", "test.conf:2: ", "must be a size"},
        {NODES "lag_limit = -5;", "test.conf:2: ", "must be a size"},
        {NODES "databases = \"shop\";", "test.conf:2: ", "write [\"shop\", \"billing\"]"},
        {NODES "databases = [];", "test.conf:2: ", "must be a list"},
        {NODES "databases = [1];", "test.conf:2: ", "\"databases\" must be text"},
        {NODES "databases = [\"\"];", "test.conf:2: ", "\"databases\" is empty"},
        {NODES "databases = [\"a\",\n\"a\"];", "test.conf:3: ", "database \"a\" is given twice"},
        {NODES "commands = true;", "test.conf:2: ", "must be a group"},
        {NODES "commands = {\nallowed = true;};", "test.conf:3: ", "did you mean \"allow\"?"},
        {NODES "replication = {\nsource = \"nonsense\";};", "test.conf:3: ", "is not a DSN"},
        {NODES "variables = (1);", "test.conf:2: ", "must be a group"},
        {NODES "variables = {a-b = \"x\";};", "test.conf:2: ", "letters, digits and _"},
        {NODES "variables = {\ndatabase = \"x\";};", "test.conf:3: ", "exists already"},
        {NODES "variables = {a = 1;};", "test.conf:2: ", "write it in double quotes"},
        {NODES "variables = {a = \"x\";};\nsecrets = {a = \"y\";};",
         "test.conf:3: ", "\"a\" is given twice; remove one"},
        {"", "test.conf:", "no node has the role source; add {"},
        {"\nnodes = ({name=\"a\";role=\"source\";dsn=\"host=a\";});",
         "test.conf:2: ", "no node has the role target"},
        {"nodes = {};", "test.conf:1: ", "must be a list"},
        {"nodes = (1);", "test.conf:1: ", "must be a group"},
        {"nodes = (\n{role=\"source\";dsn=\"host=a\";});",
         "test.conf:2: ", "has no name; add name"},
        {"nodes = (\n{name=\"a\";dsn=\"host=a\";});", "test.conf:2: ", "has no role"},
        {"nodes = (\n{name=\"a\";role=\"source\";});", "test.conf:2: ", "has no dsn"},
        {"nodes = ({name=\"a\";\nrole=\"source\";port=1;});",
         "test.conf:2: ", "known here: name, role, kind, dsn"},
        {"nodes = ({name=\"a/b\";});", "test.conf:1: ", "can't be the name of a node"},
        {"nodes = ({role=\"the source\";});", "test.conf:1: ", "can't be a role"},
        {"nodes = ({kind=\"odyssey\";});", "test.conf:1: ", "write postgres or pgbouncer"},
        {"nodes = ({name=\"a\";role=\"source\";dsn=\"host=a\";},\n"
         "{name=\"a\";role=\"target\";dsn=\"host=a\";});",
         "test.conf:2: ", "node \"a\" is given twice; rename one"},
        {"nodes = ({name=\"a\";role=\"source\";dsn=\"host=a\";},\n"
         "{name=\"b\";role=\"source\";dsn=\"host=a\";});",
         "test.conf:2: ", "a second source"},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        refused(&all[i]);
}

Test(config, an_error_about_a_dsn_shows_no_password)
{
    static const char *const all[] = {
        "host=a password=hun ter2",    "host=a password=hun ter2=x", "postgresql://u:ter2@[a",
        "postgresql://u:ter2%zz@a",    "postgresql://u:x@a/d?ter2",  "password='ter2",
        "postgresql://u:p@a/d?ter2=x", "password=\"x\" ter2",
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct err err = {0};
        cr_assert_null(config_from_dsns(all[i], "host=b", NULL, &err), "%s", all[i]);
        cr_assert_not(strstr(err.text, "ter2"), "%s", err.text);
        cr_assert(strstr(err.text, "command line: --source is not a DSN"), "%s", err.text);
        cr_assert_null(dsn_with(all[i], NULL, PASSWORD_KEEP, &err));
        cr_assert_not(strstr(err.text, "ter2"), "%s", err.text);
        char *value = dsn_value(all[i], "host");
        cr_assert_str_eq(value, "");
        free(value);
    }
}

Test(config, two_dsns_are_enough)
{
    struct err err = {0};
    struct config *config =
        config_from_dsns("host=a dbname=shop", "postgresql://b/shop", "host=p", &err);
    cr_assert(config, "%s", err.text);
    cr_assert_str_eq(config->path, "command line");
    cr_assert_eq(config->node_count, 3);
    cr_assert_str_eq(config->nodes[0].role, "source");
    cr_assert_str_eq(config->nodes[1].role, "target");
    cr_assert_eq(config->nodes[2].kind, KIND_PGBOUNCER);
    cr_assert_str_eq(config->databases[0], "shop");
    config_free(config);
    cr_assert_null(config_from_dsns("host=a", NULL, NULL, &err));
    cr_assert(strstr(err.text, "command line: no node has the role target"), "%s", err.text);
}

/* Whether the configuration would redact this text. */
static bool hides(struct config *config, const char *text)
{
    const char **secrets;
    size_t count = config_secrets(config, &secrets);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            cr_assert_leq(strlen(secrets[i]), strlen(secrets[i - 1]), "the longest comes first");
        if (strcmp(secrets[i], text) == 0)
            return true;
    }
    return false;
}

Test(config, every_secret_is_collected_in_every_form)
{
    struct config *config = accepted(
        "nodes = ({name=\"o\";role=\"source\";dsn=\"dbname=d password='a \\\\'b\\\\\\\\c'\";},"
        "{name=\"n\";role=\"target\";dsn=\"postgresql://u:p%40ss@b/d\";});"
        "replication = {source=\"host=a password=repl sslpassword=keypass\";};"
        "secrets = {token=\"t0ken\";empty=\"\";}; variables = {open=\"shown\";};");
    cr_assert(hides(config, "a 'b\\c"));
    cr_assert(hides(config, "a \\'b\\\\c"), "as a conninfo has it");
    cr_assert(hides(config, "a ''b\\c"), "as a literal has it");
    cr_assert(hides(config, "a \\\\''b\\\\\\\\c"), "as the literal of a conninfo has it");
    cr_assert(hides(config, "p@ss"));
    cr_assert(hides(config, "p%40ss"), "as the URI has it");
    cr_assert(hides(config, "repl"));
    cr_assert(hides(config, "keypass"));
    cr_assert(hides(config, "t0ken"));
    cr_assert_not(hides(config, "shown"));
    cr_assert_not(hides(config, ""), "an empty secret would redact everything");
    config_free(config);
}

Test(config, no_secret_is_none)
{
    struct config *config = accepted(NODES);
    const char **secrets;
    cr_assert_eq(config_secrets(config, &secrets), 0);
    config_free(config);
}

/* The value that libpq reads back; the caller frees it. */
static char *read_back(const char *dsn, const char *keyword)
{
    char *found = NULL;
    PQconninfoOption *options = PQconninfoParse(dsn, NULL);
    cr_assert(options, "libpq can't read %s", dsn);
    for (PQconninfoOption *option = options; option->keyword; option++)
        if (strcmp(option->keyword, keyword) == 0 && option->val)
            found = strdup(option->val);
    PQconninfoFree(options);
    return found;
}

Test(config, a_dsn_gets_another_database_and_keeps_or_loses_its_password)
{
    static const char *const all[] = {"host=a user=u dbname=old password='it\\'s a \\\\ secret'",
                                      "postgresql://u:it%27s%20a%20%5C%20secret@a/old"};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        char *kept = dsn_with(all[i], "new 'db'", PASSWORD_KEEP, NULL);
        char *password = read_back(kept, "password"), *dbname = read_back(kept, "dbname");
        cr_assert_str_eq(password, "it's a \\ secret");
        cr_assert_str_eq(dbname, "new 'db'");
        free(password), free(dbname), free(kept);

        char *hidden = dsn_with(all[i], NULL, PASSWORD_HIDE, NULL);
        cr_assert(strstr(hidden, "password='********'"), "%s", hidden);
        cr_assert(strstr(hidden, "dbname='old'"), "%s", hidden);
        cr_assert_not(strstr(hidden, "secret"), "%s", hidden);
        free(hidden);

        char *dropped = dsn_with(all[i], NULL, PASSWORD_DROP, NULL);
        cr_assert_not(strstr(dropped, "password"), "%s", dropped);
        cr_assert_not(strstr(dropped, "secret"), "%s", dropped);
        free(dropped);
    }
}

Test(config, a_dsn_value_is_resolved_as_libpq_does)
{
    setenv("PGHOST", "fromenvironment", 1);
    static const struct {
        const char *dsn, *keyword, *value;
    } all[] = {{"host=a", "host", "a"},
               {"dbname=x", "host", "fromenvironment"},
               {"host=a", "port", "5432"},
               {"postgresql://u@h1:1,h2:2/db", "port", "1,2"},
               {"host=a user=me", "dbname", "me"},
               {"host=a", "password", ""},
               {"host=a target_session_attrs=read-write", "host", "a"},
               {"host=a", "no_such_keyword", ""}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        char *value = dsn_value(all[i].dsn, all[i].keyword);
        cr_assert_str_eq(value, all[i].value, "%s of %s: %s", all[i].keyword, all[i].dsn, value);
        free(value);
    }
}

Test(config, the_example_is_accepted_as_it_is)
{
    const char *root = getenv("PGCUTOVER_ROOT");
    char path[4096];
    snprintf(path, sizeof path, "%s/pgcutover.conf.example", root ? root : ".");
    struct err err = {0};
    struct config *config = config_read(path, &err);
    cr_assert(config, "%s", err.text);
    cr_assert_eq(config->database_count, 2);
    cr_assert_eq(config->node_count, 4);
    cr_assert(hides(config, "change me"));
    cr_assert(hides(config, "change-me-too"));
    config_free(config);
}

Test(config, a_file_that_can_not_be_read_says_which)
{
    struct err err = {0};
    cr_assert_null(config_read("/nonexistent/night.conf", &err));
    cr_assert(strstr(err.text, "/nonexistent/night.conf"), "%s", err.text);

    char path[] = "/tmp/pgcutover_nulXXXXXX";
    int file = mkstemp(path);
    cr_assert_eq(write(file, "run = \"a\";\0", 11), 11);
    close(file);
    cr_assert_null(config_read(path, &err));
    cr_assert(strstr(err.text, ":1: it holds a NUL byte; save the file as UTF-8"), "%s", err.text);
    unlink(path);
}
