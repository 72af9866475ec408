/* Installed models: `<root>/<name>/` with the files of the catalog and a model.json that was
 * written last (a directory without it is a half-written model). */
#ifndef MLI_MODELS_INSTALLED_H
#define MLI_MODELS_INSTALLED_H

#include "base/cancel.h"
#include "models/catalog.h"
#include "models/model_files.h"
#include "os/file.h"

typedef enum mli_model_state {
    MLI_MODEL_ABSENT = 0,
    MLI_MODEL_INSTALLED = 1,
    MLI_MODEL_DAMAGED =
        2 /* half written, a file missing or of another size, or other bytes (verify) */
} mli_model_state;

typedef struct mli_model_store {
    const modellab_allocator *alloc;
    const mli_os_files *files;
    const char *root; /* the models root: a folder a model */
} mli_model_store;

#define MLI_MODEL_NAME_MAX 96
#define MLI_MODEL_LANGUAGES_BYTES 512

/* [A-Za-z0-9][A-Za-z0-9._-]*, at most 96 bytes. */
bool mli_model_name_valid(const char *name);
/* True when `text` is a path to open directly: it holds a '/', or is "." or "..". */
bool mli_model_name_is_path(const char *text);
/* `<root>/<name>` into a new string. */
MODELLAB_MUST_CHECK modellab_status mli_model_store_dir(const mli_model_store *store,
                                                        const char *name, char **out,
                                                        modellab_error *err);
/* Cheap: model.json there, files there with the right sizes. `why` (256 bytes, NULL accepted) says
 * what is damaged. */
MODELLAB_MUST_CHECK modellab_status mli_model_store_state(const mli_model_store *store,
                                                          const char *name, mli_model_state *out,
                                                          char *why, modellab_error *err);
/* The same in one reading, with what model.json says of the model; "" when it is not installed, or
 * was installed by a version that did not write it down. */
typedef struct mli_model_facts {
    mli_model_state state;
    char task[32];                             /* "asr", "vad" ... */
    char languages[MLI_MODEL_LANGUAGES_BYTES]; /* "en", or "*" for many */
} mli_model_facts;
MODELLAB_MUST_CHECK modellab_status mli_model_store_facts(const mli_model_store *store,
                                                          const char *name, mli_model_facts *out,
                                                          char *why, modellab_error *err);
/* Reads every file and compares sha256. `progress` (NULL accepted) gets bytes done. */
MODELLAB_MUST_CHECK modellab_status mli_model_store_verify(
    const mli_model_store *store, const char *name, const mli_cancel_word *cancel,
    void (*progress)(void *user, int64_t done, int64_t total), void *user, mli_model_state *out,
    char *why, modellab_error *err);
/* Calls `each` with every name below the root in sorted order, until it fails. */
MODELLAB_MUST_CHECK modellab_status
mli_model_store_list(const mli_model_store *store,
                     modellab_status (*each)(void *user, const char *name, mli_model_state state,
                                             modellab_error *err),
                     void *user, modellab_error *err);
/* Writes model.json into `directory` (the last act of an installation): name, architecture,
 * licence, files with sha256 and bytes, `origin` ("hub", "package", "path", "import"). */
MODELLAB_MUST_CHECK modellab_status mli_model_store_seal(const mli_model_store *store,
                                                         const char *directory,
                                                         const mli_catalog_model *model,
                                                         const char *origin, modellab_error *err);
/* The nearest name to a mistyped one, of what is installed and of the catalog: "" when nothing is
 * near. */
MODELLAB_MUST_CHECK modellab_status mli_model_store_suggest(const mli_model_store *store,
                                                            const mli_catalog *catalog,
                                                            const char *name,
                                                            char out[MLI_MODEL_NAME_MAX + 1],
                                                            modellab_error *err);
/* Removes an installed model (its directory); E_NOT_FOUND when absent. */
MODELLAB_MUST_CHECK modellab_status mli_model_store_remove(const mli_model_store *store,
                                                           const char *name, modellab_error *err);
/* Opens a model by name, or by path (a directory or weight file). E_NOT_FOUND tells to pull it,
 * E_INVALID_MODEL for a damaged one. An installed model's sha256 comes from model.json. */
MODELLAB_MUST_CHECK modellab_status mli_model_store_open(const mli_model_store *store,
                                                         const char *name, mli_model_files *out,
                                                         modellab_error *err);

#endif
