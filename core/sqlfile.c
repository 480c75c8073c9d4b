#include "core/sqlfile.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* As PostgreSQL's names: an id may become part of one. */
enum { LONGEST_ID = 63 };

struct reader {
    struct sqlfile *file;
    const struct directive_rule *rules;
    struct err *err;
    int line;
    struct entry *entry;     /* the open one; NULL: still in the header */
    struct section *section; /* the open one; NULL: none in this entry yet */
    struct str text;         /* of the open section, so far */
    bool settled;            /* the entry's text has begun: it is too late for a directive */
};

/* Every entry may have these two, whatever the rules are. */
static const struct directive_rule version_rules[] = {
    {"since", "", RULE_VALUE, false},
    {"until", "", RULE_VALUE, false},
    {NULL, NULL, RULE_FLAG, false},
};

static bool complain(const struct reader *reader, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static bool complain(const struct reader *reader, int line, const char *format, ...)
{
    char text[sizeof reader->err->text];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return err_set(reader->err, "%s:%d: %s", reader->file->path, line, text);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

static char *trim(char *text)
{
    while (is_blank(*text))
        text++;
    size_t length = strlen(text);
    while (length && is_blank(text[length - 1]))
        text[--length] = '\0';
    return text;
}

/* How much of a word to quote in a message: it may be as long as the file. */
static int head(const char *text)
{
    enum { LONGEST = 60 };
    size_t length = strnlen(text, LONGEST + 1);
    if (length <= LONGEST)
        return (int)length;
    for (length = LONGEST; length && ((unsigned char)text[length] & 0xC0) == 0x80;)
        length--;
    return (int)length;
}

static char *word_end(char *text)
{
    while (*text && !is_blank(*text))
        text++;
    return text;
}

/* The rules know the types of entries: each is opened by a directive of its own name. */
static bool is_entry_type(const struct reader *reader, const char *name)
{
    for (const struct directive_rule *rule = reader->rules; rule->name; rule++)
        if (rule->entry && strcmp(rule->entry, name) == 0)
            return true;
    return false;
}

static bool is_version(const char *name)
{
    return strcmp(name, "since") == 0 || strcmp(name, "until") == 0;
}

static bool rule_fits(const struct directive_rule *rule, const struct entry *entry)
{
    if (!entry || !rule->entry)
        return !entry && !rule->entry;
    return strcmp(rule->entry, entry->type) == 0;
}

static const struct directive_rule *find_rule(const struct reader *reader, const char *name)
{
    for (const struct directive_rule *rule = version_rules; reader->entry && rule->name; rule++)
        if (strcmp(rule->name, name) == 0)
            return rule;
    for (const struct directive_rule *rule = reader->rules; rule->name; rule++)
        if (strcmp(rule->name, name) == 0 && rule_fits(rule, reader->entry))
            return rule;
    return NULL;
}

/* Levenshtein's distance; names longer than any directive are simply far away. */
static size_t distance(const char *a, const char *b)
{
    enum { LONGEST = 32 };
    size_t row[LONGEST + 1];
    size_t width = strlen(b);
    if (strlen(a) > LONGEST || width > LONGEST)
        return SIZE_MAX;
    for (size_t j = 0; j <= width; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= width; j++) {
            size_t above = row[j];
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            if (above + 1 < best)
                best = above + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
            diagonal = above;
        }
    }
    return row[width];
}

static void consider(const char *candidate, const char *name, const char **nearest, size_t *best)
{
    size_t far = candidate ? distance(name, candidate) : SIZE_MAX;
    if (far < *best) {
        *best = far;
        *nearest = candidate;
    }
}

/* The known name that the author may have meant; NULL where none is near. */
static const char *nearest_name(const struct reader *reader, const char *name)
{
    const char *nearest = NULL;
    size_t best = strlen(name) / 2 + 1;
    for (const struct directive_rule *rule = reader->rules; rule->name; rule++) {
        consider(rule->entry, name, &nearest, &best);
        if (rule_fits(rule, reader->entry))
            consider(rule->name, name, &nearest, &best);
    }
    for (const struct directive_rule *rule = version_rules; reader->entry && rule->name; rule++)
        consider(rule->name, name, &nearest, &best);
    return nearest;
}

static bool complain_unknown(const struct reader *reader, const char *name)
{
    const char *nearest = nearest_name(reader, name);
    if (nearest)
        return complain(reader, reader->line, "unknown directive `%.*s`; did you mean `%s`?",
                        head(name), name, nearest);
    return complain(reader, reader->line,
                    "unknown directive `%.*s`; for a plain comment begin the line with two dashes",
                    head(name), name);
}

/* A directive that exists, but not here. */
static bool complain_misplaced(const struct reader *reader, const char *name)
{
    const struct directive_rule *rule = reader->rules;
    while (rule->name && strcmp(rule->name, name) != 0)
        rule++;
    if (!rule->name && !is_version(name))
        return complain_unknown(reader, name);
    if (!reader->entry)
        return complain(reader, reader->line,
                        "`%s` belongs to %s%s, and none has begun; move it below the line that "
                        "begins one",
                        name, rule->name ? "a " : "an entry", rule->name ? rule->entry : "");
    if (!rule->entry)
        return complain(reader, reader->line,
                        "`%s` belongs to the head of the file; move it above the first entry",
                        name);
    return complain(reader, reader->line, "`%s` belongs to a %s, and this is a %s; remove it", name,
                    rule->entry, reader->entry->type);
}

static struct directive *find_directive(struct directive *list, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i].name, name) == 0)
            return &list[i];
    return NULL;
}

static void append_directive(struct arena *arena, struct directive **list, size_t *count,
                             struct directive directive)
{
    struct directive *new = arena_grow(arena, list, *count, sizeof **list);
    *new = directive;
    ++*count;
}

static bool read_version(const struct reader *reader, const char *name, const char *value)
{
    char *end;
    errno = 0;
    long major = strtol(value, &end, 10);
    if (errno || *end || !isdigit((unsigned char)*value) || major < 1 || major > 9999)
        return complain(reader, reader->line,
                        "`%s` takes a major version, not \"%.*s\"; write a number such as 14", name,
                        head(value), value);
    if (strcmp(name, "since") == 0)
        reader->entry->since = (int)major;
    else
        reader->entry->until = (int)major;
    return true;
}

static bool add_directive(struct reader *reader, const struct directive_rule *rule,
                          const char *value)
{
    struct sqlfile *file = reader->file;
    struct entry *entry = reader->entry;
    struct directive **list = entry ? &entry->directives : &file->header;
    size_t *count = entry ? &entry->directive_count : &file->header_count;
    struct directive *old = find_directive(*list, *count, rule->name);

    if (entry && reader->settled)
        return complain(reader, reader->line,
                        "`%s` stands below the text of %s `%s`; move it above that text",
                        rule->name, entry->type, entry->id);
    if (rule->form == RULE_FLAG && *value)
        return complain(reader, reader->line, "`%s` takes no value; remove \"%.*s\"", rule->name,
                        head(value), value);
    if (rule->form == RULE_VALUE && !*value)
        return complain(reader, reader->line, "`%s` lacks its value; write it behind the name",
                        rule->name);
    if (old && !rule->repeats)
        return complain(reader, reader->line, "`%s` was given already on line %d; remove one",
                        rule->name, old->line);
    if (is_version(rule->name) && entry && !read_version(reader, rule->name, value))
        return false;
    if (old)
        old->value = arena_printf(&file->arena, "%s %s", old->value, value);
    else
        append_directive(
            &file->arena, list, count,
            (struct directive){arena_strdup(&file->arena, rule->name), value, reader->line});
    return true;
}

static const struct section *find_section(const struct entry *entry, const char *name)
{
    for (size_t i = 0; i < entry->section_count; i++)
        if (strcmp(entry->sections[i].name, name) == 0)
            return &entry->sections[i];
    return NULL;
}

static void append_section(struct arena *arena, struct entry *entry, struct section section)
{
    struct section *new =
        arena_grow(arena, &entry->sections, entry->section_count, sizeof *entry->sections);
    *new = section;
    entry->section_count++;
}

static bool close_section(struct reader *reader)
{
    struct section *section = reader->section;
    reader->section = NULL;
    if (!section)
        return true;
    struct str *text = &reader->text;
    while (text->length &&
           (text->text[text->length - 1] == '\n' || is_blank(text->text[text->length - 1])))
        text->length--;
    section->text = arena_strndup(&reader->file->arena, str_text(text), text->length);
    str_clear(text);
    if (!*section->text && !section->none)
        return complain(reader, section->line,
                        "`%s` has no text; write it below, or give the reason why there is none: "
                        "--- %s none REASON",
                        section->name, section->name);
    return true;
}

/* What stands behind a section's name: nothing, `on ROLE` or `none REASON`. */
static bool read_section_value(const struct reader *reader, char *value, struct section *section)
{
    if (!*value)
        return true;
    char *end = word_end(value);
    char *rest = end;
    if (*end) {
        *end = '\0';
        rest = trim(end + 1);
    }
    bool on = strcmp(value, "on") == 0;
    if (!on && strcmp(value, "none") != 0)
        return complain(reader, reader->line,
                        "`%s` is followed by `on ROLE` or `none REASON`, not by \"%.*s\"; the text "
                        "itself goes on the lines below",
                        section->name, head(value), value);
    if (!*rest)
        return complain(reader, reader->line, "`%s %s` lacks the %s; write it behind",
                        section->name, value, on ? "role" : "reason");
    if (on && *word_end(rest))
        return complain(reader, reader->line, "`%s on` takes one role, not \"%.*s\"; name one",
                        section->name, head(rest), rest);
    *(on ? &section->on : &section->none) = rest;
    return true;
}

static bool open_section(struct reader *reader, struct section section)
{
    struct entry *entry = reader->entry;
    if (!close_section(reader))
        return false;
    const struct section *old = find_section(entry, section.name);
    if (old)
        return complain(reader, reader->line,
                        "%s `%s` has a second `%s`, the first is on line %d; remove one",
                        entry->type, entry->id, section.name, old->line);
    append_section(&reader->file->arena, entry, section);
    reader->section = &entry->sections[entry->section_count - 1];
    return true;
}

static bool read_section(struct reader *reader, const char *name, char *value)
{
    struct section section = {.name = name, .text = "", .line = reader->line};
    if (!read_section_value(reader, value, &section))
        return false;
    if (!section.none)
        reader->settled = true;
    return open_section(reader, section);
}

static bool is_id(const char *text)
{
    const char *c = text;
    while (isalnum((unsigned char)*c) || *c == '_' || *c == '-' || *c == '.')
        c++;
    return c > text && !*c && c - text <= LONGEST_ID;
}

static bool versions_make_sense(const struct reader *reader)
{
    const struct entry *entry = reader->entry;
    if (!entry || entry->since <= entry->until)
        return true;
    return complain(reader, entry->line,
                    "%s `%s` is since %d and until %d, which no server is; swap them", entry->type,
                    entry->id, entry->since, entry->until);
}

static bool close_entry(struct reader *reader)
{
    return close_section(reader) && versions_make_sense(reader);
}

static bool open_entry(struct reader *reader, const char *type, const char *id)
{
    if (!close_entry(reader))
        return false;
    if (!is_id(id))
        return complain(
            reader, reader->line,
            "`%s` takes an id, a word of at most %d letters, digits, `_`, `-` and `.`, not "
            "\"%.*s\"; give it one",
            type, LONGEST_ID, head(id), id);
    struct sqlfile *file = reader->file;
    struct entry *entry =
        arena_grow(&file->arena, &file->entries, file->entry_count, sizeof *file->entries);
    *entry =
        (struct entry){.type = type, .id = id, .line = reader->line, .since = 0, .until = INT_MAX};
    file->entry_count++;
    reader->entry = entry;
    reader->settled = false;
    return true;
}

static bool read_directive(struct reader *reader, const char *line, size_t length)
{
    char *name = trim(arena_strndup(&reader->file->arena, line, length));
    char *value = word_end(name);
    if (*value)
        *value++ = '\0';
    value = trim(value);

    if (is_entry_type(reader, name))
        return open_entry(reader, name, value);
    const struct directive_rule *rule = find_rule(reader, name);
    if (!rule)
        return complain_misplaced(reader, name);
    if (rule->form == RULE_SECTION && reader->entry)
        return read_section(reader, name, value);
    return add_directive(reader, rule, value);
}

static bool read_text(struct reader *reader, const char *line, size_t length)
{
    size_t blanks = 0;
    while (blanks < length && is_blank(line[blanks]))
        blanks++;
    bool blank = blanks == length;
    bool comment = length - blanks >= 2 && memcmp(line + blanks, "--", 2) == 0;
    if (!reader->entry && !blank && !comment)
        return complain(reader, reader->line,
                        "text before the first entry; begin one with a directive, or make it a "
                        "comment with two dashes");
    if (!reader->entry || (blank && !reader->text.length))
        return true;

    if (reader->section && reader->section->none)
        return blank || comment
                   ? true
                   : complain(reader, reader->line,
                              "text below `%s none`; remove the text, or the `none` and its reason",
                              reader->section->name);
    if (!reader->section && !open_section(reader, (struct section){.name = "body", .text = ""}))
        return false;
    if (!reader->text.length)
        reader->section->line = reader->line;
    if (!comment && !blank)
        reader->settled = true;
    str_add_n(&reader->text, line, length);
    str_char(&reader->text, '\n');
    return true;
}

static bool read_line(struct reader *reader, const char *line, size_t length)
{
    while (length && line[length - 1] == '\r')
        length--;
    if (length < 4 || memcmp(line, "---", 3) != 0)
        return read_text(reader, line, length);
    size_t name = 3;
    while (name < length && is_blank(line[name]))
        name++;
    if (name == 3 && isalpha((unsigned char)line[3]))
        return complain(reader, reader->line,
                        "three dashes without a blank; write `--- ` for a directive, `-- ` for a "
                        "comment");
    if (name == 3 || name == length)
        return read_text(reader, line, length);
    return read_directive(reader, line + name, length - name);
}

/* The length of the UTF-8 character at `text`; 0 where there is none (NUL included). */
static size_t character_length(const unsigned char *text, size_t length)
{
    unsigned char lead = text[0];
    if (lead < 0x80)
        return lead != 0;
    if (lead < 0xC2 || lead > 0xF4)
        return 0;
    size_t wanted = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if (wanted > length)
        return 0;
    /* Neither longer than need be, nor a surrogate, nor beyond Unicode. */
    unsigned char least = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    unsigned char most = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    if (text[1] < least || text[1] > most)
        return 0;
    for (size_t i = 2; i < wanted; i++)
        if ((text[i] & 0xC0) != 0x80)
            return 0;
    return wanted;
}

static bool check_encoding(const struct reader *reader, const char *text, size_t length)
{
    int line = 1;
    for (size_t i = 0, step; i < length; i += step) {
        step = character_length((const unsigned char *)text + i, length - i);
        if (!step && !text[i])
            return complain(reader, line,
                            "a NUL byte; this is no text file, or UTF-16: save it "
                            "as UTF-8");
        if (!step)
            return complain(reader, line, "byte 0x%02x is not UTF-8; save the file as UTF-8",
                            (unsigned char)text[i]);
        line += text[i] == '\n';
    }
    return true;
}

static bool read_lines(struct reader *reader, const char *text, size_t length)
{
    static const char mark[] = "\xEF\xBB\xBF"; /* some editors put it in front; psql skips it too */
    if (length >= 3 && memcmp(text, mark, 3) == 0) {
        text += 3;
        length -= 3;
    }
    const char *end = text + length;
    while (text < end) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        const char *line_end = newline ? newline : end;
        reader->line++;
        if (!read_line(reader, text, (size_t)(line_end - text)))
            return false;
        text = newline ? newline + 1 : end;
    }
    return close_entry(reader);
}

static void inherit(struct arena *arena, struct entry *variant, const struct entry *first)
{
    for (size_t i = 0; i < first->directive_count; i++) {
        const struct directive *directive = &first->directives[i];
        if (!is_version(directive->name) && !entry_directive(variant, directive->name))
            append_directive(arena, &variant->directives, &variant->directive_count, *directive);
    }
    for (size_t i = 0; i < first->section_count; i++)
        if (!find_section(variant, first->sections[i].name))
            append_section(arena, variant, first->sections[i]);
}

static bool resolve_variants(const struct reader *reader)
{
    struct sqlfile *file = reader->file;
    for (size_t i = 0; i < file->entry_count; i++) {
        struct entry *entry = &file->entries[i];
        const struct entry *first = NULL;
        for (size_t j = 0; j < i; j++) {
            const struct entry *other = &file->entries[j];
            if (strcmp(other->id, entry->id) != 0 || strcmp(other->type, entry->type) != 0)
                continue;
            if (entry->since <= other->until && other->since <= entry->until)
                return complain(reader, entry->line,
                                "%s `%s` exists on line %d for the same server versions; rename "
                                "one, or part them with `since` and `until`",
                                entry->type, entry->id, other->line);
            if (!first)
                first = other;
        }
        if (first)
            inherit(&file->arena, entry, first);
    }
    return true;
}

struct sqlfile *sqlfile_parse(const char *path, const char *text, size_t length,
                              const struct directive_rule *rules, struct err *err)
{
    struct sqlfile *file = xcalloc(1, sizeof *file);
    struct err unwanted;
    struct reader reader = {.file = file, .rules = rules, .err = err ? err : &unwanted};
    file->path = arena_strdup(&file->arena, path);
    bool ok = check_encoding(&reader, text, length) && read_lines(&reader, text, length) &&
              resolve_variants(&reader);
    str_free(&reader.text);
    if (ok)
        return file;
    sqlfile_free(file);
    return NULL;
}

void sqlfile_free(struct sqlfile *file)
{
    if (!file)
        return;
    arena_free(&file->arena);
    free(file);
}

const char *entry_value(const struct entry *entry, const char *name)
{
    const struct directive *directive = entry_directive(entry, name);
    return directive ? directive->value : NULL;
}

const struct directive *entry_directive(const struct entry *entry, const char *name)
{
    return find_directive(entry->directives, entry->directive_count, name);
}

const struct section *entry_section(const struct entry *entry, const char *name)
{
    return find_section(entry, name);
}

char *file_read(const char *path, size_t *length, struct err *err)
{
    FILE *file = fopen(path, "rbe");
    if (!file) {
        err_set(err, "can't open %s: %s; check the path and its permissions", path,
                strerror(errno));
        return NULL;
    }
    struct str text = {0};
    char part[16384];
    size_t got;
    while ((got = fread(part, 1, sizeof part, file)) > 0)
        str_add_n(&text, part, got);
    int failure = ferror(file) ? errno : 0;
    fclose(file);
    if (failure) {
        err_set(err, "can't read %s: %s; is it a file?", path, strerror(failure));
        str_free(&text);
        return NULL;
    }
    if (length)
        *length = text.length;
    return str_take(&text);
}
