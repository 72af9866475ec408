/* Reading what the steps before have left: through the descriptors of their files, which stay open
 * until the run is over. */
#include "lab/handoff.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/hash.h"
#include "lab/original_time.h"
#include "lab/pipeline.h"
#include "lab/step_ingest.h"
#include "text/format.h"
#include <math.h>
#include <string.h>

#define BLOCK_BYTES ((size_t)64 * 1024)
#define MOST_BYTES ((size_t)512 << 20) /* of an artifact that another step reads */

bool mli_handoff_done(const mli_worker *w, const char *step)
{
    const mli_step_past *past = mli_worker_past(w, step, strlen(step));
    return past != NULL && past->status == MODELLAB_RUN_COMPLETED;
}

/* Steps that change the samples and were taken over did not make any here. */
MODELLAB_MUST_CHECK static modellab_status remake(mli_worker *w, modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    for (size_t i = 0; status == MODELLAB_OK && i < w->past_count; i++) {
        mli_step_past *past = &w->past[i];
        if (past->kind->samples != NULL && past->reused && past->status == MODELLAB_RUN_COMPLETED) {
            status = past->kind->samples(w, err);
            past->reused = status != MODELLAB_OK;
        }
    }
    return status;
}

modellab_status mli_handoff_samples(mli_worker *w, modellab_error *err)
{
    modellab_status status = w->audio == NULL ? mli_step_ingest_take_in(w, err) : MODELLAB_OK;
    if (status == MODELLAB_OK) {
        status = remake(w, err);
    }
    if (status == MODELLAB_OK) {
        mli_worker_progress(w, 0, (double)mli_audio_samples(w->audio) / MLI_AUDIO_RATE);
    }
    return status;
}

void mli_handoff_put_samples(mli_worker *w, mli_audio_source *audio)
{
    mli_audio_unref(w->audio);
    w->audio = audio;
}

const mli_worker_output *mli_handoff_output(const mli_worker *w, const char *name)
{
    for (size_t i = 0; i < w->order.outputs.count; i++) {
        if (w->outputs[i].written && strcmp(w->order.outputs.names[i], name) == 0) {
            return &w->outputs[i];
        }
    }
    return NULL;
}

bool mli_handoff_has(const mli_worker *w, const char *name)
{
    return mli_handoff_output(w, name) != NULL;
}

/* All of the file, in pieces, with a look at the cancel word before each. */
MODELLAB_MUST_CHECK static modellab_status read_all(mli_worker *w, int fd, int64_t bytes,
                                                    mli_buf *out, modellab_error *err)
{
    const mli_os_files *f = w->files;
    char *block = mli_alloc(w->alloc, BLOCK_BYTES);
    modellab_status status = block != NULL ? MODELLAB_OK : mli_no_memory(err);
    for (int64_t at = 0; status == MODELLAB_OK && at < bytes;) {
        int64_t left = bytes - at;
        size_t want = left < (int64_t)BLOCK_BYTES ? (size_t)left : BLOCK_BYTES;
        int64_t got = f->pread(f->user, fd, block, want, at);
        if (mli_cancelled(&w->page->stop)) {
            status = mli_fail(err, MODELLAB_E_CANCELLED, "stopped");
        } else if (got < 0) {
            status = mli_fail_os(err, (int)-got, "what an earlier step made could not be read");
        } else if (got == 0) {
            status = mli_fail(err, MODELLAB_E_HASH_MISMATCH, "what an earlier step made is cut");
        } else {
            mli_buf_append(out, block, (size_t)got);
            status = mli_buf_status(out, err);
            at += got;
        }
    }
    mli_free(w->alloc, block);
    return status;
}

modellab_status mli_handoff_read(mli_worker *w, const char *name, mli_buf *out, modellab_error *err)
{
    char digits[65];
    mli_sha256 hash;
    size_t from = out->size;
    const mli_worker_output *o = mli_handoff_output(w, name);
    if (o == NULL) {
        return mli_fail(err, MODELLAB_E_NOT_FOUND, "no step before has made %s", name);
    }
    if (o->bytes > (int64_t)MOST_BYTES) {
        return mli_fail(err, MODELLAB_E_LIMIT, "%s is too large to be read", name);
    }
    size_t at = (size_t)(o - w->outputs);
    modellab_status status = read_all(w, w->fds[MLI_ORDER_RESULTS + at], o->bytes, out, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    mli_sha256_init(&hash);
    mli_sha256_update(&hash, o->bytes > 0 ? out->data + from : "", (size_t)o->bytes);
    mli_sha256_hex(&hash, digits);
    return strcmp(digits, o->sha256) == 0
               ? MODELLAB_OK
               : mli_fail(err, MODELLAB_E_HASH_MISMATCH, "%s is not what was written", name);
}

modellab_status mli_handoff_json(mli_worker *w, const char *name, mli_json **out,
                                 modellab_error *err)
{
    mli_buf text;
    *out = NULL;
    mli_buf_init(&text, w->alloc);
    modellab_status status = mli_handoff_read(w, name, &text, err);
    if (status == MODELLAB_OK) {
        status = mli_json_parse(text.data, text.size, MOST_BYTES, out, err);
    }
    mli_buf_dispose(&text);
    return status;
}

const char *mli_handoff_transcript_name(const mli_worker *w, bool *partial)
{
    *partial = !mli_handoff_has(w, "transcript.json");
    return *partial ? "transcript.partial.json" : "transcript.json";
}

modellab_status mli_handoff_transcript(mli_worker *w, mli_transcript **out, modellab_error *err)
{
    bool partial;
    const char *name = mli_handoff_transcript_name(w, &partial);
    mli_buf text;
    *out = NULL;
    mli_buf_init(&text, w->alloc);
    modellab_status status = mli_handoff_read(w, name, &text, err);
    if (status == MODELLAB_OK) {
        status = mli_format_read(MLI_TEXT_VERBOSE_JSON, text.data, text.size, w->alloc, out, err);
    }
    mli_buf_dispose(&text);
    return status;
}

/* Seconds of a member; NAN when it is none. */
static double seconds_of(const mli_json *object, const char *key)
{
    return mli_json_number(mli_json_get(object, key), NAN);
}

modellab_status mli_handoff_speech(mli_worker *w, mli_vad_segment **out, size_t *count,
                                   modellab_error *err)
{
    mli_json *root = NULL;
    *out = NULL;
    *count = 0;
    modellab_status status = mli_handoff_json(w, "speech.json", &root, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    const mli_json *list = mli_json_get(root, "segments");
    size_t n = list != NULL ? mli_json_count(list) : 0;
    *out = mli_alloc_array(w->alloc, n > 0 ? n : 1, sizeof(**out));
    status = *out != NULL ? MODELLAB_OK : mli_no_memory(err);
    for (size_t i = 0; status == MODELLAB_OK && i < n; i++) {
        double start = seconds_of(mli_json_at(list, i), "start");
        double end = seconds_of(mli_json_at(list, i), "end");
        if (!(start >= 0 && end > start && end < 1e6)) {
            status = mli_fail(err, MODELLAB_E_INVALID_JSON, "speech.json has a bad segment");
        } else {
            (*out)[(*count)++] =
                (mli_vad_segment){llround(mli_prepared_time(w, start) * MLI_AUDIO_RATE),
                                  llround(mli_prepared_time(w, end) * MLI_AUDIO_RATE)};
        }
    }
    mli_json_free(root);
    if (status != MODELLAB_OK) {
        mli_free(w->alloc, *out);
        *out = NULL;
    }
    return status;
}

modellab_status mli_handoff_turns_read(mli_worker *w, mli_handoff_turns *out, modellab_error *err)
{
    memset(out, 0, sizeof(*out));
    modellab_status status = mli_handoff_json(w, "speakers.json", &out->root, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    const mli_json *list = mli_json_get(out->root, "turns");
    size_t n = list != NULL ? mli_json_count(list) : 0;
    out->list = mli_alloc_array(w->alloc, n > 0 ? n : 1, sizeof(*out->list));
    status = out->list != NULL ? MODELLAB_OK : mli_no_memory(err);
    for (size_t i = 0; status == MODELLAB_OK && i < n; i++) {
        const mli_json *one = mli_json_at(list, i);
        mli_handoff_turn turn = {seconds_of(one, "start"), seconds_of(one, "end"),
                                 mli_json_string(mli_json_get(one, "speaker"), "")};
        if (!(turn.start >= 0 && turn.end >= turn.start && turn.end < 1e6)) {
            status = mli_fail(err, MODELLAB_E_INVALID_JSON, "speakers.json has a bad turn");
        } else {
            out->list[out->count++] = turn;
        }
    }
    return status;
}

void mli_handoff_turns_dispose(mli_worker *w, mli_handoff_turns *turns)
{
    mli_free(w->alloc, turns->list);
    mli_json_free(turns->root);
    memset(turns, 0, sizeof(*turns));
}
