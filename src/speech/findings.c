/* The rules of findings.h, one function each. */
#include "speech/findings.h"

#include "audio/source.h"
#include "base/alloc.h"
#include "base/error.h"
#include <string.h>

enum { LONGEST_PART = 24, LOOK_WORDS = 4096, RATIO_TOKENS = 24 };

static const double least_speech = 1.0, least_cut = 3.0, least_share = 0.1, pad = 0.1;
static const double least_logprob = -1.0, most_no_speech = 0.6, unsure_logprob = -0.5;
/* Times of segments are that rough, above all of the first one behind a silence. */
static const double near = 2.0, some_speech = 0.2;
static const double least_word = 0.1; /* nobody says one faster */
static const double doubt_no_speech = 0.5, doubt_logprob = -0.7;
static const double most_ratio = 2.4, hot = 0.8;

typedef struct word {
    uint32_t hash;
    uint32_t segment;
    bool told; /* part of a repetition already */
} word;

static void add(mli_asr_findings *out, mli_asr_finding f)
{
    out->all++;
    if (out->count < MLI_ASR_FINDINGS_MOST)
        out->list[out->count++] = f;
}

/* Letters and digits of any script; case and punctuation of ASCII do not count. */
static bool counts(unsigned char c)
{
    return c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* The next word's hash; false at the end of the text. */
static bool next_word(const char **at, uint32_t *hash)
{
    const char *p = *at;
    bool any = false;
    *hash = 2166136261u;
    while (*p != '\0' && !any) {
        p += strspn(p, " \t\n");
        for (; *p != '\0' && strchr(" \t\n", *p) == NULL; p++) {
            const unsigned char c = (unsigned char)*p;
            if (!counts(c))
                continue;
            any = true;
            *hash = (*hash ^ (c >= 'A' && c <= 'Z' ? c + 32u : c)) * 16777619u;
        }
    }
    *at = p;
    return any;
}

static bool has_word(const mli_transcript_segment *s)
{
    const char *at = s->text;
    uint32_t hash;
    return next_word(&at, &hash);
}

/* Seconds of a list within [from, to). */
static double overlap(const mli_vad_segment *list, size_t count, double from, double to)
{
    size_t low = 0, high = count;
    double sum = 0.0;
    while (low < high) { /* the first that ends behind `from` */
        const size_t middle = low + (high - low) / 2;
        if ((double)list[middle].end / MLI_AUDIO_RATE > from)
            high = middle;
        else
            low = middle + 1;
    }
    for (; low < count; low++) {
        const double start = (double)list[low].start / MLI_AUDIO_RATE;
        const double end = (double)list[low].end / MLI_AUDIO_RATE;
        if (start >= to)
            break;
        sum += (end < to ? end : to) - (start > from ? start : from);
    }
    return sum;
}

static double speech_in(const mli_asr_findings_view *v, double from, double to)
{
    return overlap(v->speech, v->speech_count, from, to);
}

/* Weight of what rests on there being speech: loudness takes music and noises for it. */
static mli_asr_finding_severity of_speech(const mli_asr_findings_view *v)
{
    return v->speech_known && !v->by_loudness ? MLI_ASR_FINDING_ERROR : MLI_ASR_FINDING_INFO;
}

static void find_empty_and_cut(const mli_asr_findings_view *v, mli_asr_findings *out)
{
    const mli_transcript *t = v->transcript;
    double end = -1.0;
    int64_t last = -1;
    for (size_t i = 0; i < t->segment_count; i++) {
        if (has_word(&t->segments[i]) && t->segments[i].end > end) {
            end = t->segments[i].end;
            last = (int64_t)i;
        }
    }
    if (last < 0 && (!v->speech_known || out->speech_seconds >= least_speech)) {
        add(out, (mli_asr_finding){MLI_ASR_FINDING_EMPTY, of_speech(v), 0.0, t->duration, -1,
                                   "speech_seconds", v->speech_known ? out->speech_seconds : -1.0,
                                   least_speech, 0});
        return;
    }
    const double behind = last >= 0 && v->speech_known ? speech_in(v, end + pad, t->duration) : 0.0;
    if (behind >= least_cut)
        add(out, (mli_asr_finding){MLI_ASR_FINDING_TRUNCATED, of_speech(v), end, t->duration, last,
                                   "speech_seconds", behind, least_cut, 0});
}

/* Calls `rule` for each window: segments [from, to) that have one seek. */
typedef void (*window_rule)(const mli_asr_findings_view *v, size_t from, size_t to, size_t tokens,
                            mli_asr_findings *out);

static void each_window(const mli_asr_findings_view *v, window_rule rule, mli_asr_findings *out)
{
    const mli_transcript *t = v->transcript;
    for (size_t from = 0, to; from < t->segment_count; from = to) {
        size_t tokens = 0;
        for (to = from; to < t->segment_count && t->segments[to].seek == t->segments[from].seek;
             to++)
            tokens += t->segments[to].token_count;
        rule(v, from, to, tokens, out);
    }
}

static mli_asr_finding of_window(const mli_asr_findings_view *v, size_t from, size_t to,
                                 mli_asr_finding_kind kind, mli_asr_finding_severity severity,
                                 const char *measure, double value, double limit)
{
    const mli_transcript_segment *s = v->transcript->segments;
    return (mli_asr_finding){
        kind, severity, s[from].start, s[to - 1].end, (int64_t)from, measure, value, limit, 0};
}

/* The last token of a window that came to its limit may be one that closes it. */
static void token_limit_rule(const mli_asr_findings_view *v, size_t from, size_t to, size_t tokens,
                             mli_asr_findings *out)
{
    if (v->token_limit > 1 && tokens + 1 >= v->token_limit)
        add(out, of_window(v, from, to, MLI_ASR_FINDING_TOKEN_LIMIT, MLI_ASR_FINDING_ERROR,
                           "tokens", (double)tokens, (double)v->token_limit));
}

/* Where no part of words was found to repeat (text without spaces, parts that vary). */
static void ratio_rule(const mli_asr_findings_view *v, size_t from, size_t to, size_t tokens,
                       mli_asr_findings *out)
{
    const double ratio = v->transcript->segments[from].compression_ratio;
    if (ratio <= most_ratio || tokens < RATIO_TOKENS)
        return;
    for (size_t i = 0; i < out->count; i++) {
        const mli_asr_finding *f = &out->list[i];
        if (f->kind == MLI_ASR_FINDING_REPETITION &&
            f->start <= v->transcript->segments[to - 1].end &&
            f->end >= v->transcript->segments[from].start)
            return;
    }
    add(out, of_window(v, from, to, MLI_ASR_FINDING_REPETITION, MLI_ASR_FINDING_ERROR,
                       "compression_ratio", ratio, most_ratio));
}

static void confidence_rule(const mli_asr_findings_view *v, size_t from, size_t to, size_t tokens,
                            mli_asr_findings *out)
{
    const mli_transcript_segment *s = &v->transcript->segments[from];
    (void)tokens;
    if (s->avg_logprob < least_logprob)
        add(out, of_window(v, from, to, MLI_ASR_FINDING_CONFIDENCE, MLI_ASR_FINDING_WARNING,
                           "avg_logprob", s->avg_logprob, least_logprob));
    else if (s->no_speech_prob > most_no_speech && s->avg_logprob < unsure_logprob)
        add(out, of_window(v, from, to, MLI_ASR_FINDING_CONFIDENCE, MLI_ASR_FINDING_WARNING,
                           "no_speech_prob", s->no_speech_prob, most_no_speech));
}

static void fallback_rule(const mli_asr_findings_view *v, size_t from, size_t to, size_t tokens,
                          mli_asr_findings *out)
{
    const double t = v->transcript->segments[from].temperature;
    (void)tokens;
    if (t > v->first_temperature + 1e-6)
        add(out, of_window(v, from, to, MLI_ASR_FINDING_FALLBACK,
                           t > hot - 1e-6 ? MLI_ASR_FINDING_WARNING : MLI_ASR_FINDING_INFO,
                           "temperature", t, v->first_temperature));
}

/* There is sound where the detector found no speech: it may be quiet speech that it missed. */
static bool may_be_speech(const mli_asr_findings_view *v, const mli_transcript_segment *s)
{
    const double length = s->end - s->start + 2.0 * pad;
    return s->no_speech_prob <= doubt_no_speech && s->avg_logprob >= doubt_logprob &&
           overlap(v->sound, v->sound_count, s->start - pad, s->end + pad) >= least_share * length;
}

/* As much speech as a short word begins or ends near an edge of the segment, which may be wrong. */
static bool near_speech(const mli_asr_findings_view *v, const mli_transcript_segment *s)
{
    const double reach = near + some_speech;
    return speech_in(v, s->start - reach, s->start + reach) >= some_speech ||
           speech_in(v, s->end - reach, s->end + reach) >= some_speech;
}

/* Seconds of speech that its words want at least: a few are short, and many may be quiet. */
static double least_speech_of(const mli_transcript_segment *s, double length)
{
    double words = 0.0;
    uint32_t hash;
    for (const char *at = s->text; next_word(&at, &hash);)
        words += least_word;
    return words < least_share * length ? words : least_share * length;
}

/* Segments in a row over silence are one finding. */
static void find_silence(const mli_asr_findings_view *v, mli_asr_findings *out)
{
    const mli_transcript *t = v->transcript;
    bool open = false;
    for (size_t i = 0; v->speech_known && i < t->segment_count; i++) {
        const mli_transcript_segment *s = &t->segments[i];
        const double length = s->end - s->start + 2.0 * pad;
        const double speech = speech_in(v, s->start - pad, s->end + pad);
        const double least = least_speech_of(s, length); /* without a word 0 */
        const bool silent = speech < least && !near_speech(v, s) && !may_be_speech(v, s);
        if (silent && open && out->count > 0 && out->all == (int64_t)out->count)
            out->list[out->count - 1].end = s->end;
        else if (silent)
            add(out, (mli_asr_finding){MLI_ASR_FINDING_SILENCE, MLI_ASR_FINDING_WARNING, s->start,
                                       s->end, (int64_t)i, "speech_share", speech / length,
                                       least / length, 0});
        open = silent;
    }
}

/* How often a part of so many words must come to be a loop. */
static size_t least_repeats(size_t words)
{
    return words == 1 ? 8 : words == 2 ? 5 : 4;
}

static void tell_repetition(const mli_asr_findings_view *v, word *words, size_t from, size_t n,
                            size_t repeats, mli_asr_findings *out)
{
    const mli_transcript_segment *s = v->transcript->segments;
    const size_t end = from + n * repeats;
    for (size_t i = from; i < end; i++) {
        if (words[i].told)
            return; /* a shorter part said it */
    }
    for (size_t i = from; i < end; i++)
        words[i].told = true;
    add(out, (mli_asr_finding){MLI_ASR_FINDING_REPETITION, MLI_ASR_FINDING_ERROR,
                               s[words[from].segment].start, s[words[end - 1].segment].end,
                               (int64_t)words[from].segment, "repeats", (double)repeats,
                               (double)least_repeats(n), (int64_t)n});
}

MODELLAB_MUST_CHECK static modellab_status scan(const mli_asr_findings_view *v, word *words,
                                                size_t count, size_t n, mli_asr_findings *out,
                                                modellab_error *err)
{
    size_t run = 0; /* words before `i` that equal those n behind them */
    for (size_t i = 0; i + n <= count; i++) {
        if (i % LOOK_WORDS == 0 && mli_cancelled(v->cancel))
            return mli_fail(err, MODELLAB_E_CANCELLED, "stopped");
        if (i + n < count && words[i].hash == words[i + n].hash) {
            run++;
            continue;
        }
        const size_t repeats = run / n + 1;
        if (repeats >= least_repeats(n))
            tell_repetition(v, words, i - run, n, repeats, out);
        run = 0;
    }
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status
find_repetitions(const mli_asr_findings_view *v, mli_asr_findings *out, modellab_error *err)
{
    const mli_transcript *t = v->transcript;
    size_t count = 0, most = 1;
    uint32_t hash;
    for (size_t i = 0; i < t->segment_count; i++)
        most += strlen(t->segments[i].text) / 2 + 1; /* a word and a space are two bytes */
    word *words = mli_alloc_array(v->alloc, most, sizeof *words);
    if (words == NULL)
        return mli_no_memory(err);
    for (size_t i = 0; i < t->segment_count; i++) {
        for (const char *at = t->segments[i].text; next_word(&at, &hash);)
            words[count++] = (word){hash, (uint32_t)i, false};
    }
    modellab_status status = MODELLAB_OK;
    for (size_t n = 1; status == MODELLAB_OK && n <= LONGEST_PART; n++)
        status = scan(v, words, count, n, out, err);
    mli_free(v->alloc, words);
    return status;
}

/* A model may give its last segment a time behind the end of the recording. */
static void keep_inside(double duration, mli_asr_findings *out)
{
    for (size_t i = 0; i < out->count; i++) {
        mli_asr_finding *f = &out->list[i];
        f->end = f->end < duration ? f->end : duration;
        f->start = f->start < f->end ? f->start : f->end;
    }
}

modellab_status mli_asr_findings_make(const mli_asr_findings_view *v, mli_asr_findings *out,
                                      modellab_error *err)
{
    memset(out, 0, sizeof *out);
    for (size_t i = 0; v->speech_known && i < v->speech_count; i++)
        out->speech_seconds += (double)(v->speech[i].end - v->speech[i].start) / MLI_AUDIO_RATE;
    find_empty_and_cut(v, out);
    each_window(v, token_limit_rule, out);
    modellab_status status = find_repetitions(v, out, err);
    if (status != MODELLAB_OK)
        return status;
    each_window(v, ratio_rule, out);
    find_silence(v, out);
    each_window(v, confidence_rule, out);
    each_window(v, fallback_rule, out);
    keep_inside(v->transcript->duration, out);
    return MODELLAB_OK;
}

const char *mli_asr_finding_name(mli_asr_finding_kind kind)
{
    static const char *const names[] = {
        NULL,         "empty_output",      "truncated",      "token_limit",
        "repetition", "text_over_silence", "low_confidence", "fallback"};
    return kind >= MLI_ASR_FINDING_EMPTY && kind <= MLI_ASR_FINDING_FALLBACK ? names[kind] : NULL;
}

void mli_asr_finding_write(const mli_asr_finding *f, int64_t id, mli_jw *w)
{
    static const char *const severities[] = {NULL, "info", "warning", "error"};
    static const char *const texts[] = {
        NULL,
        "There is speech or sound like it, and no word came out.",
        "Speech or sound like it goes on behind the last word.",
        "As many tokens came out as can be decoded at once; what followed may be lost.",
        "The same is said again and again: a loop of the decoder as a rule.",
        "Words where there is no speech.",
        "The model was not sure of these words.",
        "Decoded again at a higher temperature: the first try looked wrong."};
    mli_jw_object(w);
    mli_jw_kint(w, "id", id);
    mli_jw_kstring(w, "kind", mli_asr_finding_name(f->kind));
    mli_jw_kstring(w, "severity", severities[f->severity]);
    mli_jw_kreal(w, "start", f->start);
    mli_jw_kreal(w, "end", f->end);
    mli_jw_key(w, "segment");
    if (f->segment < 0)
        mli_jw_null(w);
    else
        mli_jw_int(w, f->segment);
    mli_jw_kstring(w, "text", texts[f->kind]);
    mli_jw_kstring(w, "measure", f->measure);
    mli_jw_kreal(w, "value", f->value);
    mli_jw_kreal(w, "limit", f->limit);
    if (f->words > 0)
        mli_jw_kint(w, "words", f->words);
    mli_jw_end_object(w);
}
