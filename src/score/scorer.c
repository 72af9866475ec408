/* Texts: pairs, pieces and errors by word; and what all metrics have in common. */
#include "score/scorer.h"

#include "base/alloc.h"
#include "base/error.h"
#include <math.h>
#include <string.h>

enum { PIECE_WORDS = 20, FILES_ENOUGH = 10 };

void mli_scorer_init(mli_scorer *s, const mli_scorer_options *options)
{
    *s = (mli_scorer){.o = *options};
    mli_buf_init(&s->alignment, options->alloc);
}

void mli_scorer_dispose(mli_scorer *s)
{
    const mli_scorer_options o = s->o;
    for (size_t i = 0; i < s->file_count; i++)
        mli_free(o.alloc, s->files[i].name);
    mli_free(o.alloc, s->files);
    mli_free(o.alloc, s->pieces);
    mli_free(o.alloc, s->word_errors);
    mli_free(o.alloc, s->times);
    mli_buf_dispose(&s->alignment);
    mli_scorer_init(s, &o);
}

void *mli_scorer_room(const mli_scorer *s, void *items, size_t count, size_t *capacity, size_t size,
                      modellab_status *status, modellab_error *err)
{
    if (count < *capacity)
        return items;
    const size_t more = *capacity == 0 ? 32 : *capacity * 2;
    void *moved = mli_realloc_array(s->o.alloc, items, more, size);
    if (moved == NULL) {
        *status = mli_no_memory(err);
        return items;
    }
    *capacity = more;
    return moved;
}

modellab_status mli_scorer_add_file(mli_scorer *s, const char *name, double errors, double size,
                                    modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    s->files = mli_scorer_room(s, s->files, s->file_count, &s->file_capacity, sizeof *s->files,
                               &status, err);
    if (status != MODELLAB_OK)
        return status;
    char *copy = mli_strdup(s->o.alloc, name != NULL ? name : "");
    if (copy == NULL)
        return mli_no_memory(err);
    s->files[s->file_count++] = (mli_score_file){copy, {errors, size}};
    return MODELLAB_OK;
}

static double errors_of(const mli_edit_counts *c)
{
    return (double)(c->substitutions + c->deletions + c->insertions);
}

static double size_of(const mli_edit_counts *c)
{
    return (double)(c->hits + c->substitutions + c->deletions);
}

MODELLAB_MUST_CHECK static modellab_status add_piece(mli_scorer *s, mli_score_unit *piece,
                                                     modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    s->pieces = mli_scorer_room(s, s->pieces, s->piece_count, &s->piece_capacity, sizeof *s->pieces,
                                &status, err);
    if (status == MODELLAB_OK)
        s->pieces[s->piece_count++] = *piece;
    *piece = (mli_score_unit){0.0, 0.0};
    return status;
}

/* A piece ends after two right words, when it has enough of the reference. */
MODELLAB_MUST_CHECK static modellab_status cut(mli_scorer *s, const mli_edit_path *path,
                                               modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    mli_score_unit piece = {0.0, 0.0};
    for (size_t i = 0; status == MODELLAB_OK && i < path->count; i++) {
        piece.errors += path->kinds[i] != MLI_EDIT_EQUAL;
        piece.size += path->kinds[i] != MLI_EDIT_INSERT;
        if (piece.size >= PIECE_WORDS && path->kinds[i] == MLI_EDIT_EQUAL &&
            path->kinds[i - 1] == MLI_EDIT_EQUAL)
            status = add_piece(s, &piece, err);
    }
    if (status == MODELLAB_OK && piece.errors + piece.size > 0.0)
        status = add_piece(s, &piece, err);
    return status;
}

/* Inserted words count at the next word of the reference, at the end of a text at the last. A
 * reference without words has one entry, so that what is inserted there is not lost. */
MODELLAB_MUST_CHECK static modellab_status note_errors(mli_scorer *s, const mli_edit_path *path,
                                                       modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    const size_t from = s->word_count;
    uint32_t waiting = 0;
    for (size_t i = 0; status == MODELLAB_OK && i < path->count; i++) {
        if (path->kinds[i] == MLI_EDIT_INSERT) {
            waiting++;
            continue;
        }
        s->word_errors = mli_scorer_room(s, s->word_errors, s->word_count, &s->word_capacity,
                                         sizeof *s->word_errors, &status, err);
        if (status == MODELLAB_OK)
            s->word_errors[s->word_count++] = waiting + (path->kinds[i] != MLI_EDIT_EQUAL);
        waiting = 0;
    }
    if (status != MODELLAB_OK)
        return status;
    if (s->word_count > from) {
        s->word_errors[s->word_count - 1] += waiting;
        return MODELLAB_OK;
    }
    s->word_errors = mli_scorer_room(s, s->word_errors, s->word_count, &s->word_capacity,
                                     sizeof *s->word_errors, &status, err);
    if (status == MODELLAB_OK)
        s->word_errors[s->word_count++] = waiting;
    return status;
}

static void put_word(mli_jw *w, const char *key, const char *word, size_t bytes)
{
    mli_jw_key(w, key);
    if (word != NULL)
        mli_jw_string_n(w, word, bytes);
    else
        mli_jw_null(w);
}

MODELLAB_MUST_CHECK static modellab_status note_steps(mli_scorer *s, const mli_wer_alignment *a,
                                                      modellab_error *err)
{
    static const char *const kinds[] = {"equal", "substitute", "delete", "insert"};
    mli_wer_cursor cursor = {0};
    mli_wer_step step;
    mli_jw w;
    if (s->alignment.size > 0)
        mli_buf_append_char(&s->alignment, ',');
    mli_jw_init(&w, &s->alignment);
    mli_jw_array(&w);
    while (mli_wer_next(a, &cursor, &step)) {
        mli_jw_object(&w);
        mli_jw_kstring(&w, "op", kinds[step.kind]);
        put_word(&w, "ref", step.reference, step.reference_bytes);
        put_word(&w, "hyp", step.hypothesis, step.hypothesis_bytes);
        mli_jw_kint(&w, "ref_index", step.reference_index);
        mli_jw_kint(&w, "hyp_index", step.hypothesis_index);
        mli_jw_end_object(&w);
    }
    mli_jw_end_array(&w);
    return mli_buf_status(&s->alignment, err);
}

MODELLAB_MUST_CHECK static modellab_status add_words(mli_scorer *s, const char *name,
                                                     const char *reference, size_t n,
                                                     const char *hypothesis, size_t m,
                                                     modellab_error *err)
{
    const mli_wer_options o = {s->o.normalizer, s->o.alloc, s->o.cancel};
    mli_wer_alignment a;
    modellab_status status = mli_wer_align(reference, n, hypothesis, m, &o, &a, err);
    if (status == MODELLAB_OK)
        status = cut(s, &a.path, err);
    if (status == MODELLAB_OK)
        status = note_errors(s, &a.path, err);
    if (status == MODELLAB_OK && s->o.alignment)
        status = note_steps(s, &a, err);
    if (status == MODELLAB_OK)
        status =
            mli_scorer_add_file(s, name, errors_of(&a.path.counts), size_of(&a.path.counts), err);
    if (status == MODELLAB_OK)
        mli_edit_counts_add(&s->counts, &a.path.counts);
    mli_wer_alignment_dispose(&a);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status add_text(mli_scorer *s, const char *name,
                                                    const char *reference, size_t n,
                                                    const char *hypothesis, size_t m,
                                                    modellab_error *err)
{
    const mli_wer_options o = {s->o.normalizer, s->o.alloc, s->o.cancel};
    mli_edit_counts c;
    if (s->o.metric == MLI_SCORE_WER)
        return add_words(s, name, reference, n, hypothesis, m, err);
    if (s->o.metric != MLI_SCORE_CER)
        return mli_fail(err, MODELLAB_E_UNSUPPORTED, "this metric needs more than texts");
    modellab_status status = mli_wer_count(reference, n, hypothesis, m, &o, NULL, &c, err);
    if (status == MODELLAB_OK)
        status = mli_scorer_add_file(s, name, errors_of(&c), size_of(&c), err);
    if (status == MODELLAB_OK)
        mli_edit_counts_add(&s->counts, &c);
    return status;
}

void mli_scorer_restore(mli_scorer *s, const mli_scorer *before)
{
    for (size_t i = before->file_count; i < s->file_count; i++)
        mli_free(s->o.alloc, s->files[i].name);
    s->file_count = before->file_count;
    s->piece_count = before->piece_count;
    s->word_count = before->word_count;
    s->time_count = before->time_count;
    s->counts = before->counts;
    s->der = before->der;
    if (before->alignment.size == 0) {
        mli_buf_clear(&s->alignment);
    } else {
        s->alignment.size = before->alignment.size;
        s->alignment.data[s->alignment.size] = '\0';
        s->alignment.status = MODELLAB_OK;
    }
}

modellab_status mli_scorer_add_text(mli_scorer *s, const char *name, const char *reference,
                                    size_t reference_bytes, const char *hypothesis,
                                    size_t hypothesis_bytes, modellab_error *err)
{
    const mli_scorer before = *s;
    modellab_status status =
        add_text(s, name, reference, reference_bytes, hypothesis, hypothesis_bytes, err);
    if (status != MODELLAB_OK)
        mli_scorer_restore(s, &before);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status add_pair(mli_scorer *s, const char *name,
                                                    const mli_document *reference,
                                                    const mli_document *hypothesis,
                                                    const mli_document *uem, modellab_error *err)
{
    const char *r = reference->text, *h = hypothesis->text;
    switch (s->o.metric) {
    case MLI_SCORE_WER:
    case MLI_SCORE_CER:
        if (reference->format == MLI_DOCUMENT_RTTM || hypothesis->format == MLI_DOCUMENT_RTTM ||
            reference->format == MLI_DOCUMENT_UEM || hypothesis->format == MLI_DOCUMENT_UEM)
            return mli_fail(err, MODELLAB_E_UNSUPPORTED, "there are no words in RTTM and UEM");
        return add_text(s, name, r, strlen(r), h, strlen(h), err);
    case MLI_SCORE_TIMES:
        return mli_scorer_add_times(s, name, reference, hypothesis, err);
    case MLI_SCORE_CPWER:
        return mli_scorer_add_speakers(s, name, reference, hypothesis, err);
    default:
        return mli_scorer_add_turns(s, name, reference, hypothesis, uem, err);
    }
}

modellab_status mli_scorer_add(mli_scorer *s, const char *name, const mli_document *reference,
                               const mli_document *hypothesis, const mli_document *uem,
                               modellab_error *err)
{
    const mli_scorer before = *s;
    modellab_status status = add_pair(s, name, reference, hypothesis, uem, err);
    if (status != MODELLAB_OK)
        mli_scorer_restore(s, &before);
    return status;
}

modellab_status mli_scorer_interval(const mli_scorer *s, mli_score_interval *out, size_t *units,
                                    modellab_error *err)
{
    const bool pieces = s->o.metric == MLI_SCORE_WER && s->file_count < FILES_ENOUGH;
    const size_t count = pieces ? s->piece_count : s->file_count;
    *out = (mli_score_interval){(double)NAN, (double)NAN};
    *units = count;
    if (count < 2)
        return MODELLAB_OK;
    mli_score_unit *all = mli_alloc_array(s->o.alloc, count, sizeof *all);
    if (all == NULL)
        return mli_no_memory(err);
    for (size_t i = 0; i < count; i++)
        all[i] = pieces ? s->pieces[i] : s->files[i].unit;
    modellab_status status = mli_score_bootstrap(all, count, s->o.seed, MLI_BOOTSTRAP_ROUNDS, 0.95,
                                                 s->o.alloc, s->o.cancel, out, err);
    mli_free(s->o.alloc, all);
    return status;
}

/* Entries of a file in word_errors: its words of the reference, one when there are none. */
static double entries_of(const mli_score_file *file)
{
    return file->unit.size > 0.0 ? file->unit.size : 1.0;
}

/* Segments part where both systems have two right words in a row, and between files. */
static size_t segments(const mli_scorer *a, const mli_scorer *b, int64_t *of_a, int64_t *of_b)
{
    size_t count = 0, right = 0, file = 0;
    double file_end = a->file_count > 0 ? entries_of(&a->files[0]) : 0.0;
    bool open = false;
    for (size_t i = 0; i < a->word_count; i++) {
        const int64_t errors = (int64_t)a->word_errors[i] + b->word_errors[i];
        const bool next_file = (double)i >= file_end;
        while ((double)i >= file_end && file + 1 < a->file_count)
            file_end += entries_of(&a->files[++file]);
        right = errors == 0 ? right + 1 : 0;
        if (open && (right >= 2 || next_file)) {
            count++;
            open = false;
        }
        if (errors == 0)
            continue;
        if (!open)
            of_a[count] = of_b[count] = 0;
        open = true;
        of_a[count] += a->word_errors[i];
        of_b[count] += b->word_errors[i];
    }
    return open ? count + 1 : count;
}

modellab_status mli_scorer_matched(const mli_scorer *a, const mli_scorer *b, mli_matched_pairs *out,
                                   modellab_error *err)
{
    *out = (mli_matched_pairs){0};
    if (a->o.metric != MLI_SCORE_WER || b->o.metric != MLI_SCORE_WER ||
        a->word_count != b->word_count || a->file_count != b->file_count)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                        "both must be word error rates over the same references");
    int64_t *errors = mli_alloc_array(a->o.alloc, 2 * a->word_count + 2, sizeof *errors);
    if (errors == NULL)
        return mli_no_memory(err);
    int64_t *const of_b = errors + a->word_count + 1;
    const size_t count = segments(a, b, errors, of_b);
    modellab_status status = mli_score_matched_pairs(errors, of_b, count, a->o.seed,
                                                     MLI_BOOTSTRAP_ROUNDS, a->o.cancel, out, err);
    mli_free(a->o.alloc, errors);
    return status;
}
