/* The bell of a lab: a small file beside its database that every process of the lab maps. Who has
 * committed events of a run rings, who follows the run sleeps until then. A hint: what was rung for
 * stands in the store, and a process that dies between its commit and the bell rings for nobody, so
 * that followers look by themselves now and then all the same. */
#ifndef MLI_STORE_BELL_H
#define MLI_STORE_BELL_H

#include "os/file.h"
#include "os/words.h"
#include <stdbool.h>

/* Runs share a word by a hash of their id, so that followers of one are rarely woken for others. */
enum { MLI_BELL_WORDS = 1024, MLI_BELL_SET = MLI_BELL_WORDS / 64 };

typedef struct mli_bell {
    const mli_os_words *words;
    _Atomic uint32_t *marks; /* NULL = there is none: who waits looks */
    bool read_only;          /* mapped so: can be waited for, not rung */
} mli_bell;

/* Words to ring for, collected during a transaction. */
typedef struct mli_bell_set {
    uint64_t bits[MLI_BELL_SET];
    bool any;
} mli_bell_set;

/* 0 or -errno; then there is no bell. `files` are the system's. */
__attribute__((warn_unused_result)) int mli_bell_open(mli_bell *bell, const mli_os_files *files,
                                                      const mli_os_words *words, const char *path,
                                                      bool read_only);
void mli_bell_close(mli_bell *bell);

void mli_bell_note(mli_bell_set *set, const char *run_id);
/* Rings for all of the set and empties it. `bell` NULL: only empties it. */
void mli_bell_ring(mli_bell *bell, mli_bell_set *set);

/* To be taken before the store is looked at: what is rung for after that ends the waiting. */
uint32_t mli_bell_mark(const mli_bell *bell, const char *run_id);
/* As mli_os_words.wait; -ENOSYS when there is no bell. */
int mli_bell_wait(const mli_bell *bell, const char *run_id, uint32_t mark,
                  const _Atomic uint32_t *other, int64_t timeout_ns);

#endif
