/* The last line: what was just said, else the keys that matter here. */
#include "tui/view.h"

#include <stdarg.h>
#include <stdio.h>

#define MESSAGE_MS 12000

void face_say(struct face *face, unsigned style, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(face->message, sizeof face->message, format, arguments);
    va_end(arguments);
    face->message_style = style;
    face->message_ms = app_now(face->app);
    face->dirty = true;
}

static void hint(struct pieces *pieces, int rank, const char *text)
{
    pieces_add(pieces, ROLE_KEY, rank, "%s", text);
}

void footer_draw(const struct face *face, const struct paint *paint)
{
    bool drives = face->app->mode == MODE_DRIVE;
    struct pieces pieces = {0};

    if (face->message[0] != '\0' && app_now(face->app) - face->message_ms < MESSAGE_MS) {
        paint_cell(paint, 0, 0, paint->at.cols, face->message_style, face->message, false);
        return;
    }
    hint(&pieces, 0, "? help");
    if (!drives)
        hint(&pieces, 1, "watching: nothing can be changed here");
    if (drives && face->focus == PANEL_CHECKLIST) {
        hint(&pieces, 1, "Enter ask");
        hint(&pieces, 3, "u undo");
        hint(&pieces, 4, "x skip");
        hint(&pieces, 3, "a arm");
        hint(&pieces, 3, "F fire");
    }
    if (drives && face->focus == PANEL_CHECKS) {
        hint(&pieces, 1, "c accept");
        hint(&pieces, 2, "r run again");
        hint(&pieces, 3, "* run all");
    }
    if (face->focus == PANEL_CHECKS)
        hint(&pieces, 2, "y copy remedy");
    if (drives)
        hint(&pieces, 2, "A abort");
    hint(&pieces, 5, "Tab 1-9 panels");
    hint(&pieces, 5, "z zoom");
    hint(&pieces, 6, "/ filter");
    hint(&pieces, 6, "s sort");
    hint(&pieces, 7, "Space pause");
    hint(&pieces, 1, "q quit");
    paint_pieces(paint, 0, ROLE_NORMAL, &pieces);
}
