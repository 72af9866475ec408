/* Taking over a finished step: its files came with the order, to read; they become this run's as
 * copies, so that nothing of another run is ever open for writing. */
#include "lab/step_reuse.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/str.h"
#include "lab/reuse.h"
#include "log/logger.h"
#include <string.h>

#define BLOCK_BYTES ((size_t)64 * 1024)

static const char *text_of(const mli_json *object, const char *key)
{
    return mli_json_string(mli_json_get(object, key), "");
}

/* The last offer for the present step, as a value of its own; NULL = none. */
MODELLAB_MUST_CHECK static modellab_status find_offer(mli_worker *w, mli_json **out,
                                                      modellab_error *err)
{
    mli_journal_reader reader;
    mli_journal_line line;
    bool found = w->journal.tail.next_n > 1;
    modellab_status status = MODELLAB_OK;
    *out = NULL;
    mli_journal_reader_init(&reader, w->alloc, w->files, w->journal.fd);
    reader.most_fence = w->order.fence;
    while (status == MODELLAB_OK && found) {
        status = mli_journal_next(&reader, &line, &found, err);
        if (status != MODELLAB_OK || !found || line.fence != 0) {
            break; /* offers come before all attempts */
        }
        if (strcmp(line.type, MLI_REUSABLE_TYPE) == 0 &&
            strcmp(text_of(line.object, "step"), w->step) == 0) {
            mli_json_free(*out);
            status = mli_json_merge_patch(NULL, line.object, out, err);
        }
    }
    mli_journal_reader_dispose(&reader);
    return status;
}

/* Whether the file's bytes are those that were recorded; false also when it cannot be read. */
static bool is_intact(mli_worker *w, const mli_json *artifact, char *block)
{
    char digits[65];
    mli_sha256 hash;
    int64_t bytes = 0;
    const mli_os_files *f = w->files;
    int fd = mli_worker_offer(w, text_of(artifact, "name"));
    if (fd < 0) {
        return false;
    }
    mli_sha256_init(&hash);
    int64_t got = 1;
    while (got > 0 && !mli_cancelled(&w->page->stop)) {
        got = f->pread(f->user, fd, block, BLOCK_BYTES, bytes);
        bytes += got > 0 ? got : 0;
        mli_sha256_update(&hash, block, got > 0 ? (size_t)got : 0);
    }
    mli_sha256_hex(&hash, digits);
    return got == 0 && strcmp(digits, text_of(artifact, "sha256")) == 0 &&
           bytes == mli_json_int(mli_json_get(artifact, "bytes"), -1);
}

static bool all_intact(mli_worker *w, const mli_json *artifacts, char *block)
{
    size_t count = artifacts != NULL ? mli_json_count(artifacts) : 0;
    for (size_t i = 0; i < count; i++) {
        if (!is_intact(w, mli_json_at(artifacts, i), block)) {
            return false;
        }
    }
    return true;
}

MODELLAB_MUST_CHECK static modellab_status take_all(mli_worker *w, const mli_json *offer,
                                                    char from[MLI_ULID_BYTES], modellab_error *err)
{
    const mli_json *artifacts = mli_json_get(offer, "artifacts");
    size_t count = artifacts != NULL ? mli_json_count(artifacts) : 0;
    double seconds = mli_json_number(mli_json_get(offer, "audio_seconds"), -1);
    modellab_status status = MODELLAB_OK;
    for (size_t i = 0; status == MODELLAB_OK && i < count; i++) {
        const mli_json *one = mli_json_at(artifacts, i);
        status = mli_worker_artifact_copy(w, text_of(one, "name"), text_of(one, "media_type"),
                                          text_of(one, "role"), text_of(one, "sha256"), err);
    }
    if (status == MODELLAB_OK && mli_json_get(offer, "result") != NULL) {
        status = mli_json_dump(mli_json_get(offer, "result"), &w->result, err);
    }
    if (status == MODELLAB_OK) {
        (void)mli_str_copy(from, MLI_ULID_BYTES, text_of(offer, "from"));
        w->audio_seconds = seconds >= 0 ? seconds : w->audio_seconds;
        w->progress_seconds = seconds >= 0 ? seconds : w->progress_seconds;
        mli_log(w->log, MODELLAB_LOG_INFO, "step.reused", w->step,
                MLI_LOG_FIELDS(mli_log_string("from", from)));
    }
    return status;
}

/* A cap on audio is the step's own to tell. */
static bool fits(const mli_worker *w, const mli_json *offer, const char *key)
{
    double seconds = mli_json_number(mli_json_get(offer, "audio_seconds"), 0);
    if (w->caps.audio_ms > 0 && seconds * 1000.0 > (double)w->caps.audio_ms) {
        return false;
    }
    return strlen(key) == 64 && strcmp(text_of(offer, "key"), key) == 0 &&
           mli_ulid_valid(text_of(offer, "from"));
}

modellab_status mli_step_reuse(mli_worker *w, const char *key, char from[MLI_ULID_BYTES],
                               modellab_error *err)
{
    mli_json *offer = NULL;
    from[0] = '\0';
    modellab_status status = find_offer(w, &offer, err);
    if (status != MODELLAB_OK || offer == NULL) {
        return status;
    }
    char *block = mli_alloc(w->alloc, BLOCK_BYTES);
    if (block == NULL) {
        status = mli_no_memory(err);
    } else if (fits(w, offer, key) && all_intact(w, mli_json_get(offer, "artifacts"), block)) {
        status = take_all(w, offer, from, err);
    }
    mli_free(w->alloc, block);
    mli_json_free(offer);
    return status;
}
