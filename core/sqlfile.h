/* The one reader for annotated SQL: runbooks, checks and queries are files of this format.
 *
 * A line that begins with `---`, a blank and a name is a directive (inside of a string or a comment
 * of SQL too); everything else is the text of the section that the last directive opened. psql
 * takes a directive for a comment, so each file is valid for psql. `---` alone and `----...` are
 * plain comments; `---name` is an error, since whoever wrote it may have meant either.
 *
 *     --- runbook logical            header directives, before the first entry
 *     --- step freeze                opens an entry (types: step, check, query)
 *     --- title Stop writes          a directive of the entry
 *     ALTER DATABASE ...             the section "body"
 *     --- probe on target            opens the section "probe", run on another role
 *     SELECT ... AS done;
 *     --- undo none It only reads.   a section that is absent for a reason
 *
 * Entries of one type may share an id as variants for server versions, if their `since` and `until`
 * (major versions, both inclusive) do not overlap. A later variant inherits each directive and each
 * section that it does not give itself from the first one.
 *
 * Directives stand above their entry's text; comments may stand between them and count as the
 * body's text. Before the first entry there may be comments. */
#ifndef PGCUTOVER_SQLFILE_H
#define PGCUTOVER_SQLFILE_H

#include <stddef.h>

#include "core/err.h"
#include "core/mem.h"

/* One directive that the grammar allows. What opens an entry needs no rule: the rules' `entry`
 * names the types. Neither do `since` and `until`, which every entry may have, nor the section
 * "body". */
struct directive_rule {
    const char *name;
    const char *entry; /* "step", "check", "query"; NULL: in the file's header */
    enum { RULE_FLAG, RULE_VALUE, RULE_SECTION } form; /* FLAG takes no value, SECTION opens one */
    bool repeats; /* may stand more than once in an entry (values are joined by a space) */
};

struct directive {
    const char *name;
    const char *value; /* "" for a flag */
    int line;
};

struct section {
    const char *name; /* body, probe, undo, each ... */
    const char *on;   /* role that it runs on; NULL: the entry's own */
    const char *none; /* the reason why there is no text; NULL: there is text */
    const char *text; /* never NULL; trimmed of blank lines at both ends */
    int line;         /* of the text's first line, for messages */
};

struct entry {
    const char *type;
    const char *id;
    int line;
    int since, until; /* major versions, inclusive; 0 and INT_MAX where not given */
    struct directive *directives;
    size_t directive_count;
    struct section *sections;
    size_t section_count;
};

struct sqlfile {
    struct arena arena; /* owns everything below */
    const char *path;
    struct directive *header;
    size_t header_count;
    struct entry *entries; /* in the file's order, variants included */
    size_t entry_count;
};

/* Reads `length` bytes of `text` (may lack the final newline, may have CRLF, which becomes LF).
 * `path` is only for messages. Rules end with a row whose name is NULL. NULL and `FILE:LINE: what;
 * remedy` in `err` on: an unknown directive, a directive in the wrong place, a value missing or not
 * wanted, text before the first entry, a duplicate id with overlapping versions, a NUL byte,
 * invalid UTF-8. The caller frees the result with sqlfile_free(). */
struct sqlfile *sqlfile_parse(const char *path, const char *text, size_t length,
                              const struct directive_rule *rules, struct err *err);
void sqlfile_free(struct sqlfile *file);

/* The value of a directive; NULL where the entry has none. */
const char *entry_value(const struct entry *entry, const char *name);
const struct directive *entry_directive(const struct entry *entry, const char *name);
const struct section *entry_section(const struct entry *entry, const char *name); /* or NULL */

/* Reads a whole file into a NUL-terminated string that the caller frees; NULL and `err` where it
 * can't. `length` may be NULL. */
char *file_read(const char *path, size_t *length, struct err *err);

#endif
