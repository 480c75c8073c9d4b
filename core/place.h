/* A place: one node and one database that a step, a check or a query runs on. */
#ifndef PGCUTOVER_PLACE_H
#define PGCUTOVER_PLACE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/config.h"

struct place {
    const struct node_config *node;
    int node_index;       /* in config.nodes */
    const char *database; /* NULL: the node as a whole (its own dbname) */
    int database_index;   /* in config.databases; -1: the node as a whole */
};

/* The places of a role: each of its nodes, times each database unless `per_node`. The caller frees
 * the array with free(); its strings belong to the config. Returns their number. */
size_t places_of(const struct config *config, const char *role, bool per_node,
                 struct place **places);

/* "old/shop", or "old" for the node as a whole. The caller owns the result. */
char *place_name(const struct place *place);

#endif
