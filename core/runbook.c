#include "core/runbook.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/embedded.h"
#include "core/sqltext.h"
#include "core/units.h"

/* Everything that a runbook may say; core/runbooks/README.md says what it means. */
static const struct directive_rule rules[] = {
    {"runbook", NULL, RULE_VALUE, false},    {"title", NULL, RULE_VALUE, false},
    {"why", NULL, RULE_VALUE, true},         {"title", "step", RULE_VALUE, false},
    {"why", "step", RULE_VALUE, true},       {"phase", "step", RULE_VALUE, false},
    {"on", "step", RULE_VALUE, false},       {"from", "step", RULE_VALUE, false},
    {"per", "step", RULE_VALUE, false},      {"kind", "step", RULE_VALUE, false},
    {"window", "step", RULE_VALUE, false},   {"requires", "step", RULE_VALUE, true},
    {"capture", "step", RULE_VALUE, true},   {"no-transaction", "step", RULE_FLAG, false},
    {"parallel", "step", RULE_VALUE, false}, {"timeout", "step", RULE_VALUE, false},
    {"confirm", "step", RULE_VALUE, false},  {"supersedes", "step", RULE_VALUE, true},
    {"needs", "step", RULE_VALUE, true},     {"down", "step", RULE_VALUE, true},
    {"releases", "step", RULE_VALUE, true},  {"holds", "step", RULE_FLAG, false},
    {"probe", "step", RULE_SECTION, false},  {"undo", "step", RULE_SECTION, false},
    {"each", "step", RULE_SECTION, false},   {"abandon", "step", RULE_SECTION, false},
    {NULL, NULL, RULE_FLAG, false}};

static const char *const phases[] = {
    [PHASE_PREPARE] = "prepare", [PHASE_WINDOW] = "window", [PHASE_AFTER] = "after", NULL};
static const char *const windows[] = {"neither", "opens", "closes", NULL};
static const char *const pers[] = {"database", "node", NULL};
static const char *const confirms[] = {"letter", "typed", NULL};
static const char *const need_kinds[] = {"function", "extension",   "setting",
                                         "variable", "no-variable", NULL};

#define PARALLEL_MOST 64

static const char *const kinds[] = {[STEP_SQL] = "sql",
                                    [STEP_GEXEC] = "gexec",
                                    [STEP_WAIT] = "wait",
                                    [STEP_COMPARE] = "compare",
                                    [STEP_COMMAND] = "command",
                                    [STEP_MANUAL] = "manual",
                                    NULL};

/* What each kind of step needs. */
static const struct kind_rule {
    bool from;  /* a second role */
    bool probe; /* or a reason why not; a wait and a compare are their own */
    bool undo;  /* or a reason why not */
} kind_rules[] = {
    [STEP_SQL] = {.probe = true, .undo = true},
    [STEP_GEXEC] = {.from = true, .probe = true, .undo = true},
    [STEP_WAIT] = {0},
    [STEP_COMPARE] = {.from = true},
    [STEP_COMMAND] = {.probe = true, .undo = true},
    [STEP_MANUAL] = {.probe = true},
};

/* What only some kinds of step may say. */
static const struct kind_limit {
    const char *name;
    unsigned kinds; /* a bit each */
    const char *remedy;
} kind_limits[] = {
    {"from", 1 << STEP_GEXEC | 1 << STEP_COMPARE, "only gexec and compare have a second role"},
    {"capture", 1 << STEP_SQL, "only sql captures"},
    {"parallel", 1 << STEP_GEXEC, "only gexec has many statements to spread"},
    {"no-transaction", 1 << STEP_SQL | 1 << STEP_GEXEC, "only sql and gexec have a transaction"},
    {"each", 1 << STEP_COMPARE, "only compare has a generator of queries"},
    {NULL, 0, NULL}};

const char *step_kind_name(enum step_kind kind)
{
    return kinds[kind];
}

const char *phase_name(enum phase phase)
{
    return phases[phase];
}

/* The file that is being read. */
struct reading {
    struct runbook *runbook;
    struct err *err;
};

static bool wrong(const struct runbook *runbook, struct err *err, int line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static bool wrong(const struct runbook *runbook, struct err *err, int line, const char *format, ...)
{
    char what[sizeof err->text];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    return err_set(err, "%s:%d: %s", runbook->path, line, what);
}

static size_t value_words(const struct reading *r, const struct entry *entry, const char *name,
                          const char ***list)
{
    const char *value = entry_value(entry, name);
    return words(&r->runbook->arena, value ? value : "", list);
}

static bool read_parallel(const struct reading *r, const struct entry *entry, struct step *step)
{
    const struct directive *directive = entry_directive(entry, "parallel");
    step->parallel = 1;
    if (!directive)
        return true;
    char *end;
    long number = strtol(directive->value, &end, 10);
    if (*end || number < 1 || number > PARALLEL_MOST)
        return wrong(r->runbook, r->err, directive->line,
                     "`parallel` can't be \"%s\"; write a number of sessions from 1 to %d",
                     directive->value, PARALLEL_MOST);
    step->parallel = (int)number;
    return true;
}

static bool read_captures(const struct reading *r, const struct entry *entry, struct step *step)
{
    step->capture_count = value_words(r, entry, "capture", &step->captures);
    for (size_t i = 0; i < step->capture_count; i++) {
        const char *name = step->captures[i];
        int line = entry_directive(entry, "capture")->line;
        if (!name_is_variable(name))
            return wrong(r->runbook, r->err, line,
                         "\"%s\" can't be captured; name a column by letters, digits and _", name);
        if (name_among(name, builtin_variables))
            return wrong(r->runbook, r->err, line,
                         "the variable \"%s\" exists already on every place; rename it", name);
    }
    return true;
}

/* One need a kind: `function f(int, text)` has blanks of its own, so the next kind's word ends it.
 */
static bool read_needs(const struct reading *r, const struct entry *entry, struct step *step)
{
    struct arena *arena = &r->runbook->arena;
    const char **list;
    size_t count = value_words(r, entry, "needs", &list);
    for (size_t i = 0; i < count;) {
        const char *kind = list[i++], *what = "";
        if (!name_among(kind, need_kinds))
            return wrong(r->runbook, r->err, entry_directive(entry, "needs")->line,
                         "a step can't need \"%s\"; write function f(int), extension x, setting s, "
                         "variable v or no-variable v",
                         kind);
        for (; i < count && !name_among(list[i], need_kinds); i++)
            what = arena_printf(arena, "%s%s%s", what, what[0] ? " " : "", list[i]);
        if (!what[0])
            return wrong(r->runbook, r->err, entry_directive(entry, "needs")->line,
                         "`needs %s` does not say which; add its name", kind);
        *(struct need *)arena_grow(arena, &step->needs, step->need_count, sizeof(struct need)) =
            (struct need){kind, what};
        step->need_count++;
    }
    return true;
}

static bool read_choices(const struct reading *r, const struct entry *entry, struct step *step)
{
    const char *path = r->runbook->path;
    /* A step that does not say its phase is in that of the step before it. */
    int phase = step > r->runbook->steps ? (int)step[-1].phase : PHASE_PREPARE;
    int kind = STEP_SQL, per = 0, window = 0, confirm = 0;
    if (!directive_choice(path, entry_directive(entry, "phase"), phases, &phase, r->err) ||
        !directive_choice(path, entry_directive(entry, "kind"), kinds, &kind, r->err) ||
        !directive_choice(path, entry_directive(entry, "per"), pers, &per, r->err) ||
        !directive_choice(path, entry_directive(entry, "window"), windows, &window, r->err) ||
        !directive_choice(path, entry_directive(entry, "confirm"), confirms, &confirm, r->err))
        return false;
    step->phase = (enum phase)phase;
    step->kind = (enum step_kind)kind;
    step->per_node = per == 1;
    step->opens = window == 1;
    step->closes = window == 2;
    step->typed = confirm == 1;
    return true;
}

static bool read_step(const struct reading *r, const struct entry *entry, struct step *step)
{
    step->id = entry->id;
    step->line = entry->line;
    step->title = entry_value(entry, "title");
    step->why = entry_value(entry, "why");
    step->on = entry_value(entry, "on");
    step->from = entry_value(entry, "from");
    step->transaction = !entry_directive(entry, "no-transaction");
    step->holds = entry_directive(entry, "holds");
    step->timeout_ms = 10 * 1000;
    step->require_count = value_words(r, entry, "requires", &step->requires);
    step->supersede_count = value_words(r, entry, "supersedes", &step->supersedes);
    step->down_count = value_words(r, entry, "down", &step->down);
    step->release_count = value_words(r, entry, "releases", &step->releases);
    if (!step->title || !step->on) {
        const char *lacks = step->title ? "on" : "title";
        return wrong(r->runbook, r->err, entry->line, "the step %s has no `%s`; add `--- %s ...`",
                     entry->id, lacks, lacks);
    }
    return read_choices(r, entry, step) && read_parallel(r, entry, step) &&
           read_captures(r, entry, step) && read_needs(r, entry, step) &&
           directive_duration(r->runbook->path, entry_directive(entry, "timeout"),
                              &step->timeout_ms, r->err);
}

static struct script read_script(const struct entry *entry, const char *name, const char *role)
{
    const struct section *section = entry_section(entry, name);
    if (!section)
        return (struct script){0};
    if (section->none)
        return (struct script){.none = section->none, .line = section->line};
    return (struct script){section->text, section->on ? section->on : role, NULL, section->line};
}

static void add_variant(const struct reading *r, const struct entry *entry, struct step *step)
{
    struct step_variant *variant =
        arena_grow(&r->runbook->arena, &step->variants, step->variant_count++, sizeof *variant);
    *variant = (struct step_variant){
        .since = entry->since,
        .until = entry->until,
        /* A generator runs where it reads, its statements run where they change. */
        .body = read_script(entry, "body", step->kind == STEP_GEXEC ? step->from : step->on),
        .probe = read_script(entry, "probe", step->on),
        .undo = read_script(entry, "undo", step->on),
        .each = read_script(entry, "each", step->on),
        .abandon = read_script(entry, "abandon", step->on),
    };
    if (step->kind == STEP_WAIT && !variant->probe.text && !variant->probe.none)
        variant->probe = variant->body;
}

static const struct entry *first_entry(const struct runbook *runbook, const char *id)
{
    for (size_t i = 0; i < runbook->file->entry_count; i++)
        if (strcmp(runbook->file->entries[i].id, id) == 0)
            return &runbook->file->entries[i];
    return NULL;
}

static bool add_entry(const struct reading *r, const struct entry *entry)
{
    struct runbook *runbook = r->runbook;
    const struct entry *first = first_entry(runbook, entry->id);
    if (!variant_agrees(runbook->path, first, entry, r->err))
        return false;
    if (first == entry) {
        struct step *step =
            arena_grow(&runbook->arena, &runbook->steps, runbook->step_count, sizeof *step);
        if (!read_step(r, entry, step))
            return false;
        runbook->step_count++;
    }
    for (size_t i = 0; i < runbook->step_count; i++)
        if (strcmp(runbook->steps[i].id, entry->id) == 0)
            add_variant(r, entry, &runbook->steps[i]);
    return true;
}

static const char *header_value(const struct sqlfile *file, const char *name)
{
    for (size_t i = 0; i < file->header_count; i++)
        if (strcmp(file->header[i].name, name) == 0)
            return file->header[i].value;
    return NULL;
}

static bool read_file(const struct reading *r)
{
    struct runbook *runbook = r->runbook;
    const struct sqlfile *file = runbook->file;
    runbook->path = file->path;
    runbook->name = header_value(file, "runbook");
    if (!runbook->name)
        return wrong(r->runbook, r->err, 1,
                     "this file names no runbook; begin it with `--- runbook NAME`");
    runbook->title = header_value(file, "title");
    if (!runbook->title)
        runbook->title = runbook->name;
    for (size_t i = 0; i < file->entry_count; i++)
        if (!add_entry(r, &file->entries[i]))
            return false;
    return runbook->step_count > 0 ||
           wrong(r->runbook, r->err, 1, "the runbook has no step; add one with `--- step ID`");
}

struct runbook *runbook_parse(const char *path, const char *text, size_t length, struct err *err)
{
    struct sqlfile *file = sqlfile_parse(path, text, length, rules, err);
    if (!file)
        return NULL;
    struct reading r = {xcalloc(1, sizeof *r.runbook), err};
    r.runbook->file = file;
    if (read_file(&r))
        return r.runbook;
    runbook_free(r.runbook);
    return NULL;
}

void runbook_free(struct runbook *runbook)
{
    if (!runbook)
        return;
    sqlfile_free(runbook->file);
    arena_free(&runbook->arena);
    free(runbook);
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && strcmp(text + length - tail, end) == 0;
}

#define FOLDER "core/runbooks/"
#define SUFFIX ".sql"

/* Whether this compiled-in file is the runbook of that name; NULL: any runbook. */
static bool is_runbook(const struct embedded *file, const char *name)
{
    const char *rest = file->path + strlen(FOLDER);
    if (strncmp(file->path, FOLDER, strlen(FOLDER)) != 0 || !ends_with(rest, SUFFIX))
        return false;
    size_t length = strlen(rest) - strlen(SUFFIX);
    return !name || (strlen(name) == length && strncmp(rest, name, length) == 0);
}

static const struct embedded *embedded_runbook(const char *name)
{
    for (const struct embedded *file = embedded_files; file->path; file++)
        if (is_runbook(file, name))
            return file;
    return NULL;
}

/* The names and the array are one allocation. */
const char **runbook_names(void)
{
    size_t count = 0, bytes = 0;
    for (const struct embedded *file = embedded_files; file->path; file++)
        if (is_runbook(file, NULL)) {
            count++;
            bytes += strlen(file->path);
        }
    const char **names = xcalloc(1, (count + 1) * sizeof *names + bytes);
    char *text = (char *)(names + count + 1);
    count = 0;
    for (const struct embedded *file = embedded_files; file->path; file++)
        if (is_runbook(file, NULL)) {
            size_t length = strlen(file->path) - strlen(FOLDER) - strlen(SUFFIX);
            memcpy(text, file->path + strlen(FOLDER), length);
            names[count++] = text;
            text += length + 1;
        }
    return names;
}

const char *runbook_text(const char *name)
{
    const struct embedded *file = embedded_runbook(name);
    return file ? file->text : NULL;
}

static bool no_such_runbook(const char *name, struct err *err)
{
    const char **names = runbook_names();
    struct str known = {0};
    for (size_t i = 0; names[i]; i++)
        str_printf(&known, "%s%s", i ? ", " : "", names[i]);
    err_set(err,
            "no runbook \"%s\" is built in; there are: %s; a file of yours needs its path, ./%s",
            name, str_text(&known), name);
    str_free(&known);
    free(names);
    return false;
}

struct runbook *runbook_read(const char *name_or_path, struct err *err)
{
    if (!strchr(name_or_path, '/') && !ends_with(name_or_path, SUFFIX)) {
        const struct embedded *file = embedded_runbook(name_or_path);
        if (file)
            return runbook_parse(file->path, file->text, file->length, err);
        no_such_runbook(name_or_path, err);
        return NULL;
    }
    size_t length;
    char *text = file_read(name_or_path, &length, err);
    if (!text)
        return NULL;
    struct runbook *runbook = runbook_parse(name_or_path, text, length, err);
    free(text);
    return runbook;
}

const struct step *runbook_step(const struct runbook *runbook, const char *id)
{
    for (size_t i = 0; i < runbook->step_count; i++)
        if (strcmp(runbook->steps[i].id, id) == 0)
            return &runbook->steps[i];
    return NULL;
}

const struct step_variant *step_variant_for(const struct step *step, int major)
{
    for (size_t i = 0; i < step->variant_count; i++)
        if (step->variants[i].since <= major && major <= step->variants[i].until)
            return &step->variants[i];
    return NULL;
}

/* What runbook_check() looks at, and how far it is. */
struct checking {
    const struct runbook *runbook;
    const struct catalogue *catalogue;
    const struct config *config; /* NULL: not known yet */
    struct err *err;
    const struct step *step; /* the one being looked at */
};

static int line_of(const struct checking *c, const char *name)
{
    const struct directive *directive = entry_directive(first_entry(c->runbook, c->step->id), name);
    return directive ? directive->line : c->step->line;
}

static bool may_say(const struct checking *c, const struct kind_limit *limit)
{
    const struct entry *entry = first_entry(c->runbook, c->step->id);
    const struct directive *directive = entry_directive(entry, limit->name);
    const struct section *section = entry_section(entry, limit->name);
    if ((!directive && !section) || limit->kinds & 1u << c->step->kind)
        return true;
    return wrong(c->runbook, c->err, directive ? directive->line : section->line,
                 "a %s step has no `%s`; %s: remove it or change the kind",
                 step_kind_name(c->step->kind), limit->name, limit->remedy);
}

static bool is_missing(const struct script *script)
{
    return !script->none && (!script->text || !script->text[0]);
}

static bool variant_is_whole(const struct checking *c, const struct step_variant *variant)
{
    const struct step *step = c->step;
    const struct kind_rule *rule = &kind_rules[step->kind];
    if (is_missing(&variant->body) && is_missing(&variant->each))
        return wrong(c->runbook, c->err, step->line,
                     "the step %s has no text; write it below the directives", step->id);
    if (rule->probe && is_missing(&variant->probe) && step->down_count == 0)
        return wrong(c->runbook, c->err, step->line,
                     "the step %s has no probe; add `--- probe` and a query whose boolean `done` "
                     "tells whether its effect is in place, or `--- probe none REASON`",
                     step->id);
    if (rule->undo && is_missing(&variant->undo))
        return wrong(c->runbook, c->err, step->line,
                     "the step %s has no undo; add `--- undo` and the way back, or `--- undo none "
                     "REASON`",
                     step->id);
    return true;
}

static bool step_is_whole(const struct checking *c)
{
    const struct step *step = c->step;
    for (const struct kind_limit *limit = kind_limits; limit->name; limit++)
        if (!may_say(c, limit))
            return false;
    if (kind_rules[step->kind].from && !step->from)
        return wrong(c->runbook, c->err, step->line,
                     "the %s step %s has no `from`; add `--- from ROLE`, %s",
                     step_kind_name(step->kind), step->id,
                     step->kind == STEP_GEXEC ? "where its query runs" : "the other side");
    for (size_t i = 0; i < step->variant_count; i++)
        if (!variant_is_whole(c, &step->variants[i]))
            return false;
    return true;
}

static bool has_node(const struct config *config, const char *role)
{
    for (size_t i = 0; i < config->node_count; i++)
        if (strcmp(config->nodes[i].role, role) == 0)
            return true;
    return false;
}

/* A step on a role that no node has is simply absent, which is what lets one runbook serve with and
 * without a pooler. A role that nobody ever heard of is a typing mistake. */
static bool role_is_known(const struct checking *c, const char *role, int line)
{
    static const char *const usual[] = {"source",  "target", "pooler", "standby",
                                        "monitor", "member", NULL};
    if (!role || name_among(role, usual) || has_node(c->config, role))
        return true;
    const char *nearest = name_nearest(role, usual);
    return wrong(c->runbook, c->err, line,
                 "no node has the role \"%s\"; %s%s%s give a node in %s that role", role,
                 nearest ? "did you mean " : "", nearest ? nearest : "", nearest ? "? Else" : "",
                 c->config->path);
}

static bool is_configured(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->variable_count; i++)
        if (strcmp(config->variables[i].name, name) == 0)
            return true;
    return false;
}

bool step_is_configured(const struct step *step, const struct config *config)
{
    for (size_t i = 0; config && i < step->need_count; i++) {
        const struct need *need = &step->needs[i];
        bool there = is_configured(config, need->what);
        if ((strcmp(need->kind, "variable") == 0 && !there) ||
            (strcmp(need->kind, "no-variable") == 0 && there))
            return false;
    }
    return true;
}

static bool is_present(const struct checking *c, const struct step *step)
{
    return !c->config || (step_is_configured(step, c->config) && has_node(c->config, step->on) &&
                          (!step->from || has_node(c->config, step->from)));
}

/* The scripts of a variant; a probe that is the body itself comes twice, which does no harm. */
#define SCRIPTS 5

static void scripts_of(const struct step_variant *variant, const struct script *scripts[SCRIPTS])
{
    const struct script *all[SCRIPTS] = {&variant->body, &variant->each, &variant->probe,
                                         &variant->undo, &variant->abandon};
    memcpy(scripts, all, sizeof all);
}

/* A step that is there can't be probed or undone on a role that is not. */
static bool script_has_place(const struct checking *c, const struct script *script)
{
    if (!script->text || !role_is_known(c, script->on, script->line))
        return script->text == NULL;
    return !is_present(c, c->step) || has_node(c->config, script->on) ||
           wrong(c->runbook, c->err, script->line,
                 "a part of %s runs on the role \"%s\", which no node has; give a node in %s that "
                 "role",
                 c->step->id, script->on, c->config->path);
}

static bool roles_are_known(const struct checking *c)
{
    const struct step *step = c->step;
    if (!role_is_known(c, step->on, line_of(c, "on")) ||
        !role_is_known(c, step->from, line_of(c, "from")))
        return false;
    for (size_t i = 0; i < step->down_count; i++)
        if (!role_is_known(c, step->down[i], line_of(c, "down")))
            return false;
    for (size_t i = 0; i < step->variant_count; i++) {
        const struct script *scripts[SCRIPTS];
        scripts_of(&step->variants[i], scripts);
        for (size_t j = 0; j < SCRIPTS; j++)
            if (!script_has_place(c, scripts[j]))
                return false;
    }
    return true;
}

static bool no_such_check(const struct checking *c, const char *id)
{
    const char **ids = xcalloc(c->catalogue->check_count + 1, sizeof *ids);
    for (size_t i = 0; i < c->catalogue->check_count; i++)
        ids[i] = c->catalogue->checks[i].id;
    const char *nearest = name_nearest(id, ids);
    free(ids);
    return nearest ? wrong(c->runbook, c->err, line_of(c, "requires"),
                           "there is no check \"%s\"; did you mean %s?", id, nearest)
                   : wrong(c->runbook, c->err, line_of(c, "requires"),
                           "there is no check \"%s\"; core/checks has those there are", id);
}

static bool checks_exist(const struct checking *c)
{
    for (size_t i = 0; i < c->step->require_count; i++)
        if (!catalogue_check(c->catalogue, c->step->requires[i]))
            return no_such_check(c, c->step->requires[i]);
    return true;
}

static bool released_exist(const struct checking *c)
{
    for (size_t i = 0; i < c->step->release_count; i++) {
        const struct step *other = runbook_step(c->runbook, c->step->releases[i]);
        if (!other || !other->holds)
            return wrong(c->runbook, c->err, line_of(c, "releases"),
                         "no step \"%s\" holds a session that %s could release; name one that says "
                         "`holds`",
                         c->step->releases[i], c->step->id);
    }
    return true;
}

static bool superseded_exist(const struct checking *c)
{
    for (size_t i = 0; i < c->step->supersede_count; i++) {
        const struct step *other = runbook_step(c->runbook, c->step->supersedes[i]);
        if (!other || other >= c->step)
            return wrong(c->runbook, c->err, line_of(c, "supersedes"),
                         "no step \"%s\" stands before %s; name one that does",
                         c->step->supersedes[i], c->step->id);
    }
    return true;
}

/* The first step that captures the name; NULL where none does. */
static const struct step *capturer(const struct runbook *runbook, const char *name)
{
    for (size_t i = 0; i < runbook->step_count; i++)
        for (size_t j = 0; j < runbook->steps[i].capture_count; j++)
            if (strcmp(runbook->steps[i].captures[j], name) == 0)
                return &runbook->steps[i];
    return NULL;
}

/* One script's variables, as they come from sql_variables(). */
struct variables {
    const struct checking *c;
    bool after_body; /* what the step itself captures is there too */
    bool ok;
};

static void check_variable(const char *name, int line, void *arg)
{
    struct variables *v = arg;
    const struct checking *c = v->c;
    if (!v->ok || name_among(name, builtin_variables) || name_among(name, address_variables) ||
        (c->config && is_configured(c->config, name)))
        return;
    const struct step *step = capturer(c->runbook, name);
    if (step && (step < c->step || (v->after_body && step == c->step)))
        return;
    if (step)
        v->ok = wrong(c->runbook, c->err, line,
                      "the variable \"%s\" is used before %s captures it; move that step up", name,
                      step->id);
    else if (c->config)
        v->ok = wrong(c->runbook, c->err, line,
                      "nothing defines the variable \"%s\"; give it in `variables` of %s", name,
                      c->config->path);
}

static bool variables_are_defined(const struct checking *c)
{
    for (size_t i = 0; i < c->step->variant_count; i++) {
        const struct step_variant *variant = &c->step->variants[i];
        const struct script *scripts[SCRIPTS];
        scripts_of(variant, scripts);
        for (size_t j = 0; j < SCRIPTS; j++) {
            bool before = scripts[j] == &variant->body || scripts[j] == &variant->each;
            struct variables v = {c, !before, true};
            if (scripts[j]->text)
                sql_variables(scripts[j]->text, scripts[j]->line, check_variable, &v);
            if (!v.ok)
                return false;
        }
    }
    return true;
}

static bool step_is_right(const struct checking *c)
{
    return step_is_whole(c) && checks_exist(c) && superseded_exist(c) && released_exist(c) &&
           (!c->config || roles_are_known(c)) &&
           (!is_present(c, c->step) || variables_are_defined(c));
}

/* A window may be opened in several steps and closed in several; what matters is that it is shut at
 * the end. */
static bool window_is_right(struct checking *c)
{
    const struct step *opener = NULL;
    bool opened = false;
    for (size_t i = 0; i < c->runbook->step_count; i++) {
        c->step = &c->runbook->steps[i];
        if (!is_present(c, c->step))
            continue;
        if (c->step->closes && !opened)
            return wrong(c->runbook, c->err, line_of(c, "window"),
                         "%s closes the window before a step opens it; add `--- window opens` to "
                         "the step that stops writes",
                         c->step->id);
        opened |= c->step->opens;
        if (c->step->opens || c->step->closes)
            opener = c->step->opens ? c->step : NULL;
    }
    if (!opener)
        return true;
    c->step = opener;
    return wrong(c->runbook, c->err, line_of(c, "window"),
                 "%s opens the window and no later step closes it; add `--- window closes` to the "
                 "step that lets writes in again",
                 opener->id);
}

bool runbook_check(const struct runbook *runbook, const struct catalogue *catalogue,
                   const struct config *config, struct err *err)
{
    struct checking c = {runbook, catalogue, config, err, NULL};
    for (size_t i = 0; i < runbook->step_count; i++) {
        c.step = &runbook->steps[i];
        if (!step_is_right(&c))
            return false;
    }
    return window_is_right(&c);
}

bool step_can_be_seen(const struct step *step)
{
    for (size_t i = 0; i < step->variant_count; i++)
        if (step->variants[i].probe.text)
            return true;
    return step->kind == STEP_WAIT || step->down_count > 0;
}
