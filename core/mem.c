#include "core/mem.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FIRST_ROOM = 8, FIRST_BLOCK = 4096, LARGEST_BLOCK = 256 * 1024 };

void (*mem_last_words)(void);

_Noreturn void die(const char *format, ...)
{
    /* Last words that die themselves must not be asked for again. */
    void (*last_words)(void) = mem_last_words;
    mem_last_words = NULL;
    if (last_words)
        last_words();

    va_list args;
    va_start(args, format);
    fputs("pgcutover: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    /* Not exit(): what is registered to run there may rely on what is broken. */
    _exit(70);
}

static size_t product(size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > PTRDIFF_MAX)
        die("out of memory: %zu times %zu bytes", count, size);
    return bytes;
}

static size_t sum(size_t a, size_t b)
{
    size_t bytes;
    if (__builtin_add_overflow(a, b, &bytes) || bytes > PTRDIFF_MAX)
        die("out of memory: %zu and %zu bytes", a, b);
    return bytes;
}

void *xcalloc(size_t count, size_t size)
{
    size_t bytes = product(count, size);
    void *new = calloc(1, bytes ? bytes : 1);
    if (!new)
        die("out of memory: %zu bytes", bytes);
    return new;
}

void *xrealloc(void *old, size_t count, size_t size)
{
    size_t bytes = product(count, size);
    void *new = realloc(old, bytes ? bytes : 1);
    if (!new)
        die("out of memory: %zu bytes", bytes);
    return new;
}

char *xstrdup(const char *text)
{
    return xstrndup(text, strlen(text));
}

char *xstrndup(const char *text, size_t length)
{
    length = strnlen(text, length);
    char *copy = xcalloc(sum(length, 1), 1);
    memcpy(copy, text, length);
    return copy;
}

static size_t printed_length(const char *format, va_list args)
{
    int length = vsnprintf(NULL, 0, format, args);
    if (length < 0)
        die("can't format \"%s\"", format);
    return (size_t)length;
}

char *xprintf(const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    size_t size = printed_length(format, args) + 1;
    char *text = xcalloc(size, 1);
    vsnprintf(text, size, format, again);
    va_end(again);
    va_end(args);
    return text;
}

/* The room of an array is not stored: it is FIRST_ROOM, doubled each time that the count reaches
 * it. Returns the new room, or 0 where there is some left. */
static size_t room_to_grow_to(size_t count, size_t size)
{
    if (count == 0)
        return FIRST_ROOM;
    bool full = count >= FIRST_ROOM && (count & (count - 1)) == 0;
    if (!full)
        return 0;
    product(count, product(2, size));
    return count * 2;
}

/* `array_pointer` is the address of a pointer to any type: memcpy is the way to read it that the
 * aliasing rules allow. */
static char *array_at(const void *array_pointer)
{
    char *array;
    memcpy(&array, array_pointer, sizeof array);
    return array;
}

void *grow(void *array_pointer, size_t count, size_t size)
{
    char *array = array_at(array_pointer);
    size_t room = room_to_grow_to(count, size);
    if (room) {
        array = xrealloc(array, room, size);
        memcpy(array_pointer, &array, sizeof array);
    }
    return memset(array + count * size, 0, size);
}

static void str_reserve(struct str *str, size_t more)
{
    size_t needed = sum(sum(str->length, more), 1);
    if (needed <= str->room)
        return;
    size_t room = str->room ? str->room : 32;
    while (room < needed)
        room = product(room, 2);
    str->text = xrealloc(str->text, room, 1);
    str->room = room;
}

void str_add(struct str *str, const char *text)
{
    str_add_n(str, text, strlen(text));
}

void str_add_n(struct str *str, const char *text, size_t length)
{
    str_reserve(str, length);
    if (length)
        memcpy(str->text + str->length, text, length);
    str->length += length;
    str->text[str->length] = '\0';
}

void str_char(struct str *str, char c)
{
    str_add_n(str, &c, 1);
}

void str_printf(struct str *str, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    size_t length = printed_length(format, args);
    str_reserve(str, length);
    vsnprintf(str->text + str->length, length + 1, format, again);
    str->length += length;
    va_end(again);
    va_end(args);
}

void str_clear(struct str *str)
{
    str->length = 0;
    if (str->text)
        str->text[0] = '\0';
}

void str_free(struct str *str)
{
    free(str->text);
    *str = (struct str){0};
}

const char *str_text(const struct str *str)
{
    return str->text ? str->text : "";
}

char *str_take(struct str *str)
{
    char *text = str->text ? str->text : xstrdup("");
    *str = (struct str){0};
    return text;
}

/* gcc's analyzer loses sight of a block as soon as it hangs in an arena's list. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wanalyzer-malloc-leak"
#endif

struct arena_block {
    struct arena_block *next;
    size_t used;
    size_t room;
    alignas(max_align_t) char data[];
};

static size_t aligned(size_t size)
{
    size_t step = alignof(max_align_t);
    return sum(size, step - 1) / step * step;
}

static struct arena_block *block_new(size_t room)
{
    room = aligned(room); /* so that rounding up what is used never leaves the block */
    struct arena_block *block = xcalloc(1, sum(sizeof *block, room));
    block->room = room;
    return block;
}

/* Blocks double, so that many small pieces cost few calls. A piece that would waste most of a block
 * gets one of its own behind the first, which goes on being filled. */
static struct arena_block *block_for(struct arena *arena, size_t size)
{
    struct arena_block *first = arena->blocks;
    if (first && first->room - first->used >= size)
        return first;
    size_t room = first ? first->room * 2 : FIRST_BLOCK;
    if (room > LARGEST_BLOCK)
        room = LARGEST_BLOCK;
    bool alone = size > room / 4;
    struct arena_block **place = alone && first ? &first->next : &arena->blocks;
    struct arena_block *block = block_new(alone ? size : room);
    block->next = *place;
    *place = block;
    return block;
}

/* Texts lie side by side: most of what an answer of 10,000 tables takes is short ones. */
static char *alloc_text(struct arena *arena, size_t size)
{
    struct arena_block *block = block_for(arena, size);
    char *new = block->data + block->used;
    block->used += size;
    return new;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    if (arena->blocks)
        arena->blocks->used = aligned(arena->blocks->used);
    return alloc_text(arena, aligned(size ? size : 1));
}

char *arena_strdup(struct arena *arena, const char *text)
{
    return text ? arena_strndup(arena, text, strlen(text)) : NULL;
}

char *arena_strndup(struct arena *arena, const char *text, size_t length)
{
    length = strnlen(text, length);
    char *copy = alloc_text(arena, sum(length, 1));
    memcpy(copy, text, length);
    return copy;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    size_t size = printed_length(format, args) + 1;
    char *text = alloc_text(arena, size);
    vsnprintf(text, size, format, again);
    va_end(again);
    va_end(args);
    return text;
}

void *arena_grow(struct arena *arena, void *array_pointer, size_t count, size_t size)
{
    char *array = array_at(array_pointer);
    size_t room = room_to_grow_to(count, size);
    if (room) {
        char *larger = arena_alloc(arena, product(room, size));
        if (count)
            memcpy(larger, array, count * size);
        array = larger;
        memcpy(array_pointer, &array, sizeof array);
    }
    return memset(array + count * size, 0, size);
}

void arena_free(struct arena *arena)
{
    struct arena_block *next;
    for (struct arena_block *block = arena->blocks; block; block = next) {
        next = block->next;
        free(block);
    }
    arena->blocks = NULL;
}
