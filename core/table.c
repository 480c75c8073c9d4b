#include "core/table.h"

#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

struct table *table_new(int columns, const char *const *names)
{
    struct table *table = xcalloc(1, sizeof *table);
    table->columns = columns;
    table->names = arena_alloc(&table->arena, (size_t)columns * sizeof *table->names);
    for (int i = 0; i < columns; i++)
        table->names[i] = arena_strdup(&table->arena, names[i]);
    return table;
}

void table_add(struct table *table, const char *const *cells)
{
    size_t row_size = (size_t)table->columns * sizeof *table->cells;
    /* Not in the arena: there each array that it outgrew would stay. */
    const char **row = grow(&table->cells, (size_t)table->rows, row_size);
    for (int i = 0; i < table->columns; i++)
        row[i] = arena_strdup(&table->arena, cells[i]);
    table->rows++;
}

void table_free(struct table *table)
{
    if (!table)
        return;
    arena_free(&table->arena);
    free(table->cells);
    free(table);
}

int table_column(const struct table *table, const char *name)
{
    for (int i = 0; i < table->columns; i++)
        if (strcmp(table->names[i], name) == 0)
            return i;
    return -1;
}

const char *table_text(const struct table *table, int row, const char *column)
{
    if (!table || row < 0 || row >= table->rows)
        return NULL;
    int at = table_column(table, column);
    return at < 0 ? NULL : table->cells[(size_t)row * (size_t)table->columns + (size_t)at];
}

int64_t table_int(const struct table *table, int row, const char *column, int64_t fallback)
{
    const char *text = table_text(table, row, column);
    if (!text || !*text)
        return fallback;
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    return errno || *end ? fallback : value;
}

/* PostgreSQL writes a point, whatever the locale of the terminal makes of it. */
static double point_strtod(const char *text, char **end)
{
    static locale_t plain;
    if (!plain)
        plain = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
    if (!plain)
        die("can't make the C locale");
    return strtod_l(text, end, plain);
}

double table_real(const struct table *table, int row, const char *column, double fallback)
{
    const char *text = table_text(table, row, column);
    if (!text || !*text)
        return fallback;
    char *end;
    double value = point_strtod(text, &end);
    return *end ? fallback : value;
}

static bool is_one_of(const char *text, const char *const *words)
{
    while (*words && strcmp(text, *words) != 0)
        words++;
    return *words;
}

bool table_bool(const struct table *table, int row, const char *column, bool fallback)
{
    static const char *const yes[] = {"t", "true", "on", "yes", "1", NULL};
    static const char *const no[] = {"f", "false", "off", "no", "0", NULL};
    const char *text = table_text(table, row, column);
    if (text && is_one_of(text, yes))
        return true;
    if (text && is_one_of(text, no))
        return false;
    return fallback;
}
