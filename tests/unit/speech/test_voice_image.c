/* Images of voices: the same samples as from the weights, found again, made anew when damaged,
 * weights that were changed under their seal, hostile images with valid checksums, no memory.
 * test_voice_image VOICE.onnx */
#include "base/hash.h"
#include "base/str.h"
#include "models/file_read.h"
#include "models/installed.h"
#include "speech/voice.h"
#include "speech/voice_image.h"
#include "unit/failing_alloc.h"
#include "unit/temp_folder.h"
#include "unit/unit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define OK(call) assert_int_equal((call), MODELLAB_OK)

static const char *voice_path;

typedef struct fixture {
    temp_folder folder;
    char model[300], weights[340], cache[300], images[330];
    mli_model_store store;
    modellab_error err;
} fixture;

static void copy_file(const char *from, const char *to)
{
    static char bytes[1 << 20];
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    assert_non_null(in);
    assert_non_null(out);
    size_t n = fread(bytes, 1, sizeof bytes, in);
    assert_int_equal(fwrite(bytes, 1, n, out), n);
    assert_int_equal(fclose(in), 0);
    assert_int_equal(fclose(out), 0);
}

/* The small voice as an installed model. */
static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    char path[340], hash[65];
    struct stat st;
    assert_non_null(f);
    temp_folder_make(&f->folder);
    snprintf(f->model, sizeof f->model, "%s/tiny", f->folder.path);
    snprintf(f->cache, sizeof f->cache, "%s/cache", f->folder.path);
    snprintf(f->images, sizeof f->images, "%s/images", f->cache);
    snprintf(f->weights, sizeof f->weights, "%s/tiny.onnx", f->model);
    assert_int_equal(mkdir(f->model, 0700), 0);
    copy_file(voice_path, f->weights);
    snprintf(path, sizeof path, "%s.json", voice_path);
    char beside[360];
    snprintf(beside, sizeof beside, "%s.json", f->weights);
    copy_file(path, beside);
    assert_int_equal(stat(f->weights, &st), 0);
    OK(mli_file_sha256(NULL, &mli_os_system_files, f->weights, NULL, NULL, NULL, hash, NULL));
    snprintf(path, sizeof path, "%s/model.json", f->model);
    FILE *seal = fopen(path, "w");
    assert_non_null(seal);
    assert_true(fprintf(seal,
                        "{\"version\":1,\"name\":\"tiny\",\"architecture\":\"piper-vits\","
                        "\"task\":\"tts\",\"files\":[{\"name\":\"tiny.onnx\",\"sha256\":\"%s\","
                        "\"bytes\":%lld,\"role\":\"weights\"}]}",
                        hash, (long long)st.st_size) > 0);
    assert_int_equal(fclose(seal), 0);
    f->store = (mli_model_store){.files = &mli_os_system_files, .root = f->folder.path};
    f->err = (modellab_error)MODELLAB_ERROR_INIT;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    temp_folder_remove(&f->folder);
    free(f);
    return 0;
}

static modellab_status open_voice(fixture *f, const modellab_allocator *alloc, bool cached,
                                  mli_voice **out)
{
    mli_model_files files;
    mli_model_store store = f->store;
    store.alloc = alloc;
    modellab_status status = mli_model_store_open(&store, "tiny", &files, &f->err);
    *out = NULL;
    if (status == MODELLAB_OK) {
        status = mli_voice_create(out, alloc, &files, cached ? f->cache : NULL, NULL, &f->err);
        mli_model_files_dispose(&files);
    }
    return status;
}

static modellab_status hash_chunk(void *user, const float *samples, size_t count,
                                  modellab_error *err)
{
    (void)err;
    mli_sha256_update(user, samples, count * sizeof *samples);
    return MODELLAB_OK;
}

/* sha256 of what the voice says. */
static void speak(const mli_voice *voice, char out[65])
{
    static const int32_t ids[] = {1, 0, 5, 0, 7, 0, 4, 0, 2};
    const mli_vits_options options = {.length = 1.0, .noise = 0.6, .noise_w = 0.8, .seed = 4};
    mli_vits_session *session = NULL;
    mli_pool *pool = NULL;
    mli_sha256 hash;
    mli_sha256_init(&hash);
    OK(mli_pool_create(2, NULL, &pool, NULL));
    OK(mli_vits_session_create(&session, voice->net, pool, NULL));
    OK(mli_vits_run(session, ids, 9, &options, hash_chunk, &hash, NULL, NULL));
    mli_vits_session_destroy(session);
    mli_pool_destroy(pool);
    mli_sha256_hex(&hash, out);
}

/* Path of the one image. */
static void image_path(const fixture *f, char out[800])
{
    char hash[65];
    OK(mli_file_sha256(NULL, &mli_os_system_files, f->weights, NULL, NULL, NULL, hash, NULL));
    snprintf(out, 800, "%s/%s-f32-voice1-pack1.mlimg", f->images, hash);
    assert_int_equal(access(out, F_OK), 0);
}

static ino_t inode_of(const char *path)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return st.st_ino;
}

static void flip(const char *path, long at)
{
    FILE *f = fopen(path, "rb+");
    assert_non_null(f);
    assert_int_equal(fseek(f, at, SEEK_SET), 0);
    int c = fgetc(f);
    assert_int_equal(fseek(f, at, SEEK_SET), 0);
    assert_int_equal(fputc(c ^ 1, f), c ^ 1);
    assert_int_equal(fclose(f), 0);
}

static void test_same(void **state)
{
    fixture *f = *state;
    mli_voice *voice;
    char plain[65], made[65], found[65], path[800];
    OK(open_voice(f, NULL, false, &voice));
    assert_false(voice->mapped);
    speak(voice, plain);
    mli_vits_info packed = mli_vits_info_of(voice->net);
    mli_voice_destroy(voice);
    OK(open_voice(f, NULL, true, &voice));
    assert_true(voice->mapped);
    speak(voice, made);
    mli_vits_info mapped = mli_vits_info_of(voice->net);
    assert_int_equal(mapped.bytes, packed.bytes);
    assert_int_equal(mapped.parameters, packed.parameters);
    mli_voice_destroy(voice);
    assert_string_equal(plain, made);
    image_path(f, path);
    assert_int_equal(chmod(path, 0644), 0);
    ino_t first = inode_of(path);
    OK(open_voice(f, NULL, true, &voice));
    speak(voice, found);
    mli_voice_destroy(voice);
    assert_string_equal(plain, found);
    assert_true(inode_of(path) == first); /* found, not made again */
    flip(path, 100);                      /* a weight */
    OK(open_voice(f, NULL, true, &voice));
    speak(voice, found);
    mli_voice_destroy(voice);
    assert_string_equal(plain, found);
    assert_true(inode_of(path) != first); /* made anew */
    /* a cache that cannot be one (it is a file): packed in memory */
    (void)mli_str_copy(f->cache, sizeof f->cache, f->weights);
    OK(open_voice(f, NULL, true, &voice));
    assert_false(voice->mapped);
    speak(voice, found);
    mli_voice_destroy(voice);
    assert_string_equal(plain, found);
}

/* The seal says what the weights were when they were installed. */
static void test_changed_weights(void **state)
{
    fixture *f = *state;
    mli_voice *voice;
    char plain[65], found[65];
    flip(f->weights, 2000);
    assert_int_equal(open_voice(f, NULL, true, &voice), MODELLAB_E_INVALID_MODEL);
    assert_non_null(strstr(f->err.message, "does not hold the bytes that were installed"));
    assert_int_equal(open_voice(f, NULL, false, &voice), MODELLAB_E_INVALID_MODEL);
    flip(f->weights, 2000);
    OK(open_voice(f, NULL, true, &voice));
    speak(voice, plain);
    mli_voice_destroy(voice);
    flip(f->weights, 2000); /* the image is of the installed weights, and stays what it is */
    OK(open_voice(f, NULL, true, &voice));
    speak(voice, found);
    mli_voice_destroy(voice);
    assert_string_equal(plain, found);
}

typedef struct forgery {
    const char *metadata;
    uint64_t pieces[4];
    size_t piece_bytes, graph_bytes, weight_bytes;
    const char *says;
} forgery;

/* An image with valid checksums and such content. */
static modellab_status bind_forged(const fixture *f, const forgery *what, modellab_error *err)
{
    static const char nothing[4096];
    const mli_image_key key = {.weights = "f32",
                               .layout = "voice1-pack1",
                               .source_sha256 = "0123456789abcdef0123456789abcdef0123456789abcdef"
                                                "0123456789abcdef"};
    const uint64_t dims[4] = {1, 0, 0, 0};
    mli_image_writer *writer = NULL;
    mli_cached_image image;
    mli_vits *net = NULL;
    char path[340];
    snprintf(path, sizeof path, "%s/forged", f->folder.path);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    OK(mli_image_writer_create_fd(&writer, NULL, &mli_os_system_files, fd, &key, NULL));
    if (what->weight_bytes > 0)
        OK(mli_image_writer_section(writer, "weights", 259, 1, dims, nothing, what->weight_bytes,
                                    NULL));
    if (what->piece_bytes > 0)
        OK(mli_image_writer_section(writer, "pieces", MLI_WEIGHT_U8, 1, dims, what->pieces,
                                    what->piece_bytes, NULL));
    if (what->graph_bytes > 0)
        OK(mli_image_writer_section(writer, "graph", MLI_WEIGHT_U8, 1, dims, nothing,
                                    what->graph_bytes, NULL));
    OK(mli_image_writer_finish(writer, what->metadata, strlen(what->metadata), NULL));
    mli_image_writer_destroy(writer);
    OK(mli_cached_image_from_fd(&image, NULL, &mli_os_system_files, fd, true, NULL));
    modellab_status status = mli_voice_image_bind(&net, NULL, &image.image, NULL, err);
    assert_null(net);
    mli_cached_image_close(&image);
    assert_int_equal(close(fd), 0);
    return status;
}

#define GOOD "{\"kind\":\"piper\",\"file_bytes\":4000,\"walk\":1}"

static void test_hostile(void **state)
{
    static const forgery list[] = {
        {"{", {0}, 16, 8, 64, ""},
        {"{\"kind\":\"whisper\",\"file_bytes\":4000,\"walk\":1}", {0, 8}, 16, 8, 64, ""},
        {"{\"kind\":\"piper\",\"file_bytes\":0,\"walk\":1}", {0, 8}, 16, 8, 64, ""},
        {"{\"kind\":\"piper\",\"file_bytes\":20000000000,\"walk\":1}", {0, 8}, 16, 8, 64, ""},
        {"{\"kind\":\"piper\",\"file_bytes\":4000,\"walk\":-1}", {0, 8}, 16, 8, 64, ""},
        {GOOD, {0, 8}, 16, 8, 0, "its weights"},
        {GOOD, {0, 8}, 16, 0, 64, ""},
        {GOOD, {0, 8}, 0, 8, 64, ""},
        {GOOD, {0, 8}, 15, 8, 64, ""},
        {GOOD, {4001, 8}, 16, 8, 64, "a piece"},
        {GOOD, {3999, 8}, 16, 8, 64, "a piece"},
        {GOOD, {UINT64_MAX, 8}, 16, 8, 64, "a piece"},
        {GOOD, {0, UINT64_MAX}, 16, 8, 64, "a piece"},
        {GOOD, {0, 9}, 16, 8, 64, "a piece"},
        {GOOD, {0, 7}, 16, 8, 64, "a piece"},
        {GOOD, {0, 4, 3, 4}, 32, 8, 64, "a piece"},
        {GOOD, {0, 8}, 16, 8, 64, ""} /* a graph of zeros */
    };
    fixture *f = *state;
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        modellab_status status = bind_forged(f, &list[i], &f->err);
        if (status == MODELLAB_OK || status == MODELLAB_E_NO_MEMORY ||
            strstr(f->err.message, list[i].says) == NULL)
            fail_msg("forgery %zu: %d %s", i, (int)status, f->err.message);
    }
}

/* Right in everything but the order that the library lays the weights out in, or their number. */
static void test_other_layout(void **state)
{
    static mli_piper graph;
    static char file[1 << 20];
    fixture *f = *state;
    mli_vits *model = NULL, *bound = NULL;
    FILE *in = fopen(f->weights, "rb");
    assert_non_null(in);
    size_t bytes = fread(file, 1, sizeof file, in);
    assert_int_equal(fclose(in), 0);
    OK(mli_piper_read(&graph, NULL, file, bytes, NULL, NULL));
    OK(mli_vits_create(&model, NULL, &graph, false, NULL, NULL, NULL));
    mli_vits_block block = mli_vits_block_of(model);
    OK(mli_vits_bind(&bound, NULL, &graph, &block, NULL));
    mli_vits_destroy(bound);
    block.walk++;
    assert_int_equal(mli_vits_bind(&bound, NULL, &graph, &block, &f->err),
                     MODELLAB_E_INVALID_MODEL);
    assert_null(bound);
    block.walk--;
    block.bytes -= 64;
    assert_int_equal(mli_vits_bind(&bound, NULL, &graph, &block, &f->err),
                     MODELLAB_E_INVALID_MODEL);
    mli_vits_destroy(model);
}

static void open_files(const fixture *f, mli_model_files *files)
{
    OK(mli_model_store_open(&f->store, "tiny", files, NULL));
}

/* As a supervisor and its workers do: a draft that another process fills, found, handed over. */
static void test_handed_over(void **state)
{
    fixture *f = *state;
    mli_model_files files;
    mli_image_draft draft;
    mli_cached_image image;
    mli_voice *voice;
    mli_vits *net = NULL;
    char plain[65], said[65];
    int fd = -1;
    OK(open_voice(f, NULL, false, &voice));
    speak(voice, plain);
    mli_voice_destroy(voice);
    open_files(f, &files);
    assert_int_equal(mli_voice_image_find(&files, NULL, f->cache, &fd, &f->err),
                     MODELLAB_E_NOT_FOUND);
    assert_int_equal(fd, -1);
    OK(mli_voice_image_begin(&files, NULL, f->cache, &draft, &f->err));
    OK(mli_voice_image_make(&files, NULL, draft.fd, NULL, &f->err));
    OK(mli_image_draft_publish(&draft, &f->err));
    OK(mli_voice_image_find(&files, NULL, f->cache, &fd, &f->err));
    assert_true(fd >= 0);
    files.image = fd;
    OK(mli_voice_create(&voice, NULL, &files, NULL, NULL, &f->err));
    assert_true(voice->mapped);
    assert_string_equal(voice->reason, "");
    speak(voice, said);
    assert_string_equal(said, plain);
    mli_voice_destroy(voice);
    /* handed over for another model: refused, and the voice is packed, with the reason */
    files.sha256[0] = files.sha256[0] == '0' ? '1' : '0';
    assert_int_equal(mli_voice_image_from_fd(&image, &net, NULL, &files, fd, NULL, &f->err),
                     MODELLAB_E_INVALID_MODEL);
    assert_non_null(strstr(f->err.message, "of another model"));
    assert_null(net);
    mli_model_files_dispose(&files);
    open_files(f, &files);
    files.image = open(f->weights, O_RDONLY | O_CLOEXEC); /* no image at all */
    assert_true(files.image >= 0);
    OK(mli_voice_create(&voice, NULL, &files, NULL, NULL, &f->err));
    assert_int_equal(close(files.image), 0);
    mli_model_files_dispose(&files);
    assert_false(voice->mapped);
    assert_string_not_equal(voice->reason, "");
    speak(voice, said);
    assert_string_equal(said, plain);
    mli_voice_destroy(voice);
    assert_int_equal(close(fd), 0);
}

/* The image in the cache gets other metadata, and good checksums. */
static void replace_metadata(const fixture *f, const char *path, const char *metadata)
{
    mli_cached_image from;
    mli_image_writer *writer = NULL;
    char other[840];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    OK(mli_cached_image_from_fd(&from, NULL, &mli_os_system_files, fd, true, NULL));
    snprintf(other, sizeof other, "%s/other", f->folder.path);
    int to = open(other, O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0 && to >= 0);
    OK(mli_image_writer_create_fd(&writer, NULL, &mli_os_system_files, to, &from.image.key, NULL));
    static const char *const names[] = {"weights", "pieces", "graph"};
    for (size_t i = 0; i < 3; i++) {
        const mli_image_section *s = mli_image_find(&from.image, names[i]);
        const uint64_t dims[4] = {s->bytes, 0, 0, 0};
        OK(mli_image_writer_section(writer, names[i], s->type, 1, dims,
                                    mli_image_data(&from.image, s), s->bytes, NULL));
    }
    OK(mli_image_writer_finish(writer, metadata, strlen(metadata), NULL));
    mli_image_writer_destroy(writer);
    mli_cached_image_close(&from);
    assert_int_equal(close(fd), 0);
    assert_int_equal(close(to), 0);
    assert_int_equal(rename(other, path), 0);
}

/* Of a library that laid weights out otherwise: made anew, once, and that is said; so is why a
 * cache is not used. */
static void test_made_anew(void **state)
{
    fixture *f = *state;
    mli_voice *voice;
    char plain[65], said[65], path[800], metadata[100];
    struct stat st;
    OK(open_voice(f, NULL, true, &voice));
    speak(voice, plain);
    mli_voice_destroy(voice);
    image_path(f, path);
    assert_int_equal(stat(f->weights, &st), 0);
    snprintf(metadata, sizeof metadata, "{\"kind\":\"piper\",\"file_bytes\":%lld,\"walk\":1}",
             (long long)st.st_size);
    replace_metadata(f, path, metadata);
    OK(open_voice(f, NULL, true, &voice));
    assert_true(voice->mapped);
    assert_non_null(strstr(voice->reason, "laid out otherwise"));
    speak(voice, said);
    assert_string_equal(said, plain);
    mli_voice_destroy(voice);
    OK(open_voice(f, NULL, true, &voice)); /* it was replaced */
    assert_true(voice->mapped);
    assert_string_equal(voice->reason, "");
    mli_voice_destroy(voice);
    flip(path, 100);
    OK(open_voice(f, NULL, true, &voice));
    assert_true(voice->mapped);
    assert_string_not_equal(voice->reason, "");
    mli_voice_destroy(voice);
    (void)mli_str_copy(f->cache, sizeof f->cache, f->weights);
    OK(open_voice(f, NULL, true, &voice));
    assert_false(voice->mapped);
    assert_string_not_equal(voice->reason, "");
    mli_voice_destroy(voice);
}

static void test_no_memory(void **state)
{
    fixture *f = *state;
    mli_voice *voice;
    OK(open_voice(f, NULL, true, &voice));
    mli_voice_destroy(voice);
    for (int mode = 0; mode < 2; mode++) {
        long failures = 0;
        for (long at = 0;; at++) {
            failing_alloc fails = {.fail_at = at, .from_there_on = mode == 1};
            modellab_allocator alloc = failing_alloc_table(&fails);
            modellab_status status = open_voice(f, &alloc, true, &voice);
            mli_voice_destroy(voice);
            assert_int_equal(fails.live, 0);
            if (status == MODELLAB_OK && fails.calls <= at)
                break;
            assert_true(status == MODELLAB_OK || status == MODELLAB_E_NO_MEMORY);
            failures += status != MODELLAB_OK;
        }
        assert_true(failures > 10);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_same, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_changed_weights, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_hostile, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_other_layout, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_handed_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_made_anew, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_memory, set_up, tear_down)};
    if (argc != 2)
        return 2;
    voice_path = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
