/* What stands over the panels: the question, a prompt, the help. A dialog is a state of the loop:
 * the panels go on beneath it. */
#ifndef PGCUTOVER_DIALOG_H
#define PGCUTOVER_DIALOG_H

#include "tui/paint.h"

#include <stdbool.h>
#include <stdint.h>
#include <wchar.h>

struct face;

enum dialog_kind {
    DIALOG_NONE,
    DIALOG_HELP,
    DIALOG_PROMPT,  /* a line of text: Enter takes it, Esc leaves */
    DIALOG_CONFIRM, /* a question of the face's own */
    DIALOG_QUESTION /* the engine's */
};

/* The answer, after yes: what was typed (a name or a reason). */
typedef void dialog_answer(struct face *face, const char *text);

struct dialog {
    enum dialog_kind kind;
    char title[160];
    char body[1024]; /* of a confirmation */
    char yes;        /* yes is this letter; 0: it is typed, and Enter */
    char expect[64]; /* what has to be typed, whole; "": a reason, whatever it is */
    char input[256]; /* what was typed, UTF-8 */
    dialog_answer *answer;
    dialog_answer *typed; /* of a prompt, after each key; may be NULL */
    size_t top;           /* the first line that is seen */
    uint64_t generation;  /* of the engine's question that is shown */
    bool answerable;      /* as it was on the screen: ready, nothing against it, readable */
    uint64_t quiet_ms;    /* keys count SETTLE_MS after this */
    int opener;           /* the key that opened it: held down, it says nothing */
    uint64_t opener_ms;
};

void dialog_help(struct face *face);
void dialog_prompt(struct face *face, const char *title, const char *text, dialog_answer *typed,
                   dialog_answer *answer);
/* Yes is the letter, or `expect` typed whole where `yes` is 0. */
void dialog_confirm(struct face *face, const char *title, const char *body, char yes,
                    const char *expect, dialog_answer *answer);
void dialog_close(struct face *face); /* says no to the engine where it asks */

/* Opens and closes the dialog as the engine asks or ceases to. */
void dialog_follow(struct face *face);
/* A key; `key` is curses' code, or 0 and `character`. */
void dialog_key(struct face *face, int key, wchar_t character);
/* A paste begins or ends, the process was stopped: the dialog settles anew. */
void dialog_disturbed(struct face *face);
/* Milliseconds until keys count; 0: they do. */
uint64_t dialog_settling(const struct face *face);

void dialog_draw(struct face *face, const struct paint *screen, struct rect *cursor);

#endif
