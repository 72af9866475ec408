/* Suppression lists and the timestamp rules: timestamps come in pairs, never go back, and win over
 * text when together they are likelier than any text token. */
#include "speech/whisper_rules.h"

#include "speech/whisper_math.h"
#include <math.h>

static void forbid(float *logits, int32_t from, int32_t to)
{
    for (int32_t i = from; i < to; i++)
        logits[i] = -INFINITY;
}

static void forbid_list(const mli_whisper_rules *rules, const int32_t *ids, size_t count,
                        float *logits)
{
    for (size_t i = 0; i < count; i++)
        if (ids[i] >= 0 && ids[i] < rules->n_vocab)
            logits[ids[i]] = -INFINITY;
}

static bool is_timestamp(const mli_whisper_rules *rules, int32_t id)
{
    return id >= rules->timestamp_begin;
}

static bool after_timestamp(const mli_whisper_rules *rules, const int32_t *said, size_t count)
{
    return count >= 1 && is_timestamp(rules, said[count - 1]);
}

/* The first said, or the second of a pair: text must follow. */
static bool after_pair(const mli_whisper_rules *rules, const int32_t *said, size_t count)
{
    return after_timestamp(rules, said, count) &&
           (count < 2 || is_timestamp(rules, said[count - 2]));
}

int32_t mli_whisper_rules_least(const mli_whisper_rules *rules, const int32_t *said, size_t count)
{
    bool open =
        rules->timestamps && after_timestamp(rules, said, count) && !after_pair(rules, said, count);
    return open ? rules->eot : 0;
}

/* Steps of 20 ms: of a pause, or what a segment may last beyond its words; of a token of text. */
enum { DENSE_PAUSE = 150, DENSE_TOKEN = 40 };

static void keep_dense(const mli_whisper_rules *rules, const int32_t *said, size_t count,
                       float *logits)
{
    int64_t text = 0;
    size_t i = count;
    while (i > 0 && !is_timestamp(rules, said[i - 1])) {
        i--;
        text++;
    }
    if (i == 0)
        return;
    int64_t most = said[i - 1] + DENSE_PAUSE + DENSE_TOKEN * text;
    if (most < rules->n_vocab - 1)
        forbid(logits, (int32_t)most + 1, rules->n_vocab);
}

/* Timestamps stand in pairs (end of one segment, start of the next) but for the last before eot. */
static void keep_pairs(const mli_whisper_rules *rules, const int32_t *said, size_t count,
                       float *logits)
{
    bool last = after_timestamp(rules, said, count), pair = after_pair(rules, said, count);
    if (pair)
        forbid(logits, rules->timestamp_begin, rules->n_vocab);
    bool open = count > 2 && (pair || (last && rules->dense));
    if (open && said[count - 1] < rules->timestamp_begin + rules->must_say)
        logits[rules->eot] = -INFINITY;
    if (rules->dense)
        keep_dense(rules, said, count, logits);
    if (!pair)
        forbid(logits, 0, mli_whisper_rules_least(rules, said, count));
    for (size_t i = count; i-- > 0;) {
        if (!is_timestamp(rules, said[i]))
            continue;
        /* The start of a segment may equal the end before it; a segment itself is never empty. */
        int32_t least = said[i] + (last && !pair ? 0 : 1);
        forbid(logits, rules->timestamp_begin, least < rules->n_vocab ? least : rules->n_vocab);
        break;
    }
}

static void start_with_timestamp(const mli_whisper_rules *rules, float *logits)
{
    forbid(logits, 0, rules->timestamp_begin);
    if (rules->max_initial_offset >= 0 &&
        rules->max_initial_offset < rules->n_vocab - rules->timestamp_begin)
        forbid(logits, rules->timestamp_begin + rules->max_initial_offset + 1, rules->n_vocab);
}

static float weigh_timestamps(const mli_whisper_rules *rules, float *logits)
{
    size_t text = (size_t)rules->timestamp_begin;
    size_t times = (size_t)(rules->n_vocab - rules->timestamp_begin);
    float all_times = mli_whisper_logsumexp(logits + text, times);
    float best_text = logits[mli_whisper_argmax(logits, text)];
    if (all_times > best_text)
        forbid(logits, 0, rules->timestamp_begin);
    return fabsf(all_times - best_text);
}

float mli_whisper_rules_apply(const mli_whisper_rules *rules, const int32_t *said, size_t count,
                              float *logits)
{
    if (count == 0)
        forbid_list(rules, rules->begin, rules->begin_count, logits);
    forbid_list(rules, rules->suppress, rules->suppress_count, logits);
    if (!rules->timestamps)
        return INFINITY;
    if (rules->no_timestamps >= 0 && rules->no_timestamps < rules->n_vocab)
        logits[rules->no_timestamps] = -INFINITY;
    keep_pairs(rules, said, count, logits);
    if (count == 0)
        start_with_timestamp(rules, logits);
    return weigh_timestamps(rules, logits);
}
