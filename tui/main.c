#include <locale.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tui/face.h"
#include "tui/options.h"
#include "tui/report.h"

static const char help[] =
    "pgcutover moves a production PostgreSQL to a new major version, one confirmed step at a "
    "time.\n"
    "\n"
    "  pgcutover [drive]             the console: panels and the checklist\n"
    "  pgcutover watch               the same, read-only, for colleagues\n"
    "  pgcutover plan [--json]       the runbook with its SQL as it would be sent; connects to "
    "nothing\n"
    "  pgcutover status [--json]     one sample of everything that the panels show\n"
    "  pgcutover check [--json] [--only GROUP|ID] [--severity LEVEL] [--explain ID]\n"
    "                                the checks that the steps require\n"
    "  pgcutover runbook list        the runbooks that are built in\n"
    "  pgcutover runbook show NAME   the text of one, to read or to begin one's own with\n"
    "  pgcutover runbook check FILE  what is wrong in a file, without connecting\n"
    "\n"
    "  -c, --config FILE             the configuration; pgcutover.conf where none is named\n"
    "  --source DSN --target DSN     instead of a configuration; --pooler DSN where there is one\n"
    "  --runbook NAME|FILE           instead of the configuration's\n"
    "  --run NAME                    the run's name, which its journal bears\n"
    "  --theme dark|light|mono|FILE\n"
    "  -h, --help, --version\n"
    "\n"
    "Exit status: 0 done, 1 something does not hold, 2 usage or configuration, 3 a server could\n"
    "not be reached.\n";

static struct config *configure(const struct options *options, struct err *err)
{
    struct config *config;
    if (options->source || options->target) {
        if (!options->source || !options->target) {
            err_set(err, "--source and --target come together; give both, or -c FILE");
            return NULL;
        }
        config = config_from_dsns(options->source, options->target, options->pooler, err);
    } else {
        config = config_read(options->config ? options->config : "pgcutover.conf", err);
    }
    if (config && options->runbook)
        config->runbook = options->runbook;
    if (config && options->run)
        config->run = options->run;
    if (config && options->theme)
        config->theme = options->theme;
    return config;
}

struct way {
    const char *command;
    enum mode mode;
    bool connects;
    int (*run)(struct app *app, const struct options *options);
};

static int run_face(struct app *app, const struct options *options)
{
    (void)options;
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        return complain(EXIT_USAGE, "the console needs a terminal; pgcutover status needs none");
    return face_run(app);
}

static const struct way ways[] = {
    {"drive", MODE_DRIVE, false, run_face},     {"watch", MODE_WATCH, false, run_face},
    {"plan", MODE_STATUS, false, report_plan},  {"status", MODE_STATUS, true, report_status},
    {"check", MODE_STATUS, true, report_check},
};

/* Lets what was closed go; false where something still hangs after a moment. */
static bool wind_down(uv_loop_t *loop)
{
    uint64_t end_ns = uv_hrtime() + 500 * 1000000ull;
    fflush(NULL);
    while (uv_run(loop, UV_RUN_NOWAIT) != 0) {
        if (uv_hrtime() > end_ns)
            return false;
        uv_sleep(1);
    }
    return uv_loop_close(loop) == 0;
}

static int go(const struct way *way, const struct options *options)
{
    struct err err;
    struct config *config = configure(options, &err);
    struct app *app = config ? app_new(uv_default_loop(), way->mode, config, &err) : NULL;
    if (!app)
        return complain(EXIT_USAGE, err.text);
    if (way->connects && !app_start(app, &err)) {
        app_stop(app);
        return complain(EXIT_USAGE, err.text);
    }
    int status = way->run(app, options);
    app_stop(app);
    if (!wind_down(app->loop))
        _exit(
            status); /* something in the pool still waits for a dead server, and may for minutes */
    app_free(app);
    return status;
}

int main(int argc, char **argv)
{
    struct options options;
    struct err err;
    setlocale(LC_ALL, "");
    signal(SIGPIPE, SIG_IGN);
#ifdef M_ARENA_MAX
    mallopt(M_ARENA_MAX, 1); /* else each of the pool's threads gets a heap of its own */
#endif
    /* Name look-ups that hang must not keep the journal from being synced. */
    setenv("UV_THREADPOOL_SIZE", "32", 0);
    if (!options_read(argc, argv, &options, &err))
        return complain(EXIT_USAGE, err.text);
    if (options.help)
        return fputs(help, stdout) < 0;
    if (options.version)
        return printf("pgcutover %s\n", PGCUTOVER_VERSION) < 0;
    if (strcmp(options.command, "runbook") == 0)
        return report_runbook(&options);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        if (strcmp(ways[i].command, options.command) == 0)
            return go(&ways[i], &options);
    return EXIT_USAGE;
}
