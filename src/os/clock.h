/* Clocks and randomness as tables, so that tests run on virtual time and replay. */
#ifndef MLI_OS_CLOCK_H
#define MLI_OS_CLOCK_H

#include <stddef.h>
#include <stdint.h>

typedef struct mli_os_clock {
    void *user;
    int64_t (*realtime_ns)(void *user);      /* since 1970 UTC */
    int64_t (*monotonic_ns)(void *user);     /* CLOCK_MONOTONIC */
    int (*sleep_ns)(void *user, int64_t ns); /* 0, or EINTR */
} mli_os_clock;

typedef struct mli_os_random {
    void *user;
    int (*fill)(void *user, void *out, size_t bytes); /* 0 or errno */
} mli_os_random;

extern const mli_os_clock mli_os_system_clock;
extern const mli_os_random mli_os_system_random; /* getrandom(2) */

int64_t mli_os_thread_cpu_ns(void);  /* CLOCK_THREAD_CPUTIME_ID */
int64_t mli_os_process_cpu_ns(void); /* CLOCK_PROCESS_CPUTIME_ID */
/* "00" to "99", for all who write digits two at a time. */
extern const char mli_os_digit_pairs[200];
/* "2026-01-02T03:04:05.678901Z" + NUL; years 0000..9999. */
void mli_os_format_utc(int64_t realtime_ns, char out[28]);
/* -1 when the text is not of that form (fraction of 0..9 digits accepted). */
int64_t mli_os_parse_utc(const char *text);

#endif
