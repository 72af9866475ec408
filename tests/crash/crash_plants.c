/* The planted bugs of the host program. */
#include "crash/crash_plants.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lab/page.h"
#include "lab/state.h"

static int no_lock(void *user, int fd, bool wait)
{
    (void)user;
    (void)fd;
    (void)wait;
    return 0;
}

static int64_t early_answer(void *user, int fd, void *out, size_t capacity, int *fds,
                            size_t *fd_count, bool wait)
{
    static const char text[] = "D{\"fence\":1}";
    (void)user;
    (void)fd;
    (void)fds;
    (void)wait;
    *fd_count = 0;
    if (capacity < sizeof(text)) {
        return -EMSGSIZE;
    }
    memcpy(out, text, sizeof(text) - 1);
    return (int64_t)sizeof(text) - 1;
}

/* Both halves reach the file, but not at once. */
static int write_in_place(void *user, const char *from, const char *to)
{
    static char text[1 << 20];
    const struct timespec pause = {0, 4000000};
    size_t length = strlen(to);
    size_t tail = strlen("/manifest.json");
    if (length < tail || strcmp(to + length - tail, "/manifest.json") != 0) {
        return mli_os_system_files.rename(user, from, to);
    }
    int source = open(from, O_RDONLY | O_CLOEXEC);
    int target = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ssize_t bytes = read(source, text, sizeof(text));
    ssize_t half = bytes / 2;
    bool good = bytes > 0 && write(target, text, (size_t)half) == half &&
                nanosleep(&pause, NULL) == 0 &&
                write(target, text + half, (size_t)(bytes - half)) == bytes - half;
    (void)close(source);
    (void)close(target);
    return good && unlink(from) == 0 ? 0 : -EIO;
}

static int still_running(void *user, int64_t pid, mli_os_exit *out)
{
    (void)user;
    (void)pid;
    (void)out;
    return -EAGAIN;
}

/* A run is alive while any process has the pid of its worker. */
static int by_pid(void *user, int fd, bool wait)
{
    char link[64];
    char path[512];
    mli_page *page = NULL;
    mli_os_identity worker;
    bool known = false;
    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof(path) - 1);
    path[length > 0 ? length : 0] = '\0';
    char *name = strrchr(path, '/');
    if (name != NULL && strcmp(name, "/lock") == 0) {
        (void)strcpy(name, "/page"); /* as long as "/lock" */
        int page_fd = open(path, O_RDWR | O_CLOEXEC);
        known = page_fd >= 0 && mli_page_map(&mli_os_system_files, page_fd, &page) == 0 &&
                mli_page_worker(page, &worker);
        mli_page_unmap(page);
        (void)close(page_fd);
    }
    if (known && kill((pid_t)worker.pid, 0) == 0) {
        return -EWOULDBLOCK;
    }
    return mli_os_system_files.lock(user, fd, wait);
}

mli_lab_tables crash_plant(crash_plants *p, const char *plant)
{
    p->files = mli_os_system_files;
    p->channels = mli_os_system_channels;
    p->processes = mli_os_system_processes;
    if (strcmp(plant, "no-lock") == 0 || strcmp(plant, "no-claim") == 0) {
        p->files.lock = no_lock;
    } else if (strcmp(plant, "early-answer") == 0) {
        p->channels.recv = early_answer;
    } else if (strcmp(plant, "by-pid") == 0) {
        p->files.lock = by_pid;
    } else if (strcmp(plant, "torn-manifest") == 0) {
        p->files.rename = write_in_place;
    } else if (strcmp(plant, "unseen-end") == 0) {
        p->processes.peek = still_running;
    }
    return (mli_lab_tables){
        .files = &p->files, .channels = &p->channels, .processes = &p->processes};
}

static mli_store_ops careless;
static const mli_store_ops *careful;

/* Takes a run that another has claimed as if it were still queued. */
static void claim_anyway(mli_store *store, mli_store_write *writes, size_t count)
{
    careful->write_many(store, writes, count);
    for (size_t i = 0; i < count; i++) {
        mli_run_record *record = NULL;
        mli_store_write *w = &writes[i];
        if (w->claim != NULL && w->status == MODELLAB_E_STATE &&
            careful->load(store, w->claim->run_id, &record, NULL) == MODELLAB_OK) {
            *w->row = record->run;
            record->run = NULL;
            mli_run_record_free(record);
            w->status = MODELLAB_OK;
        }
    }
}

/* About every fourth one is only said to be stored: by its id, since most hosts submit only a few.
 */
static modellab_status insert_some(mli_store *store, const mli_run_row *row,
                                   const mli_event_row *events, size_t count,
                                   char existing_id[MLI_ULID_BYTES], modellab_error *err)
{
    if ((row->id[MLI_ULID_BYTES - 2] & 3) == 0) {
        existing_id[0] = '\0';
        return MODELLAB_OK;
    }
    return careful->insert(store, row, events, count, existing_id, err);
}

static modellab_status forget_shares(mli_store *store, const mli_queue_query *query,
                                     mli_queue_view **out, modellab_error *err)
{
    modellab_status status = careful->queue(store, query, out, err);
    for (size_t i = 0; status == MODELLAB_OK && i < (*out)->user_count; i++) {
        (*out)->users[i].virtual_ms = 0;
    }
    return status;
}

static void lose_some(void)
{
    static void *volatile kept; /* nor does a sanitizer's look at the end mind this one */
    void *lost = malloc(1 << 20);
    if (lost != NULL) {
        memset(lost, 1, 1 << 20);
        *(void **)lost = kept;
        kept = lost;
    }
    (void)open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void leak(mli_store *store, mli_store_write *writes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (writes[i].claim != NULL) {
            lose_some();
        }
    }
    careful->write_many(store, writes, count);
}

static void tell_first(mli_store *store, const mli_store_change *change)
{
    const mli_run_transition *to = change->transition;
    if (to != NULL && mli_status_is_final(to->to)) {
        mli_event_row again = {.type = to->event_type, .data = "{}"};
        mli_store_change first = {.run_id = change->run_id,
                                  .fence = change->fence,
                                  .expect = change->expect,
                                  .now_ms = change->now_ms,
                                  .events = &again,
                                  .event_count = 1};
        bool told = false;
        int64_t number = 0;
        (void)careful->apply(store, &first, &told, &number, NULL); /* a bug has no manners */
    }
}

static modellab_status tell_twice(mli_store *store, const mli_store_change *change, bool *applied,
                                  int64_t *last_event, modellab_error *err)
{
    tell_first(store, change);
    return careful->apply(store, change, applied, last_event, err);
}

static void tell_all_twice(mli_store *store, mli_store_write *writes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < writes[i].change_count; k++) {
            tell_first(store, writes[i].changes[k]);
        }
    }
    careful->write_many(store, writes, count);
}

void crash_plant_store(mli_lab *lab, const char *plant)
{
    careful = lab->store->ops;
    careless = *careful;
    if (strcmp(plant, "no-claim") == 0) {
        careless.write_many = claim_anyway;
    } else if (strcmp(plant, "lost-ack") == 0) {
        careless.insert = insert_some;
    } else if (strcmp(plant, "no-shares") == 0) {
        careless.queue = forget_shares;
    } else if (strcmp(plant, "leaks") == 0) {
        careless.write_many = leak;
    } else if (strcmp(plant, "two-ends") == 0) {
        careless.apply = tell_twice;
        careless.write_many = tell_all_twice;
    } else {
        return;
    }
    lab->store->ops = &careless;
}
