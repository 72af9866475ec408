/* Adding up counters in memory until the store takes them. */
#include "lab/tally.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"
#include "log/logger.h"
#include "os/thread.h"
#include <string.h>

#define ENTRIES 64

typedef struct entry {
    char family[48], label[48];
    double value;
} entry;

struct mli_tally {
    mli_os_mutex mutex;
    entry entries[ENTRIES];
    size_t count;
    bool told; /* that the store does not take them */
};

modellab_status mli_tally_open(mli_lab *lab, modellab_error *err)
{
    struct mli_tally *t = mli_alloc_zero(lab->alloc, sizeof *t);
    if (t == NULL) {
        return mli_no_memory(err);
    }
    int rc = mli_os_mutex_init(&t->mutex);
    if (rc != 0) {
        mli_free(lab->alloc, t);
        return mli_fail_os(err, rc, "a lock could not be made");
    }
    lab->tally = t;
    return MODELLAB_OK;
}

static entry *find(struct mli_tally *t, const char *family, const char *label)
{
    for (size_t i = 0; i < t->count; i++) {
        if (strcmp(t->entries[i].family, family) == 0 && strcmp(t->entries[i].label, label) == 0) {
            return &t->entries[i];
        }
    }
    if (t->count == ENTRIES) {
        return NULL;
    }
    entry *e = &t->entries[t->count++];
    *e = (entry){.value = 0};
    (void)mli_str_copy(e->family, sizeof e->family, family); /* names of ours: they fit */
    (void)mli_str_copy(e->label, sizeof e->label, label);
    return e;
}

void mli_tally_add(const mli_lab *lab, const char *family, const char *label, double value)
{
    struct mli_tally *t = lab->tally;
    mli_os_mutex_lock(&t->mutex);
    entry *e = find(t, family, label);
    if (e != NULL) {
        e->value += value;
    }
    mli_os_mutex_unlock(&t->mutex);
    if (e == NULL) {
        mli_log_text(lab->logger, MODELLAB_LOG_WARN, "metrics.not_counted", family);
    }
}

/* Takes all of them; the mutex is not held while the store works. */
static size_t take_all(struct mli_tally *t, entry *out)
{
    mli_os_mutex_lock(&t->mutex);
    size_t count = t->count;
    memcpy(out, t->entries, count * sizeof *out);
    t->count = 0;
    mli_os_mutex_unlock(&t->mutex);
    return count;
}

static void tell_once(const mli_lab *lab, modellab_status status, const modellab_error *err)
{
    struct mli_tally *t = lab->tally;
    mli_os_mutex_lock(&t->mutex);
    bool first = !t->told;
    t->told = true;
    mli_os_mutex_unlock(&t->mutex);
    if (first) {
        mli_log_error(lab->logger, MODELLAB_LOG_WARN, "metrics.not_counted",
                      "counters wait for the store; told once", status, err);
    }
}

void mli_tally_flush(const mli_lab *lab)
{
    entry entries[ENTRIES];
    mli_store_counter counters[ENTRIES];
    modellab_error err = MODELLAB_ERROR_INIT;
    int64_t dropped = mli_logger_take_dropped(lab->logger);
    if (dropped > 0) {
        mli_tally_add(lab, "log_dropped_total", "", (double)dropped);
    }
    if ((lab->flags & MODELLAB_LAB_READ_ONLY) != 0) {
        return;
    }
    size_t count = take_all(lab->tally, entries);
    if (count == 0) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        counters[i] = (mli_store_counter){entries[i].family, entries[i].label, entries[i].value};
    }
    modellab_status status = mli_store_count_all(lab->store, counters, count, &err);
    if (status != MODELLAB_OK) {
        tell_once(lab, status, &err);
    }
    for (size_t i = 0; status != MODELLAB_OK && i < count; i++) { /* for the next time */
        mli_tally_add(lab, entries[i].family, entries[i].label, entries[i].value);
    }
}

void mli_tally_close(mli_lab *lab)
{
    struct mli_tally *t = lab->tally;
    if (t == NULL) {
        return;
    }
    if (mli_lab_check(lab, false, NULL) == MODELLAB_OK) { /* not in a forked child */
        if (lab->store != NULL) {
            mli_tally_flush(lab);
        }
        mli_os_mutex_destroy(&t->mutex);
    }
    lab->tally = NULL;
    mli_free(lab->alloc, t);
}
