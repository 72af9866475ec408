/* The ledger of an input: four sets of spans, each what the ones before have left. */
#include "score/coverage.h"

#include "base/alloc.h"
#include "base/error.h"
#include <stdlib.h>
#include <string.h>

typedef struct sets {
    mli_spans whole, text, speech, open, late, seen, quiet, dropped;
} sets;

static int64_t clamp(int64_t at, int64_t duration)
{
    return at < 0 ? 0 : at > duration ? duration : at;
}

/* The spans within [from, to), joined; NULL = none. */
MODELLAB_MUST_CHECK static modellab_status take(const mli_spans *given, int64_t from, int64_t to,
                                                mli_spans *out, modellab_error *err)
{
    modellab_status status = MODELLAB_OK;

    for (size_t i = 0; given != NULL && status == MODELLAB_OK && i < given->count; i++) {
        int64_t start = given->items[i].start > from ? given->items[i].start : from;
        int64_t end = given->items[i].end < to ? given->items[i].end : to;

        status = start < end ? mli_spans_add(out, start, end, err) : MODELLAB_OK;
    }
    mli_spans_join(out);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status divide(const mli_coverage_view *v, sets *s,
                                                  modellab_error *err)
{
    int64_t reached = v->recognised ? clamp(v->reached, v->duration) : v->duration;
    modellab_status status = mli_spans_add(&s->whole, 0, v->duration, err);

    if (status == MODELLAB_OK)
        status = take(v->text, 0, v->duration, &s->text, err);
    if (status == MODELLAB_OK)
        status = take(v->speech, 0, v->duration, &s->speech, err);
    if (status == MODELLAB_OK)
        status = mli_spans_subtract(&s->whole, &s->text, &s->open, err);
    if (status == MODELLAB_OK)
        status = take(&s->open, reached, v->duration, &s->late, err);
    if (status == MODELLAB_OK)
        status = take(&s->open, 0, reached, &s->seen, err);
    if (status != MODELLAB_OK)
        return status;
    /* Without a detector nothing says that nobody spoke: a recogniser's silence is not it. */
    if (v->speech == NULL)
        return take(&s->seen, 0, v->duration, &s->dropped, err);
    status = mli_spans_subtract(&s->seen, &s->speech, &s->quiet, err);
    return status == MODELLAB_OK ? mli_spans_subtract(&s->seen, &s->quiet, &s->dropped, err)
                                 : status;
}

static void put(mli_coverage *c, const mli_spans *spans, mli_coverage_label label,
                const char *reason)
{
    for (size_t i = 0; i < spans->count; i++) {
        int64_t start = spans->items[i].start, end = spans->items[i].end;

        c->parts[c->count++] = (mli_coverage_part){start, end, label, reason};
        c->sums[label] += end - start;
    }
}

static int by_start(const void *a, const void *b)
{
    const mli_coverage_part *one = a, *other = b;

    return one->start < other->start ? -1 : one->start > other->start;
}

static void init(sets *s, const modellab_allocator *alloc)
{
    mli_spans *all[] = {&s->whole, &s->text, &s->speech, &s->open,
                        &s->late,  &s->seen, &s->quiet,  &s->dropped};

    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        mli_spans_init(all[i], alloc);
}

static void dispose(sets *s)
{
    mli_spans *all[] = {&s->whole, &s->text, &s->speech, &s->open,
                        &s->late,  &s->seen, &s->quiet,  &s->dropped};

    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        mli_spans_dispose(all[i]);
}

modellab_status mli_coverage_make(const mli_coverage_view *view, const modellab_allocator *alloc,
                                  mli_coverage *out, modellab_error *err)
{
    const char *dropped = !view->recognised      ? "not_asked_for"
                          : view->speech != NULL ? "no_text"
                                                 : "no_text_no_detector";
    const char *quiet = view->detector != NULL ? view->detector : "";
    const char *late = view->end != NULL ? view->end : "";
    modellab_status status;
    sets s;

    memset(out, 0, sizeof *out);
    out->alloc = alloc;
    init(&s, alloc);
    status = view->duration > 0 ? divide(view, &s, err) : MODELLAB_OK;
    if (status == MODELLAB_OK) {
        size_t most = s.text.count + s.quiet.count + s.dropped.count + s.late.count;

        out->parts = mli_alloc_array(alloc, most > 0 ? most : 1, sizeof *out->parts);
        status = out->parts != NULL ? MODELLAB_OK : mli_no_memory(err);
    }
    if (status == MODELLAB_OK) {
        put(out, &s.text, MLI_COVERAGE_TRANSCRIBED, "");
        put(out, &s.quiet, MLI_COVERAGE_NON_SPEECH, quiet);
        put(out, &s.dropped, MLI_COVERAGE_DROPPED, dropped);
        put(out, &s.late, view->given_up ? MLI_COVERAGE_DROPPED : MLI_COVERAGE_FAILED, late);
        qsort(out->parts, out->count, sizeof *out->parts, by_start);
    }
    dispose(&s);
    return status;
}

void mli_coverage_dispose(mli_coverage *coverage)
{
    mli_free(coverage->alloc, coverage->parts);
    memset(coverage, 0, sizeof *coverage);
}

const char *mli_coverage_name(mli_coverage_label label)
{
    static const char *const names[MLI_COVERAGE_LABELS] = {"transcribed", "non_speech", "dropped",
                                                           "failed"};

    return names[label];
}
