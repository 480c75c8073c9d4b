/* Inside the test terminal: shared by its source files, not for tests. */
#ifndef TESTS_SCREEN_TERM_IMPL_H
#define TESTS_SCREEN_TERM_IMPL_H

#include "tests/screen/term.h"

#include <vterm.h>

struct bytes {
    char *at;
    size_t length, room;
};

struct term {
    VTerm *vt;
    VTermScreen *screen;
    pid_t pid;
    int master;  /* -1 after hang-up or when nobody has the other side open */
    int exit_fd; /* readable when the program ended; -1 once reaped */
    int status;
    int cols, rows;
    bool alternate, cursor_visible;
    unsigned bells;
    struct bytes title;  /* ends with a NUL unless empty */
    struct bytes output; /* all the program ever wrote */
    struct bytes input;  /* typed, or answered by libvterm, and not yet taken by the pty */
    struct bytes held;   /* the beginning of a sequence for term_mark_dim */
    char **row_text;     /* what term_row returned, per row */
};

/* Says what failed and why (errno), and aborts. */
_Noreturn void term_die(const char *what);

/* Returns memory, dies if it is NULL. */
void *term_need(void *memory);

/* Adds length bytes at the end; the owner of b frees b->at. */
void term_append(struct bytes *b, const char *from, size_t length);

/* Starts the program on a new pty of the given size. Returns its process id, and in *master the
 * other side of the pty, non-blocking; both are the caller's. Dies if there is no pty. */
pid_t term_launch(const struct term_options *options, int cols, int rows, int *master);

/* Adds the program's output to out, with dim text marked for libvterm as TERM_DIM_FONT. A sequence
 * that is not complete yet stays in held for the next call. */
enum { TERM_DIM_FONT = 9 };
void term_mark_dim(struct bytes *held, const char *bytes, size_t length, struct bytes *out);

#endif
