/* The servers: what each is, whether it answers, and who is on it. */
#include "panels/panel.h"

#include <stdio.h>
#include <string.h>

enum { NODE, ROLE, VERSION, STATE, ACCESS, CLIENTS, OLDEST, LAG, TRIP, AGE, LAST };

#define SILENT_MS 2000

static const struct column columns[] = {
    [NODE] = {"node", 0, 8, 0, false},       [ROLE] = {"role", 7, 0, 3, false},
    [VERSION] = {"version", 7, 0, 2, false}, [STATE] = {"state", 13, 0, 0, false},
    [ACCESS] = {"access", 10, 0, 1, false},  [CLIENTS] = {"act/idle/tx", 11, 0, 4, true},
    [OLDEST] = {"oldest tx", 9, 0, 5, true}, [LAG] = {"lag", 9, 0, 7, true},
    [TRIP] = {"trip", 7, 0, 6, true},        [AGE] = {"age", 6, 0, 0, true},
};

static const struct sample *node_sample(const struct app *app, int node)
{
    return model_sample(app->model, "node", node, -1);
}

static const char *value(const struct app *app, int node, const char *column)
{
    const struct sample *sample = node_sample(app, node);
    return sample != NULL ? table_text(sample->table, 0, column) : NULL;
}

static int64_t age_of(const struct app *app, const struct node_facts *facts)
{
    return facts->heard_ms > 0 ? (int64_t)(app_now(app) - facts->heard_ms) : -1;
}

/* The first frame is drawn before anything connects: that is no bad news yet. */
static bool not_tried(const struct node_facts *facts)
{
    return facts->link == LINK_DOWN && facts->error == NULL && facts->heard_ms == 0;
}

bool node_is_silent(const struct app *app, const struct node_facts *facts)
{
    if (facts->link == LINK_EXPECTED_DOWN || not_tried(facts))
        return false;
    return facts->link == LINK_DOWN || (facts->heard_ms > 0 && age_of(app, facts) > SILENT_MS);
}

static void state_cell(const struct app *app, const struct node_facts *facts, struct cell *cell)
{
    switch (facts->link) {
    case LINK_UP:
        if (node_is_silent(app, facts))
            cell_text(cell, ROLE_BAD, "NOT ANSWERING");
        else
            cell_text(cell, ROLE_OK, "up");
        break;
    case LINK_CONNECTING:
        cell_text(cell, ROLE_BUSY, "connecting");
        break;
    case LINK_EXPECTED_DOWN:
        cell_text(cell, ROLE_MUTED, "expected down");
        break;
    case LINK_DOWN:
        if (not_tried(facts))
            cell_text(cell, ROLE_BUSY, "connecting");
        else
            cell_text(cell, ROLE_BAD, "DOWN");
        break;
    }
}

static void access_cell(const struct app *app, int node, struct cell *cell)
{
    const struct sample *sample = node_sample(app, node);
    const char *closed = value(app, node, "read_only_databases");

    if (sample == NULL || sample->table == NULL || sample->table->rows == 0)
        cell_text(cell, ROLE_MUTED, NULL);
    else if (table_bool(sample->table, 0, "in_recovery", false))
        cell_text(cell, ROLE_NORMAL, "standby");
    else if (table_bool(sample->table, 0, "read_only", false) ||
             (closed != NULL && *closed != '\0' && strcmp(closed, "0") != 0))
        cell_text(cell, ROLE_WARN, "read-only");
    else
        cell_text(cell, ROLE_NORMAL, "writable");
}

/* The longest lag of the slots that this node feeds. */
static void lag_cell(const struct app *app, int node, struct cell *cell)
{
    const struct sample *sample = model_sample(app->model, "slots", node, -1);
    const char *most = NULL;
    int64_t best = -1;

    for (int row = 0; sample != NULL && sample->table != NULL && row < sample->table->rows; row++) {
        int64_t lag = table_int(sample->table, row, "lag", -1);
        if (lag > best) {
            best = lag;
            most = table_text(sample->table, row, "lag");
        }
    }
    cell_bytes(cell, ROLE_NORMAL, most);
}

static void clients_cell(const struct app *app, int node, struct cell *cell)
{
    const char *active = value(app, node, "clients_active"),
               *idle = value(app, node, "clients_idle"), *tx = value(app, node, "clients_idle_tx");

    if (active == NULL || idle == NULL || tx == NULL)
        cell_text(cell, ROLE_MUTED, NULL);
    else
        cell_printf(cell, ROLE_NORMAL, "%s/%s/%s", active, idle, tx);
}

static void version_cell(const struct node_facts *facts, struct cell *cell)
{
    cell->order = facts->version;
    if (facts->version == 0)
        cell_text(cell, ROLE_MUTED, NULL);
    else
        cell_printf(cell, ROLE_NORMAL, "%d.%d", facts->version / 10000, facts->version % 10000);
}

static void cell_of(const struct app *app, const struct ref *ref, size_t column, struct cell *cell)
{
    const struct node_facts *facts = &app->model->nodes[ref->row];
    char text[TEXT_ROOM];

    switch (column) {
    case NODE:
        cell_text(cell, ROLE_NORMAL, facts->config->name);
        break;
    case ROLE:
        cell_text(cell, ROLE_NORMAL, facts->config->role);
        break;
    case VERSION:
        version_cell(facts, cell);
        break;
    case STATE:
        state_cell(app, facts, cell);
        break;
    case ACCESS:
        access_cell(app, ref->row, cell);
        break;
    case CLIENTS:
        clients_cell(app, ref->row, cell);
        break;
    case OLDEST:
        cell_seconds(cell, ROLE_NORMAL, value(app, ref->row, "oldest_xact"));
        break;
    case LAG:
        lag_cell(app, ref->row, cell);
        break;
    case TRIP:
        cell->order = facts->round_trip_ms;
        if (facts->round_trip_ms < 0)
            cell_text(cell, ROLE_MUTED, NULL);
        else
            cell_printf(cell, ROLE_NORMAL, "%.0f ms",
                        facts->round_trip_ms < 1 ? 1 : facts->round_trip_ms);
        break;
    case AGE:
        cell->order = (double)age_of(app, facts);
        cell_text(cell, age_of(app, facts) > SILENT_MS ? ROLE_WARN : ROLE_MUTED,
                  text_age(text, age_of(app, facts)));
        break;
    }
}

static void gather(const struct app *app, struct grid *grid)
{
    for (size_t i = 0; i < app->config->node_count; i++)
        grid_add(grid, (struct ref){.row = (int)i});
}

static uint64_t stamp(const struct app *app)
{
    return app->config->node_count;
}

static void key(const struct app *app, const struct ref *ref, char *out, size_t room)
{
    const struct node_config *node = &app->config->nodes[ref->row];
    snprintf(out, room, "%s %s", node->name, node->role);
}

static void detail(const struct app *app, const struct ref *ref, struct lines *lines)
{
    const struct node_facts *facts = &app->model->nodes[ref->row];
    char text[TEXT_ROOM];

    if (facts->error != NULL)
        lines_add(lines, ROLE_BAD, 0, facts->error);
    if (facts->retry_ms > app_now(app))
        lines_printf(lines, ROLE_NORMAL, 0, "connects again in %s",
                     text_duration(text, (double)(facts->retry_ms - app_now(app))));
    lines_printf(lines, ROLE_MUTED, 0, "watching it took %u statements and %s of its time",
                 facts->statements, text_duration(text, facts->spent_ms));
}

const struct panel_ops nodes_panel = {
    .id = "nodes",
    .title = "nodes",
    .empty = "no nodes are configured",
    .grid = {.columns = columns,
             .column_count = LAST,
             .sort = -1,
             .stamp = stamp,
             .gather = gather,
             .cell = cell_of,
             .key = key},
    .detail = detail,
};
