/* The run as a pure state machine: it takes events and says what to do next. It does no I/O and
 * reads no clock, so every path through it can be tested. All changes of state go through
 * run_event(). */
#ifndef PGCUTOVER_RUN_H
#define PGCUTOVER_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "core/place.h"
#include "core/runbook.h"

/* The state of one step on one place. */
enum state {
    S_PENDING,
    S_GATE,    /* confirmed; checks and the probe are being looked at again */
    S_INTENT,  /* the intent is being written and synced */
    S_RUNNING, /* sent */
    S_PROBING, /* returned, refused or lost; the probe decides */
    S_DONE,    /* the probe said so */
    S_FAILED,  /* nothing of it is in place, and why */
    S_UNKNOWN, /* in doubt: the probe could not say */
    S_SKIPPED, /* by the operator, with a reason */
    S_ABSENT,  /* not available here */
    S_UNDO_INTENT,
    S_UNDOING,
    S_UNDO_PROBING,
    S_UNDONE,     /* taken back; may run again */
    S_RECHECKING, /* the probe is asked again, nothing was sent */
    STATE_COUNT
};

enum event {
    E_CONFIRM,   /* the operator said yes */
    E_REFUSE,    /* a check is red, something is stale, the intent can't be written */
    E_IN_PLACE,  /* the probe says yes before anything was sent */
    E_PASS,      /* the gate is passed */
    E_WRITTEN,   /* the intent is on the disk */
    E_RETURNED,  /* all statements returned */
    E_ERROR,     /* the server refused a statement */
    E_LOST,      /* the connection, or the deadline: nobody knows */
    E_YES,       /* the probe: the effect is in place */
    E_NO,        /* the probe: it is not */
    E_NO_ANSWER, /* the probe could not be asked */
    E_SKIP,
    E_LACKS,   /* what the step needs does not exist here */
    E_UNDO,    /* the operator said yes to taking it back */
    E_LEAVE,   /* going back, what can't be reached is left as it is */
    E_RECHECK, /* ask the probe again (unknown, failed, resumed) */
    EVENT_COUNT
};

/* What the engine has to do after an event. */
enum action {
    A_NOTHING,
    A_GATE,         /* run checks and the probe */
    A_WRITE_INTENT, /* journal it, synced, then E_WRITTEN */
    A_SEND,         /* send the text */
    A_PROBE,        /* ask the probe */
    A_WRITE_OUTCOME,
    A_SEND_UNDO,
    A_IMPOSSIBLE /* no such event in this state: nothing was changed */
};

/* What is known of a step on a place, beside its state: for the screen and the report. */
struct place_run {
    struct place place;
    char *name; /* place_name() */
    enum state state;
    enum state before;           /* it became busy: where a refusal leads back */
    bool left;                   /* something of it may be in place: an undo makes sense */
    uint64_t began_ms, ended_ms; /* monotonic; 0: not yet */
    char *message;               /* the last error or outcome in words; may be NULL */
    char *waits;   /* what it waits for now ("lock held by pid 42 (psql)"); may be NULL */
    bool progress; /* current and goal are known */
    double current, goal;
    int runs; /* how often it was sent */
};

struct step_run {
    const struct step *step;
    struct place_run *places;
    size_t place_count;
    bool superseded; /* a later step that is done ended its effect on purpose */
    bool armed;
    char *skip_reason;
};

struct run {
    char *name;
    const struct runbook *book;
    struct step_run *steps; /* as many as the book's, same order */
    size_t step_count;
    bool aborting;                               /* undo by undo, until the window is shut */
    bool firing;                                 /* armed steps follow one another */
    uint64_t window_opened_ms, window_closed_ms; /* monotonic; 0: not yet */
};

struct run *run_new(const struct config *config, const struct runbook *book);
void run_free(struct run *run);

/* The only place where a state changes. Returns what has to be done for it. A refusal leads back to
 * where the place was; a recheck that says what was known gives A_NOTHING. Confirming a step
 * disarms it; a window that is shut ends `aborting`. */
enum action run_event(struct run *run, size_t step, size_t place, enum event event,
                      uint64_t now_ms);

/* Brings a place that is pending to the state that the journal tells of last, by the events that
 * lead there; a busy one (an intent without an outcome) is in doubt. Recheck it afterwards, unless
 * the step is superseded: the servers are the truth. False where the place is not pending. */
bool run_recall(struct run *run, size_t step, size_t place, enum state state, uint64_t now_ms);

/* The step as a whole: done when it is done everywhere, else its worst or busiest place. */
enum state run_step_state(const struct run *run, size_t step);
/* Settled at every place, as far as is known: what is only looked at stands as it stood. */
bool run_is_passed(const struct run *run, size_t step);
bool state_is_busy(enum state state);    /* something is under way */
bool state_is_settled(enum state state); /* done, skipped or absent: the next step may come */

/* Whether what `step` said is void once the effect of `gone` is: it came later and has nothing to
 * take back (a barrier, a wait that came true, two sides that were equal), so it was a fact of that
 * attempt, and the next attempt asks it anew. run_event() sees to that. */
bool run_voids(const struct run *run, size_t gone, size_t step);

/* The first step that is neither settled nor superseded; step_count where all are. */
size_t run_next(const struct run *run);
/* The step whose undo comes next when going back (the last one that may have left something);
 * step_count where there is none. Steps without an undo that say why are passed over. */
size_t run_back(const struct run *run);
/* The step that is under way; step_count where none is. */
size_t run_busy(const struct run *run);

/* Open: the effect of a step that opens it is or may be in place anywhere, and no step that closes
 * it is done. It shuts as the opener is undone everywhere, and opens again as the closer is undone.
 */
bool run_window_open(const struct run *run);
/* True once a later step typed as the point of no return is done, in doubt or under way on any
 * place: nothing before it may be undone. */
bool run_past_return(const struct run *run, size_t step);

enum verb { VERB_RUN, VERB_UNDO, VERB_SKIP, VERB_ARM, VERB_FIRE, VERB_RECHECK, VERB_LEAVE };

/* Whether the operator may ask for this now; false and the reason in words that fit the footer. */
bool run_may(const struct run *run, size_t step, enum verb verb, struct err *why);

/* "done", "in doubt", "not available here" ... and a one-letter sign (ASCII). */
const char *state_word(enum state state);
char state_sign(enum state state);
const char *verb_word(enum verb verb);

#endif
