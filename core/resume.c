#include "core/engine_parts.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* What the journal says last of a step on a place: `told` is false where it says nothing. An intent
 * without an outcome is told as in doubt. */
struct story {
    bool told;
    enum state state;
};

struct resumed {
    struct engine *engine;
    size_t step, place;
    enum state was;
    bool interrupted;
};

static const char *text_of(const json_t *record, const char *key)
{
    const char *text = json_string_value(json_object_get(record, key));
    return text ? text : "";
}

static bool find(const struct engine *engine, const json_t *record, size_t *step, size_t *place)
{
    const struct run *run = engine->app->run;
    for (*step = 0; *step < run->step_count; (*step)++) {
        if (strcmp(run->steps[*step].step->id, text_of(record, "step")) != 0)
            continue;
        for (*place = 0; *place < run->steps[*step].place_count; (*place)++)
            if (strcmp(run->steps[*step].places[*place].name, text_of(record, "place")) == 0)
                return true;
    }
    return false;
}

static struct story story_of(const json_t *record)
{
    if (strcmp(text_of(record, "type"), "intent") == 0)
        return (struct story){true, S_RUNNING};
    for (enum state state = 0; state < STATE_COUNT; state++)
        if (!state_is_busy(state) && strcmp(text_of(record, "outcome"), state_word(state)) == 0)
            return (struct story){true, state};
    return (struct story){true, S_UNKNOWN};
}

static void restore_captures(struct engine *engine, const json_t *record, size_t step, size_t place)
{
    int database_index = engine_place(engine, step, place)->place.database_index;
    const char *name;
    json_t *value;
    json_object_foreach(json_object_get(record, "values"), name, value)
        capture_set(engine, name, json_string_value(value), database_index);
}

/* How long ago a record was written; 0 where that can't be read. */
static uint64_t record_age_ms(const json_t *record)
{
    struct tm utc = {0};
    if (!strptime(text_of(record, "at"), "%Y-%m-%dT%H:%M:%S", &utc))
        return 0;
    int64_t age_s = (int64_t)time(NULL) - (int64_t)timegm(&utc);
    return age_s > 0 ? (uint64_t)age_s * 1000 : 0;
}

/* The journal's last word on the window; NULL: it has none. */
static const json_t *last_window(const struct engine *engine)
{
    for (size_t i = journal_count(engine->journal); i-- > 0;) {
        const json_t *record = journal_record(engine->journal, i);
        if (strcmp(text_of(record, "type"), "window") == 0)
            return record;
    }
    return NULL;
}

static bool says_opened(const json_t *window)
{
    return window && strcmp(text_of(window, "detail"), "opened") == 0;
}

/* The clock of a window that is still open runs since it was opened, not since this console began.
 */
static void restore_window(struct engine *engine)
{
    struct run *run = engine->app->run;
    const json_t *window = last_window(engine);
    uint64_t now = app_now(engine->app), age = window ? record_age_ms(window) : 0;
    if (run_window_open(run) && says_opened(window) && age < now)
        run->window_opened_ms = now - age;
}

static void settle(struct engine *engine)
{
    if (--engine->resuming > 0)
        return;
    restore_window(engine);
    engine->resumed = true;
    app_changed(engine->app);
}

static void on_probe(enum answer answer, const char *error, void *arg)
{
    static const enum event events[] = {
        [ANSWER_NONE] = E_NO_ANSWER, [ANSWER_YES] = E_YES, [ANSWER_NO] = E_NO};
    struct resumed *resumed = arg;
    char *message = NULL;
    if (answer == ANSWER_NONE)
        message = xprintf("%s: %s",
                          resumed->interrupted ? "a console stopped in the middle of it"
                                               : "the probe could not be asked",
                          error ? error : "no answer");
    else if (answer == ANSWER_NO && hold_is_gone(resumed->engine, resumed->step, resumed->place))
        message = xstrdup("a console stopped, and with it ended the session that this step held: "
                          "undo the step, then run it again");
    else if (resumed->was == S_DONE && answer == ANSWER_NO)
        message = xstrdup("it was done, and is no more in place");
    else if (resumed->interrupted)
        message = xprintf("a console stopped in the middle of it; %s in place",
                          answer == ANSWER_YES ? "it is" : "the probe says that it is not");
    engine_event(resumed->engine, resumed->step, resumed->place, events[answer], message);
    settle(resumed->engine);
    free(message);
    free(resumed);
}

/* Whether a step that ends the effect of another on purpose was begun where this place is: it may
 * have ended it already, even if it was broken off or failed half way. */
static bool was_begun_at(const struct run *run, const struct story *stories, size_t stride,
                         size_t step, int database_index)
{
    for (size_t place = 0; place < run->steps[step].place_count; place++) {
        const struct story *story = &stories[step * stride + place];
        int other = run->steps[step].places[place].place.database_index;
        bool here = other == database_index || other < 0 || database_index < 0;
        if (here && story->told &&
            (state_is_busy(story->state) || story->state == S_DONE || story->state == S_FAILED ||
             story->state == S_UNKNOWN))
            return true;
    }
    return false;
}

static bool supersedes(const struct step *later, const struct step *step)
{
    for (size_t i = 0; i < later->supersede_count; i++)
        if (strcmp(later->supersedes[i], step->id) == 0)
            return true;
    return false;
}

/* A fact of the past (a wait that came true, two sides that were equal) and an effect that a later
 * step ended on purpose are not asked again once the run has gone on from them: else the operator
 * would be told to make again what the run has ended. */
static bool is_past(const struct engine *engine, const struct story *stories, size_t stride,
                    size_t step, size_t place)
{
    const struct run *run = engine->app->run;
    enum step_kind kind = run->steps[step].step->kind;
    int database_index = run->steps[step].places[place].place.database_index;
    for (size_t later = step + 1; later < run->step_count; later++) {
        bool begun = false;
        for (size_t i = 0; i < run->steps[later].place_count; i++)
            begun = begun || stories[later * stride + i].told;
        if (begun && (kind == STEP_WAIT || kind == STEP_COMPARE))
            return true;
        if (supersedes(run->steps[later].step, run->steps[step].step) &&
            was_begun_at(run, stories, stride, later, database_index))
            return true;
    }
    return false;
}

/* States are recalled as the journal tells them; then the probes say what is true. */
static void restore(struct engine *engine, const struct story *stories, size_t stride, size_t step,
                    size_t place)
{
    const struct story *story = &stories[step * stride + place];
    struct run *run = engine->app->run;
    uint64_t now = app_now(engine->app);
    bool past = is_past(engine, stories, stride, step, place);
    /* What it held may be lost, and the rest be there to be taken back: failed, then, not gone. */
    bool held = run->steps[step].step->holds && story->state == S_DONE && !past;
    if (!story->told || !run_recall(run, step, place, held ? S_UNKNOWN : story->state, now))
        return;
    enum state state = held ? S_DONE : engine_place(engine, step, place)->state;
    bool settled = state != S_DONE && state != S_FAILED && state != S_UNKNOWN;
    if (settled || (state == S_DONE && past))
        return;
    if (!step_can_be_seen(run->steps[step].step)) {
        if (state == S_UNKNOWN) {
            run_event(run, step, place, E_RECHECK, now);
            engine_event(engine, step, place, E_NO,
                         "a console stopped in the middle of it; " NOTHING_TO_SEE);
        }
        return;
    }
    struct resumed *resumed = xcalloc(1, sizeof *resumed);
    *resumed = (struct resumed){engine, step, place, state, state_is_busy(story->state)};
    engine->resuming++;
    run_event(run, step, place, E_RECHECK, now);
    (state == S_UNKNOWN ? probe_settle : probe_ask)(engine, step, place, on_probe, resumed);
}

/* Whose records follow: ours, or those of another runbook. */
static void look_whose(const struct engine *engine, const json_t *record, bool *other)
{
    if (strcmp(text_of(record, "type"), "start") == 0)
        *other = strcmp(text_of(record, "detail"), engine->app->runbook->name) != 0;
}

/* One journal tells of every runbook that was walked under the run's name. What another one did
 * since (a rollback, say) ends what this one had done: it begins after that. */
static size_t where_it_begins(const struct engine *engine)
{
    size_t begins = 0;
    bool other = false;
    for (size_t i = 0; i < journal_count(engine->journal); i++) {
        const json_t *record = journal_record(engine->journal, i);
        look_whose(engine, record, &other);
        if (other && strcmp(text_of(record, "type"), "intent") == 0)
            begins = i + 1;
    }
    return begins;
}

/* What the run forgot as an effect was taken back is not told any more (run_voids). */
static void forget(const struct run *run, struct story *stories, size_t stride, size_t gone)
{
    for (size_t step = gone + 1; step < run->step_count; step++)
        for (size_t place = 0; run_voids(run, gone, step) && place < stride; place++)
            if (stories[step * stride + place].state != S_FAILED)
                stories[step * stride + place] = (struct story){0};
}

static bool closed(const struct run *run, const struct story *stories, size_t stride)
{
    for (size_t step = 0; step < run->step_count; step++)
        for (size_t place = 0; run->steps[step].step->closes && place < stride; place++)
            if (stories[step * stride + place].told &&
                stories[step * stride + place].state == S_DONE)
                return true;
    return false;
}

static void tell(const struct run *run, struct story *stories, size_t stride, size_t step,
                 size_t place, const json_t *record)
{
    struct story story = story_of(record);
    bool gone = story.state == S_PENDING && run->steps[step].step->phase == PHASE_WINDOW &&
                !closed(run, stories, stride);
    stories[step * stride + place] = story;
    if (story.state == S_UNDONE || gone)
        forget(run, stories, stride, step);
}

/* Nodes that a step has taken down are no alarm, until they are up again. */
static void expect_down(struct engine *engine, const struct story *stories, size_t stride)
{
    const struct run *run = engine->app->run;
    for (size_t step = 0; step < run->step_count; step++)
        if (stories[step * stride].told && stories[step * stride].state == S_DONE)
            engine_expect_down(engine, run->steps[step].step);
}

void resume_run(struct engine *engine)
{
    struct run *run = engine->app->run;
    size_t stride = 1;
    for (size_t i = 0; i < run->step_count; i++)
        if (run->steps[i].place_count > stride)
            stride = run->steps[i].place_count;
    struct story *stories = xcalloc(run->step_count * stride + 1, sizeof *stories);
    size_t begins = where_it_begins(engine);
    bool other = false;
    for (size_t i = 0; i < journal_count(engine->journal); i++) {
        const json_t *record = journal_record(engine->journal, i);
        const char *type = text_of(record, "type");
        size_t step, place;
        look_whose(engine, record, &other); /* the other's last outcomes follow its last intent */
        if (i < begins || other || !find(engine, record, &step, &place))
            continue;
        if (strcmp(type, "intent") == 0 || strcmp(type, "outcome") == 0)
            tell(run, stories, stride, step, place, record);
        else if (strcmp(type, "capture") == 0)
            restore_captures(engine, record, step, place);
    }
    expect_down(engine, stories, stride);
    engine->resuming = 1;
    engine->window_noted = says_opened(last_window(engine));
    for (size_t step = 0; step < run->step_count; step++)
        for (size_t place = 0; place < run->steps[step].place_count; place++)
            restore(engine, stories, stride, step, place);
    free(stories);
    settle(engine);
}
