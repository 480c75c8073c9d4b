#include "core/engine_parts.h"

#include <stdlib.h>
#include <string.h>

enum { LOOK_AGAIN_MS = 2000 }; /* how old what a question shows may get */

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

void question_close(struct engine *engine)
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
        place->in_place =
            prepared->probe == (undo ? ANSWER_NO : ANSWER_YES) &&
            !(undo && engine_may_have_left_half(engine, look->step,
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
    question->refusal = gate_why_not(engine, look);
    question->prepared_ms = look->done_ms;
    question->ready = true;
    app_changed(engine->app);
}

static void look(struct engine *engine)
{
    engine->looking = prepare(engine, engine->question.verb, engine->question.step, false, on_look);
    prepare_begin(engine->looking);
}

void question_look(struct engine *engine)
{
    const struct question *question = &engine->question;
    bool old = app_now(engine->app) - question->prepared_ms > LOOK_AGAIN_MS;
    if (engine->asking && !engine->looking && question->ready && old)
        look(engine);
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
    if (!engine_drives(engine, verb))
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
    question_close(engine);
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
    question_close(engine);
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
    engine_note(engine, "skip", of->step->id, reason);
    for (size_t i = 0; i < of->place_count; i++)
        if (!state_is_settled(of->places[i].state))
            engine_event(engine, step, i, E_SKIP, reason);
}

/* Going back, what can't be reached is left as it is: in doubt, and no longer in the way. */
static void leave(struct engine *engine, size_t step, const char *reason)
{
    const struct step_run *of = &engine->app->run->steps[step];
    bool aborting = engine->app->run->aborting;
    engine_note(engine, "leave", of->step->id, reason);
    for (size_t i = 0; i < of->place_count; i++)
        if (of->places[i].left)
            engine_event(engine, step, i, E_LEAVE, reason);
    if (aborting)
        engine_abort(engine, NULL);
}

static void arm(struct engine *engine, size_t step)
{
    engine->app->run->steps[step].armed = true;
    engine_note(engine, "arm", engine->app->run->steps[step].step->id, NULL);
}

bool engine_yes(struct engine *engine, uint64_t generation, const char *text, struct err *why)
{
    if (!still_good(engine, generation, text, why))
        return false;
    enum verb verb = engine->question.verb;
    size_t step = engine->question.step;
    char *typed = xstrdup(text ? text : "");
    /* What was seen is kept: the gate compares what it finds with it. */
    question_close(engine);
    preparation_free(engine->confirmed);
    engine->confirmed = engine->seen;
    engine->seen = NULL;
    if (verb == VERB_FIRE) {
        engine->app->run->firing = true;
        engine_note(engine, "fire", engine->app->run->steps[step].step->id, NULL);
    }
    if (verb == VERB_SKIP)
        skip(engine, step, typed);
    else if (verb == VERB_LEAVE)
        leave(engine, step, typed);
    else if (verb == VERB_ARM)
        arm(engine, step);
    else if (verb == VERB_UNDO)
        gate_undo(engine, step);
    else
        gate_run(engine, step);
    free(typed);
    return true;
}
