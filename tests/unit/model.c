#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "core/model.h"

static struct node_config nodes[] = {
    {.name = "old", .role = "source", .dsn = ""},
    {.name = "new", .role = "target", .dsn = ""},
    {.name = "bouncer", .role = "pooler", .kind = KIND_PGBOUNCER, .dsn = ""},
    {.name = "odd", .role = "source", .kind = KIND_PGBOUNCER, .dsn = ""},
};
static const char *databases[] = {"shop", "stock"};
static const struct config config = {
    .databases = databases,
    .database_count = 2,
    .nodes = nodes,
    .node_count = 4,
};

static const char *both[] = {"source", "target"};
static const char *pooler[] = {"pooler"};
static const char *lag[] = {"lag", "retained"};
static struct query queries[] = {
    {.id = "slots",
     .roles = both,
     .role_count = 2,
     .per_node = true,
     .every_ms = 1000,
     .key = "slot_name",
     .history = lag,
     .history_count = 2},
    {.id = "tables", .roles = both, .role_count = 2, .every_ms = 5000},
    {.id = "pools", .roles = pooler, .role_count = 1, .per_node = true, .every_ms = 1000},
    {.id = "own_begin", .roles = both, .role_count = 2},
    {.id = "node",
     .roles = both,
     .role_count = 1,
     .per_node = true,
     .every_ms = 2000,
     .history = lag,
     .history_count = 1},
};
static const struct catalogue catalogue = {.queries = queries, .query_count = 5};

static struct model *model;

static void setup(void)
{
    model = model_new(&config, &catalogue);
    model->now_ms = 100000;
}

static void teardown(void)
{
    model_free(model);
}

TestSuite(model, .init = setup, .fini = teardown);

static struct sample *sample(const char *query, int node)
{
    return (struct sample *)model_sample(model, query, node, -1);
}

static struct table *slot(const char *name, const char *bytes)
{
    static const char *const names[] = {"slot_name", "lag", "retained"};
    struct table *table = table_new(3, names);
    table_add(table, (const char *const[]){name, bytes, NULL});
    return table;
}

static void answer(const char *name, double bytes)
{
    char text[32];
    snprintf(text, sizeof text, "%.0f", bytes);
    model_answer(model, sample("slots", 0), slot(name, text), 1.5);
}

static const struct series *lag_of(const char *name)
{
    return model_series(model, "slots", 0, -1, name, "lag");
}

static double newest(const struct series *series)
{
    return series_at(series, series->count - 1);
}

Test(model, each_query_is_sampled_on_each_place_of_its_roles)
{
    cr_assert_eq(model->sample_count, 2 + 4 + 1 + 1);
    cr_assert_not_null(model_sample(model, "slots", 0, -1));
    cr_assert_not_null(model_sample(model, "slots", 1, -1));
    const struct sample *stock = model_sample(model, "tables", 1, 1);
    cr_assert_str_eq(stock->place.database, "stock");
    cr_assert_str_eq(model_sample(model, "tables", 1, -1)->place.database, "shop");
    cr_assert_null(model_sample(model, "node", 1, -1), "not its role");
    cr_assert_null(model_sample(model, "nothing", 0, -1));
}

Test(model, a_pooler_is_asked_what_a_pooler_knows)
{
    for (size_t i = 0; i < model->sample_count; i++) {
        const struct sample *at = &model->samples[i];
        if (at->place.node->kind == KIND_PGBOUNCER)
            cr_assert_str_eq(at->query->id, "pools");
    }
    cr_assert_not_null(model_sample(model, "pools", 2, -1));
}

Test(model, a_query_without_an_interval_is_not_sampled)
{
    cr_assert_null(model_sample(model, "own_begin", 0, -1));
}

Test(model, an_answer_has_an_age)
{
    struct sample *slots = sample("slots", 0);
    cr_assert_eq(sample_age_ms(model, slots), -1);
    answer("a", 1);
    cr_assert_eq(sample_age_ms(model, slots), 0);
    cr_assert_eq(slots->cost_ms, 1.5);
    model->now_ms += 1234;
    cr_assert_eq(sample_age_ms(model, slots), 1234);
}

Test(model, what_is_too_old_is_stale)
{
    struct sample *slots = sample("slots", 0);
    cr_assert(sample_is_stale(model, slots), "nothing is known yet");
    answer("a", 1);
    model->now_ms += 3000;
    cr_assert_not(sample_is_stale(model, slots));
    model->now_ms += 1;
    cr_assert(sample_is_stale(model, slots));
    model_answer(model, sample("tables", 0), slot("x", NULL), 1);
    model->now_ms += 6999;
    cr_assert_not(sample_is_stale(model, sample("tables", 0)), "counted from its own interval");
}

Test(model, an_answer_ends_the_error_and_the_question)
{
    struct sample *slots = sample("slots", 0);
    slots->error = xstrdup("gone");
    slots->asked_ms = 5;
    answer("a", 1);
    cr_assert_null(slots->error);
    cr_assert_eq(slots->asked_ms, 0);
}

Test(model, each_key_has_a_history_of_its_own)
{
    answer("a", 10);
    answer("b", 20);
    cr_assert_eq(newest(lag_of("a")), 10);
    cr_assert_eq(newest(lag_of("b")), 20);
    cr_assert_null(lag_of("c"));
    cr_assert_null(lag_of(NULL));
    cr_assert_null(model_series(model, "slots", 1, -1, "a", "lag"), "another node");
    cr_assert_null(model_series(model, "slots", 0, -1, "a", "retained"), "it was NULL");
}

Test(model, a_query_of_one_row_needs_no_key)
{
    model_answer(model, sample("node", 0), slot(NULL, "7"), 1);
    cr_assert_eq(newest(model_series(model, "node", 0, -1, NULL, "lag")), 7);
}

Test(model, one_value_a_second_is_kept)
{
    answer("a", 1);
    model->now_ms += 400;
    answer("a", 2);
    cr_assert_eq(lag_of("a")->count, 1);
    cr_assert_eq(newest(lag_of("a")), 2, "the later one of a second");
    model->now_ms += 1000;
    answer("a", 3);
    cr_assert_eq(lag_of("a")->count, 2);
}

Test(model, seconds_without_an_answer_repeat_what_was_known)
{
    answer("a", 5);
    model->now_ms += 3000;
    answer("a", 8);
    const struct series *series = lag_of("a");
    cr_assert_eq(series->count, 4);
    cr_assert_eq(series_at(series, 2), 5);
    cr_assert_eq(series_at(series, 3), 8);
    model->now_ms += 1000 * 100000;
    answer("a", 9);
    cr_assert_eq(series->count, SERIES_SAMPLES);
    cr_assert_eq(series_at(series, 0), 8);
}

Test(model, the_history_holds_the_last_ten_minutes)
{
    for (int i = 0; i < SERIES_SAMPLES + 50; i++) {
        answer("a", i);
        model->now_ms += 1000;
    }
    const struct series *series = lag_of("a");
    cr_assert_eq(series->count, SERIES_SAMPLES);
    cr_assert_eq(series_at(series, 0), 50);
    cr_assert_eq(newest(series), SERIES_SAMPLES + 49);
}

Test(model, the_slope_is_the_change_per_second)
{
    answer("a", 1000);
    cr_assert_eq(series_slope(lag_of("a"), 10), 0, "one value has no slope");
    for (int i = 1; i <= 20; i++) {
        model->now_ms += 1000;
        answer("a", 1000 - 10 * i);
    }
    cr_assert_eq(series_slope(lag_of("a"), 10), -10);
    cr_assert_eq(series_slope(lag_of("a"), 500), -10, "as far as it reaches back");
    cr_assert_eq(series_slope(lag_of("a"), 0), 0);
}

Test(model, a_key_that_is_gone_is_forgotten)
{
    answer("old", 1);
    model->now_ms += SERIES_SAMPLES * 1000 + 1;
    answer("new", 1);
    cr_assert_null(lag_of("old"));
    cr_assert_eq(model->series_count, 1);
}

Test(model, not_every_row_of_a_large_answer_is_remembered)
{
    static const char *const names[] = {"slot_name", "lag"};
    struct table *table = table_new(2, names);
    for (int i = 0; i < 5000; i++) {
        char name[16];
        snprintf(name, sizeof name, "t%d", i);
        table_add(table, (const char *const[]){name, "1"});
    }
    model_answer(model, sample("slots", 0), table, 1);
    cr_assert_eq(model->series_count, 256);
    cr_assert_eq(sample("slots", 0)->table->rows, 5000);
}
