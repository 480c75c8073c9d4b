/* A terminal for tests: a real program on a pseudo-terminal, its output drawn by libvterm.
 *
 * Nothing happens in the background. The program's output is read, and keys that did not fit into
 * the pty are written, only inside the term_wait functions and term_exited; the screen stands still
 * between them. Each of those ends as soon as its condition holds, the time is up, or program and
 * terminal are both gone. They poll() the pty, they never sleep.
 *
 * Rows and columns count cells from 0. Times are milliseconds. A system call that should not fail
 * ends the test with abort() and a message, so no function here has an error to check. */
#ifndef TESTS_SCREEN_TERM_H
#define TESTS_SCREEN_TERM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

struct term;

/* What to run; all but argv may be left zero. Lists end with NULL and are copied by the fork. */
struct term_options {
    const char *const *argv; /* argv[0] is looked up in PATH */
    const char *const *env;  /* "NAME=value" sets, "NAME" removes, the rest is inherited */
    const char *dir;         /* the program's working directory */
    const char *type;        /* TERM, "xterm-256color" if NULL */
    int cols, rows;          /* 80x24 if 0 */
};

/* Starts the program. LINES, COLUMNS, NO_COLOR and COLORTERM are not inherited (they would change
 * what curses draws), signals are back at their defaults. If it cannot be run it exits with 127 and
 * says why on the screen. The caller frees the result with term_free. */
struct term *term_start(const struct term_options *options);

/* Kills the program and what is left of its process group, reaps it, frees everything. NULL is
 * allowed. */
void term_free(struct term *t);

/* Typing. Bytes go out as they are: term_keys(t, "yes\r"), term_keys(t, "\003") for ^C. A program
 * using curses takes an Esc for itself only after its ESCDELAY: wait for its effect before the next
 * key. */
void term_keys(struct term *t, const char *bytes);

enum term_key {
    TERM_ENTER,
    TERM_TAB,
    TERM_BACKTAB,
    TERM_BACKSPACE,
    TERM_ESC,
    TERM_UP,
    TERM_DOWN,
    TERM_LEFT,
    TERM_RIGHT,
    TERM_HOME,
    TERM_END,
    TERM_INSERT,
    TERM_DELETE,
    TERM_PGUP,
    TERM_PGDN,
    TERM_F1, /* and TERM_F1 + 1 is F2, up to F12 */
    TERM_F12 = TERM_F1 + 11
};

/* Presses a key the way xterm sends it, in application form (ESC O B) once the program asked for
 * that: so wait for its first screen before pressing. It is xterm's form whatever `type` says: Home
 * and End under tmux or screen, F1 to F5 under linux are other bytes, for term_keys. */
void term_key(struct term *t, enum term_key key);

/* Pastes text, in brackets if the program enabled ?2004. */
void term_paste(struct term *t, const char *text);

/* Changes the window's size; the kernel sends SIGWINCH to the foreground process group. */
void term_resize(struct term *t, int cols, int rows);

/* Sends a signal to the program. Mind that SIGTSTP does not stop it: the program leads its own
 * session, and nobody in an orphaned process group is stopped from the keyboard. SIGSTOP does. */
void term_signal(struct term *t, int sig);

/* Closes the terminal as a lost SSH connection does. The screen stays readable. */
void term_hangup(struct term *t);

/* The program's process id, also after it ended. */
pid_t term_pid(const struct term *t);

/* Waiting. All return whether the condition came true within ms; ms = 0 takes what is there. A
 * condition on something that was on the screen before is true at once, perhaps of the old screen:
 * wait for what is new. */
typedef bool term_predicate(const struct term *t, const void *arg);
bool term_wait(struct term *t, term_predicate *holds, const void *arg, int ms);
bool term_wait_text(struct term *t, const char *text, int ms);
bool term_wait_no_text(struct term *t, const char *text, int ms);

/* Waits until the program has written nothing for quiet ms; false if it was still writing after
 * max ms. For looking at a whole frame, since a wait for text can end in the middle of one. */
bool term_wait_quiet(struct term *t, int quiet, int max);

/* Waits for the end of the program, then reads the rest of its output. *status (may be NULL) is
 * what waitpid() gives. */
bool term_exited(struct term *t, int ms, int *status);

/* The screen. A row is its text in UTF-8 without trailing blanks; t owns it, it is good until the
 * next call for the same row, term_resize or term_free. Rows outside the screen are "". */
const char *term_row(const struct term *t, int row);

/* Whether a row contains the text now, and where the first one begins (row, col may be NULL). */
bool term_find(const struct term *t, const char *text, int *row, int *col);

/* Colours: TERM_DEFAULT, 0..255 for the palette, TERM_RGB and above for direct colour. */
#define TERM_DEFAULT (-1)
#define TERM_RGB     0x1000000 /* + 0xrrggbb */

struct term_cell {
    char text[25]; /* base and combining characters; " " if blank, "" right of a wide character */
    int width;     /* 1, 2, or 0 for the right half of a wide character */
    int fg, bg;    /* as set: not swapped by reverse */
    bool bold, dim, italic, underline, reverse;
};

/* The cell at row, col; a blank one outside the screen. */
struct term_cell term_cell(const struct term *t, int row, int col);

/* The hardware cursor; each of the pointers may be NULL. */
void term_cursor(const struct term *t, int *row, int *col, bool *visible);

void term_size(const struct term *t, int *cols, int *rows);
bool term_alternate(const struct term *t);    /* is the alternate screen on? */
const char *term_title(const struct term *t); /* "" before the first; until the next wait */
unsigned term_bells(const struct term *t);    /* bells since the start */
size_t term_bytes(const struct term *t);      /* bytes the program wrote since the start */

/* Whether the program's output, from byte `from` (a former term_bytes) on, contains these bytes:
 * for what the screen does not show, such as an OSC 52 or a colour that must never be sent. */
bool term_sent(const struct term *t, size_t from, const char *bytes);

/* Prints screen and state in a frame, for messages of failed tests. */
void term_dump(const struct term *t, FILE *out);

#endif
