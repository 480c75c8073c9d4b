/* The state of the view: what the face remembers between two drawings. Shared by the files of tui/,
 * by nobody else. */
#ifndef PGCUTOVER_VIEW_H
#define PGCUTOVER_VIEW_H

#include "core/app.h"
#include "panels/panel.h"
#include "tui/dialog.h"
#include "tui/layout.h"
#include "tui/theme.h"

#include <uv.h>

enum { WATCHED_SIGNALS = 6 };

struct face {
    struct app *app;
    struct theme *theme;
    const struct glyphs *glyphs;

    struct panel_view views[PANEL_COUNT];
    enum panel focus;
    bool zoomed;
    size_t followed; /* the step that the checklist's cursor was put on by the run */
    struct dialog dialog;
    struct rect cursor; /* the selected row, as it was drawn last */

    const char *accepting; /* id of the check that is being accepted */
    char accept_reason[256];

    char message[256]; /* in the footer, until the next key or for some seconds */
    unsigned message_style;
    uint64_t message_ms;

    size_t troubles; /* steps that failed or are in doubt: a new one rings the bell */
    char title[128]; /* of the terminal */
    bool dirty;      /* something changed since the last drawing */
    bool touched;    /* by the user: drawn at once, even while paused */
    bool redraw;     /* the terminal may show something else than we think */
    bool pasting;    /* between the brackets of a paste */
    bool drop_rest;  /* a question opened or closed: what waits behind its key is thrown away */
    bool burst;      /* this key came together with others */
    bool closing;
    int exit_code;
    unsigned empty_reads;
    int key; /* the key before: it may be held down */
    uint64_t key_ms;
    uint64_t drawn_ms;

    uv_poll_t input;
    uv_prepare_t prepare;
    uv_timer_t soon, tick;
    uv_signal_t signals[WATCHED_SIGNALS];
};

/* Shows a sentence in the footer. */
void face_say(struct face *face, unsigned style, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void face_quit(struct face *face, int exit_code);

/* The step that the checklist's cursor is on; false where there is none. */
bool face_step(struct face *face, size_t *step);

/* Draws all of it (draw.c); its parts draw themselves into what they are given. */
void face_draw(struct face *face);
void header_draw(const struct face *face, const struct paint *paint, const char *banner);
/* What has to be said above all else; false: nothing. */
bool banner_text(const struct app *app, char *text, size_t room);
void footer_draw(const struct face *face, const struct paint *paint);

#endif
