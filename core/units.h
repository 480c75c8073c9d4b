/* What people write in settings and directives: durations, sizes, names, words of a list. */
#ifndef PGCUTOVER_UNITS_H
#define PGCUTOVER_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/sqlfile.h"

/* For messages: what the two readers below take. */
#define DURATION_FORMS "a number with ms, s, min or h: 500ms, 10s, 2min"
#define SIZE_FORMS     "a number with B, kB, MB or GB: 16kB, 1MB, 2GB"

/* PostgreSQL's units, by its rules: case matters, a blank may stand before the unit. False on
 * anything else, on zero and on what can't be held. */
bool duration_parse(const char *text, int *ms);
bool size_parse(const char *text, int64_t *bytes);

/* A name for people and file names: letters, digits, - and _, at most `longest` of them. */
bool name_is_plain(const char *name, size_t longest);
/* What psql takes as the name of a variable: letters, digits and _, no digit first. */
bool name_is_variable(const char *name);

/* The variables that exist on every place; ends with NULL. */
extern const char *const builtin_variables[];
/* And those that the configuration may say otherwise: where poolers find the servers. */
extern const char *const address_variables[];

/* Whether a list that ends with NULL holds the name. */
bool name_among(const char *name, const char *const *names);

/* The one that a mistyped name was most likely meant to be; NULL where none is near. */
const char *name_nearest(const char *name, const char *const *names);

/* Cuts a text into words by blanks. Returns their number; the array belongs to the arena. */
size_t words(struct arena *arena, const char *text, const char ***list);

/* Values of directives. A directive that is NULL leaves the value as it is. False and
 * `FILE:LINE: what; remedy` in `err`. */
bool directive_choice(const char *path, const struct directive *directive,
                      const char *const *choices, int *value, struct err *err);
bool directive_duration(const char *path, const struct directive *directive, int *ms,
                        struct err *err);

/* Variants of an entry differ in their versions and sections only: what a directive says holds for
 * all of them. False and `err` where a later one says otherwise than the first. */
bool variant_agrees(const char *path, const struct entry *first, const struct entry *later,
                    struct err *err);

#endif
