/* Reading a waveform back, and fewer points of it. The numbers are read by hand: a tree of JSON
 * values would take a hundred times their room. */
#include "audio/peaks.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"
#include <math.h>
#include <string.h>

#define DATA "\"data\":["
#define HEAD_MOST ((size_t)1024)

MODELLAB_MUST_CHECK static modellab_status bad(const char *what, modellab_error *err)
{
    return mli_fail(err, MODELLAB_E_SCHEMA, "the waveform is not what it can be: %s", what);
}

/* What stands before the numbers; they are the last member. */
MODELLAB_MUST_CHECK static modellab_status read_head(const char *json, size_t bytes, mli_peaks *out,
                                                     modellab_error *err)
{
    char head[HEAD_MOST + 4];
    mli_json *root = NULL;
    modellab_status status;

    memcpy(head, json, bytes);
    memcpy(head + bytes, "]}", 3);
    status = mli_json_parse(head, bytes + 2, sizeof head, &root, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    int64_t length = mli_json_int(mli_json_get(root, "length"), -1);
    double seconds = mli_json_number(mli_json_get(root, "duration_seconds"), -1);

    out->samples_per_point = mli_json_int(mli_json_get(root, "samples_per_pixel"), 0);
    bool good = mli_json_int(mli_json_get(root, "version"), 0) == 2 &&
                mli_json_int(mli_json_get(root, "bits"), 0) == 8 &&
                mli_json_int(mli_json_get(root, "channels"), 0) == 1 &&
                mli_json_int(mli_json_get(root, "sample_rate"), 0) == MLI_AUDIO_RATE &&
                length >= 0 && length <= MLI_PEAKS_MOST && seconds >= 0 && seconds < 1e6 &&
                out->samples_per_point > 0;
    mli_json_free(root);
    if (!good) {
        return bad("its head", err);
    }
    out->count = (size_t)length;
    out->samples = (int64_t)llrint(seconds * MLI_AUDIO_RATE);
    return MODELLAB_OK;
}

/* One number of -128 to 127; false when there is none. */
static bool read_number(const char **at, const char *end, int8_t *out)
{
    const char *p = *at;
    bool minus = p < end && *p == '-';
    int value = 0, digits = 0;

    for (p += minus; p < end && *p >= '0' && *p <= '9' && digits < 3; p++, digits++) {
        value = value * 10 + (*p - '0');
    }
    value = minus ? -value : value;
    *out = (int8_t)(value < -128 || value > 127 ? 0 : value);
    *at = p;
    return digits > 0 && value >= -128 && value <= 127;
}

MODELLAB_MUST_CHECK static modellab_status read_numbers(const char *at, const char *end,
                                                        mli_peaks *out, modellab_error *err)
{
    for (size_t i = 0; i < out->count; i++) {
        bool good = read_number(&at, end, &out->low[i]) && at < end && *at++ == ',' &&
                    read_number(&at, end, &out->high[i]);

        if (good && i + 1 < out->count) {
            good = at < end && *at++ == ',';
        }
        if (!good || out->low[i] > out->high[i]) {
            return bad("its numbers", err);
        }
    }
    size_t left = (size_t)(end - at);

    return left >= 2 && memcmp(at, "]}", 2) == 0 && (left == 2 || (left == 3 && at[2] == '\n'))
               ? MODELLAB_OK
               : bad("its end", err);
}

modellab_status mli_peaks_read(const char *json, size_t bytes, const modellab_allocator *alloc,
                               mli_peaks *out, modellab_error *err)
{
    size_t head = 0, name = strlen(DATA);
    modellab_status status;

    *out = (mli_peaks){.alloc = alloc};
    if (bytes > MLI_PEAKS_JSON_MOST) {
        return mli_fail(err, MODELLAB_E_LIMIT, "the waveform is too large");
    }
    while (head + name <= bytes && head < HEAD_MOST - name &&
           memcmp(json + head, DATA, name) != 0) {
        head++;
    }
    if (head + name > bytes || head >= HEAD_MOST - name) {
        return bad("it has no numbers", err);
    }
    head += name;
    status = read_head(json, head, out, err);
    if (status != MODELLAB_OK) {
        out->count = 0;
        return status;
    }
    out->low = mli_alloc_array(alloc, out->count + 1, 2);
    if (out->low == NULL) {
        out->count = 0;
        return mli_no_memory(err);
    }
    out->high = out->low + out->count;
    return read_numbers(json + head, json + bytes, out, err);
}

static void put(mli_jw *w, const mli_peaks *p, size_t points, bool high)
{
    mli_jw_array(w);
    for (size_t i = 0; i < points; i++) {
        size_t from = i * p->count / points, to = (i + 1) * p->count / points;
        int value = high ? p->high[from] : p->low[from];

        for (size_t k = from; k < to; k++) {
            int one = high ? p->high[k] : p->low[k];

            value = high ? (one > value ? one : value) : (one < value ? one : value);
        }
        value = value < -127 ? -127 : value;
        mli_jw_real(w, nearbyint(value * 1000.0 / 127.0) / 1000.0);
    }
    mli_jw_end_array(w);
}

modellab_status mli_peaks_draw(const mli_peaks *p, size_t points, mli_buf *out, modellab_error *err)
{
    mli_jw w;

    points = points < p->count ? points : p->count;
    mli_jw_init(&w, out);
    mli_jw_object(&w);
    mli_jw_kint(&w, "points", (int64_t)points);
    mli_jw_kreal(&w, "duration_seconds", (double)p->samples / MLI_AUDIO_RATE);
    mli_jw_key(&w, "min");
    put(&w, p, points, false);
    mli_jw_key(&w, "max");
    put(&w, p, points, true);
    mli_jw_end_object(&w);
    return mli_buf_status(out, err);
}
