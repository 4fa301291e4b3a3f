/*
 * Preloaded into the server: calls on files below one folder fail, or lie, as the variables say.
 *
 *   TORTURE_FOLDER  the folder
 *   TORTURE_CALL    which calls: write, sync, truncate
 *   TORTURE_FIRST   number of the first call that is struck, from 1
 *   TORTURE_LAST    number of the last one
 *   TORTURE_ERROR   what it fails with; 0 reports success and does nothing
 *   TORTURE_NOTE    file that gets two numbers: calls so far, calls struck
 *
 * Syncs of folders are left alone: SQLite takes no notice when one fails, by its own decision.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t numbers[2];
static int note = -1;

static uint64_t number(const char *name) {
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : 0;
}

static int is_below(int file) {
    const char *folder = getenv("TORTURE_FOLDER");
    char link[64], path[PATH_MAX + 1];
    struct stat kind;
    if (!folder || fstat(file, &kind) != 0 || S_ISDIR(kind.st_mode))
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, PATH_MAX);
    if (length <= 0)
        return 0;
    path[length] = 0;
    return strncmp(path, folder, strlen(folder)) == 0;
}

/* Is this call struck? Then *result and errno are what the caller sees. `done` is what success would be. */
static int struck(const char *call, int file, ssize_t done, ssize_t *result) {
    const char *wanted = getenv("TORTURE_CALL");
    if (!wanted || strcmp(wanted, call) != 0 || !is_below(file))
        return 0;
    pthread_mutex_lock(&lock);
    uint64_t count = ++numbers[0];
    int strike = count >= number("TORTURE_FIRST") && count <= number("TORTURE_LAST");
    numbers[1] += strike;
    const char *path = getenv("TORTURE_NOTE");
    if (note < 0 && path)
        note = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (note >= 0)
        syscall(SYS_pwrite64, note, numbers, sizeof numbers, 0);
    pthread_mutex_unlock(&lock);
    if (!strike)
        return 0;
    int error = (int)number("TORTURE_ERROR");
    *result = error ? -1 : done;
    if (error)
        errno = error;
    return 1;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int file, const void *bytes, size_t count) {
    ssize_t result;
    return struck("write", file, (ssize_t)count, &result) ? result : REAL(write)(file, bytes, count);
}

ssize_t pwrite(int file, const void *bytes, size_t count, off_t at) {
    ssize_t result;
    return struck("write", file, (ssize_t)count, &result) ? result : REAL(pwrite)(file, bytes, count, at);
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t at) {
    ssize_t result;
    return struck("write", file, (ssize_t)count, &result) ? result : REAL(pwrite64)(file, bytes, count, at);
}

ssize_t writev(int file, const struct iovec *parts, int count) {
    ssize_t result, all = 0;
    for (int part = 0; part < count; part++)
        all += (ssize_t)parts[part].iov_len;
    return struck("write", file, all, &result) ? result : REAL(writev)(file, parts, count);
}

int fsync(int file) {
    ssize_t result;
    return struck("sync", file, 0, &result) ? (int)result : REAL(fsync)(file);
}

int fdatasync(int file) {
    ssize_t result;
    return struck("sync", file, 0, &result) ? (int)result : REAL(fdatasync)(file);
}

int ftruncate(int file, off_t length) {
    ssize_t result;
    return struck("truncate", file, 0, &result) ? (int)result : REAL(ftruncate)(file, length);
}

int ftruncate64(int file, off64_t length) {
    ssize_t result;
    return struck("truncate", file, 0, &result) ? (int)result : REAL(ftruncate64)(file, length);
}
