/* A table with a selection: scrolls, sorts and filters tens of thousands of rows, and formats only
 * those that are seen. */
#ifndef PGCUTOVER_GRID_H
#define PGCUTOVER_GRID_H

#include "core/app.h"
#include "tui/paint.h"

/* Where a row's data are: a row of a sample, of two that belong together, or (both NULL) `row` is
 * an index into what the panel knows. Good until the grid's stamp changes. */
struct ref {
    const struct sample *sample;
    int row;
    const struct sample *peer;
    int peer_row;
};

struct grid;

struct cell {
    char text[256];
    unsigned style;
    double order;                /* what to sort by; NAN: the text */
    int width;                   /* in: how many cells there are */
    const struct glyphs *glyphs; /* in */
};

struct column {
    const char *title;
    int width; /* 0: what the others leave */
    int least; /* of such a one: narrower, and others are dropped for it */
    int drop;  /* the highest go first where it is narrow; 0: stays */
    bool right;
};

/* What a grid shows: constant, the panel's. */
struct grid_source {
    const struct column *columns;
    size_t column_count;
    int sort; /* the column to begin with; -1: as gathered */
    bool descending;
    bool fixed; /* its order means something: it is never sorted */
    bool tail;  /* who stands on the last row stays on the last row */
    /* Changes whenever what gather() would find has changed. */
    uint64_t (*stamp)(const struct app *app);
    /* Adds every row there is by grid_add(). */
    void (*gather)(const struct app *app, struct grid *grid);
    void (*cell)(const struct app *app, const struct ref *ref, size_t column, struct cell *cell);
    /* What names a row, for the filter and for a selection that stays with it. */
    void (*key)(const struct app *app, const struct ref *ref, char *out, size_t room);
};

#define GRID_KEY    256
#define GRID_TITLED 2 /* rows from which on the columns' titles are among them */

struct grid {
    struct ref *refs; /* all, as gathered */
    size_t ref_count;
    size_t *shown; /* indexes into refs: filtered and sorted */
    size_t shown_count;
    uint64_t stamp;
    bool filled;
    size_t selected, top; /* into shown */
    int page;             /* rows that were seen at the last drawing */
    char key[GRID_KEY];   /* of the selected row */
    char filter[64];
    int sort;
    bool descending;
};

void grid_init(struct grid *grid, const struct grid_source *source);
void grid_free(struct grid *grid);
void grid_add(struct grid *grid, struct ref ref);

/* Gathers anew if the data have changed; keeps the selection on its row. To be called before the
 * refs are looked at. */
void grid_update(struct grid *grid, const struct grid_source *source, const struct app *app);
const struct ref *grid_selected(const struct grid *grid); /* NULL: no row */

void grid_move(struct grid *grid, const struct grid_source *source, const struct app *app,
               long rows); /* LONG_MIN and LONG_MAX: to the ends */
void grid_select(struct grid *grid, const struct grid_source *source, const struct app *app,
                 size_t shown);
void grid_filter(struct grid *grid, const char *filter); /* takes effect at the next update */
void grid_sort_next(struct grid *grid, const struct grid_source *source);

/* Draws it; `*cursor` is set to the selected row's place on the screen. */
void grid_draw(struct grid *grid, const struct grid_source *source, const struct app *app,
               const struct paint *paint, bool focused, struct rect *cursor);

#endif
