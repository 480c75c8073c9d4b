/* A query's result, free of libpq: named columns and rows of text cells. */
#ifndef PGCUTOVER_TABLE_H
#define PGCUTOVER_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/mem.h"

struct table {
    struct arena arena; /* owns names and texts */
    int columns;
    int rows;
    const char **names;
    const char **cells; /* rows * columns; NULL is SQL's NULL; the table's own */
};

/* An empty table with these column names (copied). The caller frees it with table_free(). */
struct table *table_new(int columns, const char *const *names);
/* Appends one row of `columns` cells (copied). */
void table_add(struct table *table, const char *const *cells);
void table_free(struct table *table); /* NULL is fine */

int table_column(const struct table *table, const char *name); /* -1: no such column */
/* The cell's text; NULL where the table is NULL, the row or the column does not exist or the value
 * is NULL. Owned by the table. Columns are read by name, since versions differ. */
const char *table_text(const struct table *table, int row, const char *column);
/* The same as a number or a boolean; `fallback` where there is none. */
int64_t table_int(const struct table *table, int row, const char *column, int64_t fallback);
double table_real(const struct table *table, int row, const char *column, double fallback);
bool table_bool(const struct table *table, int row, const char *column, bool fallback);

#endif
