#include "core/units.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

struct unit {
    const char *name;
    int64_t factor;
};

static const struct unit durations[] = {
    {"ms", 1}, {"s", 1000}, {"min", 60 * 1000}, {"h", 60 * 60 * 1000}, {NULL, 0}};

static const struct unit sizes[] = {
    {"B", 1}, {"kB", 1 << 10}, {"MB", 1 << 20}, {"GB", 1 << 30}, {NULL, 0}};

static bool unit_parse(const char *text, const struct unit *units, int64_t most, int64_t *value)
{
    /* strtoll would take blanks and signs too. */
    if (!isdigit((unsigned char)text[0]))
        return false;
    char *end;
    int64_t number = strtoll(text, &end, 10);
    if (*end == ' ')
        end++;
    for (; units->name; units++) {
        if (strcmp(end, units->name) != 0)
            continue;
        if (number == 0 || number > most / units->factor)
            return false;
        *value = number * units->factor;
        return true;
    }
    return false;
}

bool duration_parse(const char *text, int *ms)
{
    int64_t value;
    if (!unit_parse(text, durations, INT_MAX, &value))
        return false;
    *ms = (int)value;
    return true;
}

bool size_parse(const char *text, int64_t *bytes)
{
    return unit_parse(text, sizes, INT64_MAX, bytes);
}

/* Not isalnum(): what is a letter must not depend on the locale. */
#define DIGITS  "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

bool name_is_plain(const char *name, size_t longest)
{
    size_t length = strlen(name);
    return length > 0 && length <= longest && strspn(name, LETTERS DIGITS "-_") == length;
}

bool name_is_variable(const char *name)
{
    return name[0] != '\0' && !strchr(DIGITS, name[0]) &&
           strspn(name, LETTERS DIGITS "_") == strlen(name);
}

const char *const builtin_variables[] = {"run",
                                         "database",
                                         "node",
                                         "role",
                                         "lag_limit",
                                         "source_conninfo",
                                         "target_conninfo",
                                         "source_dsn",
                                         "target_dsn",
                                         "source_user",
                                         "target_user",
                                         "source_version",
                                         "target_version",
                                         NULL};

const char *const address_variables[] = {"source_host", "source_port", "target_host", "target_port",
                                         NULL};

bool name_among(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (strcmp(name, *names) == 0)
            return true;
    return false;
}

/* Longer names are no typing mistakes of anything here. */
#define NEAREST_LENGTH 63

static size_t least(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* Levenshtein's distance; both names are at most NEAREST_LENGTH long. */
static size_t distance(const char *a, const char *b)
{
    size_t row[NEAREST_LENGTH + 1];
    size_t width = strlen(b);
    for (size_t j = 0; j <= width; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= width; j++) {
            size_t above = row[j];
            row[j] = least(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[width];
}

const char *name_nearest(const char *name, const char *const *names)
{
    size_t length = strlen(name);
    if (length > NEAREST_LENGTH)
        return NULL;
    const char *nearest = NULL;
    size_t best = length / 2 + 1; /* more than half of it wrong: another name */
    for (; *names; names++) {
        if (strlen(*names) > NEAREST_LENGTH)
            continue;
        size_t d = distance(name, *names);
        if (d < best) {
            best = d;
            nearest = *names;
        }
    }
    return nearest;
}

size_t words(struct arena *arena, const char *text, const char ***list)
{
    static const char blanks[] = " \t";
    size_t count = 0;
    *list = NULL;
    for (text += strspn(text, blanks); *text; text += strspn(text, blanks)) {
        size_t length = strcspn(text, blanks);
        const char *word = arena_strndup(arena, text, length);
        *(const char **)arena_grow(arena, list, count++, sizeof word) = word;
        text += length;
    }
    return count;
}

bool directive_choice(const char *path, const struct directive *directive,
                      const char *const *choices, int *value, struct err *err)
{
    if (!directive)
        return true;
    for (int i = 0; choices[i]; i++)
        if (strcmp(choices[i], directive->value) == 0) {
            *value = i;
            return true;
        }
    struct str known = {0};
    for (; *choices; choices++)
        str_printf(&known, "%s%s", known.length ? ", " : "", *choices);
    err_set(err, "%s:%d: `%s` can't be \"%s\"; write one of: %s", path, directive->line,
            directive->name, directive->value, str_text(&known));
    str_free(&known);
    return false;
}

bool directive_duration(const char *path, const struct directive *directive, int *ms,
                        struct err *err)
{
    return !directive || duration_parse(directive->value, ms) ||
           err_set(err, "%s:%d: `%s` can't be \"%s\"; write %s", path, directive->line,
                   directive->name, directive->value, DURATION_FORMS);
}

bool variant_agrees(const char *path, const struct entry *first, const struct entry *later,
                    struct err *err)
{
    static const char *const own[] = {"since", "until", NULL};
    for (size_t i = 0; i < later->directive_count; i++) {
        const struct directive *directive = &later->directives[i];
        const char *says = entry_value(first, directive->name);
        if (name_among(directive->name, own))
            continue;
        if (!says || strcmp(says, entry_value(later, directive->name)) != 0)
            return err_set(err,
                           "%s:%d: a variant of %s can't have another `%s`; say it in line %d for "
                           "all of them, or make it a %s of its own",
                           path, directive->line, later->id, directive->name, first->line,
                           later->type);
    }
    return true;
}
