#include "tui/layout.h"

#include <criterion/criterion.h>

static bool inside(struct rect part, int cols, int rows)
{
    return part.y >= 0 && part.x >= 0 && part.rows >= 0 && part.cols >= 0 &&
           part.y + part.rows <= rows && part.x + part.cols <= cols;
}

static bool overlap(struct rect a, struct rect b)
{
    return a.rows > 0 && b.rows > 0 && a.y < b.y + b.rows && b.y < a.y + a.rows &&
           a.x < b.x + b.cols && b.x < a.x + a.cols;
}

static void expect_whole(const struct layout *layout, int cols, int rows, enum panel focus)
{
    cr_assert(inside(layout->header, cols, rows), "header at %dx%d", cols, rows);
    cr_assert(inside(layout->footer, cols, rows), "footer at %dx%d", cols, rows);
    cr_assert_gt(layout->panels[focus].rows, 0, "the focus is not seen at %dx%d", cols, rows);
    for (int i = 0; i < PANEL_COUNT; i++) {
        struct rect panel = layout->panels[i];
        cr_assert(inside(panel, cols, rows), "panel %d at %dx%d", i + 1, cols, rows);
        cr_assert_not(overlap(panel, layout->header) || overlap(panel, layout->footer));
        for (int j = 0; j < i; j++)
            cr_assert_not(overlap(panel, layout->panels[j]), "%d and %d at %dx%d", i + 1, j + 1,
                          cols, rows);
    }
}

Test(layout, every_size_every_focus_is_whole)
{
    for (int rows = 1; rows <= 70; rows++)
        for (int cols = 1; cols <= 210; cols += cols < 45 ? 1 : 11)
            for (int focus = 0; focus < PANEL_COUNT; focus++)
                for (int way = 0; way < 4; way++) {
                    struct layout layout =
                        layout_for(cols, rows, (enum panel)focus, way & 1, way & 2);
                    expect_whole(&layout, cols, rows, (enum panel)focus);
                }
}

Test(layout, nothing_of_a_large_screen_is_left_empty)
{
    struct layout layout = layout_for(160, 50, PANEL_CHECKLIST, false, false);
    int cells = 0;
    for (int i = 0; i < PANEL_COUNT; i++)
        cells += layout.panels[i].rows * layout.panels[i].cols;
    cr_assert_eq(cells, 160 * (50 - layout.header.rows - layout.footer.rows));
}

Test(layout, zoomed_it_is_the_only_one)
{
    struct layout layout = layout_for(160, 50, PANEL_TABLES, true, true);
    for (int i = 0; i < PANEL_COUNT; i++)
        cr_assert_eq(layout.panels[i].rows > 0, i == PANEL_TABLES);
    cr_assert_eq(layout.header.rows, 3, "a banner has its line");
}

Test(layout, the_checklist_is_seen_beside_every_focus)
{
    for (int focus = 0; focus < PANEL_COUNT; focus++) {
        struct layout layout = layout_for(80, 24, (enum panel)focus, false, true);
        cr_assert_gt(layout.panels[PANEL_CHECKLIST].rows, 0, "focus %d", focus);
    }
}
