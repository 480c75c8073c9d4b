/* What was done: every statement that was sent, where, how long it took, how it ended. */
#include "panels/panel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { AT, TYPE, STEP, PLACE, OUTCOME, TOOK, TEXT, LAST };

static const struct column columns[] = {
    [AT] = {"at (UTC)", 8, 0, 0, false},     [TYPE] = {"what", 9, 0, 5, false},
    [STEP] = {"step", 14, 0, 3, false},      [PLACE] = {"place", 10, 0, 2, false},
    [OUTCOME] = {"outcome", 8, 0, 0, false}, [TOOK] = {"took", 7, 0, 4, true},
    [TEXT] = {"text", 0, 16, 0, false},
};

static const char *field(const struct app *app, const struct ref *ref, const char *name)
{
    return json_string_value(json_object_get(records_at(app, (size_t)ref->row), name));
}

static unsigned outcome_style(const char *outcome)
{
    static const struct {
        const char *word;
        unsigned style;
    } styles[] = {{"failed", ROLE_BAD},
                  {"error", ROLE_BAD},
                  {"doubt", ROLE_UNKNOWN},
                  {"unknown", ROLE_UNKNOWN},
                  {"lost", ROLE_UNKNOWN}};

    for (size_t i = 0; outcome != NULL && i < sizeof styles / sizeof *styles; i++) {
        if (text_has(outcome, styles[i].word))
            return styles[i].style;
    }
    return ROLE_OK;
}

/* What a record says beside its fields: its text, else its detail, whatever form that has. */
static char *said(const struct app *app, const struct ref *ref)
{
    const json_t *record = records_at(app, (size_t)ref->row);
    const json_t *values = json_object_get(record, "values"); /* of a capture */
    const json_t *detail = values != NULL ? values : json_object_get(record, "detail");
    const char *text = field(app, ref, "text");

    if (text == NULL)
        text = json_string_value(detail);
    if (text != NULL)
        return xstrdup(text);
    char *dump = detail != NULL ? json_dumps(detail, JSON_ENCODE_ANY) : NULL;
    return dump != NULL ? dump : xstrdup("");
}

static void text_cell(const struct app *app, const struct ref *ref, struct cell *cell)
{
    char *text = said(app, ref);

    for (char *c = text; *c != '\0'; c++)
        *c = *c == '\n' ? ' ' : *c;
    cell_text(cell, ROLE_NORMAL, text);
    free(text);
}

static void cell_of(const struct app *app, const struct ref *ref, size_t column, struct cell *cell)
{
    static const char *const names[] = {[TYPE] = "type", [STEP] = "step", [PLACE] = "place"};
    const char *at = field(app, ref, "at"), *text;
    const json_t *ms = json_object_get(records_at(app, (size_t)ref->row), "ms");
    char took[TEXT_ROOM];

    switch (column) {
    case AT:
        cell_printf(cell, ROLE_MUTED, "%.8s", at != NULL && strlen(at) >= 19 ? at + 11 : "");
        break;
    case OUTCOME:
        text = field(app, ref, "outcome");
        cell_text(cell, outcome_style(text), text != NULL ? text : "");
        break;
    case TOOK:
        cell->order = json_is_number(ms) ? json_number_value(ms) : -1;
        cell_text(cell, ROLE_NORMAL, json_is_number(ms) ? text_duration(took, cell->order) : "");
        break;
    case TEXT:
        text_cell(app, ref, cell);
        break;
    default:
        text = field(app, ref, names[column]);
        cell_text(cell, ROLE_NORMAL, text != NULL ? text : "");
    }
}

static void gather(const struct app *app, struct grid *grid)
{
    size_t count = records_count(app);

    for (size_t i = 0; i < count; i++)
        grid_add(grid, (struct ref){.row = (int)i});
}

static uint64_t stamp(const struct app *app)
{
    return records_count(app);
}

/* The filter finds steps, places and text; the number makes it one of a kind. */
static void key(const struct app *app, const struct ref *ref, char *out, size_t room)
{
    const char *type = field(app, ref, "type"), *step = field(app, ref, "step");
    const char *place = field(app, ref, "place"), *text = field(app, ref, "text");

    snprintf(out, room, "%d %s %s %s %.120s", ref->row, type ? type : "", step ? step : "",
             place ? place : "", text ? text : "");
}

static void detail(const struct app *app, const struct ref *ref, struct lines *lines)
{
    static const char *const names[] = {"at", "who", "step", "place", "outcome"};
    char *text = said(app, ref);
    const char *more = field(app, ref, "detail");

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = field(app, ref, names[i]);
        if (value != NULL)
            lines_printf(lines, ROLE_MUTED, 0, "%-8s %s", names[i], value);
    }
    lines_add(lines, ROLE_NORMAL, 0, text);
    if (more != NULL && strcmp(more, text) != 0)
        lines_add(lines, ROLE_NORMAL, 0, more);
    free(text);
}

const struct panel_ops journal_panel = {
    .id = "journal",
    .title = "journal",
    .empty = "nothing is written yet (a watcher sees a journal only on the driver's machine)",
    .grid = {.columns = columns,
             .column_count = LAST,
             .sort = -1,
             .tail = true,
             .stamp = stamp,
             .gather = gather,
             .cell = cell_of,
             .key = key},
    .detail = detail,
};
