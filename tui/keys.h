/* The keys: one table that dispatches, that makes the help, and that knows what may change
 * something. */
#ifndef PGCUTOVER_KEYS_H
#define PGCUTOVER_KEYS_H

#include <curses.h>
#include <stdbool.h>

#define CONTROL(letter) ((letter)&0x1f)

/* id, handler's argument, three keys (0: none), shown as, may change something, help.
 * The flag is the whole of watch mode: the dispatcher refuses what has it. */
#define KEYS(X)                                                                                    \
    X(UP, 0, 'k', KEY_UP, 0, "k Up", false, "row up")                                              \
    X(DOWN, 0, 'j', KEY_DOWN, 0, "j Down", false, "row down")                                      \
    X(PAGE_UP, 0, KEY_PPAGE, CONTROL('b'), 0, "PgUp", false, "page up")                            \
    X(PAGE_DOWN, 0, KEY_NPAGE, CONTROL('f'), 0, "PgDn", false, "page down")                        \
    X(FIRST, 0, 'g', KEY_HOME, 0, "g Home", false, "first row")                                    \
    X(LAST, 0, 'G', KEY_END, 0, "G End", false, "last row")                                        \
    X(PREVIOUS, 0, 'h', KEY_LEFT, KEY_BTAB, "h Left", false, "panel before")                       \
    X(NEXT, 0, 'l', KEY_RIGHT, '\t', "l Tab", false, "next panel")                                 \
    X(PANEL, 0, '1', 0, 0, "1", false, "checklist: the steps of the run")                          \
    X(PANEL, 1, '2', 0, 0, "2", false, "slots: lag and retained WAL")                              \
    X(PANEL, 2, '3', 0, 0, "3", false, "subscriptions: how far they got")                          \
    X(PANEL, 3, '4', 0, 0, "4", false, "tables: sizes and their copy")                             \
    X(PANEL, 4, '5', 0, 0, "5", false, "nodes: the servers")                                       \
    X(PANEL, 5, '6', 0, 0, "6", false, "pools: PgBouncer")                                         \
    X(PANEL, 6, '7', 0, 0, "7", false, "activity: who still writes")                               \
    X(PANEL, 7, '8', 0, 0, "8", false, "journal: what was sent")                                   \
    X(PANEL, 8, '9', 0, 0, "9", false, "checks: what must hold")                                   \
    X(ZOOM, 0, 'z', 0, 0, "z", false, "this panel alone, and back")                                \
    X(FILTER, 0, '/', 0, 0, "/", false, "filter rows (an empty one ends it)")                      \
    X(SORT, 0, 's', 0, 0, "s", false, "sort by the next column")                                   \
    X(DETAIL_DOWN, 0, 'J', 0, 0, "J", false, "scroll the details down")                            \
    X(DETAIL_UP, 0, 'K', 0, 0, "K", false, "scroll the details up")                                \
    X(PAUSE, 0, ' ', 0, 0, "Space", false, "hold the screen still; sampling goes on")              \
    X(REDRAW, 0, CONTROL('l'), 0, 0, "^L", false, "draw the screen anew")                          \
    X(HELP, 0, '?', KEY_F(1), 0, "? F1", false, "this help")                                       \
    X(BACK, 0, '\033', 0, 0, "Esc", false, "back: from zoom, from a filter")                       \
    X(QUIT, 0, 'q', CONTROL('c'), 0, "q", false, "back, and quit")                                 \
    X(ASK, 0, '\r', '\n', KEY_ENTER, "Enter", true, "ask to run the selected step")                \
    X(ARM, 0, 'a', 0, 0, "a", true, "ask to arm the selected step of the window")                  \
    X(FIRE, 0, 'F', 0, 0, "F", true, "ask to fire the armed window")                               \
    X(UNDO, 0, 'u', 0, 0, "u", true, "ask to take the selected step back")                         \
    X(ABORT, 0, 'A', 0, 0, "A", true, "go back, undo by undo, to where writes are open")           \
    X(SKIP, 0, 'x', 0, 0, "x", true,                                                               \
      "skip the selected step, or its undo where no server answers")                               \
    X(RECHECK, 0, 'r', 0, 0, "r", true, "ask the selected step's probe, or that check, again")     \
    X(RECHECK_ALL, 0, '*', 0, 0, "*", true, "run all checks again")                                \
    X(COPY, 0, 'y', 0, 0, "y", false, "copy the selected check's remedy (OSC 52)")                 \
    X(STOP, 0, 'S', 0, 0, "S", true, "stop what is running")                                       \
    X(ACCEPT, 0, 'c', 0, 0, "c", true, "go on in spite of the selected check, with a reason")      \
    X(TAKE_OVER, 0, 'T', 0, 0, "T", true, "take the run over from a driver that is gone")

struct face;

struct key_binding {
    void (*handler)(struct face *face, int argument);
    int argument;
    int keys[3];
    const char *shown;
    bool changes;
    const char *help;
};

extern const struct key_binding key_bindings[];
extern const size_t key_binding_count;

/* Curses' code or character; NULL: no command has this key. */
const struct key_binding *key_find(int key);

#endif
