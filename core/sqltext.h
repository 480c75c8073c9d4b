/* SQL as text: psql's variables and the borders of statements, by psql's own lexical rules: none in
 * quotes, E'', dollar quotes and nested comments, no cast and no `:=`. A name is made of letters,
 * digits, underscores and bytes beyond ASCII. As in psql, `a[lo:hi]` has a variable (`a[lo: hi]`
 * and `a[lo\:hi]` have none); unlike psql, a name is never digits alone, so that `a[1:2]` has none.
 * The text is UTF-8, and so must the session's client_encoding be. */
#ifndef PGCUTOVER_SQLTEXT_H
#define PGCUTOVER_SQLTEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "core/err.h"
#include "core/mem.h"

/* A variable's value. `shown` is what may be seen where the value is a secret; NULL: the value. */
struct sql_value {
    const char *text;
    const char *shown;
};

/* Looks a name up; false where it is not defined. */
typedef bool sql_lookup(const char *name, struct sql_value *value, void *arg);

/* Replaces :name verbatim, :'name' as a quoted literal, :"name" as a quoted identifier, :{?name} by
 * TRUE or FALSE, \: by a colon. A value is not searched for variables. `real` gets what will be
 * sent, `shown` (may be NULL) what may be seen. `file` and `line` (of the text's first line) are
 * for messages. False and `err` on an undefined variable; `real` and `shown` are as before. */
bool sql_expand(const char *text, const char *file, int line, sql_lookup *lookup, void *arg,
                struct str *real, struct str *shown, struct err *err);

/* Calls `each` for every variable that the text uses, as often as it does, with the line it stands
 * on. :{?name} only asks: it is not among them. */
void sql_variables(const char *text, int line, void (*each)(const char *name, int line, void *arg),
                   void *arg);

/* Cuts a text into statements: semicolons outside of quotes, comments and parentheses end one.
 * Comments and blank space between statements are dropped, those inside stay; the semicolon goes.
 * Returns the number of statements; `*statements` (array and strings) belongs to the arena. */
size_t sql_split(const char *text, struct arena *arena, char ***statements);

/* As libpq's PQescapeLiteral and PQescapeIdentifier, without a connection: standard-conforming
 * strings, a blank and E'' where there is a backslash. Appended to `out`. */
void sql_quote_literal(struct str *out, const char *text);
void sql_quote_identifier(struct str *out, const char *text);

#endif
