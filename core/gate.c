#include "core/engine_parts.h"

#include <stdlib.h>
#include <string.h>

static const char *blocking_check(const struct engine *engine, const struct step *step)
{
    for (size_t i = 0; i < step->require_count; i++) {
        const struct check_result *result = checks_result(engine->app->checks, step->requires[i]);
        if (result && check_blocks(result))
        return step->requires[i];
    }
    return NULL;
}

/* Whether this console may do it as to the lock; going back and looking ask for less. */
bool engine_drives(const struct engine *engine, enum verb verb)
{
    bool back = verb == VERB_UNDO || verb == VERB_RECHECK || verb == VERB_LEAVE;
    return engine_drive(engine) == DRIVE_OURS || (back && drive_may_go_back(engine->lock));
}

static const char *place_error(const struct preparation *look, size_t *place)
{
    for (*place = 0; *place < look->place_count; (*place)++) {
        const struct prepared *prepared = &look->places[*place];
        if (prepared->wanted && !prepared->absent && prepared->error)
            return prepared->error;
    }
    return NULL;
}

static char *check_refusal(const struct engine *engine, const struct step *step)
{
    const char *check = blocking_check(engine, step);
    if (!check)
        return NULL;
    const struct check_result *result = checks_result(engine->app->checks, check);
    if (result->outcome == CHECK_UNKNOWN)
        return xprintf("check %s could not be run: %s", check,
                       result->error ? result->error : "no answer yet");
    return xprintf("check %s does not hold (%d offender%s)", check, result->offenders->rows,
                   result->offenders->rows == 1 ? "" : "s");
}

char *gate_why_not(const struct engine *engine, const struct preparation *look)
{
    const struct step *step = engine->app->run->steps[look->step].step;
    bool sends = look->verb != VERB_SKIP && look->verb != VERB_LEAVE;
    size_t place;
    const char *error = place_error(look, &place);
    if (!engine_drives(engine, look->verb))
        return xstrdup("this console does not drive the run");
    if (journal_error(engine->journal))
        return xprintf("the journal can't be written: %s", journal_error(engine->journal));
    if (sends && error)
        return xprintf("%s: %s", engine_place(engine, look->step, place)->name, error);
    if (look->verb == VERB_LEAVE && !error)
        return xstrdup("its servers answer: take it back with u");
    return look->verb == VERB_RUN || look->verb == VERB_FIRE ? check_refusal(engine, step) : NULL;
}

/* The text that was confirmed is the text that is sent. What a generator says may have moved on
 * since (values of sequences under traffic): then it is still the confirmed one that goes. A step
 * that was fired was confirmed by arming it. */
static bool bind_text(const struct engine *engine, struct preparation *look)
{
    struct preparation *seen = engine->confirmed;
    if (!seen)
        return engine->app->run->firing;
    bool generated = engine->app->run->steps[look->step].step->kind == STEP_GEXEC &&
                     (look->verb == VERB_RUN || look->verb == VERB_FIRE);
    for (size_t i = 0; i < look->place_count; i++) {
        struct script_text *before = &seen->places[i].text, *now = &look->places[i].text;
        struct script_text swap = *now;
        if (!look->places[i].wanted)
            continue;
        if (generated) {
            *now = *before;
            *before = swap;
        } else if (strcmp(before->real ? before->real : "", now->real ? now->real : "") != 0) {
            return false;
        }
    }
    return true;
}

/* The last word before anything is sent. NULL: go. The caller owns the reason. */
static char *gate_refusal(struct engine *engine, struct preparation *look)
{
    char *why = gate_why_not(engine, look);
    uint64_t took_ms = look->done_ms - look->begun_ms;
    if (!why && engine->stop_gate)
        why = xstrdup("stopped by the operator");
    if (!why && took_ms > FRESH_MS)
        why = xprintf("looking again took %.1f s: what was seen first is stale",
                      (double)took_ms / 1000);
    if (!why && !bind_text(engine, look))
        why = xstrdup("the text is another one now than the one that you confirmed; look again");
    preparation_free(engine->confirmed);
    engine->confirmed = NULL;
    return why;
}

static void refuse_all(struct engine *engine, struct preparation *look, const char *why)
{
    size_t step = look->step, count = look->place_count;
    engine->app->run->firing = false;
    engine_note(engine, "refused", engine->app->run->steps[step].step->id, why);
    for (size_t i = 0; i < count; i++)
        if (engine_place(engine, step, i)->state == S_GATE)
            engine_event(engine, step, i, E_REFUSE, why);
}

static void pass(struct engine *engine, struct preparation *look)
{
    const struct step *step = engine->app->run->steps[look->step].step;
    size_t at = look->step, count = look->place_count;
    enum event *events = xcalloc(count + 1, sizeof *events);
    const char *texts[] = {"not available here", "already in place; nothing was sent"};
    /* Decided first: an event may end the step, and with it what was looked at. */
    for (size_t i = 0; i < count; i++) {
        const struct prepared *prepared = &look->places[i];
        bool empty = step->kind == STEP_GEXEC && (!prepared->text.real || !*prepared->text.real);
        bool in_place = prepared->probe == ANSWER_YES || (empty && !step_has_probe(engine, at, i));
        events[i] = prepared->absent ? E_LACKS : in_place ? E_IN_PLACE : E_PASS;
    }
    engine_expect_down(engine, step);
    for (size_t i = 0; i < count; i++)
        if (engine_place(engine, at, i)->state == S_GATE)
            engine_event(engine, at, i, events[i],
                         events[i] == E_LACKS      ? texts[0]
                         : events[i] == E_IN_PLACE ? texts[1]
                                                   : NULL);
    free(events);
}

static void on_gate(struct preparation *look)
{
    struct engine *engine = look->engine;
    char *why = gate_refusal(engine, look);
    if (why)
        refuse_all(engine, look, why);
    else
        pass(engine, look);
    free(why);
}

void gate_run(struct engine *engine, size_t step)
{
    engine->stop_gate = false;
    for (size_t i = 0; i < engine->app->run->steps[step].place_count; i++) {
        enum state state = engine_place(engine, step, i)->state;
        if (state == S_PENDING || state == S_FAILED || state == S_UNDONE)
            engine_event(engine, step, i, E_CONFIRM, NULL);
    }
    preparation_free(engine->gate);
    engine->gate = prepare(engine, VERB_RUN, step, true, on_gate);
    prepare_begin(engine->gate);
}

static void on_undo_look(struct preparation *look)
{
    struct engine *engine = look->engine;
    char *why = gate_refusal(engine, look);
    size_t step = look->step, count = look->place_count;
    if (why) {
        engine_note(engine, "refused", engine->app->run->steps[step].step->id, why);
        set_text(&engine_place(engine, step, 0)->message, why);
    }
    bool *wanted = xcalloc(count + 1, sizeof *wanted);
    for (size_t i = 0; i < count; i++)
        wanted[i] = look->places[i].wanted && look->places[i].text.real;
    for (size_t i = 0; i < count && !why; i++)
        if (wanted[i])
            engine_event(engine, step, i, E_UNDO, NULL);
    free(wanted);
    free(why);
    app_changed(engine->app);
}

void gate_undo(struct engine *engine, size_t step)
{
    engine->stop_gate = false;
    preparation_free(engine->gate);
    engine->gate = prepare(engine, VERB_UNDO, step, false, on_undo_look);
    prepare_begin(engine->gate);
}
