/* Subscriptions: how far each got, by every measure there is, and whether it works at all. */
#include "panels/panel.h"

#include <stdio.h>
#include <string.h>

enum {
    NODE,
    NAME,
    DATABASE,
    STATE,
    RECEIVED,
    LATEST,
    CONFIRMED,
    ORIGIN,
    BARRIER,
    TABLES,
    ERRORS,
    LAST
};

static const struct column columns[] = {
    [NODE] = {"node", 8, 0, 8, false},           [NAME] = {"subscription", 0, 14, 0, false},
    [DATABASE] = {"database", 8, 0, 0, false},   [STATE] = {"state", 8, 0, 0, false},
    [RECEIVED] = {"received", 11, 0, 3, true},   [LATEST] = {"latest end", 11, 0, 6, true},
    [CONFIRMED] = {"confirmed", 11, 0, 5, true}, [ORIGIN] = {"origin", 11, 0, 2, true},
    [BARRIER] = {"barrier", 11, 0, 4, true},     [TABLES] = {"ready", 9, 0, 1, true},
    [ERRORS] = {"errors", 6, 0, 0, true},
};

/* What the publisher's slot says, found on whichever node has a slot of that name. */
static const char *confirmed_of(const struct app *app, const struct ref *ref)
{
    const char *slot = ref_text(ref, "slot_name");

    for (size_t i = 0; slot != NULL && i < app->model->sample_count; i++) {
        const struct sample *sample = &app->model->samples[i];
        if (sample->table == NULL || strcmp(sample->query->id, "slots") != 0 ||
            sample->place.node_index == ref->sample->place.node_index)
            continue;
        for (int row = 0; row < sample->table->rows; row++) {
            const char *name = table_text(sample->table, row, "slot_name");
            if (name != NULL && strcmp(name, slot) == 0)
                return table_text(sample->table, row, "confirmed_flush_lsn");
        }
    }
    return NULL;
}

/* Whether a place of the journal, "old/shop", is of this database. */
static bool is_of(const char *place, const char *database)
{
    const char *slash = place != NULL ? strrchr(place, '/') : NULL;

    return slash == NULL || database == NULL || strcmp(slash + 1, database) == 0;
}

/* The barrier that the run captured last for its database, from the journal. */
static const char *barrier_of(const struct app *app, const struct ref *ref)
{
    for (size_t i = records_count(app); i-- > 0;) {
        const json_t *record = records_at(app, i);
        const char *type = json_string_value(json_object_get(record, "type"));
        const char *name;
        json_t *value, *values = json_object_get(record, "values");
        const char *place = json_string_value(json_object_get(record, "place"));
        if (type == NULL || strcmp(type, "capture") != 0 ||
            !is_of(place, ref_text(ref, "database")))
            continue;
        json_object_foreach(values, name, value)
        {
            if (strncmp(name, "barrier", 7) == 0)
                return json_string_value(value);
        }
    }
    return NULL;
}

/* The counts of tables by state, of the same node and database. */
static const struct table *tables_of(const struct app *app, const struct ref *ref, int *found)
{
    const char *name = ref_text(ref, "subname"), *database = ref_text(ref, "database");

    for (size_t i = 0; name != NULL && i < app->model->sample_count; i++) {
        const struct sample *sample = &app->model->samples[i];
        if (sample->table == NULL || strcmp(sample->query->id, "subscription_tables") != 0 ||
            sample->place.node_index != ref->sample->place.node_index ||
            (database && sample->place.database && strcmp(database, sample->place.database) != 0))
            continue;
        for (int row = 0; row < sample->table->rows; row++) {
            const char *other = table_text(sample->table, row, "subname");
            if (other != NULL && strcmp(name, other) == 0) {
                *found = row;
                return sample->table;
            }
        }
    }
    return NULL;
}

static void tables_cell(const struct app *app, const struct ref *ref, struct cell *cell)
{
    int row = 0;
    const struct table *table = tables_of(app, ref, &row);
    int64_t ready = table_int(table, row, "state_r", 0), total = table_int(table, row, "total", 0);

    if (table == NULL)
        cell_text(cell, ROLE_MUTED, NULL);
    else
        cell_printf(cell, ready == total ? ROLE_OK : ROLE_WARN, "%lld/%lld", (long long)ready,
                    (long long)total);
}

static void state_cell(const struct ref *ref, struct cell *cell)
{
    bool enabled = table_bool(ref->sample->table, ref->row, "enabled", false);

    if (!enabled)
        cell_text(cell, ROLE_WARN, "disabled");
    else if (ref_text(ref, "worker_pid") == NULL)
        cell_text(cell, ROLE_BAD, "BROKEN"); /* its worker fails and is started over and over */
    else
        cell_text(cell, ROLE_OK, "running");
}

static void errors_cell(const struct ref *ref, struct cell *cell)
{
    int64_t apply = table_int(ref->sample->table, ref->row, "apply_errors", -1);
    int64_t sync = table_int(ref->sample->table, ref->row, "sync_errors", -1);

    if (apply < 0 && sync < 0)
        cell_text(cell, ROLE_MUTED, NULL);
    else
        cell_printf(cell, apply > 0 || sync > 0 ? ROLE_BAD : ROLE_NORMAL, "%lld+%lld",
                    (long long)apply, (long long)sync);
}

static void cell_of(const struct app *app, const struct ref *ref, size_t column, struct cell *cell)
{
    switch (column) {
    case NODE:
        cell_text(cell, ROLE_NORMAL, ref_node(ref));
        break;
    case NAME:
        cell_text(cell, ROLE_NORMAL, ref_text(ref, "subname"));
        break;
    case DATABASE:
        cell_text(cell, ROLE_NORMAL, ref_text(ref, "database"));
        break;
    case STATE:
        state_cell(ref, cell);
        break;
    case RECEIVED:
        cell_text(cell, ROLE_NORMAL, ref_text(ref, "received_lsn"));
        break;
    case LATEST:
        cell_text(cell, ROLE_NORMAL, ref_text(ref, "latest_end_lsn"));
        break;
    case CONFIRMED:
        cell_text(cell, ROLE_NORMAL, confirmed_of(app, ref));
        break;
    case ORIGIN:
        cell_text(cell, ROLE_NORMAL, ref_text(ref, "origin_lsn"));
        break;
    case BARRIER:
        cell_text(cell, ROLE_TITLE, barrier_of(app, ref));
        break;
    case TABLES:
        tables_cell(app, ref, cell);
        break;
    case ERRORS:
        errors_cell(ref, cell);
        break;
    }
}

static void gather(const struct app *app, struct grid *grid)
{
    panel_gather(app, "subscriptions", grid);
}

static uint64_t stamp(const struct app *app)
{
    return panel_stamp(app, "subscriptions");
}

static void key(const struct app *app, const struct ref *ref, char *out, size_t room)
{
    const char *name = ref_text(ref, "subname"), *database = ref_text(ref, "database");
    (void)app;
    snprintf(out, room, "%s %s %s", ref_node(ref), database != NULL ? database : "",
             name != NULL ? name : "");
}

static void lsn_line(struct lines *lines, const char *name, const char *value, const char *note)
{
    lines_printf(lines, value != NULL ? ROLE_NORMAL : ROLE_MUTED, 0, "%-11s %-14s %s", name,
                 value != NULL ? value : "n/a", note);
}

static void detail(const struct app *app, const struct ref *ref, struct lines *lines)
{
    int row = 0;
    const struct table *tables = tables_of(app, ref, &row);

    if (table_bool(ref->sample->table, ref->row, "enabled", false) &&
        ref_text(ref, "worker_pid") == NULL)
        lines_add(lines, ROLE_BAD, 0,
                  "Enabled, and no worker: it fails and starts over. The server's log says why.");
    lsn_line(lines, "received", ref_text(ref, "received_lsn"), "came in; proves nothing");
    lsn_line(lines, "latest end", ref_text(ref, "latest_end_lsn"), "reported back");
    lsn_line(lines, "confirmed", confirmed_of(app, ref), "what the publisher's slot knows");
    lsn_line(lines, "origin", ref_text(ref, "origin_lsn"), "applied and committed");
    lsn_line(lines, "barrier", barrier_of(app, ref), "what the origin has to pass");
    if (tables != NULL)
        lines_printf(lines, ROLE_NORMAL, 0,
                     "tables: %lld wait, %lld copy, %lld copied, %lld in sync, %lld ready",
                     (long long)table_int(tables, row, "state_i", 0),
                     (long long)table_int(tables, row, "state_d", 0),
                     (long long)table_int(tables, row, "state_f", 0),
                     (long long)table_int(tables, row, "state_s", 0),
                     (long long)table_int(tables, row, "state_r", 0));
}

const struct panel_ops subscriptions_panel = {
    .id = "subscriptions",
    .title = "subscriptions",
    .empty = "no subscriptions",
    .queries = {"subscriptions", "subscription_tables"},
    .grid = {.columns = columns,
             .column_count = LAST,
             .sort = -1,
             .stamp = stamp,
             .gather = gather,
             .cell = cell_of,
             .key = key},
    .detail = detail,
};
