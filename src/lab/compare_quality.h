/* Two runs side by side: resolved options, metrics, findings. */
#ifndef MLI_LAB_COMPARE_QUALITY_H
#define MLI_LAB_COMPARE_QUALITY_H

#include "base/json.h"

/* Members `config_diff`, `metrics`, `findings` of a comparison, from the JSON of both records. */
MODELLAB_MUST_CHECK modellab_status mli_compare_quality(const mli_json *a, const mli_json *b,
                                                        const modellab_allocator *alloc, mli_jw *w,
                                                        modellab_error *err);

#endif
