/* A disk that fails on demand and tells what was written to it: preloaded into a process by the tests of the store.
 *
 * DISK_FAILS   folder whose files fail
 * DISK_FAIL    N:ERRNO:HOW[:WHAT] - the Nth operation there fails with this error number, HOW is `once` or `ever`; only
 *              operations WHAT (open, write, truncate, sync) are counted if it is given
 * DISK_REPORT  file that gets a line for each operation that was made to fail
 * DISK_TRACED  folder whose files are traced, with what is written to standard output
 * DISK_TRACE   file of the trace
 * DISK_LIES    end of the names of files whose syncs say that they were done, and are not; `*` is for all
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES 4096

static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;
static char *paths[FILES];
static const char *fails, *traced, *lies, *what;
static long fail_at, counted;
static int fail_with, fail_ever, report = -1, trace = -1, ready;

static int (*real_open)(const char *, int, ...);
static int (*real_close)(int);
static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off64_t);
static int (*real_truncate)(int, off64_t);
static int (*real_sync)(int);
static int (*real_rename)(const char *, const char *);
static int (*real_unlink)(const char *);
static int (*real_linkat)(int, const char *, int, const char *, int);

static void start(void) {
    if (ready) return;
    ready = 1;
    real_open = dlsym(RTLD_NEXT, "open64");
    real_close = dlsym(RTLD_NEXT, "close");
    real_write = dlsym(RTLD_NEXT, "write");
    real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
    real_truncate = dlsym(RTLD_NEXT, "ftruncate64");
    real_sync = dlsym(RTLD_NEXT, "fsync");
    real_rename = dlsym(RTLD_NEXT, "rename");
    real_unlink = dlsym(RTLD_NEXT, "unlink");
    real_linkat = dlsym(RTLD_NEXT, "linkat");
    fails = getenv("DISK_FAILS");
    traced = getenv("DISK_TRACED");
    lies = getenv("DISK_LIES");
    const char *text = getenv("DISK_FAIL");
    static char how[16], only[16];
    if (text && sscanf(text, "%ld:%d:%15[a-z]:%15[a-z]", &fail_at, &fail_with, how, only) >= 3) {
        fail_ever = !strcmp(how, "ever");
        what = *only ? only : NULL;
    }
    text = getenv("DISK_REPORT");
    if (text) report = real_open(text, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    text = getenv("DISK_TRACE");
    if (text) trace = real_open(text, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static int under(const char *path, const char *folder) {
    size_t length = folder ? strlen(folder) : 0;
    return length && path && !strncmp(path, folder, length) && (path[length] == '/' || !path[length]);
}

/* An absolute path, in a buffer of the caller. */
static const char *full(const char *path, char *buffer) {
    if (*path == '/' || !getcwd(buffer, PATH_MAX)) return path;
    size_t length = strlen(buffer);
    snprintf(buffer + length, PATH_MAX - length, "/%s", path);
    return buffer;
}

static const char *path_of(int fd) { return fd >= 0 && fd < FILES ? paths[fd] : NULL; }

/* Whether this operation is to fail. */
static int failing(const char *operation, const char *path) {
    if (!fail_at || !under(path, fails) || (what && strcmp(what, operation))) return 0;
    counted++;
    if (counted != fail_at && !(fail_ever && counted > fail_at)) return 0;
    if (report >= 0) dprintf(report, "%ld %s %s\n", counted, operation, path);
    errno = fail_with;
    return 1;
}

static void put(const void *bytes, size_t length) {
    for (const char *at = bytes; length;) {
        ssize_t n = real_write(trace, at, length);
        if (n <= 0) abort();
        at += n;
        length -= n;
    }
}

/* A line of the trace, and bytes after it. */
static void tell(char operation, const char *path, long long number, const void *bytes, size_t length) {
    if (trace < 0 || !(operation == 'M' || under(path, traced))) return;
    char line[PATH_MAX + 64];
    int n = snprintf(line, sizeof line, "%c %lld %zu %s\n", operation, number, length, path);
    put(line, n);
    if (length) put(bytes, length);
}

static int open_file(const char *path, int flags, mode_t mode) {
    start();
    char buffer[PATH_MAX];
    const char *name = full(path, buffer);
    if (!under(name, fails) && !under(name, traced)) return real_open(path, flags, mode);
    pthread_mutex_lock(&guard);
    struct stat known;
    int fd = -1, fresh = (flags & O_CREAT) && stat(name, &known);
    if (!failing("open", name)) fd = real_open(path, flags, mode);
    if (fd >= 0 && fd < FILES) {
        free(paths[fd]);
        paths[fd] = strdup(name);
        if (fresh) tell('C', name, 0, NULL, 0);
        if (flags & O_TRUNC) tell('T', name, 0, NULL, 0);
    }
    int error = errno;
    pthread_mutex_unlock(&guard);
    errno = error;
    return fd;
}

#define OPEN(name)                                                 \
    int name(const char *path, int flags, ...) {                   \
        va_list rest;                                              \
        va_start(rest, flags);                                     \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
        va_end(rest);                                              \
        return open_file(path, flags, mode);                       \
    }
OPEN(open)
OPEN(open64)

int close(int fd) {
    start();
    pthread_mutex_lock(&guard);
    if (fd >= 0 && fd < FILES) {
        free(paths[fd]);
        paths[fd] = NULL;
    }
    int result = real_close(fd);
    pthread_mutex_unlock(&guard);
    return result;
}

/* `at` is -1 for the place where the file stands. */
static ssize_t write_at(int fd, const void *bytes, size_t length, off64_t at) {
    start();
    pthread_mutex_lock(&guard);
    const char *path = path_of(fd);
    ssize_t result;
    if (!path) {
        result = at < 0 ? real_write(fd, bytes, length) : real_pwrite(fd, bytes, length, at);
        if (fd == 1 && result > 0) tell('M', "", 0, bytes, result);
    } else {
        off64_t place = at < 0 ? lseek64(fd, 0, SEEK_CUR) : at;
        int fail = failing("write", path), error = errno;
        /* A write that fails has often been done in part. */
        size_t part = fail ? length / 2 : length;
        result = real_pwrite(fd, bytes, part, place);
        if (result > 0) tell('W', path, place, bytes, result);
        if (fail) {
            result = -1;
            errno = error;
        } else if (at < 0 && result > 0) {
            lseek64(fd, place + result, SEEK_SET);
        }
    }
    int error = errno;
    pthread_mutex_unlock(&guard);
    errno = error;
    return result;
}

ssize_t write(int fd, const void *bytes, size_t length) { return write_at(fd, bytes, length, -1); }
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) { return write_at(fd, bytes, length, at); }
ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at) { return write_at(fd, bytes, length, at); }

static int truncate_to(int fd, off64_t size) {
    start();
    pthread_mutex_lock(&guard);
    const char *path = path_of(fd);
    int result = path && failing("truncate", path) ? -1 : real_truncate(fd, size);
    if (path && !result) tell('T', path, size, NULL, 0);
    int error = errno;
    pthread_mutex_unlock(&guard);
    errno = error;
    return result;
}

int ftruncate(int fd, off_t size) { return truncate_to(fd, size); }
int ftruncate64(int fd, off64_t size) { return truncate_to(fd, size); }

static int lying(const char *path) {
    if (!lies) return 0;
    size_t length = strlen(lies), all = strlen(path);
    return !strcmp(lies, "*") || (all >= length && !strcmp(path + all - length, lies));
}

int fsync(int fd) {
    start();
    pthread_mutex_lock(&guard);
    const char *path = path_of(fd);
    int fail = path && failing("sync", path), error = errno;
    /* After a sync that failed the system takes the pages for clean: what they held is on no disk, and never will be. */
    int result = fail ? -1 : 0;
    if (path && !lying(path)) tell(fail ? 'F' : 'S', path, 0, NULL, 0);
    /* Nobody cuts the power of this machine: what counts is the trace. */
    if (!path) {
        result = real_sync(fd);
        error = errno;
    }
    pthread_mutex_unlock(&guard);
    errno = error;
    return result;
}

int fdatasync(int fd) { return fsync(fd); }

static void tell_two(char operation, const char *from, const char *to) {
    char one[PATH_MAX], two[PATH_MAX];
    to = full(to, two);
    tell(operation, full(from, one), 0, to, strlen(to));
}

int rename(const char *from, const char *to) {
    start();
    pthread_mutex_lock(&guard);
    int result = real_rename(from, to);
    if (!result) tell_two('R', from, to);
    pthread_mutex_unlock(&guard);
    return result;
}

int linkat(int one, const char *from, int two, const char *to, int flags) {
    start();
    pthread_mutex_lock(&guard);
    int result = real_linkat(one, from, two, to, flags);
    if (!result) tell_two('L', from, to);
    pthread_mutex_unlock(&guard);
    return result;
}

int unlink(const char *path) {
    start();
    char buffer[PATH_MAX];
    pthread_mutex_lock(&guard);
    int result = real_unlink(path);
    if (!result) tell('U', full(path, buffer), 0, NULL, 0);
    pthread_mutex_unlock(&guard);
    return result;
}
