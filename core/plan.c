#include "core/plan.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "core/sqltext.h"

struct lookup {
    const struct app *app;
    const struct place *place;
    struct arena arena;
};

static bool is_captured(const struct runbook *book, const char *name)
{
    for (size_t i = 0; i < book->step_count; i++)
        for (size_t j = 0; j < book->steps[i].capture_count; j++)
            if (strcmp(book->steps[i].captures[j], name) == 0)
                return true;
    return false;
}

static bool look_up(const char *name, struct sql_value *value, void *arg)
{
    struct lookup *lookup = arg;
    *value = (struct sql_value){0};
    if (is_captured(lookup->app->runbook, name))
        value->text = arena_printf(&lookup->arena, "<%s>", name);
    return value->text || app_variable(lookup->app, lookup->place, name, &lookup->arena, value);
}

static bool add_script(json_t *object, const char *key, const struct script *script,
                       struct lookup *lookup, struct err *err)
{
    if (script->none) {
        char *text = xprintf("none: %s", script->none);
        json_object_set_new(object, key, json_string(text));
        free(text);
    }
    if (!script->text)
        return true;
    struct str real = {0}, shown = {0};
    bool ok = sql_expand(script->text, lookup->app->runbook->path, script->line, look_up, lookup,
                         &real, &shown, err);
    if (ok)
        json_object_set_new(object, key, json_string(str_text(&shown)));
    str_free(&real);
    str_free(&shown);
    return ok;
}

static json_t *variant_json(const struct step_variant *variant, struct lookup *lookup,
                            struct err *err)
{
    const struct {
        const char *key;
        const struct script *script;
    } scripts[] = {{"text", &variant->body},
                   {"each", &variant->each},
                   {"probe", &variant->probe},
                   {"undo", &variant->undo},
                   {"abandon", &variant->abandon}};
    json_t *object = json_object();
    if (variant->since > 0)
        json_object_set_new(object, "since", json_integer(variant->since));
    if (variant->until < INT_MAX)
        json_object_set_new(object, "until", json_integer(variant->until));
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++)
        if (!add_script(object, scripts[i].key, scripts[i].script, lookup, err)) {
            json_decref(object);
            return NULL;
        }
    return object;
}

static json_t *names_json(const char *const *names, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(array, json_string(names[i]));
    return array;
}

static json_t *places_json(const struct step_run *step)
{
    json_t *array = json_array();
    for (size_t i = 0; i < step->place_count; i++)
        json_array_append_new(array, json_string(step->places[i].name));
    return array;
}

static json_t *head_json(const struct step *step, const struct step_run *run)
{
    json_t *object = json_object();
    json_object_set_new(object, "id", json_string(step->id));
    json_object_set_new(object, "title", json_string(step->title));
    json_object_set_new(object, "phase", json_string(phase_name(step->phase)));
    json_object_set_new(object, "kind", json_string(step_kind_name(step->kind)));
    json_object_set_new(object, "on", json_string(step->on));
    if (step->from)
        json_object_set_new(object, "from", json_string(step->from));
    if (step->opens || step->closes)
        json_object_set_new(object, "window", json_string(step->opens ? "opens" : "closes"));
    json_object_set_new(object, "typed", json_boolean(step->typed || step->opens));
    json_object_set_new(object, "transaction", json_boolean(step->transaction));
    json_object_set_new(object, "timeout_ms", json_integer(step->timeout_ms));
    if (step->why)
        json_object_set_new(object, "why", json_string(step->why));
    json_object_set_new(object, "requires", names_json(step->requires, step->require_count));
    json_object_set_new(object, "captures", names_json(step->captures, step->capture_count));
    json_object_set_new(object, "places", places_json(run));
    return object;
}

static json_t *step_json(const struct app *app, const struct step_run *run, struct err *err)
{
    const struct step *step = run->step;
    json_t *object = head_json(step, run);
    json_t *variants = json_array();
    json_object_set_new(object, "variants", variants);
    if (run->place_count == 0)
        return object;
    struct lookup lookup = {app, &run->places[0].place, {0}};
    for (size_t i = 0; i < step->variant_count; i++) {
        json_t *variant = variant_json(&step->variants[i], &lookup, err);
        if (!variant) {
            json_decref(object);
            object = NULL;
            break;
        }
        json_array_append_new(variants, variant);
    }
    arena_free(&lookup.arena);
    return object;
}

json_t *plan_json(const struct app *app, struct err *err)
{
    json_t *steps = json_array();
    for (size_t i = 0; i < app->run->step_count; i++) {
        json_t *step = step_json(app, &app->run->steps[i], err);
        if (!step) {
            json_decref(steps);
            return NULL;
        }
        json_array_append_new(steps, step);
    }
    return json_pack(
        "{s:s, s:s, s:s, s:o, s:o}", "run", app->config->run, "runbook", app->runbook->name,
        "title", app->runbook->title ? app->runbook->title : "", "databases",
        names_json((const char *const *)app->config->databases, app->config->database_count),
        "steps", steps);
}
