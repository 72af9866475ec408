/* Money: price sheets turn measures into cost, caps bound measures and cost, estimates look ahead.
 * Money is counted in millionths of the sheet's currency as 64-bit integers, never in floating
 * point.
 * @since 0.1
 *
 * A price sheet is JSON; every price is optional (absent = free) and a decimal text or a number:
 * {"version": 1, "id": "cloud-2026-01", "currency": "EUR",
 *  "prices": {"cpu_second": "0.000012", "gpu_second": "0.0004", "api_call": "0.002",
 *             "audio_minute": "0.006"}}
 *
 * Example: examples/c/price.c */
#ifndef MODELLAB_PRICE_H
#define MODELLAB_PRICE_H

#include <modellab/tracker.h>

/** A price sheet. Reference counted and immutable. */
typedef struct modellab_price_sheet modellab_price_sheet;

/** Cost by cause, in millionths of the currency. */
typedef struct modellab_cost {
    size_t size;          /**< sizeof(modellab_cost), set by the caller */
    int64_t total_micros; /**< the sum of the parts below that are known */
    int64_t cpu_micros;   /**< -1: has a price, but was not measured; so the parts below */
    int64_t gpu_micros;
    int64_t api_micros;
    int64_t audio_micros;
    int32_t is_complete; /**< 1: every measure that has a price was measured */
    int32_t reserved;
} modellab_cost;

#define MODELLAB_COST_INIT                                                                         \
    {                                                                                              \
        sizeof(modellab_cost), 0, 0, 0, 0, 0, 0, 0                                                 \
    }

/** Caps: one bit each in modellab_caps.set; also the `detail` of E_CAP_EXCEEDED. */
enum {
    MODELLAB_CAP_CPU_SECONDS = 1,
    MODELLAB_CAP_WALL_SECONDS = 2,
    MODELLAB_CAP_PEAK_MEMORY_BYTES = 4,
    MODELLAB_CAP_AUDIO_SECONDS = 8,
    MODELLAB_CAP_API_CALLS = 16,
    MODELLAB_CAP_COST = 32
};

/** Limits of measures and of money. A cap counts only when its bit in `set` is on, so that a cap of
 * 0 (no API calls at all) can be told from no cap. */
typedef struct modellab_caps {
    size_t size; /**< sizeof(modellab_caps) */
    int32_t set; /**< MODELLAB_CAP_* of the caps that are on */
    int32_t reserved;
    double cpu_seconds;
    double wall_seconds;
    double audio_seconds;
    int64_t peak_memory_bytes;
    int64_t api_calls;
    int64_t cost_micros;
} modellab_caps;

#define MODELLAB_CAPS_INIT                                                                         \
    {                                                                                              \
        sizeof(modellab_caps), 0, 0, 0.0, 0.0, 0.0, 0, 0, 0                                        \
    }

/** Where an estimate of a run comes from. */
typedef int32_t modellab_estimate_basis;
enum {
    MODELLAB_ESTIMATE_NONE = 0,
    MODELLAB_ESTIMATE_HISTORY = 1, /**< past runs of the model, three or more */
    MODELLAB_ESTIMATE_FEW = 2,     /**< one or two past runs; the interval is a guess */
    MODELLAB_ESTIMATE_FALLBACK = 3 /**< none: figures of the library, good to a factor of four */
};

/** What the caps make of a run now. */
typedef int32_t modellab_admission;
enum {
    MODELLAB_ADMISSION_NONE = 0,
    MODELLAB_ADMISSION_NOW = 1,  /**< has room */
    MODELLAB_ADMISSION_WAIT = 2, /**< accepted, and waits until a cap of its user has room */
    MODELLAB_ADMISSION_REFUSE = 3
};

/** What work will probably take. -1 = no statement (too little history, or no price). */
typedef struct modellab_estimate {
    size_t size; /**< sizeof(modellab_estimate), set by the caller */
    double cpu_seconds;
    double cpu_seconds_low,
        cpu_seconds_high; /**< 90 % of such work lies between; from 3 samples on */
    int64_t cost_micros;
    int64_t cost_micros_low, cost_micros_high;
    int64_t samples; /**< number of past executions behind it */
    double wall_seconds, wall_seconds_low, wall_seconds_high; /**< without the wait in the queue */
    double audio_seconds;                                     /**< length that it is made for */
    modellab_estimate_basis basis;                            /**< set for runs; else NONE */
    modellab_admission admission;                             /**< likewise */
} modellab_estimate;

#define MODELLAB_ESTIMATE_INIT                                                                     \
    {                                                                                              \
        sizeof(modellab_estimate), -1.0, -1.0, -1.0, -1, -1, -1, 0, -1.0, -1.0, -1.0, -1.0, 0, 0   \
    }

MODELLAB_BEGIN_DECLS

/** Fills the structs like their INIT macros. @threads any @since 0.1 */
MODELLAB_API void modellab_caps_init(modellab_caps *caps, size_t size);
/** As modellab_caps_init(). @threads any @since 0.1 */
MODELLAB_API void modellab_cost_init(modellab_cost *cost, size_t size);
/** As modellab_caps_init(). @threads any @since 0.1 */
MODELLAB_API void modellab_estimate_init(modellab_estimate *estimate, size_t size);

/** Reads a price sheet. @param json UTF-8, `bytes` long (0 = NUL-terminated); NULL = the built-in
 * sheet "free", whose prices are all 0 @param allocator optional, copied @param[out] out new;
 * modellab_price_sheet_unref()
 * @errors E_INVALID_JSON, E_SCHEMA (unknown key, version, negative price, more than six decimals of
 * a micro-unit), E_LIMIT, E_NO_MEMORY @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_price_sheet_parse(const char *json, size_t bytes, const modellab_allocator *allocator,
                           modellab_price_sheet **out, modellab_error *err);

/** Takes another reference; returns its argument. @threads any @since 0.1 */
MODELLAB_API modellab_price_sheet *modellab_price_sheet_ref(modellab_price_sheet *sheet);

/** Gives a reference back; NULL is accepted. @threads any @since 0.1 */
MODELLAB_API void modellab_price_sheet_unref(modellab_price_sheet *sheet);

/** The sheet's own id. Borrowed from `sheet`. @threads any @since 0.1 */
MODELLAB_API const char *modellab_price_sheet_id(const modellab_price_sheet *sheet);
/** ISO 4217 code. Borrowed from `sheet`. @threads any @since 0.1 */
MODELLAB_API const char *modellab_price_sheet_currency(const modellab_price_sheet *sheet);
/** sha256 (64 hex digits) of the canonical text. Borrowed from `sheet`. @threads any @since 0.1 */
MODELLAB_API const char *modellab_price_sheet_sha256(const modellab_price_sheet *sheet);
/** Canonical JSON text. Borrowed from `sheet`. @threads any @since 0.1 */
MODELLAB_API const char *modellab_price_sheet_json(const modellab_price_sheet *sheet);

/** What the measures cost. @param[in,out] out `out->size` must be set
 * @errors E_INVALID_ARGUMENT, E_LIMIT (beyond 64 bits), E_ABI_TOO_SMALL @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_price_sheet_cost(const modellab_price_sheet *sheet, const modellab_measures *measures,
                          modellab_cost *out, modellab_error *err);

/** Sets a cap by its name (cpu_seconds, wall_seconds, peak_memory_bytes, audio_seconds, api_calls,
 * cost) from text: seconds also as "10m" or "1h30m", bytes also as "200MiB", cost as a decimal in
 * the currency. @errors E_INVALID_ARGUMENT (unknown name, with a suggestion; value that is not
 * valid)
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_caps_set(modellab_caps *caps,
                                                                   const char *name,
                                                                   const char *value,
                                                                   modellab_error *err);

/** Compares measures and cost with caps. A measure that is not known (-1) does not exceed its cap.
 * @param cost_micros  cost so far, -1 = not known
 * @errors E_CAP_EXCEEDED (`detail` is the MODELLAB_CAP_* bit; a measure equal to its cap is within
 * it), E_INVALID_ARGUMENT, E_ABI_TOO_SMALL, E_ABI_NEWER @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_caps_check(const modellab_caps *caps, const modellab_measures *measures,
                    int64_t cost_micros, modellab_error *err);

/** Estimates work from its length and the CPU seconds per audio second that such work took before.
 * @param cpu_per_audio_second  `count` past values, each > 0
 * @param sheet                 optional; without it there is no estimate of cost
 * @param api_calls             calls that the work will make
 * @param[in,out] out           `out->size` must be set
 * @errors E_INVALID_ARGUMENT, E_LIMIT, E_ABI_TOO_SMALL @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_estimate_make(double audio_seconds, const double *cpu_per_audio_second, size_t count,
                       const modellab_price_sheet *sheet, int64_t api_calls, modellab_estimate *out,
                       modellab_error *err);

MODELLAB_END_DECLS
#endif
