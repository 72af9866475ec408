/* Words of two transcripts: how far they are apart, and where. */
#include "lab/compare_text.h"

#include "base/error.h"
#include "lab/step_state.h"
#include "score/wer.h"
#include "text/format.h"
#include <math.h>
#include <string.h>

#define SHOWN_WORDS 8
#define SHOWN_DIFFERENCES 200

/* The machine is to blame, not the file. */
static bool is_passing(const modellab_error *why)
{
    return why->code == MODELLAB_E_NO_MEMORY || why->code == MODELLAB_E_IO ||
           why->code == MODELLAB_E_PERMISSION || why->code == MODELLAB_E_BUSY ||
           (why->code == MODELLAB_E_LIMIT && why->os_error != 0); /* too many open files */
}

modellab_status mli_compare_read(mli_lab *lab, const mli_run_record *record, mli_transcript **out,
                                 modellab_error *err)
{
    static const char *const names[] = {"transcript.json", "transcript.partial.json"};
    const mli_artifact_row *artifact = NULL;
    modellab_error why = MODELLAB_ERROR_INIT;
    modellab_status status;
    mli_buf text;

    *out = NULL;
    for (size_t n = 0; artifact == NULL && n < sizeof names / sizeof *names; n++) {
        for (size_t i = record->artifact_count; artifact == NULL && i > 0; i--) {
            if (strcmp(record->artifacts[i - 1].name, names[n]) == 0 &&
                strcmp(record->artifacts[i - 1].role, MLI_ROLE_LATE) != 0) {
                artifact = &record->artifacts[i - 1];
            }
        }
    }
    if (artifact == NULL) {
        return MODELLAB_OK;
    }
    mli_buf_init(&text, lab->alloc);
    status = mli_artifact_read(lab->os.files, lab->root, record->run->id, artifact->file,
                               MLI_FORMAT_MAX_BYTES, artifact->sha256, &text, &why);
    if (status == MODELLAB_OK) {
        status = mli_format_read(MLI_TEXT_VERBOSE_JSON, mli_buf_text(&text), text.size, lab->alloc,
                                 out, &why);
    }
    mli_buf_dispose(&text);
    if (status == MODELLAB_OK || is_passing(&why)) {
        return status == MODELLAB_OK ? status
                                     : mli_fail_at(err, status, why.detail, "%s", why.message);
    }
    return MODELLAB_OK; /* taken away, damaged, or of another kind: not to be compared */
}

/* The word at `at` and its end; words are separated by one space. */
static size_t word_end(const mli_buf *words, size_t at)
{
    while (at < words->size && words->data[at] != ' ') {
        at++;
    }
    return at;
}

/* Some words from `at` on. */
static void put_words(mli_jw *w, const char *key, const mli_buf *words, size_t at)
{
    size_t end = at;

    for (int i = 0; i < SHOWN_WORDS && end < words->size; i++) {
        end = word_end(words, end);
        end += end < words->size && i + 1 < SHOWN_WORDS;
    }
    mli_jw_key(w, key);
    mli_jw_string_n(w, at < words->size ? words->data + at : "", end - at);
}

static void put_first_difference(mli_jw *w, const mli_buf *a, const mli_buf *b)
{
    size_t at = 0;
    int64_t word = 0;

    for (;;) {
        size_t end = word_end(a, at);

        if (at >= a->size || at >= b->size || word_end(b, at) != end ||
            memcmp(a->data + at, b->data + at, end - at) != 0) {
            break;
        }
        word++;
        at = end + 1;
    }
    mli_jw_key(w, "first_difference");
    if (at >= a->size && at >= b->size) {
        mli_jw_null(w);
        return;
    }
    mli_jw_object(w);
    mli_jw_kint(w, "word", word);
    put_words(w, "a", a, at < a->size ? at : a->size);
    put_words(w, "b", b, at < b->size ? at : b->size);
    mli_jw_end_object(w);
}

/* Words of one side of a difference, in order: they stand side by side in the text. */
typedef struct span {
    const char *from;
    size_t bytes;
    int64_t first; /* index of its first word, or of the word before which the other has more */
} span;

static void extend(span *s, const char *word, size_t bytes)
{
    if (word == NULL) {
        return;
    }
    if (s->from == NULL) {
        s->from = word;
    }
    s->bytes = (size_t)(word + bytes - s->from);
}

static void put_span(mli_jw *w, const char *key, const char *index_key, const span *s)
{
    mli_jw_kint(w, index_key, s->first);
    mli_jw_key(w, key);
    mli_jw_string_n(w, s->from != NULL ? s->from : "", s->bytes);
}

/* Each run of words that differ, by the alignment; beyond SHOWN_DIFFERENCES they are counted. */
static void put_differences(mli_jw *w, const mli_wer_alignment *alignment)
{
    mli_wer_cursor cursor = {0};
    mli_wer_step step;
    int64_t count = 0;
    bool more = mli_wer_next(alignment, &cursor, &step);

    mli_jw_key(w, "differences");
    mli_jw_array(w);
    while (more) {
        span a = {NULL, 0, cursor.reference_words}, b = {NULL, 0, cursor.hypothesis_words};

        if (step.kind == MLI_EDIT_EQUAL) {
            more = mli_wer_next(alignment, &cursor, &step);
            continue;
        }
        a.first -= step.kind != MLI_EDIT_INSERT; /* the cursor is behind the step */
        b.first -= step.kind != MLI_EDIT_DELETE;
        for (; more && step.kind != MLI_EDIT_EQUAL;
             more = mli_wer_next(alignment, &cursor, &step)) {
            extend(&a, step.reference, step.reference_bytes);
            extend(&b, step.hypothesis, step.hypothesis_bytes);
        }
        if (count++ < SHOWN_DIFFERENCES) {
            mli_jw_object(w);
            put_span(w, "a", "word_a", &a);
            put_span(w, "b", "word_b", &b);
            mli_jw_end_object(w);
        }
    }
    mli_jw_end_array(w);
    mli_jw_kint(w, "difference_count", count);
}

static void put_counts(mli_jw *w, const mli_edit_counts *c)
{
    int64_t errors = c->substitutions + c->deletions + c->insertions;
    double rate = mli_edit_rate(c);

    mli_jw_kint(w, "words_a", c->hits + c->substitutions + c->deletions);
    mli_jw_kint(w, "words_b", c->hits + c->substitutions + c->insertions);
    mli_jw_kint(w, "substitutions", c->substitutions);
    mli_jw_kint(w, "deletions", c->deletions);
    mli_jw_kint(w, "insertions", c->insertions);
    mli_jw_kbool(w, "same", errors == 0);
    mli_jw_kreal(w, "wer", rate); /* NaN becomes null: no words to be wrong about */
}

modellab_status mli_compare_texts(const char *a, size_t a_bytes, const char *b, size_t b_bytes,
                                  const modellab_allocator *alloc, const mli_cancel_word *cancel,
                                  mli_jw *out, modellab_error *err)
{
    const mli_wer_options options = {MLI_SCORE_SIMPLE, alloc, cancel};
    mli_wer_alignment alignment;
    modellab_status status = mli_wer_align(a, a_bytes, b, b_bytes, &options, &alignment, err);

    if (status == MODELLAB_OK) {
        mli_jw_object(out);
        put_counts(out, &alignment.path.counts);
        put_first_difference(out, &alignment.reference, &alignment.hypothesis);
        put_differences(out, &alignment);
        mli_jw_end_object(out);
    }
    mli_wer_alignment_dispose(&alignment);
    return status;
}

modellab_status mli_compare_transcripts(mli_lab *lab, const mli_run_record *a,
                                        const mli_run_record *b, const mli_cancel_word *cancel,
                                        mli_jw *out, modellab_error *err)
{
    mli_transcript *of_a = NULL, *of_b = NULL;
    modellab_status status = mli_compare_read(lab, a, &of_a, err);

    if (status == MODELLAB_OK) {
        status = mli_compare_read(lab, b, &of_b, err);
    }
    if (status == MODELLAB_OK && of_a != NULL && of_b != NULL) {
        const char *text_a = of_a->text, *text_b = of_b->text;

        status = mli_compare_texts(text_a, strlen(text_a), text_b, strlen(text_b), lab->alloc,
                                   cancel, out, err);
    } else if (status == MODELLAB_OK) {
        mli_jw_null(out);
    }
    mli_transcript_unref(of_a);
    mli_transcript_unref(of_b);
    return status;
}
