/* Waiting until a word in memory changes, also one that several processes map from the same file:
 * whoever changes it wakes those that wait, and nobody looks again and again. */
#ifndef MLI_OS_WORDS_H
#define MLI_OS_WORDS_H

#include <stdatomic.h>
#include <stdint.h>

/* As a table, so that a test can count the waits, and stand in for a system without them. */
typedef struct mli_os_words {
    void *user;
    /* Sleeps while *word is `seen` and *other is 0 (other NULL = not looked at), at most timeout_ns
     * (-1 = without end). 0: look again (a change, a signal, or for no reason); -ETIMEDOUT;
     * -ENOSYS: this system cannot wait so. The word may lie in memory that can only be read. */
    int (*wait)(void *user, const _Atomic uint32_t *word, uint32_t seen,
                const _Atomic uint32_t *other, int64_t timeout_ns);
    /* Wakes all that wait for this word, in any process. Async-signal-safe; keeps errno. */
    void (*wake)(void *user, const _Atomic uint32_t *word);
} mli_os_words;

extern const mli_os_words mli_os_system_words;

#endif
