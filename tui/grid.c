#include "tui/grid.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void grid_init(struct grid *grid, const struct grid_source *source)
{
    *grid = (struct grid){.sort = source->sort, .descending = source->descending};
}

void grid_free(struct grid *grid)
{
    free(grid->refs);
    free(grid->shown);
    *grid = (struct grid){0};
}

void grid_add(struct grid *grid, struct ref ref)
{
    struct ref *slot = grow(&grid->refs, grid->ref_count, sizeof *grid->refs);

    *slot = ref;
    grid->ref_count++;
}

/* One row while it is being sorted: its value is worked out once, not at each comparison. */
struct sortable {
    double number;
    char *text; /* NULL: the number counts */
    size_t ref;
};

static int compare(const void *a, const void *b, void *descending)
{
    const struct sortable *left = a, *right = b;
    int order = 0;

    if (left->text != NULL && right->text != NULL)
        order = strcmp(left->text, right->text);
    else
        order = (left->number > right->number) - (left->number < right->number);
    if (order == 0)
        return left->ref < right->ref ? -1 : 1;
    return *(bool *)descending ? -order : order;
}

static void sort_shown(struct grid *grid, const struct grid_source *source, const struct app *app)
{
    struct sortable *rows = xcalloc(grid->shown_count + 1, sizeof *rows);

    for (size_t i = 0; i < grid->shown_count; i++) {
        struct cell cell = {.order = NAN, .glyphs = glyphs_of_locale()};
        source->cell(app, &grid->refs[grid->shown[i]], (size_t)grid->sort, &cell);
        rows[i] = (struct sortable){cell.order, isnan(cell.order) ? xstrdup(cell.text) : NULL,
                                    grid->shown[i]};
    }
    qsort_r(rows, grid->shown_count, sizeof *rows, compare, &grid->descending);
    for (size_t i = 0; i < grid->shown_count; i++) {
        grid->shown[i] = rows[i].ref;
        free(rows[i].text);
    }
    free(rows);
}

static void find_key(struct grid *grid, const struct grid_source *source, const struct app *app)
{
    char key[GRID_KEY];

    if (grid->key[0] == '\0')
        return;
    for (size_t i = 0; i < grid->shown_count; i++) {
        source->key(app, &grid->refs[grid->shown[i]], key, sizeof key);
        if (strcmp(key, grid->key) == 0) {
            grid->selected = i;
            return;
        }
    }
}

static void keep_in_range(struct grid *grid)
{
    if (grid->selected >= grid->shown_count)
        grid->selected = grid->shown_count > 0 ? grid->shown_count - 1 : 0;
}

void grid_update(struct grid *grid, const struct grid_source *source, const struct app *app)
{
    uint64_t stamp = source->stamp(app);
    char key[GRID_KEY];

    if (grid->filled && stamp == grid->stamp)
        return;
    bool at_end = source->tail && grid->selected + 1 >= grid->shown_count;
    grid->ref_count = 0;
    source->gather(app, grid);
    free(grid->shown);
    grid->shown = xcalloc(grid->ref_count + 1, sizeof *grid->shown);
    grid->shown_count = 0;
    for (size_t i = 0; i < grid->ref_count; i++) {
        if (grid->filter[0] != '\0') {
            source->key(app, &grid->refs[i], key, sizeof key);
            if (!text_has(key, grid->filter))
                continue;
        }
        grid->shown[grid->shown_count++] = i;
    }
    if (grid->sort >= 0)
        sort_shown(grid, source, app);
    grid->stamp = stamp;
    grid->filled = true;
    if (at_end && grid->shown_count > 0)
        grid->selected = grid->shown_count - 1;
    else
        find_key(grid, source, app);
    keep_in_range(grid);
}

const struct ref *grid_selected(const struct grid *grid)
{
    return grid->shown_count > 0 ? &grid->refs[grid->shown[grid->selected]] : NULL;
}

void grid_select(struct grid *grid, const struct grid_source *source, const struct app *app,
                 size_t shown)
{
    grid->selected = shown;
    keep_in_range(grid);
    if (grid->shown_count > 0)
        source->key(app, grid_selected(grid), grid->key, sizeof grid->key);
}

void grid_move(struct grid *grid, const struct grid_source *source, const struct app *app,
               long rows)
{
    size_t last = grid->shown_count > 0 ? grid->shown_count - 1 : 0;
    size_t from = grid->selected;

    if (rows < 0) {
        size_t up = rows == LONG_MIN ? from : (size_t)-rows;
        grid_select(grid, source, app, up > from ? 0 : from - up);
    } else {
        grid_select(grid, source, app, (size_t)rows > last - from ? last : from + (size_t)rows);
    }
}

void grid_filter(struct grid *grid, const char *filter)
{
    size_t length = strnlen(filter, sizeof grid->filter - 1);

    memcpy(grid->filter, filter, length);
    grid->filter[length] = '\0';
    grid->filled = false;
}

/* As gathered, then each column that has a title up, then down. */
void grid_sort_next(struct grid *grid, const struct grid_source *source)
{
    if (source->fixed)
        return;
    if (grid->sort >= 0 && !grid->descending) {
        grid->descending = true;
    } else {
        grid->descending = false;
        do
            grid->sort = grid->sort + 1 < (int)source->column_count ? grid->sort + 1 : -1;
        while (grid->sort >= 0 && source->columns[grid->sort].title[0] == '\0');
    }
    grid->filled = false;
}

/* Widths for `cols` cells, one blank between columns; 0: left out. */
static void fit_columns(const struct grid_source *source, int cols, int *widths)
{
    int limit = 10, flexible, least, rest;

    do {
        rest = cols;
        flexible = least = 0;
        for (size_t i = 0; i < source->column_count; i++) {
            const struct column *column = &source->columns[i];
            widths[i] = column->drop < limit ? column->width : -1;
            flexible += widths[i] == 0;
            least += widths[i] == 0 ? column->least : 0;
            rest -= widths[i] >= 0 ? widths[i] + 1 : 0;
        }
        rest++;
        limit--;
    } while (limit > 0 && rest < least);
    for (size_t i = 0; i < source->column_count; i++) {
        if (widths[i] == 0) {
            widths[i] = rest / flexible > 0 ? rest / flexible : 1;
            rest -= widths[i];
            flexible--;
        }
    }
}

static void draw_titles(const struct grid *grid, const struct grid_source *source,
                        const struct paint *paint, const int *widths)
{
    int x = 0;

    for (size_t i = 0; i < source->column_count; i++) {
        char title[64];
        const char *mark = (int)i != grid->sort ? ""
                           : grid->descending   ? paint->glyphs->down
                                                : paint->glyphs->up;
        if (widths[i] <= 0)
            continue;
        snprintf(title, sizeof title, "%s%s", source->columns[i].title, mark);
        paint_cell(paint, 0, x, widths[i], ROLE_TITLE, title, source->columns[i].right);
        x += widths[i] + 1;
    }
}

static void draw_row(const struct grid_source *source, const struct app *app,
                     const struct paint *paint, const int *widths, const struct ref *ref, int y,
                     unsigned flags)
{
    bool stale = ref->sample != NULL && sample_is_stale(app->model, ref->sample);
    int x = 0;

    if (flags)
        paint_cell(paint, y, 0, paint->at.cols, ROLE_NORMAL | flags, "", false);
    for (size_t i = 0; i < source->column_count; i++) {
        struct cell cell = {.order = NAN, .width = widths[i], .glyphs = paint->glyphs};
        if (widths[i] <= 0)
            continue;
        source->cell(app, ref, i, &cell);
        paint_cell(paint, y, x, widths[i], (stale ? ROLE_MUTED : cell.style) | flags, cell.text,
                   source->columns[i].right);
        x += widths[i] + 1;
    }
}

void grid_draw(struct grid *grid, const struct grid_source *source, const struct app *app,
               const struct paint *paint, bool focused, struct rect *cursor)
{
    int widths[16] = {0};
    int titles = paint->at.rows >= GRID_TITLED ? 1 : 0;
    size_t page = paint->at.rows > titles ? (size_t)(paint->at.rows - titles) : 0;

    grid->page = (int)page;
    if (page == 0 || paint->at.cols <= 0)
        return;
    fit_columns(source, paint->at.cols, widths);
    if (titles)
        draw_titles(grid, source, paint, widths);
    if (grid->selected < grid->top)
        grid->top = grid->selected;
    if (grid->selected >= grid->top + page)
        grid->top = grid->selected - page + 1;
    if (grid->top + page > grid->shown_count)
        grid->top = grid->shown_count > page ? grid->shown_count - page : 0;
    for (size_t i = 0; i < page && grid->top + i < grid->shown_count; i++) {
        size_t at = grid->top + i;
        unsigned flags = at != grid->selected ? 0 : focused ? STYLE_SELECTED : STYLE_STRONG;
        draw_row(source, app, paint, widths, &grid->refs[grid->shown[at]], titles + (int)i, flags);
    }
    *cursor = (struct rect){paint->at.y + titles + (int)(grid->selected - grid->top), paint->at.x,
                            1, paint->at.cols};
}
