#include "tui/dialog.h"

#include "core/engine.h"
#include "tui/ask.h"
#include "tui/keys.h"
#include "tui/screen.h"
#include "tui/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wctype.h>

#define SETTLE_MS 300  /* of quiet, before a key counts */
#define HELD_MS   1000 /* a key that is held down repeats after less than this */
#define READ_ROWS 3    /* less of a question than this can't be read: no yes */
#define READ_COLS 30

static bool asks(const struct dialog *dialog)
{
    return dialog->kind == DIALOG_CONFIRM || dialog->kind == DIALOG_QUESTION;
}

static void open_dialog(struct face *face, enum dialog_kind kind, const char *title)
{
    struct dialog *dialog = &face->dialog;
    uint64_t now = app_now(face->app);

    *dialog = (struct dialog){.kind = kind, .quiet_ms = now};
    dialog->opener = face->key;
    dialog->opener_ms = face->key_ms;
    snprintf(dialog->title, sizeof dialog->title, "%s", title);
    if (asks(dialog)) {
        screen_drop_keys();
        face->drop_rest = true;
    }
    face->touched = face->dirty = true;
}

void dialog_help(struct face *face)
{
    open_dialog(face, DIALOG_HELP, " keys ");
}

void dialog_prompt(struct face *face, const char *title, const char *text, dialog_answer *typed,
                   dialog_answer *answer)
{
    open_dialog(face, DIALOG_PROMPT, title);
    snprintf(face->dialog.input, sizeof face->dialog.input, "%s", text);
    face->dialog.typed = typed;
    face->dialog.answer = answer;
}

void dialog_confirm(struct face *face, const char *title, const char *body, char yes,
                    const char *expect, dialog_answer *answer)
{
    open_dialog(face, DIALOG_CONFIRM, title);
    snprintf(face->dialog.body, sizeof face->dialog.body, "%s", body);
    snprintf(face->dialog.expect, sizeof face->dialog.expect, "%s", expect != NULL ? expect : "");
    face->dialog.yes = yes;
    face->dialog.answer = answer;
}

void dialog_close(struct face *face)
{
    bool engine = face->dialog.kind == DIALOG_QUESTION && face->app->engine != NULL;

    face->dialog = (struct dialog){.kind = DIALOG_NONE};
    face->touched = face->dirty = true;
    if (engine)
        engine_no(face->app->engine);
}

static const struct question *asked(const struct face *face)
{
    return face->app->engine != NULL ? engine_question(face->app->engine) : NULL;
}

void dialog_follow(struct face *face)
{
    const struct question *question = asked(face);
    struct dialog *dialog = &face->dialog;

    if (question == NULL) {
        if (dialog->kind == DIALOG_QUESTION) {
            *dialog = (struct dialog){.kind = DIALOG_NONE};
            face->touched = true;
        }
        return;
    }
    if (dialog->kind != DIALOG_QUESTION || dialog->generation != question->generation) {
        open_dialog(face, DIALOG_QUESTION, "");
        dialog->generation = question->generation;
    }
    dialog->yes = question->typed ? '\0' : question->yes;
    ask_title(face->app, question, dialog->title, sizeof dialog->title);
    snprintf(dialog->expect, sizeof dialog->expect, "%s",
             question->verb == VERB_SKIP || question->verb == VERB_LEAVE ? ""
                                                                         : face->app->run->name);
}

void dialog_disturbed(struct face *face)
{
    face->dialog.quiet_ms = app_now(face->app);
}

uint64_t dialog_settling(const struct face *face)
{
    const struct dialog *dialog = &face->dialog;
    uint64_t now = app_now(face->app), until = dialog->quiet_ms + SETTLE_MS;

    /* The letter that would say yes may still be held down from the question before. */
    if (dialog->yes != '\0' && dialog->opener == dialog->yes && dialog->opener_ms + HELD_MS > until)
        until = dialog->opener_ms + HELD_MS;
    return asks(&face->dialog) && until > now ? until - now : 0;
}

/* Scrolling says neither yes nor no. */
static bool scroll_key(struct dialog *dialog, int key)
{
    static const struct {
        int key;
        int lines;
    } moves[] = {{KEY_UP, -1},      {KEY_DOWN, 1},   {KEY_PPAGE, -10}, {KEY_NPAGE, 10},
                 {KEY_HOME, -9999}, {KEY_END, 9999}, {KEY_RESIZE, 0}};

    for (size_t i = 0; i < sizeof moves / sizeof *moves; i++) {
        if (key != 0 && key == moves[i].key) {
            size_t up = moves[i].lines < 0 ? (size_t)-moves[i].lines : 0;
            size_t down = moves[i].lines > 0 ? (size_t)moves[i].lines : 0;
            dialog->top = (dialog->top > up ? dialog->top - up : 0) + down;
            return true;
        }
    }
    return false;
}

/* Adds to what is typed, or takes from it. */
static void edit(struct dialog *dialog, int key, wchar_t character)
{
    size_t length = strlen(dialog->input);
    char bytes[MB_LEN_MAX + 1];
    mbstate_t state = {0};

    if (key == KEY_BACKSPACE || character == 0x7f || character == CONTROL('h')) {
        while (length > 0 && (dialog->input[--length] & 0xc0) == 0x80)
            ; /* to the first byte of the character */
        dialog->input[length] = '\0';
    } else if (character == CONTROL('u')) {
        dialog->input[0] = '\0';
    } else if (key == 0 && iswprint((wint_t)character)) {
        size_t count = wcrtomb(bytes, character, &state);
        if (count != (size_t)-1 && length + count < sizeof dialog->input) {
            memcpy(dialog->input + length, bytes, count);
            dialog->input[length + count] = '\0';
        }
    }
}

static bool is_enter(int key, wchar_t character)
{
    return key == KEY_ENTER || character == L'\r' || character == L'\n';
}

static void prompt_key(struct face *face, int key, wchar_t character)
{
    struct dialog *dialog = &face->dialog;

    if (character == L'\033' || character == CONTROL('c')) {
        if (dialog->typed != NULL) {
            dialog->input[0] = '\0';
            dialog->typed(face, dialog->input);
        }
        dialog_close(face);
    } else if (is_enter(key, character) && !face->pasting) {
        char text[sizeof dialog->input];
        dialog_answer *answer = dialog->answer;
        memcpy(text, dialog->input, sizeof text);
        dialog_close(face);
        if (answer != NULL)
            answer(face, text);
    } else {
        edit(dialog, key, is_enter(key, character) ? L' ' : character);
        if (dialog->typed != NULL)
            dialog->typed(face, dialog->input);
    }
}

/* Yes was said to what is on the screen; whether it counts is the engine's to say. */
static void say_yes(struct face *face)
{
    struct dialog dialog = face->dialog;
    struct err why = {0};

    if (dialog.yes != '\0') { /* the next question may open while it is still held down */
        face->key = dialog.yes;
        face->key_ms = app_now(face->app);
    }
    if (dialog.kind == DIALOG_CONFIRM) {
        dialog_close(face);
        dialog.answer(face, dialog.input);
        return;
    }
    if (!engine_yes(face->app->engine, dialog.generation, dialog.input, &why))
        face_say(face, ROLE_BAD, "%s", why.text);
    dialog_follow(face);
}

static const char *why_not(const struct face *face)
{
    const struct question *question = asked(face);

    if (face->dialog.kind != DIALOG_QUESTION || question == NULL)
        return face->dialog.answerable ? NULL : "the screen is too small to read the question";
    if (question->refusal != NULL)
        return question->refusal;
    if (!question->ready)
        return "it is still being prepared";
    if (question->generation != face->dialog.generation)
        return "the question has changed";
    return face->dialog.answerable ? NULL : "it is not readable on the screen";
}

/* Where yes is typed, a key that only adds to the text. */
static bool is_typing(const struct dialog *dialog, int key, wchar_t character)
{
    return dialog->yes == '\0' && !is_enter(key, character) &&
           (key == KEY_BACKSPACE ||
            (key == 0 && character != L'\033' && character != CONTROL('c')));
}

static bool is_yes(const struct dialog *dialog, int key, wchar_t character)
{
    if (dialog->yes != '\0')
        return key == 0 && character == (wchar_t)dialog->yes;
    return is_enter(key, character) && dialog->input[0] != '\0' &&
           (dialog->expect[0] == '\0' || strcmp(dialog->input, dialog->expect) == 0);
}

static void answer_key(struct face *face, int key, wchar_t character)
{
    struct dialog *dialog = &face->dialog;

    if (is_typing(dialog, key, character)) {
        edit(dialog, key, character);
    } else if (!is_yes(dialog, key, character)) {
        dialog_close(face);
        face->drop_rest = true; /* what came with it was meant for the question as well */
        face_say(face, ROLE_NORMAL, "no: nothing was done");
    } else if (why_not(face) != NULL) {
        face_say(face, ROLE_BAD, "not now: %s", why_not(face));
    } else if (face->burst) {
        /* Where the terminal does not mark what is pasted, this is how it arrives. */
        dialog_disturbed(face);
        face_say(face, ROLE_WARN, "several keys at once say nothing: press %s alone",
                 dialog->yes != '\0' ? (char[]){dialog->yes, '\0'} : "Enter");
    } else {
        say_yes(face);
    }
}

/* Whether a key of a question counts at all: it must be new, alone and meant for what is seen. */
static bool counts(struct face *face, int key, wchar_t character)
{
    struct dialog *dialog = &face->dialog;
    uint64_t now = app_now(face->app);
    int code = key != 0 ? key : (int)character;

    if (code == dialog->opener && now - dialog->opener_ms < HELD_MS) {
        dialog->opener_ms = now;
        dialog->quiet_ms = now;
        return false;
    }
    if (dialog_settling(face) > 0 && character != L'\033') {
        dialog->quiet_ms = now;
        return false;
    }
    dialog->opener = -1; /* another key was pressed: the first one is held down no more */
    return true;
}

void dialog_key(struct face *face, int key, wchar_t character)
{
    struct dialog *dialog = &face->dialog;

    face->touched = face->dirty = true;
    if (face->pasting && dialog->kind != DIALOG_PROMPT) {
        dialog_disturbed(face);
        face_say(face, ROLE_WARN, "a pasted text says nothing here");
        return;
    }
    if (dialog->kind == DIALOG_PROMPT) {
        prompt_key(face, key, character);
    } else if (scroll_key(dialog, key)) {
        return;
    } else if (dialog->kind == DIALOG_HELP) {
        dialog_close(face);
    } else if (counts(face, key, character)) {
        answer_key(face, key, character);
    }
}

static void help_lines(const struct face *face, struct lines *lines)
{
    for (int changes = 0; changes <= 1; changes++) {
        lines_add(lines, ROLE_TITLE, 0,
                  changes ? "May change something, each after its own question:"
                          : "Looks, and changes nothing:");
        for (size_t i = 0; i < key_binding_count; i++) {
            const struct key_binding *binding = &key_bindings[i];
            if (binding->changes == (changes == 1))
                lines_printf(lines, changes ? ROLE_WARN : ROLE_NORMAL, 0, " %c %-7s %s",
                             changes ? '!' : ' ', binding->shown, binding->help);
        }
        if (changes && face->app->mode == MODE_WATCH)
            lines_add(lines, ROLE_MUTED, 0, "This console watches: these keys do nothing here.");
    }
}

static void dialog_lines(const struct face *face, struct lines *lines)
{
    const struct question *question = asked(face);

    switch (face->dialog.kind) {
    case DIALOG_HELP:
        help_lines(face, lines);
        break;
    case DIALOG_CONFIRM:
        lines_add(lines, ROLE_DIALOG, 0, face->dialog.body);
        break;
    case DIALOG_QUESTION:
        if (question != NULL)
            ask_lines(face->app, question, lines);
        break;
    default:
        break;
    }
}

/* The line below the text: what says yes, and that all else says no. */
static void prompt_line(const struct face *face, char *text, size_t room, unsigned *style)
{
    const struct dialog *dialog = &face->dialog;
    const char *against = asks(dialog) ? why_not(face) : NULL;

    *style = ROLE_KEY;
    if (dialog->kind == DIALOG_HELP)
        snprintf(text, room, "any key: back");
    else if (dialog->kind == DIALOG_PROMPT)
        snprintf(text, room, "%s", dialog->input);
    else if (against != NULL)
        snprintf(text, room, "Yes is not possible: %s. Esc: back", against);
    else if (dialog->yes == '\0' && dialog->expect[0] == '\0')
        snprintf(text, room, "Type the reason and Enter for yes, Esc for no: %s", dialog->input);
    else if (dialog->yes == '\0')
        snprintf(text, room, "Type %s and Enter for yes, Esc for no: %s", dialog->expect,
                 dialog->input);
    else
        snprintf(text, room, "%c: yes    any other key: no", dialog->yes);
    if (against != NULL)
        *style = ROLE_BAD;
    else if (dialog_settling(face) > 0)
        *style = ROLE_MUTED;
}

static struct paint place_box(const struct paint *screen, const struct dialog *dialog,
                              size_t line_count)
{
    int cols = screen->at.cols > 104 ? 100 : screen->at.cols - (screen->at.cols > 44 ? 4 : 0);
    int wanted = dialog->kind == DIALOG_PROMPT ? 3 : (int)line_count + 4;
    int rows = wanted < screen->at.rows ? wanted : screen->at.rows;

    return paint_part(screen, (struct rect){(screen->at.rows - rows) / 2,
                                            (screen->at.cols - cols) / 2, rows, cols});
}

/* Remembers whether what is on the screen can be answered; the moment it can, it settles. */
static void remember_answerable(struct face *face, const struct paint *body)
{
    const struct question *question = asked(face);
    struct dialog *dialog = &face->dialog;
    bool readable = body->at.rows >= READ_ROWS && body->at.cols >= READ_COLS;
    bool ready = dialog->kind == DIALOG_CONFIRM || (question != NULL && question->ready);

    if (dialog->kind == DIALOG_CONFIRM)
        readable = body->at.rows >= 1 && body->at.cols >= 10;
    if (readable && ready && !dialog->answerable)
        dialog_disturbed(face);
    dialog->answerable = readable && ready;
}

void dialog_draw(struct face *face, const struct paint *screen, struct rect *cursor)
{
    struct dialog *dialog = &face->dialog;
    struct lines lines = {.glyphs = screen->glyphs};
    struct paint box = place_box(screen, dialog, 0);
    char prompt[700];
    unsigned style;

    if (dialog->kind == DIALOG_NONE)
        return;
    lines.width = box.at.cols > 6 ? box.at.cols - 4 : box.at.cols;
    dialog_lines(face, &lines);
    box = place_box(screen, dialog, lines.count);
    paint_clear(&box, ROLE_DIALOG);
    struct paint inside = paint_frame(&box, ROLE_FOCUS, dialog->title, ROLE_MUTED, "");
    bool framed = inside.at.rows != box.at.rows;
    int below = inside.at.rows >= 4 ? 2 : 1; /* a blank line and the prompt */
    struct paint body = paint_part(&inside, (struct rect){0, framed, inside.at.rows - below,
                                                          inside.at.cols - (framed ? 2 : 0)});
    if (asks(dialog))
        remember_answerable(face, &body);
    paint_lines(&body, &lines, &dialog->top);
    prompt_line(face, prompt, sizeof prompt, &style);
    int last = inside.at.rows - 1;
    if (dialog->top + (size_t)body.at.rows < lines.count && below == 2)
        paint_text(&inside, last - 1, framed, -1, ROLE_WARN, "more below: PgDn");
    int x = paint_text(&inside, last, framed, -1, style, prompt);
    *cursor = (struct rect){inside.at.y + last,
                            inside.at.x + (x < inside.at.cols ? x : inside.at.cols - 1), 1, 1};
    lines_free(&lines);
}
