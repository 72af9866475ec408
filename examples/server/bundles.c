/* A shelf of bundles: open files that have no name any more, found by the run and by what its
 * record and its notes are. The last reader closes one, on a job thread: a large file takes its
 * time. */
#include "bundles.h"

#include "jobs.h"
#include "problem.h"
#include "reply.h"
#include "settings.h"
#include "text.h"
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define KEPT_MOST 8
#define KEPT_BYTES_MOST ((int64_t)256 << 20)
#define MAKING_MOST 2
#define RETRY_SECONDS 2
#define SLACK_BYTES ((int64_t)1 << 20) /* record, events and names of what is in it */

typedef struct bundle {
    struct bundle *next;
    char run_id[MODELLAB_RUN_ID_BYTES];
    int32_t flags;
    uint64_t state; /* of record and notes */
    int references; /* under the lock of the shelf */
    int fd;
    int64_t size;
    char etag[80];
} bundle;

static struct {
    pthread_mutex_t lock;
    bundle *first; /* used last */
    int making;
} shelf = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void destroy(void *user)
{
    bundle *b = user;
    if (b->fd >= 0)
        (void)close(b->fd); /* it was only read */
    free(b);
}

static void unref(bundle *b)
{
    (void)pthread_mutex_lock(&shelf.lock);
    bool last = --b->references == 0;
    (void)pthread_mutex_unlock(&shelf.lock);
    if (last && !job_run(destroy, b)) /* this may be a network thread */
        destroy(b);
}

static int64_t read_file(void *user, int64_t offset, void *out, size_t bytes)
{
    const bundle *b = user;
    return (int64_t)pread(b->fd, out, bytes, (off_t)offset);
}

static void release(void *user)
{
    unref(user);
}

/* What the bundle is made of changes only with these: results that come late, names of speakers. */
static modellab_status state_of(call *c, const modellab_run *run, const char *id, uint64_t *out,
                                modellab_error *err)
{
    modellab_buffer *record = NULL, *notes = NULL;
    modellab_status status = modellab_run_to_json(run, &record, err);
    if (status == MODELLAB_OK)
        status = modellab_note_list(call_lab(c), id, &notes, err);
    if (status == MODELLAB_OK)
        *out = text_hash(modellab_buffer_data(record), modellab_buffer_size(record)) * 31 +
               text_hash(modellab_buffer_data(notes), modellab_buffer_size(notes));
    modellab_buffer_destroy(record);
    modellab_buffer_destroy(notes);
    return status;
}

/* With a reference for the caller; NULL: it is not there. Under the lock. */
static bundle *find(const char *id, int32_t flags, uint64_t state)
{
    for (bundle **at = &shelf.first; *at != NULL; at = &(*at)->next) {
        bundle *b = *at;
        if (b->state != state || b->flags != flags || strcmp(b->run_id, id) != 0)
            continue;
        *at = b->next;
        b->next = shelf.first;
        shelf.first = b;
        b->references++;
        return b;
    }
    return NULL;
}

/* Keeps one for later, and lets go what there is no room for. */
static void keep(bundle *b)
{
    bundle *gone = NULL;
    size_t count = 0;
    int64_t bytes = 0;
    if (b->size > KEPT_BYTES_MOST / 2)
        return;
    (void)pthread_mutex_lock(&shelf.lock);
    b->next = shelf.first;
    shelf.first = b;
    b->references++;
    for (bundle **at = &shelf.first; *at != NULL;) {
        bundle *one = *at;
        count++;
        bytes += one->size;
        if (count <= KEPT_MOST && bytes <= KEPT_BYTES_MOST) {
            at = &one->next;
            continue;
        }
        *at = one->next;
        one->next = gone;
        gone = one;
    }
    (void)pthread_mutex_unlock(&shelf.lock);
    while (gone != NULL) {
        bundle *next = gone->next;
        unref(gone);
        gone = next;
    }
}

static int64_t size_expected(const modellab_run *run, const modellab_run_info *info, int32_t flags)
{
    int64_t bytes = SLACK_BYTES;
    if ((flags & MODELLAB_BUNDLE_WITHOUT_INPUT) == 0 && info->input_bytes > 0)
        bytes += info->input_bytes;
    for (size_t i = 0; i < modellab_run_artifact_count(run); i++) {
        modellab_artifact_info one = {.size = sizeof one};
        if (modellab_run_artifact_at(run, i, &one, NULL) == MODELLAB_OK && one.bytes > 0)
            bytes += one.bytes;
    }
    return bytes;
}

/* Does the folder's disk have that, and what a lab leaves free, too? */
static bool has_room(const char *folder, int64_t bytes)
{
    struct statvfs disk;
    return statvfs(folder, &disk) == 0 &&
           (double)disk.f_bavail * (double)disk.f_frsize - (double)bytes >=
               (double)server_settings.min_free_bytes;
}

/* Of its end, which has the sums of all that is in it: the same bytes have the same tag. */
static bool tag(bundle *b)
{
    struct stat facts;
    static const size_t most = 65536;
    if (fstat(b->fd, &facts) != 0)
        return false;
    b->size = facts.st_size;
    size_t bytes = b->size < (int64_t)most ? (size_t)b->size : most;
    char *end = malloc(bytes + 1);
    ssize_t n = end != NULL ? pread(b->fd, end, bytes, (off_t)(b->size - (int64_t)bytes)) : -1;
    if (n == (ssize_t)bytes)
        (void)snprintf(b->etag, sizeof b->etag, "\"%016llx-%llx\"",
                       (unsigned long long)text_hash(end, bytes), (unsigned long long)b->size);
    free(end);
    return n == (ssize_t)bytes;
}

/* NULL: has replied. */
static bundle *make(call *c, const modellab_run *run, const modellab_run_info *info, int32_t flags)
{
    const char *root = getenv("TMPDIR");
    modellab_error err = MODELLAB_ERROR_INIT;
    char folder[512], path[600];
    root = root != NULL && root[0] == '/' ? root : "/tmp";
    if (!has_room(root, size_expected(run, info, flags))) {
        reply_problem(c, 507, "no-space", "there is no room for the bundle");
        return NULL;
    }
    bundle *b = calloc(1, sizeof *b);
    if (b == NULL) {
        reply_problem(c, 500, "internal", "out of memory");
        return NULL;
    }
    *b = (bundle){.flags = flags, .references = 1, .fd = -1};
    (void)snprintf(b->run_id, sizeof b->run_id, "%s", info->id);
    if (snprintf(folder, sizeof folder, "%s/modellab-bundle-XXXXXX", root) >= (int)sizeof folder ||
        mkdtemp(folder) == NULL) {
        reply_problem(c, 507, "no-space", "there is no room for the bundle");
        destroy(b);
        return NULL;
    }
    (void)snprintf(path, sizeof path, "%s/bundle.zip", folder);
    modellab_status status =
        modellab_run_bundle(call_lab(c), info->id, path, flags, call_cancel(c), &err);
    if (status == MODELLAB_OK)
        b->fd = open(path, O_RDONLY | O_CLOEXEC);
    (void)unlink(path); /* gone already, or never made */
    (void)rmdir(folder);
    if (status == MODELLAB_OK && b->fd >= 0 && tag(b))
        return b;
    if (status != MODELLAB_OK)
        reply_error(c, status, &err, NULL);
    else
        reply_problem(c, 500, "internal", "the bundle cannot be read");
    destroy(b);
    return NULL;
}

/* One that is there, or a new one; NULL: has replied. */
static bundle *get(call *c, const modellab_run *run, const modellab_run_info *info, int32_t flags)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    uint64_t state = 0;
    modellab_status status = state_of(c, run, info->id, &state, &err);
    if (status != MODELLAB_OK) {
        reply_error(c, status, &err, NULL);
        return NULL;
    }
    (void)pthread_mutex_lock(&shelf.lock);
    bundle *b = find(info->id, flags, state);
    bool full = shelf.making >= MAKING_MOST;
    shelf.making += b == NULL && !full;
    (void)pthread_mutex_unlock(&shelf.lock);
    if (b != NULL)
        return b;
    if (full) {
        reply_later(c, 503, "unavailable", "other bundles are being made: ask again",
                    RETRY_SECONDS);
        return NULL;
    }
    b = make(c, run, info, flags);
    (void)pthread_mutex_lock(&shelf.lock);
    shelf.making--;
    (void)pthread_mutex_unlock(&shelf.lock);
    if (b != NULL) {
        b->state = state;
        keep(b);
    }
    return b;
}

void bundle_reply(call *c, const modellab_run *run, int32_t flags)
{
    modellab_run_info info = {.size = sizeof info};
    modellab_error err = MODELLAB_ERROR_INIT;
    char name[64];
    modellab_status status = modellab_run_get_info(run, &info, &err);
    if (status != MODELLAB_OK) {
        reply_error(c, status, &err, NULL);
        return;
    }
    bundle *b = get(c, run, &info, flags);
    if (b == NULL)
        return;
    (void)snprintf(name, sizeof name, "%s.zip", info.id);
    const reply_source source = {.user = b,
                                 .size = b->size,
                                 .etag = b->etag,
                                 .filename = name,
                                 .read = read_file,
                                 .release = release};
    reply_file(c, "application/zip", &source);
}
