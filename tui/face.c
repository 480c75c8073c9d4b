#include "tui/face.h"

#include "tui/commands.h"
#include "tui/screen.h"
#include "tui/view.h"

#include <curses.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define FAST_MS 50   /* between two drawings while something happens */
#define CALM_MS 250  /* and while nothing does */
#define TICK_MS 1000 /* ages go on without any event */
#define READS   200  /* of nothing, in a row: there is no terminal any more */

static void changed(struct app *app)
{
    ((struct face *)app->face)->dirty = true;
}

void face_quit(struct face *face, int exit_code)
{
    if (face->closing)
        return;
    face->closing = true;
    face->exit_code = exit_code;
    screen_leave();
    uv_close((uv_handle_t *)&face->input, NULL);
    uv_close((uv_handle_t *)&face->prepare, NULL);
    uv_close((uv_handle_t *)&face->soon, NULL);
    uv_close((uv_handle_t *)&face->tick, NULL);
    for (size_t i = 0; i < WATCHED_SIGNALS; i++)
        uv_close((uv_handle_t *)&face->signals[i], NULL);
    uv_stop(face->app->loop);
}

static void key_pressed(struct face *face, int code, wchar_t character)
{
    int key = code != 0 ? code : (int)character;

    face->touched = face->dirty = true;
    if (code == SCREEN_PASTE_BEGIN || code == SCREEN_PASTE_END) {
        face->pasting = code == SCREEN_PASTE_BEGIN;
        dialog_disturbed(face);
        return;
    }
    dialog_follow(face);
    if (face->dialog.kind != DIALOG_NONE) {
        dialog_key(face, code, character);
    } else if (face->pasting) {
        face_say(face, ROLE_WARN, "a pasted text does nothing here");
    } else {
        face->message[0] = '\0';
        face->key = key;
        face->key_ms = app_now(face->app);
        commands_key(face, key);
    }
}

/* Reads all that was typed before any of it is acted on: what came at once is known to have. */
static void read_keys(struct face *face)
{
    struct {
        int code;
        wchar_t character;
    } keys[256];
    size_t count = 0;

    while (count < 256 && screen_key(&keys[count].code, &keys[count].character))
        count++;
    face->empty_reads = count == 0 ? face->empty_reads + 1 : 0;
    face->drop_rest = false;
    face->burst = count > 1;
    for (size_t i = 0; i < count && !face->closing && !face->drop_rest; i++)
        key_pressed(face, keys[i].code, keys[i].character);
}

static void readable(uv_poll_t *handle, int status, int events)
{
    struct face *face = handle->data;

    if (status == 0 && (events & UV_READABLE))
        read_keys(face);
    if (face->closing)
        return;
    if (status < 0 || (events & UV_DISCONNECT) || screen_lost() || face->empty_reads > READS)
        face_quit(face, 128 + SIGHUP);
}

static void soon(uv_timer_t *timer)
{
    ((struct face *)timer->data)->dirty = true;
}

/* Draws at most once in a turn of the loop, and no more often than eyes can follow. */
static void before_waiting(uv_prepare_t *handle)
{
    struct face *face = handle->data;
    const struct run *run = face->app->run;
    bool lively = run_busy(run) < run->step_count || run_window_open(run);
    uint64_t now = app_now(face->app), due = face->drawn_ms + (lively ? FAST_MS : CALM_MS);

    if (face->dirty && (face->touched || now >= due))
        face_draw(face);
    uint64_t settling = dialog_settling(face);
    if (uv_is_active((uv_handle_t *)&face->soon))
        return;
    if (face->dirty)
        uv_timer_start(&face->soon, soon, due > now ? due - now : FAST_MS, 0);
    else if (settling > 0) /* so that the answer is shown as possible when it is */
        uv_timer_start(&face->soon, soon, settling, 0);
}

static void tick(uv_timer_t *timer)
{
    ((struct face *)timer->data)->dirty = true;
}

static void suspend(struct face *face, uv_signal_t *handle)
{
    screen_suspend();
    uv_signal_stop(handle);
    raise(SIGTSTP);
    screen_resume();
    uv_update_time(face->app->loop);
}

static void came_back(struct face *face)
{
    screen_drop_keys();
    screen_resize();
    dialog_disturbed(face);
    face->redraw = true;
}

static void signalled(uv_signal_t *handle, int number)
{
    struct face *face = handle->data;

    face->touched = face->dirty = true;
    switch (number) {
    case SIGWINCH:
        screen_resize();
        break;
    case SIGTSTP:
        suspend(face, handle);
        uv_signal_start(handle, signalled, SIGTSTP);
        came_back(face);
        break;
    case SIGCONT:
        came_back(face);
        break;
    case SIGINT:
        key_pressed(face, 0, 3);
        break;
    default:
        face_quit(face, 128 + number);
    }
}

static bool start(struct face *face, struct err *err)
{
    static const int numbers[WATCHED_SIGNALS] = {SIGWINCH, SIGTERM, SIGHUP,
                                                 SIGINT,   SIGTSTP, SIGCONT};
    uv_loop_t *loop = face->app->loop;
    int failed = uv_poll_init(loop, &face->input, STDIN_FILENO);

    if (failed)
        return err_set(err, "the terminal can't be polled: %s", uv_strerror(failed));
    uv_prepare_init(loop, &face->prepare);
    uv_timer_init(loop, &face->soon);
    uv_timer_init(loop, &face->tick);
    face->input.data = face->prepare.data = face->soon.data = face->tick.data = face;
    uv_poll_start(&face->input, UV_READABLE | UV_DISCONNECT, readable);
    uv_prepare_start(&face->prepare, before_waiting);
    uv_timer_start(&face->tick, tick, TICK_MS, TICK_MS);
    for (size_t i = 0; i < WATCHED_SIGNALS; i++) {
        uv_signal_init(loop, &face->signals[i]);
        face->signals[i].data = face;
        uv_signal_start(&face->signals[i], signalled, numbers[i]);
    }
    return true;
}

static void run_loop(struct face *face, struct err *err)
{
    face->touched = true;
    face_draw(face); /* something to look at before anything connects */
    if (!start(face, err)) {
        screen_leave();
        face->exit_code = 1;
        return;
    }
    if (!app_start(face->app, err))
        face_quit(face, 1);
    uv_run(face->app->loop, UV_RUN_DEFAULT);
    uv_run(face->app->loop, UV_RUN_NOWAIT); /* lets the face's handles go */
}

int face_run(struct app *app)
{
    struct face face = {.app = app};
    struct err err = {0};

    if (!screen_enter(&err)) {
        fprintf(stderr, "pgcutover: %s\n", err.text);
        return 1;
    }
    face.glyphs = glyphs_of_locale();
    face.theme = theme_new(app->config->theme, &err);
    for (int i = 0; i < PANEL_COUNT; i++)
        grid_init(&face.views[i].grid, &panel_table[i]->grid);
    app->face = &face;
    app->changed = changed;
    if (face.theme != NULL)
        run_loop(&face, &err);
    else
        face.exit_code = 1;
    screen_leave();
    app->face = NULL;
    app->changed = NULL;
    for (int i = 0; i < PANEL_COUNT; i++)
        grid_free(&face.views[i].grid);
    theme_free(face.theme);
    if (err.text[0] != '\0')
        fprintf(stderr, "pgcutover: %s\n", err.text);
    return face.exit_code;
}
