/* Pipelines of the user: steps and their options under a name, each a file below the lab
 * (pipelines/<name>.json). */
#ifndef MLI_LAB_TEMPLATES_H
#define MLI_LAB_TEMPLATES_H

#include "base/json.h"
#include "check/findings.h"
#include "lab/lab.h"

#define MLI_TEMPLATE_NAME_MAX 64
#define MLI_TEMPLATE_MAX_BYTES ((size_t)1024 * 1024)

/* [a-z0-9][a-z0-9_-]*, at most 64 bytes, and no name of a built-in pipeline or step. */
bool mli_template_name_valid(const char *name);
/* Whether the definition {"text", "steps", "config"} is one that a run could have. Findings; OK
 * also when some are errors. `*steps` (optional) gets them resolved. */
MODELLAB_MUST_CHECK modellab_status mli_template_check(const mli_lab *lab, const char *definition,
                                                       size_t bytes, mli_buf *steps,
                                                       mli_findings *report, modellab_error *err);
/* Stores it under the name, replacing what was there. E_SCHEMA: it has errors. E_LIMIT: the
 * lab has 1,000 others. */
MODELLAB_MUST_CHECK modellab_status mli_template_save(const mli_lab *lab, const char *name,
                                                      const char *definition, size_t bytes,
                                                      mli_findings *report, modellab_error *err);
/* New, mli_json_free(). E_NOT_FOUND. */
MODELLAB_MUST_CHECK modellab_status mli_template_load(const mli_lab *lab, const char *name,
                                                      mli_json **out, modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_template_delete(const mli_lab *lab, const char *name,
                                                        modellab_error *err);
/* All pipelines, sorted by name: [{"name", "text", "steps", "config", "built_in"}, ...]; of one
 * whose file cannot be read: {"name", "built_in", "damaged": true}. */
MODELLAB_MUST_CHECK modellab_status mli_pipelines_write(const mli_lab *lab, mli_buf *out,
                                                        modellab_error *err);
/* One of them, as an object. E_NOT_FOUND. */
MODELLAB_MUST_CHECK modellab_status mli_pipeline_write(const mli_lab *lab, const char *name,
                                                       mli_buf *out, modellab_error *err);

#endif
