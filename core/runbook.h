/* A runbook: the steps of a cutover, read from annotated SQL and checked before anything connects.
 * Directives of a step, one table in runbook.c: title, phase, on, per, from, kind, why, window,
 * requires, capture, no-transaction, parallel, timeout, confirm, supersedes, needs, down, holds.
 * Sections: body, probe, undo, each, abandon. core/runbooks/README.md is the page for its authors.
 */
#ifndef PGCUTOVER_RUNBOOK_H
#define PGCUTOVER_RUNBOOK_H

#include "core/catalogue.h"
#include "core/config.h"
#include "core/sqlfile.h"

enum step_kind { STEP_SQL, STEP_GEXEC, STEP_WAIT, STEP_COMPARE, STEP_COMMAND, STEP_MANUAL };
enum phase { PHASE_PREPARE, PHASE_WINDOW, PHASE_AFTER };

/* Text that runs on a role. `none` says why there is none; both NULL: not given. */
struct script {
    const char *text;
    const char *on;
    const char *none;
    int line;
};

/* What must exist: on the place `--- needs function f(int)`, `extension x`, `setting s`; in the
 * configuration `variable v`, or must not: `no-variable v`. */
struct need {
    const char *kind;
    const char *what;
};

/* The text of a step for a range of server versions. */
struct step_variant {
    int since, until;
    struct script body, probe, undo, each, abandon;
};

struct step {
    const char *id;
    const char *title;
    const char *why;
    enum step_kind kind;
    enum phase phase;
    const char *on;     /* role that it changes (gexec: where the generated statements run) */
    const char *from;   /* gexec: where the generator runs; compare: the other side; else NULL */
    bool per_node;      /* `--- per node`: once a node, not once a database */
    bool opens, closes; /* the window */
    bool typed;         /* `--- confirm typed`: the run's name, not a letter */
    bool transaction;   /* false: `--- no-transaction` */
    bool holds;   /* runs on a replication connection of its own, open until a step releases it */
    int parallel; /* gexec: sessions; 1: one transaction */
    int timeout_ms;
    const char **requires; /* check ids */
    size_t require_count;
    const char **captures; /* columns that become variables */
    size_t capture_count;
    const char **supersedes; /* steps whose effect it ends on purpose: their probes count no more */
    size_t supersede_count;
    const char **down; /* roles that it takes down: no alarm, and its probe where it has none */
    size_t down_count;
    const char **releases; /* steps whose held sessions end once this one is done */
    size_t release_count;
    struct need *needs;
    size_t need_count;
    struct step_variant *variants;
    size_t variant_count;
    int line;
};

struct runbook {
    struct arena arena;
    struct sqlfile *file;
    const char *name;
    const char *title;
    const char *path;
    struct step *steps;
    size_t step_count;
};

/* Reads a runbook from the catalogue (a name) or from a file (a path). NULL and
 * `FILE:LINE: what; remedy` in `err`. */
struct runbook *runbook_read(const char *name_or_path, struct err *err);
struct runbook *runbook_parse(const char *path, const char *text, size_t length, struct err *err);
void runbook_free(struct runbook *runbook);

/* What can be wrong without a server: variables that nothing defines, checks that do not exist,
 * roles that no node has, a window opened and never closed, a step without a probe or without an
 * undo that give no reason, a captured name used before it is captured. `config` may be NULL (then
 * roles and variables of the configuration are not looked at). False and the first one in `err`. */
bool runbook_check(const struct runbook *runbook, const struct catalogue *catalogue,
                   const struct config *config, struct err *err);

/* Whether its effect can be asked for: by a probe, by its own query (a wait), or by nodes that it
 * takes down. */
bool step_can_be_seen(const struct step *step);

/* False where the configuration's variables say that the step is not for this run. `config` may be
 * NULL: then it is. */
bool step_is_configured(const struct step *step, const struct config *config);

const struct step *runbook_step(const struct runbook *runbook, const char *id);  /* or NULL */
const struct step_variant *step_variant_for(const struct step *step, int major); /* or NULL */

const char *step_kind_name(enum step_kind kind);
const char *phase_name(enum phase phase);

/* The names in the catalogue, for `runbook list`; ends with NULL; the caller frees the array. */
const char **runbook_names(void);
/* The text of one in the catalogue, for `runbook show`; NULL where there is none. */
const char *runbook_text(const char *name);

#endif
