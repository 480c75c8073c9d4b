#include "core/catalogue.h"

#include <stdlib.h>
#include <string.h>

#include "core/embedded.h"
#include "core/sqltext.h"
#include "core/units.h"

static const struct directive_rule rules[] = {
    {"on", "query", RULE_VALUE, false},      {"per", "query", RULE_VALUE, false},
    {"every", "query", RULE_VALUE, false},   {"key", "query", RULE_VALUE, false},
    {"history", "query", RULE_VALUE, false}, {"privilege", "query", RULE_VALUE, false},
    {"group", "check", RULE_VALUE, false},   {"title", "check", RULE_VALUE, false},
    {"why", "check", RULE_VALUE, true},      {"remedy", "check", RULE_VALUE, true},
    {"on", "check", RULE_VALUE, false},      {"against", "check", RULE_VALUE, false},
    {"per", "check", RULE_VALUE, false},     {"severity", "check", RULE_VALUE, false},
    {"needs", "check", RULE_VALUE, false},   {"privilege", "check", RULE_VALUE, false},
    {NULL, NULL, RULE_FLAG, false}};

static const char *const severities[] = {
    [SEVERITY_BLOCK] = "block", [SEVERITY_WARN] = "warn", [SEVERITY_INFO] = "info", NULL};

/* `per node` or `per database`, which is the default. */
static const char *const pers[] = {"database", "node", NULL};

/* The file that is being read. */
struct reading {
    struct catalogue *catalogue;
    const struct sqlfile *file;
    struct err *err;
};

/* The first of these directives that the entry has not. */
static bool has_all(const struct reading *r, const struct entry *entry, const char *const *names)
{
    for (; *names; names++)
        if (!entry_value(entry, *names))
            return err_set(r->err, "%s:%d: the %s %s has no `%s`; add `--- %s ...`", r->file->path,
                           entry->line, entry->type, entry->id, *names, *names);
    return true;
}

static bool is_one_statement(const struct reading *r, const struct entry *entry)
{
    struct arena scratch = {0};
    char **statements;
    const struct section *body = entry_section(entry, "body");
    size_t count = body ? sql_split(body->text, &scratch, &statements) : 0;
    arena_free(&scratch);
    if (count == 1)
        return true;
    return err_set(r->err, "%s:%d: the %s %s holds %zu statements; write one", r->file->path,
                   count ? body->line : entry->line, entry->type, entry->id, count);
}

/* Adds the entry's text to its variants, which agree in all that their directives say. */
static bool add_variant(const struct reading *r, const struct entry *entry,
                        struct variant **variants, size_t *count)
{
    if (!is_one_statement(r, entry))
        return false;
    const struct section *body = entry_section(entry, "body");
    *(struct variant *)arena_grow(&r->catalogue->arena, variants, *count, sizeof **variants) =
        (struct variant){entry->since, entry->until, body->text, r->file->path, body->line};
    ++*count;
    return true;
}

/* The entry of this file that an entry is a later variant of; itself where it is the first. */
static const struct entry *first_variant(const struct sqlfile *file, const struct entry *entry)
{
    const struct entry *first = file->entries;
    while (strcmp(first->type, entry->type) != 0 || strcmp(first->id, entry->id) != 0)
        first++;
    return first;
}

static bool is_given_before(const struct reading *r, const struct entry *entry,
                            const struct variant *before)
{
    return err_set(r->err, "%s:%d: the %s %s stands in %s:%d already; rename one", r->file->path,
                   entry->line, entry->type, entry->id, before->path, before->line);
}

static bool read_query(const struct reading *r, const struct entry *entry, struct query *query)
{
    static const char *const needed[] = {"on", NULL};
    struct arena *arena = &r->catalogue->arena;
    const char *path = r->file->path;
    int per = 0;
    if (!has_all(r, entry, needed) ||
        !directive_choice(path, entry_directive(entry, "per"), pers, &per, r->err) ||
        !directive_duration(path, entry_directive(entry, "every"), &query->every_ms, r->err))
        return false;
    const char *history = entry_value(entry, "history");
    query->id = entry->id;
    query->role_count = words(arena, entry_value(entry, "on"), &query->roles);
    query->per_node = per == 1;
    query->key = entry_value(entry, "key");
    query->history_count = words(arena, history ? history : "", &query->history);
    query->privilege = entry_value(entry, "privilege");
    return true;
}

/* `needs variable NAME`: the only thing that a check can need. */
static bool read_needs(const struct reading *r, const struct entry *entry, struct check *check)
{
    static const char prefix[] = "variable ";
    const struct directive *needs = entry_directive(entry, "needs");
    if (!needs)
        return true;
    check->needs = needs->value + sizeof prefix - 1;
    return strncmp(needs->value, prefix, sizeof prefix - 1) == 0 ||
           err_set(r->err, "%s:%d: a check needs a variable; write `--- needs variable NAME`",
                   r->file->path, needs->line);
}

static bool read_check(const struct reading *r, const struct entry *entry, struct check *check)
{
    static const char *const needed[] = {"group", "title", "why", "on", NULL};
    const char *path = r->file->path;
    int per = 0, severity = SEVERITY_BLOCK;
    if (!has_all(r, entry, needed) ||
        !directive_choice(path, entry_directive(entry, "per"), pers, &per, r->err) ||
        !directive_choice(path, entry_directive(entry, "severity"), severities, &severity,
                          r->err) ||
        !read_needs(r, entry, check))
        return false;
    check->id = entry->id;
    check->group = entry_value(entry, "group");
    check->title = entry_value(entry, "title");
    check->why = entry_value(entry, "why");
    check->remedy = entry_value(entry, "remedy");
    check->on = entry_value(entry, "on");
    check->against = entry_value(entry, "against");
    check->privilege = entry_value(entry, "privilege");
    check->per_node = per == 1;
    check->severity = (enum severity)severity;
    return true;
}

static struct query *query_of(const struct catalogue *catalogue, const char *id)
{
    for (size_t i = 0; i < catalogue->query_count; i++)
        if (strcmp(catalogue->queries[i].id, id) == 0)
            return &catalogue->queries[i];
    return NULL;
}

static struct check *check_of(const struct catalogue *catalogue, const char *id)
{
    for (size_t i = 0; i < catalogue->check_count; i++)
        if (strcmp(catalogue->checks[i].id, id) == 0)
            return &catalogue->checks[i];
    return NULL;
}

static bool add_query(const struct reading *r, const struct entry *entry, bool is_first)
{
    struct catalogue *catalogue = r->catalogue;
    struct query *query = query_of(catalogue, entry->id);
    if (query && is_first)
        return is_given_before(r, entry, query->variants);
    if (!query) {
        query = arena_grow(&catalogue->arena, &catalogue->queries, catalogue->query_count,
                           sizeof *query);
        if (!read_query(r, entry, query))
            return false;
        catalogue->query_count++;
    }
    return add_variant(r, entry, &query->variants, &query->variant_count);
}

static bool add_check(const struct reading *r, const struct entry *entry, bool is_first)
{
    struct catalogue *catalogue = r->catalogue;
    struct check *check = check_of(catalogue, entry->id);
    if (check && is_first)
        return is_given_before(r, entry, check->variants);
    if (!check) {
        check = arena_grow(&catalogue->arena, &catalogue->checks, catalogue->check_count,
                           sizeof *check);
        if (!read_check(r, entry, check))
            return false;
        catalogue->check_count++;
    }
    return add_variant(r, entry, &check->variants, &check->variant_count);
}

static bool add_entry(const struct reading *r, const struct entry *entry)
{
    const struct entry *first = first_variant(r->file, entry);
    if (!variant_agrees(r->file->path, first, entry, r->err))
        return false;
    return strcmp(entry->type, "query") == 0 ? add_query(r, entry, first == entry)
                                             : add_check(r, entry, first == entry);
}

/* Not in the header: catalogue_read() and the tests read files with it. */
bool catalogue_add(struct catalogue *catalogue, const char *path, const char *text, size_t length,
                   struct err *err);

bool catalogue_add(struct catalogue *catalogue, const char *path, const char *text, size_t length,
                   struct err *err)
{
    struct sqlfile *file = sqlfile_parse(path, text, length, rules, err);
    if (!file)
        return false;
    *(struct sqlfile **)arena_grow(&catalogue->arena, &catalogue->files, catalogue->file_count,
                                   sizeof file) = file;
    catalogue->file_count++;
    const struct reading r = {catalogue, file, err};
    for (size_t i = 0; i < file->entry_count; i++)
        if (!add_entry(&r, &file->entries[i]))
            return false;
    return true;
}

static bool is_catalogue_file(const char *path)
{
    return strncmp(path, "core/queries/", 13) == 0 || strncmp(path, "core/checks/", 12) == 0;
}

struct catalogue *catalogue_read(struct err *err)
{
    struct catalogue *catalogue = xcalloc(1, sizeof *catalogue);
    for (const struct embedded *file = embedded_files; file->path; file++) {
        if (!is_catalogue_file(file->path))
            continue;
        if (!catalogue_add(catalogue, file->path, file->text, file->length, err)) {
            catalogue_free(catalogue);
            return NULL;
        }
    }
    return catalogue;
}

void catalogue_free(struct catalogue *catalogue)
{
    if (!catalogue)
        return;
    for (size_t i = 0; i < catalogue->file_count; i++)
        sqlfile_free(catalogue->files[i]);
    arena_free(&catalogue->arena);
    free(catalogue);
}

const struct check *catalogue_check(const struct catalogue *catalogue, const char *id)
{
    return check_of(catalogue, id);
}

const struct query *catalogue_query(const struct catalogue *catalogue, const char *id)
{
    return query_of(catalogue, id);
}

const struct variant *variant_for(const struct variant *variants, size_t count, int major)
{
    for (size_t i = 0; i < count; i++)
        if (variants[i].since <= major && major <= variants[i].until)
            return &variants[i];
    return NULL;
}
