/* A question to PgBouncer's console, which knows no SELECT:
 *     SHOW DATABASES [NONE] WHERE name = 'shop' AND paused <> '1'
 * The console is sent what stands before NONE or WHERE; the rest is looked at here. */
#ifndef PGCUTOVER_SHOW_H
#define PGCUTOVER_SHOW_H

#include "core/err.h"
#include "core/table.h"

struct show_condition {
    const char *column;
    enum { SHOW_IS, SHOW_IS_NOT, SHOW_LESS, SHOW_MORE } test; /* < and > compare numbers */
    const char *value;
};

struct show {
    const char *command;
    bool none; /* holds where no row matches; else where one does */
    struct show_condition *conditions;
    size_t condition_count;
};

/* Reads a text whose variables are already replaced; all of it belongs to `arena`. False and `err`
 * (what is wrong, without file and line). Without WHERE every row matches. */
bool show_parse(const char *text, struct show *show, struct arena *arena, struct err *err);

/* Whether the row matches; a column that is not there matches nothing. */
bool show_matches(const struct show *show, const struct table *table, int row);

/* A column that a condition names and the answer lacks (another version of PgBouncer); NULL: it has
 * them all. Then nothing can be said: neither that rows match nor that none does. */
const char *show_lacks(const struct show *show, const struct table *table);

/* Whether the answer, which lacks no column, makes it true. */
bool show_holds(const struct show *show, const struct table *table);

#endif
