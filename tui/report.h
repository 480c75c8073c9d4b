/* Commands without a screen: they print to standard output and return the exit status. */
#ifndef PGCUTOVER_REPORT_H
#define PGCUTOVER_REPORT_H

#include "core/app.h"
#include "tui/options.h"

/* 0 done, 1 something does not hold, 2 usage or configuration, 3 a server could not be reached. */
enum exit_status { EXIT_DONE, EXIT_DOES_NOT_HOLD, EXIT_USAGE, EXIT_UNREACHABLE };

/* The runbook with its SQL as it would be sent; connects to nothing. */
int report_plan(struct app *app, const struct options *options);
/* One sample of everything that the panels show. */
int report_status(struct app *app, const struct options *options);
/* Runs the checks once. */
int report_check(struct app *app, const struct options *options);
/* `runbook list`, `runbook show NAME`, `runbook check FILE`. */
int report_runbook(const struct options *options);

/* Prints `pgcutover: TEXT` on standard error and returns `status`. */
int complain(int status, const char *text);

#endif
