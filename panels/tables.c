/* Tables on both sides: size against size, the state of their synchronisation, the copy. */
#include "panels/panel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DATABASE, NAME, STATE, SOURCE, TARGET, RATIO, COPIED, LAST };

static const struct column columns[] = {
    [DATABASE] = {"database", 10, 0, 5, false}, [NAME] = {"table", 0, 24, 0, false},
    [STATE] = {"state", 13, 0, 0, false},       [SOURCE] = {"source", 10, 0, 1, true},
    [TARGET] = {"target", 10, 0, 1, true},      [RATIO] = {"target/source", 13, 0, 3, false},
    [COPIED] = {"copied", 10, 0, 4, true},
};

static bool of_role(const struct sample *sample, const char *query, const char *role)
{
    return sample->table != NULL && strcmp(sample->query->id, query) == 0 &&
           strcmp(sample->place.node->role, role) == 0;
}

static uint64_t hash(const char *schema, const char *name, int database)
{
    uint64_t value = 0xcbf29ce484222325u + (uint64_t)database;

    for (const char *c = schema; c != NULL && *c != '\0'; c++)
        value = panel_mix(value, (unsigned char)*c);
    value = panel_mix(value, '.');
    for (const char *c = name; c != NULL && *c != '\0'; c++)
        value = panel_mix(value, (unsigned char)*c);
    return value ^ value >> 32;
}

/* The rows of the target by name: pairing 50,000 tables must not take 50,000 squared steps. */
struct index {
    struct ref *slots; /* sample NULL: free */
    uint8_t *paired;
    size_t mask;
};

static bool same(const char *a, const char *b)
{
    return a != NULL && b != NULL && strcmp(a, b) == 0;
}

/* The slot of a name: its row's, or the free one where it would be. */
static size_t index_find(const struct index *index, const struct sample *sample, int row)
{
    const char *schema = table_text(sample->table, row, "schema");
    const char *name = table_text(sample->table, row, "name");
    size_t at = hash(schema, name, sample->place.database_index) & index->mask;

    for (;; at = (at + 1) & index->mask) {
        const struct ref *slot = &index->slots[at];
        if (slot->sample == NULL ||
            (slot->sample->place.database_index == sample->place.database_index &&
             same(ref_text(slot, "name"), name) && same(ref_text(slot, "schema"), schema)))
            return at;
    }
}

static struct index index_new(const struct model *model)
{
    size_t rows = 0, room = 16;
    struct index index;

    for (size_t i = 0; i < model->sample_count; i++) {
        if (of_role(&model->samples[i], "tables", "target"))
            rows += (size_t)model->samples[i].table->rows;
    }
    while (room < rows * 2)
        room *= 2;
    index = (struct index){xcalloc(room, sizeof *index.slots), xcalloc(room, 1), room - 1};
    for (size_t i = 0; i < model->sample_count; i++) {
        const struct sample *sample = &model->samples[i];
        for (int row = 0; of_role(sample, "tables", "target") && row < sample->table->rows; row++)
            index.slots[index_find(&index, sample, row)] =
                (struct ref){.sample = sample, .row = row};
    }
    return index;
}

static void gather(const struct app *app, struct grid *grid)
{
    struct index index = index_new(app->model);

    for (size_t i = 0; i < app->model->sample_count; i++) {
        const struct sample *sample = &app->model->samples[i];
        for (int row = 0; of_role(sample, "tables", "source") && row < sample->table->rows; row++) {
            size_t at = index_find(&index, sample, row);
            index.paired[at] = 1;
            grid_add(grid, (struct ref){sample, row, index.slots[at].sample, index.slots[at].row});
        }
    }
    for (size_t at = 0; at <= index.mask; at++) {
        if (index.slots[at].sample != NULL && !index.paired[at])
            grid_add(grid,
                     (struct ref){.peer = index.slots[at].sample, .peer_row = index.slots[at].row});
    }
    free(index.slots);
    free(index.paired);
}

static uint64_t stamp(const struct app *app)
{
    return panel_stamp(app, "tables");
}

static const char *peer_text(const struct ref *ref, const char *column)
{
    return ref->peer != NULL ? table_text(ref->peer->table, ref->peer_row, column) : NULL;
}

static const char *either(const struct ref *ref, const char *column)
{
    const char *text = ref_text(ref, column);
    return text != NULL ? text : peer_text(ref, column);
}

static void state_cell(const struct ref *ref, struct cell *cell)
{
    static const struct {
        char state;
        const char *word;
        unsigned style;
    } words[] = {{'i', "waits", ROLE_MUTED},
                 {'d', "copying", ROLE_BUSY},
                 {'f', "copied", ROLE_BUSY},
                 {'s', "in sync", ROLE_OK},
                 {'r', "ready", ROLE_OK}};
    const char *state = peer_text(ref, "state");

    if (state == NULL)
        state = ref_text(ref, "state");
    if (ref->peer == NULL || ref->sample == NULL) {
        cell_text(cell, ROLE_BAD, ref->peer == NULL ? "NOT ON TARGET" : "ONLY TARGET");
        return;
    }
    for (size_t i = 0; state != NULL && i < sizeof words / sizeof *words; i++) {
        if (state[0] == words[i].state && state[1] == '\0') {
            cell_text(cell, words[i].style, words[i].word);
            return;
        }
    }
    cell_text(cell, state != NULL ? ROLE_NORMAL : ROLE_WARN, state != NULL ? state : "no sync");
}

static void ratio_cell(const struct ref *ref, struct cell *cell)
{
    const char *source = ref_text(ref, "size"), *target = peer_text(ref, "size");
    double from = source != NULL ? strtod(source, NULL) : 0;
    double ratio = target == NULL || from <= 0 ? -1 : strtod(target, NULL) / from;
    char bar[64];

    cell->order = ratio;
    if (ratio < 0) {
        cell_text(cell, ROLE_MUTED, NULL);
        return;
    }
    text_bar(cell->glyphs, ratio, 8, bar, sizeof bar);
    cell_printf(cell, ROLE_NORMAL, ratio < 9.995 ? "%s %3.0f%%" : "%s >10x", bar, ratio * 100);
}

static void copied_cell(const struct app *app, const struct ref *ref, struct cell *cell)
{
    const char *schema = either(ref, "schema"), *name = either(ref, "name");

    for (size_t i = 0; i < app->model->sample_count; i++) {
        const struct sample *sample = &app->model->samples[i];
        for (int row = 0; of_role(sample, "copy_progress", "target") && row < sample->table->rows;
             row++) {
            if (same(table_text(sample->table, row, "name"), name) &&
                same(table_text(sample->table, row, "schema"), schema)) {
                cell_bytes(cell, ROLE_BUSY, table_text(sample->table, row, "bytes"));
                return;
            }
        }
    }
    cell_text(cell, ROLE_MUTED, "");
    cell->order = -1;
}

static void key(const struct app *app, const struct ref *ref, char *out, size_t room)
{
    const char *schema = either(ref, "schema"), *name = either(ref, "name");
    (void)app;
    snprintf(out, room, "%s.%s", schema != NULL ? schema : "", name != NULL ? name : "");
}

static void cell_of(const struct app *app, const struct ref *ref, size_t column, struct cell *cell)
{
    const struct sample *sample = ref->sample != NULL ? ref->sample : ref->peer;

    switch (column) {
    case DATABASE:
        cell_text(cell, ROLE_MUTED, sample->place.database);
        break;
    case NAME:
        key(app, ref, cell->text, sizeof cell->text);
        break;
    case STATE:
        state_cell(ref, cell);
        break;
    case SOURCE:
        cell_bytes(cell, ROLE_NORMAL, ref_text(ref, "size"));
        break;
    case TARGET:
        cell_bytes(cell, ROLE_NORMAL, peer_text(ref, "size"));
        break;
    case RATIO:
        ratio_cell(ref, cell);
        break;
    case COPIED:
        copied_cell(app, ref, cell);
        break;
    }
}

const struct panel_ops tables_panel = {
    .id = "tables",
    .title = "tables",
    .empty = "no tables sampled yet",
    .queries = {"tables", "copy_progress"},
    .grid = {.columns = columns,
             .column_count = LAST,
             .sort = SOURCE,
             .descending = true,
             .stamp = stamp,
             .gather = gather,
             .cell = cell_of,
             .key = key},
};
