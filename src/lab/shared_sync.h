/* One sync of a folder for all threads that wait for it: the folder of all runs is everybody's. */
#ifndef MLI_LAB_SHARED_SYNC_H
#define MLI_LAB_SHARED_SYNC_H

#include "os/file.h"
#include "os/thread.h"
#include <stdbool.h>

typedef struct mli_shared_sync {
    mli_os_mutex mutex; /* guards the rest */
    mli_os_cond turn;
    int64_t begun, ended; /* syncs, counted; one at a time */
    int64_t failed;       /* the last one that failed, 0 = none */
    int failure;          /* its -errno */
    bool open;
} mli_shared_sync;

/* 0 or an errno value. */
__attribute__((warn_unused_result)) int mli_shared_sync_open(mli_shared_sync *sync);
void mli_shared_sync_close(mli_shared_sync *sync);
/* Returns when a sync that began after this call has ended. 0 or -errno. */
MLI_OS_MUST_USE int mli_shared_sync_do(mli_shared_sync *sync, const mli_os_files *files,
                                       const char *folder);

#endif
