/* What the keys do. The dispatcher has seen to it that in watch mode none that may change something
 * is called: here app->engine exists wherever it is needed. */
#ifndef PGCUTOVER_COMMANDS_H
#define PGCUTOVER_COMMANDS_H

struct face;

typedef void command(struct face *face, int argument);

command command_UP, command_DOWN, command_PAGE_UP, command_PAGE_DOWN, command_FIRST, command_LAST,
    command_PREVIOUS, command_NEXT, command_PANEL, command_ZOOM, command_FILTER, command_SORT,
    command_DETAIL_DOWN, command_DETAIL_UP, command_PAUSE, command_REDRAW, command_HELP,
    command_BACK, command_QUIT, command_ASK, command_ARM, command_FIRE, command_UNDO, command_ABORT,
    command_SKIP, command_RECHECK, command_RECHECK_ALL, command_COPY, command_STOP, command_ACCEPT, command_TAKE_OVER;

/* Looks a key up and does it; says why where that can't be. */
void commands_key(struct face *face, int key);

#endif
