/* Who still writes, or holds a transaction, where writes are to stop. */
#include "panels/panel.h"

#include <stdio.h>
#include <string.h>

enum { NODE, PID, DATABASE, USER, APPLICATION, STATE, HOLDS, TRANSACTION, WAIT, QUERY, LAST };

static const struct column columns[] = {
    [NODE] = {"node", 8, 0, 8, false},
    [PID] = {"pid", 7, 0, 0, true},
    [DATABASE] = {"database", 9, 0, 5, false},
    [USER] = {"user", 9, 0, 3, false},
    [APPLICATION] = {"application", 12, 0, 6, false},
    [STATE] = {"state", 11, 0, 0, false},
    [HOLDS] = {"holds", 6, 0, 1, false},
    [TRANSACTION] = {"for", 8, 0, 0, true},
    [WAIT] = {"waits on", 12, 0, 7, false},
    [QUERY] = {"query", 0, 16, 0, false},
};

static void state_cell(const struct ref *ref, struct cell *cell)
{
    const char *state = ref_text(ref, "state");

    if (state != NULL && strncmp(state, "idle in transaction", 19) == 0)
        cell_text(cell, ROLE_WARN, "idle in tx");
    else
        cell_text(cell, ROLE_NORMAL, state);
}

static void cell_of(const struct app *app, const struct ref *ref, size_t column, struct cell *cell)
{
    static const struct {
        size_t column;
        const char *name;
    } plain[] = {{DATABASE, "database"},
                 {USER, "usename"},
                 {APPLICATION, "application_name"},
                 {WAIT, "wait"},
                 {QUERY, "query"}};
    bool writes = table_bool(ref->sample->table, ref->row, "has_xid", false);

    (void)app;
    switch (column) {
    case NODE:
        cell_text(cell, ROLE_NORMAL, ref_node(ref));
        return;
    case PID:
        cell_number(cell, ROLE_NORMAL, ref_text(ref, "pid"));
        return;
    case STATE:
        state_cell(ref, cell);
        return;
    case HOLDS:
        cell_text(cell, writes ? ROLE_BAD : ROLE_NORMAL, writes ? "WRITES" : "reads");
        return;
    case TRANSACTION:
        cell_seconds(cell, ROLE_NORMAL, ref_text(ref, "xact_age_s"));
        return;
    }
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        const char *text = ref_text(ref, plain[i].name);
        if (plain[i].column == column)
            cell_text(cell, ROLE_NORMAL, text != NULL ? text : "");
    }
}

static void gather(const struct app *app, struct grid *grid)
{
    panel_gather(app, "activity", grid);
}

static uint64_t stamp(const struct app *app)
{
    return panel_stamp(app, "activity");
}

static void key(const struct app *app, const struct ref *ref, char *out, size_t room)
{
    static const char *const names[] = {"pid", "database", "usename", "application_name"};
    size_t used = (size_t)snprintf(out, room, "%s", ref_node(ref));

    (void)app;
    for (size_t i = 0; i < sizeof names / sizeof *names && used < room; i++) {
        const char *text = ref_text(ref, names[i]);
        used += (size_t)snprintf(out + used, room - used, " %s", text != NULL ? text : "");
    }
}

static void detail(const struct app *app, const struct ref *ref, struct lines *lines)
{
    static const char *const names[] = {"application_name", "client", "state", "wait"};

    (void)app;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *text = ref_text(ref, names[i]);
        if (text != NULL && *text != '\0')
            lines_printf(lines, ROLE_NORMAL, 0, "%-17s %s", names[i], text);
    }
    const char *query = ref_text(ref, "query");
    lines_add(lines, ROLE_NORMAL, 0, query != NULL ? query : "(the query may not be seen)");
}

const struct panel_ops activity_panel = {
    .id = "activity",
    .title = "activity",
    .empty = "nobody writes or holds a transaction",
    .queries = {"activity"},
    .grid = {.columns = columns,
             .column_count = LAST,
             .sort = TRANSACTION,
             .descending = true,
             .stamp = stamp,
             .gather = gather,
             .cell = cell_of,
             .key = key},
    .detail = detail,
};
