/* Starting a program on a pty, in an environment that does not depend on who runs the tests. */
#include "tests/screen/term_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static size_t name_length(const char *setting)
{
    return strcspn(setting, "=");
}

/* Removes the variable from the list, and puts the setting there if it has a value. The list must
 * have room for one more. */
static void override(const char **list, const char *setting)
{
    size_t length = name_length(setting), kept = 0;
    for (const char **p = list; *p; p++)
        if (name_length(*p) != length || strncmp(*p, setting, length) != 0)
            list[kept++] = *p;
    if (setting[length] == '=')
        list[kept++] = setting;
    list[kept] = NULL;
}

static size_t count(const char *const *list)
{
    size_t n = 0;
    while (list && list[n])
        n++;
    return n;
}

/* The caller frees the array; its strings belong to environ, the options and type_setting. */
static const char **make_environment(const struct term_options *o, const char *type_setting)
{
    static const char *const dropped[] = {"LINES", "COLUMNS", "NO_COLOR", "COLORTERM", NULL};
    const char *const *inherited = (const char *const *)environ;
    size_t n = count(inherited);
    const char **list = term_need(calloc(n + 1 + count(o->env) + 1, sizeof *list));

    memcpy(list, inherited, n * sizeof *list);
    for (const char *const *p = dropped; *p; p++)
        override(list, *p);
    override(list, type_setting);
    for (const char *const *p = o->env; p && *p; p++)
        override(list, *p);
    return list;
}

/* The child must leave by exec or _exit: exit() would run Criterion's own exit handlers twice. */
static _Noreturn void run(const struct term_options *o, const char **environment)
{
    static const int reset[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGTSTP, SIGCHLD};
    sigset_t none;

    for (size_t i = 0; i < sizeof reset / sizeof *reset; i++)
        signal(reset[i], SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (!o->dir || chdir(o->dir) == 0)
        execvpe(o->argv[0], (char *const *)o->argv, (char *const *)environment);
    dprintf(STDERR_FILENO, "cannot run %s: %s\n", o->argv[0], strerror(errno));
    _exit(127);
}

pid_t term_launch(const struct term_options *o, int cols, int rows, int *master)
{
    struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)cols};
    char type_setting[64];

    snprintf(type_setting, sizeof type_setting, "TERM=%s", o->type ? o->type : "xterm-256color");
    const char **environment = make_environment(o, type_setting);
    pid_t pid = forkpty(master, NULL, NULL, &size);
    if (pid < 0)
        term_die("forkpty");
    if (pid == 0)
        run(o, environment);
    free(environment);

    /* Close-on-exec matters: a copy in a program started later would keep a hang-up from it. */
    if (fcntl(*master, F_SETFD, FD_CLOEXEC) < 0 || fcntl(*master, F_SETFL, O_NONBLOCK) < 0)
        term_die("fcntl");
    return pid;
}
