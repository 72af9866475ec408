/* Pipelines: graphs of steps that a request names. Requested steps pull in what they need.
 * @since 0.1
 *
 * Example: examples/c/pipeline.c */
#ifndef MODELLAB_PIPELINE_H
#define MODELLAB_PIPELINE_H

#include <modellab/lab.h>
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

/** The steps that pipelines may have, in the order of execution, as a JSON array: objects with
 * name, text, needs (steps that are added), wants (steps that it uses when they are there),
 * artifacts, models (their tasks), may_fail, always, needs_input, options (JSON Schema of
 * config.NAME, null = it has none).
 * @param[out] out  new; modellab_buffer_destroy()
 * @errors E_NO_MEMORY @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_step_list(modellab_buffer **out,
                                                                    modellab_error *err);

/** Resolves steps (comma-separated) or a pipeline's name to the full list in order of execution.
 * @param[out] steps   new, comma-separated
 * @param[out] report  optional; findings for unknown steps (with suggestions) and added
 * dependencies
 * @errors E_SCHEMA (see the report), E_NO_MEMORY @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_pipeline_resolve(const char *name_or_steps, modellab_buffer **steps,
                          modellab_report **report, modellab_error *err);

/** All pipelines of the lab, sorted by name, as a JSON array: objects with name, text, steps
 * (resolved when built_in, else as stored), config (options of its steps where a request gives
 * none), built_in; one whose file cannot be
 * read has name, built_in and damaged (true) alone.
 * @param[out] out new; modellab_buffer_destroy()
 * @errors E_IO, E_NO_MEMORY @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_pipeline_list(modellab_lab *lab,
                                                                        modellab_buffer **out,
                                                                        modellab_error *err);
/** One pipeline of the lab, as such an object. @param[out] out new; modellab_buffer_destroy()
 * @errors E_NOT_FOUND, E_IO, E_NO_MEMORY @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_pipeline_load(modellab_lab *lab,
                                                                        const char *name,
                                                                        modellab_buffer **out,
                                                                        modellab_error *err);
/** Whether a definition, a JSON object with text, steps and config, is one that runs of this lab
 * could have. Nothing is stored.
 * @param bytes   0 = NUL-terminated
 * @param[out] steps   optional; new: the steps in order of execution, separated by commas
 * @param[out] report  optional; unknown steps and options with suggestions, steps that were added
 * @errors E_SCHEMA (see the report), E_INVALID_JSON, E_LIMIT, E_NO_MEMORY @threads any @since 0.1
 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_pipeline_check(modellab_lab *lab, const char *definition, size_t bytes,
                        modellab_buffer **steps, modellab_report **report, modellab_error *err);
/** Stores a pipeline of the user in the lab, replacing one of the same name; a request names it
 * like a built-in one. Runs that were submitted keep what they had.
 * @param name small letters, digits, - and _, at most 64; not that of a built-in pipeline or step
 * @errors E_SCHEMA (see the report), E_INVALID_ARGUMENT (the name), E_INVALID_JSON, E_LIMIT,
 * E_STORE_READ_ONLY, E_IO, E_NO_SPACE, E_NO_MEMORY @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_pipeline_save(modellab_lab *lab, const char *name, const char *definition, size_t bytes,
                       modellab_report **report, modellab_error *err);
/** Removes a pipeline of the user. @errors E_NOT_FOUND, E_INVALID_ARGUMENT (a built-in one),
 * E_STORE_READ_ONLY, E_IO @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_pipeline_delete(modellab_lab *lab,
                                                                          const char *name,
                                                                          modellab_error *err);

MODELLAB_END_DECLS
#endif
