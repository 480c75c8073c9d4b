#include "core/lsn.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

/* One half: 1 to 8 hexadecimal digits. Returns what follows them, NULL where there are none or too
 * many. */
static const char *read_half(const char *text, uint64_t *half)
{
    *half = 0;
    int digits = 0;
    for (;; text++, digits++) {
        uint64_t digit;
        if (*text >= '0' && *text <= '9')
            digit = (uint64_t)(*text - '0');
        else if (*text >= 'A' && *text <= 'F')
            digit = (uint64_t)(*text - 'A' + 10);
        else if (*text >= 'a' && *text <= 'f')
            digit = (uint64_t)(*text - 'a' + 10);
        else
            break;
        *half = (*half << 4 | digit) & UINT32_MAX;
        if (digits == 8)
            return NULL;
    }
    return digits ? text : NULL;
}

bool lsn_parse(const char *text, lsn_t *lsn)
{
    uint64_t high, low;
    if (!text || !(text = read_half(text, &high)) || *text++ != '/')
        return false;
    if (!(text = read_half(text, &low)) || *text)
        return false;
    *lsn = high << 32 | low;
    return true;
}

char *lsn_format(lsn_t lsn, char buffer[static 18])
{
    snprintf(buffer, 18, "%" PRIX32 "/%" PRIX32, (uint32_t)(lsn >> 32), (uint32_t)lsn);
    return buffer;
}

int64_t lsn_diff(lsn_t to, lsn_t from)
{
    if (to >= from)
        return to - from > INT64_MAX ? INT64_MAX : (int64_t)(to - from);
    return from - to > INT64_MAX ? INT64_MIN : -(int64_t)(from - to);
}
