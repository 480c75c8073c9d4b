/* picture COLSxROWS OUT.svg -- COMMAND [ARGUMENT]...
 *
 * Runs a program in a terminal, plays the script on standard input to it, and writes a picture of
 * the screen. One order per line; empty lines and lines beginning with # are skipped:
 *
 *   wait TEXT     until the screen contains TEXT, 30 seconds at most
 *   keys STRING   types STRING; \n \r \t \e \\ \xHH as in C
 *   quiet MS      until the program has written nothing for MS milliseconds, 30 seconds at most
 *   shot          writes OUT.svg; the last one stays
 *
 * Exits 0 if all orders were carried out, 1 with the screen on standard error if a wait was in
 * vain, 2 on wrong usage. */
#include "tests/screen/svg.h"

#include <stdlib.h>
#include <string.h>

enum { PATIENCE = 30000 };

/* Replaces escapes in place; an unknown one stands for the character after the backslash. */
static void unescape(char *text)
{
    static const char names[] = "nrte", values[] = "\n\r\t\033";
    char *to = text;

    for (const char *from = text; *from;) {
        if (*from != '\\' || !from[1]) {
            *to++ = *from++;
            continue;
        }
        const char *name = strchr(names, from[1]);
        char *end = NULL;
        if (from[1] == 'x')
            *to++ = (char)strtol(from + 2, &end, 16);
        else
            *to++ = name ? values[name - names] : from[1];
        from = end ? end : from + 2;
    }
    *to = '\0';
}

static bool shoot(const struct term *t, const char *path)
{
    FILE *out = fopen(path, "w");
    if (!out) {
        perror(path);
        return false;
    }
    svg_write(t, out);
    if (fclose(out) != 0) {
        perror(path);
        return false;
    }
    return true;
}

/* Carries out one line of the script; false if that failed. */
static bool obey(struct term *t, char *line, const char *path)
{
    char *argument = line + strcspn(line, " ");
    if (*argument)
        *argument++ = '\0';

    if (!*line || *line == '#')
        return true;
    if (strcmp(line, "wait") == 0)
        return term_wait_text(t, argument, PATIENCE);
    if (strcmp(line, "quiet") == 0)
        return term_wait_quiet(t, atoi(argument), PATIENCE);
    if (strcmp(line, "shot") == 0)
        return shoot(t, path);
    if (strcmp(line, "keys") != 0)
        return false;
    unescape(argument);
    term_keys(t, argument);
    return true;
}

static int play(struct term *t, FILE *script, const char *path)
{
    char line[1024], order[sizeof line];

    while (fgets(line, sizeof line, script)) {
        line[strcspn(line, "\n")] = '\0';
        strcpy(order, line);
        if (!obey(t, order, path)) {
            term_dump(t, stderr);
            fprintf(stderr, "picture: failed: %s\n", line);
            return 1;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct term_options options = {0};

    if (argc < 5 || strcmp(argv[3], "--") != 0 ||
        sscanf(argv[1], "%dx%d", &options.cols, &options.rows) != 2 || options.cols < 1 ||
        options.rows < 1) {
        fprintf(stderr, "usage: picture COLSxROWS OUT.svg -- COMMAND [ARGUMENT]... < SCRIPT\n");
        return 2;
    }
    options.argv = (const char *const *)(argv + 4);
    struct term *t = term_start(&options);
    int status = play(t, stdin, argv[2]);
    term_free(t);
    return status;
}
