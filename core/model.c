#include "core/model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    STALE_AFTER_MS = 2000, /* beyond the interval */
    SECOND_MS = 1000,
    REMEMBERED_ROWS = 256, /* of one answer: 50,000 tables have no history each */
};

static bool is_asked_at(const struct query *query, const struct node_config *node)
{
    /* A pooler's console knows no SQL, whatever role its node was given. */
    return query->every_ms > 0 &&
           (node->kind != KIND_PGBOUNCER || strcmp(node->role, "pooler") == 0);
}

static void add_samples(struct model *model, const struct query *query, const char *role)
{
    struct place *places;
    size_t count = places_of(model->config, role, query->per_node, &places);
    for (size_t i = 0; i < count; i++) {
        if (!is_asked_at(query, places[i].node))
            continue;
        struct sample *sample = grow(&model->samples, model->sample_count, sizeof *sample);
        sample->query = query;
        sample->place = places[i];
        model->sample_count++;
    }
    free(places);
}

struct model *model_new(const struct config *config, const struct catalogue *catalogue)
{
    struct model *model = xcalloc(1, sizeof *model);
    model->config = config;
    model->catalogue = catalogue;
    model->nodes = xcalloc(config->node_count, sizeof *model->nodes);
    for (size_t i = 0; i < config->node_count; i++)
        model->nodes[i] = (struct node_facts){.config = &config->nodes[i], .round_trip_ms = -1};
    for (size_t i = 0; i < catalogue->query_count; i++) {
        const struct query *query = &catalogue->queries[i];
        for (size_t j = 0; j < query->role_count; j++)
            add_samples(model, query, query->roles[j]);
    }
    return model;
}

static void series_free(struct series *series)
{
    free((char *)series->key);
    free(series);
}

void model_free(struct model *model)
{
    if (!model)
        return;
    for (size_t i = 0; i < model->sample_count; i++) {
        table_free(model->samples[i].table);
        free(model->samples[i].error);
    }
    for (size_t i = 0; i < model->config->node_count; i++)
        free(model->nodes[i].error);
    for (size_t i = 0; i < model->series_count; i++)
        series_free(model->series[i]);
    free(model->series);
    free(model->samples);
    free(model->nodes);
    free(model);
}

static bool is_database(int asked, int has)
{
    return asked < 0 || asked == has;
}

const struct sample *model_sample(const struct model *model, const char *query_id, int node_index,
                                  int database_index)
{
    for (size_t i = 0; i < model->sample_count; i++) {
        const struct sample *sample = &model->samples[i];
        if (sample->place.node_index == node_index &&
            is_database(database_index, sample->place.database_index) &&
            strcmp(sample->query->id, query_id) == 0)
            return sample;
    }
    return NULL;
}

int64_t sample_age_ms(const struct model *model, const struct sample *sample)
{
    if (!sample->table)
        return -1;
    return model->now_ms > sample->answered_ms ? (int64_t)(model->now_ms - sample->answered_ms) : 0;
}

bool sample_is_stale(const struct model *model, const struct sample *sample)
{
    int64_t age = sample_age_ms(model, sample);
    return age < 0 || age > sample->query->every_ms + STALE_AFTER_MS;
}

static bool same_key(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

const struct series *model_series(const struct model *model, const char *query_id, int node_index,
                                  int database_index, const char *key, const char *column)
{
    for (size_t i = 0; i < model->series_count; i++) {
        const struct series *series = model->series[i];
        if (series->node_index == node_index &&
            is_database(database_index, series->database_index) && same_key(series->key, key) &&
            strcmp(series->column, column) == 0 && strcmp(series->query, query_id) == 0)
            return series;
    }
    return NULL;
}

double series_at(const struct series *series, size_t index)
{
    return series->values[(series->first + index) % SERIES_SAMPLES];
}

double series_slope(const struct series *series, size_t seconds)
{
    if (series->count < 2 || seconds == 0)
        return 0;
    size_t newest = series->count - 1;
    size_t span = seconds < newest ? seconds : newest;
    return (series_at(series, newest) - series_at(series, newest - span)) / (double)span;
}

static void append(struct series *series, double value)
{
    series->values[(series->first + series->count) % SERIES_SAMPLES] = value;
    if (series->count < SERIES_SAMPLES)
        series->count++;
    else
        series->first = (series->first + 1) % SERIES_SAMPLES;
}

/* One value a second, so that an index is a time: a second with two answers keeps the later one,
 * and seconds without an answer repeat the last value known then. */
static void remember(struct series *series, uint64_t now_ms, double value)
{
    uint64_t now = now_ms / SECOND_MS, last = series->last_ms / SECOND_MS;
    if (series->count && now == last) {
        series->values[(series->first + series->count - 1) % SERIES_SAMPLES] = value;
    } else {
        uint64_t missing = series->count && now > last ? now - last - 1 : 0;
        for (uint64_t i = 0; i < missing && i < SERIES_SAMPLES; i++)
            append(series, series_at(series, series->count - 1));
        append(series, value);
    }
    series->last_ms = now_ms;
}

/* What was not heard of for as long as a series reaches back is gone: a dropped slot, an old pid.
 */
static void forget_gone(struct model *model)
{
    size_t kept = 0;
    for (size_t i = 0; i < model->series_count; i++) {
        struct series *series = model->series[i];
        if (model->now_ms - series->last_ms > SERIES_SAMPLES * SECOND_MS)
            series_free(series);
        else
            model->series[kept++] = series;
    }
    model->series_count = kept;
}

static struct series *series_of(struct model *model, const struct sample *sample, const char *key,
                                const char *column)
{
    const struct query *query = sample->query;
    const struct place *place = &sample->place;
    for (size_t i = 0; i < model->series_count; i++) {
        struct series *series = model->series[i];
        /* The catalogue's own strings: their addresses tell them apart. */
        if (series->query == query->id && series->column == column &&
            series->node_index == place->node_index &&
            series->database_index == place->database_index && same_key(series->key, key))
            return series;
    }
    forget_gone(model);
    struct series *series = xcalloc(1, sizeof *series);
    series->query = query->id;
    series->key = key ? xstrdup(key) : NULL;
    series->column = column;
    series->node_index = place->node_index;
    series->database_index = place->database_index;
    *(struct series **)grow(&model->series, model->series_count, sizeof series) = series;
    model->series_count++;
    return series;
}

static void remember_row(struct model *model, const struct sample *sample, int row)
{
    const struct query *query = sample->query;
    const char *key = query->key ? table_text(sample->table, row, query->key) : NULL;
    if (query->key && !key)
        return;
    for (size_t i = 0; i < query->history_count; i++) {
        double value = table_real(sample->table, row, query->history[i], NAN);
        if (isfinite(value))
            remember(series_of(model, sample, key, query->history[i]), model->now_ms, value);
    }
}

void model_answer(struct model *model, struct sample *sample, struct table *table, double cost_ms)
{
    table_free(sample->table);
    free(sample->error);
    sample->table = table;
    sample->error = NULL;
    sample->answered_ms = model->now_ms;
    sample->asked_ms = 0;
    sample->cost_ms = cost_ms;
    int most = sample->query->key ? REMEMBERED_ROWS : 1;
    for (int row = 0; table && row < table->rows && row < most; row++)
        remember_row(model, sample, row);
}
