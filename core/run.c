#include "core/run.h"

#include <stdlib.h>
#include <string.h>

#include "core/mem.h"

/* What is fixed about each state. `rank`: of several places, the step shows the highest. */
static const struct {
    const char *word;
    char sign;
    bool busy;
    bool settled;
    int rank;
} states[STATE_COUNT] = {
    [S_PENDING] = {"pending", ' ', false, false, 3},
    [S_GATE] = {"being checked", '?', true, false, 7},
    [S_INTENT] = {"being journaled", '>', true, false, 8},
    [S_RUNNING] = {"running", '>', true, false, 10},
    [S_PROBING] = {"being probed", '?', true, false, 9},
    [S_RECHECKING] = {"being rechecked", '?', true, false, 7},
    [S_DONE] = {"done", '+', false, true, 1},
    [S_FAILED] = {"failed", 'x', false, false, 5},
    [S_UNKNOWN] = {"in doubt", '!', false, false, 6},
    [S_SKIPPED] = {"skipped", 's', false, true, 2},
    [S_ABSENT] = {"not available here", '-', false, true, 0},
    [S_UNDO_INTENT] = {"being journaled", '<', true, false, 8},
    [S_UNDOING] = {"being undone", '<', true, false, 10},
    [S_UNDO_PROBING] = {"being probed", '?', true, false, 9},
    [S_UNDONE] = {"undone", 'u', false, false, 4},
};

/* As a `to`: back to where the place was before it became busy. */
#define S_BEFORE  STATE_COUNT
#define IF(state) (1u << (state))

/* The first row that fits counts. `before`, where given: only if the place was in one of those
 * states before it became busy. */
struct transition {
    enum state from;
    enum event event;
    enum state to;
    enum action action;
    unsigned before;
};

static const struct transition transitions[] = {
    /* No row leads from UNKNOWN to the gate: what is in doubt is settled before it is sent again.
     */
    {S_PENDING, E_CONFIRM, S_GATE, A_GATE, 0},
    {S_UNDONE, E_CONFIRM, S_GATE, A_GATE, 0},
    {S_FAILED, E_CONFIRM, S_GATE, A_GATE, 0},
    {S_GATE, E_IN_PLACE, S_DONE, A_WRITE_OUTCOME, 0},
    {S_GATE, E_LACKS, S_ABSENT, A_WRITE_OUTCOME, 0},
    {S_GATE, E_REFUSE, S_BEFORE, A_NOTHING, 0},
    {S_GATE, E_PASS, S_INTENT, A_WRITE_INTENT, 0},
    {S_INTENT, E_REFUSE, S_BEFORE, A_NOTHING, 0},
    {S_INTENT, E_WRITTEN, S_RUNNING, A_SEND, 0},

    /* However it ended, the probe decides. */
    {S_RUNNING, E_RETURNED, S_PROBING, A_PROBE, 0},
    {S_RUNNING, E_ERROR, S_PROBING, A_PROBE, 0},
    {S_RUNNING, E_LOST, S_PROBING, A_PROBE, 0},
    {S_PROBING, E_YES, S_DONE, A_WRITE_OUTCOME, 0},
    {S_PROBING, E_NO, S_FAILED, A_WRITE_OUTCOME, 0},
    {S_PROBING, E_NO_ANSWER, S_UNKNOWN, A_WRITE_OUTCOME, 0},

    /* A skipped place may have been sent before it was skipped. */
    {S_DONE, E_UNDO, S_UNDO_INTENT, A_WRITE_INTENT, 0},
    {S_FAILED, E_UNDO, S_UNDO_INTENT, A_WRITE_INTENT, 0},
    {S_UNKNOWN, E_UNDO, S_UNDO_INTENT, A_WRITE_INTENT, 0},
    {S_SKIPPED, E_UNDO, S_UNDO_INTENT, A_WRITE_INTENT, 0},
    {S_UNDO_INTENT, E_REFUSE, S_BEFORE, A_NOTHING, 0},
    {S_UNDO_INTENT, E_WRITTEN, S_UNDOING, A_SEND_UNDO, 0},
    {S_UNDOING, E_RETURNED, S_UNDO_PROBING, A_PROBE, 0},
    {S_UNDOING, E_ERROR, S_UNDO_PROBING, A_PROBE, 0},
    {S_UNDOING, E_LOST, S_UNDO_PROBING, A_PROBE, 0},
    {S_UNDO_PROBING, E_NO, S_UNDONE, A_WRITE_OUTCOME, 0},
    {S_UNDO_PROBING, E_YES, S_DONE, A_WRITE_OUTCOME, 0}, /* still in place */
    {S_UNDO_PROBING, E_NO_ANSWER, S_UNKNOWN, A_WRITE_OUTCOME, 0},

    {S_DONE, E_LEAVE, S_UNKNOWN, A_WRITE_OUTCOME, 0},
    {S_FAILED, E_LEAVE, S_UNKNOWN, A_WRITE_OUTCOME, 0},
    {S_UNKNOWN, E_LEAVE, S_UNKNOWN, A_WRITE_OUTCOME, 0},
    {S_SKIPPED, E_LEAVE, S_UNKNOWN, A_WRITE_OUTCOME, 0},

    {S_PENDING, E_RECHECK, S_RECHECKING, A_PROBE, 0},
    {S_DONE, E_RECHECK, S_RECHECKING, A_PROBE, 0},
    {S_FAILED, E_RECHECK, S_RECHECKING, A_PROBE, 0},
    {S_UNKNOWN, E_RECHECK, S_RECHECKING, A_PROBE, 0},
    {S_UNDONE, E_RECHECK, S_RECHECKING, A_PROBE, 0},
    {S_ABSENT, E_RECHECK, S_RECHECKING, A_PROBE, 0},
    {S_SKIPPED, E_RECHECK, S_RECHECKING, A_PROBE, 0}, /* how a skip is taken back */
    {S_RECHECKING, E_YES, S_BEFORE, A_NOTHING, IF(S_DONE)},
    {S_RECHECKING, E_YES, S_DONE, A_WRITE_OUTCOME, 0},
    {S_RECHECKING, E_NO, S_BEFORE, A_NOTHING, IF(S_PENDING) | IF(S_UNDONE) | IF(S_FAILED)},
    {S_RECHECKING, E_NO, S_FAILED, A_WRITE_OUTCOME, IF(S_UNKNOWN)},
    {S_RECHECKING, E_NO, S_PENDING, A_WRITE_OUTCOME, 0}, /* was done, and is no more */
    {S_RECHECKING, E_NO_ANSWER, S_BEFORE, A_NOTHING,
     IF(S_UNKNOWN) | IF(S_ABSENT) | IF(S_SKIPPED) | IF(S_PENDING) | IF(S_UNDONE)},
    {S_RECHECKING, E_NO_ANSWER, S_UNKNOWN, A_WRITE_OUTCOME, 0},
    {S_RECHECKING, E_LACKS, S_BEFORE, A_NOTHING, IF(S_ABSENT)},
    {S_RECHECKING, E_LACKS, S_ABSENT, A_WRITE_OUTCOME, 0},

    {S_PENDING, E_LACKS, S_ABSENT, A_WRITE_OUTCOME, 0},
    {S_PENDING, E_SKIP, S_SKIPPED, A_WRITE_OUTCOME, 0},
    {S_FAILED, E_SKIP, S_SKIPPED, A_WRITE_OUTCOME, 0},
    {S_UNKNOWN, E_SKIP, S_SKIPPED, A_WRITE_OUTCOME, 0},
    {S_UNDONE, E_SKIP, S_SKIPPED, A_WRITE_OUTCOME, 0},
};

struct run *run_new(const struct config *config, const struct runbook *book)
{
    struct run *run = xcalloc(1, sizeof *run);
    run->name = xstrdup(config->run);
    run->book = book;
    run->step_count = book->step_count;
    run->steps = xcalloc(book->step_count, sizeof *run->steps);
    for (size_t i = 0; i < run->step_count; i++) {
        struct step_run *step = &run->steps[i];
        step->step = &book->steps[i];
        struct place *places = NULL;
        if (step_is_configured(step->step, config))
            step->place_count = places_of(config, step->step->on, step->step->per_node, &places);
        step->places = xcalloc(step->place_count, sizeof *step->places);
        for (size_t j = 0; j < step->place_count; j++) {
            step->places[j].place = places[j];
            step->places[j].name = place_name(&places[j]);
        }
        free(places);
    }
    return run;
}

void run_free(struct run *run)
{
    if (!run)
        return;
    for (size_t i = 0; i < run->step_count; i++) {
        struct step_run *step = &run->steps[i];
        for (size_t j = 0; j < step->place_count; j++) {
            free(step->places[j].name);
            free(step->places[j].message);
            free(step->places[j].waits);
        }
        free(step->places);
        free(step->skip_reason);
    }
    free(run->steps);
    free(run->name);
    free(run);
}

bool state_is_busy(enum state state)
{
    return states[state].busy;
}

bool state_is_settled(enum state state)
{
    return states[state].settled;
}

const char *state_word(enum state state)
{
    return states[state].word;
}

char state_sign(enum state state)
{
    return states[state].sign;
}

/* Looking at a place changes nothing there: meanwhile it stands where it stood. */
static enum state standing(const struct place_run *place)
{
    bool only_looked_at = place->state == S_GATE || place->state == S_RECHECKING;
    return only_looked_at ? place->before : place->state;
}

/* The effect of the step is, or may be, in place. */
static bool in_force(const struct place_run *place)
{
    enum state state = standing(place);
    return state == S_DONE || state == S_UNKNOWN || state_is_busy(state);
}

/* Done at every place that it was not skipped at or does not exist at. */
static bool in_effect(const struct step_run *step)
{
    bool done = false;
    for (size_t i = 0; i < step->place_count; i++) {
        enum state state = standing(&step->places[i]);
        if (!state_is_settled(state))
            return false;
        done = done || state == S_DONE;
    }
    return done;
}

bool run_is_passed(const struct run *run, size_t step)
{
    const struct step_run *at = &run->steps[step];
    size_t passed = 0;
    while (passed < at->place_count && state_is_settled(standing(&at->places[passed])))
        passed++;
    return passed == at->place_count && passed > 0;
}

static size_t superseder(const struct run *run, size_t step)
{
    const char *id = run->steps[step].step->id;
    for (size_t i = 0; i < run->step_count; i++) {
        const struct step *by = run->steps[i].step;
        for (size_t j = 0; j < by->supersede_count; j++)
            if (strcmp(by->supersedes[j], id) == 0 && in_effect(&run->steps[i]))
                return i;
    }
    return run->step_count;
}

static bool writes_held(const struct run *run)
{
    bool held = false;
    for (size_t i = 0; i < run->step_count; i++) {
        const struct step_run *step = &run->steps[i];
        if (step->step->closes && in_effect(step))
            return false;
        for (size_t j = 0; step->step->opens && j < step->place_count; j++)
            held = held || in_force(&step->places[j]);
    }
    return held;
}

bool run_window_open(const struct run *run)
{
    return run->window_opened_ms && !run->window_closed_ms;
}

/* The window and what is superseded follow from the states alone, so that no path can forget them:
 * taking back the step that closed the window opens it again. */
static void derive(struct run *run, uint64_t now_ms)
{
    for (size_t i = 0; i < run->step_count; i++)
        run->steps[i].superseded = superseder(run, i) < run->step_count;

    bool held = writes_held(run);
    if (held && !run_window_open(run)) {
        run->window_opened_ms = now_ms ? now_ms : 1; /* 0 would say: not yet */
        run->window_closed_ms = 0;
    } else if (!held && run_window_open(run)) {
        run->window_closed_ms = now_ms ? now_ms : 1;
        run->aborting = false;
    }
}

static bool has_undo(const struct step *step)
{
    for (size_t i = 0; i < step->variant_count; i++)
        if (step->variants[i].undo.text)
            return true;
    return false;
}

/* What such a step ended on purpose (a subscription dropped for good) it did, whatever comes. */
static bool ended_for_good(const struct run *run, const struct step *step)
{
    for (size_t i = 0; i < step->supersede_count; i++) {
        const struct step *ended = runbook_step(run->book, step->supersedes[i]);
        if (ended && has_undo(ended))
            return true;
    }
    return false;
}

bool run_voids(const struct run *run, size_t gone, size_t step)
{
    const struct step *fact = run->steps[step].step;
    return step > gone && !has_undo(fact) && !ended_for_good(run, fact);
}

/* An old barrier would let the next attempt believe that the target has everything. What failed may
 * run again as it is, and keeps its reason. */
static void forget_what_followed(struct run *run, size_t gone)
{
    for (size_t i = gone + 1; i < run->step_count; i++)
        for (size_t j = 0; run_voids(run, gone, i) && j < run->steps[i].place_count; j++) {
            struct place_run *at = &run->steps[i].places[j];
            if (at->state != S_DONE && at->state != S_UNKNOWN && at->state != S_SKIPPED)
                continue;
            at->state = S_PENDING;
            at->left = false;
        }
}

/* Once writes are back, an effect that is gone is no reason to walk the window again. */
static bool is_taken_back(const struct run *run, size_t step, enum state now, enum state before)
{
    return now == S_UNDONE || (now == S_PENDING && before == S_DONE && run_window_open(run) &&
                               run->steps[step].step->phase == PHASE_WINDOW);
}

static const struct transition *transition_for(const struct place_run *place, enum event event)
{
    for (size_t i = 0; i < sizeof transitions / sizeof *transitions; i++) {
        const struct transition *row = &transitions[i];
        if (row->from == place->state && row->event == event &&
            (!row->before || row->before & IF(place->before)))
            return row;
    }
    return NULL;
}

static void set_message(struct place_run *place, const char *message)
{
    free(place->message);
    place->message = message ? xstrdup(message) : NULL;
}

static void no_longer_waits(struct place_run *place)
{
    free(place->waits);
    place->waits = NULL;
}

/* What is known of a place besides its state, kept in step with it. */
static void note(struct place_run *place, enum state from, enum event event, uint64_t now_ms)
{
    if (event == E_CONFIRM || event == E_UNDO) {
        place->began_ms = now_ms;
        place->ended_ms = 0;
        place->progress = false;
        set_message(place, NULL);
    }
    if (from == S_RUNNING || from == S_UNDOING)
        no_longer_waits(place);
    if (place->state == S_RUNNING)
        place->runs++;
    if (place->state == S_RUNNING || place->state == S_DONE || place->state == S_UNKNOWN)
        place->left = true;
    if (place->state == S_UNDONE || place->state == S_PENDING || place->state == S_ABSENT ||
        event == E_LEAVE)
        place->left = false;
    if (from == S_RECHECKING && event == E_NO && place->before == S_DONE)
        set_message(place, "was done, and is no more");
    if (state_is_busy(from) && !state_is_busy(place->state) && from != S_RECHECKING)
        place->ended_ms = now_ms;
}

enum action run_event(struct run *run, size_t step, size_t place, enum event event, uint64_t now_ms)
{
    if (step >= run->step_count || place >= run->steps[step].place_count)
        return A_IMPOSSIBLE;
    struct place_run *at = &run->steps[step].places[place];
    const struct transition *row = transition_for(at, event);
    if (!row)
        return A_IMPOSSIBLE;

    enum state from = at->state;
    at->state = row->to == S_BEFORE ? at->before : row->to;
    if (!state_is_busy(from))
        at->before = from;
    if (event == E_CONFIRM) /* an armed step fires once: what failed is asked again */
        run->steps[step].armed = false;
    note(at, from, event, now_ms);
    if (at->state != from && is_taken_back(run, step, at->state, at->before))
        forget_what_followed(run, step);
    derive(run, now_ms);
    return row->action;
}

/* How a place comes to a state that the journal tells of. A way to UNDONE that avoids DONE leaves
 * other steps and the window alone. */
#define SENT     E_CONFIRM, E_PASS, E_WRITTEN
#define END      EVENT_COUNT
#define PATH_MAX 10
static const enum event paths[STATE_COUNT][PATH_MAX] = {
    [S_PENDING] = {END},
    [S_DONE] = {SENT, E_RETURNED, E_YES, END},
    [S_FAILED] = {SENT, E_ERROR, E_NO, END},
    [S_UNKNOWN] = {SENT, E_LOST, E_NO_ANSWER, END},
    [S_SKIPPED] = {E_SKIP, END},
    [S_ABSENT] = {E_LACKS, END},
    [S_UNDONE] = {SENT, E_LOST, E_NO_ANSWER, E_UNDO, E_WRITTEN, E_RETURNED, E_NO, END},
};

bool run_recall(struct run *run, size_t step, size_t place, enum state state, uint64_t now_ms)
{
    if (step >= run->step_count || place >= run->steps[step].place_count ||
        run->steps[step].places[place].state != S_PENDING)
        return false;
    const enum event *path = paths[state_is_busy(state) ? S_UNKNOWN : state];
    for (size_t i = 0; i < PATH_MAX && path[i] != END; i++)
        run_event(run, step, place, path[i], now_ms);
    return true;
}

enum state run_step_state(const struct run *run, size_t step)
{
    const struct step_run *at = &run->steps[step];
    enum state state = S_ABSENT; /* what has no place does not exist here */
    for (size_t i = 0; i < at->place_count; i++)
        if (states[at->places[i].state].rank > states[state].rank)
            state = at->places[i].state;
    return state;
}

size_t run_next(const struct run *run)
{
    size_t i = 0;
    while (i < run->step_count &&
           (run->steps[i].superseded || state_is_settled(run_step_state(run, i))))
        i++;
    return i;
}

size_t run_busy(const struct run *run)
{
    size_t i = 0;
    while (i < run->step_count && !state_is_busy(run_step_state(run, i)))
        i++;
    return i;
}

bool run_past_return(const struct run *run, size_t step)
{
    for (size_t i = step + 1; i < run->step_count; i++) {
        const struct step_run *after = &run->steps[i];
        if (!after->step->typed || after->step->phase != PHASE_AFTER)
            continue;
        for (size_t j = 0; j < after->place_count; j++)
            if (in_force(&after->places[j]))
                return true;
    }
    return false;
}

static bool may_have_left(const struct step_run *step)
{
    for (size_t i = 0; i < step->place_count; i++)
        if (step->places[i].left)
            return true;
    return false;
}

size_t run_back(const struct run *run)
{
    for (size_t i = run->step_count; i-- > 0;) {
        const struct step_run *step = &run->steps[i];
        if (!may_have_left(step) || !has_undo(step->step) || step->superseded)
            continue;
        return run_past_return(run, i) ? run->step_count : i;
    }
    return run->step_count;
}

static bool comes_first(const struct run *run, size_t step, const char *how, struct err *why)
{
    return err_set(why, "step %zu (%s) %s", step + 1, run->steps[step].step->id, how);
}

static bool may_run(const struct run *run, size_t step, struct err *why)
{
    enum state state = run_step_state(run, step);
    size_t next = run_next(run);
    if (run->steps[step].superseded)
        return err_set(why, "a later step ended its effect on purpose");
    if (state_is_settled(state))
        return err_set(why, "it is %s", state_word(state));
    if (next != step)
        return comes_first(run, next, "comes first", why);
    if (state == S_UNKNOWN)
        return err_set(why, "it is in doubt: recheck it first, or take it back");
    return true;
}

static bool may_undo(const struct run *run, size_t step, struct err *why)
{
    const struct step_run *at = &run->steps[step];
    size_t back = run_back(run);
    if (at->superseded)
        return comes_first(run, superseder(run, step), "ended its effect on purpose", why);
    if (!may_have_left(at))
        return err_set(why, "nothing to undo");
    if (run_past_return(run, step))
        return err_set(why, "past the point of no return");
    if (!has_undo(at->step)) {
        const char *none = at->step->variant_count ? at->step->variants[0].undo.none : NULL;
        return err_set(why, "nothing to undo: %s", none ? none : "it has no undo");
    }
    if (back != step)
        return comes_first(run, back, "is undone first", why);
    return true;
}

static bool may_skip(const struct run *run, size_t step, struct err *why)
{
    enum state state = run_step_state(run, step);
    size_t next = run_next(run);
    if (state_is_settled(state))
        return err_set(why, "it is %s", state_word(state));
    if (next != step)
        return comes_first(run, next, "comes first", why);
    return true;
}

static bool may_leave(const struct run *run, size_t step, struct err *why)
{
    size_t back = run_back(run);
    if (!may_have_left(&run->steps[step]))
        return err_set(why, "it has left nothing");
    if (back != step)
        return comes_first(run, back, "is undone first", why);
    return true;
}

/* Armed steps follow one another without a gap: firing must not stop inside an open window for a
 * step that nobody was asked about. */
static bool may_arm(const struct run *run, size_t step, struct err *why)
{
    const struct step_run *at = &run->steps[step];
    enum state state = run_step_state(run, step);
    if (at->step->phase != PHASE_WINDOW)
        return err_set(why, "only steps of the window can be armed");
    if (at->armed)
        return err_set(why, "it is armed");
    if (state_is_settled(state) || at->superseded)
        return err_set(why, "it is %s", at->superseded ? "superseded" : state_word(state));
    if (state == S_UNKNOWN)
        return err_set(why, "it is in doubt: recheck it first, or take it back");
    for (size_t i = 0; i < step; i++) {
        const struct step_run *before = &run->steps[i];
        bool settled = before->superseded || state_is_settled(run_step_state(run, i));
        if (before->step->phase == PHASE_WINDOW && !before->armed && !settled)
            return comes_first(run, i, "is armed first", why);
    }
    return true;
}

static bool may_fire(const struct run *run, size_t step, struct err *why)
{
    (void)step; /* firing begins at the next step, wherever the cursor is */
    size_t next = run_next(run);
    bool any = false;
    for (size_t i = 0; i < run->step_count; i++)
        any = any || run->steps[i].armed;
    if (!any)
        return err_set(why, "nothing is armed");
    if (next == run->step_count || !run->steps[next].armed)
        return next == run->step_count ? err_set(why, "every step is done")
                                       : comes_first(run, next, "comes first", why);
    return true;
}

static bool may_recheck(const struct run *run, size_t step, struct err *why)
{
    const struct step *asked = run->steps[step].step;
    if (!step_can_be_seen(asked))
        return err_set(why, "it has no probe to ask");
    if (run->steps[step].superseded)
        return comes_first(run, superseder(run, step), "ended its effect on purpose", why);
    if (!run->steps[step].place_count)
        return err_set(why, "it is not available here");
    /* A probe that happens to say yes is no reason to leap over what comes before it, and a wait
     * that was true for a moment proves nothing of the moment that it is for. */
    bool fresh = !may_have_left(&run->steps[step]) && !state_is_settled(run_step_state(run, step));
    if (fresh && (step != run_next(run) || asked->kind == STEP_WAIT))
        return err_set(why, "it was not run yet");
    return true;
}

static const struct {
    const char *word;
    bool (*may)(const struct run *run, size_t step, struct err *why);
} verbs[] = {
    [VERB_RUN] = {"run", may_run},
    [VERB_UNDO] = {"undo", may_undo},
    [VERB_SKIP] = {"skip", may_skip},
    [VERB_LEAVE] = {"leave", may_leave},
    [VERB_ARM] = {"arm", may_arm},
    [VERB_FIRE] = {"fire", may_fire},
    [VERB_RECHECK] = {"recheck", may_recheck},
};

const char *verb_word(enum verb verb)
{
    return verbs[verb].word;
}

bool run_may(const struct run *run, size_t step, enum verb verb, struct err *why)
{
    size_t busy = run_busy(run);
    if (step >= run->step_count)
        return err_set(why, "there is no such step");
    if (busy < run->step_count)
        return comes_first(run, busy, "is under way", why);
    return verbs[verb].may(run, step, why);
}
