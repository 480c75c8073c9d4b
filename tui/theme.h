/* Roles instead of colours: drawing says what something means, the theme says how that looks. */
#ifndef PGCUTOVER_THEME_H
#define PGCUTOVER_THEME_H

#include "core/err.h"

#include <stdbool.h>

#define THEME_ROLES(X)                                                                             \
    X(NORMAL, "normal")                                                                            \
    X(OK, "ok")                                                                                    \
    X(WARN, "warn")                                                                                \
    X(BAD, "bad")                                                                                  \
    X(UNKNOWN, "unknown")                                                                          \
    X(BUSY, "busy")                                                                                \
    X(MUTED, "muted")                                                                              \
    X(TITLE, "title")                                                                              \
    X(HEADER, "header")                                                                            \
    X(KEY, "key")                                                                                  \
    X(FRAME, "frame")                                                                              \
    X(FOCUS, "focus")                                                                              \
    X(PROD, "prod")                                                                                \
    X(BANNER, "banner")                                                                            \
    X(DIALOG, "dialog")

enum role {
#define X(id, name) ROLE_##id,
    THEME_ROLES(X)
#undef X
        ROLE_COUNT
};

/* Added to a role. */
#define STYLE_SELECTED 0x100u /* the row with the cursor */
#define STYLE_STRONG   0x200u /* the same row while another panel has the keys */

struct theme;

/* Reads a theme: dark, light or mono from the binary, or a file by its path. Colours are left out
 * where NO_COLOR is set or the terminal has none. Curses runs already. NULL and `err` (FILE:LINE)
 * on a mistake in it. Free with theme_free(). */
struct theme *theme_new(const char *name_or_path, struct err *err);
void theme_free(struct theme *theme);

/* Curses' attributes for a role and its STYLE_ flags. */
unsigned theme_attributes(const struct theme *theme, unsigned style);

#endif
