/* What the integration tests share: a lab of real servers, and a driver that walks a runbook by the
 * engine as a person would by the keys, but without a screen. */
#ifndef TESTS_INTEGRATION_SUPPORT_H
#define TESTS_INTEGRATION_SUPPORT_H

#include <criterion/criterion.h>
#include <libpq-fe.h>

#include "core/app.h"
#include "core/engine.h"

struct lab {
    char dir[96];
    char conf[128]; /* the console's configuration */
    int port;       /* of the source; the target's and the pooler's follow */
};

/* Starts servers of these majors with the shop on the source, in a directory of this name, on
 * `port` and the two after it. `options` (may be "") go to `lab up`. Fails the test where it can't.
 */
struct lab lab_up(const char *name, int port, int from, int to, const char *options);
void lab_down(const struct lab *lab);

/* Runs `tests/lab/lab COMMAND`, with the lab's DIR after its first word; true where it exits 0. */
bool lab_run(const struct lab *lab, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A session of one of the lab's roles; fails the test where it can't be had. PQfinish() is the
 * caller's. */
PGconn *lab_connect(const struct lab *lab, const char *side, const char *database,
                    const char *user);
/* One write as the application would do it; its SQLSTATE where it is refused, else "". */
const char *lab_write(PGconn *conn);

/* The first cell of a query on source, target or pooler; "" for NULL or no row. Fails the test on
 * an error. The caller frees it. */
char *lab_ask(const struct lab *lab, const char *side, const char *database, const char *sql);
/* Whether a query's first cell is true. */
bool lab_says(const struct lab *lab, const char *side, const char *database, const char *sql);
/* Whether the pooler sends both databases to that side, and lets them through. */
bool lab_pooler_at(const struct lab *lab, const char *side);
/* Statements whose results nobody needs. */
void lab_do(const struct lab *lab, const char *side, const char *database, const char *sql);

/* A digest of the content of every table of the shop's databases on a side, one line a table. The
 * caller frees it. */
char *lab_content(const struct lab *lab, const char *side, const char *database);

/* Every sequence of a database as `name last_value is_called`, one a line. The caller frees it. */
char *lab_sequences(const struct lab *lab, const char *side, const char *database);

/* The databases that every run of a lab moves. */
extern const char *const lab_databases[2];

/* What is committed on `from` by now is on `to`: by a row of ours that follows it. */
void lab_drain(const struct lab *lab, const char *from, const char *to);
void lab_expect_same_content(const struct lab *lab);
void lab_expect_same_sequences(const struct lab *lab);
/* Each takes a number that no row of its column has. */
void lab_expect_sequences_work(const struct lab *lab, const char *side);
/* No slot, publication, subscription, origin, schema or setting of ours on either side. */
void lab_expect_nothing_left(const struct lab *lab);

/* The shop's load through the pooler, or where the lab has none straight at the source. */
void load_start(const struct lab *lab);
void load_stop(const struct lab *lab);
/* Every write that was acknowledged is on that side; and none was refused. */
void load_expect_nothing_lost(const struct lab *lab, const char *side);
long load_failed(const struct lab *lab);
long load_acked(const struct lab *lab);
/* Waits until that many writes more were acknowledged. */
void load_wait_acks(const struct lab *lab, long more);
/* The last write of each database was acknowledged by a server of this major version. */
void load_expect_server(const struct lab *lab, int major);
/* No database went to and fro: its writes were acknowledged by these majors, in this order (a list
 * as "14 18"). */
void load_expect_servers(const struct lab *lab, const char *majors);

struct driver {
    uv_loop_t loop;
    struct app *app;
    char *conf;
};

/* A console without a screen on the lab's configuration; `runbook` NULL: the configuration's. Waits
 * until it drives and has resumed. */
struct driver *driver_start(const struct lab *lab, const char *runbook);
/* The same, but another console drives already: its journal is elsewhere. Waits until it knows. */
struct driver *driver_second(const struct lab *lab);
void driver_stop(struct driver *driver);

/* Runs the loop until it is true; false after `ms`. */
bool driver_until(struct driver *driver, bool (*is_so)(struct driver *, const void *),
                  const void *arg, int ms);

/* Asks for a step and says yes to it, as soon as it may; waits until it has ended. False and the
 * reason where the engine refuses. */
bool driver_do(struct driver *driver, enum verb verb, const char *step, struct err *why);
/* Walks from the next step up to and with this one (NULL: to the end), and fails the test with the
 * step's message where one does not get done. */
void driver_walk(struct driver *driver, const char *last);
/* Takes back, step by step, until nothing of the window is left. */
void driver_abort(struct driver *driver);

enum state driver_state(const struct driver *driver, const char *step);
/* What is known of a step, for messages: its state and each place's message. Owned by the driver
 * until the next call. */
const char *driver_story(const struct driver *driver, const char *step);

#endif
