#include "core/command.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    GRACE_MS = 5000,   /* from SIGTERM to SIGKILL */
    DRAIN_MS = 500,    /* for output after the end: a daemon left behind may hold the pipe open */
    LINE_MOST = 65536, /* a longer line is told in pieces */
    STREAMS = 2,       /* output and errors */
    HANDLES = STREAMS + 2,
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Past blanks, escaped line ends and comment lines; a # inside a line is a character as any other.
 */
static const char *skip_blanks(const char *at, bool line_begins)
{
    for (;; at++) {
        if (*at == '#' && line_begins)
            at += strcspn(at, "\n");
        if (at[0] == '\\' && at[1] == '\n')
            at++;
        if (!is_blank(*at))
            return at;
        line_begins = line_begins || *at == '\n';
    }
}

/* Reads one word from `*at`; false at an open quote or a backslash with nothing after it. */
static bool read_word(const char **at, struct str *word, struct err *err)
{
    char quote = '\0';
    const char *p = *at;
    for (; *p && (quote || !is_blank(*p)); p++) {
        if (*p == '\\' && quote != '\'') {
            if (!*++p)
                return err_set(err, "a backslash at the end of the command takes nothing");
            if (*p != '\n') /* an escaped line end is none, as in a shell */
                str_char(word, *p);
        } else if (*p == quote) {
            quote = '\0';
        } else if (!quote && (*p == '\'' || *p == '"')) {
            quote = *p;
        } else {
            str_char(word, *p);
        }
    }
    *at = p;
    return !quote || err_set(err, "the command ends inside %c...%c; close the quote", quote, quote);
}

char **command_split(const char *text, struct arena *arena, struct err *err)
{
    char **words = NULL;
    size_t count = 0;
    struct str word = {0};
    const char *at = skip_blanks(text, true);
    bool ok = true;
    while (ok && *at) {
        str_clear(&word);
        ok = read_word(&at, &word, err);
        char **place = arena_grow(arena, &words, count++, sizeof *words);
        *place = arena_strdup(arena, str_text(&word));
        at = skip_blanks(at, false);
    }
    str_free(&word);
    if (ok && !count)
        ok = err_set(err, "the command has no word; name a program");
    if (!ok)
        return NULL;
    arena_grow(arena, &words, count, sizeof *words); /* zeroed: the NULL at the end */
    return words;
}

void command_quote(struct str *out, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_-./:=@%+,";
    if (*word && strspn(word, plain) == strlen(word)) {
        str_add(out, word);
        return;
    }
    str_char(out, '\'');
    for (; *word; word++)
        if (*word == '\'')
            str_add(out, "'\\''");
        else
            str_char(out, *word);
    str_char(out, '\'');
}

struct stream {
    uv_pipe_t pipe;
    struct str line;
    bool ended;
};

struct command {
    uv_process_t process;
    uv_timer_t timer; /* the deadline, then the grace, then the drain */
    struct stream streams[STREAMS];
    struct command_events events;
    bool started;
    bool stopping; /* SIGTERM was sent */
    bool killed;   /* SIGKILL was sent */
    bool exited;
    bool finishing;
    int64_t status;
    int signal;
    char *error;
    int open_handles;
    char buffer[16384];
};

static void tell_line(struct command *command, struct stream *stream)
{
    command->events.line(str_text(&stream->line), stream == &command->streams[1],
                         command->events.arg);
    str_clear(&stream->line);
}

static void on_closed(uv_handle_t *handle)
{
    struct command *command = handle->data;
    if (--command->open_handles)
        return;
    command->events.ended(command->status, command->signal, command->error, command->events.arg);
    for (int i = 0; i < STREAMS; i++)
        str_free(&command->streams[i].line);
    free(command->error);
    free(command);
}

static void finish(struct command *command)
{
    if (command->finishing)
        return;
    command->finishing = true;
    for (int i = 0; i < STREAMS; i++) {
        if (command->streams[i].line.length) /* a last line without its end */
            tell_line(command, &command->streams[i]);
        uv_close((uv_handle_t *)&command->streams[i].pipe, on_closed);
    }
    uv_close((uv_handle_t *)&command->timer, on_closed);
    uv_close((uv_handle_t *)&command->process, on_closed);
}

static void signal_group(const struct command *command, int signal)
{
    (void)kill(-command->process.pid, signal);
}

static bool group_is_gone(const struct command *command)
{
    return kill(-command->process.pid, 0) != 0;
}

static void finish_if_over(struct command *command)
{
    bool silent = command->streams[0].ended && command->streams[1].ended;
    bool stopped = !command->stopping || command->killed || group_is_gone(command);
    if (command->exited && silent && stopped)
        finish(command);
}

static void on_time(uv_timer_t *timer)
{
    struct command *command = timer->data;
    if (!command->started || (command->exited && (!command->stopping || command->killed))) {
        finish(command);
    } else if (!command->stopping) {
        command->error = xstrdup("it was ended at its deadline");
        command_stop(command);
    } else {
        signal_group(command, SIGKILL);
        command->killed = true;
        if (command->exited)
            uv_timer_start(timer, on_time, DRAIN_MS, 0);
        finish_if_over(command);
    }
}

static void on_exited(uv_process_t *process, int64_t status, int signal)
{
    struct command *command = process->data;
    command->exited = true;
    command->status = signal ? -1 : status;
    command->signal = signal;
    if (!command->stopping || command->killed)
        uv_timer_start(&command->timer, on_time, DRAIN_MS, 0);
    finish_if_over(command);
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *room)
{
    (void)suggested;
    struct command *command = handle->data;
    *room = uv_buf_init(command->buffer, sizeof command->buffer);
}

/* A carriage return ends a line too: that is how programs draw their progress. */
static void take_output(struct command *command, struct stream *stream, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bool ends = text[i] == '\n' || text[i] == '\r';
        bool after_return = text[i] == '\n' && !stream->line.length;
        if (!ends && text[i])
            str_char(&stream->line, text[i]);
        if ((ends && !after_return) || stream->line.length == LINE_MOST)
            tell_line(command, stream);
    }
}

static void on_output(uv_stream_t *handle, ssize_t got, const uv_buf_t *buffer)
{
    struct command *command = handle->data;
    struct stream *stream = (struct stream *)handle; /* the pipe is its first member */
    if (got > 0)
        take_output(command, stream, buffer->base, (size_t)got);
    if (got >= 0)
        return;
    uv_read_stop(handle);
    stream->ended = true;
    finish_if_over(command);
}

static bool is_set_in(char *const *environment, const char *entry)
{
    size_t name = strcspn(entry, "=");
    for (size_t i = 0; environment && environment[i]; i++)
        if (strncmp(environment[i], entry, name) == 0 && environment[i][name] == '=')
            return true;
    return false;
}

/* The console's own environment, with `added` in place of what has the same name. */
static char **whole_environment(char *const *added)
{
    char **whole = NULL;
    size_t count = 0;
    for (size_t i = 0; added && added[i]; i++)
        *(char **)grow(&whole, count++, sizeof *whole) = added[i];
    for (size_t i = 0; environ[i]; i++)
        if (!is_set_in(added, environ[i]))
            *(char **)grow(&whole, count++, sizeof *whole) = environ[i];
    grow(&whole, count, sizeof *whole);
    return whole;
}

static int spawn(uv_loop_t *loop, struct command *command, char *const *argv,
                 char *const *environment)
{
    uv_stdio_container_t stdio[1 + STREAMS] = {{.flags = UV_IGNORE}};
    for (int i = 0; i < STREAMS; i++) {
        stdio[i + 1].flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE;
        stdio[i + 1].data.stream = (uv_stream_t *)&command->streams[i].pipe;
    }
    char **whole = whole_environment(environment);
    uv_process_options_t options = {
        .exit_cb = on_exited,
        .file = argv[0],
        .args = (char **)argv,
        .env = whole,
        .flags = UV_PROCESS_DETACHED, /* a session, and so a process group, of its own */
        .stdio_count = 1 + STREAMS,
        .stdio = stdio,
    };
    int failure = uv_spawn(loop, &command->process, &options);
    free(whole);
    return failure;
}

struct command *command_start(uv_loop_t *loop, char *const *argv, char *const *environment,
                              uint64_t timeout_ms, const struct command_events *events)
{
    struct command *command = xcalloc(1, sizeof *command);
    command->events = *events;
    command->open_handles = HANDLES;
    command->status = -1;
    command->process.data = command->timer.data = command;
    uv_timer_init(loop, &command->timer);
    for (int i = 0; i < STREAMS; i++) {
        uv_pipe_init(loop, &command->streams[i].pipe, 0);
        command->streams[i].pipe.data = command;
    }
    int failure = spawn(loop, command, argv, environment);
    command->started = failure == 0;
    if (!command->started)
        command->error = xprintf("%s: can't be started: %s", argv[0], uv_strerror(failure));
    for (int i = 0; command->started && i < STREAMS; i++)
        uv_read_start((uv_stream_t *)&command->streams[i].pipe, on_room, on_output);
    /* What could not be started ends from the loop too: callers see one order of events. */
    uv_timer_start(&command->timer, on_time, command->started ? timeout_ms : 0, 0);
    return command;
}

void command_stop(struct command *command)
{
    if (command->stopping || command->exited || !command->started)
        return;
    command->stopping = true;
    signal_group(command, SIGTERM);
    uv_timer_start(&command->timer, on_time, GRACE_MS, 0);
}
