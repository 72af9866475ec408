/* Keys that need a closer look: equal ones, ones of ours, ones with characters to escape. */
#include "log/keys.h"
#include "base/str.h"

static bool has_high_byte(const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        if ((unsigned char)text[i] >= 0x80)
            return true;
    return false;
}

/* One character as it will be written: bad UTF-8 becomes U+FFFD. */
static uint32_t next_character(const char *text, size_t bytes, size_t *at)
{
    uint32_t c = 0xFFFD;
    size_t n = mli_utf8_decode(text + *at, bytes - *at, &c);
    *at += n == 0 ? 1 : n;
    return n == 0 ? 0xFFFD : c;
}

/* Equal as written; the bytes of bad UTF-8 may differ. */
static bool same_key(const mli_log_key *a, const char *text, size_t bytes)
{
    if (a->bytes == bytes && memcmp(a->text, text, bytes) == 0)
        return true;
    if (!has_high_byte(text, bytes) || !has_high_byte(a->text, a->bytes))
        return false;
    size_t i = 0, k = 0;
    while (i < a->bytes && k < bytes)
        if (next_character(a->text, a->bytes, &i) != next_character(text, bytes, &k))
            return false;
    return i == a->bytes && k == bytes;
}

static bool is_ours(const mli_log_key *k)
{
#define ENTRY(literal) {literal, sizeof(literal) - 1},
    static const mli_log_key ours[] = {MLI_LOG_OUR_KEYS(ENTRY)};
#undef ENTRY
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
        if (ours[i].bytes == k->bytes && memcmp(ours[i].text, k->text, k->bytes) == 0)
            return true;
    return false;
}

/* Which one of equal keys this is: 1 for the first, or for a key of ours 2. */
static size_t occurrence(const mli_log_key *keys, size_t index)
{
    size_t n = is_ours(&keys[index]) ? 2 : 1;
    for (size_t i = 0; i < index; i++)
        n += same_key(&keys[i], keys[index].text, keys[index].bytes);
    return n;
}

void mli_log_put_key(mli_log_writer *w, const modellab_log_field *fields, size_t count,
                     size_t index)
{
    mli_log_key keys[MLI_LOG_FIELDS_MAX];
    char renamed[MLI_LOG_KEY_BYTES + 24];
    for (size_t i = 0; i < count; i++)
        keys[i] = mli_log_key_of(&fields[i]);
    const mli_log_key *k = &keys[index];
    size_t bytes = k->bytes;
    memcpy(renamed, k->text, bytes);
    /* The (n-1)th suffix that makes no key of the caller's own. */
    for (int64_t suffix = 2, n = (int64_t)occurrence(keys, index); n > 1; suffix++) {
        mli_log_writer number = {renamed + k->bytes, renamed + sizeof renamed, false};
        bool taken = false;
        MLI_LOG_PUT(&number, "_");
        mli_log_put_int(&number, suffix);
        bytes = (size_t)(number.at - renamed);
        for (size_t i = 0; i < count; i++)
            taken = taken || same_key(&keys[i], renamed, bytes);
        n -= !taken;
    }
    MLI_LOG_PUT(w, ",");
    mli_log_put_string(w, renamed, bytes, bytes);
    MLI_LOG_PUT(w, ":");
}
