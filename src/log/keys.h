/* Keys of the caller's fields: no two on a line are equal, and none is one of ours. */
#ifndef MLI_LOG_KEYS_H
#define MLI_LOG_KEYS_H

#include "base/str.h"
#include "log/writer.h"
#include <modellab/logger.h>

#define MLI_LOG_KEY_BYTES 64
#define MLI_LOG_FIELDS_MAX 64

/* Not empty, cut to size. */
typedef struct mli_log_key {
    const char *text;
    size_t bytes;
} mli_log_key;

/* The keys that the logger writes itself. */
#define MLI_LOG_OUR_KEYS(X)                                                                        \
    X("ts")                                                                                        \
    X("level")                                                                                     \
    X("event")                                                                                     \
    X("msg")                                                                                       \
    X("run_id")                                                                                    \
    X("request_id")                                                                                \
    X("trace_id")                                                                                  \
    X("span_id")                                                                                   \
    X("sev")                                                                                       \
    X("attempt")                                                                                   \
    X("pid")                                                                                       \
    X("seq")                                                                                       \
    X("truncated")                                                                                 \
    X("suppressed")

/* A set of keys as bits: "not in it" is sure, so that most lines compare no texts. */
typedef struct mli_log_seen {
    uint64_t words[4];
} mli_log_seen;

static inline uint32_t mli_log_key_hash(const char *text, size_t bytes)
{
    uint32_t v = (uint32_t)(unsigned char)text[0] | (uint32_t)(unsigned char)text[bytes - 1] << 8 |
                 (uint32_t)(unsigned char)text[bytes / 2] << 16 | (uint32_t)bytes << 24;
    return v * 0x9E3779B1u >> 24;
}

/* Whether the key may have been there; it is from now on. */
static inline bool mli_log_seen_add(mli_log_seen *seen, const mli_log_key *key)
{
    uint32_t hash = mli_log_key_hash(key->text, key->bytes);
    uint64_t bit = (uint64_t)1 << (hash & 63), *word = &seen->words[hash >> 6];
    bool was = (*word & bit) != 0;
    *word |= bit;
    return was;
}

/* The set that holds our keys; a constant after optimisation. */
static inline mli_log_seen mli_log_seen_ours(void)
{
    mli_log_seen seen = {{0, 0, 0, 0}};
#define MLI_LOG_ADD(literal)                                                                       \
    seen.words[mli_log_key_hash(literal, sizeof(literal) - 1) >> 6] |=                             \
        (uint64_t)1 << (mli_log_key_hash(literal, sizeof(literal) - 1) & 63);
    MLI_LOG_OUR_KEYS(MLI_LOG_ADD)
#undef MLI_LOG_ADD
    return seen;
}

static inline mli_log_key mli_log_key_of(const modellab_log_field *field)
{
    mli_log_key k = {field->key, 0};
    if (k.text == NULL || k.text[0] == '\0')
        k.text = "field";
    const char *end = memchr(k.text, '\0', MLI_LOG_KEY_BYTES + 4);
    k.bytes = end != NULL ? (size_t)(end - k.text) : MLI_LOG_KEY_BYTES + 4;
    if (k.bytes > MLI_LOG_KEY_BYTES)
        k.bytes = mli_utf8_prefix(k.text, k.bytes, MLI_LOG_KEY_BYTES);
    return k;
}

/* Writes ,"key": with "_2", "_3" ... when the key would stand on the line twice. */
void mli_log_put_key(mli_log_writer *w, const modellab_log_field *fields, size_t count,
                     size_t index);

#endif
