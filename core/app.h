/* The one `app`: everything a console consists of, built from its configuration. */
#ifndef PGCUTOVER_APP_H
#define PGCUTOVER_APP_H

#include <jansson.h>
#include <uv.h>

#include "core/catalogue.h"
#include "core/checks.h"
#include "core/config.h"
#include "core/model.h"
#include "core/run.h"
#include "core/runbook.h"

struct engine;
struct follower;
struct sampler;

enum mode { MODE_DRIVE, MODE_WATCH, MODE_STATUS };

/* What a driver publishes about itself, read from its session's application_name. */
struct driver_seen {
    bool seen;
    char step[64];  /* id of the step it is at */
    char state[32]; /* in words */
    size_t number;  /* of the step, from 1 */
    uint64_t seen_ms;
};

struct app {
    uv_loop_t *loop;
    enum mode mode;
    struct config *config;
    struct catalogue *catalogue;
    struct runbook *runbook;
    struct model *model;
    struct sampler *sampler;
    struct checks *checks;
    struct run *run;       /* a watcher's follows the driver's */
    struct engine *engine; /* NULL unless MODE_DRIVE */
    struct driver_seen driver;
    struct follower *follower;
    json_t *followed; /* a watcher's copy of the journal on this machine; NULL: there is none */
    bool paused;      /* the screen stands still; sampling goes on */
    void (*changed)(struct app *app); /* something worth drawing happened; set by the face */
    void *face;                       /* the face's own */
};

/* Reads the catalogue and the runbook, checks them against the configuration. Takes over `config`.
 * Nothing connects yet. NULL and `err`. */
struct app *app_new(uv_loop_t *loop, enum mode mode, struct config *config, struct err *err);
/* Connects, samples, and in MODE_DRIVE starts the engine. False and `err` where that can't be. */
bool app_start(struct app *app, struct err *err);
/* Closes what is open; handles on the loop go as it runs on. */
void app_stop(struct app *app);
void app_free(struct app *app);

/* Says that the screen has to be drawn anew. */
void app_changed(struct app *app);
uint64_t app_now(const struct app *app); /* the loop's monotonic milliseconds */

/* Replaces every password that the configuration knows by asterisks, in place in a copy: the caller
 * owns the result. For everything that comes from a server or a program. */
char *app_redact(const struct app *app, const char *text);

/* Variables of a place that the configuration gives: database, node, role, run, source_conninfo,
 * target_conninfo, lag_limit, and the file's own. False where it has none of that name. The value
 * belongs to `arena`. */
struct sql_value;
bool app_variable(const struct app *app, const struct place *place, const char *name,
                  struct arena *arena, struct sql_value *value);

#endif
