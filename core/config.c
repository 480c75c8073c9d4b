#include "core/config.h"

#include <libpq-fe.h>
#include <limits.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* libconfig has a config_read() of its own, which nothing here calls. */
#define config_read libconfig_read
#include <libconfig.h>
#undef config_read

#include "core/sqlfile.h"
#include "core/units.h"

#define RUN_LONGEST  20 /* it goes into application_name, with more beside it */
#define NODE_LONGEST 40

/* What every function here needs to read a setting and to complain about it. */
struct reader {
    struct config *config;
    struct err *err;
};

/* One known setting of a group: `take` reads it into the field at `offset` of the group's object.
 */
struct rule {
    const char *name;
    bool (*take)(struct reader *reader, config_setting_t *setting, void *field);
    size_t offset;
};

/* The error as FILE:LINE: what; remedy. `setting` may be NULL: then it has no line. */
static bool fail(struct reader *reader, const config_setting_t *setting, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static bool fail(struct reader *reader, const config_setting_t *setting, const char *format, ...)
{
    char what[sizeof reader->err->text];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    const char *path = reader->config->path;
    if (!setting)
        return err_set(reader->err, "%s: %s", path, what);
    /* An included file has its own name. */
    const char *file = config_setting_source_file(setting);
    return err_set(reader->err, "%s:%u: %s", file ? file : path,
                   (unsigned)config_setting_source_line(setting), what);
}

/* A setting's name for messages; elements of lists have none. */
static const char *label(const config_setting_t *setting)
{
    const char *name = config_setting_name(setting);
    return name ? name : label(config_setting_parent(setting));
}

/* How many bytes follow this one in a character of UTF-8; -1: none begins with it. */
static int utf8_tail(unsigned char first)
{
    if (first < 0x80)
        return 0;
    if (first < 0xc2 || first > 0xf4)
        return -1;
    return first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
}

/* The journal's JSON and the screen can hold nothing but UTF-8. */
static bool is_utf8(const char *text)
{
    const unsigned char *c = (const unsigned char *)text;
    while (*c) {
        unsigned char first = *c++;
        int tail = utf8_tail(first);
        /* Overlong forms, surrogates and what lies beyond U+10FFFF show in the second byte. */
        if (tail < 0 || (first == 0xe0 && *c < 0xa0) || (first == 0xed && *c > 0x9f) ||
            (first == 0xf0 && *c < 0x90) || (first == 0xf4 && *c > 0x8f))
            return false;
        for (; tail > 0; tail--)
            if ((*c++ & 0xc0) != 0x80)
                return false;
    }
    return true;
}

static const char *text_of(struct reader *reader, const config_setting_t *setting)
{
    if (config_setting_type(setting) != CONFIG_TYPE_STRING) {
        fail(reader, setting, "\"%s\" must be text; write it in double quotes", label(setting));
        return NULL;
    }
    const char *text = config_setting_get_string(setting);
    if (!is_utf8(text)) {
        fail(reader, setting, "\"%s\" is not UTF-8; save the file as UTF-8", label(setting));
        return NULL;
    }
    return text;
}

static bool take_text(struct reader *reader, config_setting_t *setting, void *field)
{
    const char *text = text_of(reader, setting);
    if (!text)
        return false;
    if (!text[0])
        return fail(reader, setting, "\"%s\" is empty; give it a value or remove the line",
                    label(setting));
    *(const char **)field = arena_strdup(&reader->config->arena, text);
    return true;
}

static const char *home(void)
{
    const char *home = getenv("HOME");
    if (home && home[0] == '/')
        return home;
    const struct passwd *user = getpwuid(getuid());
    return user ? user->pw_dir : "";
}

static bool take_path(struct reader *reader, config_setting_t *setting, void *field)
{
    if (!take_text(reader, setting, field))
        return false;
    const char **path = field;
    if (strncmp(*path, "~/", 2) == 0)
        *path = arena_printf(&reader->config->arena, "%s%s", home(), *path + 1);
    return true;
}

static bool take_run(struct reader *reader, config_setting_t *setting, void *field)
{
    if (!take_text(reader, setting, field))
        return false;
    const char *run = *(const char **)field;
    return name_is_plain(run, RUN_LONGEST) ||
           fail(reader, setting,
                "\"%s\" can't be the name of a run; use letters, digits, - and _, at most %d", run,
                RUN_LONGEST);
}

static bool take_bool(struct reader *reader, config_setting_t *setting, void *field)
{
    if (config_setting_type(setting) != CONFIG_TYPE_BOOL)
        return fail(reader, setting, "\"%s\" must be true or false; write it without quotes",
                    label(setting));
    *(bool *)field = config_setting_get_bool(setting);
    return true;
}

static bool take_duration(struct reader *reader, config_setting_t *setting, void *field)
{
    const char *text = config_setting_type(setting) == CONFIG_TYPE_STRING
                           ? config_setting_get_string(setting)
                           : "";
    return duration_parse(text, field) ||
           fail(reader, setting, "\"%s\" must be a duration; write, in double quotes, %s",
                label(setting), DURATION_FORMS);
}

static bool take_size(struct reader *reader, config_setting_t *setting, void *field)
{
    int type = config_setting_type(setting);
    int64_t bytes = 0;
    if (type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64)
        bytes = config_setting_get_int64(setting);
    else if (type == CONFIG_TYPE_STRING)
        size_parse(config_setting_get_string(setting), &bytes);
    if (bytes < 1 || bytes > INT_MAX)
        return fail(reader, setting,
                    "\"%s\" must be a size below 2GB; write bytes or, in double quotes, %s",
                    label(setting), SIZE_FORMS);
    *(int *)field = (int)bytes;
    return true;
}

/* libpq's complaint about a DSN, up to the first piece of the DSN that it quotes: that may be one
 * of the password. */
static char *safe_complaint(const char *message)
{
    struct str safe = {0};
    while (*message && *message != '\n') {
        if (strncmp(message, "\"=\"", 3) == 0) {
            str_add_n(&safe, message, 3);
            message += 3;
            continue;
        }
        if (*message == '"') {
            str_add(&safe, "...");
            break;
        }
        str_char(&safe, *message++);
    }
    return str_take(&safe);
}

static PQconninfoOption *dsn_parse(const char *dsn, struct err *err)
{
    char *message = NULL;
    PQconninfoOption *options = PQconninfoParse(dsn, &message);
    if (options)
        return options;
    char *complaint = safe_complaint(message ? message : "out of memory");
    err_set(err,
            "libpq can't read it (%s); write \"host=... dbname=...\" or \"postgresql://...\", and "
            "quote a value with blanks: password='a b'",
            complaint);
    free(complaint);
    PQfreemem(message);
    return NULL;
}

static bool take_dsn(struct reader *reader, config_setting_t *setting, void *field)
{
    if (!take_text(reader, setting, field))
        return false;
    struct err why = {0};
    PQconninfoOption *options = dsn_parse(*(const char **)field, &why);
    PQconninfoFree(options);
    return options || fail(reader, setting, "\"%s\" is not a DSN: %s", label(setting), why.text);
}

/* Passwords are what libpq itself says not to show. */
static bool is_secret(const PQconninfoOption *option)
{
    return option->dispchar[0] == '*';
}

/* In quotes always: then nothing in a value can be taken for anything else. */
static void add_keyword(struct str *out, const char *keyword, const char *value)
{
    str_printf(out, "%s%s='", out->length ? " " : "", keyword);
    for (; *value; value++) {
        if (*value == '\'' || *value == '\\')
            str_char(out, '\\');
        str_char(out, *value);
    }
    str_char(out, '\'');
}

char *dsn_with(const char *dsn, const char *dbname, enum password password, struct err *err)
{
    PQconninfoOption *options = dsn_parse(dsn, err);
    if (!options)
        return NULL;
    struct str out = {0};
    for (const PQconninfoOption *option = options; option->keyword; option++) {
        const char *value = option->val;
        if (dbname && strcmp(option->keyword, "dbname") == 0)
            value = dbname;
        if (value && is_secret(option) && password != PASSWORD_KEEP)
            value = password == PASSWORD_HIDE ? "********" : NULL;
        if (value)
            add_keyword(&out, option->keyword, value);
    }
    PQconninfoFree(options);
    return str_take(&out);
}

/* libpq resolves service files and the environment only on its way to a connection. The last
 * keyword is one that it must refuse, after resolving and before it connects. */
static PGconn *resolve_only(const char *dsn)
{
    const char *const keywords[] = {"dbname", "target_session_attrs", NULL};
    const char *const values[] = {dsn, "none: only resolve", NULL};
    return PQconnectStartParams(keywords, values, true);
}

char *dsn_value(const char *dsn, const char *keyword)
{
    /* A text that is no DSN would be taken for a database's name. */
    PQconninfoOption *options = dsn_parse(dsn, NULL);
    if (!options)
        return xstrdup("");
    PQconninfoFree(options);

    PGconn *connection = resolve_only(dsn);
    options = PQconninfo(connection);
    char *value = NULL;
    for (PQconninfoOption *option = options; option && option->keyword; option++)
        if (strcmp(option->keyword, keyword) == 0 && option->val)
            value = xstrdup(option->val);
    PQconninfoFree(options);
    PQfinish(connection);
    return value ? value : xstrdup("");
}

static const char *nearest_rule(const char *name, const struct rule *rules)
{
    const char *names[32] = {0};
    for (size_t i = 0; rules[i].name; i++)
        names[i] = rules[i].name;
    return name_nearest(name, names);
}

static bool unknown_setting(struct reader *reader, const config_setting_t *setting,
                            const struct rule *rules)
{
    const char *name = label(setting);
    const char *nearest = nearest_rule(name, rules);
    if (nearest)
        return fail(reader, setting, "unknown setting \"%s\"; did you mean \"%s\"?", name, nearest);
    struct str known = {0};
    for (; rules->name; rules++)
        str_printf(&known, "%s%s", known.length ? ", " : "", rules->name);
    fail(reader, setting, "unknown setting \"%s\"; known here: %s", name, str_text(&known));
    str_free(&known);
    return false;
}

static bool take_group(struct reader *reader, config_setting_t *group, const struct rule *rules,
                       void *object)
{
    if (!config_setting_is_group(group))
        return fail(reader, group, "\"%s\" must be a group; write { name = value; ... }",
                    label(group));
    for (int i = 0; i < config_setting_length(group); i++) {
        config_setting_t *setting = config_setting_get_elem(group, (unsigned)i);
        const struct rule *rule = rules;
        while (rule->name && strcmp(rule->name, config_setting_name(setting)) != 0)
            rule++;
        if (!rule->name)
            return unknown_setting(reader, setting, rules);
        if (!rule->take(reader, setting, (char *)object + rule->offset))
            return false;
    }
    return true;
}

static bool is_list(const config_setting_t *setting)
{
    return config_setting_is_array(setting) || config_setting_is_list(setting);
}

static bool take_database(struct reader *reader, config_setting_t *setting)
{
    struct config *config = reader->config;
    const char *name = NULL;
    if (!take_text(reader, setting, &name))
        return false;
    for (size_t i = 0; i < config->database_count; i++)
        if (strcmp(config->databases[i], name) == 0)
            return fail(reader, setting, "database \"%s\" is given twice; remove one", name);
    *(const char **)arena_grow(&config->arena, &config->databases, config->database_count,
                               sizeof name) = name;
    config->database_count++;
    return true;
}

static bool take_databases(struct reader *reader, config_setting_t *setting, void *config)
{
    (void)config;
    if (!is_list(setting) || config_setting_length(setting) == 0)
        return fail(reader, setting,
                    "\"databases\" must be a list of names; write [\"shop\", \"billing\"]");
    for (int i = 0; i < config_setting_length(setting); i++)
        if (!take_database(reader, config_setting_get_elem(setting, (unsigned)i)))
            return false;
    return true;
}

static bool take_node_name(struct reader *reader, config_setting_t *setting, void *field)
{
    if (!take_text(reader, setting, field))
        return false;
    const char *name = *(const char **)field;
    return name_is_plain(name, NODE_LONGEST) ||
           fail(reader, setting,
                "\"%s\" can't be the name of a node; use letters, digits, - and _, at most %d",
                name, NODE_LONGEST);
}

static bool take_role(struct reader *reader, config_setting_t *setting, void *field)
{
    if (!take_text(reader, setting, field))
        return false;
    const char *role = *(const char **)field;
    return name_is_plain(role, NODE_LONGEST) ||
           fail(reader, setting,
                "\"%s\" can't be a role; write source, target, pooler, standby ...", role);
}

static bool take_kind(struct reader *reader, config_setting_t *setting, void *field)
{
    static const char *const kinds[] = {
        [KIND_POSTGRES] = "postgres", [KIND_PGBOUNCER] = "pgbouncer"};
    const char *text = text_of(reader, setting);
    if (!text)
        return false;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(text, kinds[i]) == 0) {
            *(enum node_kind *)field = (enum node_kind)i;
            return true;
        }
    return fail(reader, setting, "unknown kind \"%s\"; write postgres or pgbouncer", text);
}

static const struct rule node_rules[] = {
    {"name", take_node_name, offsetof(struct node_config, name)},
    {"role", take_role, offsetof(struct node_config, role)},
    {"kind", take_kind, offsetof(struct node_config, kind)},
    {"dsn", take_dsn, offsetof(struct node_config, dsn)},
    {NULL, NULL, 0}};

static const struct node_config *node_of_role(const struct config *config, const char *role)
{
    for (size_t i = 0; i < config->node_count; i++)
        if (strcmp(config->nodes[i].role, role) == 0)
            return &config->nodes[i];
    return NULL;
}

/* What a node must have, and what only one node may have. */
static bool node_is_right(struct reader *reader, const config_setting_t *setting,
                          const struct node_config *node)
{
    const char *lacks = !node->name ? "name" : !node->role ? "role" : !node->dsn ? "dsn" : NULL;
    if (lacks)
        return fail(reader, setting, "this node has no %s; add %s = \"...\";", lacks, lacks);
    const struct config *config = reader->config;
    for (size_t i = 0; i < config->node_count; i++)
        if (strcmp(config->nodes[i].name, node->name) == 0)
            return fail(reader, setting, "node \"%s\" is given twice; rename one", node->name);
    bool alone = strcmp(node->role, "source") == 0 || strcmp(node->role, "target") == 0;
    if (alone && node_of_role(config, node->role))
        return fail(reader, setting,
                    "a second %s; a run has one, give other servers another role (standby ...)",
                    node->role);
    return true;
}

static void add_node(struct config *config, struct node_config node)
{
    *(struct node_config *)arena_grow(&config->arena, &config->nodes, config->node_count,
                                      sizeof node) = node;
    config->node_count++;
}

static bool take_node(struct reader *reader, config_setting_t *setting)
{
    struct node_config node = {.line = (int)config_setting_source_line(setting)};
    if (!take_group(reader, setting, node_rules, &node) || !node_is_right(reader, setting, &node))
        return false;
    if (strcmp(node.role, "pooler") == 0 && !config_setting_get_member(setting, "kind"))
        node.kind = KIND_PGBOUNCER;
    add_node(reader->config, node);
    return true;
}

static bool take_nodes(struct reader *reader, config_setting_t *setting, void *config)
{
    (void)config;
    if (!config_setting_is_list(setting))
        return fail(reader, setting,
                    "\"nodes\" must be a list; write ( { name = \"old\"; role = \"source\"; dsn = "
                    "\"...\"; }, ... )");
    for (int i = 0; i < config_setting_length(setting); i++)
        if (!take_node(reader, config_setting_get_elem(setting, (unsigned)i)))
            return false;
    return true;
}

static bool take_replication(struct reader *reader, config_setting_t *setting, void *config)
{
    static const struct rule rules[] = {
        {"source", take_dsn, offsetof(struct config, replication_source)},
        {"target", take_dsn, offsetof(struct config, replication_target)},
        {NULL, NULL, 0}};
    return take_group(reader, setting, rules, config);
}

static bool take_commands(struct reader *reader, config_setting_t *setting, void *config)
{
    static const struct rule rules[] = {
        {"allow", take_bool, offsetof(struct config, commands_allowed)}, {NULL, NULL, 0}};
    return take_group(reader, setting, rules, config);
}

static bool take_variable(struct reader *reader, config_setting_t *setting, bool secret)
{
    struct config *config = reader->config;
    struct variable variable = {.name = arena_strdup(&config->arena, label(setting)),
                                .secret = secret};
    if (!name_is_variable(variable.name))
        return fail(reader, setting,
                    "\"%s\" can't be the name of a variable; use letters, digits and _",
                    variable.name);
    if (name_among(variable.name, builtin_variables))
        return fail(reader, setting, "the variable \"%s\" exists already on every place; rename it",
                    variable.name);
    for (size_t i = 0; i < config->variable_count; i++)
        if (strcmp(config->variables[i].name, variable.name) == 0)
            return fail(reader, setting, "the variable \"%s\" is given twice; remove one",
                        variable.name);
    const char *text = text_of(reader, setting);
    if (!text)
        return false;
    variable.value = arena_strdup(&config->arena, text);
    *(struct variable *)arena_grow(&config->arena, &config->variables, config->variable_count,
                                   sizeof variable) = variable;
    config->variable_count++;
    return true;
}

static bool take_variable_group(struct reader *reader, config_setting_t *group, bool secret)
{
    if (!config_setting_is_group(group))
        return fail(reader, group, "\"%s\" must be a group; write { name = \"value\"; ... }",
                    label(group));
    for (int i = 0; i < config_setting_length(group); i++)
        if (!take_variable(reader, config_setting_get_elem(group, (unsigned)i), secret))
            return false;
    return true;
}

static bool take_variables(struct reader *reader, config_setting_t *group, void *config)
{
    (void)config;
    return take_variable_group(reader, group, false);
}

static bool take_secrets(struct reader *reader, config_setting_t *group, void *config)
{
    (void)config;
    return take_variable_group(reader, group, true);
}

static const struct rule config_rules[] = {
    {"run", take_run, offsetof(struct config, run)},
    {"runbook", take_path, offsetof(struct config, runbook)},
    {"databases", take_databases, 0},
    {"nodes", take_nodes, 0},
    {"replication", take_replication, 0},
    {"commands", take_commands, 0},
    {"variables", take_variables, 0},
    {"secrets", take_secrets, 0},
    {"journal", take_path, offsetof(struct config, journal)},
    {"budget", take_duration, offsetof(struct config, budget_ms)},
    {"lag_limit", take_size, offsetof(struct config, lag_limit_bytes)},
    {"theme", take_path, offsetof(struct config, theme)},
    {"production", take_bool, offsetof(struct config, production)},
    {NULL, NULL, 0}};

static const char *default_journal(struct arena *arena)
{
    /* The XDG specification has relative paths ignored. */
    const char *state = getenv("XDG_STATE_HOME");
    return state && state[0] == '/' ? arena_printf(arena, "%s/pgcutover", state)
                                    : arena_printf(arena, "%s/.local/state/pgcutover", home());
}

static struct config *config_new(const char *path)
{
    struct config *config = xcalloc(1, sizeof *config);
    config->path = arena_strdup(&config->arena, path);
    config->run = "cutover";
    config->runbook = "logical";
    config->replication_source = "";
    config->replication_target = "";
    config->journal = default_journal(&config->arena);
    config->budget_ms = 30 * 1000;
    config->lag_limit_bytes = 1 << 20;
    config->theme = "dark";
    return config;
}

void config_free(struct config *config)
{
    if (!config)
        return;
    arena_free(&config->arena);
    free(config);
}

/* What only the whole can tell: both sides are there, and at least one database. */
static bool complete(struct reader *reader, const config_setting_t *nodes)
{
    struct config *config = reader->config;
    const struct node_config *source = node_of_role(config, "source");
    const char *lacks = !source ? "source" : !node_of_role(config, "target") ? "target" : NULL;
    if (lacks)
        return fail(reader, nodes,
                    "no node has the role %s; add { name = \"...\"; role = \"%s\"; "
                    "dsn = \"...\"; } to nodes",
                    lacks, lacks);
    if (config->database_count > 0)
        return true;
    char *database = dsn_value(source->dsn, "dbname");
    if (database[0]) {
        *(const char **)arena_grow(&config->arena, &config->databases, 0, sizeof(char *)) =
            arena_strdup(&config->arena, database);
        config->database_count = 1;
    }
    free(database);
    return config->database_count > 0 ||
           fail(reader, nodes,
                "no database to move; give databases = [\"...\"] or a dbname in the "
                "source's dsn");
}

/* libconfig says what is wrong; the first piece that its words hold tells the remedy. */
static bool unreadable(struct reader *reader, const config_t *file)
{
    static const struct {
        const char *piece, *remedy;
    } remedies[] = {{"duplicate", "remove one of the two"},
                    {"include", "write its whole path and see that you may read it"},
                    {"", "write name = value; with text in double quotes"}};
    const char *path = config_error_file(file), *what = config_error_text(file);
    size_t i = 0;
    while (!strstr(what, remedies[i].piece))
        i++;
    return err_set(reader->err, "%s:%d: %s; %s", path ? path : reader->config->path,
                   config_error_line(file), what, remedies[i].remedy);
}

static bool read_text(struct reader *reader, config_t *file, const char *text)
{
    if (!config_read_string(file, text))
        return unreadable(reader, file);
    config_setting_t *root = config_root_setting(file);
    config_setting_t *nodes = config_setting_get_member(root, "nodes");
    return take_group(reader, root, config_rules, reader->config) &&
           complete(reader, nodes ? nodes : root);
}

struct config *config_parse(const char *path, const char *text, struct err *err)
{
    struct reader reader = {config_new(path), err};
    config_t file;
    config_init(&file);
    bool ok = read_text(&reader, &file, text);
    config_destroy(&file);
    if (ok)
        return reader.config;
    config_free(reader.config);
    return NULL;
}

struct config *config_read(const char *path, struct err *err)
{
    size_t length;
    char *text = file_read(path, &length, err);
    if (!text)
        return NULL;
    struct config *config = NULL;
    if (strlen(text) == length)
        config = config_parse(path, text, err);
    else
        err_set(err, "%s:1: it holds a NUL byte; save the file as UTF-8 text", path);
    free(text);
    return config;
}

struct given {
    const char *option, *name, *role;
    enum node_kind kind;
    const char *dsn;
};

static bool add_given(struct reader *reader, const struct given *given)
{
    struct config *config = reader->config;
    struct err why = {0};
    PQconninfoOption *options = dsn_parse(given->dsn, &why);
    if (!options)
        return fail(reader, NULL, "%s is not a DSN: %s", given->option, why.text);
    PQconninfoFree(options);
    add_node(config, (struct node_config){given->name, given->role, given->kind,
                                          arena_strdup(&config->arena, given->dsn), 0});
    return true;
}

struct config *config_from_dsns(const char *source, const char *target, const char *pooler,
                                struct err *err)
{
    const struct given all[] = {{"--source", "source", "source", KIND_POSTGRES, source},
                                {"--target", "target", "target", KIND_POSTGRES, target},
                                {"--pooler", "pooler", "pooler", KIND_PGBOUNCER, pooler}};
    struct reader reader = {config_new("command line"), err};
    bool ok = true;
    for (size_t i = 0; ok && i < sizeof all / sizeof *all; i++)
        ok = !all[i].dsn || add_given(&reader, &all[i]);
    if (ok && complete(&reader, NULL))
        return reader.config;
    config_free(reader.config);
    return NULL;
}

/* Secrets as they are found so far. */
struct secrets {
    struct arena *arena;
    const char **texts;
    size_t count;
};

static void add_secret(struct secrets *secrets, const char *text)
{
    for (size_t i = 0; i < secrets->count; i++)
        if (strcmp(secrets->texts[i], text) == 0)
            return;
    *(const char **)arena_grow(secrets->arena, &secrets->texts, secrets->count, sizeof text) =
        arena_strdup(secrets->arena, text);
    secrets->count++;
}

/* `lead` goes before each special character; NUL: the character itself, doubled. */
static char *guarded(const char *text, const char *special, char lead)
{
    struct str out = {0};
    for (; *text; text++) {
        if (strchr(special, *text))
            str_char(&out, lead ? lead : *text);
        str_char(&out, *text);
    }
    return str_take(&out);
}

static char *percent_encoded(const char *text)
{
    struct str out = {0};
    for (; *text; text++) {
        char c[2] = {*text, '\0'};
        if (name_is_plain(c, 1) || *text == '.' || *text == '~')
            str_char(&out, *text);
        else
            str_printf(&out, "%%%02X", (unsigned char)*text);
    }
    return str_take(&out);
}

/* A secret with quotes or backslashes looks another way in a conninfo and in a literal, and in the
 * literal of a conninfo, where CREATE SUBSCRIPTION has it. */
static void add_forms(struct secrets *secrets, const char *text)
{
    if (!text[0])
        return;
    char *keyword = guarded(text, "'\\", '\\');
    char *forms[] = {
        xstrdup(text),        guarded(text, "'", '\0'),    guarded(text, "'\\", '\0'),
        xstrdup(keyword),     guarded(keyword, "'", '\0'), guarded(keyword, "'\\", '\0'),
        percent_encoded(text)};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        add_secret(secrets, forms[i]);
        free(forms[i]);
    }
    free(keyword);
}

static void add_dsn_secrets(struct secrets *secrets, const char *dsn)
{
    PQconninfoOption *options = dsn_parse(dsn, NULL);
    for (const PQconninfoOption *option = options; option && option->keyword; option++)
        if (is_secret(option) && option->val)
            add_forms(secrets, option->val);
    PQconninfoFree(options);
}

static int longest_first(const void *a, const void *b)
{
    size_t length_a = strlen(*(char *const *)a), length_b = strlen(*(char *const *)b);
    return (length_a < length_b) - (length_a > length_b);
}

size_t config_secrets(struct config *config, const char ***texts)
{
    struct secrets secrets = {.arena = &config->arena};
    for (size_t i = 0; i < config->node_count; i++)
        add_dsn_secrets(&secrets, config->nodes[i].dsn);
    add_dsn_secrets(&secrets, config->replication_source);
    add_dsn_secrets(&secrets, config->replication_target);
    for (size_t i = 0; i < config->variable_count; i++)
        if (config->variables[i].secret)
            add_forms(&secrets, config->variables[i].value);
    /* Else redacting one that begins another would leave the other's end on the screen. */
    if (secrets.count > 1)
        qsort(secrets.texts, secrets.count, sizeof *secrets.texts, longest_first);
    *texts = secrets.texts;
    return secrets.count;
}
