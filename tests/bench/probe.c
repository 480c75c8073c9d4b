/* What the bench of watching measures with: a program on a 120x40 terminal, and the processor time
 * of servers, read from /proc.
 *
 *   probe paint TIMES PROGRAM...            milliseconds from its start to the first text, a line a
 * run probe watch SECONDS PIDS PROGRAM...     figures of a window after the first text and 5 s:
 * NAME VALUE lines probe rest SECONDS PIDS                 the servers' alone probe idle COUNT DSN
 * holds sessions until it is killed; says "ready"
 *
 * PIDS are postmasters', with commas between. A server's time is that of the postmaster, of its
 * children that run, and of those that it has reaped. */
#include <dirent.h>
#include <libpq-fe.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/screen/term.h"

enum { COLS = 120, ROWS = 40, SETTLE_MS = 5000, PAINT_MS = 10000, SERVERS = 8 };

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

struct usage {
    pid_t parent;
    double own, reaped; /* seconds */
};

static bool usage_of(pid_t pid, struct usage *usage)
{
    char path[64], text[1024];
    unsigned long user, system;
    long reaped_user, reaped_system;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "r");
    if (!file)
        return false;
    size_t length = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[length] = '\0';
    const char *rest = strrchr(text, ')'); /* a name may hold anything */
    if (!rest || sscanf(rest, ") %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %ld %ld",
                        &usage->parent, &user, &system, &reaped_user, &reaped_system) != 5)
        return false;
    double ticks = (double)sysconf(_SC_CLK_TCK);
    usage->own = (double)(user + system) / ticks;
    usage->reaped = (double)(reaped_user + reaped_system) / ticks;
    return true;
}

static double tree_seconds(pid_t postmaster)
{
    struct usage usage;
    double sum = 0;
    DIR *processes = opendir("/proc");
    for (struct dirent *entry; processes && (entry = readdir(processes));) {
        pid_t pid = (pid_t)atoi(entry->d_name);
        if (pid > 0 && usage_of(pid, &usage) && (pid == postmaster || usage.parent == postmaster))
            sum += usage.own + usage.reaped;
    }
    if (processes)
        closedir(processes);
    return sum;
}

struct servers {
    size_t count;
    pid_t pids[SERVERS];
    double before[SERVERS], spent[SERVERS];
};

static struct servers servers_named(const char *list)
{
    struct servers servers = {0};
    for (char *end; *list && servers.count < SERVERS; list = *end ? end + 1 : end)
        servers.pids[servers.count++] = (pid_t)strtol(list, &end, 10);
    return servers;
}

static void servers_begin(struct servers *servers)
{
    for (size_t i = 0; i < servers->count; i++)
        servers->before[i] = tree_seconds(servers->pids[i]);
}

static void servers_end(struct servers *servers)
{
    for (size_t i = 0; i < servers->count; i++)
        servers->spent[i] = tree_seconds(servers->pids[i]) - servers->before[i];
}

static void print_servers(const struct servers *servers)
{
    for (size_t i = 0; i < servers->count; i++)
        printf("server_cpu_%zu %.2f\n", i + 1, servers->spent[i]);
}

/* A line of /proc/PID/FILE in kB; 0 where there is none. */
static long kilobytes(pid_t pid, const char *name, const char *line)
{
    char path[64], text[256];
    long found = 0;
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    FILE *file = fopen(path, "r");
    while (file && fgets(text, sizeof text, file))
        if (strncmp(text, line, strlen(line)) == 0)
            found = atol(text + strlen(line));
    if (file)
        fclose(file);
    return found;
}

/* The processor time as the scheduler counts it, of all threads: /proc/PID/stat has hundredths. */
static double precise_seconds(pid_t pid)
{
    clockid_t clock;
    struct timespec spent;
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &spent) != 0)
        return 0;
    return (double)spent.tv_sec + (double)spent.tv_nsec / 1e9;
}

static struct term *begin(char **argv)
{
    struct term_options options = {.argv = (const char *const *)argv, .cols = COLS, .rows = ROWS};
    return term_start(&options);
}

static bool has_text(const struct term *t, const void *arg)
{
    (void)arg;
    for (int row = 0; row < ROWS; row++)
        if (*term_row(t, row))
            return true;
    return false;
}

static bool never(const struct term *t, const void *arg)
{
    (void)t;
    (void)arg;
    return false;
}

static int paint(int times, char **argv)
{
    for (int i = 0; i < times; i++) {
        double start = now_s();
        struct term *t = begin(argv);
        bool painted = term_wait(t, has_text, NULL, PAINT_MS);
        if (painted)
            printf("%.1f\n", (now_s() - start) * 1000);
        term_free(t);
        if (!painted)
            return 1;
    }
    return 0;
}

static int watch(int seconds, const char *pids, char **argv)
{
    struct servers servers = servers_named(pids);
    struct term *t = begin(argv);
    pid_t pid = term_pid(t);
    bool runs = term_wait(t, has_text, NULL, PAINT_MS);
    term_wait(t, never, NULL, SETTLE_MS);

    servers_begin(&servers);
    double cpu = precise_seconds(pid);
    size_t bytes = term_bytes(t);
    uint64_t end = now_ms() + (uint64_t)seconds * 1000;
    while (now_ms() < end)
        term_wait(t, never, NULL, (int)(end - now_ms()) + 1);
    servers_end(&servers);

    long rss = kilobytes(pid, "status", "VmHWM:"), pss = kilobytes(pid, "smaps_rollup", "Pss:");
    runs = runs && rss > 0 && !term_exited(t, 0, NULL);
    printf("client_cpu %.3f\nrss_kb %ld\npss_kb %ld\nbytes %zu\n", precise_seconds(pid) - cpu, rss,
           pss, term_bytes(t) - bytes);
    print_servers(&servers);
    if (!runs || getenv("BENCH_DUMP"))
        term_dump(t, stderr);
    term_free(t);
    return runs ? 0 : 1;
}

static int rest(int seconds, const char *pids)
{
    struct servers servers = servers_named(pids);
    servers_begin(&servers);
    sleep((unsigned)seconds);
    servers_end(&servers);
    print_servers(&servers);
    return 0;
}

static int idle(int count, const char *dsn)
{
    for (int i = 0; i < count; i++) {
        PGconn *conn = PQconnectdb(dsn);
        if (PQstatus(conn) != CONNECTION_OK) {
            fprintf(stderr, "%s", PQerrorMessage(conn));
            return 1;
        }
        PQclear(PQexec(conn, "SELECT 1")); /* as a session of an application that once did work */
    }
    puts("ready");
    fflush(stdout);
    pause();
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 3 && strcmp(argv[1], "paint") == 0)
        return paint(atoi(argv[2]), argv + 3);
    if (argc > 4 && strcmp(argv[1], "watch") == 0)
        return watch(atoi(argv[2]), argv[3], argv + 4);
    if (argc == 4 && strcmp(argv[1], "rest") == 0)
        return rest(atoi(argv[2]), argv[3]);
    if (argc == 4 && strcmp(argv[1], "idle") == 0)
        return idle(atoi(argv[2]), argv[3]);
    fprintf(stderr, "see the head of probe.c\n");
    return 2;
}
