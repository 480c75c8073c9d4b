/* Errors are values: a sentence for the person who must act on it. */
#ifndef PGCUTOVER_ERR_H
#define PGCUTOVER_ERR_H

#include <stdbool.h>

/* Says what happened, where, and what to do. Empty text: no error. */
struct err {
    char text[1024];
};

/* Writes the sentence (truncated where it is too long) and returns false, so that a function that
 * fails can end in `return err_set(...)`. `err` may be NULL: then nobody wants to know. */
bool err_set(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
