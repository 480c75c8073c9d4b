/* The `rollback` runbook: back to the old version under load, with what was written on the new. */
#include "tests/integration/support.h"

static struct lab lab;

static void down(void)
{
    lab_down(&lab);
}

Test(rollback, brings_a_live_shop_back_with_all_that_18_took, .timeout = 200, .fini = down)
{
    lab = lab_up("rollback", 18120, 14, 18, "");
    load_start(&lab);
    struct driver *driver = driver_start(&lab, NULL);
    driver_walk(driver, "resume");
    load_wait_acks(&lab, 50);
    driver_walk(driver, "no_strays");
    driver_stop(driver);
    load_expect_servers(&lab, "14 18");

    driver = driver_start(&lab, "rollback");
    /* Inside the window both sides stand still: later the source moves on alone. */
    driver_walk(driver, "sequences_same");
    lab_expect_same_content(&lab);
    lab_expect_same_sequences(&lab);

    driver_walk(driver, "resume");
    load_wait_acks(&lab, 50);
    driver_walk(driver, NULL);
    load_stop(&lab);
    cr_expect_eq(load_failed(&lab), 0);
    load_expect_servers(&lab, "14 18 14");
    load_expect_nothing_lost(&lab, "source");
    lab_expect_sequences_work(&lab, "source");
    driver_stop(driver);
    lab_expect_nothing_left(&lab);
}
