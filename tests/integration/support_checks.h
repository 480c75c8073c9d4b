/* What the tests of the checks share: a console that only asks, and what its checks said. */
#ifndef TESTS_INTEGRATION_SUPPORT_CHECKS_H
#define TESTS_INTEGRATION_SUPPORT_CHECKS_H

#include "tests/integration/support.h"

/* A console as `pgcutover check` has it, connected to every server. End it with driver_stop(). */
struct driver *asker_start(const struct lab *lab);

/* Runs those checks again that `wanted` picks (NULL: all), and waits for them. */
void asker_run(struct driver *asker, bool (*wanted)(const struct check *));

/* The offender of any of those checks whose object and whose detail hold these texts ("" is in
 * all); -1: none. `*result` is its check. */
int asker_find(const struct driver *asker, bool (*wanted)(const struct check *), const char *object,
               const char *detail, const struct check_result **result);

/* What those checks found or could not do, a line each, for messages; "" where all hold. At most
 * `most` lines. Owned by the support until the next call. */
const char *asker_story(const struct driver *asker, bool (*wanted)(const struct check *), int most);

#endif
