/* The catalog of models: what can be had, what is installed; pulling, verifying, importing,
 * removing.
 * @since 0.1
 *
 * Example: examples/c/catalog.c */
#ifndef MODELLAB_CATALOG_H
#define MODELLAB_CATALOG_H

#include <modellab/logger.h>
#include <modellab/report.h>
#include <modellab/types.h>

/** The catalog together with the state of the models folder: an immutable snapshot. */
typedef struct modellab_catalog modellab_catalog;

typedef int32_t modellab_model_state;
enum {
    MODELLAB_MODEL_ABSENT = 1,
    MODELLAB_MODEL_INSTALLED = 2,
    MODELLAB_MODEL_PARTIAL = 3, /**< a pull was interrupted; pulling again resumes */
    MODELLAB_MODEL_DAMAGED = 4  /**< files are missing or of another size */
};

/** Strings are borrowed from the catalog. */
typedef struct modellab_catalog_entry {
    size_t size; /**< sizeof(modellab_catalog_entry), set by the caller */
    const char *name;
    const char *title;
    const char *task; /**< asr, vad, speaker, tts, lexicon, sample */
    const char *architecture;
    const char *licence;
    const char *languages;
    int64_t bytes; /**< of all files */
    modellab_model_state state;
    int32_t is_default;
    int32_t reserved;     /**< 0 */
    int64_t installed_ms; /**< since 1970 UTC, of an installed model; -1 = not known */
} modellab_catalog_entry;

/** How a pull goes on; called on the pulling thread. `source` is "hub", "package" or "path".
 * `total_bytes` is -1 when it is not known. Return 0 to go on, else the pull ends with E_CANCELLED.
 */
typedef int32_t (*modellab_pull_progress_fn)(void *user, const char *file, const char *source,
                                             int64_t done_bytes, int64_t total_bytes);

typedef struct modellab_catalog_options {
    size_t size;                         /**< sizeof(modellab_catalog_options) */
    const modellab_allocator *allocator; /**< copied; NULL = C heap */
    modellab_logger *logger;             /**< referenced; NULL = silent */
    const char *models_root;             /**< NULL = configured */
    const char *catalog_json; /**< text of another catalog; NULL = configured or built in */
} modellab_catalog_options;

#define MODELLAB_CATALOG_OPTIONS_INIT                                                              \
    {                                                                                              \
        sizeof(modellab_catalog_options), NULL, NULL, NULL, NULL                                   \
    }

typedef struct modellab_pull_options {
    size_t size; /**< sizeof(modellab_pull_options) */
    modellab_pull_progress_fn progress;
    void *user;
    modellab_cancel *cancel;
    const char *source; /**< only this kind (hub, package, path); NULL = in the catalog's order */
} modellab_pull_options;

#define MODELLAB_PULL_OPTIONS_INIT                                                                 \
    {                                                                                              \
        sizeof(modellab_pull_options), NULL, NULL, NULL, NULL                                      \
    }

MODELLAB_BEGIN_DECLS

/** Fills the struct like its INIT macro, for callers without macros. `size` is the caller's sizeof.
 * @threads any @since 0.1 */
MODELLAB_API void modellab_catalog_options_init(modellab_catalog_options *options, size_t size);
/** Fills the struct like its INIT macro, for callers without macros. `size` is the caller's sizeof.
 * @threads any @since 0.1 */
MODELLAB_API void modellab_pull_options_init(modellab_pull_options *options, size_t size);

/** Reads the catalog and looks at the models folder. @param[out] out new; modellab_catalog_unref()
 * @errors E_INVALID_JSON, E_SCHEMA, E_PERMISSION, E_IO, E_NO_MEMORY @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_catalog_load(
    const modellab_catalog_options *options, modellab_catalog **out, modellab_error *err);
/** Gives a reference back; NULL is accepted. @threads any @since 0.1 */
MODELLAB_API void modellab_catalog_unref(modellab_catalog *catalog);
/** Models of the catalog in its order, then installed ones that it does not name. @threads any
 * @since 0.1 */
MODELLAB_API size_t modellab_catalog_count(const modellab_catalog *catalog);
/** @errors E_NOT_FOUND (index), E_ABI_TOO_SMALL @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_catalog_at(const modellab_catalog *catalog, size_t index, modellab_catalog_entry *out,
                    modellab_error *err);

/** Fetches a model from its sources in order, checks every sha256 and installs it in one rename.
 * Resumes what an earlier pull left; an installed model is left alone. Bytes that differ are
 * refused.
 * @errors E_NOT_FOUND (not in the catalog), E_NETWORK, E_NO_SOURCE (the message lists what each
 * source said), E_HASH_MISMATCH, E_NO_SPACE, E_BUSY (another pull), E_CANCELLED, E_PERMISSION, E_IO
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_catalog_pull(const modellab_catalog *catalog, const char *name,
                      const modellab_pull_options *options, modellab_error *err);

/** Reads every file of an installed model and compares sizes and sha256. @param[out] out new
 * report; an intact model has no findings of severity error
 * @param cancel    optional; seen within 10 ms
 * @errors E_NOT_FOUND, E_CANCELLED, E_IO, E_NO_MEMORY @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_catalog_verify(const modellab_catalog *catalog, const char *name, modellab_cancel *cancel,
                        modellab_report **out, modellab_error *err);

/** Installs a model from the user's own file or folder (CTranslate2, ggml, safetensors) under
 * `name`.
 * @param cancel  optional; seen within 10 ms between the pieces that are read
 * @errors E_ALREADY_EXISTS, E_INVALID_MODEL, E_UNSUPPORTED_MODEL, E_NOT_FOUND, E_BUSY (a pull),
 * E_CANCELLED, E_NO_SPACE, E_IO
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_catalog_import(const modellab_catalog *catalog, const char *name, const char *path,
                        modellab_cancel *cancel, modellab_error *err);

/** Removes an installed or partial model. @errors E_NOT_FOUND, E_BUSY, E_IO @threads any @since 0.1
 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_catalog_remove(const modellab_catalog *catalog, const char *name, modellab_error *err);

/** Path of a file of an installed model or sample, for programs that hand it on. @param[out] out
 * new
 * @errors E_NOT_FOUND, E_NO_MEMORY @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_catalog_file(const modellab_catalog *catalog, const char *name, const char *file,
                      modellab_buffer **out, modellab_error *err);

MODELLAB_END_DECLS
#endif
