/* Price sheets, cost, caps and estimates beneath the public functions (modellab/price.h). */
#ifndef MLI_TRACK_PRICE_H
#define MLI_TRACK_PRICE_H

#include "base/json.h"
#include <modellab/price.h>

MODELLAB_MUST_CHECK modellab_status mli_price_sheet_parse(const char *json, size_t bytes,
                                                          const modellab_allocator *allocator,
                                                          modellab_price_sheet **out,
                                                          modellab_error *err);
modellab_price_sheet *mli_price_sheet_ref(modellab_price_sheet *sheet);
void mli_price_sheet_unref(modellab_price_sheet *sheet);
const char *mli_price_sheet_id(const modellab_price_sheet *sheet);
const char *mli_price_sheet_currency(const modellab_price_sheet *sheet);
const char *mli_price_sheet_sha256(const modellab_price_sheet *sheet);
const char *mli_price_sheet_json(const modellab_price_sheet *sheet);
MODELLAB_MUST_CHECK modellab_status mli_price_sheet_cost(const modellab_price_sheet *sheet,
                                                         const modellab_measures *measures,
                                                         modellab_cost *out, modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_caps_set(modellab_caps *caps, const char *name,
                                                 const char *value, modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_caps_check(const modellab_caps *caps,
                                                   const modellab_measures *measures,
                                                   int64_t cost_micros, modellab_error *err);
/* Name of a MODELLAB_CAP_* bit ("cpu_seconds"), "unknown" for others. Static. */
const char *mli_cap_name(int32_t cap);
MODELLAB_MUST_CHECK modellab_status mli_estimate_make(double audio_seconds,
                                                      const double *cpu_per_audio_second,
                                                      size_t count,
                                                      const modellab_price_sheet *sheet,
                                                      int64_t api_calls, modellab_estimate *out,
                                                      modellab_error *err);

/* A decimal text ("0.006", "1.5e-3") times 10^scale as an integer; false when it is no such text,
 * is negative, or is not a whole number at that scale within 63 bits. */
bool mli_decimal_parse(const char *text, int scale, int64_t *out);
/* a * b / divisor, rounded half up; all at least 0, divisor > 0. false beyond 63 bits. */
bool mli_mul_div(int64_t a, int64_t b, int64_t divisor, int64_t *out);

#endif
