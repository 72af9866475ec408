/* modellab_tts_result: samples, and when phonemes and words are heard. */
#include "api/tts.h"
#include "base/alloc.h"
#include "base/error.h"
#include "base/sized.h"

enum {
    INFO_FIRST = MLI_SIZE_UP_TO(modellab_tts_result_info, duration),
    TIME_FIRST = MLI_SIZE_UP_TO(modellab_tts_time, end)
};

modellab_tts_result *modellab_tts_result_ref(modellab_tts_result *result)
{
    if (result != NULL)
        atomic_fetch_add(&result->references, 1);
    return result;
}

void modellab_tts_result_unref(modellab_tts_result *result)
{
    if (result != NULL && atomic_fetch_sub(&result->references, 1) == 1) {
        modellab_allocator alloc = result->alloc;

        mli_free(&alloc, result->samples);
        mli_free(&alloc, result->ids);
        mli_free(&alloc, result->ends);
        mli_free(&alloc, result->words);
        mli_free(&alloc, result->places);
        mli_free(&alloc, result->symbols);
        mli_free(&alloc, result->ipa);
        mli_free(&alloc, result);
    }
}

modellab_status modellab_tts_result_get_info(const modellab_tts_result *result,
                                             modellab_tts_result_info *out, modellab_error *err)
{
    if (result == NULL || out == NULL)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "%s must not be NULL",
                        result == NULL ? "result" : "out");
    modellab_tts_result_info info = result->info;
    info.size = sizeof info;
    return mli_sized_out(out, &info, sizeof info, INFO_FIRST, err);
}

const float *modellab_tts_result_samples(const modellab_tts_result *result, size_t *count)
{
    if (count != NULL)
        *count = result == NULL ? 0 : result->count;
    return result == NULL ? NULL : result->samples;
}

/* From the beginning of id `first` to the end of id `last`. */
MODELLAB_MUST_CHECK static modellab_status time_of(const modellab_tts_result *r, size_t first,
                                                   size_t last, modellab_tts_time *out,
                                                   modellab_error *err)
{
    modellab_tts_time time = {.size = sizeof time, .id = r->ids[first]};

    time.start = first > 0 ? r->ends[first - 1] : 0.0;
    time.end = r->ends[last];
    return mli_sized_out(out, &time, sizeof time, TIME_FIRST, err);
}

modellab_status modellab_tts_result_phoneme_at(const modellab_tts_result *result, size_t index,
                                               modellab_tts_time *out, modellab_error *err)
{
    if (result == NULL || out == NULL)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "%s must not be NULL",
                        result == NULL ? "result" : "out");
    if (index >= (size_t)result->info.phonemes)
        return mli_fail(err, MODELLAB_E_NOT_FOUND, "phoneme %zu of %d", index,
                        (int)result->info.phonemes);
    return time_of(result, index, index, out, err);
}

modellab_status modellab_tts_result_word_at(const modellab_tts_result *result, size_t index,
                                            modellab_tts_time *out, modellab_error *err)
{
    if (result == NULL || out == NULL)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "%s must not be NULL",
                        result == NULL ? "result" : "out");
    if (index >= (size_t)result->info.words)
        return mli_fail(err, MODELLAB_E_NOT_FOUND, "word %zu of %d", index,
                        (int)result->info.words);
    const modellab_tts_span *word = &result->words[index];
    return time_of(result, (size_t)word->first, (size_t)(word->first + word->count - 1), out, err);
}
