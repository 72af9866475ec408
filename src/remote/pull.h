/* Pulling a model: its sources in order, every byte hashed on the way, what was fetched kept for
 * the next try, the finished model put in place by one rename. */
#ifndef MLI_REMOTE_PULL_H
#define MLI_REMOTE_PULL_H

#include "base/cancel.h"
#include "models/catalog.h"
#include "models/installed.h"
#include "os/file.h"
#include "os/process.h"

typedef struct mli_pull {
    const modellab_allocator *alloc;
    const mli_os_files *files;
    const mli_os_processes *processes;
    const mli_model_store *store;
    const char
        *sources; /* kinds to use, in order: "hub,package,path"; NULL = the catalog's order */
    const char *hub_url;   /* "https://host" without '/' at the end; NULL = no hub */
    const char *hub_token; /* NULL = none */
    const char *proxy;     /* NULL = none */
    const char *pip;       /* see mli_pip; NULL = look for one */
    const mli_cancel_word *cancel;
    /* `file` is a file of the model or a package; `source` "hub", "package" or "path"; `total` -1
     * when not known. Not 0 = stop (E_CANCELLED). */
    int32_t (*progress)(void *user, const char *file, const char *source, int64_t done,
                        int64_t total);
    /* Decisions worth a log line: dotted event name and a sentence; NULL accepted. */
    void (*note)(void *user, const char *event, const char *text);
    void *user;
} mli_pull;

/* Installs `model`; one that is installed already is left alone. E_NETWORK, E_NO_SOURCE (the
 * message says what each source said), E_HASH_MISMATCH, E_NO_SPACE, E_BUSY (another pull),
 * E_CANCELLED, E_PERMISSION, E_IO, E_INVALID_ARGUMENT (list of sources). */
MODELLAB_MUST_CHECK modellab_status mli_pull_model(const mli_pull *pull,
                                                   const mli_catalog_model *model,
                                                   modellab_error *err);
/* True when an earlier pull left something that the next one goes on from. */
MODELLAB_MUST_CHECK modellab_status mli_pull_is_partial(const mli_model_store *store,
                                                        const char *name, bool *out,
                                                        modellab_error *err);
/* Forgets what an earlier pull left; E_BUSY while one is under way. */
MODELLAB_MUST_CHECK modellab_status mli_pull_discard(const mli_model_store *store, const char *name,
                                                     modellab_error *err);
/* Installs the user's own weight file or folder (CTranslate2, ggml, safetensors) under `name`, with
 * the small files beside it. It must be readable as a model. */
MODELLAB_MUST_CHECK modellab_status mli_import_model(const mli_model_store *store, const char *name,
                                                     const char *path,
                                                     const mli_cancel_word *cancel,
                                                     modellab_error *err);

#endif
