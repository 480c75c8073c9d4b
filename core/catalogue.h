/* What the panels sample (queries) and what must hold (checks), read from annotated SQL. */
#ifndef PGCUTOVER_CATALOGUE_H
#define PGCUTOVER_CATALOGUE_H

#include "core/sqlfile.h"

/* One variant of a query or a check: picked by the major version of the server it runs on. */
struct variant {
    int since, until;
    const char *text; /* one statement, variables not yet replaced */
    const char *path; /* for messages */
    int line;
};

/* A query that a panel shows: sampled every `every_ms` on each place of its roles. */
struct query {
    const char *id;
    const char **roles;
    size_t role_count;
    bool per_node; /* once a node instead of once a database */
    int every_ms;
    const char *key;      /* the column that names a row in the history; NULL: one row */
    const char **history; /* columns that the model remembers for ten minutes */
    size_t history_count;
    const char *privilege; /* what a role needs to see it all; NULL: nothing but connecting */
    struct variant *variants;
    size_t variant_count;
};

enum severity { SEVERITY_BLOCK, SEVERITY_WARN, SEVERITY_INFO };

/* A rule that must hold: its query returns one row per offender (columns object, detail). A row
 * whose column `lacks` is not NULL names a privilege instead, without which its role can't see them
 * all. */
struct check {
    const char *id;
    const char *group;
    const char *title;
    const char *why;       /* what goes wrong if it is ignored */
    const char *remedy;    /* SQL or a sentence; NULL: none */
    const char *on;        /* the role it runs on */
    const char *against;   /* a second role: the same query runs there, and rows that differ are the
                              offenders; NULL: one-sided */
    const char *privilege; /* what a role needs for it; NULL: nothing that is known */
    const char *needs;     /* a variable without which it is not available; NULL: none */
    bool per_node;
    enum severity severity;
    struct variant *variants;
    size_t variant_count;
};

struct catalogue {
    struct arena arena;
    struct sqlfile **files;
    size_t file_count;
    struct query *queries;
    size_t query_count;
    struct check *checks;
    size_t check_count;
};

/* Reads the compiled-in queries and checks. NULL and `err` on a mistake in them. */
struct catalogue *catalogue_read(struct err *err);
void catalogue_free(struct catalogue *catalogue);

const struct check *catalogue_check(const struct catalogue *catalogue, const char *id);
const struct query *catalogue_query(const struct catalogue *catalogue, const char *id);

/* The variant for a server's major version; NULL where there is none: the thing does not exist
 * there, which is neither passed nor failed. */
const struct variant *variant_for(const struct variant *variants, size_t count, int major);

#endif
