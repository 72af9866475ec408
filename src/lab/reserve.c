/* Making and giving up the reserve of a lab. */
#include "lab/reserve.h"

#include "log/logger.h"
#include "os/locale.h"
#include <errno.h>

/* False for labs of tests and simulations, whose files are none, or whose every write is counted.
 */
static bool path_of(const mli_lab *lab, const char *suffix, char out[MLI_PATH_BYTES])
{
    int n = mli_os_format(out, MLI_PATH_BYTES, "%s/" MLI_RESERVE_FILE "%s", lab->root, suffix);
    return n > 0 && n < MLI_PATH_BYTES && lab->os.files == &mli_os_system_files &&
           lab->os.clock == &mli_os_system_clock;
}

static int64_t free_bytes(const mli_lab *lab)
{
    const mli_os_files *f = lab->os.files;
    int64_t left = 0;
    int64_t total = 0;
    return f->free_bytes(f->user, lab->root, &left, &total) == 0 ? left : -1;
}

/* Bytes that no file system makes smaller. */
static int fill(const mli_lab *lab, int fd)
{
    static const mli_os_files *const f = &mli_os_system_files;
    unsigned char piece[4096];
    int rc = lab->os.random->fill(lab->os.random->user, piece, sizeof(piece));
    for (int64_t done = 0; rc == 0 && done < MLI_RESERVE_BYTES; done += (int64_t)sizeof(piece)) {
        piece[(size_t)(done / (int64_t)sizeof(piece))]++; /* no two are the same */
        rc = mli_os_write_all(f, fd, piece, sizeof(piece));
    }
    return rc;
}

/* Under another name until it is whole; of two who make it at once one stays. */
static int make(const mli_lab *lab, const char *path)
{
    char draft[MLI_PATH_BYTES];
    const mli_os_files *f = lab->os.files;
    if (!path_of(lab, ".new", draft)) {
        return -ENAMETOOLONG;
    }
    int rc = f->unlink(f->user, draft);
    int fd = rc == 0 || rc == -ENOENT
                 ? f->open(f->user, draft, MLI_OS_WRITE | MLI_OS_CREATE | MLI_OS_EXCLUSIVE, 0600)
                 : rc;
    if (fd < 0) {
        return fd == -EEXIST ? 0 : fd;
    }
    rc = fill(lab, fd);
    int closed = f->close(f->user, fd);
    rc = rc != 0 ? rc : closed;
    rc = rc != 0 ? rc : f->rename(f->user, draft, path);
    if (rc != 0 && rc != -ENOENT) {
        (void)f->unlink(f->user, draft); /* the first failure is the one to tell */
    }
    return rc == -ENOENT ? 0 : rc;
}

void mli_reserve_keep(const mli_lab *lab)
{
    char path[MLI_PATH_BYTES];
    mli_os_stat facts;
    if (!path_of(lab, "", path)) {
        return;
    }
    const mli_os_files *f = lab->os.files;
    if (f->stat(f->user, path, false, &facts) == 0 && facts.bytes >= MLI_RESERVE_BYTES) {
        return;
    }
    if (free_bytes(lab) < 4 * MLI_RESERVE_BYTES) {
        return; /* the next opening with more space makes it */
    }
    int rc = make(lab, path);
    if (rc != 0) {
        mli_log(lab->logger, MODELLAB_LOG_WARN, "lab.no_reserve",
                "on a full disk nobody will be able to clean the lab up",
                MLI_LOG_FIELDS(mli_log_int("os_error", -rc)));
    }
}

void mli_reserve_give_up(const mli_lab *lab)
{
    char path[MLI_PATH_BYTES];
    const mli_os_files *f = lab->os.files;
    int64_t left = free_bytes(lab);
    if (!path_of(lab, "", path) || left < 0 || left >= MLI_RESERVE_BYTES) {
        return;
    }
    int rc = f->unlink(f->user, path);
    if (rc == 0) {
        mli_log_text(lab->logger, MODELLAB_LOG_WARN, "lab.reserve_given_up",
                     "the disk is full: the reserve makes room for a clean-up");
    } else if (rc != -ENOENT) {
        mli_log(lab->logger, MODELLAB_LOG_WARN, "lab.reserve_stays", "",
                MLI_LOG_FIELDS(mli_log_int("os_error", -rc)));
    }
}
