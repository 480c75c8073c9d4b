#include "tui/grid.h"

#include <criterion/criterion.h>
#include <limits.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>

/* Rows of which each has a name and a number; the test moves them about. */
static struct {
    const char *name;
    double number;
} rows[2000];
static int row_count;
static uint64_t version;

static const struct column columns[] = {{"name", 0, 4, 0, false}, {"number", 6, 0, 1, true}};

static uint64_t stamp(const struct app *app)
{
    (void)app;
    return version;
}

static void gather(const struct app *app, struct grid *grid)
{
    (void)app;
    for (int i = 0; i < row_count; i++)
        grid_add(grid, (struct ref){.row = i});
}

static void cell(const struct app *app, const struct ref *ref, size_t column, struct cell *out)
{
    (void)app;
    snprintf(out->text, sizeof out->text, "%s", rows[ref->row].name);
    out->order = column == 1 ? rows[ref->row].number : NAN;
}

static void key(const struct app *app, const struct ref *ref, char *out, size_t room)
{
    (void)app;
    snprintf(out, room, "%s", rows[ref->row].name);
}

static struct grid_source source;
static struct grid grid;

static void set(int row, const char *name, double number)
{
    rows[row].name = name;
    rows[row].number = number;
    row_count = row + 1;
    version++;
}

static void begin(void)
{
    setlocale(LC_ALL, "C.UTF-8");
    source = (struct grid_source){.columns = columns,
                                  .column_count = 2,
                                  .sort = -1,
                                  .stamp = stamp,
                                  .gather = gather,
                                  .cell = cell,
                                  .key = key};
    grid_init(&grid, &source);
    set(0, "orders", 3);
    set(1, "customers", 1);
    set(2, "stock", 2);
}

static void end(void)
{
    grid_free(&grid);
}

TestSuite(grid, .init = begin, .fini = end);

static const char *selected(void)
{
    grid_update(&grid, &source, NULL);
    const struct ref *ref = grid_selected(&grid);
    return ref ? rows[ref->row].name : "";
}

Test(grid, moves_and_stays_inside)
{
    cr_assert_str_eq(selected(), "orders");
    grid_move(&grid, &source, NULL, 1);
    cr_assert_str_eq(selected(), "customers");
    grid_move(&grid, &source, NULL, LONG_MAX);
    cr_assert_str_eq(selected(), "stock");
    grid_move(&grid, &source, NULL, 5);
    cr_assert_str_eq(selected(), "stock");
    grid_move(&grid, &source, NULL, LONG_MIN);
    grid_move(&grid, &source, NULL, -1);
    cr_assert_str_eq(selected(), "orders");
}

Test(grid, the_selection_stays_with_its_row)
{
    selected();
    grid_move(&grid, &source, NULL, 2);
    set(0, "stock", 2);
    set(1, "billing", 9);
    set(2, "orders", 3);
    cr_assert_str_eq(selected(), "stock");
    set(0, "billing", 9);
    cr_assert_str_eq(selected(), "billing", "the row is gone: one that is there");
}

Test(grid, sorts_by_each_column_both_ways_and_not_at_all)
{
    static const char *const first[] = {"customers", "stock", "customers", "orders", "orders"};
    for (size_t i = 0; i < 5; i++) {
        grid_sort_next(&grid, &source);
        grid_update(&grid, &source, NULL);
        cr_expect_str_eq(rows[grid.refs[grid.shown[0]].row].name, first[i], "after %zu", i + 1);
    }
    cr_assert_eq(grid.sort, -1);
}

Test(grid, a_fixed_order_is_kept)
{
    source.fixed = true;
    grid_sort_next(&grid, &source);
    grid_update(&grid, &source, NULL);
    cr_assert_eq(grid.sort, -1);
}

Test(grid, a_filter_leaves_what_has_it)
{
    grid_filter(&grid, "CUST");
    cr_assert_str_eq(selected(), "customers");
    cr_assert_eq(grid.shown_count, 1);
    grid_filter(&grid, "nothing has this");
    cr_assert_str_eq(selected(), "");
    grid_filter(&grid, "");
    grid_update(&grid, &source, NULL);
    cr_assert_eq(grid.shown_count, 3);
}

Test(grid, no_rows_are_no_harm)
{
    row_count = 0;
    version++;
    cr_assert_str_eq(selected(), "");
    grid_move(&grid, &source, NULL, 1);
    grid_move(&grid, &source, NULL, LONG_MIN);
    grid_select(&grid, &source, NULL, 7);
    cr_assert_null(grid_selected(&grid));
}

Test(grid, who_stands_on_the_last_row_follows_the_tail)
{
    source.tail = true;
    selected();
    grid_move(&grid, &source, NULL, LONG_MAX);
    set(3, "new", 4);
    cr_assert_str_eq(selected(), "new");
    grid_move(&grid, &source, NULL, -2);
    set(4, "newer", 5);
    cr_assert_str_eq(selected(), "customers");
}
