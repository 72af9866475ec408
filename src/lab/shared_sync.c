/* Whoever comes while a sync is under way waits for the next one, together with the others: the one
 * under way may have begun before his entry was made. */
#include "lab/shared_sync.h"

#include <string.h>

int mli_shared_sync_open(mli_shared_sync *s)
{
    memset(s, 0, sizeof(*s));
    int rc = mli_os_mutex_init(&s->mutex);
    if (rc != 0) {
        return rc;
    }
    rc = mli_os_cond_init(&s->turn);
    if (rc != 0) {
        mli_os_mutex_destroy(&s->mutex);
        return rc;
    }
    s->open = true;
    return 0;
}

void mli_shared_sync_close(mli_shared_sync *s)
{
    if (s->open) {
        mli_os_cond_destroy(&s->turn);
        mli_os_mutex_destroy(&s->mutex);
        s->open = false;
    }
}

int mli_shared_sync_do(mli_shared_sync *s, const mli_os_files *files, const char *folder)
{
    mli_os_mutex_lock(&s->mutex);
    int64_t mine = s->begun + 1;
    while (s->ended < mine) {
        if (s->begun > s->ended) {
            mli_os_cond_wait(&s->turn, &s->mutex);
            continue;
        }
        int64_t turn = ++s->begun;
        mli_os_mutex_unlock(&s->mutex);
        int rc = mli_os_sync_dir(files, folder);
        mli_os_mutex_lock(&s->mutex);
        s->ended = turn;
        if (rc != 0) {
            s->failed = turn;
            s->failure = rc;
        }
        mli_os_cond_broadcast(&s->turn);
    }
    /* A later failure tells nothing good of an earlier sync of the same folder either. */
    int result = s->failed >= mine ? s->failure : 0;
    mli_os_mutex_unlock(&s->mutex);
    return result;
}
