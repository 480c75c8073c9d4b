/* The terminal: taken over, resized, lent to the shell and always given back sane. */
#ifndef PGCUTOVER_SCREEN_H
#define PGCUTOVER_SCREEN_H

#include "core/err.h"

#include <stdbool.h>
#include <wchar.h>

/* Keys that curses does not know. */
#define SCREEN_PASTE_BEGIN 01001
#define SCREEN_PASTE_END   01002

/* Takes the terminal, and sees to it that a crash or die() gives it back. False and `err` where
 * TERM is unknown or there is no terminal. */
bool screen_enter(struct err *err);
/* Gives it back; more than once does no harm. */
void screen_leave(void);
/* Gives it to the shell and takes it again, around a stop. */
void screen_suspend(void);
void screen_resume(void);

/* Asks the terminal for its size and takes it over. */
void screen_resize(void);
void screen_size(int *cols, int *rows);

/* The next key that was pressed: false where none waits. `*code` is curses' KEY_ or one of the
 * above, or 0 where `*character` is one. */
bool screen_key(int *code, wchar_t *character);
void screen_drop_keys(void); /* throws away what waits */
bool screen_lost(void);      /* the terminal is gone */
/* False while the terminal takes no more: writing would block. */
bool screen_writable(void);

void screen_forget(void);      /* what it shows is not what we think: all is sent anew */
void screen_begin(void);       /* an empty screen to draw on */
void screen_end(int y, int x); /* shows it, with the cursor there */
void screen_title(const char *title);
/* Puts a text into the terminal's clipboard (OSC 52), which a terminal may refuse. */
void screen_copy(const char *text);
void screen_bell(void);

#endif
