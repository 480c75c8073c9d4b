/* The catalogue files and themes that are compiled into the binary (made by embed.cmake). */
#ifndef PGCUTOVER_EMBEDDED_H
#define PGCUTOVER_EMBEDDED_H

#include <stddef.h>

struct embedded {
    const char *path; /* as in the source tree: core/runbooks/logical.sql */
    const char *text;
    size_t length;
};

/* Ends with a row whose path is NULL; sorted by path. */
extern const struct embedded embedded_files[];

#endif
