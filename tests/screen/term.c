/* The pump between a program and its terminal: waiting for it, typing into it. */
#include "tests/screen/term_impl.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

_Noreturn void term_die(const char *what)
{
    fprintf(stderr, "test terminal: %s: %s\n", what, strerror(errno));
    abort();
}

void *term_need(void *memory)
{
    if (!memory)
        term_die("memory");
    return memory;
}

void term_append(struct bytes *b, const char *from, size_t length)
{
    if (b->length + length > b->room) {
        b->room = (b->length + length) * 2;
        b->at = term_need(realloc(b->at, b->room));
    }
    if (length)
        memcpy(b->at + b->length, from, length);
    b->length += length;
}

static long long now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/* What libvterm tells. */

static void set_title(struct term *t, VTermValue *value)
{
#if VTERM_VERSION_MAJOR == 0 && VTERM_VERSION_MINOR < 2
    t->title.length = 0;
    term_append(&t->title, value->string, strlen(value->string) + 1);
#else
    if (value->string.initial || !t->title.length)
        t->title.length = 0;
    else
        t->title.length--; /* the NUL of the fragment before */
    term_append(&t->title, value->string.str, value->string.len);
    term_append(&t->title, "", 1);
#endif
}

static int on_property(VTermProp prop, VTermValue *value, void *user)
{
    struct term *t = user;
    if (prop == VTERM_PROP_TITLE)
        set_title(t, value);
    else if (prop == VTERM_PROP_ALTSCREEN)
        t->alternate = value->boolean;
    else if (prop == VTERM_PROP_CURSORVISIBLE)
        t->cursor_visible = value->boolean;
    return 1;
}

static int on_bell(void *user)
{
    ((struct term *)user)->bells++;
    return 1;
}

/* Only queued: writing here could find the pty full in the middle of interpreting its output. */
static void on_output(const char *bytes, size_t length, void *user)
{
    term_append(&((struct term *)user)->input, bytes, length);
}

static void open_screen(struct term *t)
{
    static const VTermScreenCallbacks callbacks = {.settermprop = on_property, .bell = on_bell};

    t->vt = term_need(vterm_new(t->rows, t->cols));
    vterm_set_utf8(t->vt, 1);
    vterm_output_set_callback(t->vt, on_output, t);
    t->screen = vterm_obtain_screen(t->vt);
    vterm_screen_set_callbacks(t->screen, &callbacks, t);
    vterm_screen_enable_altscreen(t->screen, 1);
    vterm_screen_reset(t->screen, 1);
    t->row_text = term_need(calloc((size_t)t->rows, sizeof *t->row_text));
}

struct term *term_start(const struct term_options *o)
{
    struct term *t = term_need(calloc(1, sizeof *t));
    t->cols = o->cols ? o->cols : 80;
    t->rows = o->rows ? o->rows : 24;
    t->cursor_visible = true;
    open_screen(t);
    t->pid = term_launch(o, t->cols, t->rows, &t->master);
    t->exit_fd = pidfd_open(t->pid, 0);
    if (t->exit_fd < 0)
        term_die("pidfd_open");
    return t;
}

static void forget_rows(struct term *t)
{
    for (int row = 0; row < t->rows; row++)
        free(t->row_text[row]);
    free(t->row_text);
}

static void reap(struct term *t)
{
    if (waitpid(t->pid, &t->status, 0) != t->pid)
        term_die("waitpid");
    close(t->exit_fd);
    t->exit_fd = -1;
}

void term_free(struct term *t)
{
    if (!t)
        return;
    if (t->exit_fd >= 0) {
        kill(-t->pid, SIGKILL);
        kill(t->pid, SIGKILL); /* the group does not exist before the child's setsid() */
        reap(t);
    }
    term_hangup(t);
    forget_rows(t);
    vterm_free(t->vt);
    free(t->title.at);
    free(t->output.at);
    free(t->input.at);
    free(t->held.at);
    free(t);
}

/* The pump: everything between program and screen goes through here. */

static void write_input(struct term *t)
{
    ssize_t n = write(t->master, t->input.at, t->input.length);
    if (n <= 0)
        return; /* full: later; gone: the read will tell */
    t->input.length -= (size_t)n;
    memmove(t->input.at, t->input.at + n, t->input.length);
}

static void show(struct term *t, const char *bytes, size_t length)
{
    struct bytes marked = {0};

    term_mark_dim(&t->held, bytes, length, &marked);
    vterm_input_write(t->vt, marked.at, marked.length);
    free(marked.at);
}

static void read_output(struct term *t)
{
    char chunk[16384];
    ssize_t n = read(t->master, chunk, sizeof chunk);
    if (n > 0) {
        term_append(&t->output, chunk, (size_t)n);
        show(t, chunk, (size_t)n);
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        term_hangup(t); /* EIO: the last one on the other side has closed it */
    }
}

static bool over(const struct term *t)
{
    return t->master < 0 && t->exit_fd < 0;
}

/* Waits up to ms for one event and handles it; false if there was none. */
static bool pump(struct term *t, long long ms)
{
    short wanted = (short)(t->input.length ? POLLIN | POLLOUT : POLLIN);
    struct pollfd fds[] = {{.fd = t->master, .events = wanted},
                           {.fd = t->exit_fd, .events = POLLIN}};
    int ready = poll(fds, 2, ms > 0 ? (int)ms : 0);
    if (ready < 0 && errno != EINTR)
        term_die("poll");
    if (ready <= 0)
        return false;
    if (fds[0].revents & POLLOUT)
        write_input(t);
    if (fds[0].revents & ~POLLOUT)
        read_output(t);
    if (fds[1].revents)
        reap(t);
    return true;
}

bool term_wait(struct term *t, term_predicate *holds, const void *arg, int ms)
{
    long long end = now_ms() + ms;
    pump(t, 0); /* the freshest screen first */
    while (!holds(t, arg)) {
        long long left = end - now_ms();
        if (over(t) || (!pump(t, left) && left <= 0))
            return holds(t, arg);
    }
    return true;
}

static bool has_text(const struct term *t, const void *text)
{
    return term_find(t, text, NULL, NULL);
}

static bool has_no_text(const struct term *t, const void *text)
{
    return !has_text(t, text);
}

bool term_wait_text(struct term *t, const char *text, int ms)
{
    return term_wait(t, has_text, text, ms);
}

bool term_wait_no_text(struct term *t, const char *text, int ms)
{
    return term_wait(t, has_no_text, text, ms);
}

bool term_wait_quiet(struct term *t, int quiet, int max)
{
    long long now = now_ms(), end = now + max, quiet_at = now + quiet;
    while (now < quiet_at && !over(t)) {
        size_t before = t->output.length;
        if (now >= end)
            return false;
        pump(t, (quiet_at < end ? quiet_at : end) - now);
        now = now_ms();
        if (t->output.length != before)
            quiet_at = now + quiet;
    }
    return true;
}

static bool has_ended(const struct term *t, const void *unused)
{
    (void)unused;
    return t->exit_fd < 0;
}

static bool is_over(const struct term *t, const void *unused)
{
    (void)unused;
    return over(t);
}

bool term_exited(struct term *t, int ms, int *status)
{
    if (!term_wait(t, has_ended, NULL, ms))
        return false;
    /* The last output arrives after the exit. A child of the program can keep the pty open for
     * ever, hence the limit. */
    term_wait(t, is_over, NULL, 200);
    if (status)
        *status = t->status;
    return true;
}

/* The human's side. */

static void type(struct term *t, const char *bytes)
{
    term_append(&t->input, bytes, strlen(bytes));
}

/* Keys should be on their way when the function that typed them returns. */
static void send_input(struct term *t)
{
    if (t->master < 0)
        t->input.length = 0;
    else if (t->input.length)
        write_input(t);
}

void term_keys(struct term *t, const char *bytes)
{
    type(t, bytes);
    send_input(t);
}

void term_key(struct term *t, enum term_key key)
{
    static const VTermKey keys[] = {
        [TERM_ENTER] = VTERM_KEY_ENTER,   [TERM_TAB] = VTERM_KEY_TAB,
        [TERM_BACKTAB] = VTERM_KEY_TAB,   [TERM_BACKSPACE] = VTERM_KEY_BACKSPACE,
        [TERM_ESC] = VTERM_KEY_ESCAPE,    [TERM_UP] = VTERM_KEY_UP,
        [TERM_DOWN] = VTERM_KEY_DOWN,     [TERM_LEFT] = VTERM_KEY_LEFT,
        [TERM_RIGHT] = VTERM_KEY_RIGHT,   [TERM_HOME] = VTERM_KEY_HOME,
        [TERM_END] = VTERM_KEY_END,       [TERM_INSERT] = VTERM_KEY_INS,
        [TERM_DELETE] = VTERM_KEY_DEL,    [TERM_PGUP] = VTERM_KEY_PAGEUP,
        [TERM_PGDN] = VTERM_KEY_PAGEDOWN,
    };
    VTermModifier shift = key == TERM_BACKTAB ? VTERM_MOD_SHIFT : VTERM_MOD_NONE;
    if (key >= TERM_F1)
        vterm_keyboard_key(t->vt, (VTermKey)(VTERM_KEY_FUNCTION_0 + 1 + key - TERM_F1), shift);
    else
        vterm_keyboard_key(t->vt, keys[key], shift);
    send_input(t);
}

void term_paste(struct term *t, const char *text)
{
    vterm_keyboard_start_paste(t->vt);
    type(t, text);
    vterm_keyboard_end_paste(t->vt);
    send_input(t);
}

void term_resize(struct term *t, int cols, int rows)
{
    struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)cols};

    forget_rows(t);
    t->cols = cols;
    t->rows = rows;
    t->row_text = term_need(calloc((size_t)rows, sizeof *t->row_text));
    vterm_set_size(t->vt, rows, cols);
    if (t->master >= 0 && ioctl(t->master, TIOCSWINSZ, &size) < 0)
        term_die("TIOCSWINSZ");
}

void term_signal(struct term *t, int sig)
{
    if (t->exit_fd >= 0 && pidfd_send_signal(t->exit_fd, sig, NULL, 0) < 0 && errno != ESRCH)
        term_die("kill");
}

void term_hangup(struct term *t)
{
    if (t->master >= 0)
        close(t->master);
    t->master = -1;
}

pid_t term_pid(const struct term *t)
{
    return t->pid;
}
