#include "core/engine.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/engine_parts.h"
#include "core/sampler.h"

enum {
    TICK_MS = 250,
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

void engine_note(struct engine *engine, const char *type, const char *step, const char *detail)
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
    engine_note(engine, "window", engine->app->run->steps[step].step->id,
                open ? "opened" : "closed");
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
bool engine_may_have_left_half(const struct engine *engine, size_t step, enum state before)
{
    return engine->app->run->steps[step].step->kind == STEP_COMMAND && before != S_DONE;
}

static void send_text(struct engine *engine, size_t step, size_t place, bool undo)
{
    const struct prepared *prepared = going(engine, step, place);
    if (!prepared)
        die("pgcutover: %s was passed without a look", engine->app->run->steps[step].step->id);
    bool nothing =
        undo && prepared->probe == ANSWER_NO &&
        !engine_may_have_left_half(engine, step, engine_place(engine, step, place)->before);
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

/* One undo leads to the next question, one fired step to the next step. */
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
            gate_run(engine, next);
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
    engine_note(engine, "abort", run->steps[step].step->id, NULL);
    return true;
}

bool engine_stop(struct engine *engine, struct err *why)
{
    bool running = engine->jobs || engine_at_gate(engine) || engine->app->run->firing;
    engine->app->run->firing = false;
    engine->stop_gate = true;
    if (!running)
        return err_set(why, "nothing is running");
    engine_note(engine, "stop", NULL, NULL);
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
        engine_note(engine, "overtaken", NULL, engine_driver(engine));
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
    engine_note(engine, "budget", NULL, "the window's budget is spent: nothing more is fired");
}

static void on_tick(uv_timer_t *tick)
{
    struct engine *engine = tick->data;
    if (!engine->resumed && engine->resuming == 0 && servers_are_known(engine))
        resume_run(engine);
    note_drive(engine);
    note_budget(engine);
    question_look(engine);
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
    engine_note(engine, "start", NULL, app->runbook->name);
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
    question_close(engine);
    preparation_free(engine->gate);
    preparation_free(engine->seen);
    preparation_free(engine->confirmed);
    sessions_free(engine->work);
    sessions_free(engine->probes);
    act_free(engine);
    drive_free(engine->lock);
    engine_note(engine, "end", NULL, NULL);
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
    engine_note(engine, "take over", NULL, drive_holder(engine->lock));
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
