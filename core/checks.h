/* The checks at work: run on their own sessions, remembered with their age. A console runs all of
 * them once, and those that the next step requires again and again. */
#ifndef PGCUTOVER_CHECKS_H
#define PGCUTOVER_CHECKS_H

#include "core/catalogue.h"
#include "core/table.h"

#include <stdbool.h>

enum check_outcome {
    CHECK_UNKNOWN, /* not run yet, or it could not be: blocks where the check blocks */
    CHECK_HOLDS,
    CHECK_RED,
    CHECK_ABSENT /* no variant for these servers */
};

struct check_result {
    const struct check *check;
    enum check_outcome outcome;
    struct table *offenders; /* columns place, object, detail; NULL: none */
    char *error;             /* why it is unknown; NULL otherwise */
    uint64_t answered_ms;    /* loop time; 0: never */
    double cost_ms;          /* on the server where it took longest */
    bool running;
    enum check_outcome accepted_as; /* a red one that was accepted is not an unknown one */
    char *accepted; /* the operator's reason for going on all the same; NULL: not accepted */
};

struct checks;
struct app;

struct checks *checks_new(struct app *app);
void checks_free(struct checks *checks);

/* Runs these checks again, afresh; `done` (may be NULL) is called from the loop, once, when all
 * have answered or their deadline (10 s) passed. Results stay readable meanwhile. */
void checks_run(struct checks *checks, const char *const *ids, size_t count,
                void (*done)(void *arg), void *arg);
void checks_run_all(struct checks *checks);

size_t checks_count(const struct checks *checks);
const struct check_result *checks_at(const struct checks *checks, size_t index);
const struct check_result *checks_result(const struct checks *checks, const char *id);

/* Whether it holds a step back: red or unknown, severity block, not accepted. */
bool check_blocks(const struct check_result *result);

/* Whether it costs a server so much that it runs once and on demand, not again and again. */
bool check_is_dear(const struct check_result *result);

/* The operator goes on in spite of it, with a reason; new offenders undo that. */
void checks_accept(struct checks *checks, const char *id, const char *reason);

#endif
