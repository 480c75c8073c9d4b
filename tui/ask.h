/* The text of the engine's question: what will be sent, where, what speaks for and against it, and
 * the way back. */
#ifndef PGCUTOVER_ASK_H
#define PGCUTOVER_ASK_H

#include "core/engine.h"
#include "tui/paint.h"

void ask_title(const struct app *app, const struct question *question, char *title, size_t room);
void ask_lines(const struct app *app, const struct question *question, struct lines *lines);

#endif
