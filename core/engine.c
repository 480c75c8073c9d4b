#include "core/engine.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/engine_parts.h"
#include "core/sampler.h"

enum {
    TICK_MS = 250,
    LOOK_AGAIN_MS = 2000, /* how old what a question shows may get */
};

void set_text(char **text, const char *value)
{
    char *copy = value ? xstrdup(value) : NULL;
    free(*text);
    *text = copy;
}

struct place_run *engine_place(const struct engine *engine, size_t step, size_t place)
{
    return &engine->app->run->steps[step].places[place];
}

json_t *engine_record(const struct engine *engine, const char *type, size_t step, size_t place)
{
    json_t *record = json_object();
    json_object_set_new(record, "type", json_string(type));
    json_object_set_new(record, "step", json_string(engine->app->run->steps[step].step->id));
    json_object_set_new(record, "place", journal_text(engine_place(engine, step, place)->name));
    return record;
}

void engine_journal_statement(struct engine *engine, size_t step, size_t place, const char *shown,
                              const char *outcome, double ms, const char *detail)
{
    json_t *record = engine_record(engine, "statement", step, place);
    char *clean = app_redact(engine->app, detail ? detail : "");
    json_object_set_new(record, "text", journal_text(shown));
    json_object_set_new(record, "outcome", json_string(outcome));
    json_object_set_new(record, "ms", json_real(ms));
    json_object_set_new(record, "detail", journal_text(clean));
    journal_append(engine->journal, record, NULL, NULL);
    free(clean);
}

static void note(struct engine *engine, const char *type, const char *step, const char *detail)
{
    json_t *record = json_object();
    json_object_set_new(record, "type", json_string(type));
    if (step)
        json_object_set_new(record, "step", json_string(step));
    json_object_set_new(record, "who", journal_text(engine->who));
    if (detail)
        json_object_set_new(record, "detail", journal_text(detail));
    journal_append(engine->journal, record, NULL, NULL);
}

static void write_outcome(struct engine *engine, size_t step, size_t place)
{
    const struct place_run *at = engine_place(engine, step, place);
    json_t *record = engine_record(engine, "outcome", step, place);
    json_object_set_new(record, "outcome", json_string(state_word(at->state)));
    if (at->message)
        json_object_set_new(record, "detail", journal_text(at->message));
    if (at->ended_ms >= at->began_ms && at->began_ms > 0)
        json_object_set_new(record, "ms", json_integer((json_int_t)(at->ended_ms - at->began_ms)));
    journal_append(engine->journal, record, NULL, NULL);
}

struct written {
    struct engine *engine;
    size_t step, place;
};

static void on_written(bool ok, const char *error, void *arg)
{
    struct written *written = arg;
    engine_event(written->engine, written->step, written->place, ok ? E_WRITTEN : E_REFUSE,
                 ok ? NULL : error);
    free(written);
}

static const struct prepared *going(const struct engine *engine, size_t step, size_t place)
{
    bool is_it = engine->gate && engine->gate->step == step && place < engine->gate->place_count;
    return is_it ? &engine->gate->places[place] : NULL;
}

static void write_intent(struct engine *engine, size_t step, size_t place)
{
    struct written *written = xcalloc(1, sizeof *written);
    const struct prepared *prepared = going(engine, step, place);
    bool undo = engine_place(engine, step, place)->state == S_UNDO_INTENT;
    *written = (struct written){engine, step, place};
    json_t *record = engine_record(engine, "intent", step, place);
    json_object_set_new(record, "verb", json_string(verb_word(undo ? VERB_UNDO : VERB_RUN)));
    json_object_set_new(record, "who", journal_text(engine->who));
    if (prepared && prepared->text.shown)
        json_object_set_new(record, "text", journal_text(prepared->text.shown));
    journal_append(engine->journal, record, on_written, written);
}

static void step_ended(struct engine *engine, size_t step);

static void publish(struct engine *engine)
{
    const struct run *run = engine->app->run;
    size_t step = run_busy(run);
    if (step == run->step_count)
        step = run_next(run);
    char *state =
        step < run->step_count
            ? xprintf("pgcutover drive %s %zu/%zu %s %s", run->name, step + 1, run->step_count,
                      run->steps[step].step->id, state_word(run_step_state(run, step)))
            : xprintf("pgcutover drive %s %zu/%zu - finished", run->name, run->step_count,
                      run->step_count);
    drive_publish(engine->lock, state);
    free(state);
}

/* Both ends of the window are facts of their own in the history. */
static void note_window(struct engine *engine, size_t step)
{
    bool open = run_window_open(engine->app->run);
    if (open == engine->window_noted)
        return;
    engine->window_noted = open;
    note(engine, "window", engine->app->run->steps[step].step->id, open ? "opened" : "closed");
}

static void on_probed(enum answer answer, const char *error, void *arg)
{
    static const enum event events[] = {
        [ANSWER_NONE] = E_NO_ANSWER, [ANSWER_YES] = E_YES, [ANSWER_NO] = E_NO};
    struct written *probed = arg;
    struct engine *engine = probed->engine;
    const struct place_run *at = engine_place(engine, probed->step, probed->place);
    bool undo = at->state == S_UNDO_PROBING;
    char *message = NULL;
    if (answer == ANSWER_NONE)
        message = xprintf("%s%sthe probe could not be asked: %s", at->message ? at->message : "",
                          at->message ? "; " : "", error ? error : "no answer");
    else if (answer == ANSWER_NO && !undo && !at->message)
        message = xstrdup("all was sent, but the probe says that it is not in place");
    else if (answer == ANSWER_YES && undo && !at->message)
        message = xstrdup("the undo was sent, but the probe says that it is still in place");
    engine_event(engine, probed->step, probed->place, events[answer], message);
    free(message);
    free(probed);
}

/* Where nothing can be seen afterwards, what the statements returned is all there is. What was lost
 * is in doubt for ever then, since there is nothing to ask: it counts as failed, so that the
 * operator can send it again. */
static void settle_without_probe(struct engine *engine, size_t step, size_t place, enum event last)
{
    const struct place_run *at = engine_place(engine, step, place);
    bool undo = at->state == S_UNDO_PROBING;
    enum event event = last == E_RETURNED ? (undo ? E_NO : E_YES)
                       : last == E_ERROR  ? (undo ? E_YES : E_NO)
                       : undo             ? E_NO_ANSWER
                                          : E_NO;
    char *message = last != E_LOST || undo ? NULL
                                           : xprintf("%s%s%s", at->message ? at->message : "",
                                                     at->message ? "; " : "", NOTHING_TO_SEE);
    engine_event(engine, step, place, event, message);
    free(message);
}

static void ask_probe(struct engine *engine, size_t step, size_t place, enum event last)
{
    bool facts = engine->app->run->steps[step].step->kind == STEP_WAIT && last == E_RETURNED;
    if (facts || !step_has_probe(engine, step, place)) {
        settle_without_probe(engine, step, place, last);
        return;
    }
    struct written *probed = xcalloc(1, sizeof *probed);
    *probed = (struct written){engine, step, place};
    const struct place_run *at = engine_place(engine, step, place);
    bool in_doubt = last == E_LOST || (last == E_RECHECK && at->before == S_UNKNOWN);
    (in_doubt ? probe_settle : probe_ask)(engine, step, place, on_probed, probed);
}

/* A program that failed, or was broken off, may have left half of what it does, and that half is
 * not what its probe asks for. */
static bool may_have_left_half(const struct engine *engine, size_t step, enum state before)
{
    return engine->app->run->steps[step].step->kind == STEP_COMMAND && before != S_DONE;
}

static void send_text(struct engine *engine, size_t step, size_t place, bool undo)
{
    const struct prepared *prepared = going(engine, step, place);
    if (!prepared)
        die("pgcutover: %s was passed without a look", engine->app->run->steps[step].step->id);
    bool nothing = undo && prepared->probe == ANSWER_NO &&
                   !may_have_left_half(engine, step, engine_place(engine, step, place)->before);
    struct script_text text = nothing ? (struct script_text){0} : prepared->text;
    act(engine, step, place, undo, &text);
}

void engine_event(struct engine *engine, size_t step, size_t place, enum event event,
                  const char *message)
{
    if (engine->closing)
        return;
    struct run *run = engine->app->run;
    struct place_run *at = engine_place(engine, step, place);
    if (event == E_CONFIRM || event == E_UNDO)
        set_text(&at->message, NULL);
    if (message) {
        char *clean = app_redact(engine->app, message);
        set_text(&at->message, clean);
        free(clean);
    }
    enum action action = run_event(run, step, place, event, app_now(engine->app));
    if (action == A_IMPOSSIBLE)
        die("pgcutover: event %d in state \"%s\" of step %s", (int)event, state_word(at->state),
            run->steps[step].step->id);
    note_window(engine, step);
    publish(engine);
    app_changed(engine->app);
    switch (action) {
    case A_WRITE_INTENT:
        write_intent(engine, step, place);
        break;
    case A_SEND:
    case A_SEND_UNDO:
        send_text(engine, step, place, action == A_SEND_UNDO);
        break;
    case A_PROBE:
        ask_probe(engine, step, place, event);
        break;
    case A_WRITE_OUTCOME:
        write_outcome(engine, step, place);
        step_ended(engine, step);
        break;
    case A_NOTHING:
        step_ended(engine, step);
        break;
    case A_GATE:
    case A_IMPOSSIBLE:
        break;
    }
}

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
static bool drives(const struct engine *engine, enum verb verb)
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

static char *why_not(const struct engine *engine, const struct preparation *look)
{
    const struct step *step = engine->app->run->steps[look->step].step;
    bool sends = look->verb != VERB_SKIP && look->verb != VERB_LEAVE;
    size_t place;
    const char *error = place_error(look, &place);
    if (!drives(engine, look->verb))
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
    char *why = why_not(engine, look);
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
    note(engine, "refused", engine->app->run->steps[step].step->id, why);
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

static void run_gate(struct engine *engine, size_t step)
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
        note(engine, "refused", engine->app->run->steps[step].step->id, why);
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

static void run_undo(struct engine *engine, size_t step)
{
    engine->stop_gate = false;
    preparation_free(engine->gate);
    engine->gate = prepare(engine, VERB_UNDO, step, false, on_undo_look);
    prepare_begin(engine->gate);
}

static void clear_question(struct question *question)
{
    for (size_t i = 0; i < question->place_count; i++) {
        free(question->places[i].text);
        free(question->places[i].error);
    }
    free(question->places);
    free(question->undo);
    free(question->refusal);
    *question = (struct question){0};
}

static void close_question(struct engine *engine)
{
    clear_question(&engine->question);
    engine->asking = false;
    preparation_free(engine->looking);
    engine->looking = NULL;
    app_changed(engine->app);
}

/* A script as it may be seen, for the first place; as it stands in the file where a variable of it
 * is not yet known. The caller owns it. */
static char *script_shown(struct engine *engine, const struct step_run *of,
                          const struct script *script)
{
    struct place on;
    struct script_text text = {0};
    bool known = place_on(engine, &of->places[0].place, script->on, &on) &&
                 script_expand(engine, script, &on, of->step->kind == STEP_COMMAND, &text, NULL);
    char *shown = xstrdup(known ? text.shown : script->text);
    script_text_free(&text);
    return shown;
}

static char *way_back(struct engine *engine, size_t step)
{
    const struct step_run *of = &engine->app->run->steps[step];
    const struct step_variant *variant =
        of->place_count > 0 ? variant_at(engine, of->step, &of->places[0].place) : NULL;
    if (!variant || (!variant->undo.text && !variant->undo.none))
        return xstrdup("nothing to take back");
    if (!variant->undo.text)
        return xprintf("none: %s", variant->undo.none);
    char *undo = script_shown(engine, of, &variant->undo);
    if (!variant->abandon.text)
        return undo;
    char *abandon = script_shown(engine, of, &variant->abandon);
    char *both = xprintf("%s\nWhere it takes too long it is given up by:\n%s", undo, abandon);
    free(undo);
    free(abandon);
    return both;
}

static void show_places(struct engine *engine, const struct preparation *look)
{
    struct question *question = &engine->question;
    for (size_t i = 0; i < question->place_count; i++) {
        free(question->places[i].text);
        free(question->places[i].error);
    }
    free(question->places);
    question->places = xcalloc(look->place_count + 1, sizeof *question->places);
    question->place_count = 0;
    for (size_t i = 0; i < look->place_count; i++) {
        const struct prepared *prepared = &look->places[i];
        if (!prepared->wanted)
            continue;
        bool undo = look->verb == VERB_UNDO;
        struct question_place *place = &question->places[question->place_count++];
        place->name = engine_place(engine, look->step, i)->name;
        place->text = prepared->text.shown ? xstrdup(prepared->text.shown) : NULL;
        place->in_place = prepared->probe == (undo ? ANSWER_NO : ANSWER_YES) &&
                          !(undo && may_have_left_half(engine, look->step,
                                                       engine_place(engine, look->step, i)->state));
        place->absent = prepared->absent;
        place->error = prepared->error ? xstrdup(prepared->error) : NULL;
    }
}

/* What a generator said stays what is asked, while its question is open. Another text of any other
 * step is another question: the dialog settles anew before it takes an answer. */
static void keep_shown_text(struct engine *engine, struct preparation *look)
{
    struct preparation *seen = engine->question.ready ? engine->seen : NULL;
    bool generated = engine->app->run->steps[look->step].step->kind == STEP_GEXEC;
    for (size_t i = 0; seen && i < look->place_count; i++) {
        struct script_text *before = &seen->places[i].text, *now = &look->places[i].text;
        struct script_text swap = *now;
        bool same = strcmp(before->real ? before->real : "", now->real ? now->real : "") == 0;
        if (same || !before->real)
            continue;
        if (generated && look->verb == VERB_RUN) {
            *now = *before;
            *before = swap;
        } else {
            engine->question.generation = ++engine->generation;
        }
    }
}

static void on_look(struct preparation *look)
{
    struct engine *engine = look->engine;
    struct question *question = &engine->question;
    engine->looking = NULL;
    if (!engine->asking) {
        preparation_free(look);
        return;
    }
    keep_shown_text(engine, look);
    preparation_free(engine->seen);
    engine->seen = look;
    show_places(engine, look);
    free(question->undo);
    question->undo = way_back(engine, look->step);
    free(question->refusal);
    question->refusal = why_not(engine, look);
    question->prepared_ms = look->done_ms;
    question->ready = true;
    app_changed(engine->app);
}

static void look(struct engine *engine)
{
    engine->looking = prepare(engine, engine->question.verb, engine->question.step, false, on_look);
    prepare_begin(engine->looking);
}

static bool may_ask(struct engine *engine, enum verb verb, size_t step, struct err *why)
{
    if (!engine->resumed)
        return err_set(why, "the journal's steps are still being probed");
    if (engine->overtaken)
        return err_set(why,
                       "another console drove meanwhile: quit and start again to see what it did");
    if (engine_drive(engine) == DRIVE_TAKEN)
        return err_set(why, "another console drives: %s", engine_driver(engine));
    if (!drives(engine, verb))
        return err_set(why, "the driver's lock is not held: is a server away?");
    if (journal_error(engine->journal))
        return err_set(why, "the journal can't be written: %s", journal_error(engine->journal));
    if (engine_at_gate(engine))
        return err_set(why, "a step is being looked at");
    return run_may(engine->app->run, step, verb, why);
}

static void recheck(struct engine *engine, size_t step)
{
    for (size_t i = 0; i < engine->app->run->steps[step].place_count; i++)
        if (!state_is_busy(engine_place(engine, step, i)->state))
            engine_event(engine, step, i, E_RECHECK, NULL);
}

bool engine_ask(struct engine *engine, enum verb verb, size_t step, struct err *why)
{
    const struct run *run = engine->app->run;
    if (verb == VERB_FIRE)
        step = run_next(run);
    if (!may_ask(engine, verb, step, why))
        return false;
    if (verb == VERB_RECHECK) {
        recheck(engine, step);
        return true;
    }
    static const char letters[] = {[VERB_RUN] = 'R', [VERB_UNDO] = 'U', [VERB_ARM] = 'M'};
    const struct step *of = run->steps[step].step;
    close_question(engine);
    engine->asking = true;
    engine->question = (struct question){
        .generation = ++engine->generation,
        .verb = verb,
        .step = step,
        .typed = verb == VERB_FIRE || verb == VERB_SKIP || verb == VERB_LEAVE ||
                 (verb == VERB_RUN && (of->typed || (of->opens && !run_window_open(run)))),
        .yes = verb < sizeof letters ? letters[verb] : '\0',
    };
    look(engine);
    app_changed(engine->app);
    return true;
}

const struct question *engine_question(const struct engine *engine)
{
    return engine->asking ? &engine->question : NULL;
}

bool engine_at_gate(const struct engine *engine)
{
    return engine->gate && engine->gate->waiting > 0;
}

void engine_no(struct engine *engine)
{
    engine->app->run->aborting = false;
    close_question(engine);
}

static bool still_good(struct engine *engine, uint64_t generation, const char *text,
                       struct err *why)
{
    const struct question *question = &engine->question;
    if (!engine->asking || question->generation != generation)
        return err_set(why, "that question is closed");
    if (!question->ready)
        return err_set(why, "the question is still being prepared");
    if (question->refusal)
        return err_set(why, "%s", question->refusal);
    if (app_now(engine->app) - question->prepared_ms > FRESH_MS)
        return err_set(why, "what is shown is %llu s old; wait for the next look",
                       (unsigned long long)(app_now(engine->app) - question->prepared_ms) / 1000);
    bool reason = question->verb == VERB_SKIP || question->verb == VERB_LEAVE;
    if (reason && (!text || !*text))
        return err_set(why, "that needs a reason");
    if (!reason && question->typed && (!text || strcmp(text, engine->app->run->name) != 0))
        return err_set(why, "that is not the run's name, %s", engine->app->run->name);
    return may_ask(engine, question->verb, question->step, why);
}

static void skip(struct engine *engine, size_t step, const char *reason)
{
    struct step_run *of = &engine->app->run->steps[step];
    set_text(&of->skip_reason, reason);
    note(engine, "skip", of->step->id, reason);
    for (size_t i = 0; i < of->place_count; i++)
        if (!state_is_settled(of->places[i].state))
            engine_event(engine, step, i, E_SKIP, reason);
}

/* Going back, what can't be reached is left as it is: in doubt, and no longer in the way. */
static void leave(struct engine *engine, size_t step, const char *reason)
{
    const struct step_run *of = &engine->app->run->steps[step];
    bool aborting = engine->app->run->aborting;
    note(engine, "leave", of->step->id, reason);
    for (size_t i = 0; i < of->place_count; i++)
        if (of->places[i].left)
            engine_event(engine, step, i, E_LEAVE, reason);
    if (aborting)
        engine_abort(engine, NULL);
}

static void arm(struct engine *engine, size_t step)
{
    engine->app->run->steps[step].armed = true;
    note(engine, "arm", engine->app->run->steps[step].step->id, NULL);
}

bool engine_yes(struct engine *engine, uint64_t generation, const char *text, struct err *why)
{
    if (!still_good(engine, generation, text, why))
        return false;
    enum verb verb = engine->question.verb;
    size_t step = engine->question.step;
    char *typed = xstrdup(text ? text : "");
    /* What was seen is kept: the gate compares what it finds with it. */
    close_question(engine);
    preparation_free(engine->confirmed);
    engine->confirmed = engine->seen;
    engine->seen = NULL;
    if (verb == VERB_FIRE) {
        engine->app->run->firing = true;
        note(engine, "fire", engine->app->run->steps[step].step->id, NULL);
    }
    if (verb == VERB_SKIP)
        skip(engine, step, typed);
    else if (verb == VERB_LEAVE)
        leave(engine, step, typed);
    else if (verb == VERB_ARM)
        arm(engine, step);
    else if (verb == VERB_UNDO)
        run_undo(engine, step);
    else
        run_gate(engine, step);
    free(typed);
    return true;
}

/* One undo leads to the next question, one fired step to the next step. */
void engine_expect_down(struct engine *engine, const struct step *step)
{
    struct model *model = engine->app->model;
    for (size_t i = 0; i < model->config->node_count; i++)
        for (size_t j = 0; j < step->down_count; j++)
            if (strcmp(model->nodes[i].config->role, step->down[j]) == 0) {
                model->nodes[i].expected_down = true;
                if (model->nodes[i].link != LINK_UP)
                    model->nodes[i].link = LINK_EXPECTED_DOWN;
            }
}

static void release_held(struct engine *engine, const struct step *step)
{
    const struct run *run = engine->app->run;
    for (size_t i = 0; i < run->step_count; i++)
        for (size_t j = 0; j < step->release_count; j++)
            if (strcmp(run->steps[i].step->id, step->releases[j]) == 0)
                sessions_release(engine->work, NULL, i);
}

static void step_ended(struct engine *engine, size_t step)
{
    struct run *run = engine->app->run;
    enum state state = run_step_state(run, step);
    if (state_is_busy(state) || engine->resuming > 0)
        return;
    if (state == S_DONE)
        release_held(engine, run->steps[step].step);
    /* What the panels show seldom may be another now; in the window nobody pays for that. */
    if (run->steps[step].step->phase != PHASE_WINDOW && engine->app->sampler)
        sampler_refresh(engine->app->sampler, NULL);
    size_t next = run_next(run);
    if (run->aborting && state == S_UNDONE) {
        if (run_window_open(run) && run_back(run) < run->step_count)
            engine_ask(engine, VERB_UNDO, run_back(run), NULL);
        else
            run->aborting = false;
    } else if (run->firing) {
        run->firing = state == S_DONE && next < run->step_count && run->steps[next].armed;
        if (run->firing)
            run_gate(engine, next);
    }
}

bool engine_abort(struct engine *engine, struct err *why)
{
    struct run *run = engine->app->run;
    size_t step = run_back(run);
    if (step == run->step_count)
        return err_set(why, "there is nothing to take back");
    run->firing = false;
    if (!engine_ask(engine, VERB_UNDO, step, why))
        return false;
    run->aborting = true;
    note(engine, "abort", run->steps[step].step->id, NULL);
    return true;
}

bool engine_stop(struct engine *engine, struct err *why)
{
    bool running = engine->jobs || engine_at_gate(engine) || engine->app->run->firing;
    engine->app->run->firing = false;
    engine->stop_gate = true;
    if (!running)
        return err_set(why, "nothing is running");
    note(engine, "stop", NULL, NULL);
    act_stop(engine);
    return true;
}

/* Which offenders were accepted: others make it red again. */
static json_t *offenders_json(const struct check_result *result)
{
    json_t *array = json_array();
    for (int row = 0; result && result->offenders && row < result->offenders->rows; row++) {
        char *text = xprintf("%s %s %s", table_text(result->offenders, row, "place"),
                             table_text(result->offenders, row, "object"),
                             table_text(result->offenders, row, "detail"));
        json_array_append_new(array, journal_text(text));
        free(text);
    }
    return array;
}

void engine_accept(struct engine *engine, const char *check, const char *reason)
{
    json_t *record = json_object();
    json_object_set_new(record, "type", json_string("accept"));
    json_object_set_new(record, "who", journal_text(engine->who));
    json_object_set_new(record, "check", json_string(check));
    json_object_set_new(record, "detail", journal_text(reason));
    json_object_set_new(record, "offenders",
                        offenders_json(checks_result(engine->app->checks, check)));
    journal_append(engine->journal, record, NULL, NULL);
    checks_accept(engine->app->checks, check, reason);
}

/* Nothing connects in the window: every place of the runbook has its sessions beforehand. */
static void warm(struct engine *engine)
{
    const struct run *run = engine->app->run;
    for (size_t i = 0; i < run->step_count; i++)
        for (size_t j = 0; j < run->steps[i].place_count; j++) {
            sessions_warm(engine->work, &run->steps[i].places[j].place);
            sessions_warm(engine->probes, &run->steps[i].places[j].place);
        }
    for (size_t i = 0; i < engine->app->config->node_count; i++) {
        struct place node = {&engine->app->config->nodes[i], (int)i, NULL, -1};
        sessions_warm(engine->probes, &node);
    }
}

/* Steps are resumed once every server has said what it is, or that it can't be reached. */
static bool servers_are_known(const struct engine *engine)
{
    const struct model *model = engine->app->model;
    for (size_t i = 0; i < model->config->node_count; i++) {
        const struct node_facts *facts = &model->nodes[i];
        bool known = facts->version > 0 || facts->config->kind == KIND_PGBOUNCER;
        if (!known && !facts->error)
            return false;
    }
    return true;
}

/* What another console did since this one drove last is not known here. */
static void note_drive(struct engine *engine)
{
    enum drive drive = engine_drive(engine);
    engine->drove = engine->drove || drive == DRIVE_OURS;
    if (engine->drove && drive == DRIVE_TAKEN && !engine->overtaken) {
        engine->overtaken = true;
        note(engine, "overtaken", NULL, engine_driver(engine));
    }
}

/* A spent budget stops what is fired; what is running ends first, and the operator decides. */
static void note_budget(struct engine *engine)
{
    struct run *run = engine->app->run;
    if (!run->firing || !run_window_open(run))
        return;
    uint64_t open_ms = app_now(engine->app) - run->window_opened_ms;
    if (open_ms <= (uint64_t)engine->app->config->budget_ms)
        return;
    run->firing = false;
    note(engine, "budget", NULL, "the window's budget is spent: nothing more is fired");
}

static void on_tick(uv_timer_t *tick)
{
    struct engine *engine = tick->data;
    if (!engine->resumed && engine->resuming == 0 && servers_are_known(engine))
        resume_run(engine);
    note_drive(engine);
    note_budget(engine);
    bool old = app_now(engine->app) - engine->question.prepared_ms > LOOK_AGAIN_MS;
    if (engine->asking && !engine->looking && engine->question.ready && old)
        look(engine);
    publish(engine);
}

static char *who_am_i(void)
{
    char host[256] = "?";
    const struct passwd *user = getpwuid(getuid());
    gethostname(host, sizeof host - 1);
    return xprintf("%s@%s", user ? user->pw_name : "?", host);
}

struct engine *engine_new(struct app *app, struct err *err)
{
    struct journal *journal = journal_open(app->loop, app->config->journal, app->config->run, err);
    if (!journal)
        return NULL;
    struct engine *engine = xcalloc(1, sizeof *engine);
    engine->app = app;
    engine->journal = journal;
    act_clean(engine);
    engine->who = who_am_i();
    engine->work = sessions_new(app, "pgcutover", false);
    engine->probes = sessions_new(app, "pgcutover probes", true);
    warm(engine);
    engine->lock = drive_new(engine);
    note(engine, "start", NULL, app->runbook->name);
    uv_timer_init(app->loop, &engine->tick);
    engine->tick.data = engine;
    uv_timer_start(&engine->tick, on_tick, 50, TICK_MS);
    return engine;
}

static void tick_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void engine_free(struct engine *engine)
{
    if (!engine)
        return;
    uv_timer_stop(&engine->tick);
    engine->closing = true;
    close_question(engine);
    preparation_free(engine->gate);
    preparation_free(engine->seen);
    preparation_free(engine->confirmed);
    sessions_free(engine->work);
    sessions_free(engine->probes);
    act_free(engine);
    drive_free(engine->lock);
    note(engine, "end", NULL, NULL);
    journal_close(engine->journal);
    captures_free(engine);
    free(engine->who);
    uv_close((uv_handle_t *)&engine->tick, tick_closed);
}

enum drive engine_drive(const struct engine *engine)
{
    return drive_state(engine->lock);
}

const char *engine_driver(const struct engine *engine)
{
    return drive_holder(engine->lock);
}

void engine_take_over(struct engine *engine)
{
    note(engine, "take over", NULL, drive_holder(engine->lock));
    drive_take_over(engine->lock);
}

bool engine_resumed(const struct engine *engine)
{
    return engine->resumed;
}

const char *engine_who(const struct engine *engine)
{
    return engine->who;
}

const struct journal *engine_journal(const struct engine *engine)
{
    return engine->journal;
}
