/* A panel: constant tables and functions that turn what is known into rows of cells. It asks no
 * server and remembers nothing: what the view remembers is in struct panel_view. */
#ifndef PGCUTOVER_PANEL_H
#define PGCUTOVER_PANEL_H

#include "core/app.h"
#include "tui/grid.h"
#include "tui/layout.h"
#include "tui/paint.h"

struct panel_ops {
    const char *id, *title;
    const char *empty;      /* what is said where there is no row */
    const char *queries[3]; /* whose age and errors the frame tells */
    struct grid_source grid;
    /* More about the selected row; NULL: there is no more. */
    void (*detail)(const struct app *app, const struct ref *ref, struct lines *lines);
};

struct panel_view {
    struct grid grid;
    size_t detail_top; /* first line of the detail that is seen */
};

/* By enum panel. */
extern const struct panel_ops *const panel_table[PANEL_COUNT];
extern const struct panel_ops checklist_panel, slots_panel, subscriptions_panel, tables_panel,
    nodes_panel, pools_panel, activity_panel, journal_panel, checks_panel;

/* Draws the panel with its frame; `*cursor` is set to the selected row. */
void panel_draw(const struct panel_ops *ops, struct panel_view *view, const struct app *app,
                const struct paint *paint, int number, bool focused, struct rect *cursor);

/* What several panels need. */

/* For grid_source: the rows of every sample of a query, and a number that changes with them. */
void panel_gather(const struct app *app, const char *query, struct grid *grid);
uint64_t panel_stamp(const struct app *app, const char *query);
uint64_t panel_mix(uint64_t stamp, uint64_t value);

const char *ref_text(const struct ref *ref, const char *column); /* NULL: not known */
const char *ref_node(const struct ref *ref);

/* Fill in a cell; "n/a" where the value is not known. */
void cell_text(struct cell *cell, unsigned style, const char *text);
void cell_printf(struct cell *cell, unsigned style, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void cell_bytes(struct cell *cell, unsigned style, const char *value);
void cell_number(struct cell *cell, unsigned style, const char *value);
void cell_seconds(struct cell *cell, unsigned style, const char *value);

/* It should answer, and has not for two seconds. */
bool node_is_silent(const struct app *app, const struct node_facts *facts);

/* The records of the journal: the engine's, or those that a watcher follows. */
size_t records_count(const struct app *app);
const json_t *records_at(const struct app *app, size_t index);

#endif
