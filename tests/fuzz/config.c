/* Feeds mistakes to the reader of configurations: no crash, no leak, no error without words.
 * With libFuzzer it is its target; by itself it mutates the example file:
 *     fuzz_config [rounds [seed]] */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/config.h"
#include "core/sqlfile.h"

/* libconfig itself forgets the strings that it had scanned when it meets a syntax error. */
const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
    return "leak:strbuf_append\nleak:libconfig_yylex\n";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = xstrndup((const char *)data, size);
    struct err err = {0};
    struct config *config = config_parse("fuzz.conf", text, &err);
    if (!config && strncmp(err.text, "fuzz.conf:", strlen("fuzz.conf:")) != 0)
        die("refused without a place: \"%s\"", err.text);
    if (config) {
        const char **secrets;
        config_secrets(config, &secrets);
        for (size_t i = 0; i < config->node_count; i++)
            free(dsn_with(config->nodes[i].dsn, "other", PASSWORD_HIDE, &err));
    }
    config_free(config);
    free(text);
    return 0;
}

#ifndef PGCUTOVER_LIBFUZZER

/* xorshift: the same seed gives the same mistakes on every machine. */
static uint32_t next(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static size_t below(uint32_t *state, size_t limit)
{
    return limit ? next(state) % limit : 0;
}

/* Another byte, a byte less, or a piece of the text somewhere else. */
static void mutate(struct str *text, uint32_t *state)
{
    static const char telling[] = "\"{}()[];=,\\'#\n 0\200\377";
    size_t at = below(state, text->length);
    size_t piece = below(state, text->length - at < 40 ? text->length - at : 40);
    switch (below(state, 4)) {
    case 0:
        text->text[at] = telling[below(state, sizeof telling - 1)];
        break;
    case 1:
        text->text[at] = (char)(1 + below(state, 255));
        break;
    case 2:
        memmove(text->text + at, text->text + at + piece, text->length - at - piece + 1);
        text->length -= piece;
        break;
    default:
        memmove(text->text + below(state, text->length - piece), text->text + at, piece);
    }
}

int main(int argc, char **argv)
{
    const char *root = getenv("PGCUTOVER_ROOT");
    long rounds = argc > 1 ? strtol(argv[1], NULL, 10) : 20000;
    uint32_t state = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) | 1 : 1;
    char *path = xprintf("%s/pgcutover.conf.example", root ? root : ".");
    struct err err = {0};
    char *example = file_read(path, NULL, &err);
    free(path);
    if (!example)
        die("%s", err.text);
    for (long round = 0; round < rounds; round++) {
        struct str text = {0};
        str_add(&text, example);
        for (size_t left = 1 + below(&state, 4); left > 0 && text.length > 1; left--)
            mutate(&text, &state);
        LLVMFuzzerTestOneInput((const uint8_t *)text.text, text.length);
        str_free(&text);
    }
    free(example);
    return 0;
}

#endif
