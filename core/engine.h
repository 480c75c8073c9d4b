/* The engine does what the operator confirmed: it gates, journals, sends, probes. It exists only in
 * a console that drives; a watcher has none, and so can't change anything. */
#ifndef PGCUTOVER_ENGINE_H
#define PGCUTOVER_ENGINE_H

#include "core/app.h"

/* One place of a question: what will be sent there, as it may be seen (secrets as asterisks). */
struct question_place {
    const char *name;
    char *text;    /* byte for byte; NULL while it is being prepared */
    bool in_place; /* the probe says that it is done there already: nothing will be sent */
    bool absent;   /* what the step needs does not exist there */
    char *error;   /* why the text can't be had; NULL: it could */
};

/* What the operator is asked. The dialog draws it; the engine keeps it up to date. */
struct question {
    uint64_t generation; /* another question has another one; answers name it */
    enum verb verb;
    size_t step;
    bool ready;    /* texts and checks are there */
    char *refusal; /* why yes can't be said now (a red check, a dead session); NULL: it can */
    bool typed;    /* yes is the run's name, typed whole */
    char yes;      /* else yes is this capital letter */
    struct question_place *places;
    size_t place_count;
    char *undo;           /* the way back, in words or SQL; never NULL once ready */
    uint64_t prepared_ms; /* loop time of the last look at probes and checks */
};

struct engine;

/* Opens the journal, takes the driver's lock in the background, reads what the journal knows and
 * asks the probes. NULL and `err` where the journal can't be had. */
struct engine *engine_new(struct app *app, struct err *err);
void engine_free(struct engine *engine);

/* Whether this console drives. */
enum drive {
    DRIVE_ASKING, /* the lock is being taken */
    DRIVE_OURS,
    DRIVE_TAKEN, /* another console has it: engine_driver() says who */
    DRIVE_LOST   /* the session of the lock is gone: nothing runs until it is back */
};
enum drive engine_drive(const struct engine *engine);
const char *engine_driver(const struct engine *engine); /* who holds it and since when; may be "" */
/* Ends the session of another console that holds the lock. The face asks for the run's name first.
 */
void engine_take_over(struct engine *engine);

/* True once the journal's steps have been probed: before that nothing may be asked. */
bool engine_resumed(const struct engine *engine);

/* Opens a question; false and why in words that fit the footer. */
bool engine_ask(struct engine *engine, enum verb verb, size_t step, struct err *why);
const struct question *engine_question(const struct engine *engine); /* NULL: none is open */
/* Says yes to the question of this generation; `text` is what was typed (the run's name, a reason
 * for skipping). False and why: nothing has happened. */
bool engine_yes(struct engine *engine, uint64_t generation, const char *text, struct err *why);
void engine_no(struct engine *engine);

/* After a yes, before anything is sent: checks and probes are being looked at again. */
bool engine_at_gate(const struct engine *engine);

/* Goes back to where the window is shut: asks undo after undo. */
bool engine_abort(struct engine *engine, struct err *why);
/* Stops what is running (cancel, or SIGTERM to a command). The probe then decides. */
bool engine_stop(struct engine *engine, struct err *why);

/* Journals and accepts a check with a reason. */
void engine_accept(struct engine *engine, const char *check, const char *reason);

/* What a step of the run has captured, on that database or on a whole node; NULL: nothing yet. */
const char *engine_captured(const struct engine *engine, const char *name, int database_index);

const char *engine_who(const struct engine *engine); /* user@host of this console */
const struct journal *engine_journal(const struct engine *engine);

#endif
