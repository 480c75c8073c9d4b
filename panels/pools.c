/* PgBouncer: what it holds back, for how long, and who waits. */
#include "panels/panel.h"

#include <stdio.h>
#include <string.h>

enum { NODE, DATABASE, USER, STATE, ACTIVE, WAITING, SERVERS, WAIT, MODE, LAST };

static const struct column columns[] = {
    [NODE] = {"pooler", 8, 0, 3, false},    [DATABASE] = {"database", 0, 10, 0, false},
    [USER] = {"user", 10, 0, 4, false},     [STATE] = {"state", 8, 0, 0, false},
    [ACTIVE] = {"clients", 7, 0, 1, true},  [WAITING] = {"waiting", 7, 0, 0, true},
    [SERVERS] = {"servers", 7, 0, 5, true}, [WAIT] = {"longest wait", 12, 0, 2, true},
    [MODE] = {"mode", 11, 0, 6, false},
};

/* SHOW DATABASES of the same pooler, the row of this database. */
static const char *of_database(const struct app *app, const struct ref *ref, const char *column)
{
    const struct sample *sample =
        model_sample(app->model, "pool_databases", ref->sample->place.node_index, -1);
    const char *database = ref_text(ref, "database");

    for (int row = 0; database && sample && sample->table && row < sample->table->rows; row++) {
        const char *name = table_text(sample->table, row, "name");
        if (name != NULL && strcmp(name, database) == 0)
            return table_text(sample->table, row, column);
    }
    return NULL;
}

static bool is_set(const char *value)
{
    return value != NULL && strcmp(value, "0") != 0;
}

static void state_cell(const struct app *app, const struct ref *ref, struct cell *cell)
{
    if (of_database(app, ref, "paused") == NULL)
        cell_text(cell, ROLE_MUTED, NULL);
    else if (is_set(of_database(app, ref, "paused")))
        cell_text(cell, ROLE_WARN, "PAUSED");
    else if (is_set(of_database(app, ref, "disabled")))
        cell_text(cell, ROLE_WARN, "DISABLED");
    else
        cell_text(cell, ROLE_OK, "open");
}

static void cell_of(const struct app *app, const struct ref *ref, size_t column, struct cell *cell)
{
    bool waiting = is_set(ref_text(ref, "cl_waiting"));
    const char *active = ref_text(ref, "sv_active"), *idle = ref_text(ref, "sv_idle");

    switch (column) {
    case NODE:
        cell_text(cell, ROLE_NORMAL, ref_node(ref));
        break;
    case DATABASE:
        cell_text(cell, ROLE_NORMAL, ref_text(ref, "database"));
        break;
    case USER:
        cell_text(cell, ROLE_NORMAL, ref_text(ref, "user"));
        break;
    case STATE:
        state_cell(app, ref, cell);
        break;
    case ACTIVE:
        cell_number(cell, ROLE_NORMAL, ref_text(ref, "cl_active"));
        break;
    case WAITING:
        cell_number(cell, waiting ? ROLE_WARN : ROLE_NORMAL, ref_text(ref, "cl_waiting"));
        break;
    case SERVERS:
        if (active == NULL || idle == NULL)
            cell_text(cell, ROLE_MUTED, NULL);
        else
            cell_printf(cell, ROLE_NORMAL, "%s/%s", active, idle);
        break;
    case WAIT:
        cell_seconds(cell, waiting ? ROLE_WARN : ROLE_NORMAL, ref_text(ref, "maxwait"));
        break;
    case MODE:
        cell_text(cell, ROLE_NORMAL, ref_text(ref, "pool_mode"));
        break;
    }
}

static void gather(const struct app *app, struct grid *grid)
{
    panel_gather(app, "pools", grid);
}

static uint64_t stamp(const struct app *app)
{
    return panel_stamp(app, "pools");
}

static void key(const struct app *app, const struct ref *ref, char *out, size_t room)
{
    const char *database = ref_text(ref, "database"), *user = ref_text(ref, "user");
    (void)app;
    snprintf(out, room, "%s %s %s", ref_node(ref), database ? database : "", user ? user : "");
}

const struct panel_ops pools_panel = {
    .id = "pools",
    .title = "pools",
    .empty = "no pooler",
    .queries = {"pools", "pool_databases"},
    .grid = {.columns = columns,
             .column_count = LAST,
             .sort = -1,
             .stamp = stamp,
             .gather = gather,
             .cell = cell_of,
             .key = key},
};
