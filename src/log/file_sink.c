/* Appending lines to a file that other processes may write, move or remove at the same time. */
#include "log/file_sink.h"
#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"
#include "os/locale.h"
#include <errno.h>
#include <string.h>

#define CHECK_EVERY_NS 1000000000 /* how soon a moved file is noticed */

static int open_file(mli_log_file *f)
{
    const mli_os_files *os = f->files;
    mli_os_stat st;
    int fd = os->open(os->user, f->path, MLI_OS_APPEND | MLI_OS_CREATE | MLI_OS_NONBLOCK, 0600);
    if (fd < 0)
        return fd;
    int rc = os->fstat(os->user, fd, &st);
    if (rc == 0 && st.kind == MLI_OS_DIR)
        rc = -EISDIR;
    if (rc != 0) {
        (void)os->close(os->user, fd); /* the first failure is the one to tell */
        return rc;
    }
    f->fd = fd;
    f->device = st.device;
    f->inode = st.inode;
    f->bytes = st.kind == MLI_OS_REGULAR ? st.bytes : 0;
    if (st.kind != MLI_OS_REGULAR)
        f->max_bytes = -1; /* a terminal or pipe is never renamed */
    return 0;
}

static int close_file(mli_log_file *f)
{
    int fd = f->fd;
    f->fd = -1;
    return fd >= 0 ? f->files->close(f->files->user, fd) : 0;
}

static int reopen(mli_log_file *f)
{
    int closed = close_file(f);
    int rc = open_file(f);
    return rc != 0 ? rc : closed;
}

/* true when the name still leads to the file that is open. */
static bool is_same(mli_log_file *f)
{
    mli_os_stat st;
    return f->files->stat(f->files->user, f->path, true, &st) == 0 && st.device == f->device &&
           st.inode == f->inode;
}

static void name_of(const mli_log_file *f, char *out, int32_t number)
{
    if (number == 0)
        memcpy(out, f->path, strlen(f->path) + 1);
    else
        (void)mli_os_format(out, f->name_bytes, "%s.%d", f->path, (int)number); /* room by open */
}

static int shift_names(mli_log_file *f)
{
    for (int32_t i = f->keep; i > 0; i--) {
        name_of(f, f->from, i - 1);
        name_of(f, f->to, i);
        int rc = f->files->rename(f->files->user, f->from, f->to);
        if (rc != 0 && rc != -ENOENT)
            return rc;
    }
    return 0;
}

/* Several processes may come here at once: the lock on the old file lets one rename, and the others
 * then see that the name leads elsewhere. */
static int rotate(mli_log_file *f)
{
    const mli_os_files *os = f->files;
    int rc = os->lock(os->user, f->fd, false);
    if (rc == -EWOULDBLOCK)
        return 0; /* somebody renames it just now: this line still goes to the old file */
    if (rc != 0)
        return rc;
    if (is_same(f))
        rc = shift_names(f);
    int unlocked = os->unlock(os->user, f->fd);
    if (rc == 0)
        rc = unlocked;
    return rc != 0 ? rc : reopen(f);
}

static int make_ready(mli_log_file *f, size_t bytes, int64_t now_ns)
{
    bool due = now_ns - f->checked_ns >= CHECK_EVERY_NS || now_ns < f->checked_ns;
    if (f->fd >= 0 && !due &&
        (f->max_bytes <= 0 || f->bytes == 0 || f->bytes + (int64_t)bytes <= f->max_bytes))
        return 0;
    if (f->fd < 0)
        return due ? (f->checked_ns = now_ns, open_file(f)) : -EBADF;
    if (due) {
        f->checked_ns = now_ns;
        if (!is_same(f))
            return reopen(f);
        mli_os_stat st; /* others may have written to it */
        if (f->files->fstat(f->files->user, f->fd, &st) == 0 && st.kind == MLI_OS_REGULAR)
            f->bytes = st.bytes;
    }
    if (f->max_bytes > 0 && f->bytes > 0 && f->bytes + (int64_t)bytes > f->max_bytes)
        return rotate(f);
    return 0;
}

static int write_line(mli_log_file *f, const char *line, size_t bytes)
{
    const mli_os_files *os = f->files;
    size_t done = 0;
    while (done < bytes) {
        int64_t n = os->write(os->user, f->fd, line + done, bytes - done);
        if (n <= 0) {
            f->torn = f->torn || done > 0;
            return n < 0 ? (int)n : -EIO;
        }
        done += (size_t)n;
        f->bytes += n;
    }
    return 0;
}

int mli_log_file_write(mli_log_file *f, const char *line, size_t bytes, int64_t now_ns)
{
    int ready = make_ready(f, bytes, now_ns);
    if (f->fd < 0)
        return ready != 0 ? ready : -EBADF;
    /* A failed rotation still leaves a file to write to; its error is told all the same. */
    if (f->torn) {
        int rc = write_line(f, "\n", 1);
        if (rc != 0)
            return rc;
        f->torn = false;
    }
    int rc = write_line(f, line, bytes);
    return rc != 0 ? rc : ready;
}

modellab_status mli_log_file_open(mli_log_file *f, const mli_os_files *files,
                                  const modellab_allocator *alloc, const char *path,
                                  int64_t max_bytes, int32_t keep, modellab_error *err)
{
    size_t n = strlen(path) + 1;
    *f = (mli_log_file){
        .files = files, .fd = -1, .max_bytes = max_bytes, .keep = keep, .name_bytes = n + 12};
    f->path = mli_strdup(alloc, path);
    f->from = mli_alloc(alloc, f->name_bytes);
    f->to = mli_alloc(alloc, f->name_bytes);
    if (f->path == NULL || f->from == NULL || f->to == NULL) {
        mli_log_file_close(f, alloc);
        return mli_no_memory(err);
    }
    int rc = open_file(f);
    if (rc != 0) {
        mli_log_file_close(f, alloc);
        return mli_fail_os(err, rc, "opening the log file %s", mli_basename(path));
    }
    return MODELLAB_OK;
}

void mli_log_file_close(mli_log_file *f, const modellab_allocator *alloc)
{
    (void)close_file(f); /* each line went through write(); there is nobody left to tell */
    mli_free(alloc, f->path);
    mli_free(alloc, f->from);
    mli_free(alloc, f->to);
    f->path = f->from = f->to = NULL;
}
