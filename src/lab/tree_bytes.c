/* Walking a folder and adding up its files. */
#include "lab/tree_bytes.h"

#include "os/locale.h"
#include "store/rundir.h"
#include <errno.h>
#include <string.h>

#define DEPTH_MAX 16

typedef struct walk {
    const mli_os_files *files;
    mli_tree_bytes *out;
    size_t length;
    int depth;
    char path[MLI_PATH_BYTES];
} walk;

static int walk_folder(walk *w);

static int look_at(void *arg, const char *name)
{
    walk *w = arg;
    mli_os_stat facts;
    size_t before = w->length;
    int n = mli_os_format(w->path + before, sizeof(w->path) - before, "/%s", name);
    if (n < 0 || (size_t)n >= sizeof(w->path) - before) {
        w->path[before] = '\0';
        return -ENAMETOOLONG;
    }
    int rc = w->files->stat(w->files->user, w->path, false, &facts);
    if (rc == 0) {
        w->out->newest_ns = facts.mtime_ns > w->out->newest_ns ? facts.mtime_ns : w->out->newest_ns;
        if (facts.kind == MLI_OS_REGULAR) {
            w->out->bytes += facts.bytes;
            w->out->files++;
        } else if (facts.kind == MLI_OS_DIR && w->depth < DEPTH_MAX) {
            w->length = before + (size_t)n;
            rc = walk_folder(w);
            w->length = before;
        }
    }
    w->path[before] = '\0';
    return rc == -ENOENT ? 0 : rc;
}

static int walk_folder(walk *w)
{
    w->depth++;
    int rc = w->files->list(w->files->user, w->path, look_at, w);
    w->depth--;
    return rc;
}

int mli_tree_bytes_of(const mli_os_files *files, const char *path, mli_tree_bytes *out)
{
    walk w = {.files = files, .out = out, .length = strlen(path)};
    memset(out, 0, sizeof(*out));
    if (w.length >= sizeof(w.path)) {
        return -ENAMETOOLONG;
    }
    memcpy(w.path, path, w.length + 1);
    return walk_folder(&w);
}
