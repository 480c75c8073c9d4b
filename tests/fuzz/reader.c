/* Throws bytes at the reader of annotated SQL and at the lexer. libFuzzer can drive it (clang
 * -fsanitize=fuzzer -DLIBFUZZER); without it, `reader [ROUNDS [SEED]]` mutates the catalogue's own
 * files, the same way each time for the same seed. */
#include "core/embedded.h"
#include "core/sqlfile.h"
#include "core/sqltext.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of all three catalogues, so that every kind of line finds its way through. */
static const struct directive_rule rules[] = {
    {"runbook", NULL, RULE_VALUE, false},
    {"title", NULL, RULE_VALUE, false},
    {"why", NULL, RULE_VALUE, true},
    {"title", "step", RULE_VALUE, false},
    {"on", "step", RULE_VALUE, false},
    {"phase", "step", RULE_VALUE, false},
    {"kind", "step", RULE_VALUE, false},
    {"from", "step", RULE_VALUE, false},
    {"per", "step", RULE_VALUE, false},
    {"window", "step", RULE_VALUE, false},
    {"requires", "step", RULE_VALUE, true},
    {"capture", "step", RULE_VALUE, true},
    {"no-transaction", "step", RULE_FLAG, false},
    {"parallel", "step", RULE_VALUE, false},
    {"timeout", "step", RULE_VALUE, false},
    {"confirm", "step", RULE_VALUE, false},
    {"supersedes", "step", RULE_VALUE, true},
    {"needs", "step", RULE_VALUE, true},
    {"down", "step", RULE_VALUE, false},
    {"holds", "step", RULE_FLAG, false},
    {"why", "step", RULE_VALUE, true},
    {"probe", "step", RULE_SECTION, false},
    {"undo", "step", RULE_SECTION, false},
    {"each", "step", RULE_SECTION, false},
    {"abandon", "step", RULE_SECTION, false},
    {"group", "check", RULE_VALUE, false},
    {"title", "check", RULE_VALUE, false},
    {"on", "check", RULE_VALUE, false},
    {"against", "check", RULE_VALUE, false},
    {"severity", "check", RULE_VALUE, false},
    {"why", "check", RULE_VALUE, true},
    {"remedy", "check", RULE_VALUE, true},
    {"per", "check", RULE_VALUE, false},
    {"on", "query", RULE_VALUE, false},
    {"per", "query", RULE_VALUE, false},
    {"every", "query", RULE_VALUE, false},
    {"key", "query", RULE_VALUE, false},
    {"history", "query", RULE_VALUE, false},
    {"privilege", "query", RULE_VALUE, false},
    {NULL, NULL, RULE_FLAG, false},
};

static void broken(const char *promise, const char *text)
{
    fprintf(stderr, "broken promise: %s\n%s\n", promise, text);
    abort();
}

/* What the lexer itself has to say of the value's quoting: one statement, no variable. */
static bool look_up(const char *name, struct sql_value *value, void *arg)
{
    struct str *quoted = arg;
    str_clear(quoted);
    sql_quote_literal(quoted, name);
    *value = (struct sql_value){str_text(quoted), strlen(name) % 2 ? NULL : "********"};
    return strlen(name) % 7 != 0;
}

static void see_variable(const char *name, int line, void *arg)
{
    if (!*name || line < 1)
        broken("a variable has a name and a line", name);
    ++*(size_t *)arg;
}

static void cut(const char *text)
{
    struct arena arena = {0};
    char **statements;
    size_t count = sql_split(text, &arena, &statements);
    for (size_t i = 0; i < count; i++) {
        char **again;
        if (!*statements[i])
            broken("no statement is empty", text);
        if (sql_split(statements[i], &arena, &again) != 1 || strcmp(*again, statements[i]) != 0)
            broken("a statement cut again stays as it is", text);
    }
    arena_free(&arena);
}

static void expand(const char *text)
{
    struct str real = {0}, shown = {0}, quoted = {0};
    struct err err = {0};
    size_t variables = 0;
    sql_variables(text, 1, see_variable, &variables);
    bool ok = sql_expand(text, "fuzz", 1, look_up, &quoted, &real, &shown, &err);
    if (ok == (err.text[0] != '\0'))
        broken("an error has a text", text);
    if (!ok && (real.length || shown.length))
        broken("nothing is half expanded", text);
    if (!ok && !variables)
        broken("only a variable can be undefined", text);
    str_free(&real);
    str_free(&shown);
    str_free(&quoted);
}

static void quote(const char *text)
{
    struct str sql = {0};
    struct arena arena = {0};
    char **statements;
    size_t variables = 0;
    sql_quote_literal(&sql, text);
    str_char(&sql, ' ');
    sql_quote_identifier(&sql, text);
    sql_variables(sql.text, 1, see_variable, &variables);
    if (variables || sql_split(sql.text, &arena, &statements) != 1)
        broken("what is quoted stays inside its quotes", text);
    arena_free(&arena);
    str_free(&sql);
}

static void read_file(const uint8_t *data, size_t size)
{
    struct err err = {0};
    struct sqlfile *file = sqlfile_parse("fuzz", (const char *)data, size, rules, &err);
    if (!file && strncmp(err.text, "fuzz:", 5) != 0)
        broken("an error names its file", err.text);
    if (!file && !strstr(err.text, "; "))
        broken("an error names its remedy", err.text);
    for (size_t i = 0; file && i < file->entry_count; i++)
        for (size_t j = 0; j < file->entries[i].section_count; j++) {
            const struct section *section = &file->entries[i].sections[j];
            if (!*section->text == !section->none)
                broken("a section has a text or a reason", section->name);
            cut(section->text);
            expand(section->text);
        }
    sqlfile_free(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_file(data, size);
    char *text = xstrndup(size ? (const char *)data : "", size);
    cut(text);
    expand(text);
    quote(text);
    free(text);
    return 0;
}

#ifndef LIBFUZZER
/* xorshift64: the same numbers on every machine. */
static uint64_t state;

static size_t below(size_t limit)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return limit ? (size_t)(state % limit) : 0;
}

/* What borders are made of. */
static const char *const pieces[] = {"'",
                                     "\"",
                                     "$$",
                                     "$a$",
                                     "E'",
                                     "\\",
                                     "/*",
                                     "*/",
                                     "--",
                                     "\n",
                                     "\r\n",
                                     ";",
                                     "(",
                                     ")",
                                     ":",
                                     "::",
                                     ":x",
                                     ":'x'",
                                     ":\"x\"",
                                     ":{?x}",
                                     "--- ",
                                     "\n--- ",
                                     "on ",
                                     "none ",
                                     "since",
                                     "until 1",
                                     "BEGIN ",
                                     " END ",
                                     "\xC3",
                                     "\xC3\xA4",
                                     "\xEF\xBB\xBF",
                                     "a[1:2]",
                                     "CASE ",
                                     "\n--- step s\n",
                                     "\n--- probe\n",
                                     "CREATE FUNCTION ",
                                     "U&'",
                                     "\\:",
                                     "$1"};

static void mutate(struct str *text)
{
    struct str next = {0};
    size_t at = below(text->length + 1);
    size_t end = at + below(below(4) ? 4 : text->length - at + 1);
    if (end > text->length)
        end = text->length;
    size_t from = below(text->length + 1);
    size_t length = below(200) % (text->length - from + 1);

    str_add_n(&next, str_text(text), at);
    switch (below(4)) {
    case 0:
        str_char(&next, (char)below(256));
        break;
    case 1:
        str_add_n(&next, str_text(text) + from, length);
        break;
    case 2:
        str_add(&next, pieces[below(sizeof pieces / sizeof *pieces)]);
        break;
    default:
        break;
    }
    str_add_n(&next, str_text(text) + end, text->length - end);
    str_free(text);
    *text = next;
}

static size_t seed_files(void)
{
    size_t count = 0;
    while (embedded_files[count].path)
        count++;
    return count;
}

int main(int argc, char **argv)
{
    unsigned long rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 2000;
    unsigned long seed = argc > 2 ? strtoul(argv[2], NULL, 10) : 1;
    size_t files = seed_files();
    state = seed * 0x9E3779B97F4A7C15ULL + 1;

    for (unsigned long round = 0; round < rounds; round++) {
        struct str text = {0};
        const struct embedded *file = &embedded_files[below(files)];
        if (files)
            str_add_n(&text, file->text, file->length);
        for (size_t i = below(12); i > 0; i--)
            mutate(&text);
        LLVMFuzzerTestOneInput((const uint8_t *)str_text(&text), text.length);
        str_free(&text);
    }
    printf("%lu rounds on %zu files with seed %lu: every promise held\n", rounds, files, seed);
    return 0;
}
#endif
