/* One record as one JSON object: our keys first, then the caller's without duplicates, cut to size.
 */
#include "log/line.h"
#include "base/str.h"
#include "log/redact.h"
#include "log/writer.h"
#include "os/clock.h"
#include <math.h>
#include <string.h>

/* Kept free at the end of a line for: ,"truncated":true,"suppressed":4294967295}\n and NUL */
#define TAIL_BYTES 64
/* ,"sev":-2147483648 and ,"seq":-9223372036854775808 */
#define OURS_BYTES 48

const char *mli_log_level_name(modellab_log_level level)
{
    if (level < MODELLAB_LOG_DEBUG)
        return "trace";
    if (level < MODELLAB_LOG_INFO)
        return "debug";
    if (level < MODELLAB_LOG_WARN)
        return "info";
    if (level < MODELLAB_LOG_ERROR)
        return "warn";
    return level < MODELLAB_LOG_FATAL ? "error" : "fatal";
}

/* Bytes of a text that may be long: never looks further than what can be written. */
static size_t bounded_length(const char *text, size_t declared, size_t limit)
{
    if (declared != 0)
        return declared;
    const char *end = memchr(text, '\0', limit + 4);
    return end != NULL ? (size_t)(end - text) : limit + 4;
}

static void put_real(mli_log_writer *w, double value)
{
    char text[40];
    if (isfinite(value))
        mli_log_put(w, text, mli_format_f64(text, sizeof text, value));
    else
        MLI_LOG_PUT(w, "null");
}

static void put_text_value(mli_log_writer *w, const mli_log_stamp *stamp,
                           const modellab_log_field *f)
{
    char stub[MLI_LOG_STUB_BYTES];
    size_t bytes = bounded_length(f->text, f->text_bytes, MLI_LOG_VALUE_BYTES);
    mli_log_piece pieces[2] = {{f->text, bytes}, {"", 0}};
    if (f->type == MODELLAB_LOG_SECRET) {
        pieces[0].bytes = mli_log_redact_secret(stamp->key, f->text, f->text_bytes, stub);
        pieces[0].text = stub;
    } else if (f->type == MODELLAB_LOG_PATH) {
        pieces[0] = mli_log_redact_path(f->text, bytes, stamp->root);
    } else if (f->type == MODELLAB_LOG_URL) {
        mli_log_redact_url(f->text, bytes, pieces);
    }
    mli_log_put_string(w, pieces[0].text, pieces[0].bytes, MLI_LOG_VALUE_BYTES);
    if (pieces[1].bytes > 0 && !w->cut) {
        w->at--; /* the second piece goes on behind the first */
        char *quote = w->at;
        mli_log_put_string(w, pieces[1].text, pieces[1].bytes,
                           MLI_LOG_VALUE_BYTES - pieces[0].bytes);
        if (w->at > quote) {
            memmove(quote, quote + 1, (size_t)(w->at - quote - 1));
            w->at--;
        } else {
            w->at++; /* no room: the first piece keeps its quote */
        }
    }
}

static void put_value(mli_log_writer *w, const mli_log_stamp *stamp, const modellab_log_field *f)
{
    switch (f->type) {
    case MODELLAB_LOG_INT:
        mli_log_put_int(w, f->integer);
        break;
    case MODELLAB_LOG_REAL:
        put_real(w, f->real);
        break;
    case MODELLAB_LOG_BOOL:
        if (f->integer != 0)
            MLI_LOG_PUT(w, "true");
        else
            MLI_LOG_PUT(w, "false");
        break;
    case MODELLAB_LOG_STRING:
    case MODELLAB_LOG_SECRET:
    case MODELLAB_LOG_PATH:
    case MODELLAB_LOG_URL:
        if (f->text != NULL)
            put_text_value(w, stamp, f);
        else
            MLI_LOG_PUT(w, "null");
        break;
    default:
        MLI_LOG_PUT(w, "null"); /* a type of a newer caller */
    }
}

typedef struct key_text {
    const char *text;
    size_t bytes;
    bool plain; /* needs no escape */
} key_text;

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
static bool same_key(const key_text *a, const char *text, size_t bytes)
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

static bool is_reserved(const key_text *k)
{
    static const char *const of_length[11][5] = {
        [2] = {"ts"},        [3] = {"msg", "sev", "pid", "seq"}, [5] = {"level", "event"},
        [6] = {"run_id"},    [7] = {"span_id", "attempt"},       [8] = {"trace_id"},
        [9] = {"truncated"}, [10] = {"request_id", "suppressed"}};
    if (k->bytes > 10)
        return false;
    for (const char *const *ours = of_length[k->bytes]; *ours != NULL; ours++)
        if ((*ours)[0] == k->text[0] && memcmp(*ours, k->text, k->bytes) == 0)
            return true;
    return false;
}

/* A set of seen keys as one word: false means surely new, so that most lines compare no texts. */
static bool seen_before(uint64_t *seen, const key_text *k)
{
    uint64_t bit = (uint64_t)1 << ((k->bytes * 7 + (unsigned char)k->text[0] * 3u +
                                    (unsigned char)k->text[k->bytes - 1]) &
                                   63);
    bool was = (*seen & bit) != 0;
    *seen |= bit;
    return was;
}

/* Which one of equal keys this is: 1 for the first, or for a reserved key 2. */
static size_t occurrence(const key_text *keys, size_t index)
{
    size_t n = is_reserved(&keys[index]) ? 2 : 1;
    for (size_t i = 0; i < index; i++)
        n += same_key(&keys[i], keys[index].text, keys[index].bytes);
    return n;
}

/* The key, with "_2", "_3" ... when it would appear twice on the line. */
static void put_key(mli_log_writer *w, const key_text *keys, size_t count, size_t index,
                    bool unsure)
{
    const key_text *k = &keys[index];
    char renamed[MLI_LOG_KEY_BYTES + 8];
    size_t n = unsure ? occurrence(keys, index) : 1, bytes = k->bytes;
    MLI_LOG_PUT(w, ",");
    if (n == 1) {
        if (k->plain && (size_t)(w->end - w->at) >= bytes + 2)
            mli_log_put_plain(w, k->text, bytes);
        else
            mli_log_put_string(w, k->text, bytes, bytes);
        MLI_LOG_PUT(w, ":");
        return;
    }
    memcpy(renamed, k->text, bytes);
    /* The (n-1)th suffix that makes no key of the caller's own. */
    for (int64_t suffix = 2; n > 1; suffix++) {
        mli_log_writer number = {renamed + k->bytes, renamed + sizeof renamed, false};
        bool taken = false;
        MLI_LOG_PUT(&number, "_");
        mli_log_put_int(&number, suffix);
        bytes = (size_t)(number.at - renamed);
        for (size_t i = 0; i < count; i++)
            taken = taken || same_key(&keys[i], renamed, bytes);
        n -= !taken;
    }
    mli_log_put_string(w, renamed, bytes, bytes);
    MLI_LOG_PUT(w, ":");
}

static size_t collect_keys(const modellab_log_record *r, key_text *keys)
{
    size_t count = r->field_count < MLI_LOG_FIELDS_MAX ? r->field_count : MLI_LOG_FIELDS_MAX;
    for (size_t i = 0; i < count; i++) {
        const char *key = r->fields[i].key;
        if (key == NULL || key[0] == '\0')
            key = "field";
        keys[i].text = key;
        keys[i].bytes = bounded_length(key, 0, MLI_LOG_KEY_BYTES);
        keys[i].bytes = mli_utf8_prefix(key, keys[i].bytes, MLI_LOG_KEY_BYTES);
        keys[i].plain = mli_log_is_plain(key, keys[i].bytes);
    }
    return count;
}

static void put_fields(mli_log_writer *w, const mli_log_stamp *stamp, const modellab_log_record *r)
{
    key_text keys[MLI_LOG_FIELDS_MAX];
    /* Bits of the reserved keys: set once by hand would go stale, so a reserved key is always
     * checked when its first letter is one of theirs. */
    uint64_t seen = 0;
    bool cut = r->field_count > MLI_LOG_FIELDS_MAX;
    size_t count = collect_keys(r, keys);
    for (size_t i = 0; i < count; i++) {
        char *before = w->at;
        bool unsure = seen_before(&seen, &keys[i]) || is_reserved(&keys[i]) || !keys[i].plain;
        w->cut = false;
        put_key(w, keys, count, i, unsure);
        if (!w->cut) {
            const char *value = w->at;
            put_value(w, stamp, &r->fields[i]);
            bool kept = w->at > value && w->at[-1] == '"'; /* a cut text is still a text */
            cut = cut || w->cut;
            if (!w->cut || kept)
                continue;
        }
        w->at = before; /* no room for this one: neither for later ones */
        cut = true;
        break;
    }
    w->cut = cut;
}

size_t mli_log_format(char *out, const mli_log_stamp *stamp, const modellab_log_record *r)
{
    mli_log_writer w = {out, out + MLI_LOG_LINE_BYTES - TAIL_BYTES, false};
    const char *level = mli_log_level_name(r->level), *message = r->message;
    const char *event = r->event != NULL ? r->event : "log";
    char time[28];
    /* The message leaves room for the keys of ours that follow it. */
    size_t ours = stamp->ids_bytes + stamp->process_bytes + OURS_BYTES;
    w.end -= ours;
    mli_os_format_utc(stamp->time_ns, time);
    MLI_LOG_PUT(&w, "{\"ts\":\"");
    mli_log_put(&w, time, 27);
    MLI_LOG_PUT(&w, "\",\"level\":\"");
    mli_log_put(&w, level, strlen(level));
    MLI_LOG_PUT(&w, "\",\"event\":");
    mli_log_put_string(&w, event, bounded_length(event, 0, 256), 256);
    MLI_LOG_PUT(&w, ",\"msg\":");
    message = message != NULL ? message : "";
    mli_log_put_string(&w, message, bounded_length(message, 0, MLI_LOG_VALUE_BYTES),
                       MLI_LOG_VALUE_BYTES);
    bool cut = w.cut;
    w.end += ours;
    mli_log_put(&w, stamp->ids, stamp->ids_bytes);
    MLI_LOG_PUT(&w, ",\"sev\":");
    mli_log_put_int(&w, r->level);
    mli_log_put(&w, stamp->process, stamp->process_bytes);
    MLI_LOG_PUT(&w, ",\"seq\":");
    mli_log_put_int(&w, stamp->seq);
    put_fields(&w, stamp, r);
    cut = cut || w.cut;
    w.end += TAIL_BYTES - 1;
    if (stamp->suppressed > 0) {
        MLI_LOG_PUT(&w, ",\"suppressed\":");
        mli_log_put_int(&w, stamp->suppressed);
    }
    if (cut)
        MLI_LOG_PUT(&w, ",\"truncated\":true");
    MLI_LOG_PUT(&w, "}\n");
    *w.at = '\0';
    return (size_t)(w.at - out);
}
