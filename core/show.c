#include "core/show.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *skip_blank(const char *text)
{
    while (isspace((unsigned char)*text))
        text++;
    return text;
}

/* The next word (letters, digits, underscore) if it is this one, any case; moves past it. */
static bool take_word(const char **text, const char *word)
{
    const char *at = skip_blank(*text);
    size_t length = strlen(word);
    if (strncasecmp(at, word, length) != 0 || isalnum((unsigned char)at[length]) ||
        at[length] == '_')
        return false;
    *text = at + length;
    return true;
}

/* Where `word` begins as a word outside of quotes; NULL: nowhere. */
static const char *find_word(const char *text, const char *word)
{
    bool quoted = false, inside = false;
    for (; *text; text++) {
        const char *end = text;
        if (*text == '\'')
            quoted = !quoted;
        else if (!quoted && !inside && take_word(&end, word) && !isspace((unsigned char)*text))
            return text;
        inside = isalnum((unsigned char)*text) || *text == '_';
    }
    return NULL;
}

static bool take_test(const char **text, struct show_condition *condition)
{
    static const struct {
        const char *sign;
        int test;
    } tests[] = {{"<>", SHOW_IS_NOT}, {"=", SHOW_IS}, {"<", SHOW_LESS}, {">", SHOW_MORE}};
    *text = skip_blank(*text);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
        size_t length = strlen(tests[i].sign);
        if (strncmp(*text, tests[i].sign, length) == 0) {
            condition->test = tests[i].test;
            *text += length;
            return true;
        }
    }
    return false;
}

/* 'text', with '' for a quote, as the variables are replaced; E'' where there was a backslash. */
static bool take_literal(const char **text, struct arena *arena, const char **value)
{
    const char *at = skip_blank(*text);
    bool escapes = *at == 'E';
    struct str out = {0};
    if (escapes)
        at++;
    if (*at++ != '\'')
        return false;
    for (; *at; at++) {
        if (*at == '\'' && at[1] != '\'')
            break;
        if (*at == '\'' || (escapes && *at == '\\' && at[1]))
            at++;
        str_char(&out, *at);
    }
    *value = arena_strdup(arena, str_text(&out));
    str_free(&out);
    if (*at != '\'')
        return false;
    *text = at + 1;
    return true;
}

static bool take_condition(const char **text, struct show *show, struct arena *arena)
{
    struct show_condition *condition =
        arena_grow(arena, &show->conditions, show->condition_count, sizeof *show->conditions);
    show->condition_count++;
    const char *name = skip_blank(*text);
    size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");
    condition->column = arena_strndup(arena, name, length);
    *text = name + length;
    return length > 0 && take_test(text, condition) && take_literal(text, arena, &condition->value);
}

bool show_parse(const char *text, struct show *show, struct arena *arena, struct err *err)
{
    *show = (struct show){0};
    const char *where = find_word(text, "WHERE");
    const char *none = find_word(text, "NONE");
    const char *end = none ? none : where ? where : text + strcspn(text, ";");
    while (end > text && isspace((unsigned char)end[-1]))
        end--;
    show->command = arena_strndup(arena, text, (size_t)(end - text));
    show->none = none != NULL;
    if (none && !where)
        return err_set(err, "NONE without WHERE; write SHOW X NONE WHERE column = 'value'");
    if (!where)
        return true;
    const char *at = where;
    take_word(&at, "WHERE");
    do {
        if (!take_condition(&at, show, arena))
            return err_set(err, "can't read the condition at \"%.40s\"; write column = 'value'",
                           at);
    } while (take_word(&at, "AND"));
    at = skip_blank(at);
    if (*at && strcmp(at, ";") != 0)
        return err_set(err, "can't read \"%.40s\" after the conditions; join them by AND", at);
    return true;
}

static bool condition_holds(const struct show_condition *condition, const char *cell)
{
    switch (condition->test) {
    case SHOW_IS:
        return strcmp(cell, condition->value) == 0;
    case SHOW_IS_NOT:
        return strcmp(cell, condition->value) != 0;
    case SHOW_LESS:
        return atof(cell) < atof(condition->value);
    case SHOW_MORE:
        return atof(cell) > atof(condition->value);
    }
    return false;
}

bool show_matches(const struct show *show, const struct table *table, int row)
{
    for (size_t i = 0; i < show->condition_count; i++) {
        const char *cell = table_text(table, row, show->conditions[i].column);
        if (table_column(table, show->conditions[i].column) < 0 ||
            !condition_holds(&show->conditions[i], cell ? cell : ""))
            return false;
    }
    return true;
}

const char *show_lacks(const struct show *show, const struct table *table)
{
    for (size_t i = 0; i < show->condition_count; i++)
        if (!table || table_column(table, show->conditions[i].column) < 0)
            return show->conditions[i].column;
    return NULL;
}

bool show_holds(const struct show *show, const struct table *table)
{
    for (int row = 0; table && row < table->rows; row++)
        if (show_matches(show, table, row))
            return !show->none;
    return show->none;
}
