#include "core/engine_parts.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "core/command.h"

void capture_set(struct engine *engine, const char *name, const char *value, int database_index)
{
    struct capture *capture = engine->captures;
    while (capture &&
           (strcmp(capture->name, name) != 0 || capture->database_index != database_index))
        capture = capture->next;
    if (!capture) {
        capture = xcalloc(1, sizeof *capture);
        capture->name = xstrdup(name);
        capture->database_index = database_index;
        capture->next = engine->captures;
        engine->captures = capture;
    }
    free(capture->value);
    capture->value = xstrdup(value ? value : "");
}

const char *capture_get(const struct engine *engine, const char *name, int database_index)
{
    const char *of_node = NULL;
    for (const struct capture *capture = engine->captures; capture; capture = capture->next) {
        if (strcmp(capture->name, name) != 0)
            continue;
        if (capture->database_index == database_index)
            return capture->value;
        if (capture->database_index == -1)
            of_node = capture->value;
    }
    return of_node;
}

const char *engine_captured(const struct engine *engine, const char *name, int database_index)
{
    return capture_get(engine, name, database_index);
}

void captures_free(struct engine *engine)
{
    while (engine->captures) {
        struct capture *capture = engine->captures;
        engine->captures = capture->next;
        free(capture->name);
        free(capture->value);
        free(capture);
    }
}

struct lookup {
    struct engine *engine;
    const struct place *place;
    bool words; /* for a program: a value is one word of its arguments */
    struct arena arena;
};

static const char *as_word(struct lookup *lookup, const char *text)
{
    struct str word = {0};
    if (!text || !lookup->words)
        return text;
    command_quote(&word, text);
    const char *kept = arena_strdup(&lookup->arena, str_text(&word));
    str_free(&word);
    return kept;
}

static bool look_up(const char *name, struct sql_value *value, void *arg)
{
    struct lookup *lookup = arg;
    *value = (struct sql_value){
        .text = capture_get(lookup->engine, name, lookup->place->database_index)};
    if (!value->text &&
        !app_variable(lookup->engine->app, lookup->place, name, &lookup->arena, value))
        return false;
    value->text = as_word(lookup, value->text);
    value->shown = as_word(lookup, value->shown);
    return true;
}

bool script_expand(struct engine *engine, const struct script *script, const struct place *place,
                   bool words, struct script_text *text, struct err *err)
{
    struct lookup lookup = {engine, place, words, {0}};
    struct str real = {0}, shown = {0};
    bool ok = sql_expand(script->text, engine->app->runbook->path, script->line, look_up, &lookup,
                         &real, &shown, err);
    text->real = str_take(&real);
    text->shown = str_take(&shown);
    text->secret = strcmp(text->real, text->shown) != 0;
    arena_free(&lookup.arena);
    return ok;
}

void script_text_free(struct script_text *text)
{
    free(text->real);
    free(text->shown);
    *text = (struct script_text){0};
}

const struct step_variant *variant_at(const struct engine *engine, const struct step *step,
                                      const struct place *place)
{
    /* A generated script is written for the server that generates it. */
    struct place from = *place;
    if (step->kind == STEP_GEXEC && !place_on(engine, place, step->from, &from))
        return NULL;
    int version = engine->app->model->nodes[from.node_index].version;
    bool for_all = step->variant_count == 1 && step->variants[0].since == 0 &&
                   step->variants[0].until == INT_MAX;
    if (from.node->kind == KIND_POSTGRES && version == 0)
        return for_all ? &step->variants[0] : NULL;
    return step_variant_for(step, version / 10000);
}

bool place_on(const struct engine *engine, const struct place *place, const char *role,
              struct place *other)
{
    *other = *place;
    if (!role || strcmp(role, place->node->role) == 0)
        return true;
    struct place *places;
    size_t count = places_of(engine->app->config, role, place->database_index < 0, &places);
    bool found = false;
    for (size_t i = 0; i < count && !found; i++) {
        found = places[i].database_index == place->database_index;
        if (found)
            *other = places[i];
    }
    free(places);
    return found;
}
