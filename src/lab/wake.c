/* Presence of supervisors: <root>/supervisors/<ULID>.lock is held for life, <ULID>.sock is woken.
 * The folder is opened once and named by descriptor, since socket paths may not be longer than 107
 * bytes. */
#include "lab/wake.h"

#include "base/error.h"
#include "base/str.h"
#include "lab/beat.h"
#include "os/locale.h"
#include "os/process.h"
#include "os/socket.h"
#include <errno.h>
#include <string.h>

MODELLAB_MUST_CHECK static modellab_status folder_path(const mli_lab *lab, char out[MLI_PATH_BYTES],
                                                       modellab_error *err)
{
    int n = mli_os_format(out, MLI_PATH_BYTES, "%s/supervisors", lab->root);
    if (n < 0 || n >= MLI_PATH_BYTES) {
        return mli_fail(err, MODELLAB_E_LIMIT, "the lab's path is too long");
    }
    return MODELLAB_OK;
}

/* Descriptor of the folder, or -errno. */
static int open_folder(const mli_lab *lab)
{
    char path[MLI_PATH_BYTES];
    if (folder_path(lab, path, NULL) != MODELLAB_OK) {
        return -ENAMETOOLONG;
    }
    const mli_os_files *f = lab->os.files;
    return f->open(f->user, path, MLI_OS_READ | MLI_OS_DIRECTORY, 0);
}

static bool socket_path(int folder_fd, const char *name, char out[96])
{
    int n = mli_os_format(out, 96, "/proc/self/fd/%d/%s", folder_fd, name);
    return n > 0 && n < 96;
}

/* "<ULID><suffix>" */
static bool split_name(const char *name, const char *suffix, char id[MLI_ULID_BYTES])
{
    size_t bytes = strlen(name);
    if (bytes != MLI_ULID_BYTES - 1 + strlen(suffix) ||
        strcmp(name + MLI_ULID_BYTES - 1, suffix) != 0) {
        return false;
    }
    memcpy(id, name, MLI_ULID_BYTES - 1);
    id[MLI_ULID_BYTES - 1] = '\0';
    return mli_ulid_valid(id);
}

MODELLAB_MUST_CHECK static modellab_status member_path(const mli_lab *lab, const char *id,
                                                       const char *suffix, char out[MLI_PATH_BYTES],
                                                       modellab_error *err)
{
    int n = mli_os_format(out, MLI_PATH_BYTES, "%s/supervisors/%s%s", lab->root, id, suffix);
    if (n < 0 || n >= MLI_PATH_BYTES) {
        return mli_fail(err, MODELLAB_E_LIMIT, "the lab's path is too long");
    }
    return MODELLAB_OK;
}

/* A socket without listener is what a dead supervisor left; the next one clears it. */
static int wake_one(void *arg, const char *name)
{
    char id[MLI_ULID_BYTES];
    char path[96];
    if (split_name(name, ".sock", id) && socket_path(*(const int *)arg, name, path)) {
        int rc = mli_os_socket_notify(path);
        return rc == -ENOMEM || rc == -EMFILE ? rc : 0;
    }
    return 0;
}

void mli_wake_supervisors(const mli_lab *lab)
{
    char path[MLI_PATH_BYTES];
    int fd = open_folder(lab);
    if (fd < 0) {
        return; /* no supervisor ever was here, or it will look by itself */
    }
    const mli_os_files *f = lab->os.files;
    if (folder_path(lab, path, NULL) == MODELLAB_OK) {
        (void)f->list(f->user, path, wake_one, &fd); /* best effort by contract */
    }
    mli_os_fd_close(fd);
}

/* 1: somebody holds it, 0: free or absent, or -errno. */
static int is_held(const mli_os_files *f, const char *path)
{
    int fd = f->open(f->user, path, MLI_OS_READ | MLI_OS_NOFOLLOW, 0);
    if (fd < 0) {
        return fd == -ENOENT ? 0 : fd;
    }
    int rc = f->lock(f->user, fd, false);
    int closed = f->close(f->user, fd);
    if (rc == -EWOULDBLOCK) {
        return 1;
    }
    return rc != 0 ? rc : closed;
}

modellab_status mli_supervisor_alive(const mli_lab *lab, const char *id, bool *alive,
                                     modellab_error *err)
{
    char path[MLI_PATH_BYTES];
    *alive = false;
    if (!mli_ulid_valid(id)) {
        return MODELLAB_OK;
    }
    modellab_status status = member_path(lab, id, ".lock", path, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    int held = is_held(lab->os.files, path);
    if (held < 0) {
        return mli_fail_os(err, -held, "the lock of a supervisor could not be looked at");
    }
    *alive = held == 1;
    return MODELLAB_OK;
}

typedef struct search {
    const mli_lab *lab;
    modellab_error *err;
    modellab_status status;
    bool present;
    bool sweep; /* remove what dead supervisors left */
    bool all;   /* look at all of them */
    int64_t dead;
    mli_presence_sums *sums; /* NULL = not wanted */
    int (*each)(void *arg, const char *id);
    void *each_arg;
} search;

#define SAID_BYTES 16 /* "WORKERS SHORT", then blanks and a newline; the last such line counts */

/* "12 1   ..." */
static bool parse_said(char text[SAID_BYTES], int64_t *workers, int64_t *extra)
{
    size_t first = strcspn(text, " ");
    size_t second = first < SAID_BYTES - 1 ? strcspn(text + first + 1, " ") : 0;
    text[first] = '\0';
    if (second == 0) {
        return false;
    }
    text[first + 1 + second] = '\0';
    return mli_parse_i64(text, 0, 1000, workers) && mli_parse_i64(text + first + 1, 0, 1000, extra);
}

/* Adds what the lock file of a living supervisor tells; nothing when it told nothing. */
MODELLAB_MUST_CHECK static modellab_status add_said(search *s, const char *id)
{
    char path[MLI_PATH_BYTES];
    char text[SAID_BYTES];
    int64_t workers = 0;
    int64_t extra = 0;
    int64_t got = 0;
    mli_os_stat facts;
    const mli_os_files *f = s->lab->os.files;
    modellab_status status = member_path(s->lab, id, ".lock", path, s->err);
    if (status != MODELLAB_OK) {
        return status;
    }
    int fd = f->open(f->user, path, MLI_OS_READ | MLI_OS_NOFOLLOW, 0);
    if (fd == -ENOENT) {
        return MODELLAB_OK; /* it left meanwhile */
    }
    int rc = fd < 0 ? fd : f->fstat(f->user, fd, &facts);
    if (rc == 0 && facts.bytes >= SAID_BYTES) {
        got = f->pread(f->user, fd, text, SAID_BYTES, facts.bytes - SAID_BYTES);
    }
    mli_os_fd_close(fd);
    if (rc < 0 || got < 0) {
        return mli_fail_os(s->err, (int)-(rc < 0 ? rc : got), "a supervisor's file was not read");
    }
    if (got == SAID_BYTES && text[SAID_BYTES - 1] == '\n') {
        text[SAID_BYTES - 1] = ' ';
        if (parse_said(text, &workers, &extra)) {
            s->sums->supervisors++;
            s->sums->draining += workers == 0;
            s->sums->workers += (int32_t)workers;
            s->sums->short_workers += (int32_t)extra;
        }
    }
    return MODELLAB_OK;
}

static void remove_member(const mli_lab *lab, const char *id, const char *suffix)
{
    char path[MLI_PATH_BYTES];
    if (member_path(lab, id, suffix, path, NULL) == MODELLAB_OK) {
        (void)lab->os.files->unlink(lab->os.files->user, path); /* another may have been faster */
    }
}

static int look_at(void *arg, const char *name)
{
    search *s = arg;
    char id[MLI_ULID_BYTES];
    bool alive = false;
    if (!split_name(name, ".lock", id)) {
        return 0;
    }
    s->status = mli_supervisor_alive(s->lab, id, &alive, s->err);
    if (s->status != MODELLAB_OK) {
        return 1;
    }
    s->present = s->present || alive;
    s->dead += !alive;
    if (alive && s->sums != NULL) {
        s->status = add_said(s, id);
        return s->status != MODELLAB_OK;
    }
    if (alive && s->each != NULL) {
        return s->each(s->each_arg, id);
    }
    if (!alive && s->sweep) {
        remove_member(s->lab, id, ".sock");
        remove_member(s->lab, id, MLI_BEAT_SUFFIX);
        remove_member(s->lab, id, ".lock");
    }
    return s->present && !s->sweep && !s->all;
}

MODELLAB_MUST_CHECK static modellab_status search_folder(search *s)
{
    char path[MLI_PATH_BYTES];
    modellab_status status = folder_path(s->lab, path, s->err);
    if (status != MODELLAB_OK) {
        return status;
    }
    const mli_os_files *f = s->lab->os.files;
    int rc = f->list(f->user, path, look_at, s);
    if (s->status != MODELLAB_OK || rc >= 0 || rc == -ENOENT) {
        return s->status;
    }
    return mli_fail_os(s->err, -rc, "the folder of supervisors could not be read");
}

modellab_status mli_supervisors_present(const mli_lab *lab, bool *present, modellab_error *err)
{
    search s = {.lab = lab, .err = err, .status = MODELLAB_OK};
    modellab_status status = search_folder(&s);
    *present = s.present;
    return status;
}

modellab_status mli_supervisors_sweep(const mli_lab *lab, bool dry_run, int64_t *dead,
                                      modellab_error *err)
{
    search s = {.lab = lab, .err = err, .status = MODELLAB_OK, .sweep = !dry_run, .all = true};
    modellab_status status = search_folder(&s);
    *dead = s.dead;
    return status;
}

modellab_status mli_supervisors_sum(const mli_lab *lab, mli_presence_sums *out, modellab_error *err)
{
    search s = {.lab = lab, .err = err, .status = MODELLAB_OK, .sums = out};
    *out = (mli_presence_sums){0};
    return search_folder(&s);
}

modellab_status mli_supervisors_each(const mli_lab *lab, int (*each)(void *arg, const char *id),
                                     void *arg, modellab_error *err)
{
    search s = {
        .lab = lab, .err = err, .status = MODELLAB_OK, .all = true, .each = each, .each_arg = arg};
    return search_folder(&s);
}

MODELLAB_MUST_CHECK static modellab_status make_folder(const mli_lab *lab, modellab_error *err)
{
    char path[MLI_PATH_BYTES];
    modellab_status status = folder_path(lab, path, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    int rc = mli_os_make_dirs(lab->os.files, path, 0700);
    return rc == 0 ? MODELLAB_OK
                   : mli_fail_os(err, -rc, "the folder of supervisors could not be made");
}

/* The lock is taken before the name appears to others as a live one; a lock file that a sweep
 * removed in between is noticed by its inode. */
MODELLAB_MUST_CHECK static modellab_status take_lock(const mli_lab *lab, mli_presence *p,
                                                     modellab_error *err)
{
    const mli_os_files *f = lab->os.files;
    char path[MLI_PATH_BYTES];
    modellab_status status = member_path(lab, p->id, ".lock", path, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    for (int attempt = 0; attempt < 8; attempt++) {
        int fd = f->open(f->user, path, MLI_OS_READ | MLI_OS_WRITE | MLI_OS_CREATE, 0600);
        if (fd < 0) {
            return mli_fail_os(err, -fd, "a supervisor's lock could not be made");
        }
        mli_os_stat mine;
        mli_os_stat there;
        int rc = f->lock(f->user, fd, true);
        if (rc == 0) {
            rc = f->fstat(f->user, fd, &mine);
        }
        if (rc == 0 && f->stat(f->user, path, false, &there) == 0 && mine.inode == there.inode) {
            p->lock_fd = fd;
            return MODELLAB_OK;
        }
        mli_os_fd_close(fd);
        if (rc != 0) {
            return mli_fail_os(err, -rc, "a supervisor's lock could not be taken");
        }
    }
    return mli_fail(err, MODELLAB_E_BUSY, "a supervisor's lock could not be taken");
}

MODELLAB_MUST_CHECK static modellab_status listen_here(const mli_lab *lab, mli_presence *p,
                                                       modellab_error *err)
{
    char name[MLI_ULID_BYTES + 8];
    char path[96];
    int folder = open_folder(lab);
    if (folder < 0) {
        return mli_fail_os(err, -folder, "the folder of supervisors could not be opened");
    }
    (void)mli_os_format(name, sizeof(name), "%s.sock", p->id);
    int fd = socket_path(folder, name, path) ? mli_os_socket_bind(path) : -ENAMETOOLONG;
    mli_os_fd_close(folder);
    if (fd < 0) {
        return mli_fail_os(err, -fd, "a supervisor's socket could not be made");
    }
    p->socket_fd = fd;
    return MODELLAB_OK;
}

modellab_status mli_presence_open(const mli_lab *lab, mli_presence *out, modellab_error *err)
{
    out->lock_fd = -1;
    out->socket_fd = -1;
    int rc = mli_ulid_new(lab->os.clock, lab->os.random, out->id);
    if (rc != 0) {
        return mli_fail_os(err, rc, "no random numbers");
    }
    modellab_status status = make_folder(lab, err);
    if (status == MODELLAB_OK) {
        search s = {.lab = lab, .err = err, .status = MODELLAB_OK, .sweep = true};
        status = search_folder(&s);
    }
    if (status == MODELLAB_OK) {
        status = take_lock(lab, out, err);
    }
    if (status == MODELLAB_OK) {
        status = listen_here(lab, out, err);
    }
    if (status != MODELLAB_OK) {
        mli_presence_close(lab, out);
    }
    return status;
}

modellab_status mli_presence_say(const mli_lab *lab, const mli_presence *presence, int32_t workers,
                                 int32_t short_workers, modellab_error *err)
{
    char path[MLI_PATH_BYTES];
    char text[SAID_BYTES];
    const mli_os_files *f = lab->os.files;
    modellab_status status = member_path(lab, presence->id, ".lock", path, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    int n = mli_os_format(text, sizeof(text), "%d %d", (int)workers, (int)short_workers);
    size_t used = n > 0 && n < SAID_BYTES - 1 ? (size_t)n : 0;
    memset(text + used, ' ', SAID_BYTES - 1 - used);
    text[SAID_BYTES - 1] = '\n';
    /* Its own descriptor: the lock is not touched by closing it. */
    int fd = f->open(f->user, path, MLI_OS_WRITE | MLI_OS_APPEND | MLI_OS_NOFOLLOW, 0);
    int rc = fd < 0 ? fd : mli_os_write_all(f, fd, text, SAID_BYTES);
    mli_os_fd_close(fd);
    return rc == 0 ? MODELLAB_OK
                   : mli_fail_os(err, -rc, "a supervisor's presence could not be written");
}

void mli_presence_close(const mli_lab *lab, mli_presence *presence)
{
    if (presence->socket_fd >= 0) {
        remove_member(lab, presence->id, ".sock");
    }
    if (presence->lock_fd >= 0) {
        remove_member(lab, presence->id, MLI_BEAT_SUFFIX);
        remove_member(lab, presence->id, ".lock");
    }
    mli_os_fd_close(presence->socket_fd);
    mli_os_fd_close(presence->lock_fd);
    presence->socket_fd = -1;
    presence->lock_fd = -1;
}
