/* The command line: options may stand before or after the command. */
#ifndef PGCUTOVER_OPTIONS_H
#define PGCUTOVER_OPTIONS_H

#include "core/catalogue.h"
#include "core/err.h"

#include <stdbool.h>

struct options {
    const char *command;     /* drive, watch, plan, status, check, runbook; "drive" by default */
    const char *argument[2]; /* what follows the command; NULL where nothing does */
    const char *config;      /* -c; NULL: pgcutover.conf, unless source and target are given */
    const char *source, *target, *pooler; /* DSNs */
    const char *runbook;                  /* overrides the configuration's */
    const char *run;
    const char *theme;
    const char *only;       /* check: a group or an id */
    const char *explain;    /* check: an id */
    enum severity severity; /* check: this one and worse */
    bool json, help, version;
};

/* Reads the command line. False and `err` on what it does not know. Strings belong to argv. */
bool options_read(int argc, char **argv, struct options *options, struct err *err);

#endif
