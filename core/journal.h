/* The history of a run: one JSON object a line, appended, synced to disk before what it announces
 * is done. Nothing here blocks the loop: writing and syncing happen in libuv's pool. */
#ifndef PGCUTOVER_JOURNAL_H
#define PGCUTOVER_JOURNAL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "core/err.h"

/* A record has always "at" (UTC, ISO 8601, milliseconds), "run", "seq" (1, 2, ...), "type" (below)
 * and where it fits "step", "place", "text", "outcome", "ms", "detail", "who".
 *   start      a console began to drive        intent     about to do it
 *   statement  one statement and its outcome   outcome    a step on a place: a state in words
 *   capture    variables of a step             skip       with the reason
 *   accept     a check, with the reason        arm, fire, window, note, end */
struct journal;

/* Opens DIR/RUN.jsonl for appending (making DIR, mode 0700; the file 0600), takes its lock, and
 * closes off a torn last line: cuts it off and keeps its text in a note. NULL and `err` (who holds
 * it; what the file is; what to do) where another process writes it, a line is of another run, or
 * the disk refuses. */
struct journal *journal_open(uv_loop_t *loop, const char *dir, const char *run, struct err *err);

/* Writes what was appended (blocking, at most as long as the disk takes), then closes. No `done` is
 * called any more; what is left of it goes as the loop runs on. */
void journal_close(struct journal *journal);

typedef void journal_done(bool ok, const char *error, void *arg);

/* Appends one record; takes over the reference to `record`, and adds at, run and seq. With `done`,
 * it is called from the loop once the record, and all before it, are on the disk, or could not be
 * written (after the first failure every append fails: nothing may be run any more). */
void journal_append(struct journal *journal, json_t *record, journal_done *done, void *arg);

/* A JSON string of anything a server or a program says: bytes that are not UTF-8 become \xNN
 * instead of losing the record. NULL gives JSON's null. */
json_t *journal_text(const char *text);

/* Why it can't be written; NULL while it can. */
const char *journal_error(const struct journal *journal);
const char *journal_path(const struct journal *journal);

/* The lines that were there on opening and those appended since, oldest first; the caller holds no
 * reference. */
size_t journal_count(const struct journal *journal);
const json_t *journal_record(const struct journal *journal, size_t index);

/* Reads a journal without writing it, for watchers and reports: an array of records (the caller
 * decrefs). A torn last line is left out. NULL and `err` where the file can't be read or a line
 * inside it is not JSON (FILE:LINE). */
json_t *journal_read(const char *path, struct err *err);

/* DIR/RUN.jsonl; the caller owns it. */
char *journal_file(const char *dir, const char *run);

#endif
