/* What the operator says: the configuration file (libconfig) or --source and --target. */
#ifndef PGCUTOVER_CONFIG_H
#define PGCUTOVER_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "core/err.h"
#include "core/mem.h"

enum node_kind { KIND_POSTGRES, KIND_PGBOUNCER };

struct node_config {
    const char *name;
    const char *role; /* source, target, pooler, standby, monitor ... */
    enum node_kind kind;
    const char *dsn; /* libpq's: keywords or a URI; may hold a password */
    int line;
};

struct variable {
    const char *name;
    const char *value;
    bool secret; /* from `secrets`: never shown */
};

struct config {
    struct arena arena;  /* owns everything below */
    const char *path;    /* of the file; "command line" without one */
    const char *run;     /* the run's name: letters, digits, - and _, at most 20 */
    const char *runbook; /* a name from the catalogue, or a path (has a / or ends in .sql) */
    const char **databases;
    size_t database_count;
    struct node_config *nodes;
    size_t node_count;
    /* How the target's server reaches the source's and the other way round, for subscriptions,
     * without dbname; "" where not given: the node's own dsn serves. */
    const char *replication_source;
    const char *replication_target;
    struct variable *variables;
    size_t variable_count;
    bool commands_allowed;
    const char *journal; /* the directory of journals */
    int budget_ms;       /* of the window; default 30000 */
    int lag_limit_bytes; /* what lag_is_small allows; default 1 MiB, variable lag_limit */
    const char *theme;   /* dark, light, mono or a path */
    bool production;     /* the header says PROD */
};

/* Reads a file. NULL and `FILE:LINE: what; remedy` in `err` on what can't be right: unknown
 * settings, wrong types, a name given twice, no source or target, an unreadable DSN. Free with
 * config_free(). */
struct config *config_read(const char *path, struct err *err);

/* The same from text, for tests and the fuzzer. */
struct config *config_parse(const char *path, const char *text, struct err *err);

/* Without a file: two DSNs, and poolers' where given. Databases come from the source's dbname. */
struct config *config_from_dsns(const char *source, const char *target, const char *pooler,
                                struct err *err);
void config_free(struct config *config);

/* Every password in the configuration, for redaction: fills `*secrets` (owned by the config's
 * arena) and returns their number. */
size_t config_secrets(struct config *config, const char ***secrets);

/* What becomes of a DSN's password. */
enum password { PASSWORD_KEEP, PASSWORD_HIDE /* ******** */, PASSWORD_DROP };

/* A DSN as keyword=value pairs with `dbname` replaced (NULL: as it is). The caller owns the result.
 * NULL and `err` where libpq can't read the DSN. */
char *dsn_with(const char *dsn, const char *dbname, enum password password, struct err *err);

/* One keyword of a DSN (host, port, dbname, user ...), the way libpq resolves it: DSN, service
 * file, environment, default. The caller owns the result; "" where there is none. */
char *dsn_value(const char *dsn, const char *keyword);

#endif
