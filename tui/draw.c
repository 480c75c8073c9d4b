/* One frame: header, panels, footer, dialog, and where the cursor stands. */
#include "core/engine.h"
#include "tui/screen.h"
#include "tui/view.h"

#include <stdio.h>
#include <string.h>

#define DIALOG_ROWS 9 /* with less, a dialog takes the whole screen */

/* The checklist's cursor goes with the run for as long as the operator leaves it there. */
static void follow_run(struct face *face)
{
    struct panel_view *view = &face->views[PANEL_CHECKLIST];
    const struct app *app = face->app;
    size_t at = run_busy(app->run);

    if (at == app->run->step_count)
        at = run_next(app->run);
    if (app->mode == MODE_WATCH)
        at = app->driver.seen && app->driver.number > 0 ? app->driver.number - 1 : 0;
    grid_update(&view->grid, &checklist_panel.grid, app);
    if (at == face->followed || at >= app->run->step_count)
        return;
    if (view->grid.selected == face->followed && view->grid.filter[0] == '\0' &&
        view->grid.sort < 0) {
        grid_select(&view->grid, &checklist_panel.grid, app, at);
        view->detail_top = 0;
    }
    face->followed = at;
}

/* A step that fails, or about which nobody knows, is heard. */
static void ring(struct face *face)
{
    size_t troubles = 0;

    for (size_t i = 0; i < face->app->run->step_count; i++) {
        enum state state = run_step_state(face->app->run, i);
        troubles += state == S_FAILED || state == S_UNKNOWN;
    }
    if (troubles > face->troubles)
        screen_bell();
    face->troubles = troubles;
}

static void set_title(struct face *face)
{
    const struct run *run = face->app->run;
    size_t at = run_next(run);
    char title[sizeof face->title];

    snprintf(title, sizeof title, "%spgcutover %s%s%s",
             face->app->config->production ? "PROD " : "", run->name,
             at < run->step_count && face->app->engine ? ": " : "",
             at < run->step_count && face->app->engine ? run->steps[at].step->id : "");
    if (strcmp(title, face->title) != 0)
        screen_title(strcpy(face->title, title));
}

static void draw_panels(struct face *face, const struct paint *screen, const struct layout *layout,
                        struct rect *cursor)
{
    for (int i = 0; i < PANEL_COUNT; i++) {
        struct paint part = paint_part(screen, layout->panels[i]);
        if (part.at.rows > 0 && part.at.cols > 0)
            panel_draw(panel_table[i], &face->views[i], face->app, &part, i + 1,
                       (int)face->focus == i, cursor);
    }
}

/* A dialog leaves the window's clock and what is said of the keys in sight, where there is room. */
static struct paint dialog_room(const struct paint *screen, const struct layout *layout)
{
    int rows = screen->at.rows - layout->header.rows - layout->footer.rows;

    if (rows < DIALOG_ROWS)
        return *screen;
    return paint_part(screen, (struct rect){layout->header.rows, 0, rows, screen->at.cols});
}

void face_draw(struct face *face)
{
    struct rect cursor = {0};
    char banner[400] = "";
    struct paint screen = {.theme = face->theme, .glyphs = face->glyphs};

    screen_size(&screen.at.cols, &screen.at.rows);
    if (!screen_writable()) /* the terminal is stalled: to wait for it would stop everything */
        return;
    face->app->model->now_ms = app_now(face->app);
    dialog_follow(face);
    follow_run(face);
    bool wants_banner = banner_text(face->app, banner, sizeof banner);
    struct layout layout =
        layout_for(screen.at.cols, screen.at.rows, face->focus, face->zoomed, wants_banner);
    if (face->redraw)
        screen_forget();
    if (!face->app->paused || face->touched) {
        screen_begin();
        draw_panels(face, &screen, &layout, &face->cursor);
    }
    cursor = face->cursor;
    struct paint header = paint_part(&screen, layout.header);
    if (header.at.rows > 0)
        header_draw(face, &header, banner);
    struct paint footer = paint_part(&screen, layout.footer);
    if (footer.at.rows > 0)
        footer_draw(face, &footer);
    struct paint room = dialog_room(&screen, &layout);
    dialog_draw(face, &room, &cursor);
    ring(face);
    set_title(face);
    screen_end(cursor.y, cursor.x);
    face->dirty = face->touched = face->redraw = false;
    face->drawn_ms = app_now(face->app);
}
