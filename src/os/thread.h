/* Threads, locks and futex waits. New threads start with every signal blocked. All int results are
 * 0 or an errno value. */
#ifndef MLI_OS_THREAD_H
#define MLI_OS_THREAD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

typedef pthread_mutex_t mli_os_mutex;
typedef pthread_cond_t mli_os_cond; /* waits on CLOCK_MONOTONIC */
typedef pthread_t mli_os_thread;

#define MLI_OS_MUST __attribute__((warn_unused_result))

MLI_OS_MUST int mli_os_mutex_init(mli_os_mutex *m);
void mli_os_mutex_destroy(mli_os_mutex *m);
void mli_os_mutex_lock(mli_os_mutex *m);
void mli_os_mutex_unlock(mli_os_mutex *m);
MLI_OS_MUST int mli_os_cond_init(mli_os_cond *c);
void mli_os_cond_destroy(mli_os_cond *c);
void mli_os_cond_wait(mli_os_cond *c, mli_os_mutex *m);
/* 0, or ETIMEDOUT at the absolute monotonic time. */
int mli_os_cond_wait_until(mli_os_cond *c, mli_os_mutex *m, int64_t monotonic_ns);
void mli_os_cond_signal(mli_os_cond *c);
void mli_os_cond_broadcast(mli_os_cond *c);
/* `stack_bytes` 0 = default. */
MLI_OS_MUST int mli_os_thread_start(mli_os_thread *out, size_t stack_bytes, void *(*run)(void *),
                                    void *arg);
/* Names the calling thread, at most 15 characters. Another one's name could only be written into
 * /proc, which a confined process does not have. */
void mli_os_thread_set_name(const char *name);
void mli_os_thread_join(mli_os_thread thread);
/* Process-private futex: sleep while *word == expected; wakes spuriously. timeout_ns < 0 = none. */
void mli_os_futex_wait(_Atomic uint32_t *word, uint32_t expected, int64_t timeout_ns);
void mli_os_futex_wake(_Atomic uint32_t *word, int count);
void mli_os_cpu_relax(void);
void mli_os_thread_yield(void); /* lets another thread that waits for this CPU run */
int mli_os_cpu_count(void);     /* by affinity mask, at least 1 */
int64_t mli_os_pid(void);
int64_t mli_os_tid(void);
/* A number of the calling thread, other than 0 and than that of any other living thread. No system
 * call. */
uintptr_t mli_os_thread_key(void);

#endif
