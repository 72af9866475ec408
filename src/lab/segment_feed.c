/* Who follows a run reads its journal as it grows. A worker can ring no bell, so the journal's end
 * is looked at every 10 ms (one pread); the bell of the run's events ends a pause early. */
#include "lab/segment_feed.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"
#include "lab/compare_text.h"
#include "lab/state.h"
#include "os/process.h"
#include "store/rundir.h"
#include "text/whisper_tokenizer.h"
#include <errno.h>

#define PAUSE_NS ((int64_t)10000000)

typedef struct modellab_segment_feed feed;

modellab_status mli_segment_feed_open(mli_lab *lab, const char *run_id, feed **out,
                                      modellab_error *err)
{
    mli_run_stand stand;
    *out = NULL;
    if (!mli_ulid_valid(run_id)) {
        return mli_fail(err, MODELLAB_E_NOT_FOUND, "there is no run of this id");
    }
    modellab_status status = mli_store_stand(lab->store, run_id, &stand, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    feed *f = mli_alloc_zero(lab->alloc, sizeof(*f));
    if (f == NULL) {
        return mli_no_memory(err);
    }
    f->lab = mli_lab_ref(lab);
    f->fd = -1;
    (void)mli_str_copy(f->run_id, sizeof(f->run_id), run_id); /* fits: it is valid */
    mli_checkpoint_chain_init(&f->chain, lab->alloc);
    *out = f;
    return MODELLAB_OK;
}

void mli_segment_feed_close(feed *f)
{
    if (f == NULL) {
        return;
    }
    mli_lab *lab = f->lab;
    if (f->is_reading) {
        mli_journal_reader_dispose(&f->reader);
    }
    if (f->fd >= 0) {
        mli_os_fd_close(f->fd); /* only read */
    }
    mli_checkpoint_chain_dispose(&f->chain);
    mli_free(lab->alloc, f);
    mli_lab_unref(lab);
}

/* A journal that is not there (imported runs have none, some were cleaned up) has no windows. */
MODELLAB_MUST_CHECK static modellab_status open_journal(feed *f, modellab_error *err)
{
    char path[MLI_PATH_BYTES];
    const mli_os_files *files = f->lab->os.files;
    if (f->fd >= 0) {
        return MODELLAB_OK;
    }
    modellab_status status = mli_run_path(f->lab->root, f->run_id, MLI_RUN_JOURNAL, path, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    int fd = files->open(files->user, path, MLI_OS_READ | MLI_OS_NOFOLLOW, 0);
    if (fd < 0) {
        return fd == -ENOENT ? MODELLAB_OK
                             : mli_fail_os(err, -fd, "the run's journal could not be opened");
    }
    f->fd = fd;
    f->is_reading = true;
    mli_journal_reader_init(&f->reader, f->lab->alloc, files, fd);
    return MODELLAB_OK;
}

/* All lines that are there by now. */
MODELLAB_MUST_CHECK static modellab_status read_lines(feed *f, const mli_cancel_word *cancel,
                                                      modellab_error *err)
{
    mli_journal_line line;
    modellab_status status = open_journal(f, err);
    bool found = f->fd >= 0;
    while (status == MODELLAB_OK && found) {
        if (mli_cancelled(cancel)) { /* a long journal; what was read of it stays */
            return mli_fail(err, MODELLAB_E_CANCELLED, "the waiting was cancelled");
        }
        status = mli_journal_next(&f->reader, &line, &found, err);
        if (status == MODELLAB_OK && found) {
            status = mli_checkpoint_take(&f->chain, &line, err);
        }
    }
    if (status == MODELLAB_E_STORE_CORRUPT) { /* a line without end: nothing follows it */
        mli_error_clear(err);
        status = MODELLAB_OK;
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status begin(const feed *f, const char *language,
                                                 double probability, const char *task,
                                                 double duration, mli_transcript **out,
                                                 modellab_error *err)
{
    modellab_status status = mli_transcript_create(f->lab->alloc, out, err);
    if (status == MODELLAB_OK) {
        mli_transcript_set_partial(*out);
        status = mli_transcript_set_info(*out, task, language, probability, duration, err);
    }
    return status;
}

/* Segments that count on from those given before. */
MODELLAB_MUST_CHECK static modellab_status give(feed *f, const mli_transcript *from, size_t first,
                                                mli_transcript *to, modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    for (size_t i = first; status == MODELLAB_OK && i < from->segment_count; i++) {
        mli_transcript_segment s = from->segments[i];
        s.id = f->given + (int64_t)(i - first);
        status = mli_transcript_add(to, &s, err);
        to->has_words = to->has_words || s.word_count > 0;
    }
    return status == MODELLAB_OK ? mli_transcript_finish(to, err) : status;
}

/* The first window that was not given, by where it begins: windows of an attempt that went on have
 * their old places, and so have those of one that began anew. */
static size_t first_new(const feed *f)
{
    size_t first = f->chain.is_own ? 0 : f->chain.count;
    while (first < f->chain.count && f->chain.windows[first].from < f->reached) {
        first++;
    }
    return first;
}

MODELLAB_MUST_CHECK static modellab_status take_windows(feed *f, size_t first, mli_transcript **out,
                                                        modellab_error *err)
{
    mli_asr_mark mark;
    int32_t *history = NULL;
    mli_transcript *windows = NULL;
    modellab_status status = mli_checkpoint_mark(&f->chain, &mark, &history, err);
    mli_free(f->lab->alloc, history);
    if (status == MODELLAB_OK) {
        status = mli_transcript_create(f->lab->alloc, &windows, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_checkpoint_original(&f->chain, first, windows, err);
    }
    if (status == MODELLAB_OK) {
        const char *language = mli_whisper_language_code(mark.language);
        status = begin(f, language != NULL ? language : "", mark.language_probability, "", 0.0, out,
                       err);
    }
    if (status == MODELLAB_OK) {
        status = give(f, windows, 0, *out, err);
    }
    if (status == MODELLAB_OK) {
        f->reached = mark.seek;
        f->given += (int64_t)(*out)->segment_count;
    }
    mli_transcript_unref(windows);
    return status;
}

/* What the transcript has beyond that. */
MODELLAB_MUST_CHECK static modellab_status take_rest(feed *f, mli_transcript **out,
                                                     modellab_error *err)
{
    mli_run_record *record = NULL;
    mli_transcript *whole = NULL;
    f->is_over = true;
    modellab_status status = mli_store_load(f->lab->store, f->run_id, &record, err);
    if (status == MODELLAB_OK) {
        status = mli_compare_read(f->lab, record, &whole, err);
    }
    if (status == MODELLAB_OK && whole != NULL && whole->segment_count > (size_t)f->given) {
        status = begin(f, whole->language, whole->language_probability, whole->task,
                       whole->duration, out, err);
        if (status == MODELLAB_OK) {
            status = give(f, whole, (size_t)f->given, *out, err);
        }
    }
    mli_transcript_unref(whole);
    mli_run_record_free(record);
    f->is_over = status == MODELLAB_OK;
    return status;
}

/* What is there now; *ended: the run has, and all its windows were given. */
MODELLAB_MUST_CHECK static modellab_status
look(feed *f, const mli_cancel_word *cancel, mli_transcript **out, bool *ended, modellab_error *err)
{
    mli_run_stand stand;
    *ended = f->is_over;
    if (f->is_over) {
        return MODELLAB_OK;
    }
    /* in this order: what was written before the end is then found after it */
    modellab_status status = mli_store_stand(f->lab->store, f->run_id, &stand, err);
    if (status == MODELLAB_OK) {
        status = read_lines(f, cancel, err);
    }
    if (status != MODELLAB_OK) {
        return status;
    }
    size_t first = first_new(f);
    if (first < f->chain.count) {
        status = take_windows(f, first, out, err);
        if (status != MODELLAB_E_INVALID_JSON) {
            return status;
        }
        mli_error_clear(err); /* windows that make no sense: the transcript will tell */
        mli_transcript_unref(*out);
        *out = NULL;
        f->reached = f->chain.windows[f->chain.count - 1].to;
    }
    *ended = mli_status_is_final(stand.status);
    return *ended ? take_rest(f, out, err) : MODELLAB_OK;
}

static int64_t now_of(const feed *f)
{
    return f->lab->os.clock->monotonic_ns(f->lab->os.clock->user);
}

static void pause_some(const feed *f, uint32_t mark, const mli_cancel_word *cancel, int64_t left)
{
    const mli_os_clock *clock = f->lab->os.clock;
    int64_t ns = left < PAUSE_NS ? left : PAUSE_NS;
    if (mli_bell_wait(&f->lab->bell, f->run_id, mark, cancel, ns) == -ENOSYS) {
        (void)clock->sleep_ns(clock->user, ns); /* EINTR only makes the pause shorter */
    }
}

modellab_status mli_segment_feed_next(feed *f, int64_t wait_ms, const mli_cancel_word *cancel,
                                      mli_transcript **out, modellab_error *err)
{
    int64_t now = now_of(f), until = INT64_MAX;
    bool ended = false;
    if (wait_ms >= 0 && wait_ms <= INT64_MAX / 2000000 - now / 1000000) {
        until = now + wait_ms * 1000000;
    }
    for (*out = NULL;; now = now_of(f)) {
        uint32_t mark = mli_bell_mark(&f->lab->bell, f->run_id);
        modellab_status status = look(f, cancel, out, &ended, err);
        if (status != MODELLAB_OK) {
            mli_transcript_unref(*out);
            *out = NULL;
            return status;
        }
        if (*out != NULL && (*out)->segment_count == 0) { /* a silent window */
            mli_transcript_unref(*out);
            *out = NULL;
        }
        if (*out != NULL || ended) {
            return MODELLAB_OK;
        }
        if (mli_cancelled(cancel)) {
            return mli_fail(err, MODELLAB_E_CANCELLED, "the waiting was cancelled");
        }
        if (now >= until) {
            return mli_fail(err, MODELLAB_E_TIMEOUT, "no segments were finished in that time");
        }
        pause_some(f, mark, cancel, until - now);
    }
}
