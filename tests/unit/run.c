#include <criterion/criterion.h>
#include <string.h>

#include "core/run.h"

/* A small cutover: two databases, one source and one target, nobody plays the pooler. */
enum { COPY, CHECKED, FREEZE, REVERSE, RESUME, PAUSE, DROP, TIDY, STEPS };

static struct node_config nodes[] = {
    {.name = "old", .role = "source", .dsn = ""},
    {.name = "new", .role = "target", .dsn = ""},
};
static const char *databases[] = {"shop", "stock"};
static struct config config = {
    .run = "night",
    .databases = databases,
    .database_count = 2,
    .nodes = nodes,
    .node_count = 2,
};

static struct step_variant undoable[] = {
    {.until = 99, .probe.text = "SELECT", .undo.text = "UNDO"}};
static struct step_variant final[] = {{.until = 99, .undo.none = "It only reads."}};
static const char *ended_by_drop[] = {"copy"};
static struct step steps[STEPS] = {
    [COPY] = {.id = "copy", .on = "target", .variants = undoable},
    [CHECKED] = {.id = "checked", .on = "target", .per_node = true, .variants = final},
    [FREEZE] = {.id = "freeze",
                .on = "source",
                .phase = PHASE_WINDOW,
                .opens = true,
                .variants = undoable},
    [REVERSE] = {.id = "reverse",
                 .on = "target",
                 .per_node = true,
                 .phase = PHASE_WINDOW,
                 .supersedes = ended_by_drop,
                 .supersede_count = 1,
                 .variants = undoable},
    [RESUME] = {.id = "resume",
                .on = "target",
                .phase = PHASE_WINDOW,
                .closes = true,
                .variants = undoable},
    [PAUSE] = {.id = "pause", .on = "pooler", .phase = PHASE_WINDOW, .variants = undoable},
    [DROP] = {.id = "drop",
              .on = "source",
              .per_node = true,
              .phase = PHASE_AFTER,
              .typed = true,
              .variants = final},
    [TIDY] = {.id = "tidy",
              .on = "source",
              .per_node = true,
              .phase = PHASE_AFTER,
              .variants = undoable},
};
static struct runbook book = {.name = "test", .steps = steps, .step_count = STEPS};

static struct run *run;
static struct err why;
static uint64_t now = 1000;

static void setup(void)
{
    for (size_t i = 0; i < STEPS; i++)
        steps[i].variant_count = 1;
    run = run_new(&config, &book);
}

static void teardown(void)
{
    run_free(run);
}

TestSuite(run, .init = setup, .fini = teardown);

#define SENT    E_CONFIRM, E_PASS, E_WRITTEN
#define SUCCEED SENT, E_RETURNED, E_YES
#define FAIL    SENT, E_ERROR, E_NO
#define DOUBT   SENT, E_LOST, E_NO_ANSWER
#define REVERT  E_UNDO, E_WRITTEN, E_RETURNED, E_NO

static void feed(size_t step, size_t place, const enum event *events, size_t count)
{
    for (size_t i = 0; i < count; i++)
        cr_assert_neq(run_event(run, step, place, events[i], now), A_IMPOSSIBLE,
                      "step %zu: event %zu (%d)", step, i, (int)events[i]);
}

/* The events on one place, and on every place of a step. */
#define FEED(step, place, ...)                                                                     \
    feed(step, place, (enum event[]){__VA_ARGS__},                                                 \
         sizeof(enum event[]){__VA_ARGS__} / sizeof(enum event))
#define EACH(step, ...)                                                                            \
    do {                                                                                           \
        for (size_t each = 0; each < run->steps[step].place_count; each++)                         \
            FEED(step, each, __VA_ARGS__);                                                         \
    } while (0)

static enum state state_of(size_t step, size_t place)
{
    return run->steps[step].places[place].state;
}

static void expect_no(size_t step, enum verb verb, const char *reason)
{
    cr_assert_not(run_may(run, step, verb, &why), "%s of step %zu is allowed", verb_word(verb),
                  step);
    cr_assert_str_eq(why.text, reason);
}

static void expect_yes(size_t step, enum verb verb)
{
    cr_assert(run_may(run, step, verb, &why), "%s of step %zu: %s", verb_word(verb), step,
              why.text);
}

/* The whole machine, told a second time; `before` -1: whatever it was before. */
static const struct {
    enum state from;
    enum event event;
    int before;
    enum state to;
    enum action action;
} story[] = {
    {S_PENDING, E_CONFIRM, -1, S_GATE, A_GATE},
    {S_PENDING, E_SKIP, -1, S_SKIPPED, A_WRITE_OUTCOME},
    {S_PENDING, E_LACKS, -1, S_ABSENT, A_WRITE_OUTCOME},
    {S_PENDING, E_RECHECK, -1, S_RECHECKING, A_PROBE},
    {S_UNDONE, E_CONFIRM, -1, S_GATE, A_GATE},
    {S_UNDONE, E_SKIP, -1, S_SKIPPED, A_WRITE_OUTCOME},
    {S_UNDONE, E_RECHECK, -1, S_RECHECKING, A_PROBE},
    {S_FAILED, E_CONFIRM, -1, S_GATE, A_GATE},
    {S_FAILED, E_SKIP, -1, S_SKIPPED, A_WRITE_OUTCOME},
    {S_FAILED, E_UNDO, -1, S_UNDO_INTENT, A_WRITE_INTENT},
    {S_FAILED, E_RECHECK, -1, S_RECHECKING, A_PROBE},
    {S_UNKNOWN, E_SKIP, -1, S_SKIPPED, A_WRITE_OUTCOME},
    {S_UNKNOWN, E_UNDO, -1, S_UNDO_INTENT, A_WRITE_INTENT},
    {S_UNKNOWN, E_RECHECK, -1, S_RECHECKING, A_PROBE},
    {S_DONE, E_UNDO, -1, S_UNDO_INTENT, A_WRITE_INTENT},
    {S_DONE, E_RECHECK, -1, S_RECHECKING, A_PROBE},
    {S_SKIPPED, E_UNDO, -1, S_UNDO_INTENT, A_WRITE_INTENT},
    {S_SKIPPED, E_RECHECK, -1, S_RECHECKING, A_PROBE},
    {S_ABSENT, E_RECHECK, -1, S_RECHECKING, A_PROBE},
    {S_GATE, E_IN_PLACE, -1, S_DONE, A_WRITE_OUTCOME},
    {S_GATE, E_LACKS, -1, S_ABSENT, A_WRITE_OUTCOME},
    {S_GATE, E_PASS, -1, S_INTENT, A_WRITE_INTENT},
    {S_GATE, E_REFUSE, S_PENDING, S_PENDING, A_NOTHING},
    {S_GATE, E_REFUSE, S_FAILED, S_FAILED, A_NOTHING},
    {S_GATE, E_REFUSE, S_UNDONE, S_UNDONE, A_NOTHING},
    {S_INTENT, E_WRITTEN, -1, S_RUNNING, A_SEND},
    {S_INTENT, E_REFUSE, S_PENDING, S_PENDING, A_NOTHING},
    {S_INTENT, E_REFUSE, S_FAILED, S_FAILED, A_NOTHING},
    {S_RUNNING, E_RETURNED, -1, S_PROBING, A_PROBE},
    {S_RUNNING, E_ERROR, -1, S_PROBING, A_PROBE},
    {S_RUNNING, E_LOST, -1, S_PROBING, A_PROBE},
    {S_PROBING, E_YES, -1, S_DONE, A_WRITE_OUTCOME},
    {S_PROBING, E_NO, -1, S_FAILED, A_WRITE_OUTCOME},
    {S_PROBING, E_NO_ANSWER, -1, S_UNKNOWN, A_WRITE_OUTCOME},
    {S_UNDO_INTENT, E_WRITTEN, -1, S_UNDOING, A_SEND_UNDO},
    {S_UNDO_INTENT, E_REFUSE, S_DONE, S_DONE, A_NOTHING},
    {S_UNDO_INTENT, E_REFUSE, S_UNKNOWN, S_UNKNOWN, A_NOTHING},
    {S_UNDOING, E_RETURNED, -1, S_UNDO_PROBING, A_PROBE},
    {S_UNDOING, E_ERROR, -1, S_UNDO_PROBING, A_PROBE},
    {S_UNDOING, E_LOST, -1, S_UNDO_PROBING, A_PROBE},
    {S_UNDO_PROBING, E_NO, -1, S_UNDONE, A_WRITE_OUTCOME},
    {S_UNDO_PROBING, E_YES, -1, S_DONE, A_WRITE_OUTCOME},
    {S_UNDO_PROBING, E_NO_ANSWER, -1, S_UNKNOWN, A_WRITE_OUTCOME},
    {S_RECHECKING, E_YES, S_DONE, S_DONE, A_NOTHING},
    {S_RECHECKING, E_YES, S_PENDING, S_DONE, A_WRITE_OUTCOME},
    {S_RECHECKING, E_YES, S_UNKNOWN, S_DONE, A_WRITE_OUTCOME},
    {S_RECHECKING, E_NO, S_PENDING, S_PENDING, A_NOTHING},
    {S_RECHECKING, E_NO, S_UNDONE, S_UNDONE, A_NOTHING},
    {S_RECHECKING, E_NO, S_FAILED, S_FAILED, A_NOTHING},
    {S_RECHECKING, E_NO, S_UNKNOWN, S_FAILED, A_WRITE_OUTCOME},
    {S_RECHECKING, E_NO, S_DONE, S_PENDING, A_WRITE_OUTCOME},
    {S_RECHECKING, E_NO, S_SKIPPED, S_PENDING, A_WRITE_OUTCOME},
    {S_RECHECKING, E_NO, S_ABSENT, S_PENDING, A_WRITE_OUTCOME},
    {S_RECHECKING, E_NO_ANSWER, S_UNKNOWN, S_UNKNOWN, A_NOTHING},
    {S_RECHECKING, E_NO_ANSWER, S_SKIPPED, S_SKIPPED, A_NOTHING},
    {S_RECHECKING, E_NO_ANSWER, S_ABSENT, S_ABSENT, A_NOTHING},
    {S_RECHECKING, E_NO_ANSWER, S_DONE, S_UNKNOWN, A_WRITE_OUTCOME},
    {S_RECHECKING, E_NO_ANSWER, S_PENDING, S_PENDING, A_NOTHING},
    {S_RECHECKING, E_NO_ANSWER, S_UNDONE, S_UNDONE, A_NOTHING},
    {S_RECHECKING, E_NO_ANSWER, S_DONE, S_UNKNOWN, A_WRITE_OUTCOME},
    {S_DONE, E_LEAVE, -1, S_UNKNOWN, A_WRITE_OUTCOME},
    {S_FAILED, E_LEAVE, -1, S_UNKNOWN, A_WRITE_OUTCOME},
    {S_UNKNOWN, E_LEAVE, -1, S_UNKNOWN, A_WRITE_OUTCOME},
    {S_SKIPPED, E_LEAVE, -1, S_UNKNOWN, A_WRITE_OUTCOME},
    {S_RECHECKING, E_LACKS, S_ABSENT, S_ABSENT, A_NOTHING},
    {S_RECHECKING, E_LACKS, S_PENDING, S_ABSENT, A_WRITE_OUTCOME},
};
#define STORY (sizeof story / sizeof *story)

Test(run, every_transition_goes_where_the_story_says)
{
    for (size_t i = 0; i < STORY; i++) {
        struct place_run *place = &run->steps[COPY].places[0];
        place->state = story[i].from;
        place->before = story[i].before < 0 ? S_PENDING : (enum state)story[i].before;
        enum action action = run_event(run, COPY, 0, story[i].event, now);
        cr_assert_eq(action, story[i].action, "row %zu: action %d", i, (int)action);
        cr_assert_eq(place->state, story[i].to, "row %zu: %s", i, state_word(place->state));
    }
}

Test(run, an_impossible_event_changes_nothing)
{
    for (int state = 0; state < STATE_COUNT; state++)
        for (int event = 0; event < EVENT_COUNT; event++) {
            bool told = false;
            for (size_t i = 0; i < STORY; i++)
                told = told || ((int)story[i].from == state && (int)story[i].event == event);
            if (told)
                continue;
            struct place_run *place = &run->steps[COPY].places[0];
            place->state = (enum state)state;
            struct place_run was = *place;
            cr_assert_eq(run_event(run, COPY, 0, (enum event)event, now), A_IMPOSSIBLE,
                         "%s, event %d", state_word((enum state)state), event);
            cr_assert_eq(memcmp(&was, place, sizeof was), 0);
        }
    cr_assert_eq(run_event(run, STEPS, 0, E_CONFIRM, now), A_IMPOSSIBLE);
    cr_assert_eq(run_event(run, COPY, 2, E_CONFIRM, now), A_IMPOSSIBLE);
}

Test(run, nothing_is_sent_without_an_intent_on_the_disk)
{
    for (int state = 0; state < STATE_COUNT; state++)
        for (int event = 0; event < EVENT_COUNT; event++) {
            run->steps[COPY].places[0].state = (enum state)state;
            enum action action = run_event(run, COPY, 0, (enum event)event, now);
            if (action == A_SEND || action == A_SEND_UNDO)
                cr_assert(event == E_WRITTEN && (state == S_INTENT || state == S_UNDO_INTENT));
        }
}

Test(run, what_is_in_doubt_is_not_sent_again)
{
    EACH(COPY, DOUBT);
    cr_assert_eq(run_event(run, COPY, 0, E_CONFIRM, now), A_IMPOSSIBLE);
    expect_no(COPY, VERB_RUN, "it is in doubt: recheck it first, or take it back");
    expect_yes(COPY, VERB_RECHECK);
    expect_yes(COPY, VERB_UNDO);
    expect_yes(COPY, VERB_SKIP);
}

Test(run, what_has_no_probe_is_not_rechecked)
{
    EACH(COPY, SUCCEED);
    EACH(CHECKED, SUCCEED);
    expect_no(CHECKED, VERB_RECHECK, "it has no probe to ask");
    expect_yes(COPY, VERB_RECHECK);
}

Test(run, a_failed_step_may_be_confirmed_again)
{
    EACH(COPY, FAIL);
    expect_yes(COPY, VERB_RUN);
    FEED(COPY, 0, SUCCEED);
    cr_assert_eq(run->steps[COPY].places[0].runs, 2);
}

Test(run, times_and_counts_follow_the_attempt)
{
    struct place_run *place = &run->steps[COPY].places[0];
    now = 50;
    FEED(COPY, 0, SENT);
    cr_assert_eq(place->began_ms, 50);
    cr_assert_eq(place->ended_ms, 0);
    now = 70;
    FEED(COPY, 0, E_RETURNED, E_YES);
    cr_assert_eq(place->ended_ms, 70);
    cr_assert_eq(place->runs, 1);
    now = 90;
    FEED(COPY, 0, E_RECHECK, E_YES);
    cr_assert_eq(place->ended_ms, 70, "a recheck is not an attempt");
}

Test(run, what_it_waited_for_is_forgotten_as_it_ends)
{
    FEED(COPY, 0, SENT);
    run->steps[COPY].places[0].waits = xstrdup("lock held by pid 42");
    FEED(COPY, 0, E_ERROR);
    cr_assert_null(run->steps[COPY].places[0].waits);
}

Test(run, a_done_step_that_is_gone_says_so_and_may_run_again)
{
    EACH(COPY, SUCCEED);
    FEED(COPY, 1, E_RECHECK, E_NO);
    cr_assert_eq(state_of(COPY, 1), S_PENDING);
    cr_assert_str_eq(run->steps[COPY].places[1].message, "was done, and is no more");
    cr_assert_eq(run_next(run), COPY);
    expect_yes(COPY, VERB_RUN);
}

Test(run, a_step_is_done_when_it_is_done_everywhere)
{
    FEED(COPY, 0, SUCCEED);
    cr_assert_eq(run_step_state(run, COPY), S_PENDING);
    FEED(COPY, 1, SENT);
    cr_assert_eq(run_step_state(run, COPY), S_RUNNING);
    FEED(COPY, 1, E_LOST, E_NO_ANSWER);
    cr_assert_eq(run_step_state(run, COPY), S_UNKNOWN);
    FEED(COPY, 1, E_RECHECK, E_YES);
    cr_assert_eq(run_step_state(run, COPY), S_DONE);
}

Test(run, a_step_is_done_where_it_exists)
{
    FEED(COPY, 0, SUCCEED);
    FEED(COPY, 1, E_LACKS);
    cr_assert_eq(run_step_state(run, COPY), S_DONE);
    cr_assert_eq(run_step_state(run, PAUSE), S_ABSENT, "nobody plays the pooler");
}

Test(run, steps_run_in_their_order)
{
    expect_no(FREEZE, VERB_RUN, "step 1 (copy) comes first");
    expect_no(FREEZE, VERB_SKIP, "step 1 (copy) comes first");
    EACH(COPY, SUCCEED);
    expect_no(COPY, VERB_RUN, "it is done");
    expect_no(COPY, VERB_SKIP, "it is done");
    cr_assert_eq(run_next(run), CHECKED);
    EACH(CHECKED, E_SKIP);
    cr_assert_eq(run_next(run), FREEZE);
    expect_yes(FREEZE, VERB_RUN);
}

Test(run, one_thing_at_a_time)
{
    FEED(COPY, 0, E_CONFIRM);
    cr_assert_eq(run_busy(run), COPY);
    for (int verb = VERB_RUN; verb <= VERB_RECHECK; verb++)
        expect_no(CHECKED, (enum verb)verb, "step 1 (copy) is under way");
    FEED(COPY, 0, E_REFUSE);
    cr_assert_eq(run_busy(run), STEPS);
}

Test(run, the_window_opens_as_its_step_leaves_the_gate)
{
    now = 100;
    FEED(FREEZE, 0, E_CONFIRM);
    cr_assert_not(run_window_open(run));
    now = 110;
    FEED(FREEZE, 0, E_PASS);
    cr_assert(run_window_open(run));
    cr_assert_eq(run->window_opened_ms, 110);
    now = 120;
    FEED(FREEZE, 0, E_WRITTEN, E_RETURNED, E_YES);
    FEED(FREEZE, 1, SUCCEED);
    cr_assert_eq(run->window_opened_ms, 110, "it opens once");
}

Test(run, the_window_shuts_when_writes_are_back_everywhere)
{
    EACH(FREEZE, SUCCEED);
    FEED(RESUME, 0, SUCCEED);
    cr_assert(run_window_open(run));
    now = 5000;
    FEED(RESUME, 1, SUCCEED);
    cr_assert_not(run_window_open(run));
    cr_assert_eq(run->window_closed_ms, 5000);
    FEED(RESUME, 1, E_RECHECK);
    cr_assert_not(run_window_open(run), "to look opens nothing");
}

Test(run, the_window_shuts_as_the_freeze_is_undone_everywhere)
{
    EACH(FREEZE, SUCCEED);
    run->aborting = true;
    FEED(FREEZE, 0, REVERT);
    cr_assert(run_window_open(run));
    cr_assert(run->aborting);
    FEED(FREEZE, 1, REVERT);
    cr_assert_not(run_window_open(run));
    cr_assert_not(run->aborting);
}

Test(run, a_freeze_in_doubt_keeps_the_window_open)
{
    FEED(FREEZE, 0, DOUBT);
    cr_assert(run_window_open(run));
    FEED(FREEZE, 0, E_RECHECK);
    cr_assert(run_window_open(run));
    FEED(FREEZE, 0, E_NO);
    cr_assert_not(run_window_open(run));
}

Test(run, to_undo_the_resume_opens_the_window_again)
{
    EACH(FREEZE, SUCCEED);
    EACH(RESUME, SUCCEED);
    now = 9000;
    FEED(RESUME, 0, REVERT);
    cr_assert(run_window_open(run));
    cr_assert_eq(run->window_opened_ms, 9000);
}

static void all_until(size_t last)
{
    for (size_t i = 0; i <= last; i++)
        if (i != PAUSE)
            EACH(i, SUCCEED);
}

Test(run, abort_goes_back_in_reverse_order)
{
    static const size_t back[] = {RESUME, REVERSE, FREEZE, COPY};
    all_until(RESUME);
    for (size_t i = 0; i < sizeof back / sizeof *back; i++) {
        cr_assert_eq(run_back(run), back[i]);
        expect_yes(back[i], VERB_UNDO);
        EACH(back[i], REVERT);
    }
    cr_assert_eq(run_back(run), STEPS);
    expect_no(COPY, VERB_UNDO, "nothing to undo");
}

static struct step_variant fact[] = {{.until = 99, .undo.none = "It was so."}};

/* A barrier of an attempt that was taken back would let the next one believe that all has arrived.
 */
Test(run, what_was_true_of_an_attempt_is_asked_anew_in_the_next)
{
    run->steps[REVERSE].step = &(struct step){.id = "reverse",
                                              .on = "target",
                                              .phase = PHASE_WINDOW,
                                              .variants = fact,
                                              .variant_count = 1};
    all_until(REVERSE);
    cr_assert_eq(run_back(run), FREEZE);
    FEED(FREEZE, 0, REVERT);
    cr_assert_eq(state_of(REVERSE, 0), S_PENDING);
    cr_assert_eq(state_of(CHECKED, 0), S_DONE, "it came before");
    FEED(FREEZE, 1, REVERT);
    cr_assert_eq(run_next(run), FREEZE);
    EACH(FREEZE, SUCCEED);
    cr_assert_eq(run_next(run), REVERSE);

    FEED(REVERSE, 0, SUCCEED);
    FEED(FREEZE, 1, E_RECHECK, E_NO);
    cr_assert_eq(state_of(REVERSE, 0), S_PENDING, "the freeze was gone meanwhile");
    FEED(FREEZE, 1, SUCCEED);
    FEED(REVERSE, 0, FAIL);
    FEED(FREEZE, 1, REVERT);
    cr_assert_eq(state_of(REVERSE, 0), S_FAILED, "it may run again, and its reason is kept");
}

Test(run, after_the_window_what_is_gone_does_not_open_it_again)
{
    all_until(RESUME);
    FEED(FREEZE, 0, E_RECHECK, E_NO);
    cr_assert_eq(run_next(run), FREEZE);
    cr_assert_eq(state_of(REVERSE, 0), S_DONE);
    cr_assert_not(run_window_open(run));
}

Test(run, undo_keeps_the_order_too)
{
    all_until(FREEZE);
    expect_no(COPY, VERB_UNDO, "step 3 (freeze) is undone first");
    expect_no(CHECKED, VERB_UNDO, "nothing to undo: It only reads.");
    expect_no(REVERSE, VERB_UNDO, "nothing to undo");
}

Test(run, what_failed_or_is_in_doubt_is_taken_back_too)
{
    FEED(COPY, 1, FAIL);
    cr_assert_eq(run_back(run), COPY);
    FEED(FREEZE, 0, DOUBT);
    cr_assert_eq(run_back(run), FREEZE);
    FEED(FREEZE, 0, REVERT);
    FEED(COPY, 1, E_SKIP);
    cr_assert_eq(run_back(run), COPY, "skipped, but only after it was sent");
}

Test(run, a_failed_undo_leaves_the_step_done)
{
    EACH(COPY, SUCCEED);
    FEED(COPY, 0, E_UNDO, E_WRITTEN, E_ERROR, E_YES);
    cr_assert_eq(state_of(COPY, 0), S_DONE);
    cr_assert_eq(run_back(run), COPY);
}

Test(run, a_superseded_step_is_neither_probed_nor_undone)
{
    all_until(REVERSE);
    cr_assert(run->steps[COPY].superseded);
    expect_no(COPY, VERB_RECHECK, "step 4 (reverse) ended its effect on purpose");
    expect_no(COPY, VERB_UNDO, "step 4 (reverse) ended its effect on purpose");
    expect_no(COPY, VERB_RUN, "a later step ended its effect on purpose");
    cr_assert_eq(run_next(run), RESUME);
}

Test(run, a_superseded_step_counts_again_once_its_successor_is_undone)
{
    all_until(REVERSE);
    EACH(REVERSE, REVERT);
    cr_assert_not(run->steps[COPY].superseded);
    EACH(FREEZE, REVERT);
    cr_assert_eq(run_back(run), COPY);
}

Test(run, a_superseded_step_that_is_gone_does_not_come_first)
{
    all_until(FREEZE);
    EACH(COPY, E_RECHECK, E_NO);
    cr_assert_eq(run_next(run), COPY);
    EACH(REVERSE, SUCCEED);
    cr_assert_eq(run_next(run), RESUME);
}

Test(run, nothing_before_the_point_of_no_return_is_undone)
{
    all_until(DROP);
    cr_assert(run_past_return(run, RESUME));
    cr_assert_not(run_past_return(run, TIDY));
    expect_no(RESUME, VERB_UNDO, "past the point of no return");
    cr_assert_eq(run_back(run), STEPS);
    EACH(TIDY, SUCCEED);
    cr_assert_eq(run_back(run), TIDY);
    expect_yes(TIDY, VERB_UNDO);
}

Test(run, a_point_of_no_return_in_doubt_is_passed_until_it_is_known)
{
    all_until(RESUME);
    EACH(DROP, DOUBT);
    cr_assert(run_past_return(run, RESUME));
    EACH(DROP, E_RECHECK, E_NO);
    cr_assert_not(run_past_return(run, RESUME));
}

Test(run, only_steps_of_the_window_are_armed_and_in_order)
{
    expect_no(COPY, VERB_ARM, "only steps of the window can be armed");
    expect_no(DROP, VERB_ARM, "only steps of the window can be armed");
    expect_no(RESUME, VERB_ARM, "step 3 (freeze) is armed first");
    expect_no(PAUSE, VERB_ARM, "it is not available here");
    expect_yes(FREEZE, VERB_ARM);
    run->steps[FREEZE].armed = true;
    expect_no(FREEZE, VERB_ARM, "it is armed");
    expect_yes(REVERSE, VERB_ARM);
}

Test(run, armed_steps_fire_when_their_turn_has_come)
{
    expect_no(FREEZE, VERB_FIRE, "nothing is armed");
    run->steps[FREEZE].armed = true;
    expect_no(FREEZE, VERB_FIRE, "step 1 (copy) comes first");
    all_until(CHECKED);
    expect_yes(FREEZE, VERB_FIRE);
}

Test(run, an_armed_step_fires_once)
{
    all_until(CHECKED);
    run->steps[FREEZE].armed = true;
    EACH(FREEZE, FAIL);
    cr_assert_not(run->steps[FREEZE].armed);
    expect_no(FREEZE, VERB_FIRE, "nothing is armed");
}

Test(run, a_run_is_recalled_as_the_journal_left_it)
{
    static const enum state told[] = {S_PENDING, S_DONE,   S_FAILED, S_UNKNOWN,
                                      S_SKIPPED, S_ABSENT, S_UNDONE};
    for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
        cr_assert(run_recall(run, i % 2 ? TIDY : CHECKED, 0, told[i], now));
        cr_assert_eq(state_of(i % 2 ? TIDY : CHECKED, 0), told[i]);
        teardown();
        setup();
    }
    cr_assert(run_recall(run, COPY, 0, S_DONE, now));
    cr_assert_not(run_recall(run, COPY, 0, S_DONE, now));
}

Test(run, an_intent_without_an_outcome_is_in_doubt)
{
    run_recall(run, FREEZE, 0, S_RUNNING, now);
    cr_assert_eq(state_of(FREEZE, 0), S_UNKNOWN);
    cr_assert(run_window_open(run));
    cr_assert_eq(run_back(run), FREEZE);
}

Test(run, what_a_step_without_a_way_back_superseded_is_not_undone)
{
    steps[REVERSE].variants = final;
    all_until(REVERSE);
    EACH(FREEZE, REVERT);
    cr_assert_eq(run_back(run), STEPS);
}

Test(run, the_point_of_no_return_itself_may_have_a_way_back)
{
    steps[DROP].variants = undoable;
    all_until(DROP);
    expect_yes(DROP, VERB_UNDO);
    EACH(DROP, REVERT);
    expect_yes(RESUME, VERB_UNDO);
}

Test(run, a_typed_step_of_the_window_can_be_taken_back)
{
    steps[RESUME].typed = true;
    all_until(RESUME);
    cr_assert_not(run_past_return(run, COPY));
}

Test(run, a_look_that_gets_no_answer_changes_nothing_of_what_was_not_run)
{
    FEED(COPY, 0, E_RECHECK, E_NO_ANSWER);
    cr_assert_eq(run_step_state(run, COPY), S_PENDING);
    cr_assert_eq(run_back(run), run->step_count);
}

Test(run, going_back_what_can_not_be_reached_is_left_in_doubt_and_passed_over)
{
    all_until(FREEZE);
    size_t last = run_back(run);
    expect_yes(last, VERB_LEAVE);
    EACH(last, E_LEAVE);
    cr_assert_eq(run_step_state(run, last), S_UNKNOWN);
    cr_assert_neq(run_back(run), last);
}

Test(run, a_later_step_is_not_done_because_its_probe_says_so)
{
    cr_assert_not(run_may(run, RESUME, VERB_RECHECK, NULL));
}

Test(run, progress_of_an_earlier_attempt_is_not_shown)
{
    FEED(COPY, 0, SENT);
    run->steps[COPY].places[0].progress = true;
    FEED(COPY, 0, E_ERROR, E_NO, E_CONFIRM);
    cr_assert_not(run->steps[COPY].places[0].progress);
}

Test(run, inside_the_window_the_rest_of_it_can_be_armed)
{
    all_until(FREEZE);
    expect_yes(REVERSE, VERB_ARM);
}
