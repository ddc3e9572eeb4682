/* Inject one fault into a process: loaded with LD_PRELOAD, armed through ctypes (see tests/faults/laboratory.py).

   Calls of the C library that touch a path below `root` are counted if their kind is in `kinds` and the path below
   `root` matches `where`. The `nth` of them gets the fault. With a trace every call below `root` is written down. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { CREATE = 1, READ = 2, WRITE = 4, SYNC = 8, RENAME = 16, LINK = 32, FOLDER = 64, REMOVE = 128, MODE = 256, TRUNCATE = 512 };
enum { NONE, FAIL_ONCE, FAIL_FROM_THEN_ON, CUT, KILL_BEFORE, KILL_AFTER, CLOCK, STOP };

static char root[PATH_MAX], where[PATH_MAX];
static size_t root_length;
static int kinds, action, error_number, trace = -1;
static long nth, jump;
static atomic_long seen, offset;

void faults_trace(const char *below, const char *file) {
    strcpy(root, below);
    trace = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    root_length = strlen(root);
}

void faults_arm(const char *below, int of_kinds, const char *pattern, long at, int what, int error, long seconds) {
    strcpy(root, below), strcpy(where, pattern);
    kinds = of_kinds, nth = at, action = what, error_number = error, jump = seconds;
    root_length = strlen(root);
}

void faults_disarm(void) { root_length = 0; }

/* Returns how many calls matched. From `nth` on the fault was injected. */
long faults_seen(void) { return atomic_load(&seen); }

static const char *named(int folder, const char *path, char *buffer) {
    char link[64];
    ssize_t length = 0;
    if (path && path[0] == '/') return path;
    if (folder == AT_FDCWD) {
        if (!getcwd(buffer, PATH_MAX)) return "";
        length = strlen(buffer);
    } else {
        snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
        length = syscall(SYS_readlinkat, AT_FDCWD, link, buffer, PATH_MAX - 1);
        if (length < 0) return "";
    }
    buffer[length] = 0;
    if (path) snprintf(buffer + length, PATH_MAX - length, "/%s", path);
    return buffer;
}

static void die(void) {
    syscall(SYS_kill, getpid(), SIGKILL);
    for (;;) pause();
}

/* Returns NONE, or what to do with this call. */
static int decide(int kind, int folder, const char *path) {
    char buffer[PATH_MAX];
    int before = errno;
    if (!root_length) return NONE;
    const char *name = named(folder, path, buffer);
    errno = before;
    if (strncmp(name, root, root_length) || name[root_length] != '/') return NONE;
    name += root_length + 1;
    if (trace >= 0) {
        char line[PATH_MAX + 16];
        int length = snprintf(line, sizeof line, "%d %s\n", kind, name);
        syscall(SYS_write, trace, line, length);
        return NONE;
    }
    if (!action || !(kinds & kind) || fnmatch(where, name, 0)) return NONE;
    long now = atomic_fetch_add(&seen, 1) + 1;
    if (now < nth || (now > nth && action != FAIL_FROM_THEN_ON && action != CUT)) return NONE;
    if (action == CUT && now > nth) return FAIL_FROM_THEN_ON;
    if (action == KILL_BEFORE) die();
    if (action == STOP) { syscall(SYS_kill, getpid(), SIGSTOP); return NONE; }
    if (action == CLOCK) { atomic_store(&offset, jump); return NONE; }
    return action;
}

#define REAL(name) static __typeof__(&name) real; if (!real) real = dlsym(RTLD_NEXT, #name)
#define AROUND(kind, folder, path, call) \
    int what = decide(kind, folder, path); \
    if (what == FAIL_ONCE || what == FAIL_FROM_THEN_ON || what == CUT) { errno = error_number; return -1; } \
    __typeof__(call) done = call; \
    if (what == KILL_AFTER) die(); \
    return done;
#define WRITING(fd, size, call, half) \
    int what = decide(WRITE, fd, NULL); \
    if (what == FAIL_ONCE || what == FAIL_FROM_THEN_ON) { errno = error_number; return -1; } \
    if (what == CUT && (size) > 1) return half; \
    if (what == CUT) { errno = error_number; return -1; } \
    ssize_t done = call; \
    if (what == KILL_AFTER) die(); \
    return done;

ssize_t write(int fd, const void *from, size_t size) {
    REAL(write); WRITING(fd, size, real(fd, from, size), real(fd, from, size / 2)) }
ssize_t pwrite(int fd, const void *from, size_t size, off_t at) {
    REAL(pwrite); WRITING(fd, size, real(fd, from, size, at), real(fd, from, size / 2, at)) }
ssize_t pwrite64(int fd, const void *from, size_t size, off64_t at) {
    REAL(pwrite64); WRITING(fd, size, real(fd, from, size, at), real(fd, from, size / 2, at)) }
ssize_t sendfile(int to, int fd, off_t *at, size_t size) {
    REAL(sendfile); WRITING(to, size, real(to, fd, at, size), real(to, fd, at, size / 2)) }
ssize_t sendfile64(int to, int fd, off64_t *at, size_t size) {
    REAL(sendfile64); WRITING(to, size, real(to, fd, at, size), real(to, fd, at, size / 2)) }
ssize_t copy_file_range(int fd, off64_t *at, int to, off64_t *there, size_t size, unsigned int flags) {
    REAL(copy_file_range);
    WRITING(to, size, real(fd, at, to, there, size, flags), real(fd, at, to, there, size / 2, flags)) }
int ftruncate(int fd, off_t size) { REAL(ftruncate); AROUND(TRUNCATE, fd, NULL, real(fd, size)) }
int ftruncate64(int fd, off64_t size) { REAL(ftruncate64); AROUND(TRUNCATE, fd, NULL, real(fd, size)) }

ssize_t read(int fd, void *to, size_t size) { REAL(read); AROUND(READ, fd, NULL, real(fd, to, size)) }
ssize_t pread(int fd, void *to, size_t size, off_t at) { REAL(pread); AROUND(READ, fd, NULL, real(fd, to, size, at)) }
ssize_t pread64(int fd, void *to, size_t size, off64_t at) {
    REAL(pread64); AROUND(READ, fd, NULL, real(fd, to, size, at)) }

int fsync(int fd) { REAL(fsync); AROUND(SYNC, fd, NULL, real(fd)) }
int fdatasync(int fd) { REAL(fdatasync); AROUND(SYNC, fd, NULL, real(fd)) }

#define OPENING(folder, path, call) \
    mode_t mode = 0; \
    if (flags & (O_CREAT | O_TMPFILE)) { va_list rest; va_start(rest, flags); mode = va_arg(rest, mode_t); va_end(rest); } \
    if (!(flags & O_CREAT)) return call; \
    AROUND(CREATE, folder, path, call)
int open(const char *path, int flags, ...) { REAL(open); OPENING(AT_FDCWD, path, real(path, flags, mode)) }
int open64(const char *path, int flags, ...) { REAL(open64); OPENING(AT_FDCWD, path, real(path, flags, mode)) }
int openat(int folder, const char *path, int flags, ...) {
    REAL(openat); OPENING(folder, path, real(folder, path, flags, mode)) }
int openat64(int folder, const char *path, int flags, ...) {
    REAL(openat64); OPENING(folder, path, real(folder, path, flags, mode)) }

int rename(const char *from, const char *to) { REAL(rename); AROUND(RENAME, AT_FDCWD, to, real(from, to)) }
int renameat(int a, const char *from, int b, const char *to) {
    REAL(renameat); AROUND(RENAME, b, to, real(a, from, b, to)) }
int link(const char *from, const char *to) { REAL(link); AROUND(LINK, AT_FDCWD, to, real(from, to)) }
int linkat(int a, const char *from, int b, const char *to, int flags) {
    REAL(linkat); AROUND(LINK, b, to, real(a, from, b, to, flags)) }
int symlink(const char *text, const char *to) { REAL(symlink); AROUND(LINK, AT_FDCWD, to, real(text, to)) }
int symlinkat(const char *text, int folder, const char *to) {
    REAL(symlinkat); AROUND(LINK, folder, to, real(text, folder, to)) }
int mkdir(const char *path, mode_t mode) { REAL(mkdir); AROUND(FOLDER, AT_FDCWD, path, real(path, mode)) }
int mkdirat(int folder, const char *path, mode_t mode) {
    REAL(mkdirat); AROUND(FOLDER, folder, path, real(folder, path, mode)) }
int unlink(const char *path) { REAL(unlink); AROUND(REMOVE, AT_FDCWD, path, real(path)) }
int unlinkat(int folder, const char *path, int flags) {
    REAL(unlinkat); AROUND(REMOVE, folder, path, real(folder, path, flags)) }
int rmdir(const char *path) { REAL(rmdir); AROUND(REMOVE, AT_FDCWD, path, real(path)) }
int chmod(const char *path, mode_t mode) { REAL(chmod); AROUND(MODE, AT_FDCWD, path, real(path, mode)) }
int fchmod(int fd, mode_t mode) { REAL(fchmod); AROUND(MODE, fd, NULL, real(fd, mode)) }
int fchmodat(int folder, const char *path, mode_t mode, int flags) {
    REAL(fchmodat); AROUND(MODE, folder, path, real(folder, path, mode, flags)) }

int clock_gettime(clockid_t clock, struct timespec *now) {
    REAL(clock_gettime);
    int done = real(clock, now);
    if (!done && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += atomic_load(&offset);
    return done;
}
int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    REAL(gettimeofday);
    int done = real(now, zone);
    if (!done) now->tv_sec += atomic_load(&offset);
    return done;
}
time_t time(time_t *into) {
    REAL(time);
    time_t now = real(NULL) + atomic_load(&offset);
    if (into) *into = now;
    return now;
}
