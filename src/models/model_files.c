/* Finds and reads the files of one model in a directory, or beside one weight file. */
#include "models/model_files.h"
#include "base/alloc.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/str.h"
#include "models/file_read.h"
#include "os/memory.h"
#include "os/thread.h"

#include <errno.h>
#include <string.h>

#define MAX_CONFIG ((size_t)1 << 20)
#define MAX_TEXT ((size_t)64 << 20)

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

/* How well a name fits as the weight file of a directory; 0 = not at all. */
static int rank_of(const char *name)
{
    if (strcmp(name, "model.bin") == 0) {
        return 6;
    }
    if (strcmp(name, "model.safetensors") == 0) {
        return 5;
    }
    if (strncmp(name, "ggml", 4) == 0 && ends_with(name, ".bin")) {
        return 4;
    }
    if (ends_with(name, ".safetensors")) {
        return 3;
    }
    if (ends_with(name, ".onnx")) {
        return 2;
    }
    return ends_with(name, ".pt") || ends_with(name, ".dict") ? 1 : 0;
}

typedef struct search {
    const modellab_allocator *alloc;
    char *best;
    int rank;
    bool sharded, no_memory;
} search;

static int look_at_name(void *arg, const char *name)
{
    search *s = arg;
    int rank = rank_of(name);
    s->sharded = s->sharded || ends_with(name, ".safetensors.index.json");
    if (rank == 0 || rank < s->rank || (rank == s->rank && strcmp(name, s->best) >= 0)) {
        return 0;
    }
    char *copy = mli_strdup(s->alloc, name);
    if (copy == NULL) {
        s->no_memory = true;
        return 1;
    }
    mli_free(s->alloc, s->best);
    s->best = copy;
    s->rank = rank;
    return 0;
}

MODELLAB_MUST_CHECK static modellab_status find_weights(mli_model_files *m, modellab_error *err)
{
    search s = {.alloc = m->alloc};
    int rc = m->files->list(m->files->user, m->directory, look_at_name, &s);
    m->weights_name = s.best;
    if (s.no_memory) {
        return mli_no_memory(err);
    }
    if (rc < 0) {
        return mli_fail_os(err, -rc, "cannot list the model's directory");
    }
    if (s.best == NULL || (s.sharded && s.rank < 5)) {
        return s.sharded ? mli_fail(err, MODELLAB_E_UNSUPPORTED_MODEL,
                                    "the weights are divided over several files; join them first")
                         : mli_fail(err, MODELLAB_E_NOT_FOUND,
                                    "the directory holds no model file (model.bin, "
                                    "model.safetensors, ggml-*.bin)");
    }
    return MODELLAB_OK;
}

/* A small file beside the weights; its absence is fine. */
MODELLAB_MUST_CHECK static modellab_status read_beside(mli_model_files *m, const char *name,
                                                       size_t max, char **out, size_t *bytes,
                                                       modellab_error *err)
{
    mli_os_stat st;
    char *path = mli_path_join(m->alloc, m->directory, name);
    if (path == NULL) {
        return mli_no_memory(err);
    }
    modellab_status status = MODELLAB_OK;
    int rc = m->files->stat(m->files->user, path, true, &st);
    if (rc == 0) {
        status = mli_file_text(m->alloc, m->files, path, max, out, bytes, err);
    } else if (rc != -ENOENT) {
        status = mli_fail_os(err, -rc, "cannot look at %s", name);
    }
    mli_free(m->alloc, path);
    return status;
}

/* The configuration of a Piper voice. */
MODELLAB_MUST_CHECK static modellab_status read_voice(mli_model_files *m, modellab_error *err)
{
    size_t bytes = strlen(m->weights_name) + sizeof ".json";
    char *name = mli_alloc_zero(m->alloc, bytes);
    if (name == NULL) {
        return mli_no_memory(err);
    }
    memcpy(name, m->weights_name, bytes - sizeof ".json");
    memcpy(name + bytes - sizeof ".json", ".json", sizeof ".json");
    modellab_status status = read_beside(m, name, MAX_CONFIG, &m->config, &m->config_bytes, err);
    m->voice = m->config != NULL;
    mli_free(m->alloc, name);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status read_companions(mli_model_files *m, modellab_error *err)
{
    static const char *const vocabularies[] = {"vocabulary.txt", "vocabulary.json", "vocab.json"};
    modellab_status status =
        read_beside(m, "config.json", MAX_CONFIG, &m->config, &m->config_bytes, err);
    if (status == MODELLAB_OK) {
        status =
            read_beside(m, "tokenizer.json", MAX_TEXT, &m->tokenizer, &m->tokenizer_bytes, err);
    }
    if (status == MODELLAB_OK) {
        status = read_beside(m, "merges.txt", MAX_TEXT, &m->merges, &m->merges_bytes, err);
    }
    if (status == MODELLAB_OK && m->config == NULL && rank_of(m->weights_name) == 2) {
        status = read_voice(m, err);
    }
    for (size_t i = 0; status == MODELLAB_OK && m->vocabulary == NULL && i < 3; i++) {
        status =
            read_beside(m, vocabularies[i], MAX_TEXT, &m->vocabulary, &m->vocabulary_bytes, err);
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status size_weights(mli_model_files *m, modellab_error *err)
{
    int fd = -1;
    modellab_status status =
        mli_file_open(m->files, m->weights_path, MLI_MODEL_MAX_BYTES, &fd, &m->weights_bytes, err);
    if (status == MODELLAB_OK) {
        int rc = m->files->close(m->files->user, fd);
        if (rc != 0) {
            status = mli_fail_os(err, -rc, "cannot close %s", m->weights_name);
        }
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status open_directory(mli_model_files *m, const char *path,
                                                          modellab_error *err)
{
    m->directory = mli_strdup(m->alloc, path);
    if (m->directory == NULL) {
        return mli_no_memory(err);
    }
    modellab_status status = find_weights(m, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    m->weights_path = mli_path_join(m->alloc, m->directory, m->weights_name);
    return m->weights_path == NULL ? mli_no_memory(err) : read_companions(m, err);
}

/* A weight file by itself: ggml files hold all they need; the others have companions. */
MODELLAB_MUST_CHECK static modellab_status open_file(mli_model_files *m, const char *path,
                                                     modellab_error *err)
{
    const char *name = mli_basename(path);
    size_t directory = (size_t)(name - path);
    m->weights_path = mli_strdup(m->alloc, path);
    m->weights_name = mli_strdup(m->alloc, name);
    m->directory =
        directory > 0 ? mli_strndup(m->alloc, path, directory) : mli_strdup(m->alloc, ".");
    if (m->weights_path == NULL || m->weights_name == NULL || m->directory == NULL) {
        return mli_no_memory(err);
    }
    return rank_of(name) == 4 ? MODELLAB_OK : read_companions(m, err);
}

modellab_status mli_model_files_open(mli_model_files *out, const modellab_allocator *alloc,
                                     const mli_os_files *files, const char *path,
                                     modellab_error *err)
{
    mli_os_stat st;
    memset(out, 0, sizeof *out);
    out->alloc = alloc;
    out->files = files;
    out->image = -1;
    int rc = files->stat(files->user, path, true, &st);
    if (rc != 0) {
        return mli_fail_os(err, -rc, "cannot open model %s", mli_basename(path));
    }
    modellab_status status =
        st.kind == MLI_OS_DIR ? open_directory(out, path, err) : open_file(out, path, err);
    if (status == MODELLAB_OK) {
        status = size_weights(out, err);
    }
    if (status != MODELLAB_OK) {
        mli_model_files_dispose(out);
    }
    return status;
}

/* Reading and hashing at once. */
typedef struct intake {
    mli_model_files *model;
    int fd;
    const mli_cancel_word *cancel;
    _Atomic uint32_t pieces; /* of READ_PIECE that are there; STOPPED = no more will come */
    modellab_status status;  /* of the reading */
    modellab_error err;
    mli_sha256 hash;
    size_t hashed;
} intake;

enum { READ_PIECE = 1 << 20 };
#define STOPPED UINT32_MAX
_Static_assert(MLI_MODEL_MAX_BYTES / READ_PIECE < STOPPED, "pieces can be counted");

static void tell(intake *in, uint32_t pieces)
{
    atomic_store(&in->pieces, pieces);
    mli_os_futex_wake(&in->pieces, INT32_MAX);
}

static void read_pieces(intake *in)
{
    unsigned char *to = in->model->weights;
    size_t left = in->model->weights_bytes;
    for (uint32_t i = 1; left > 0; i++) {
        size_t some = left < READ_PIECE ? left : READ_PIECE;
        in->status = mli_file_fill(in->model->files, in->fd, to, some, in->cancel, &in->err);
        if (in->status != MODELLAB_OK) {
            tell(in, STOPPED);
            return;
        }
        to += some;
        left -= some;
        tell(in, i);
    }
}

static void hash_pieces(intake *in)
{
    const unsigned char *bytes = in->model->weights;
    size_t total = in->model->weights_bytes;
    while (in->hashed < total && !mli_cancelled(in->cancel)) {
        uint32_t pieces = atomic_load(&in->pieces);
        size_t there = pieces >= total / READ_PIECE + 1 ? total : (size_t)pieces * READ_PIECE;
        if (pieces == STOPPED) {
            return;
        }
        if (there > in->hashed) {
            size_t some = there - in->hashed < READ_PIECE ? there - in->hashed : READ_PIECE;
            mli_sha256_update(&in->hash, bytes + in->hashed, some);
            in->hashed += some;
        } else {
            mli_os_futex_wait(&in->pieces, pieces, -1);
        }
    }
}

/* The reading is task 0, so that one thread alone can do both. */
static void intake_task(void *ctx, size_t task, int thread)
{
    (void)thread;
    if (task == 0) {
        read_pieces(ctx);
    } else {
        hash_pieces(ctx);
    }
}

/* A packed image is believed by the sha256 that it was made of, so that has to be true. */
MODELLAB_MUST_CHECK static modellab_status take_in(mli_model_files *model, int fd,
                                                   mli_run_tasks run, void *user,
                                                   const mli_cancel_word *cancel,
                                                   modellab_error *err)
{
    char hash[65];
    intake in = {.model = model, .fd = fd, .cancel = cancel, .err = MODELLAB_ERROR_INIT};
    mli_sha256_init(&in.hash);
    run(user, model->sealed ? 2 : 1, intake_task, &in);
    if (in.status != MODELLAB_OK) {
        return mli_fail_at(err, in.status, in.err.detail, "%s", in.err.message);
    }
    if (!model->sealed) {
        return MODELLAB_OK;
    }
    if (in.hashed < model->weights_bytes) {
        return mli_fail(err, MODELLAB_E_CANCELLED, "cancelled while hashing a model");
    }
    mli_sha256_hex(&in.hash, hash);
    return strcmp(hash, model->sha256) == 0
               ? MODELLAB_OK
               : mli_fail(err, MODELLAB_E_INVALID_MODEL,
                          "%s does not hold the bytes that were installed; pull the model again",
                          model->weights_name);
}

static uint32_t add_text(uint32_t crc, const char *text, size_t bytes)
{
    crc = mli_crc32c(crc, &bytes, sizeof bytes); /* where one ends and the next begins */
    return mli_crc32c(crc, text, text != NULL ? bytes : 0);
}

uint32_t mli_model_files_beside(const mli_model_files *model)
{
    uint32_t crc = add_text(0, model->config, model->config_bytes);
    crc = add_text(crc, model->tokenizer, model->tokenizer_bytes);
    crc = add_text(crc, model->vocabulary, model->vocabulary_bytes);
    return add_text(crc, model->merges, model->merges_bytes);
}

modellab_status mli_model_files_load_with(mli_model_files *model, mli_run_tasks run, void *user,
                                          const mli_cancel_word *cancel, modellab_error *err)
{
    int fd = -1;
    size_t bytes;
    if (model->weights != NULL) {
        return MODELLAB_OK;
    }
    modellab_status status =
        mli_file_open(model->files, model->weights_path, MLI_MODEL_MAX_BYTES, &fd, &bytes, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    void *pages = NULL;
    int rc = mli_os_pages_map(bytes, &pages);
    if (rc != 0) {
        status = mli_no_memory(err);
    } else {
        model->weights = pages;
        model->weights_bytes = bytes;
        status = take_in(model, fd, run, user, cancel, err);
    }
    rc = model->files->close(model->files->user, fd);
    if (status == MODELLAB_OK && rc != 0) {
        status = mli_fail_os(err, -rc, "cannot close %s", model->weights_name);
    }
    if (status != MODELLAB_OK) {
        mli_model_files_unload(model);
    }
    return status;
}

static void one_by_one(void *user, size_t tasks, void (*fn)(void *ctx, size_t task, int thread),
                       void *ctx)
{
    (void)user;
    for (size_t i = 0; i < tasks; i++) {
        fn(ctx, i, 0);
    }
}

modellab_status mli_model_files_load(mli_model_files *model, const mli_cancel_word *cancel,
                                     modellab_error *err)
{
    return mli_model_files_load_with(model, one_by_one, NULL, cancel, err);
}

void mli_model_files_unload(mli_model_files *model)
{
    if (model->weights != NULL) {
        mli_os_pages_unmap(model->weights, model->weights_bytes);
        model->weights = NULL;
    }
}

modellab_status mli_model_files_sha256(mli_model_files *model, const mli_cancel_word *cancel,
                                       modellab_error *err)
{
    if (model->sha256[0] != '\0') {
        return MODELLAB_OK;
    }
    if (model->weights != NULL) {
        return mli_bytes_sha256(model->weights, model->weights_bytes, cancel, model->sha256, err);
    }
    return mli_file_sha256(model->alloc, model->files, model->weights_path, cancel, NULL, NULL,
                           model->sha256, err);
}

modellab_status mli_model_files_identity(mli_model_files *model, const mli_cancel_word *cancel,
                                         char out[65], modellab_error *err)
{
    const struct {
        const char *text;
        size_t bytes;
    } beside[] = {{model->config, model->config_bytes},
                  {model->tokenizer, model->tokenizer_bytes},
                  {model->vocabulary, model->vocabulary_bytes},
                  {model->merges, model->merges_bytes}};
    mli_sha256 hash;
    modellab_status status = mli_model_files_sha256(model, cancel, err);

    mli_sha256_init(&hash);
    mli_sha256_update(&hash, model->sha256, sizeof model->sha256);
    mli_sha256_update(&hash, model->seal, sizeof model->seal);
    for (size_t i = 0; status == MODELLAB_OK && i < sizeof beside / sizeof *beside; i++) {
        char one[65] = ""; /* of fixed size: none cannot be taken for another */
        if (beside[i].text != NULL) {
            status = mli_bytes_sha256(beside[i].text, beside[i].bytes, cancel, one, err);
        }
        mli_sha256_update(&hash, one, sizeof one);
    }
    mli_sha256_hex(&hash, out);
    return status;
}

void mli_model_files_dispose(mli_model_files *model)
{
    mli_model_files_unload(model);
    mli_free(model->alloc, model->directory);
    mli_free(model->alloc, model->weights_path);
    mli_free(model->alloc, model->weights_name);
    mli_free(model->alloc, model->config);
    mli_free(model->alloc, model->tokenizer);
    mli_free(model->alloc, model->vocabulary);
    mli_free(model->alloc, model->merges);
    memset(model, 0, sizeof *model);
}
