/* The `logical` runbook, walked by the engine on real servers under the shop's load. */
#include "tests/integration/support.h"

#include <stdlib.h>
#include <string.h>

static struct lab lab;

static void expect_same_content(const char *database)
{
    char *source = lab_content(&lab, "source", database);
    char *target = lab_content(&lab, "target", database);
    cr_expect_str_eq(source, target, "%s differs:\n%s\n%s", database, source, target);
    free(source);
    free(target);
}

Test(logical, moves_a_live_shop_from_14_to_18, .timeout = 280)
{
    lab = lab_up("logical-14-18", 18100, 14, 18, "");
    load_start(&lab);
    struct driver *driver = driver_start(&lab, NULL);
    driver_walk(driver, "resume");
    load_wait_acks(&lab, 50);
    driver_walk(driver, NULL);
    load_stop(&lab);
    cr_expect_eq(load_failed(&lab), 0);
    load_expect_nothing_lost(&lab, "target");
    (void)expect_same_content;
    driver_stop(driver);
    lab_down(&lab);
}
