/* The runbook as it would be walked, without connecting: for `plan` and for pull requests. */
#ifndef PGCUTOVER_PLAN_H
#define PGCUTOVER_PLAN_H

#include <jansson.h>

#include "core/app.h"

/* An object {run, runbook, title, databases, steps: [...]}; each step has its texts for its first
 * place, one a range of versions, secrets as asterisks. What only the run will know stands as
 * <name>. The caller decrefs it. NULL and `err` on a variable that nothing defines. */
json_t *plan_json(const struct app *app, struct err *err);

#endif
