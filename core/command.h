/* Local programs of `command` steps: by argument vector, output streamed, ended at a deadline. */
#ifndef PGCUTOVER_COMMAND_H
#define PGCUTOVER_COMMAND_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "core/err.h"
#include "core/mem.h"

/* Cuts the text of a `command` step into its argument vector: words by blanks and line ends, '...'
 * and "..." keep them together, a backslash takes the next character (outside '...'; an escaped
 * line end is none), # begins a comment line. No shell. The vector (NULL at its end) belongs to the
 * arena. NULL and `err` on an open quote or no word at all. */
char **command_split(const char *text, struct arena *arena, struct err *err);

/* Appends a word so that command_split() gives it back as one, whatever it holds. */
void command_quote(struct str *out, const char *word);

struct command;

struct command_events {
    /* One line of its output, without its end; a carriage return (progress) ends a line too. */
    void (*line)(const char *text, bool is_error, void *arg);
    /* It ended: status as of exit(), or -1 and signal; `error` where it could not be started or met
     * its deadline, else NULL. */
    void (*ended)(int64_t status, int signal, const char *error, void *arg);
    void *arg;
};

/* Starts it in a process group of its own. `environment` (NAME=VALUE, NULL at its end) is added to
 * the console's own; it is where passwords go (PGPASSFILE), never the vector. After `timeout_ms`
 * the group gets SIGTERM, 5 s later SIGKILL. `ended` is called exactly once, from the loop, after
 * which the command is gone. */
struct command *command_start(uv_loop_t *loop, char *const *argv, char *const *environment,
                              uint64_t timeout_ms, const struct command_events *events);
/* SIGTERM to the group now, SIGKILL after 5 s; `ended` follows. */
void command_stop(struct command *command);

#endif
