/* Given speech, padded, and where it is long cut as the detector says. */
#include "speech/asr_align_speech.h"

#include "base/alloc.h"
#include "base/error.h"

/* Padded; neighbours share the silence between them. */
static mli_vad_segment padded(const mli_align_given *g, size_t i, int64_t before)
{
    mli_vad_segment s = g->items[i];
    int64_t next = i + 1 < g->count ? (s.end + g->items[i + 1].start) / 2 : g->samples;
    s.start = s.start - g->pad > before ? s.start - g->pad : before;
    s.end = s.end + g->pad < next ? s.end + g->pad : next;
    s.end = s.end < g->samples ? s.end : g->samples;
    return s;
}

static bool is_long(mli_vad_segment s)
{
    return s.end - s.start > MLI_ASR_CHUNK_SAMPLES;
}

bool mli_align_speech_is_long(const mli_align_given *given)
{
    for (size_t i = 0; i < given->count; i++)
        if (is_long(padded(given, i, 0)))
            return true;
    return false;
}

modellab_status mli_align_speech_take(const modellab_allocator *alloc, const mli_align_given *given,
                                      const mli_vad_segment *found, size_t found_count,
                                      mli_vad_segment **out, size_t *count, modellab_error *err)
{
    size_t made = 0, at = 0; /* of lists in memory: no overflow */
    int64_t before = 0;
    mli_vad_segment *list = mli_alloc_array(alloc, given->count + found_count + 1, sizeof *list);
    *out = list;
    *count = 0;
    if (list == NULL)
        return mli_no_memory(err);
    for (size_t i = 0; i < given->count; i++) {
        mli_vad_segment s = padded(given, i, before);
        size_t first = made;
        if (s.start >= s.end)
            continue;
        before = s.end;
        while (at < found_count && found[at].end <= s.start)
            at++;
        for (; is_long(s) && at < found_count && found[at].start < s.end; at++) {
            int64_t start = found[at].start > s.start ? found[at].start : s.start;
            int64_t end = found[at].end < s.end ? found[at].end : s.end;
            list[made++] = (mli_vad_segment){start, end};
            if (found[at].end > s.end)
                break;
        }
        if (made == first)
            list[made++] = s;
    }
    *count = made;
    return MODELLAB_OK;
}
