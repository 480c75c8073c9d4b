/* Memory: allocation that can't fail (it ends the program with a sane terminal instead), strings
 * that grow, and arenas for what lives as long as one sample or one run. */
#ifndef PGCUTOVER_MEM_H
#define PGCUTOVER_MEM_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/* Called before the program ends for want of memory or on a broken invariant; the face sets it to
 * give the terminal back. */
extern void (*mem_last_words)(void);

/* Ends the program: last words, the message on stderr, exit status 70. */
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* As their namesakes; the caller owns the result and frees it with free(). */
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *old, size_t count, size_t size);
char *xstrdup(const char *text);
char *xstrndup(const char *text, size_t length);
char *xprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Makes room for one more element in a plain array: grows `*array` (elements of `size` bytes,
 * `count` in use) by doubling. Returns the new element, zeroed; the caller increments its count. */
void *grow(void *array_pointer, size_t count, size_t size);

/* A string that grows. Zero-initialised it is empty; `text` is NULL until something was added. */
struct str {
    char *text; /* always ends in a NUL once not NULL */
    size_t length;
    size_t room;
};

void str_add(struct str *str, const char *text);
void str_add_n(struct str *str, const char *text, size_t length);
void str_char(struct str *str, char c);
void str_printf(struct str *str, const char *format, ...) __attribute__((format(printf, 2, 3)));
void str_clear(struct str *str); /* empties it and keeps the room */
void str_free(struct str *str);
const char *str_text(const struct str *str); /* never NULL; owned by `str` */
char *str_take(struct str *str);             /* never NULL; the caller owns it, `str` is empty */

/* An arena: what is allocated from it is freed all at once. Zero-initialised it is empty. */
struct arena {
    struct arena_block *blocks;
};

void *arena_alloc(struct arena *arena, size_t size);       /* zeroed, aligned for anything */
char *arena_strdup(struct arena *arena, const char *text); /* NULL gives NULL */
char *arena_strndup(struct arena *arena, const char *text, size_t length);
char *arena_printf(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* As grow(), in an arena: the old room is left to the arena. */
void *arena_grow(struct arena *arena, void *array_pointer, size_t count, size_t size);
void arena_free(struct arena *arena);

#endif
