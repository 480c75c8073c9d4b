#include "tui/text.h"

#include "core/mem.h"

#include <ctype.h>
#include <langinfo.h>
#include <stdio.h>
#include <string.h>

#define ESCAPE_ROOM 16 /* for <U+10FFFF> */

static const struct glyphs utf8 = {
    .utf8 = true,
    .ellipsis = "…",
    .arrow = "→",
    .up = "↑",
    .down = "↓",
    .level = "=",
    .dot = "·",
    .horizontal = "─",
    .vertical = "│",
    .top_left = "┌",
    .top_right = "┐",
    .bottom_left = "└",
    .bottom_right = "┘",
    .full = "█",
    .empty = "░",
    .spark = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"},
};

static const struct glyphs ascii = {
    .utf8 = false,
    .ellipsis = "~",
    .arrow = "->",
    .up = "^",
    .down = "v",
    .level = "=",
    .dot = "-",
    .horizontal = "-",
    .vertical = "|",
    .top_left = "+",
    .top_right = "+",
    .bottom_left = "+",
    .bottom_right = "+",
    .full = "#",
    .empty = ".",
    .spark = {"_", ".", ":", "-", "=", "+", "*", "#"},
};

const struct glyphs *glyphs_of_locale(void)
{
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0 ? &utf8 : &ascii;
}

/* Reads one character; returns its bytes, 0 at the end. An invalid byte is -1 and one byte. */
static size_t decode(const char *text, int32_t *code)
{
    static const struct {
        unsigned char mask, lead;
        size_t length;
        int32_t least;
    } forms[] = {
        {0x80, 0, 1, 0}, {0xe0, 0xc0, 2, 0x80}, {0xf0, 0xe0, 3, 0x800}, {0xf8, 0xf0, 4, 0x10000}};
    const unsigned char *bytes = (const unsigned char *)text;

    *code = -1;
    if (bytes[0] == '\0')
        return 0;
    for (size_t f = 0; f < sizeof forms / sizeof *forms; f++) {
        if ((bytes[0] & forms[f].mask) != forms[f].lead)
            continue;
        int32_t value = bytes[0] & ~forms[f].mask & 0xff;
        for (size_t i = 1; i < forms[f].length; i++) {
            if ((bytes[i] & 0xc0) != 0x80)
                return 1;
            value = value << 6 | (bytes[i] & 0x3f);
        }
        if (value < forms[f].least || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
            return 1;
        *code = value;
        return forms[f].length;
    }
    return 1;
}

/* Marks that reorder or hide what stands around them: a name could pass for another one. */
static bool misleads(int32_t code)
{
    static const struct {
        int32_t from, to;
    } ranges[] = {{0x00ad, 0x00ad},  {0x034f, 0x034f}, {0x061c, 0x061c}, {0x115f, 0x1160},
                  {0x180b, 0x180f},  {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f},
                  {0x3164, 0x3164},  {0xfe00, 0xfe0f}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb},
                  {0xe0000, 0xe0fff}};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        if (code >= ranges[i].from && code <= ranges[i].to)
            return true;
    }
    return false;
}

/* One character as it is shown: itself, or an escape in ASCII. Returns its cells. */
static int shown(const struct glyphs *glyphs, const char *text, size_t length, int32_t code,
                 bool first, wchar_t out[static ESCAPE_ROOM])
{
    int cells = code < 0 ? -1 : wcwidth((wchar_t)code);
    bool plain = code >= 0x20 && code < 0x7f;
    char escape[ESCAPE_ROOM];

    out[1] = L'\0';
    if (plain) {
        out[0] = (wchar_t)code;
        return 1;
    }
    if (code == '\t') {
        out[0] = L' ';
        return 1;
    }
    if (code >= 0 && !glyphs->utf8 && code >= 0xa0) {
        out[0] = L'?';
        return 1;
    }
    if (code >= 0xa0 && cells >= 0 && !(cells == 0 && first) && !misleads(code)) {
        out[0] = (wchar_t)code;
        return cells;
    }
    if (code < 0 || length == 1)
        snprintf(escape, sizeof escape, "\\x%02x", (unsigned)(unsigned char)text[0]);
    else
        snprintf(escape, sizeof escape, "<U+%04X>", (unsigned)code);
    for (cells = 0; escape[cells] != '\0'; cells++)
        out[cells] = (wchar_t)escape[cells];
    out[cells] = L'\0';
    return cells;
}

char *text_harmless(const char *text)
{
    struct str out = {0};
    int32_t code;
    size_t length;
    wchar_t one[ESCAPE_ROOM];

    for (; (length = decode(text, &code)) > 0; text += length) {
        bool same = code == '\n' || code == '\t';
        if (!same) {
            shown(&utf8, text, length, code, false, one);
            same = one[0] == (wchar_t)code && one[1] == L'\0';
        }
        if (same)
            str_add_n(&out, text, length);
        else
            str_printf(&out, "%ls", one);
    }
    return str_take(&out);
}

int text_width(const struct glyphs *glyphs, const char *text)
{
    int width = 0;
    int32_t code;
    size_t length;
    wchar_t one[ESCAPE_ROOM];

    for (bool first = true; (length = decode(text, &code)) > 0; text += length, first = false)
        width += shown(glyphs, text, length, code, first, one);
    return width;
}

int text_cells(const struct glyphs *glyphs, const char *text, int width, wchar_t *out, size_t room)
{
    int used = 0, keep_cells = 0;
    size_t filled = 0, keep = 0, length;
    int32_t code;
    wchar_t one[ESCAPE_ROOM];

    if (room == 0)
        return 0;
    for (bool first = true; (length = decode(text, &code)) > 0; text += length, first = false) {
        int cells = shown(glyphs, text, length, code, first, one);
        size_t count = wcslen(one);
        if (used + cells > width || filled + count + 2 > room) {
            filled = keep;
            used = keep_cells;
            if (width > 0 && decode(glyphs->ellipsis, &code) > 0) {
                out[filled++] = (wchar_t)code;
                used++;
            }
            break;
        }
        wmemcpy(out + filled, one, count);
        filled += count;
        used += cells;
        if (used < width) { /* behind here an ellipsis still fits */
            keep = filled;
            keep_cells = used;
        }
    }
    out[filled] = L'\0';
    return used;
}

size_t text_wrap(const struct glyphs *glyphs, const char *text, int width)
{
    size_t at = 0, blank = 0, length;
    int used = 0, blank_cells = 0;
    int32_t code;
    wchar_t one[ESCAPE_ROOM];

    while ((length = decode(text + at, &code)) > 0 && code != '\n') {
        int cells = shown(glyphs, text + at, length, code, at == 0, one);
        if (used + cells > width && at > 0)
            return blank_cells > width / 2 ? blank : at;
        used += cells;
        at += length;
        if (code == ' ') {
            blank = at;
            blank_cells = used;
        }
    }
    return at;
}

bool text_has(const char *text, const char *needle)
{
    return strcasestr(text, needle) != NULL;
}

char *text_bytes(char out[static TEXT_ROOM], int64_t bytes)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = (double)bytes;
    size_t unit = 0;

    if (bytes > -1024 && bytes < 1024) {
        snprintf(out, TEXT_ROOM, "%lld B", (long long)bytes);
        return out;
    }
    value /= 1024;
    while ((value >= 1023.95 || value <= -1023.95) && unit + 1 < sizeof units / sizeof *units) {
        value /= 1024;
        unit++;
    }
    snprintf(out, TEXT_ROOM, "%.1f %s", value, units[unit]);
    return out;
}

char *text_duration(char out[static TEXT_ROOM], double ms)
{
    long long seconds = (long long)(ms / 1000);

    if (ms < 0)
        snprintf(out, TEXT_ROOM, "-");
    else if (ms < 1000)
        snprintf(out, TEXT_ROOM, "%.0f ms", ms);
    else if (ms < 100000)
        snprintf(out, TEXT_ROOM, "%.1f s", ms / 1000);
    else if (seconds < 3600)
        snprintf(out, TEXT_ROOM, "%lld:%02lld", seconds / 60, seconds % 60);
    else if (seconds < 86400 * 2)
        snprintf(out, TEXT_ROOM, "%lld:%02lld:%02lld", seconds / 3600, seconds / 60 % 60,
                 seconds % 60);
    else
        snprintf(out, TEXT_ROOM, "%lld d", seconds / 86400);
    return out;
}

char *text_age(char out[static TEXT_ROOM], int64_t ms)
{
    long long seconds = ms / 1000;

    if (ms < 0)
        snprintf(out, TEXT_ROOM, "-");
    else if (seconds <
             2) /* the samples come each second: this one stands still while all is well */
        snprintf(out, TEXT_ROOM, "now");
    else if (seconds < 120)
        snprintf(out, TEXT_ROOM, "%lld s", seconds);
    else if (seconds < 7200)
        snprintf(out, TEXT_ROOM, "%lld min", seconds / 60);
    else
        snprintf(out, TEXT_ROOM, "%lld h", seconds / 3600);
    return out;
}

char *text_ago(char out[static TEXT_ROOM], int64_t ms)
{
    text_age(out, ms);
    if (ms >= 2000)
        strcat(out, " ago");
    return out;
}

static void append(char *out, size_t room, const char *text)
{
    size_t used = strlen(out);

    if (used + strlen(text) < room)
        strcpy(out + used, text);
}

void text_bar(const struct glyphs *glyphs, double ratio, int width, char *out, size_t room)
{
    int full = ratio >= 1 ? width : (int)(ratio * width);

    out[0] = '\0';
    if (full == 0 && ratio > 0) /* something is not nothing */
        full = 1;
    for (int i = 0; i < width; i++)
        append(out, room, i < full ? glyphs->full : glyphs->empty);
}

void text_spark(const struct glyphs *glyphs, const double *values, size_t count, char *out,
                size_t room)
{
    double most = 0;

    out[0] = '\0';
    for (size_t i = 0; i < count; i++)
        most = values[i] > most ? values[i] : most;
    for (size_t i = 0; i < count; i++) {
        int step = most > 0 && values[i] > 0 ? (int)(values[i] / most * 7) : 0;
        if (step == 0 && values[i] > 0) /* the lowest block is for zero alone */
            step = 1;
        append(out, room, glyphs->spark[step]);
    }
}
