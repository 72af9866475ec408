/* Making, writing and reading the beat of a supervisor. */
#include "lab/beat.h"

#include "base/error.h"
#include "lab/wake.h"
#include "os/locale.h"
#include "os/memory.h"
#include "os/process.h"
#include <errno.h>

#define BEAT_MAGIC 0x4d4c4254u /* "MLBT" */
#define BEAT_VERSION 1u
#define BEAT_BYTES 4096

_Static_assert(sizeof(mli_beat_page) <= BEAT_BYTES, "the page holds all of its words");

MODELLAB_MUST_CHECK static modellab_status path_of(const mli_lab *lab, const char *id,
                                                   char out[MLI_PATH_BYTES], modellab_error *err)
{
    int n = mli_os_format(out, MLI_PATH_BYTES, "%s/supervisors/%s" MLI_BEAT_SUFFIX, lab->root, id);
    return n > 0 && n < MLI_PATH_BYTES
               ? MODELLAB_OK
               : mli_fail(err, MODELLAB_E_LIMIT, "the lab's path is too long");
}

modellab_status mli_beat_open(mli_lab *lab, const char *id, mli_beat_page **out,
                              modellab_error *err)
{
    const mli_os_files *f = lab->os.files;
    char path[MLI_PATH_BYTES];
    void *map = NULL;
    *out = NULL;
    modellab_status status = path_of(lab, id, path, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    int fd =
        f->open(f->user, path, MLI_OS_READ | MLI_OS_WRITE | MLI_OS_CREATE | MLI_OS_EXCLUSIVE, 0600);
    if (fd < 0) {
        return mli_fail_os(err, -fd, "a supervisor's beat could not be made");
    }
    /* written, not only made so long: a hole that cannot be filled would end the process */
    static const char none[BEAT_BYTES];
    int rc = mli_os_write_all(f, fd, none, sizeof none);
    rc = rc != 0 ? rc : -mli_os_file_map_shared(fd, BEAT_BYTES, &map);
    mli_os_fd_close(fd);
    if (rc != 0) {
        (void)f->unlink(f->user, path); /* the first failure is the one to tell */
        return mli_fail_os(err, -rc, "a supervisor's beat could not be made");
    }
    mli_beat_page *beat = map;
    beat->version = BEAT_VERSION;
    beat->started_ms = mli_lab_now_ms(lab);
    beat->magic = BEAT_MAGIC;
    *out = beat;
    return MODELLAB_OK;
}

void mli_beat_turn(mli_beat_page *beat, int64_t now_ns, int64_t active_runs, int64_t lag_ns,
                   modellab_status trouble)
{
    if (beat != NULL) {
        atomic_store(&beat->trouble, trouble);
        atomic_store(&beat->active_runs, active_runs);
        atomic_store(&beat->lag_ns, lag_ns);
        atomic_fetch_add(&beat->rounds, 1);
        atomic_store(&beat->turned_ns, now_ns);
    }
}

void mli_beat_close(mli_beat_page *beat)
{
    if (beat != NULL) {
        mli_os_file_unmap(beat, BEAT_BYTES);
    }
}

modellab_status mli_beat_read(const mli_lab *lab, const char *id, mli_beat_page *out,
                              modellab_error *err)
{
    const mli_os_files *f = lab->os.files;
    char path[MLI_PATH_BYTES];
    modellab_status status = path_of(lab, id, path, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    int fd = f->open(f->user, path, MLI_OS_READ | MLI_OS_NOFOLLOW, 0);
    if (fd < 0) {
        return fd == -ENOENT ? mli_fail(err, MODELLAB_E_NOT_FOUND, "the supervisor has no beat")
                             : mli_fail_os(err, -fd, "a supervisor's beat could not be read");
    }
    int64_t got = f->pread(f->user, fd, out, sizeof *out, 0);
    mli_os_fd_close(fd);
    if (got < 0) {
        return mli_fail_os(err, (int)-got, "a supervisor's beat could not be read");
    }
    return got == (int64_t)sizeof *out && out->magic == BEAT_MAGIC && out->version == BEAT_VERSION
               ? MODELLAB_OK
               : mli_fail(err, MODELLAB_E_NOT_FOUND, "the supervisor has no beat");
}

typedef struct troubles {
    const mli_lab *lab;
    modellab_status first;
} troubles;

static int look_for_trouble(void *arg, const char *id)
{
    troubles *t = arg;
    mli_beat_page beat;
    if (mli_beat_read(t->lab, id, &beat, NULL) == MODELLAB_OK) { /* else it tells nothing */
        t->first = (modellab_status)atomic_load(&beat.trouble);
    }
    return t->first != MODELLAB_OK;
}

modellab_status mli_supervisors_trouble(const mli_lab *lab)
{
    troubles t = {lab, MODELLAB_OK};
    return mli_supervisors_each(lab, look_for_trouble, &t, NULL) == MODELLAB_OK ? t.first
                                                                                : MODELLAB_OK;
}
