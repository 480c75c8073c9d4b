#include "core/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/mem.h"

struct waiter {
    journal_done *done;
    void *arg;
};

/* Records that are written and synced together. */
struct batch {
    struct str text;
    struct waiter *waiters;
    size_t count;
};

/* One batch flies, in libuv's pool; what is appended meanwhile goes with the next one. The mutex is
 * held while a batch is being written, so that journal_close() can wait for it. */
struct journal {
    uv_loop_t *loop;
    uv_work_t work;
    uv_mutex_t mutex;
    int fd;
    char *path;
    char *run;
    json_t *records;
    json_int_t seq;
    struct batch next;
    struct batch flying;
    bool busy;   /* a batch flies, or its callbacks are being called */
    bool closed; /* only waits for its work to come back */
    int failure; /* errno of the batch that flew */
    char *error;
};

char *journal_file(const char *dir, const char *run)
{
    return xprintf("%s/%s.jsonl", dir, run);
}

static char *read_all(int fd, size_t *length)
{
    struct str text = {0};
    char buffer[65536];
    ssize_t got;
    while ((got = read(fd, buffer, sizeof buffer)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            str_free(&text);
            return NULL;
        }
        str_add_n(&text, buffer, (size_t)got);
    }
    *length = text.length;
    return str_take(&text);
}

/* The records of all whole lines; `*whole` is where a torn last line begins. */
static json_t *parse(const char *path, const char *text, size_t length, size_t *whole,
                     struct err *err)
{
    json_t *records = json_array();
    const char *line = text;
    const char *end;
    for (int number = 1; (end = memchr(line, '\n', length - (size_t)(line - text))); number++) {
        json_t *record = json_loadb(line, (size_t)(end - line), 0, NULL);
        if (!json_is_object(record)) {
            err_set(err, "%s:%d: this is not a record of a journal; move the file aside to keep it",
                    path, number);
            json_decref(record);
            json_decref(records);
            return NULL;
        }
        json_array_append_new(records, record);
        line = end + 1;
    }
    *whole = (size_t)(line - text);
    return records;
}

static bool is_regular(int fd, const char *path, struct err *err)
{
    struct stat is;
    if (fstat(fd, &is) != 0)
        return err_set(err, "%s: %s", path, strerror(errno));
    if (!S_ISREG(is.st_mode))
        return err_set(err, "%s: not a regular file; a journal is one", path);
    return true;
}

static json_t *read_fd(int fd, const char *path, char **text, size_t *length, size_t *whole,
                       struct err *err)
{
    *text = NULL;
    if (!is_regular(fd, path, err))
        return NULL;
    *text = read_all(fd, length);
    if (!*text) {
        err_set(err, "%s: can't be read: %s", path, strerror(errno));
        return NULL;
    }
    return parse(path, *text, *length, whole, err);
}

json_t *journal_read(const char *path, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        err_set(err, "%s: can't be read: %s", path, strerror(errno));
        return NULL;
    }
    char *text;
    size_t length = 0, whole = 0;
    json_t *records = read_fd(fd, path, &text, &length, &whole, err);
    free(text);
    close(fd);
    return records;
}

/* A name is on the disk once its directory is. */
static bool sync_dir(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool synced = fd >= 0 && (fsync(fd) == 0 || errno == EINVAL);
    if (fd >= 0)
        close(fd);
    return synced;
}

static bool make_dir(const char *dir)
{
    const char *slash = strrchr(dir, '/');
    char *parent = slash ? xstrndup(dir, slash == dir ? 1 : (size_t)(slash - dir)) : xstrdup(".");
    bool made = mkdir(dir, 0700) == 0;
    if (!made && errno == ENOENT && slash && slash != dir && make_dir(parent))
        made = mkdir(dir, 0700) == 0;
    bool there = made ? sync_dir(parent) : errno == EEXIST;
    free(parent);
    return there;
}

/* The last record that says who began to drive. */
static const char *last_driver(const json_t *records)
{
    for (size_t i = json_array_size(records); i-- > 0;) {
        const json_t *record = json_array_get(records, i);
        const char *type = json_string_value(json_object_get(record, "type"));
        if (type && strcmp(type, "start") == 0)
            return json_string_value(json_object_get(record, "who"));
    }
    return NULL;
}

static bool say_who_holds(int fd, const char *path, struct err *err)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    bool known = fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
    json_t *records = journal_read(path, NULL);
    const char *who = last_driver(records);
    if (known)
        err_set(err, "%s: process %ld%s%s writes it; watch instead, or end that console", path,
                (long)lock.l_pid, who ? " of " : "", who ? who : "");
    else
        err_set(err, "%s: another process%s%s writes it; watch instead, or end that console", path,
                who ? " of " : "", who ? who : "");
    json_decref(records);
    return false;
}

/* flock() is what excludes: unlike a lock of fcntl(), it isn't lost as some other part of the
 * process closes the same file. The other one is only there to tell who holds it. */
static bool take_lock(int fd, const char *path, struct err *err)
{
    if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        return errno == EWOULDBLOCK ? say_who_holds(fd, path, err)
                                    : err_set(err,
                                              "%s: can't be locked: %s; put the journal on a "
                                              "local disk",
                                              path, strerror(errno));
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    (void)fcntl(fd, F_SETLK, &lock);
    return true;
}

static int open_file(const char *dir, const char *path, struct err *err)
{
    if (!make_dir(dir)) {
        err_set(err, "%s: the journal's directory can't be made: %s", dir, strerror(errno));
        return -1;
    }
    int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0600);
    if (fd < 0 || !sync_dir(dir)) {
        err_set(err, "%s: the journal can't be opened: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return -1;
    }
    if (!is_regular(fd, path, err) || !take_lock(fd, path, err)) {
        close(fd);
        return -1;
    }
    return fd;
}

static bool all_of_run(const json_t *records, const char *path, const char *run, struct err *err)
{
    size_t i;
    const json_t *record;
    json_array_foreach(records, i, record)
    {
        const char *of = json_string_value(json_object_get(record, "run"));
        if (!of || strcmp(of, run) != 0)
            return err_set(err, "%s:%zu: of the run %s, not %s; give this run another name", path,
                           i + 1, of ? of : "(none)", run);
    }
    return true;
}

/* What was torn was never announced as written, so nothing was done on its account: it is cut off,
 * and kept in a note. */
static bool close_off(struct journal *journal, const char *torn, size_t whole, struct err *err)
{
    if (ftruncate(journal->fd, (off_t)whole) != 0)
        return err_set(err, "%s: its torn last line can't be cut off: %s", journal->path,
                       strerror(errno));
    json_t *note = json_pack("{s:s, s:s, s:o}", "type", "note", "detail",
                             "the last line was torn when the console before this one ended",
                             "text", journal_text(torn));
    journal_append(journal, note, NULL, NULL);
    return true;
}

static void journal_destroy(struct journal *journal)
{
    if (journal->fd >= 0)
        close(journal->fd);
    uv_mutex_destroy(&journal->mutex);
    json_decref(journal->records);
    str_free(&journal->next.text);
    str_free(&journal->flying.text);
    free(journal->next.waiters);
    free(journal->flying.waiters);
    free(journal->path);
    free(journal->run);
    free(journal->error);
    free(journal);
}

static bool take_over(struct journal *journal, struct err *err)
{
    char *text;
    size_t length = 0, whole = 0;
    journal->records = read_fd(journal->fd, journal->path, &text, &length, &whole, err);
    bool ok = journal->records && all_of_run(journal->records, journal->path, journal->run, err);
    if (ok) {
        size_t count = json_array_size(journal->records);
        const json_t *last = count ? json_array_get(journal->records, count - 1) : NULL;
        journal->seq = json_integer_value(json_object_get(last, "seq"));
        ok = whole == length || close_off(journal, text + whole, whole, err);
    }
    free(text);
    return ok;
}

struct journal *journal_open(uv_loop_t *loop, const char *dir, const char *run, struct err *err)
{
    struct journal *journal = xcalloc(1, sizeof *journal);
    journal->loop = loop;
    journal->work.data = journal;
    journal->path = journal_file(dir, run);
    journal->run = xstrdup(run);
    if (uv_mutex_init(&journal->mutex) != 0)
        die("no mutex for the journal");
    journal->fd = open_file(dir, journal->path, err);
    if (journal->fd < 0 || !take_over(journal, err)) {
        journal_destroy(journal);
        return NULL;
    }
    return journal;
}

/* errno, or 0 once all of it is on the disk. Empties the text. */
static int write_out(int fd, struct str *text)
{
    size_t written = 0;
    int failure = 0;
    while (written < text->length && !failure) {
        ssize_t got = write(fd, text->text + written, text->length - written);
        if (got >= 0)
            written += (size_t)got;
        else if (errno != EINTR)
            failure = errno;
    }
    if (text->length && !failure && fdatasync(fd) != 0)
        failure = errno;
    str_clear(text);
    return failure;
}

/* In a thread of the pool. */
static void commit(uv_work_t *work)
{
    struct journal *journal = work->data;
    uv_mutex_lock(&journal->mutex);
    journal->failure = write_out(journal->fd, &journal->flying.text);
    uv_mutex_unlock(&journal->mutex);
}

static void committed(uv_work_t *work, int status);

static void flush(struct journal *journal)
{
    if (journal->busy || !(journal->next.text.length || journal->next.count))
        return;
    struct batch empty = journal->flying;
    journal->flying = journal->next;
    journal->next = empty;
    /* After a failure a batch flies without its text, only to tell those who wait from the loop. */
    if (journal->error)
        str_clear(&journal->flying.text);
    journal->busy = true;
    if (uv_queue_work(journal->loop, &journal->work, commit, committed) != 0)
        die("libuv has no work for the journal");
}

static void committed(uv_work_t *work, int status)
{
    (void)status; /* it is never cancelled */
    struct journal *journal = work->data;
    if (journal->failure && !journal->error)
        journal->error =
            xprintf("%s can't be written: %s; nothing is run any more. Make room, then "
                    "start the console again",
                    journal->path, strerror(journal->failure));
    /* Still busy: who is told may append, or close. */
    for (size_t i = 0; i < journal->flying.count && !journal->closed; i++) {
        struct waiter *waiter = &journal->flying.waiters[i];
        waiter->done(!journal->error, journal->error, waiter->arg);
    }
    if (journal->closed) {
        journal_destroy(journal);
        return;
    }
    journal->flying.count = 0;
    journal->busy = false;
    flush(journal);
}

static json_t *now(void)
{
    struct timespec at;
    struct tm utc;
    char text[32];
    clock_gettime(CLOCK_REALTIME, &at);
    gmtime_r(&at.tv_sec, &utc);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
    return json_sprintf("%s.%03ldZ", text, at.tv_nsec / 1000000);
}

/* The record with what each has, in front for those who read the file; NULL where it can't be
 * written as JSON. */
static char *stamp(struct journal *journal, json_t *record)
{
    if (!json_is_object(record)) {
        json_decref(record);
        return NULL;
    }
    json_t *whole =
        json_pack("{s:o, s:s, s:I}", "at", now(), "run", journal->run, "seq", journal->seq + 1);
    json_object_update_missing(whole, record);
    json_decref(record);
    char *line = json_dumps(whole, JSON_COMPACT);
    if (line) {
        journal->seq++;
        json_array_append(journal->records, whole);
    }
    json_decref(whole);
    return line;
}

void journal_append(struct journal *journal, json_t *record, journal_done *done, void *arg)
{
    char *line = stamp(journal, record);
    if (line) {
        str_add(&journal->next.text, line);
        str_char(&journal->next.text, '\n');
    } else if (!journal->error) {
        journal->error = xprintf("%s: a record is not JSON; nothing is run any more. This is a "
                                 "mistake in pgcutover: report it",
                                 journal->path);
    }
    free(line);
    if (done) {
        struct batch *next = &journal->next;
        struct waiter *waiter = grow(&next->waiters, next->count, sizeof *waiter);
        *waiter = (struct waiter){.done = done, .arg = arg};
        next->count++;
    }
    flush(journal);
}

void journal_close(struct journal *journal)
{
    if (!journal)
        return;
    uv_mutex_lock(&journal->mutex);
    if (!journal->error && !write_out(journal->fd, &journal->flying.text))
        (void)write_out(journal->fd, &journal->next.text);
    close(journal->fd);
    journal->fd = -1;
    uv_mutex_unlock(&journal->mutex);
    journal->closed = true;
    if (!journal->busy)
        journal_destroy(journal);
}

json_t *journal_text(const char *text)
{
    json_t *string = text ? json_string(text) : json_null();
    if (string)
        return string;
    struct str escaped = {0};
    while (*text) {
        /* A character is the shortest piece that jansson takes for UTF-8. */
        size_t length = 1;
        json_t *piece = NULL;
        while (length <= 4 && text[length - 1] && !(piece = json_stringn(text, length)))
            length++;
        if (piece)
            str_add_n(&escaped, text, length);
        else
            str_printf(&escaped, "\\x%02x", (unsigned char)*text);
        text += piece ? length : 1;
        json_decref(piece);
    }
    string = json_string(str_text(&escaped));
    str_free(&escaped);
    return string;
}

const char *journal_error(const struct journal *journal)
{
    return journal->error;
}

const char *journal_path(const struct journal *journal)
{
    return journal->path;
}

size_t journal_count(const struct journal *journal)
{
    return json_array_size(journal->records);
}

const json_t *journal_record(const struct journal *journal, size_t index)
{
    return json_array_get(journal->records, index);
}
