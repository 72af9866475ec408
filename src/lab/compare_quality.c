/* What two records say of options in force, of quality, effort and findings. */
#include "lab/compare_quality.h"

#include "base/error.h"
#include "lab/compare.h"
#include <math.h>
#include <string.h>

/* {"asr":{...},...}: resolved options by step, a new value. */
MODELLAB_MUST_CHECK static modellab_status options_of(const mli_json *record,
                                                      const modellab_allocator *alloc,
                                                      mli_json **out, modellab_error *err)
{
    const mli_json *steps = mli_json_get(record, "steps");
    size_t count = steps != NULL ? mli_json_count(steps) : 0;
    mli_buf text;
    mli_jw w;

    *out = NULL;
    mli_buf_init(&text, alloc);
    mli_jw_init(&w, &text);
    mli_jw_object(&w);
    for (size_t i = 0; i < count; i++) {
        const mli_json *step = mli_json_at(steps, i);
        const mli_json *config = mli_json_get(step, "resolved_config");

        if (config == NULL || mli_json_typeof(config) != MLI_JSON_OBJECT) {
            continue;
        }
        mli_jw_kjson(&w, mli_json_string(mli_json_get(step, "name"), ""), config);
    }
    mli_jw_end_object(&w);
    modellab_status status = mli_buf_status(&text, err);
    if (status == MODELLAB_OK) {
        status = mli_json_parse(text.data, text.size, (size_t)16 << 20, out, err);
    }
    mli_buf_dispose(&text);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status put_options(const mli_json *a, const mli_json *b,
                                                       const modellab_allocator *alloc, mli_jw *w,
                                                       modellab_error *err)
{
    mli_json *of_a = NULL, *of_b = NULL;
    modellab_status status = options_of(a, alloc, &of_a, err);

    if (status == MODELLAB_OK) {
        status = options_of(b, alloc, &of_b, err);
    }
    if (status == MODELLAB_OK) {
        mli_jw_key(w, "config_diff");
        mli_json_differences(of_a, of_b, w);
    }
    mli_json_free(of_a);
    mli_json_free(of_b);
    return status;
}

static double number_at(const mli_json *record, const char *object, const char *key)
{
    const mli_json *from = object != NULL ? mli_json_get(record, object) : record;
    return mli_json_number(mli_json_get(from, key), (double)NAN);
}

static double speed_of(const mli_json *record)
{
    double work = number_at(record, "measures", "wall_seconds");
    double audio = number_at(record, "input_metadata", "audio_seconds");
    return audio > 0 ? work / audio : (double)NAN;
}

static void put_metric(mli_jw *w, const char *name, double a, double b)
{
    if (isnan(a) && isnan(b)) {
        return;
    }
    mli_jw_object(w);
    mli_jw_kstring(w, "name", name);
    mli_jw_kreal(w, "a", a); /* NaN becomes null */
    mli_jw_kreal(w, "b", b);
    mli_jw_kreal(w, "diff", b - a);
    mli_jw_end_object(w);
}

/* Against references, by name; then effort. */
static void put_metrics(const mli_json *a, const mli_json *b, mli_jw *w)
{
    const mli_json *of_a = mli_json_get(a, "metrics"), *of_b = mli_json_get(b, "metrics"), *value;
    const char *key;
    static const char *const effort[] = {"wall_seconds", "cpu_seconds", "peak_memory_bytes",
                                         "api_calls"};

    mli_jw_key(w, "metrics");
    mli_jw_array(w);
    for (mli_json_cursor at = mli_json_first(of_a); mli_json_next(&at, &key, &value);) {
        put_metric(w, key, mli_json_number(value, (double)NAN), number_at(of_b, NULL, key));
    }
    for (mli_json_cursor at = mli_json_first(of_b); mli_json_next(&at, &key, &value);) {
        if (mli_json_get(of_a, key) == NULL) {
            put_metric(w, key, (double)NAN, mli_json_number(value, (double)NAN));
        }
    }
    put_metric(w, "real_time_factor", speed_of(a), speed_of(b));
    for (size_t i = 0; i < sizeof effort / sizeof *effort; i++) {
        put_metric(w, effort[i], number_at(a, "measures", effort[i]),
                   number_at(b, "measures", effort[i]));
    }
    put_metric(w, "cost_micros", number_at(a, "cost", "micros"), number_at(b, "cost", "micros"));
    mli_jw_end_array(w);
}

/* How many findings of a kind; -1: nobody has looked. */
static int64_t count_of(const mli_json *record, const char *kind)
{
    const mli_json *list = mli_json_get(record, "findings");
    int64_t count = 0;

    if (list == NULL || mli_json_typeof(list) != MLI_JSON_ARRAY) {
        return -1;
    }
    for (size_t i = 0; i < mli_json_count(list); i++) {
        const char *own = mli_json_string(mli_json_get(mli_json_at(list, i), "kind"), "");
        count += strcmp(own, kind) == 0;
    }
    return count;
}

static void put_count(mli_jw *w, const char *key, int64_t count)
{
    mli_jw_key(w, key);
    if (count < 0) {
        mli_jw_null(w);
    } else {
        mli_jw_int(w, count);
    }
}

/* The kinds of a's findings that come before `at` in it, or anywhere in `other`. */
static bool seen(const mli_json *list, size_t at, const mli_json *other, const char *kind)
{
    for (size_t i = 0; i < at; i++) {
        if (strcmp(mli_json_string(mli_json_get(mli_json_at(list, i), "kind"), ""), kind) == 0) {
            return true;
        }
    }
    return other != NULL && seen(other, mli_json_count(other), NULL, kind);
}

static void put_findings(const mli_json *a, const mli_json *b, mli_jw *w)
{
    const mli_json *const lists[2] = {mli_json_get(a, "findings"), mli_json_get(b, "findings")};

    mli_jw_key(w, "findings");
    mli_jw_array(w);
    for (int side = 0; side < 2; side++) {
        const mli_json *list = lists[side];
        size_t count = list != NULL ? mli_json_count(list) : 0;

        for (size_t i = 0; i < count; i++) {
            const char *kind = mli_json_string(mli_json_get(mli_json_at(list, i), "kind"), "");

            if (kind[0] == '\0' || seen(list, i, side == 0 ? NULL : lists[0], kind)) {
                continue;
            }
            mli_jw_object(w);
            mli_jw_kstring(w, "kind", kind);
            put_count(w, "a", count_of(a, kind));
            put_count(w, "b", count_of(b, kind));
            mli_jw_end_object(w);
        }
    }
    mli_jw_end_array(w);
}

modellab_status mli_compare_quality(const mli_json *a, const mli_json *b,
                                    const modellab_allocator *alloc, mli_jw *w, modellab_error *err)
{
    modellab_status status = put_options(a, b, alloc, w, err);

    if (status == MODELLAB_OK) {
        put_metrics(a, b, w);
        put_findings(a, b, w);
    }
    return status;
}
