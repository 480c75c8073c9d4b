#include "tui/layout.h"

#define WIDE_COLS 120 /* from here on there are two columns */

struct place_rule {
    enum panel panel;
    int least;  /* rows without which it is not worth seeing */
    int weight; /* its share of the rows that are left */
};

/* Most important first: that is the order in which they get a place, and in which they stand. */
static const struct place_rule one_column[] = {
    {PANEL_CHECKLIST, 8, 6},     {PANEL_SLOTS, 4, 1},   {PANEL_NODES, 5, 1},
    {PANEL_SUBSCRIPTIONS, 5, 1}, {PANEL_CHECKS, 6, 2},  {PANEL_ACTIVITY, 5, 2},
    {PANEL_POOLS, 5, 1},         {PANEL_JOURNAL, 6, 2}, {PANEL_TABLES, 6, 2},
};
static const struct place_rule left_column[] = {
    {PANEL_CHECKLIST, 10, 6},
    {PANEL_CHECKS, 6, 2},
    {PANEL_JOURNAL, 6, 2},
};
static const struct place_rule right_column[] = {
    {PANEL_SLOTS, 5, 1},    {PANEL_NODES, 6, 1}, {PANEL_SUBSCRIPTIONS, 5, 1},
    {PANEL_ACTIVITY, 5, 2}, {PANEL_POOLS, 5, 1}, {PANEL_TABLES, 6, 3},
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* Fills a column: the focused panel first, then by importance as long as there is room; what is
 * left over is shared by weight. */
static void stack(struct layout *layout, struct rect area, const struct place_rule *rules,
                  size_t count, enum panel focus)
{
    int left = area.rows, weights = 0, y = area.y;
    bool taken[PANEL_COUNT] = {false};

    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < count; i++) {
            bool focused = rules[i].panel == focus;
            bool first = pass == 0 ? focused : !focused;
            if (first && !taken[i] && (rules[i].least <= left || (focused && left > 0))) {
                taken[i] = true;
                left -= rules[i].least < left ? rules[i].least : left;
                weights += rules[i].weight;
            }
        }
    }
    int spare = left; /* by rounding: for the most important */
    for (size_t i = 0; i < count; i++)
        spare -= taken[i] ? left * rules[i].weight / weights : 0;
    for (size_t i = 0; i < count; i++) {
        if (!taken[i])
            continue;
        int rows = rules[i].least + left * rules[i].weight / weights + spare;
        spare = 0;
        layout->panels[rules[i].panel] = (struct rect){y, area.x, rows, area.cols};
        y += rows;
    }
}

static bool in(const struct place_rule *rules, size_t count, enum panel panel)
{
    for (size_t i = 0; i < count; i++) {
        if (rules[i].panel == panel)
            return true;
    }
    return false;
}

struct layout layout_for(int cols, int rows, enum panel focus, bool zoomed, bool banner)
{
    struct layout layout = {0};
    int header = rows >= 12 ? 2 : rows >= 3 ? 1 : 0;
    int footer = rows >= 4 ? 1 : 0;

    if (banner && rows >= 4)
        header++;
    struct rect body = {header, 0, rows - header - footer, cols};
    layout.header = (struct rect){0, 0, header, cols};
    layout.footer = (struct rect){rows - footer, 0, footer, cols};
    if (zoomed || cols < 40 || body.rows < 12) {
        layout.panels[focus] = body;
    } else if (cols < WIDE_COLS) {
        stack(&layout, body, one_column, COUNT(one_column), focus);
    } else {
        int half = cols / 2;
        bool left = in(left_column, COUNT(left_column), focus);
        stack(&layout, (struct rect){body.y, 0, body.rows, half}, left_column, COUNT(left_column),
              left ? focus : PANEL_CHECKLIST);
        stack(&layout, (struct rect){body.y, half, body.rows, cols - half}, right_column,
              COUNT(right_column), left ? PANEL_SLOTS : focus);
    }
    return layout;
}
