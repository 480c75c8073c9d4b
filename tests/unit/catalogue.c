#include <criterion/criterion.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "core/catalogue.h"

/* Not in the header: what catalogue_read() does with each compiled-in file. */
bool catalogue_add(struct catalogue *catalogue, const char *path, const char *text, size_t length,
                   struct err *err);

static struct catalogue *read(const char *text, struct err *err)
{
    struct catalogue *catalogue = xcalloc(1, sizeof *catalogue);
    if (catalogue_add(catalogue, "test.sql", text, strlen(text), err))
        return catalogue;
    catalogue_free(catalogue);
    return NULL;
}

static struct catalogue *accepted(const char *text)
{
    struct err err = {0};
    struct catalogue *catalogue = read(text, &err);
    cr_assert(catalogue, "%s", err.text);
    return catalogue;
}

Test(catalogue, a_query_has_all_that_its_directives_say)
{
    struct catalogue *catalogue = accepted("--- query slots\n"
                                           "--- on source  target\n"
                                           "--- per node\n"
                                           "--- every 500ms\n"
                                           "--- key slot_name\n"
                                           "--- history lag size\n"
                                           "--- privilege pg_monitor\n"
                                           "SELECT 1;\n");
    const struct query *query = catalogue_query(catalogue, "slots");
    cr_assert(query);
    cr_assert_eq(query->role_count, 2);
    cr_assert_str_eq(query->roles[1], "target");
    cr_assert(query->per_node);
    cr_assert_eq(query->every_ms, 500);
    cr_assert_str_eq(query->key, "slot_name");
    cr_assert_eq(query->history_count, 2);
    cr_assert_str_eq(query->history[0], "lag");
    cr_assert_str_eq(query->privilege, "pg_monitor");
    cr_assert_str_eq(query->variants[0].text, "SELECT 1;");
    cr_assert_str_eq(query->variants[0].path, "test.sql");
    cr_assert_eq(query->variants[0].line, 8);
    cr_assert_null(catalogue_query(catalogue, "other"));
    cr_assert_null(catalogue_check(catalogue, "slots"), "a query is no check");
    catalogue_free(catalogue);
}

Test(catalogue, a_query_is_asked_per_database_and_not_by_itself_unless_it_says_so)
{
    struct catalogue *catalogue = accepted("--- query own\n--- on source\nSELECT 1\n");
    const struct query *query = catalogue_query(catalogue, "own");
    cr_assert_not(query->per_node);
    cr_assert_eq(query->every_ms, 0);
    cr_assert_null(query->key);
    cr_assert_null(query->privilege);
    cr_assert_eq(query->history_count, 0);
    catalogue_free(catalogue);
}

Test(catalogue, a_check_has_all_that_its_directives_say)
{
    struct catalogue *catalogue = accepted("--- check equal\n"
                                           "--- group settings\n"
                                           "--- title They are equal\n"
                                           "--- on source\n"
                                           "--- against target\n"
                                           "--- per node\n"
                                           "--- severity warn\n"
                                           "--- why They differ\n"
                                           "--- why otherwise.\n"
                                           "--- remedy Set them.\n"
                                           "SELECT 1;\n"
                                           "--- check plain\n"
                                           "--- group g\n--- title t\n--- on source\n--- why w\n"
                                           "SELECT 2;\n");
    const struct check *check = catalogue_check(catalogue, "equal");
    cr_assert_str_eq(check->group, "settings");
    cr_assert_str_eq(check->title, "They are equal");
    cr_assert_str_eq(check->on, "source");
    cr_assert_str_eq(check->against, "target");
    cr_assert(check->per_node);
    cr_assert_eq(check->severity, SEVERITY_WARN);
    cr_assert_str_eq(check->why, "They differ otherwise.");
    cr_assert_str_eq(check->remedy, "Set them.");
    check = catalogue_check(catalogue, "plain");
    cr_assert_eq(check->severity, SEVERITY_BLOCK, "blocking is the default");
    cr_assert_null(check->against);
    cr_assert_null(check->remedy);
    catalogue_free(catalogue);
}

Test(catalogue, the_variant_is_picked_by_the_servers_version)
{
    struct catalogue *catalogue =
        accepted("--- query q\n--- since 10\n--- until 13\n--- on source\n"
                 "SELECT 'old';\n"
                 "--- query q\n--- since 14\n--- until 17\n"
                 "SELECT 'new';\n");
    cr_assert_eq(catalogue->query_count, 1);
    const struct query *query = catalogue_query(catalogue, "q");
    cr_assert_eq(query->variant_count, 2);
    static const struct {
        int major;
        const char *text;
    } all[] = {{9, NULL},
               {10, "SELECT 'old';"},
               {13, "SELECT 'old';"},
               {14, "SELECT 'new';"},
               {17, "SELECT 'new';"},
               {18, NULL}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        const struct variant *variant =
            variant_for(query->variants, query->variant_count, all[i].major);
        cr_assert_eq(variant == NULL, all[i].text == NULL, "%d", all[i].major);
        if (variant)
            cr_assert_str_eq(variant->text, all[i].text);
    }
    catalogue_free(catalogue);
}

#define QUERY "--- query q\n--- on source\n"
#define CHECK "--- check c\n--- group g\n--- title t\n--- why w\n--- on source\n"

Test(catalogue, each_mistake_names_its_line_and_the_remedy)
{
    static const struct {
        const char *text, *where, *what;
    } all[] = {
        {QUERY "--- evry 1s\nSELECT 1;", "test.sql:3: ", "did you mean `every`"},
        {QUERY "--- severity warn\nSELECT 1;", "test.sql:3: ", "belongs to a check"},
        {QUERY "--- every 1\nSELECT 1;", "test.sql:3: ", "500ms, 10s, 2min"},
        {QUERY "--- per server\nSELECT 1;", "test.sql:3: ", "write one of: database, node"},
        {"--- query q\nSELECT 1;", "test.sql:1: ", "has no `on`; add `--- on ...`"},
        {QUERY, "test.sql:1: ", "holds 0 statements; write one"},
        {QUERY "SELECT 1; SELECT 2;", "test.sql:3: ", "holds 2 statements; write one"},
        {CHECK "--- severity fatal\nSELECT 1;", "test.sql:6: ", "write one of: block, warn, info"},
        {"--- check c\n--- group g\n--- on source\n--- title t\nSELECT 1;",
         "test.sql:1: ", "has no `why`"},
        {"--- check c\n--- why w\n--- on source\n--- title t\nSELECT 1;",
         "test.sql:1: ", "has no `group`"},
        {"--- check c\n--- group g\n--- on source\n--- why w\nSELECT 1;",
         "test.sql:1: ", "has no `title`"},
        {"--- check c\n--- group g\n--- title t\n--- why w\nSELECT 1;",
         "test.sql:1: ", "has no `on`"},
        {QUERY "SELECT 1;\n" QUERY "SELECT 1;", "test.sql:4: ", "exists on line 1"},
        {QUERY "--- until 13\nSELECT 1;\n--- query q\n--- since 14\n--- on target\nSELECT 1;",
         "test.sql:7: ", "can't have another `on`"},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct err err = {0};
        cr_assert_null(read(all[i].text, &err), "accepted: %s", all[i].text);
        cr_assert_eq(strncmp(err.text, all[i].where, strlen(all[i].where)), 0, "%s", err.text);
        cr_assert(strstr(err.text, all[i].what), "no \"%s\" in: %s", all[i].what, err.text);
    }
}

Test(catalogue, an_id_of_another_file_is_refused)
{
    struct catalogue *catalogue = accepted(QUERY "SELECT 1;");
    struct err err = {0};
    const char *text = QUERY "SELECT 2;";
    cr_assert_not(catalogue_add(catalogue, "more.sql", text, strlen(text), &err));
    cr_assert_str_eq(err.text, "more.sql:1: the query q stands in test.sql:3 already; rename one");
    catalogue_free(catalogue);
}

Test(catalogue, what_is_compiled_in_is_right)
{
    struct err err = {0};
    struct catalogue *catalogue = catalogue_read(&err);
    cr_assert(catalogue, "%s", err.text);
    catalogue_free(catalogue);
}
