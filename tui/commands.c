#include "tui/commands.h"

#include "core/engine.h"
#include "tui/keys.h"
#include "tui/screen.h"
#include "tui/view.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

void commands_key(struct face *face, int key)
{
    const struct key_binding *binding = key_find(key);

    if (binding == NULL)
        face_say(face, ROLE_MUTED, "this key does nothing: ? shows those that do");
    else if (binding->changes && face->app->mode != MODE_DRIVE)
        face_say(face, ROLE_WARN, "this console watches: %s is the driver's", binding->shown);
    else if (binding->changes && face->app->engine == NULL)
        face_say(face, ROLE_WARN, "not yet: the console is starting");
    else
        binding->handler(face, binding->argument);
}

static struct panel_view *view_of(struct face *face)
{
    return &face->views[face->focus];
}

static const struct grid_source *source_of(const struct face *face)
{
    return &panel_table[face->focus]->grid;
}

static void move_by(struct face *face, long rows)
{
    struct panel_view *view = view_of(face);

    grid_update(&view->grid, source_of(face), face->app);
    grid_move(&view->grid, source_of(face), face->app, rows);
    view->detail_top = 0;
}

static long page_of(struct face *face)
{
    return view_of(face)->grid.page > 1 ? view_of(face)->grid.page - 1 : 1;
}

void command_UP(struct face *face, int argument)
{
    (void)argument;
    move_by(face, -1);
}

void command_DOWN(struct face *face, int argument)
{
    (void)argument;
    move_by(face, 1);
}

void command_PAGE_UP(struct face *face, int argument)
{
    (void)argument;
    move_by(face, -page_of(face));
}

void command_PAGE_DOWN(struct face *face, int argument)
{
    (void)argument;
    move_by(face, page_of(face));
}

void command_FIRST(struct face *face, int argument)
{
    (void)argument;
    move_by(face, LONG_MIN);
}

void command_LAST(struct face *face, int argument)
{
    (void)argument;
    move_by(face, LONG_MAX);
}

void command_PANEL(struct face *face, int argument)
{
    face->focus = (enum panel)argument;
}

void command_PREVIOUS(struct face *face, int argument)
{
    (void)argument;
    command_PANEL(face, ((int)face->focus + PANEL_COUNT - 1) % PANEL_COUNT);
}

void command_NEXT(struct face *face, int argument)
{
    (void)argument;
    command_PANEL(face, ((int)face->focus + 1) % PANEL_COUNT);
}

void command_ZOOM(struct face *face, int argument)
{
    (void)argument;
    face->zoomed = !face->zoomed;
}

static void filter_typed(struct face *face, const char *text)
{
    grid_filter(&view_of(face)->grid, text);
}

void command_FILTER(struct face *face, int argument)
{
    (void)argument;
    dialog_prompt(face, " filter: Enter keeps it, Esc ends it ", view_of(face)->grid.filter,
                  filter_typed, NULL);
}

void command_SORT(struct face *face, int argument)
{
    struct grid *grid = &view_of(face)->grid;

    (void)argument;
    grid_sort_next(grid, source_of(face));
    if (source_of(face)->fixed)
        face_say(face, ROLE_NORMAL, "these rows stay in their order");
    else if (grid->sort < 0)
        face_say(face, ROLE_NORMAL, "not sorted");
    else
        face_say(face, ROLE_NORMAL, "sorted by %s%s", source_of(face)->columns[grid->sort].title,
                 grid->descending ? ", largest first" : "");
}

void command_DETAIL_DOWN(struct face *face, int argument)
{
    (void)argument;
    view_of(face)->detail_top++;
}

void command_DETAIL_UP(struct face *face, int argument)
{
    (void)argument;
    if (view_of(face)->detail_top > 0)
        view_of(face)->detail_top--;
}

void command_PAUSE(struct face *face, int argument)
{
    (void)argument;
    face->app->paused = !face->app->paused;
}

void command_REDRAW(struct face *face, int argument)
{
    (void)argument;
    face->redraw = true;
}

void command_HELP(struct face *face, int argument)
{
    (void)argument;
    dialog_help(face);
}

void command_BACK(struct face *face, int argument)
{
    (void)argument;
    if (view_of(face)->grid.filter[0] != '\0')
        grid_filter(&view_of(face)->grid, "");
    else
        face->zoomed = false;
}

static void quit_confirmed(struct face *face, const char *text)
{
    (void)text;
    face_quit(face, 0);
}

void command_QUIT(struct face *face, int argument)
{
    const struct run *run = face->app->run;
    bool drives = face->app->engine != NULL;

    (void)argument;
    if (face->zoomed)
        face->zoomed = false;
    else if (drives && (run_busy(run) < run->step_count || engine_at_gate(face->app->engine)))
        dialog_confirm(
            face, " Quit while a step runs? ",
            "A step is under way. What it sent goes on at the server or is lost; started "
            "again, the console asks the probes what is in place.",
            'Q', NULL, quit_confirmed);
    else if (drives && run_window_open(run))
        dialog_confirm(face, " Quit while the window is open? ",
                       "Writes are refused now, and stay so until a console goes on or aborts.",
                       'Q', NULL, quit_confirmed);
    else
        face_quit(face, 0);
}

bool face_step(struct face *face, size_t *step)
{
    struct grid *grid = &face->views[PANEL_CHECKLIST].grid;

    if (face->focus != PANEL_CHECKLIST) {
        face_say(face, ROLE_WARN, "that is for a step: 1 goes to the checklist");
        return false;
    }
    grid_update(grid, &checklist_panel.grid, face->app);
    if (grid_selected(grid) == NULL)
        return false;
    *step = (size_t)grid_selected(grid)->row;
    return true;
}

static void ask(struct face *face, enum verb verb, size_t step)
{
    struct err why = {0};

    if (!engine_ask(face->app->engine, verb, step, &why))
        face_say(face, ROLE_WARN, "not now: %s", why.text);
    dialog_follow(face);
}

static void ask_selected(struct face *face, enum verb verb)
{
    size_t step;

    if (face_step(face, &step))
        ask(face, verb, step);
}

void command_ASK(struct face *face, int argument)
{
    (void)argument;
    ask_selected(face, VERB_RUN);
}

void command_ARM(struct face *face, int argument)
{
    (void)argument;
    ask_selected(face, VERB_ARM);
}

void command_UNDO(struct face *face, int argument)
{
    (void)argument;
    ask_selected(face, VERB_UNDO);
}

void command_FIRE(struct face *face, int argument)
{
    (void)argument;
    ask(face, VERB_FIRE, run_next(face->app->run));
}

void command_ABORT(struct face *face, int argument)
{
    struct err why = {0};

    (void)argument;
    if (!engine_abort(face->app->engine, &why))
        face_say(face, ROLE_WARN, "not now: %s", why.text);
    dialog_follow(face);
}

void command_SKIP(struct face *face, int argument)
{
    size_t step;

    (void)argument;
    if (!face_step(face, &step))
        return;
    /* Of a step that has left something, what is passed over is its undo. */
    bool leaves = !run_may(face->app->run, step, VERB_SKIP, NULL) &&
                  run_may(face->app->run, step, VERB_LEAVE, NULL);
    ask(face, leaves ? VERB_LEAVE : VERB_SKIP, step);
}

static const struct check_result *selected_check(struct face *face)
{
    struct grid *grid = &face->views[PANEL_CHECKS].grid;

    grid_update(grid, &checks_panel.grid, face->app);
    const struct ref *ref = grid_selected(grid);
    return ref != NULL ? checks_at(face->app->checks, (size_t)ref->row) : NULL;
}

void command_RECHECK(struct face *face, int argument)
{
    (void)argument;
    if (face->focus != PANEL_CHECKS) {
        ask_selected(face, VERB_RECHECK);
        return;
    }
    const struct check_result *result = selected_check(face);
    if (result != NULL && !result->running)
        checks_run(face->app->checks, &result->check->id, 1, NULL, NULL);
}

void command_RECHECK_ALL(struct face *face, int argument)
{
    (void)argument;
    checks_run_all(face->app->checks);
    face_say(face, ROLE_NORMAL, "all checks run again");
}

void command_COPY(struct face *face, int argument)
{
    (void)argument;
    const struct check_result *result = face->focus == PANEL_CHECKS ? selected_check(face) : NULL;
    if (result == NULL || result->check->remedy == NULL) {
        face_say(face, ROLE_WARN, "that copies the remedy of a check: 9 goes to the checks");
        return;
    }
    screen_copy(result->check->remedy);
    face_say(face, ROLE_NORMAL, "the remedy of %s is in the clipboard, if the terminal allows it",
             result->check->id);
}

static void stop_confirmed(struct face *face, const char *text)
{
    struct err why = {0};

    (void)text;
    if (!engine_stop(face->app->engine, &why))
        face_say(face, ROLE_WARN, "not now: %s", why.text);
}

void command_STOP(struct face *face, int argument)
{
    (void)argument;
    if (run_busy(face->app->run) == face->app->run->step_count)
        face_say(face, ROLE_WARN, "nothing is running");
    else
        dialog_confirm(face, " Stop what is running? ",
                       "The server is asked to cancel it, a command gets SIGTERM. The probe then "
                       "says what is in place.",
                       'C', NULL, stop_confirmed);
}

static void accept_confirmed(struct face *face, const char *text)
{
    engine_accept(face->app->engine, face->accepting, face->accept_reason);
    (void)text;
}

static void accept_with(struct face *face, const char *reason)
{
    char body[1000];

    if (*reason == '\0') {
        face_say(face, ROLE_WARN, "not accepted: the journal needs a reason");
        return;
    }
    snprintf(face->accept_reason, sizeof face->accept_reason, "%s", reason);
    snprintf(body, sizeof body, "%s\nReason: %s\nNew offenders undo this.", face->accepting,
             reason);
    dialog_confirm(face, " Go on in spite of this check? ", body, 'Y', NULL, accept_confirmed);
}

void command_ACCEPT(struct face *face, int argument)
{
    (void)argument;
    if (face->focus != PANEL_CHECKS) {
        face_say(face, ROLE_WARN, "that is for a check: 9 goes to the checks");
        return;
    }
    const struct check_result *result = selected_check(face);
    if (result == NULL || !check_blocks(result)) {
        face_say(face, ROLE_WARN, "this check is not in the way");
        return;
    }
    face->accepting = result->check->id;
    dialog_prompt(face, " Why may this be so? (goes into the journal) ", "", NULL, accept_with);
}

static void take_over_confirmed(struct face *face, const char *text)
{
    (void)text;
    engine_take_over(face->app->engine);
}

void command_TAKE_OVER(struct face *face, int argument)
{
    char body[600];

    (void)argument;
    if (engine_drive(face->app->engine) != DRIVE_TAKEN) {
        face_say(face, ROLE_WARN, "no other console drives this run");
        return;
    }
    snprintf(body, sizeof body,
             "%s drives this run. Taking over ends its session; whatever it is doing is then in "
             "doubt. Do it only where that console is gone.",
             engine_driver(face->app->engine));
    dialog_confirm(face, " Take the run over? ", body, 0, face->app->run->name,
                   take_over_confirmed);
}
