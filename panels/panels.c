#include "panels/panel.h"

#include "core/engine.h"
#include "core/journal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct panel_ops *const panel_table[PANEL_COUNT] = {
    [PANEL_CHECKLIST] = &checklist_panel,
    [PANEL_SLOTS] = &slots_panel,
    [PANEL_SUBSCRIPTIONS] = &subscriptions_panel,
    [PANEL_TABLES] = &tables_panel,
    [PANEL_NODES] = &nodes_panel,
    [PANEL_POOLS] = &pools_panel,
    [PANEL_ACTIVITY] = &activity_panel,
    [PANEL_JOURNAL] = &journal_panel,
    [PANEL_CHECKS] = &checks_panel,
};

/* What the samples behind a panel have in common. */
struct freshness {
    size_t samples;
    int64_t age; /* of the oldest answer; -1: none */
    bool stale;
    const struct sample *failed;
};

static void look_at(struct freshness *f, const struct app *app, const char *query)
{
    for (size_t i = 0; i < app->model->sample_count; i++) {
        const struct sample *sample = &app->model->samples[i];
        if (strcmp(sample->query->id, query) != 0 || sample->absent)
            continue;
        int64_t age = sample_age_ms(app->model, sample);
        f->samples++;
        f->age = age > f->age ? age : f->age;
        f->stale = f->stale || sample_is_stale(app->model, sample);
        if (sample->error != NULL)
            f->failed = sample;
    }
}

static bool is_privilege(const char *error)
{
    return text_has(error, "permission denied") || text_has(error, "must be ");
}

/* The note in the frame: what is wrong with the data, else their age. */
static unsigned note_of(const struct panel_ops *ops, const struct app *app, char *note, size_t room)
{
    struct freshness f = {.age = -1};
    char age[TEXT_ROOM];

    note[0] = '\0';
    for (size_t i = 0; i < sizeof ops->queries / sizeof *ops->queries && ops->queries[i]; i++)
        look_at(&f, app, ops->queries[i]);
    text_age(age, f.age);
    if (f.failed != NULL && is_privilege(f.failed->error)) {
        const char *privilege = f.failed->query->privilege;
        snprintf(note, room, " %s: needs %s ", f.failed->place.node->name,
                 privilege != NULL ? privilege : "more privileges");
        return ROLE_WARN;
    }
    if (f.failed != NULL) {
        snprintf(note, room, " %s: %s ", f.failed->place.node->name, f.failed->error);
        return ROLE_BAD;
    }
    if (f.samples > 0 && f.age < 0) {
        snprintf(note, room, " no answer yet ");
        return ROLE_UNKNOWN;
    }
    if (f.samples > 0)
        snprintf(note, room, f.stale ? " STALE: %s old " : " %s ", age);
    return f.stale ? ROLE_WARN : ROLE_MUTED;
}

static void title_of(const struct panel_ops *ops, const struct grid *grid, int number, char *title,
                     size_t room)
{
    char filter[96] = "";

    if (grid->filter[0] != '\0')
        snprintf(filter, sizeof filter, "/%s %zu of ", grid->filter, grid->shown_count);
    if (ops->detail == checklist_panel.detail)
        snprintf(title, room, " %d %s %s", number, ops->title, filter);
    else
        snprintf(title, room, " %d %s %s%zu ", number, ops->title, filter, grid->ref_count);
}

/* The detail stands beside the rows where it is wide, else below them: it gets what `wanted` rows
 * leave, and not less than a third. */
static struct rect split(struct paint *rows, size_t wanted)
{
    int all = rows->at.rows, least = (all + 2) / 3;
    int upper = wanted + 1 < (size_t)(all - least) ? (int)wanted + 1 : all - least;
    struct rect detail = {upper, 0, all - upper, rows->at.cols};

    if (rows->at.cols >= 120) {
        detail = (struct rect){0, rows->at.cols / 2 + 1, all, rows->at.cols / 2 - 1};
        rows->at.cols = rows->at.cols / 2;
    } else if (all >= 7) {
        rows->at.rows = upper;
    } else {
        detail.rows = 0;
    }
    return detail;
}

static void draw_detail(const struct panel_ops *ops, struct panel_view *view, const struct app *app,
                        struct paint *inside)
{
    const struct ref *ref = grid_selected(&view->grid);
    struct paint whole = *inside;
    struct rect at = split(inside, view->grid.shown_count);

    if (ref == NULL || at.rows < 2)
        return;
    struct paint part = paint_part(&whole, at);
    if (at.y > 0) { /* below: a line between them */
        for (int x = 0; x < part.at.cols; x++)
            paint_text(&part, 0, x, 1, ROLE_FRAME, part.glyphs->horizontal);
        part = paint_part(&part, (struct rect){1, 0, part.at.rows - 1, part.at.cols});
    }
    struct lines lines = {.glyphs = part.glyphs, .width = part.at.cols};
    ops->detail(app, ref, &lines);
    paint_lines(&part, &lines, &view->detail_top);
    lines_free(&lines);
}

void panel_draw(const struct panel_ops *ops, struct panel_view *view, const struct app *app,
                const struct paint *paint, int number, bool focused, struct rect *cursor)
{
    char title[160], note[200];

    grid_update(&view->grid, &ops->grid, app);
    title_of(ops, &view->grid, number, title, sizeof title);
    unsigned note_style = note_of(ops, app, note, sizeof note);
    struct paint inside =
        paint_frame(paint, focused ? ROLE_FOCUS : ROLE_FRAME, title, note_style, note);
    if (ops->detail != NULL && (focused || ops == &checklist_panel))
        draw_detail(ops, view, app, &inside);
    struct rect place = inside.at;
    grid_draw(&view->grid, &ops->grid, app, &inside, focused, &place);
    if (view->grid.shown_count == 0)
        paint_text(&inside, inside.at.rows >= GRID_TITLED, 0, -1, ROLE_MUTED,
                   view->grid.filter[0] != '\0' ? "nothing matches the filter" : ops->empty);
    if (focused)
        *cursor = place;
}

void panel_gather(const struct app *app, const char *query, struct grid *grid)
{
    for (size_t i = 0; i < app->model->sample_count; i++) {
        const struct sample *sample = &app->model->samples[i];
        if (sample->table == NULL || strcmp(sample->query->id, query) != 0)
            continue;
        for (int row = 0; row < sample->table->rows; row++)
            grid_add(grid, (struct ref){.sample = sample, .row = row});
    }
}

uint64_t panel_mix(uint64_t stamp, uint64_t value)
{
    return (stamp ^ value) * 0x100000001b3u;
}

uint64_t panel_stamp(const struct app *app, const char *query)
{
    uint64_t stamp = 0xcbf29ce484222325u;

    for (size_t i = 0; i < app->model->sample_count; i++) {
        const struct sample *sample = &app->model->samples[i];
        if (strcmp(sample->query->id, query) == 0)
            stamp = panel_mix(panel_mix(stamp, sample->answered_ms), (uintptr_t)sample->table);
    }
    return stamp;
}

const char *ref_text(const struct ref *ref, const char *column)
{
    return ref->sample != NULL ? table_text(ref->sample->table, ref->row, column) : NULL;
}

const char *ref_node(const struct ref *ref)
{
    return ref->sample != NULL ? ref->sample->place.node->name : "";
}

void cell_text(struct cell *cell, unsigned style, const char *text)
{
    cell->style = text != NULL ? style : ROLE_MUTED;
    snprintf(cell->text, sizeof cell->text, "%s", text != NULL ? text : "n/a");
}

void cell_printf(struct cell *cell, unsigned style, const char *format, ...)
{
    va_list arguments;

    cell->style = style;
    va_start(arguments, format);
    vsnprintf(cell->text, sizeof cell->text, format, arguments);
    va_end(arguments);
}

void cell_bytes(struct cell *cell, unsigned style, const char *value)
{
    char text[TEXT_ROOM];

    cell->order = value != NULL ? strtod(value, NULL) : -1;
    cell_text(cell, style, value != NULL ? text_bytes(text, strtoll(value, NULL, 10)) : NULL);
}

void cell_number(struct cell *cell, unsigned style, const char *value)
{
    cell->order = value != NULL ? strtod(value, NULL) : -1;
    cell_text(cell, style, value);
}

void cell_seconds(struct cell *cell, unsigned style, const char *value)
{
    char text[TEXT_ROOM];

    cell->order = value != NULL ? strtod(value, NULL) : -1;
    cell_text(cell, style, value != NULL ? text_duration(text, cell->order * 1000) : NULL);
}

size_t records_count(const struct app *app)
{
    if (app->engine != NULL)
        return journal_count(engine_journal(app->engine));
    return json_array_size(app->followed);
}

const json_t *records_at(const struct app *app, size_t index)
{
    if (app->engine != NULL)
        return journal_record(engine_journal(app->engine), index);
    return json_array_get(app->followed, index);
}
