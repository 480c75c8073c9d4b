/* Log sequence numbers: a position in the WAL, written as 16/B374D848. */
#ifndef PGCUTOVER_LSN_H
#define PGCUTOVER_LSN_H

#include <stdbool.h>
#include <stdint.h>

typedef uint64_t lsn_t;

/* Reads the whole of `text`; false where it is not an LSN (NULL, empty, too many digits, a tail).
 */
bool lsn_parse(const char *text, lsn_t *lsn);

/* Writes it the way PostgreSQL does. `buffer` holds at least 18 bytes; returns `buffer`. */
char *lsn_format(lsn_t lsn, char buffer[static 18]);

/* Bytes from `from` to `to`; negative where `to` lies behind. Saturates at the int64 limits. */
int64_t lsn_diff(lsn_t to, lsn_t from);

#endif
