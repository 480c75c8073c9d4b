#include "tui/options.h"

#include <getopt.h>
#include <stddef.h>
#include <string.h>

static const struct {
    const char *name;
    int most; /* arguments that may follow */
} commands[] = {{"drive", 0},  {"watch", 0}, {"plan", 0},
                {"status", 0}, {"check", 0}, {"runbook", 2}};

static const char *const severities[] = {"block", "warn", "info"};

static bool set_severity(struct options *options, const char *text, struct err *err)
{
    for (size_t i = 0; i < sizeof severities / sizeof *severities; i++)
        if (strcmp(text, severities[i]) == 0) {
            options->severity = (enum severity)i;
            return true;
        }
    return err_set(err, "--severity knows no \"%s\"; it is block, warn or info", text);
}

static bool take_words(int count, char **words, struct options *options, struct err *err)
{
    options->command = count > 0 ? words[0] : "drive";
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(commands[i].name, options->command) != 0)
            continue;
        if (count - 1 > commands[i].most)
            return err_set(err, "\"%s\" is one word too many after %s; see --help",
                           words[commands[i].most + 1], options->command);
        for (int j = 1; j < count; j++)
            options->argument[j - 1] = words[j];
        return true;
    }
    return err_set(err, "there is no command \"%s\"; see --help", options->command);
}

bool options_read(int argc, char **argv, struct options *options, struct err *err)
{
    enum {
        SOURCE = 256,
        TARGET,
        POOLER,
        RUNBOOK,
        RUN,
        THEME,
        JSON,
        ONLY,
        EXPLAIN,
        SEVERITY,
        VERSION
    };
    static const struct option known[] = {
        {"config", required_argument, NULL, 'c'},
        {"source", required_argument, NULL, SOURCE},
        {"target", required_argument, NULL, TARGET},
        {"pooler", required_argument, NULL, POOLER},
        {"runbook", required_argument, NULL, RUNBOOK},
        {"run", required_argument, NULL, RUN},
        {"theme", required_argument, NULL, THEME},
        {"json", no_argument, NULL, JSON},
        {"only", required_argument, NULL, ONLY},
        {"explain", required_argument, NULL, EXPLAIN},
        {"severity", required_argument, NULL, SEVERITY},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, VERSION},
        {0},
    };
    int option;
    *options = (struct options){.severity = SEVERITY_INFO};
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":c:h", known, NULL)) != -1) {
        const char **texts[] = {&options->source,  &options->target, &options->pooler,
                                &options->runbook, &options->run,    &options->theme};
        if (option >= SOURCE && option <= THEME)
            *texts[option - SOURCE] = optarg;
        else if (option == 'c')
            options->config = optarg;
        else if (option == JSON)
            options->json = true;
        else if (option == ONLY)
            options->only = optarg;
        else if (option == EXPLAIN)
            options->explain = optarg;
        else if (option == 'h')
            options->help = true;
        else if (option == VERSION)
            options->version = true;
        else if (option == ':')
            return err_set(err, "%s wants a value; see --help", argv[optind - 1]);
        else if (option == '?')
            return err_set(err, "there is no option %s; see --help", argv[optind - 1]);
        else if (!set_severity(options, optarg, err))
            return false;
    }
    return take_words(argc - optind, argv + optind, options, err);
}
