/* Pipelines: graphs of steps that a request names. Requested steps pull in what they need.
 * @since 0.1
 *
 * Example: examples/c/pipeline.c */
#ifndef MODELLAB_PIPELINE_H
#define MODELLAB_PIPELINE_H

#include <modellab/report.h>
#include <modellab/types.h>

/** A built-in pipeline or step. Strings are static. */
typedef struct modellab_pipeline_info {
    size_t size; /**< sizeof(modellab_pipeline_info), set by the caller */
    const char *name;
    const char *text;  /**< what it does, for people */
    const char *steps; /**< steps in order of execution, separated by commas */
} modellab_pipeline_info;

MODELLAB_BEGIN_DECLS

/** Built-in pipelines, sorted by name. @errors E_NOT_FOUND (index), E_ABI_TOO_SMALL
 * @threads any @since 0.1 */
MODELLAB_API size_t modellab_pipeline_count(void);
/** Item at `index`; `out->size` must be set. @errors E_NOT_FOUND (index), E_ABI_TOO_SMALL
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_pipeline_at(size_t index,
                                                                      modellab_pipeline_info *out,
                                                                      modellab_error *err);

/** Resolves steps (comma-separated) or a pipeline's name to the full list in order of execution.
 * @param[out] steps   new, comma-separated
 * @param[out] report  optional; findings for unknown steps (with suggestions) and added
 * dependencies
 * @errors E_SCHEMA (see the report), E_NO_MEMORY @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_pipeline_resolve(const char *name_or_steps, modellab_buffer **steps,
                          modellab_report **report, modellab_error *err);

MODELLAB_END_DECLS
#endif
