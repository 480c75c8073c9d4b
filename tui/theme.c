#include "tui/theme.h"

#include "core/embedded.h"
#include "core/mem.h"

#include <curses.h>
#include <libconfig.h>
#include <stdlib.h>
#include <string.h>

struct theme {
    attr_t attributes[ROLE_COUNT];
};

static const char *const role_names[] = {
#define X(id, name) name,
    THEME_ROLES(X)
#undef X
};

static const struct {
    const char *name;
    short colour;
} colours[] = {{"default", -1},
               {"black", COLOR_BLACK},
               {"red", COLOR_RED},
               {"green", COLOR_GREEN},
               {"yellow", COLOR_YELLOW},
               {"blue", COLOR_BLUE},
               {"magenta", COLOR_MAGENTA},
               {"cyan", COLOR_CYAN},
               {"white", COLOR_WHITE}};

static const struct {
    const char *name;
    attr_t attribute;
} attributes[] = {
    {"bold", A_BOLD}, {"dim", A_DIM}, {"reverse", A_REVERSE}, {"underline", A_UNDERLINE}};

/* A colour by name, or by its number in the terminal's palette. */
static bool colour_of(const char *word, short *colour)
{
    char *end;
    long number = strtol(word, &end, 10);

    for (size_t i = 0; i < sizeof colours / sizeof *colours; i++) {
        if (strcmp(word, colours[i].name) == 0) {
            *colour = colours[i].colour;
            return true;
        }
    }
    if (end == word || *end != '\0' || number < 0 || number > 255)
        return false;
    *colour = number < COLORS ? (short)number : -1;
    return true;
}

/* Reads "red on white bold" into attributes; `pair` is the colour pair it may define. */
static bool style_of(const char *spec, short pair, bool coloured, attr_t *result)
{
    short fore = -1, back = -1, colour;
    bool on = false, ok = true;
    char *copy = xstrdup(spec), *rest = copy;

    *result = 0;
    for (char *word; ok && (word = strsep(&rest, " ")) != NULL;) {
        size_t i = 0;
        while (i < sizeof attributes / sizeof *attributes && strcmp(word, attributes[i].name) != 0)
            i++;
        if (i < sizeof attributes / sizeof *attributes)
            *result |= attributes[i].attribute;
        else if (strcmp(word, "on") == 0)
            on = true;
        else if (*word != '\0' && (ok = colour_of(word, &colour)))
            *(on ? &back : &fore) = colour;
    }
    free(copy);
    if (ok && coloured && (fore >= 0 || back >= 0) && pair < COLOR_PAIRS) {
        init_pair(pair, fore, back);
        *result |= (attr_t)COLOR_PAIR(pair);
    }
    return ok;
}

static bool read_roles(struct theme *theme, config_t *file, const char *name, bool coloured,
                       struct err *err)
{
    config_setting_t *root = config_root_setting(file);

    for (int i = 0; i < config_setting_length(root); i++) {
        config_setting_t *setting = config_setting_get_elem(root, (unsigned)i);
        const char *role = config_setting_name(setting);
        const char *spec = config_setting_get_string(setting);
        size_t r = 0;
        while (r < ROLE_COUNT && strcmp(role, role_names[r]) != 0)
            r++;
        if (r == ROLE_COUNT)
            return err_set(err, "%s:%d: no role is called \"%s\"", name,
                           config_setting_source_line(setting), role);
        if (spec == NULL || !style_of(spec, (short)(r + 1), coloured, &theme->attributes[r]))
            return err_set(err,
                           "%s:%d: %s: write \"red on white bold\": colours by name or number, "
                           "bold, dim, reverse, underline",
                           name, config_setting_source_line(setting), role);
    }
    return true;
}

static const char *embedded_theme(const char *name)
{
    const char *text = NULL;
    char *path = xprintf("themes/%s.theme", name);

    for (const struct embedded *file = embedded_files; file->path != NULL; file++) {
        if (strcmp(file->path, path) == 0)
            text = file->text;
    }
    free(path);
    return text;
}

static bool use_colours(void)
{
    const char *no_color = getenv("NO_COLOR");

    if ((no_color != NULL && *no_color != '\0') || !has_colors())
        return false;
    return start_color() == OK && use_default_colors() == OK;
}

struct theme *theme_new(const char *name_or_path, struct err *err)
{
    bool coloured = use_colours();
    const char *name = coloured && name_or_path != NULL ? name_or_path : "dark";
    const char *text = embedded_theme(coloured ? name : "mono");
    struct theme *theme = xcalloc(1, sizeof *theme);
    config_t file;

    config_init(&file);
    bool ok = (text != NULL ? config_read_string(&file, text) : config_read_file(&file, name)) != 0;
    if (!ok && config_error_type(&file) == CONFIG_ERR_FILE_IO)
        err_set(err, "%s: no such theme; give dark, light, mono or a file that can be read", name);
    else if (!ok)
        err_set(err, "%s:%d: %s", name, config_error_line(&file), config_error_text(&file));
    else
        ok = read_roles(theme, &file, name, coloured, err);
    config_destroy(&file);
    if (ok)
        return theme;
    theme_free(theme);
    return NULL;
}

void theme_free(struct theme *theme)
{
    free(theme);
}

unsigned theme_attributes(const struct theme *theme, unsigned style)
{
    attr_t result = theme->attributes[style & 0xff];

    if (style & STYLE_SELECTED)
        result ^= A_REVERSE;
    if (style & STYLE_STRONG)
        result |= A_BOLD;
    return result;
}
