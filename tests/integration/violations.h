/* For every check of the catalogue: what breaks it, whom it must name, and what mends it again. A
 * check without a row here fails the suite. */
#ifndef TESTS_INTEGRATION_VIOLATIONS_H
#define TESTS_INTEGRATION_VIOLATIONS_H

#include <stddef.h>

enum hold { NOT_HELD, HELD }; /* HELD: the session that breaks it stays open until it is mended */

struct violation {
    const char *check;
    const char *side, *database; /* where it is broken; a script has a statement a line */
    const char *breaks;
    const char *offender; /* part of the offender that must be named */
    const char *mends_on; /* NULL: the same side */
    const char *mends;    /* the remedy; NULL: the session ends */
    const char *cleans;   /* what is left then, on the side where it was broken; NULL: nothing */
    enum hold hold;
    int source_version;      /* what the console believes the source to be; 0: the truth */
    const char *variable[2]; /* of the configuration, while it is broken */
    int lag_limit;           /* while it is broken; 0: the configuration's */
};

/* For servers of these majors; 0: of the lab with the run's objects, 14 to 18. */
struct violation_set {
    int from, to;
    const struct violation *violations;
    size_t count;
};

extern const struct violation_set violation_sets[];
extern const size_t violation_set_count;

#endif
