/* Price sheets: read strictly, kept as canonical text with its hash, applied to measures. */
#include "track/price.h"
#include "base/alloc.h"
#include "base/checked.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/id.h"
#include "base/sized.h"
#include "base/str.h"
#include "track/tracker.h"
#include <math.h>
#include <stdatomic.h>
#include <string.h>

#define PICO_DIGITS 12 /* prices are kept in 10^-12 of the currency */
#define SHEET_BYTES 65536

enum { CPU_SECOND, GPU_SECOND, API_CALL, AUDIO_MINUTE, PRICES };

static const char *const price_names[PRICES] = {"cpu_second", "gpu_second", "api_call",
                                                "audio_minute"};
static const char free_sheet[] =
    "{\"version\":1,\"id\":\"free\",\"currency\":\"USD\",\"prices\":{}}";

struct modellab_price_sheet {
    _Atomic int64_t refs;
    modellab_allocator alloc;
    int64_t pico[PRICES];
    char id[65], currency[4], sha256[65];
    char *json;
};

MODELLAB_MUST_CHECK static modellab_status read_price(const mli_json *value, const char *key,
                                                      int64_t *pico, modellab_error *err)
{
    char number[40];
    const char *text = mli_json_string(value, NULL);
    if (text == NULL &&
        (mli_json_typeof(value) == MLI_JSON_INTEGER || mli_json_typeof(value) == MLI_JSON_REAL)) {
        size_t n = mli_format_f64(number, sizeof number, mli_json_number(value, -1));
        text = n < sizeof number ? number : NULL;
    }
    if (text == NULL || !mli_decimal_parse(text, PICO_DIGITS, pico))
        return mli_fail(err, MODELLAB_E_SCHEMA,
                        "price sheet: %s is not a price (a decimal of at least 0 with at most %d "
                        "decimals)",
                        key, PICO_DIGITS);
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status read_prices(modellab_price_sheet *s,
                                                       const mli_json *prices, modellab_error *err)
{
    const char *key;
    const mli_json *value;
    if (mli_json_typeof(prices) != MLI_JSON_OBJECT)
        return mli_fail(err, MODELLAB_E_SCHEMA, "price sheet: prices is not an object");
    mli_json_cursor c = mli_json_first(prices);
    while (mli_json_next(&c, &key, &value)) {
        int which = 0;
        while (which < PRICES && strcmp(key, price_names[which]) != 0)
            which++;
        if (which == PRICES)
            return mli_fail(err, MODELLAB_E_SCHEMA, "price sheet: there is no price named %.40s",
                            key);
        modellab_status status = read_price(value, key, &s->pico[which], err);
        if (status != MODELLAB_OK)
            return status;
    }
    return MODELLAB_OK;
}

static bool is_currency(const char *text)
{
    for (int i = 0; i < 3; i++)
        if (text[i] < 'A' || text[i] > 'Z')
            return false;
    return text[3] == '\0';
}

MODELLAB_MUST_CHECK static modellab_status read_head(modellab_price_sheet *s, const mli_json *root,
                                                     modellab_error *err)
{
    static const char *const known[] = {"version", "id", "currency", "prices"};
    const char *key, *id = mli_json_string(mli_json_get(root, "id"), "");
    const char *currency = mli_json_string(mli_json_get(root, "currency"), "");
    const mli_json *value;
    if (mli_json_typeof(root) != MLI_JSON_OBJECT)
        return mli_fail(err, MODELLAB_E_SCHEMA, "price sheet: not an object");
    mli_json_cursor c = mli_json_first(root);
    while (mli_json_next(&c, &key, &value)) {
        bool found = false;
        for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
            found = found || strcmp(key, known[i]) == 0;
        if (!found)
            return mli_fail(err, MODELLAB_E_SCHEMA, "price sheet: unknown key %.40s", key);
    }
    if (mli_json_int(mli_json_get(root, "version"), 0) != 1)
        return mli_fail(err, MODELLAB_E_SCHEMA, "price sheet: version is not 1");
    if (!mli_request_id_valid(id) || strlen(id) >= sizeof s->id)
        return mli_fail(err, MODELLAB_E_SCHEMA,
                        "price sheet: id is not 1 to 64 letters, digits, '.', '_' or '-'");
    if (!is_currency(currency))
        return mli_fail(err, MODELLAB_E_SCHEMA,
                        "price sheet: currency is not three capital letters");
    memcpy(s->id, id, strlen(id) + 1);
    memcpy(s->currency, currency, sizeof s->currency);
    return MODELLAB_OK;
}

/* Canonical text and its hash. */
MODELLAB_MUST_CHECK static modellab_status keep_text(modellab_price_sheet *s, const mli_json *root,
                                                     modellab_error *err)
{
    mli_buf text;
    mli_sha256 h;
    mli_buf_init(&text, &s->alloc);
    modellab_status status = mli_json_dump(root, &text, err);
    if (status == MODELLAB_OK) {
        mli_sha256_init(&h);
        mli_sha256_update(&h, text.data, text.size);
        mli_sha256_hex(&h, s->sha256);
        s->json = mli_buf_take(&text, NULL);
    }
    mli_buf_dispose(&text);
    return status == MODELLAB_OK && s->json == NULL ? mli_no_memory(err) : status;
}

modellab_status mli_price_sheet_parse(const char *json, size_t bytes,
                                      const modellab_allocator *allocator,
                                      modellab_price_sheet **out, modellab_error *err)
{
    modellab_allocator alloc;
    mli_json *root = NULL;
    *out = NULL;
    modellab_status status = mli_allocator_take(allocator, &alloc, err);
    if (status != MODELLAB_OK)
        return status;
    if (json == NULL) {
        json = free_sheet;
        bytes = 0;
    }
    status = mli_json_parse(json, bytes != 0 ? bytes : strlen(json), SHEET_BYTES, &root, err);
    if (status != MODELLAB_OK)
        return status;
    modellab_price_sheet *s = mli_alloc_zero(&alloc, sizeof *s);
    status = s != NULL ? MODELLAB_OK : mli_no_memory(err);
    if (s != NULL) {
        s->alloc = alloc;
        atomic_store(&s->refs, 1);
        status = read_head(s, root, err);
        if (status == MODELLAB_OK)
            status = read_prices(s, mli_json_get(root, "prices"), err);
        if (status == MODELLAB_OK)
            status = keep_text(s, root, err);
    }
    mli_json_free(root);
    if (status != MODELLAB_OK)
        mli_price_sheet_unref(s);
    else
        *out = s;
    return status;
}

modellab_price_sheet *mli_price_sheet_ref(modellab_price_sheet *sheet)
{
    if (sheet != NULL)
        atomic_fetch_add_explicit(&sheet->refs, 1, memory_order_relaxed);
    return sheet;
}

void mli_price_sheet_unref(modellab_price_sheet *sheet)
{
    if (sheet == NULL || atomic_fetch_sub_explicit(&sheet->refs, 1, memory_order_acq_rel) != 1)
        return;
    modellab_allocator alloc = sheet->alloc;
    mli_free(&alloc, sheet->json);
    mli_free(&alloc, sheet);
}

const char *mli_price_sheet_id(const modellab_price_sheet *sheet)
{
    return sheet->id;
}

const char *mli_price_sheet_currency(const modellab_price_sheet *sheet)
{
    return sheet->currency;
}

const char *mli_price_sheet_sha256(const modellab_price_sheet *sheet)
{
    return sheet->sha256;
}

const char *mli_price_sheet_json(const modellab_price_sheet *sheet)
{
    return sheet->json;
}

/* Price times amount, in millionths; -1 when the amount is not known but costs something. `unit`:
 * how many of the integer amounts make one priced unit. */
static bool part(int64_t pico, int64_t amount, int64_t unit, int64_t *micros)
{
    if (pico == 0) {
        *micros = 0;
        return true;
    }
    if (amount < 0) {
        *micros = -1;
        return true;
    }
    /* pico / 10^6 = micros; both divisors in one, so that rounding happens once */
    return mli_mul_div(pico, amount, unit * 1000000, micros);
}

/* Seconds as integer nanoseconds; -1 for not known. false beyond about 200 years. */
static bool to_ns(double seconds, int64_t *ns)
{
    if (!(seconds < 6e9))
        return false;
    *ns = seconds < 0 ? -1 : (int64_t)llround(seconds * 1e9);
    return true;
}

modellab_status mli_price_sheet_cost(const modellab_price_sheet *sheet,
                                     const modellab_measures *measures, modellab_cost *out,
                                     modellab_error *err)
{
    modellab_measures m = MODELLAB_MEASURES_INIT;
    modellab_cost c = MODELLAB_COST_INIT;
    int64_t cpu, gpu, audio;
    modellab_status status = mli_sized_in(&m, sizeof m, MLI_MEASURES_FIRST, measures, err);
    if (status != MODELLAB_OK)
        return status;
    if (!to_ns(m.cpu_seconds, &cpu) || !to_ns(m.gpu_seconds, &gpu) ||
        !to_ns(m.audio_seconds, &audio))
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "a measure is not a number of seconds");
    if (!part(sheet->pico[CPU_SECOND], cpu, 1000000000, &c.cpu_micros) ||
        !part(sheet->pico[GPU_SECOND], gpu, 1000000000, &c.gpu_micros) ||
        !part(sheet->pico[API_CALL], m.api_calls, 1, &c.api_micros) ||
        !part(sheet->pico[AUDIO_MINUTE], audio, 60000000000, &c.audio_micros))
        return mli_fail(err, MODELLAB_E_LIMIT, "the cost does not fit into 64 bits");
    const int64_t parts[] = {c.cpu_micros, c.gpu_micros, c.api_micros, c.audio_micros};
    c.is_complete = 1;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (parts[i] < 0)
            c.is_complete = 0;
        else if (mli_add_overflow(c.total_micros, parts[i], &c.total_micros))
            return mli_fail(err, MODELLAB_E_LIMIT, "the cost does not fit into 64 bits");
    }
    return mli_sized_out(out, &c, sizeof c, MLI_SIZE_UP_TO(modellab_cost, is_complete), err);
}
