/* Replication slots: how far behind their readers are, and what that costs in WAL. */
#include "panels/panel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NODE, DATABASE, SLOT, LAG, TREND, TO_ZERO, RETAINED, WAL, ACTIVE, LAST };

static const struct column columns[] = {
    [NODE] = {"node", 8, 0, 4, false},         [DATABASE] = {"database", 8, 0, 2, false},
    [SLOT] = {"slot", 0, 12, 0, false},        [LAG] = {"lag", 10, 0, 0, true},
    [TREND] = {"trend", 12, 0, 3, false},      [TO_ZERO] = {"to zero", 8, 0, 2, true},
    [RETAINED] = {"retained", 10, 0, 5, true}, [WAL] = {"wal", 10, 0, 6, false},
    [ACTIVE] = {"active", 8, 0, 1, false},
};

static const struct series *lag_series(const struct app *app, const struct ref *ref)
{
    return model_series(app->model, "slots", ref->sample->place.node_index,
                        ref->sample->place.database_index, ref_text(ref, "slot_name"), "lag");
}

static void trend_cell(const struct app *app, const struct ref *ref, struct cell *cell)
{
    const struct series *series = lag_series(app, ref);
    double values[64];
    size_t room = cell->width > 0 ? (size_t)cell->width : 0;

    if (series == NULL || series->count == 0) {
        cell_text(cell, ROLE_MUTED, NULL);
        return;
    }
    room = room > 64 ? 64 : room;
    size_t count = series->count < room ? series->count : room;
    for (size_t i = 0; i < count; i++)
        values[i] = series_at(series, series->count - count + i);
    text_spark(cell->glyphs, values, count, cell->text, sizeof cell->text);
    cell->style = ROLE_BUSY;
}

static void zero_cell(const struct app *app, const struct ref *ref, struct cell *cell)
{
    const struct series *series = lag_series(app, ref);
    double lag = table_real(ref->sample->table, ref->row, "lag", -1);
    double slope = series != NULL ? series_slope(series, 10) : 0;
    char text[TEXT_ROOM];

    if (lag < 0 || series == NULL)
        cell_text(cell, ROLE_MUTED, NULL);
    else if (lag == 0)
        cell_text(cell, ROLE_OK, "there");
    else if (slope < 0)
        cell_text(cell, ROLE_NORMAL, text_duration(text, lag / -slope * 1000));
    else
        cell_text(cell, slope > 0 ? ROLE_WARN : ROLE_MUTED, slope > 0 ? "growing" : "level");
}

static unsigned wal_style(const char *status)
{
    static const struct {
        const char *status;
        unsigned style;
    } styles[] = {{"reserved", ROLE_OK}, {"extended", ROLE_WARN}};

    for (size_t i = 0; status != NULL && i < sizeof styles / sizeof *styles; i++) {
        if (strcmp(status, styles[i].status) == 0)
            return styles[i].style;
    }
    return ROLE_BAD; /* unreserved, lost, or something newer */
}

static unsigned lag_style(const struct app *app, const struct ref *ref)
{
    return table_int(ref->sample->table, ref->row, "lag", 0) > app->config->lag_limit_bytes
               ? ROLE_WARN
               : ROLE_NORMAL;
}

static void cell_of(const struct app *app, const struct ref *ref, size_t column, struct cell *cell)
{
    bool active = table_bool(ref->sample->table, ref->row, "active", false);

    switch (column) {
    case NODE:
        cell_text(cell, ROLE_NORMAL, ref_node(ref));
        break;
    case DATABASE:
        cell_text(cell, ROLE_NORMAL, ref_text(ref, "database"));
        break;
    case SLOT:
        cell_text(cell, ROLE_NORMAL, ref_text(ref, "slot_name"));
        break;
    case LAG:
        cell_bytes(cell, lag_style(app, ref), ref_text(ref, "lag"));
        break;
    case TREND:
        trend_cell(app, ref, cell);
        break;
    case TO_ZERO:
        zero_cell(app, ref, cell);
        break;
    case RETAINED:
        cell_bytes(cell, ROLE_NORMAL, ref_text(ref, "retained"));
        break;
    case WAL:
        cell_text(cell, wal_style(ref_text(ref, "wal_status")), ref_text(ref, "wal_status"));
        break;
    case ACTIVE:
        cell_text(cell, active ? ROLE_OK : ROLE_BAD, active ? "active" : "INACTIVE");
        break;
    }
}

static void gather(const struct app *app, struct grid *grid)
{
    panel_gather(app, "slots", grid);
}

static uint64_t stamp(const struct app *app)
{
    return panel_stamp(app, "slots");
}

static void key(const struct app *app, const struct ref *ref, char *out, size_t room)
{
    const char *slot = ref_text(ref, "slot_name"), *database = ref_text(ref, "database");
    (void)app;
    snprintf(out, room, "%s %s %s", ref_node(ref), database != NULL ? database : "",
             slot != NULL ? slot : "");
}

static void detail(const struct app *app, const struct ref *ref, struct lines *lines)
{
    static const char *const names[] = {
        "slot_type",        "plugin",          "database",    "active_pid",
        "application_name", "walsender_state", "restart_lsn", "confirmed_flush_lsn",
        "sent_lsn",         "invalidation"};
    char safe[TEXT_ROOM];
    const char *size = ref_text(ref, "safe_wal_size");

    (void)app;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = ref_text(ref, names[i]);
        if (value != NULL && *value != '\0')
            lines_printf(lines, ROLE_NORMAL, 0, "%-20s %s", names[i], value);
    }
    if (size != NULL)
        lines_printf(lines, ROLE_NORMAL, 0, "%-20s %s", "safe_wal_size",
                     text_bytes(safe, strtoll(size, NULL, 10)));
}

const struct panel_ops slots_panel = {
    .id = "slots",
    .title = "slots",
    .empty = "no replication slots",
    .queries = {"slots"},
    .grid = {.columns = columns,
             .column_count = LAST,
             .sort = -1,
             .stamp = stamp,
             .gather = gather,
             .cell = cell_of,
             .key = key},
    .detail = detail,
};
