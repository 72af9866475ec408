/* Finding packed images in the cache, and keeping them open as long as the model is the same. */
#include "lab/model_images.h"

#include "base/error.h"
#include "base/json.h"
#include "base/str.h"
#include "lab/pipeline.h"
#include "models/installed.h"
#include "os/locale.h"
#include "os/process.h"
#include "speech/asr_model.h"
#include "speech/voice_image.h"
#include <string.h>

void mli_model_images_init(mli_model_images *images, const mli_lab *lab)
{
    memset(images, 0, sizeof(*images));
    images->lab = lab;
    for (size_t i = 0; i < MLI_MODEL_IMAGES; i++) {
        images->kept[i].fd = -1;
    }
    mli_image_builder_init(&images->builder, lab);
}

void mli_model_images_close(mli_model_images *images, bool forked)
{
    mli_image_builder_close(&images->builder, forked);
    for (size_t i = 0; images->lab != NULL && i < MLI_MODEL_IMAGES; i++) {
        mli_os_fd_close(images->kept[i].fd); /* only read */
        images->kept[i].fd = -1;
    }
}

/* A model that was installed anew has another seal. */
static bool seal_of(const mli_lab *lab, const char *model, mli_os_stat *out)
{
    char path[MLI_PATH_BYTES];
    const mli_os_files *f = lab->os.files;
    int n = mli_os_format(path, sizeof(path), "%s/%s/model.json", lab->models_root, model);
    return n > 0 && (size_t)n < sizeof(path) && f->stat(f->user, path, true, out) == 0;
}

static bool is_same(const mli_os_stat *a, const mli_os_stat *b)
{
    return a->device == b->device && a->inode == b->inode && a->bytes == b->bytes &&
           a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns;
}

/* Nobody wrote to the file since its content was checked. */
static bool is_untouched(const mli_lab *lab, const mli_model_image *image)
{
    mli_os_stat now;
    const mli_os_files *f = lab->os.files;
    return f->fstat(f->user, image->fd, &now) == 0 && is_same(&image->file, &now);
}

static int open_image(mli_model_images *images, const char *model, bool single, mli_os_stat *file)
{
    const mli_lab *lab = images->lab;
    const mli_os_files *f = lab->os.files;
    mli_model_files files;
    int fd = -1;
    mli_model_store store = {.alloc = lab->alloc, .files = lab->os.files, .root = lab->models_root};
    mli_asr_open_options options = {.alloc = lab->alloc, .cache_directory = lab->cache_root};
    options.weights = single ? MLI_ASR_WEIGHTS_F32 : MLI_ASR_WEIGHTS_F16;
    /* What is wrong with a model is for the worker to tell: the run gets its reason there. */
    if (mli_model_store_open(&store, model, &files, NULL) != MODELLAB_OK) {
        return -1;
    }
    modellab_status found =
        files.voice ? mli_voice_image_find(&files, lab->alloc, lab->cache_root, &fd, NULL)
                    : mli_asr_model_find_image(&files, &options, &fd, NULL);
    if (found != MODELLAB_OK) {
        const mli_os_clock *clock = lab->os.clock;
        fd = -1;
        mli_image_builder_start(&images->builder, model, &files, &options,
                                clock->monotonic_ns(clock->user));
    } else if (f->fstat(f->user, fd, file) != 0) {
        mli_os_fd_close(fd);
        fd = -1;
    }
    mli_model_files_dispose(&files);
    return fd;
}

static int find(mli_model_images *images, const char *model, bool single)
{
    mli_os_stat seal;
    mli_model_image *place = &images->kept[0];
    if (!mli_model_name_valid(model) || !seal_of(images->lab, model, &seal)) {
        return -1;
    }
    for (size_t i = 0; i < MLI_MODEL_IMAGES; i++) {
        mli_model_image *one = &images->kept[i];
        bool named = one->fd >= 0 && one->single == single && strcmp(one->model, model) == 0;
        if (named && is_same(&one->seal, &seal) && is_untouched(images->lab, one)) {
            one->used = ++images->clock;
            return one->fd;
        }
        if (named) {
            place = one;
            break;
        }
        place = one->used < place->used ? one : place;
    }
    mli_os_stat file = {0};
    int fd = open_image(images, model, single, &file);
    if (fd < 0) {
        return -1;
    }
    mli_os_fd_close(place->fd);
    *place = (mli_model_image){
        .single = single, .seal = seal, .file = file, .fd = fd, .used = ++images->clock};
    (void)mli_str_copy(place->model, sizeof(place->model), model); /* a valid name fits */
    return fd;
}

const char *mli_model_image_step(const char *steps)
{
    return mli_steps_contain(steps, "asr") ? "asr" : mli_steps_contain(steps, "tts") ? "tts" : NULL;
}

/* The model of the request that has an image. */
static bool wanted(const mli_run_row *row, const mli_json *config, const char **model, bool *single)
{
    const char *step = mli_model_image_step(row->steps);
    const bool asr = step != NULL && strcmp(step, "asr") == 0;
    const mli_json *options = mli_json_get(config, asr ? "asr" : "tts");
    *model = mli_json_string(mli_json_get(options, asr ? "model" : "voice"),
                             asr ? "whisper-tiny.en" : "piper-en_US-joe-medium");
    *single = strcmp(mli_json_string(mli_json_get(options, "weights"), "f16"), "f32") == 0;
    return step != NULL;
}

int mli_model_images_find(mli_model_images *images, const mli_run_row *row)
{
    mli_json *request = NULL;
    const char *model;
    bool single;
    int fd = -1;
    if (mli_model_image_step(row->steps) == NULL ||
        mli_json_parse(row->request_json, strlen(row->request_json), MLI_REQUEST_MAX_BYTES,
                       &request, NULL) != MODELLAB_OK) {
        return -1;
    }
    if (wanted(row, mli_json_get(request, "config"), &model, &single)) {
        fd = find(images, model, single);
    }
    mli_json_free(request);
    return fd;
}
