/* Configuration: the one table of environment variables (all begin with MODEL_LAB_), which also
 * generates .env.example, docs/environment.md and `modellab env`. Order of sources: the caller's
 * own flags, environment, project file (.modellab.env in the working directory), user file (XDG
 * config modellab/env), default. @since 0.1
 *
 * Example: examples/c/config.c */
#ifndef MODELLAB_CONFIG_H
#define MODELLAB_CONFIG_H

#include <modellab/types.h>

/** A variable. Strings are static. */
typedef struct modellab_config_variable {
    size_t size;               /**< sizeof(modellab_config_variable), set by the caller */
    const char *name;          /**< "MODEL_LAB_..." or a foreign name that is only read */
    const char *default_value; /**< "" = unset, or computed (the text says how) */
    const char *type;          /**< path, bytes, seconds, integer, enum, text, secret, url */
    const char *text;          /**< what it does, for people */
    int32_t is_foreign;        /**< 1: a read-only alias such as HF_TOKEN */
    int32_t reserved;
} modellab_config_variable;

MODELLAB_BEGIN_DECLS

/** The table, sorted by name. @errors E_NOT_FOUND (index), E_ABI_TOO_SMALL @threads any @since 0.1
 */
MODELLAB_API size_t modellab_config_count(void);
/** Item at `index`; `out->size` must be set. @errors E_NOT_FOUND (index), E_ABI_TOO_SMALL
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_config_at(size_t index,
                                                                    modellab_config_variable *out,
                                                                    modellab_error *err);

/** Present value of a variable of the table by the order of sources. Secrets are given as set,
 * addresses without user, password and query.
 * @param[out] value   new
 * @param[out] source  optional: "environment", "project file", "user file", "default"; static
 * @errors E_NOT_FOUND (no such variable), E_INVALID_ARGUMENT (its value is not of its type),
 * E_NO_MEMORY
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_config_get(const char *name,
                                                                     modellab_buffer **value,
                                                                     const char **source,
                                                                     modellab_error *err);

/** Text of .env.example: every variable with its meaning and default, commented out. @param[out]
 * out new
 * @errors E_NO_MEMORY @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_config_env_example(modellab_buffer **out,
                                                                             modellab_error *err);

MODELLAB_END_DECLS
#endif
