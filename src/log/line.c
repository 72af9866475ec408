/* One record as one JSON object: our keys first, then the caller's without duplicates, cut to size.
 */
#include "log/line.h"
#include "base/str.h"
#include "log/plain.h"
#include "log/redact.h"
#include "os/clock.h"
#include <math.h>
#include <string.h>

/* Kept free at the end of a line for: ,"truncated":true,"suppressed":4294967295}\n and NUL */
#define TAIL_BYTES 64
/* ,"sev":-2147483648 and ,"seq":-9223372036854775808 */
#define OURS_BYTES 48
/* How a number or a key with its marks may grow at most, so that one check of the room suffices. */
#define NUMBER_BYTES 48
#define KEY_ROOM (MLI_LOG_KEY_BYTES + 4)
/* Texts up to here are copied while their end is looked for. */
#define SHORT_BYTES 24

static size_t level_index(modellab_log_level level)
{
    return (size_t)(level >= MODELLAB_LOG_DEBUG) + (level >= MODELLAB_LOG_INFO) +
           (level >= MODELLAB_LOG_WARN) + (level >= MODELLAB_LOG_ERROR) +
           (level >= MODELLAB_LOG_FATAL);
}

const char *mli_log_level_name(modellab_log_level level)
{
    static const char *const names[6] = {"trace", "debug", "info", "warn", "error", "fatal"};
    return names[level_index(level)];
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

/* The quick ways write plain text and numbers behind `at` and return where they end; NULL when they
 * do not apply: then nothing counts as written. `declared` 0 = NUL-terminated. */
static inline char *quick_text(char *at, const char *end, const char *text, size_t declared,
                               size_t limit)
{
    if (end - at < SHORT_BYTES + 2)
        return NULL;
    size_t bytes = declared == 0 ? mli_log_copy_short(at + 1, text, SHORT_BYTES) : declared;
    if (declared != 0 || bytes > SHORT_BYTES) {
        bytes = bounded_length(text, declared, limit);
        if (bytes > limit || (size_t)(end - at) < bytes + 2 ||
            !mli_log_copy_plain(at + 1, text, bytes))
            return NULL;
    }
    at[0] = '"';
    at[bytes + 1] = '"';
    return at + bytes + 2;
}

static inline char *quick_key(char *at, const char *end, const char *key, mli_log_seen *seen)
{
    if (end - at < KEY_ROOM || key == NULL || key[0] == '\0')
        return NULL;
    mli_log_key k = {key, mli_log_copy_short(at + 2, key, MLI_LOG_KEY_BYTES)};
    if (k.bytes > MLI_LOG_KEY_BYTES || mli_log_seen_add(seen, &k))
        return NULL;
    memcpy(at, ",\"", 2);
    memcpy(at + k.bytes + 2, "\":", 2);
    return at + k.bytes + 4;
}

static inline char *quick_value(char *at, const char *end, const modellab_log_field *f)
{
    if (f->type == MODELLAB_LOG_STRING && f->text != NULL)
        return quick_text(at, end, f->text, f->text_bytes, MLI_LOG_VALUE_BYTES);
    if (end - at < NUMBER_BYTES)
        return NULL;
    if (f->type == MODELLAB_LOG_INT)
        return at + mli_format_i64(at, f->integer);
    if (f->type == MODELLAB_LOG_BOOL) {
        memcpy(at, f->integer != 0 ? "true " : "false", 5);
        return at + (f->integer != 0 ? 4 : 5);
    }
    if (f->type == MODELLAB_LOG_REAL && isfinite(f->real))
        return at + mli_format_f64(at, NUMBER_BYTES, f->real);
    return NULL;
}

static void put_text(mli_log_writer *w, const char *text, size_t limit)
{
    char *after = quick_text(w->at, w->end, text, 0, limit);
    if (after != NULL)
        w->at = after;
    else
        mli_log_put_string(w, text, bounded_length(text, 0, limit), limit);
}

/* One field, or nothing of it when there is no room for its key and a part of its value. */
static bool put_field(mli_log_writer *w, const mli_log_stamp *stamp, const modellab_log_record *r,
                      size_t count, size_t index, bool key_written)
{
    if (!key_written)
        mli_log_put_key(w, r->fields, count, index);
    if (w->cut)
        return false;
    const char *value = w->at;
    put_value(w, stamp, &r->fields[index]);
    return !w->cut || (w->at > value && w->at[-1] == '"'); /* a cut text is still a text */
}

static void put_fields(mli_log_writer *w, const mli_log_stamp *stamp, const modellab_log_record *r)
{
    mli_log_seen seen = mli_log_seen_ours();
    size_t given = r->fields != NULL ? r->field_count : 0;
    size_t count = given < MLI_LOG_FIELDS_MAX ? given : MLI_LOG_FIELDS_MAX;
    bool cut = given > MLI_LOG_FIELDS_MAX;
    char *at = w->at;
    for (size_t i = 0; i < count; i++) {
        char *value = quick_key(at, w->end, r->fields[i].key, &seen);
        char *after = value != NULL ? quick_value(value, w->end, &r->fields[i]) : NULL;
        if (after != NULL) {
            at = after;
            continue;
        }
        if (value == NULL) { /* later keys are compared with this one, too */
            mli_log_key key = mli_log_key_of(&r->fields[i]);
            (void)mli_log_seen_add(&seen, &key);
        }
        w->at = value != NULL ? value : at;
        w->cut = false;
        bool kept = put_field(w, stamp, r, count, i, value != NULL);
        cut = cut || w->cut;
        if (!kept) /* no room for this one: neither for later ones */
            break;
        at = w->at;
    }
    w->at = at;
    w->cut = cut;
}

/* {"ts":"...","level":"info","event": */
static char *put_head(char *at, int64_t time_ns, modellab_log_level level)
{
    static const struct {
        char text[32];
        size_t bytes;
    } heads[6] = {
        {"\",\"level\":\"trace\",\"event\":", 26}, {"\",\"level\":\"debug\",\"event\":", 26},
        {"\",\"level\":\"info\",\"event\":", 25},  {"\",\"level\":\"warn\",\"event\":", 25},
        {"\",\"level\":\"error\",\"event\":", 26}, {"\",\"level\":\"fatal\",\"event\":", 26}};
    size_t i = level_index(level);
    memcpy(at, "{\"ts\":\"", 7);
    mli_os_format_utc(time_ns, at + 7);
    memcpy(at + 34, heads[i].text, sizeof heads[i].text);
    return at + 34 + heads[i].bytes;
}

/* Ids, severity, process and number of the line; its room was kept free. */
static inline char *put_ours(char *at, const mli_log_stamp *stamp, modellab_log_level level)
{
    mli_log_copy(at, stamp->ids, stamp->ids_bytes);
    at += stamp->ids_bytes;
    memcpy(at, ",\"sev\":", 7);
    at += 7 + mli_format_i64(at + 7, level);
    mli_log_copy(at, stamp->process, stamp->process_bytes);
    at += stamp->process_bytes;
    memcpy(at, ",\"seq\":", 7);
    return at + 7 + mli_format_i64(at + 7, stamp->seq);
}

size_t mli_log_format(char *out, const mli_log_stamp *stamp, const modellab_log_record *r)
{
    mli_log_writer w = {out, out + MLI_LOG_LINE_BYTES - TAIL_BYTES, false};
    /* The message leaves room for the keys of ours that follow it. */
    size_t ours = stamp->ids_bytes + stamp->process_bytes + OURS_BYTES;
    w.end -= ours;
    w.at = put_head(out, stamp->time_ns, r->level);
    put_text(&w, r->event != NULL ? r->event : "log", 256);
    MLI_LOG_PUT(&w, ",\"msg\":");
    put_text(&w, r->message != NULL ? r->message : "", MLI_LOG_VALUE_BYTES);
    bool cut = w.cut;
    w.end += ours;
    w.at = put_ours(w.at, stamp, r->level);
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
