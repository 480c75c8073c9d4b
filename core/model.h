/* What is known of the servers: the last answer of every query on every place, with its age and
 * what it cost, and ten minutes of the numbers that matter. Drawing reads it and nothing else. */
#ifndef PGCUTOVER_MODEL_H
#define PGCUTOVER_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/catalogue.h"
#include "core/config.h"
#include "core/place.h"
#include "core/table.h"

/* One query on one place. Times are the loop's monotonic milliseconds. */
struct sample {
    const struct query *query;
    struct place place;
    struct table *table;  /* the last answer; NULL: none yet */
    uint64_t answered_ms; /* when it came */
    double cost_ms;       /* the server's time, as seen from here */
    uint64_t asked_ms;    /* when the one under way was sent; 0: none is */
    char *error;          /* of the last try; NULL: it worked */
    bool absent;          /* no variant for this server's version */
};

enum link { LINK_DOWN, LINK_CONNECTING, LINK_UP, LINK_EXPECTED_DOWN };

/* What is known of a node from its connection alone. */
struct node_facts {
    const struct node_config *config;
    enum link link;
    bool refused;         /* nobody listens there */
    bool expected_down;   /* a step took it down on purpose; until it is up again */
    char *error;          /* why it is down; NULL: nothing is known to be wrong */
    int version;          /* 140023 as of server_version_num; 0: not yet known */
    uint64_t heard_ms;    /* the last answer of any session of the sampler; 0: never */
    double round_trip_ms; /* of the last small query; < 0: not known */
    uint64_t retry_ms;    /* when it connects again; 0: not waiting */
    unsigned statements;  /* sent by the sampler, for "what watching costs" */
    double spent_ms;      /* server time of those */
};

#define SERIES_SAMPLES 600

/* Numbers over time, one a second, oldest first. A second without an answer repeats the value known
 * then (the sample's age says how old that is); where none came for ten minutes, it is forgotten.
 */
struct series {
    const char *query, *key, *column;
    int node_index, database_index;
    uint64_t last_ms;
    size_t count;
    double values[SERIES_SAMPLES]; /* ring: use series_at() */
    size_t first;
};

struct model {
    const struct config *config;
    const struct catalogue *catalogue;
    struct node_facts *nodes; /* as many as config's, same order */
    struct sample *samples;
    size_t sample_count;
    struct series **series;
    size_t series_count;
    uint64_t now_ms; /* the loop's time of the last event: ages are counted from it */
};

/* Samples of every query that has an interval (one without is asked by who needs it), on each place
 * of its roles. */
struct model *model_new(const struct config *config, const struct catalogue *catalogue);
void model_free(struct model *model);

/* The sample of a query on a node; `database_index` -1: the first there is. NULL where the query is
 * not asked there. */
const struct sample *model_sample(const struct model *model, const char *query_id, int node_index,
                                  int database_index);
/* Age of the last answer in ms; -1: there is none. */
int64_t sample_age_ms(const struct model *model, const struct sample *sample);
/* Older than 2 s beyond its interval: no number of it may be acted on. */
bool sample_is_stale(const struct model *model, const struct sample *sample);

/* NULL where nothing was remembered. `key` NULL for queries of one row. */
const struct series *model_series(const struct model *model, const char *query_id, int node_index,
                                  int database_index, const char *key, const char *column);
double series_at(const struct series *series, size_t index); /* 0: oldest */
/* Change per second over the last `seconds`; 0 where there is too little. */
double series_slope(const struct series *series, size_t seconds);

/* Takes over `table`, answered at `now_ms`, and ends the sample's error; remembers the history
 * columns of the first 256 rows. */
void model_answer(struct model *model, struct sample *sample, struct table *table, double cost_ms);

#endif
