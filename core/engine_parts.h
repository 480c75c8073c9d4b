/* The engine's own parts, for its files only: engine.c (events, journal, life), drive.c (the
 * driver's lock), question.c, gate.c, prepare.c (texts, probes and checks before either), act.c
 * (sending), resume.c (what the journal knows), capture.c (variables of the run). */
#ifndef PGCUTOVER_ENGINE_PARTS_H
#define PGCUTOVER_ENGINE_PARTS_H

#include "core/engine.h"
#include "core/journal.h"
#include "core/sessions.h"
#include "core/sqltext.h"

enum {
    PROBE_DEADLINE_MS = 5000,
    FRESH_MS = 5000, /* what was looked at longer ago is stale: yes is refused */
};

/* What is told of a step without a probe that was broken off. */
#define NOTHING_TO_SEE "it may have been done, and leaves nothing to see: run it again"

struct capture {
    struct capture *next;
    char *name, *value;
    int database_index; /* -1: of a whole node */
};

/* The text of one step for one place, ready to be sent. */
struct script_text {
    char *real;  /* what is sent */
    char *shown; /* the same with secrets as asterisks */
    bool secret; /* they differ */
};

enum answer { ANSWER_NONE, ANSWER_YES, ANSWER_NO };

/* What is found out about a step on a place before it is asked or run. */
struct prepared {
    struct preparation *of;
    size_t place; /* in the step_run's places */
    bool wanted;  /* the verb concerns this place */
    struct script_text text;
    enum answer probe;
    bool absent;
    char *error;
};

/* A look at a step: its texts, its probes, its checks. For a question it is repeated; for a gate it
 * has to come out the same again. */
struct preparation {
    struct engine *engine;
    enum verb verb;
    size_t step;
    struct prepared *places; /* as many as the step's */
    size_t place_count;
    size_t waiting;
    uint64_t done_ms;
    uint64_t begun_ms;
    void (*done)(struct preparation *preparation);
    bool abandoned; /* nobody wants it any more: it goes when its last answer has come */
};

struct engine {
    struct app *app;
    struct journal *journal;
    char *who;
    struct sessions *work;   /* may write */
    struct sessions *probes; /* read-only */
    struct drive_lock *lock;
    struct capture *captures;

    struct question question;
    bool asking;                   /* a question is open */
    struct preparation *looking;   /* the look that is under way for the question */
    struct preparation *seen;      /* the last one that was finished: what is shown */
    struct preparation *confirmed; /* what was seen at the moment of yes */
    struct preparation *gate;      /* the look after yes */
    uint64_t generation;

    struct job *jobs; /* under way, one a place */
    uv_timer_t tick;
    bool resumed;
    bool closing;    /* what still answers is not listened to */
    bool drove;      /* this console had the lock once */
    bool overtaken;  /* and then another one: what this one knows is old */
    bool stop_gate;  /* the operator's stop, while a step was being looked at */
    size_t resuming; /* probes of the resume that are not yet answered */
    bool window_noted;
};

/* --- capture.c: variables of the run --- */
void capture_set(struct engine *engine, const char *name, const char *value, int database_index);
const char *capture_get(const struct engine *engine, const char *name, int database_index);
void captures_free(struct engine *engine);

/* Replaces the variables of a step's script for a place; with `words` each value becomes one word
 * of a program's arguments. False and `err`. */
bool script_expand(struct engine *engine, const struct script *script, const struct place *place,
                   bool words, struct script_text *text, struct err *err);
void script_text_free(struct script_text *text);

/* The variant of a step for the place's server. NULL: none, or the version is not yet known. */
const struct step_variant *variant_at(const struct engine *engine, const struct step *step,
                                      const struct place *place);

/* The place on another role that belongs to this one: same database (or none). False: no node has
 * that role. NULL role: the place itself. */
bool place_on(const struct engine *engine, const struct place *place, const char *role,
              struct place *other);

/* --- prepare.c --- */
/* Begins a look; `done` is called once all has been answered, never before prepare_begin(). As a
 * gate it is only for the places in S_GATE. */
struct preparation *prepare(struct engine *engine, enum verb verb, size_t step, bool gate,
                            void (*done)(struct preparation *));
void prepare_begin(struct preparation *preparation);
void preparation_free(struct preparation *preparation); /* or as soon as nothing is on the way */

/* Asks a step's probe on a place: yes, no, or none with the reason in `error`. */
typedef void probe_done(enum answer answer, const char *error, void *arg);
void probe_ask(struct engine *engine, size_t step, size_t place, probe_done *done, void *arg);
/* A step that holds a session does so no more, and none that releases it was passed: what lived as
 * long as the session (a snapshot) is lost. It is not in place then, whatever its probe says. */
bool hold_is_gone(const struct engine *engine, size_t step, size_t place);
bool step_has_probe(const struct engine *engine, size_t step, size_t place);
/* The same for what is in doubt: a no is believed only if no session that we have lost, or that a
 * console before us had, is still at work on it. */
void probe_settle(struct engine *engine, size_t step, size_t place, probe_done *done, void *arg);

/* --- act.c --- */
/* Sends the text (NULL: there is nothing to send) and reports by engine_event(). */
void act(struct engine *engine, size_t step, size_t place, bool undo, struct script_text *text);
void act_stop(struct engine *engine);
void act_free(struct engine *engine);
void act_clean(const struct engine *engine); /* removes what a killed console left on the disk */

/* --- resume.c --- */
void resume_run(struct engine *engine);

/* --- drive.c --- */
struct drive_lock *drive_new(struct engine *engine);
void drive_free(struct drive_lock *lock);
enum drive drive_state(const struct drive_lock *lock);
/* Where one server is away: the lock on the other, and nobody else seen with one, is enough to go
 * back and to look. */
bool drive_may_go_back(const struct drive_lock *lock);
const char *drive_holder(const struct drive_lock *lock);
void drive_take_over(struct drive_lock *lock);
void drive_publish(struct drive_lock *lock, const char *state);

/* --- gate.c: the last look between yes and the first byte that is sent --- */
/* Whether this console may do it as to the driver's lock: going back and looking ask for less. */
bool engine_drives(const struct engine *engine, enum verb verb);
/* Why yes can't be said to what was seen; NULL: it can. The caller owns it. */
char *gate_why_not(const struct engine *engine, const struct preparation *look);
/* Looks at the step again, and where all is as it was confirmed, sends it or takes it back. */
void gate_run(struct engine *engine, size_t step);
void gate_undo(struct engine *engine, size_t step);

/* --- question.c: what the operator is asked --- */
void question_close(struct engine *engine);
void question_look(struct engine *engine); /* afresh, where it is open and no look is under way */

/* --- engine.c --- */
/* A record of this type; `step` and `detail` may be NULL. */
void engine_note(struct engine *engine, const char *type, const char *step, const char *detail);
/* Feeds the state machine, journals and does what it says. `message` may be NULL. */
void engine_event(struct engine *engine, size_t step, size_t place, enum event event,
                  const char *message);
/* A record of this step and place; the caller adds to it and appends it. */
json_t *engine_record(const struct engine *engine, const char *type, size_t step, size_t place);
void engine_journal_statement(struct engine *engine, size_t step, size_t place, const char *shown,
                              const char *outcome, double ms, const char *detail);
struct place_run *engine_place(const struct engine *engine, size_t step, size_t place);
/* Whether a step that is not in place may have left a part of what it does all the same. */
bool engine_may_have_left_half(const struct engine *engine, size_t step, enum state before);
/* From here on it is no alarm when the nodes go away that the step takes down. */
void engine_expect_down(struct engine *engine, const struct step *step);
void set_text(char **text, const char *value);

#endif
