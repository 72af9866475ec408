/* The manifest follows the record: loaded and renamed under a lock of the run's folder, so that a
 * manifest of an earlier state never replaces a newer one, in whatever processes they are made. */
#include "lab/snapshot.h"

#include "base/error.h"
#include "os/process.h"

/* Whoever holds the lock may be stopped: nobody waits longer for it. */
#define NAP_NS ((int64_t)10 * 1000000)
#define NAPS_MOST 20
#define PATIENCE_NS (NAPS_MOST * NAP_NS)
#define WRITES_MOST 4

static int64_t now_ns(const mli_lab *lab)
{
    return lab->os.clock->monotonic_ns(lab->os.clock->user);
}

/* -1: it was not to be had. Then, and when it was held for longer than others wait for it, a newer
 * manifest may have been written meanwhile: see is_behind(). */
static int lock_folder(const mli_lab *lab, const char *run_id)
{
    char path[MLI_PATH_BYTES];
    const mli_os_files *f = lab->os.files;
    const mli_os_clock *clock = lab->os.clock;
    if (mli_run_path(lab->root, run_id, MLI_RUN_FOLDER, path, NULL) != MODELLAB_OK) {
        return -1;
    }
    int fd = f->open(f->user, path, MLI_OS_READ | MLI_OS_DIRECTORY, 0);
    for (int i = 0; fd >= 0; i++) {
        if (f->lock(f->user, fd, false) == 0) {
            return fd;
        }
        if (i == NAPS_MOST || clock->sleep_ns(clock->user, NAP_NS) < 0) {
            break;
        }
    }
    mli_os_fd_close(fd);
    return -1;
}

MODELLAB_MUST_CHECK static modellab_status write_once(mli_lab *lab, const char *run_id,
                                                      mli_run_stand *written, modellab_error *err)
{
    mli_run_record *record = NULL;
    modellab_status status = mli_store_load(lab->store, run_id, &record, err);
    mli_buf json;
    if (status != MODELLAB_OK) {
        return status;
    }
    written->status = record->run->status;
    written->fence = record->run->fence;
    written->gate = record->run->gate;
    written->priority = record->run->priority;
    mli_buf_init(&json, lab->alloc);
    mli_run_write_json(record, &json);
    status = mli_buf_status(&json, err);
    if (status == MODELLAB_OK) {
        status = mli_manifest_write(lab->os.files, lab->root, run_id, &json, err);
    }
    mli_buf_dispose(&json);
    mli_run_record_free(record);
    return status;
}

/* Whether the run has come further than what was written: the manifest that another one made
 * meanwhile may have been replaced by it. */
static bool is_behind(mli_lab *lab, const char *run_id, const mli_run_stand *written)
{
    mli_run_stand now;
    return mli_store_stand(lab->store, run_id, &now, NULL) == MODELLAB_OK &&
           (now.status != written->status || now.fence != written->fence ||
            now.gate != written->gate || now.priority != written->priority);
}

modellab_status mli_manifest_refresh(mli_lab *lab, const char *run_id, modellab_error *err)
{
    mli_run_stand written = {0};
    int fd = lock_folder(lab, run_id);
    int64_t since = now_ns(lab);
    modellab_status status = write_once(lab, run_id, &written, err);
    for (int i = 1; status == MODELLAB_OK && i < WRITES_MOST; i++) {
        bool alone = fd >= 0 && now_ns(lab) - since < PATIENCE_NS;
        if (alone || !is_behind(lab, run_id, &written)) {
            break;
        }
        status = write_once(lab, run_id, &written, err);
    }
    mli_os_fd_close(fd); /* frees the lock */
    return status;
}
