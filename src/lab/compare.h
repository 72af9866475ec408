/* Two runs side by side. */
#ifndef MLI_LAB_COMPARE_H
#define MLI_LAB_COMPARE_H

#include "base/cancel.h"
#include "base/json.h"
#include "lab/lab.h"

/* As modellab_run_compare(); appends JSON to `out`. */
MODELLAB_MUST_CHECK modellab_status mli_run_compare(mli_lab *lab, const char *a, const char *b,
                                                    const mli_cancel_word *cancel, mli_buf *out,
                                                    modellab_error *err);
/* Differences of two JSON values as an array of {"pointer","a","b"}; null stands for what is not
 * there. Arrays are one value. */
void mli_json_differences(const mli_json *a, const mli_json *b, mli_jw *out);

#endif
