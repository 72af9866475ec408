/* What a scorer has summed as JSON, so that scores of runs can be pooled and compared long after
 * their texts are gone. No text is in it. */
#include "base/error.h"
#include "score/scorer.h"

#include <math.h>
#include <string.h>

#define MOST 1e12 /* of any count or time that is read back */

static void write_words(const mli_scorer *s, mli_jw *w)
{
    mli_buf text;
    mli_buf_init(&text, s->o.alloc);
    for (size_t i = 0; i < s->word_count; i++) { /* one digit a word, what has more in brackets */
        if (s->word_errors[i] < 10)
            mli_buf_append_char(&text, (char)('0' + s->word_errors[i]));
        else
            mli_buf_printf(&text, "(%lu)", (unsigned long)s->word_errors[i]);
    }
    mli_jw_key(w, "words");
    mli_jw_string_n(w, mli_buf_text(&text), text.size);
    if (text.status != MODELLAB_OK && w->out->status == MODELLAB_OK)
        w->out->status = text.status;
    mli_buf_dispose(&text);
}

static void write_number(mli_jw *w, double value)
{
    if (value == floor(value))
        mli_jw_int(w, (int64_t)value);
    else
        mli_jw_real(w, value);
}

static void write_unit(mli_jw *w, const mli_score_unit *unit)
{
    write_number(w, unit->errors);
    write_number(w, unit->size);
}

static int64_t *der_members(mli_der *d, size_t index)
{
    int64_t *const members[] = {&d->total,
                                &d->correct,
                                &d->confusion,
                                &d->miss,
                                &d->false_alarm,
                                &d->jaccard_speakers,
                                &d->purity_total,
                                &d->purity_correct,
                                &d->coverage_total,
                                &d->coverage_correct,
                                &d->speech,
                                &d->speech_miss,
                                &d->speech_false_alarm,
                                &d->scored};
    return index < sizeof members / sizeof *members ? members[index] : NULL;
}

static int64_t *edit_members(mli_edit_counts *c, size_t index)
{
    int64_t *const members[] = {&c->hits, &c->substitutions, &c->deletions, &c->insertions};
    return index < sizeof members / sizeof *members ? members[index] : NULL;
}

static bool is_of_words(const mli_scorer *s)
{
    return s->o.metric == MLI_SCORE_WER || s->o.metric == MLI_SCORE_CER;
}

void mli_scorer_write_pool(const mli_scorer *s, mli_jw *w)
{
    mli_der der = s->der;
    mli_edit_counts counts = s->counts;
    const int64_t *member;
    mli_jw_object(w);
    mli_jw_key(w, "files");
    mli_jw_array(w);
    for (size_t i = 0; i < s->file_count; i++)
        write_unit(w, &s->files[i].unit);
    mli_jw_end_array(w);
    mli_jw_key(w, "sums");
    mli_jw_array(w);
    for (size_t i = 0;
         (member = is_of_words(s) ? edit_members(&counts, i) : der_members(&der, i)) != NULL; i++)
        mli_jw_int(w, *member);
    if (!is_of_words(s))
        mli_jw_real(w, der.jaccard_errors);
    mli_jw_end_array(w);
    if (s->o.metric == MLI_SCORE_WER) {
        mli_jw_key(w, "pieces");
        mli_jw_array(w);
        for (size_t i = 0; i < s->piece_count; i++)
            write_unit(w, &s->pieces[i]);
        mli_jw_end_array(w);
        write_words(s, w);
    }
    mli_jw_end_object(w);
}

/* A count or time of an array; NaN when it is none. */
static double number_at(const mli_json *array, size_t index)
{
    const double value = mli_json_number(mli_json_at(array, index), (double)NAN);
    return value >= 0.0 && value <= MOST ? value : (double)NAN;
}

static bool unit_at(const mli_json *array, size_t index, mli_score_unit *out)
{
    *out = (mli_score_unit){number_at(array, 2 * index), number_at(array, 2 * index + 1)};
    return !isnan(out->errors) && !isnan(out->size);
}

MODELLAB_MUST_CHECK static modellab_status wrong(modellab_error *err)
{
    return mli_fail(err, MODELLAB_E_INVALID_JSON, "these are no sums of a score");
}

MODELLAB_MUST_CHECK static modellab_status read_files(mli_scorer *s, const char *name,
                                                      const mli_json *files, double *size,
                                                      double *entries, modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    mli_score_unit unit;
    if (mli_json_count(files) % 2 != 0)
        return wrong(err);
    for (size_t i = 0; status == MODELLAB_OK && i < mli_json_count(files) / 2; i++) {
        if (!unit_at(files, i, &unit))
            return wrong(err);
        *size += unit.size;
        *entries += unit.size > 0.0 ? unit.size : 1.0;
        status = mli_scorer_add_file(s, name, unit.errors, unit.size, err);
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status read_pieces(mli_scorer *s, const mli_json *pieces,
                                                       modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    mli_score_unit unit;
    for (size_t i = 0; i < mli_json_count(pieces) / 2; i++) {
        if (!unit_at(pieces, i, &unit))
            return wrong(err);
        s->pieces = mli_scorer_room(s, s->pieces, s->piece_count, &s->piece_capacity,
                                    sizeof *s->pieces, &status, err);
        if (status != MODELLAB_OK)
            return status;
        s->pieces[s->piece_count++] = unit;
    }
    return MODELLAB_OK;
}

/* The next entry of the text of words; false at its end or where it is wrong. */
static bool next_word(const char **at, uint32_t *out)
{
    const bool long_form = **at == '(';
    uint32_t value = 0;
    *at += long_form;
    if (**at < '0' || **at > '9')
        return false;
    do {
        value = value * 10 + (uint32_t)(*(*at)++ - '0');
    } while (long_form && **at >= '0' && **at <= '9' && value < 100000000);
    if (long_form && *(*at)++ != ')')
        return false;
    *out = value;
    return true;
}

/* As many as the references have words: segments() of two scorers goes by that. */
MODELLAB_MUST_CHECK static modellab_status read_words(mli_scorer *s, const mli_json *words,
                                                      double entries, modellab_error *err)
{
    const char *at = mli_json_string(words, "");
    const char *const end = at + strlen(at);
    modellab_status status = MODELLAB_OK;
    uint32_t errors;
    double count = 0.0;
    while (at < end) {
        if (!next_word(&at, &errors) || at > end)
            return wrong(err);
        s->word_errors = mli_scorer_room(s, s->word_errors, s->word_count, &s->word_capacity,
                                         sizeof *s->word_errors, &status, err);
        if (status != MODELLAB_OK)
            return status;
        s->word_errors[s->word_count++] = errors;
        count += 1.0;
    }
    return count == entries ? MODELLAB_OK : wrong(err);
}

MODELLAB_MUST_CHECK static modellab_status read_sums(mli_scorer *s, const mli_json *sums,
                                                     double size, modellab_error *err)
{
    mli_edit_counts counts;
    mli_der der;
    int64_t *member;
    size_t count = 0;
    for (; (member = is_of_words(s) ? edit_members(&counts, count) : der_members(&der, count)) !=
           NULL;
         count++) {
        const double value = number_at(sums, count);
        if (isnan(value))
            return wrong(err);
        *member = (int64_t)value;
    }
    if (is_of_words(s)) {
        if ((double)(counts.hits + counts.substitutions + counts.deletions) != size)
            return wrong(err);
        mli_edit_counts_add(&s->counts, &counts);
        return MODELLAB_OK;
    }
    der.jaccard_errors = number_at(sums, count);
    if (isnan(der.jaccard_errors))
        return wrong(err);
    mli_der_add(&s->der, &der);
    return MODELLAB_OK;
}

modellab_status mli_scorer_add_pool(mli_scorer *s, const char *name, const mli_json *pool,
                                    modellab_error *err)
{
    const mli_scorer before = *s;
    double size = 0.0, entries = 0.0;
    modellab_status status = read_files(s, name, mli_json_get(pool, "files"), &size, &entries, err);
    if (status == MODELLAB_OK)
        status = read_sums(s, mli_json_get(pool, "sums"), size, err);
    if (status == MODELLAB_OK && s->o.metric == MLI_SCORE_WER)
        status = read_pieces(s, mli_json_get(pool, "pieces"), err);
    if (status == MODELLAB_OK && s->o.metric == MLI_SCORE_WER)
        status = read_words(s, mli_json_get(pool, "words"), entries, err);
    if (status != MODELLAB_OK)
        mli_scorer_restore(s, &before);
    return status;
}
