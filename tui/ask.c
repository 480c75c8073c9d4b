#include "tui/ask.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *verb, *what;
} asks[] = {
    [VERB_RUN] = {"Run", "It will be sent:"},
    [VERB_UNDO] = {"Take back", "It will be taken back by:"},
    [VERB_SKIP] = {"Skip", "It will not be sent:"},
    [VERB_ARM] = {"Arm", "It will be sent when the window is fired:"},
    [VERB_FIRE] = {"Fire the armed window, from", "It will be sent, then each armed step:"},
    [VERB_LEAVE] = {"Leave as it is, going back,", "It is not taken back:"},
    [VERB_RECHECK] = {"Ask the probe of", "Nothing is changed. The step:"},
};

void ask_title(const struct app *app, const struct question *question, char *title, size_t room)
{
    const struct step *step = app->run->steps[question->step].step;
    snprintf(title, room, " %s step %zu: %s? ", asks[question->verb].verb, question->step + 1,
             step->title);
}

static void check_line(const struct app *app, const char *id, struct lines *lines)
{
    static const char *const words[] = {[CHECK_UNKNOWN] = "UNKNOWN",
                                        [CHECK_HOLDS] = "holds",
                                        [CHECK_RED] = "RED",
                                        [CHECK_ABSENT] = "not available here"};
    static const unsigned styles[] = {[CHECK_UNKNOWN] = ROLE_UNKNOWN,
                                      [CHECK_HOLDS] = ROLE_OK,
                                      [CHECK_RED] = ROLE_BAD,
                                      [CHECK_ABSENT] = ROLE_MUTED};
    const struct check_result *result = app->checks != NULL ? checks_result(app->checks, id) : NULL;
    char age[TEXT_ROOM];

    if (result == NULL || result->answered_ms == 0) {
        lines_printf(lines, ROLE_UNKNOWN, 2, "%s: not run yet", id);
        return;
    }
    text_ago(age, (int64_t)(app_now(app) - result->answered_ms));
    lines_printf(lines, styles[result->outcome], 2, "%s: %s, looked at %s%s%s%s", id,
                 words[result->outcome], age, result->accepted != NULL ? ", accepted: " : "",
                 result->accepted != NULL ? result->accepted : "",
                 result->running ? ", asking again" : "");
    for (int row = 0; result->offenders && row < result->offenders->rows && row < 20; row++) {
        const char *object = table_text(result->offenders, row, "object");
        const char *detail = table_text(result->offenders, row, "detail");
        lines_printf(lines, styles[result->outcome], 4, "%s %s", object ? object : "",
                     detail ? detail : "");
    }
}

/* All of them in one line: the list itself may be far below a long text. */
static void checks_summary(const struct app *app, const struct step *step, struct lines *lines)
{
    size_t blocks = 0, red = 0;

    for (size_t i = 0; i < step->require_count; i++) {
        const struct check_result *result =
            app->checks != NULL ? checks_result(app->checks, step->requires[i]) : NULL;
        blocks += result == NULL || check_blocks(result);
        red += result != NULL && result->outcome == CHECK_RED;
    }
    if (step->require_count == 0)
        lines_add(lines, ROLE_MUTED, 0, "No check is required.");
    else if (blocks == 0)
        lines_printf(lines, red > 0 ? ROLE_WARN : ROLE_OK, 0, "%zu check%s, none in the way%s.",
                     step->require_count, step->require_count == 1 ? "" : "s",
                     red > 0 ? "; some are red, see below" : "");
    else
        lines_printf(lines, ROLE_BAD, 0, "%zu of %zu checks stand in the way, see below.", blocks,
                     step->require_count);
}

static void place_lines(const struct question_place *place, struct lines *lines)
{
    lines_printf(lines, ROLE_TITLE, 0, "on %s", place->name);
    if (place->error != NULL)
        lines_add(lines, ROLE_BAD, 2, place->error);
    else if (place->absent)
        lines_add(lines, ROLE_MUTED, 2, "not available here: nothing will be sent");
    else if (place->in_place)
        lines_add(lines, ROLE_OK, 2, "in place already: nothing will be sent");
    else if (place->text == NULL)
        lines_add(lines, ROLE_BUSY, 2, "being prepared ...");
    else
        lines_add(lines, ROLE_NORMAL, 2, place->text);
}

void ask_lines(const struct app *app, const struct question *question, struct lines *lines)
{
    const struct step *step = app->run->steps[question->step].step;
    char age[TEXT_ROOM];

    if (question->refusal != NULL)
        lines_printf(lines, ROLE_BAD, 0, "Not now: %s", question->refusal);
    if (question->verb == VERB_RUN || question->verb == VERB_ARM || question->verb == VERB_FIRE)
        checks_summary(app, step, lines);
    lines_add(lines, ROLE_MUTED, 0, asks[question->verb].what);
    for (size_t i = 0; i < question->place_count; i++)
        place_lines(&question->places[i], lines);
    if (step->require_count > 0)
        lines_add(lines, ROLE_MUTED, 0, "What must hold:");
    for (size_t i = 0; i < step->require_count; i++)
        check_line(app, step->requires[i], lines);
    lines_add(lines, ROLE_MUTED, 0, "The way back:");
    lines_add(lines, ROLE_NORMAL, 2,
              question->undo != NULL ? question->undo : "being prepared ...");
    if (step->why != NULL)
        lines_add(lines, ROLE_NORMAL, 0, step->why);
    if (question->prepared_ms > 0)
        lines_printf(lines, ROLE_MUTED, 0, "Looked at %s.",
                     text_ago(age, (int64_t)(app_now(app) - question->prepared_ms)));
}
