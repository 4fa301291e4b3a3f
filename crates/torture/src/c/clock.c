/*
 * Preloaded into the server: its clock shows what TORTURE_CLOCK says (seconds since 1970) when it starts, and goes on from
 * there. Time that only passes is left alone.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static time_t ahead;

__attribute__((constructor)) static void set(void) {
    const char *start = getenv("TORTURE_CLOCK");
    struct timespec now;
    if (start != NULL && syscall(SYS_clock_gettime, CLOCK_REALTIME, &now) == 0)
        ahead = (time_t)strtoll(start, NULL, 10) - now.tv_sec;
}

int clock_gettime(clockid_t clock, struct timespec *at) {
    int done = (int)syscall(SYS_clock_gettime, clock, at);
    if (done == 0 && clock == CLOCK_REALTIME) at->tv_sec += ahead;
    return done;
}
