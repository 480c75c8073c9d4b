#include "core/engine_parts.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/show.h"

enum { GENERATOR_DEADLINE_MS = 30000 };

static void part_done(struct preparation *preparation);

static void set_error(struct prepared *prepared, const char *error)
{
    if (prepared->error)
        return;
    prepared->error = app_redact(prepared->of->engine->app, error ? error : "no answer");
}

struct probe {
    struct engine *engine;
    size_t step, place;
    bool undo; /* whether it is still there to be taken back */
    struct arena arena;
    struct show show;
    bool shows; /* PgBouncer's console was asked */
    probe_done *done;
    void *arg;
};

static const struct script *probe_script(const struct engine *engine, size_t step, size_t place)
{
    const struct step_run *of = &engine->app->run->steps[step];
    const struct step_variant *variant = variant_at(engine, of->step, &of->places[place].place);
    if (!variant)
        return NULL;
    if (variant->probe.text)
        return &variant->probe;
    return of->step->kind == STEP_WAIT ? &variant->body : NULL;
}

bool step_has_probe(const struct engine *engine, size_t step, size_t place)
{
    return probe_script(engine, step, place) || engine->app->run->steps[step].step->down_count > 0;
}

static void probe_answered(struct probe *probe, enum answer answer, const char *error)
{
    probe->done(answer, error, probe->arg);
    arena_free(&probe->arena);
    free(probe);
}

/* Down is what refuses connections. A server that hangs, or that says no to us alone, is not known
 * to be down. */
static enum answer are_down(const struct engine *engine, const struct step *step)
{
    const struct model *model = engine->app->model;
    enum answer answer = ANSWER_YES;
    for (size_t i = 0; i < model->config->node_count; i++)
        for (size_t j = 0; j < step->down_count; j++) {
            const struct node_facts *facts = &model->nodes[i];
            if (strcmp(facts->config->role, step->down[j]) != 0)
                continue;
            if (facts->link == LINK_UP)
                return ANSWER_NO;
            if (!facts->refused)
                answer = ANSWER_NONE;
        }
    return answer;
}

static bool releases(const struct step *later, const struct step *step)
{
    for (size_t i = 0; i < later->release_count; i++)
        if (strcmp(later->releases[i], step->id) == 0)
            return true;
    return false;
}

bool hold_is_gone(const struct engine *engine, size_t step, size_t place)
{
    const struct run *run = engine->app->run;
    const struct step_run *of = &run->steps[step];
    if (!of->step->holds || sessions_holds(engine->work, &of->places[place].place, step))
        return false;
    for (size_t later = step + 1; later < run->step_count; later++)
        if (releases(run->steps[later].step, of->step) && run_is_passed(run, later))
            return false;
    return true;
}

/* Asked as the answer comes: in a resume, the states of later steps are known only then. */
static bool is_lost(const struct probe *probe)
{
    return !probe->undo && hold_is_gone(probe->engine, probe->step, probe->place);
}

static void on_probe(struct reply *reply, void *arg)
{
    struct probe *probe = arg;
    if (reply->kind != REPLY_OK)
        probe_answered(probe, ANSWER_NONE, reply->message);
    else if (probe->shows && show_lacks(&probe->show, reply->table))
        probe_answered(probe, ANSWER_NONE,
                       "the pooler's answer lacks a column that the probe names");
    else if (probe->shows)
        probe_answered(probe, show_holds(&probe->show, reply->table) ? ANSWER_YES : ANSWER_NO,
                       NULL);
    else if (!reply->table || reply->table->rows == 0 || table_column(reply->table, "done") < 0)
        probe_answered(probe, ANSWER_NONE, "the probe gave no row with a column done");
    else
        probe_answered(probe,
                       table_bool(reply->table, 0, "done", false) && !is_lost(probe) ? ANSWER_YES
                                                                                     : ANSWER_NO,
                       NULL);
}

/* Before a step has captured what its probe asks for, its effect can't be there. */
static bool captures_are_missing(const struct engine *engine, size_t step, size_t place)
{
    const struct step_run *of = &engine->app->run->steps[step];
    for (size_t i = 0; i < of->step->capture_count; i++)
        if (!capture_get(engine, of->step->captures[i], of->places[place].place.database_index))
            return true;
    return false;
}

static void ask(struct engine *engine, size_t step, size_t place, bool undo, probe_done *done,
                void *arg)
{
    struct probe *probe = xcalloc(1, sizeof *probe);
    *probe = (struct probe){
        .engine = engine, .step = step, .place = place, .undo = undo, .done = done, .arg = arg};
    const struct step *of = engine->app->run->steps[step].step;
    const struct script *script = probe_script(engine, step, place);
    if (!script && of->down_count > 0) {
        probe_answered(probe, are_down(engine, of), "the server does not answer, nor refuse");
        return;
    }
    struct script_text text = {0};
    struct place on;
    struct err err = {.text = "the server's version is not known yet"};
    bool ok =
        script &&
        (err_set(&err, "no node has the role %s that the probe asks", script->on ? script->on : ""),
         place_on(engine, &engine_place(engine, step, place)->place, script->on, &on));
    /* Of what held a session the rest may still be there to be taken back. */
    if (ok && captures_are_missing(engine, step, place) && !(undo && of->holds)) {
        probe_answered(probe, ANSWER_NO, NULL);
        return;
    }
    if (ok)
        ok = script_expand(engine, script, &on, false, &text, &err);
    if (ok && on.node->kind == KIND_PGBOUNCER) {
        probe->shows = true;
        ok = show_parse(text.real, &probe->show, &probe->arena, &err);
    }
    if (ok)
        sessions_send(engine->probes, &on, 0, probe->shows ? probe->show.command : text.real,
                      PROBE_DEADLINE_MS, on_probe, probe);
    else
        probe_answered(probe, ANSWER_NONE, err.text);
    script_text_free(&text);
}

void probe_ask(struct engine *engine, size_t step, size_t place, probe_done *done, void *arg)
{
    bool undo = engine_place(engine, step, place)->state == S_UNDO_PROBING;
    ask(engine, step, place, undo, done, arg);
}

struct settling {
    struct engine *engine;
    size_t step, place;
    probe_done *done;
    void *arg;
};

static void on_at_work(struct reply *reply, void *arg)
{
    struct settling *settling = arg;
    const char *sessions =
        reply->kind == REPLY_OK ? table_text(reply->table, 0, "sessions") : reply->message;
    if (sessions) {
        char *error = xprintf("its session may still be at work (%s); recheck it then", sessions);
        settling->done(ANSWER_NONE, error, settling->arg);
        free(error);
    } else {
        probe_ask(settling->engine, settling->step, settling->place, settling->done, settling->arg);
    }
    free(settling);
}

/* In this order: what ends between the two questions is seen by the second. */
void probe_settle(struct engine *engine, size_t step, size_t place, probe_done *done, void *arg)
{
    const struct place_run *at = engine_place(engine, step, place);
    const struct step_variant *variant =
        variant_at(engine, engine->app->run->steps[step].step, &at->place);
    const struct query *query = catalogue_query(engine->app->catalogue, "own_at_work");
    bool undo = at->state == S_UNDO_PROBING;
    struct place on = at->place;
    if (undo && variant)
        place_on(engine, &at->place, variant->undo.on, &on);
    if (on.node->kind != KIND_POSTGRES) {
        probe_ask(engine, step, place, done, arg);
        return;
    }
    struct settling *settling = xcalloc(1, sizeof *settling);
    *settling = (struct settling){engine, step, place, done, arg};
    sessions_send(engine->probes, &on, 0, query->variants[0].text, PROBE_DEADLINE_MS, on_at_work,
                  settling);
}

static void on_prepared_probe(enum answer answer, const char *error, void *arg)
{
    struct prepared *prepared = arg;
    prepared->probe = answer;
    if (answer == ANSWER_NONE)
        set_error(prepared, error);
    part_done(prepared->of);
}

/* A password's hash is a secret too: PASSWORD '...' is shown without it, however often its quotes
 * are doubled, since a statement may stand in a literal of another. */
static char *hide_passwords(const char *text)
{
    static const char word[] = "PASSWORD";
    struct str out = {0};
    while (*text) {
        const char *at = text + sizeof word - 1;
        bool found = strncasecmp(text, word, sizeof word - 1) == 0;
        size_t blanks = found ? strspn(at, " \t\nE") : 0;
        size_t quotes = found ? strspn(at + blanks, "'") : 0;
        if (quotes == 0) {
            str_char(&out, *text++);
            continue;
        }
        const char *end = at + blanks + quotes;
        while (*end && strspn(end, "'") < quotes)
            end += *end == '\'' ? strspn(end, "'") : 1;
        str_add_n(&out, text, (size_t)(at + blanks + quotes - text));
        str_add(&out, "********");
        text = end;
    }
    return str_take(&out);
}

static void on_generated(struct reply *reply, void *arg)
{
    struct prepared *prepared = arg;
    struct str text = {0};
    if (reply->kind == REPLY_OK && reply->table) {
        const struct table *table = reply->table;
        for (int i = 0; i < table->rows * table->columns; i++)
            if (table->cells[i] && *table->cells[i])
                str_printf(&text, "%s%s%s;", text.length > 0 ? "\n" : "", table->cells[i],
                           strstr(table->cells[i], "--") ? "\n" : ""); /* a comment may end it */
        script_text_free(&prepared->text);
        prepared->text.real = str_take(&text);
        char *hidden = hide_passwords(prepared->text.real);
        prepared->text.shown = app_redact(prepared->of->engine->app, hidden);
        free(hidden);
        prepared->text.secret = strcmp(prepared->text.real, prepared->text.shown) != 0;
    } else {
        set_error(prepared, reply->message);
    }
    part_done(prepared->of);
}

/* The generator's text is in prepared->text; its result replaces it. */
static void generate(struct prepared *prepared, const struct step *step, const struct place *place)
{
    struct engine *engine = prepared->of->engine;
    struct place from;
    if (!place_on(engine, place, step->from, &from)) {
        set_error(prepared, "no node has the role that the generator runs on");
        return;
    }
    prepared->of->waiting++;
    sessions_send(engine->probes, &from, 0, prepared->text.real, GENERATOR_DEADLINE_MS,
                  on_generated, prepared);
}

static void expand(struct prepared *prepared, const struct step *step,
                   const struct step_variant *variant, const struct place *place)
{
    struct preparation *preparation = prepared->of;
    bool undo = preparation->verb == VERB_UNDO;
    const struct script *script = undo ? &variant->undo : &variant->body;
    struct place on = *place;
    struct err err;
    if (!script->text)
        return;
    if (!undo && step->kind == STEP_GEXEC &&
        !place_on(preparation->engine, place, step->from, &on)) {
        set_error(prepared, "no node has the role that the generator runs on");
        return;
    }
    if (undo && !place_on(preparation->engine, place, script->on, &on)) {
        set_error(prepared, "no node has the role that the undo runs on");
        return;
    }
    if (!script_expand(preparation->engine, script, &on, step->kind == STEP_COMMAND,
                       &prepared->text, &err)) {
        /* What only the window will know can't be shown when it is armed. */
        script_text_free(&prepared->text);
        if (preparation->verb == VERB_ARM)
            prepared->text =
                (struct script_text){xstrdup(script->text), xstrdup(script->text), false};
        else
            set_error(prepared, err.text);
        return;
    }
    if (!undo && step->kind == STEP_GEXEC && preparation->verb != VERB_ARM)
        generate(prepared, step, place);
}

static void on_need(struct reply *reply, void *arg)
{
    struct prepared *prepared = arg;
    if (reply->kind != REPLY_OK)
        set_error(prepared, reply->message);
    else if (!table_bool(reply->table, 0, "there", false))
        prepared->absent = true;
    part_done(prepared->of);
}

static bool look_up_need(const char *name, struct sql_value *value, void *arg)
{
    const struct need *need = arg;
    *value = (struct sql_value){.text = need->what};
    return strcmp(name, "what") == 0;
}

static void ask_need(struct prepared *prepared, const struct need *need, const struct place *place)
{
    struct engine *engine = prepared->of->engine;
    char *id = xprintf("own_%s", need->kind);
    const struct query *query = catalogue_query(engine->app->catalogue, id);
    struct str sql = {0};
    struct need copy = *need;
    struct err err;
    free(id);
    if (!query || !sql_expand(query->variants[0].text, query->variants[0].path,
                              query->variants[0].line, look_up_need, &copy, &sql, NULL, &err)) {
        set_error(prepared, "the runbook needs something that the console can't look for");
    } else {
        prepared->of->waiting++;
        sessions_send(engine->probes, place, 0, str_text(&sql), PROBE_DEADLINE_MS, on_need,
                      prepared);
    }
    str_free(&sql);
}

static void destroy(struct preparation *preparation)
{
    for (size_t i = 0; i < preparation->place_count; i++) {
        script_text_free(&preparation->places[i].text);
        free(preparation->places[i].error);
    }
    free(preparation->places);
    free(preparation);
}

void preparation_free(struct preparation *preparation)
{
    if (!preparation)
        return;
    preparation->abandoned = true;
    if (preparation->waiting == 0)
        destroy(preparation);
}

static void part_done(struct preparation *preparation)
{
    if (--preparation->waiting > 0)
        return;
    preparation->done_ms = app_now(preparation->engine->app);
    if (preparation->abandoned)
        destroy(preparation);
    else
        preparation->done(preparation);
}

static void on_checks(void *arg)
{
    part_done(arg);
}

static bool is_wanted(enum verb verb, const struct place_run *place)
{
    enum state state = place->state;
    if (verb == VERB_UNDO || verb == VERB_LEAVE)
        return state == S_DONE || state == S_FAILED || state == S_UNKNOWN ||
               (state == S_SKIPPED && place->left);
    return state != S_DONE && state != S_SKIPPED;
}

static void prepare_place(struct prepared *prepared, const struct step *step,
                          const struct place_run *place, bool gate)
{
    struct preparation *preparation = prepared->of;
    const struct step_variant *variant = variant_at(preparation->engine, step, &place->place);
    enum state state = place->state;
    prepared->wanted = gate ? state == S_GATE : is_wanted(preparation->verb, place);
    if (!prepared->wanted)
        return;
    if (!variant) {
        struct place from = place->place;
        if (step->kind == STEP_GEXEC)
            place_on(preparation->engine, &place->place, step->from, &from);
        if (preparation->engine->app->model->nodes[from.node_index].version == 0 &&
            from.node->kind == KIND_POSTGRES)
            set_error(prepared, "the server's version is not known yet");
        else
            prepared->absent = true;
        return;
    }
    for (size_t i = 0; i < step->need_count; i++)
        if (!strstr(step->needs[i].kind, "variable")) /* those are the configuration's */
            ask_need(prepared, &step->needs[i], &place->place);
    expand(prepared, step, variant, &place->place);
    bool asks = step->kind != STEP_WAIT && step->kind != STEP_COMPARE &&
                preparation->verb != VERB_ARM && preparation->verb != VERB_SKIP &&
                preparation->verb != VERB_LEAVE;
    if (asks && step_has_probe(preparation->engine, preparation->step, prepared->place)) {
        preparation->waiting++;
        ask(preparation->engine, preparation->step, prepared->place, preparation->verb == VERB_UNDO,
            on_prepared_probe, prepared);
    }
}

struct preparation *prepare(struct engine *engine, enum verb verb, size_t step, bool gate,
                            void (*done)(struct preparation *))
{
    const struct step_run *of = &engine->app->run->steps[step];
    struct preparation *preparation = xcalloc(1, sizeof *preparation);
    preparation->engine = engine;
    preparation->verb = verb;
    preparation->step = step;
    preparation->done = done;
    preparation->begun_ms = app_now(engine->app);
    preparation->place_count = of->place_count;
    preparation->places = xcalloc(of->place_count + 1, sizeof *preparation->places);
    preparation->waiting = 1; /* so that it can't end while it is being put together */
    for (size_t i = 0; i < of->place_count; i++) {
        struct prepared *prepared = &preparation->places[i];
        prepared->of = preparation;
        prepared->place = i;
        prepare_place(prepared, of->step, &of->places[i], gate);
    }
    if (verb == VERB_RUN && of->step->require_count > 0) {
        preparation->waiting++;
        checks_run(engine->app->checks, of->step->requires, of->step->require_count, on_checks,
                   preparation);
    }
    return preparation;
}

void prepare_begin(struct preparation *preparation)
{
    part_done(preparation);
}
