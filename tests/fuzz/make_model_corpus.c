/* Writes the seeds of the model readers' fuzz targets: make_model_corpus FOLDER (with ct2, ggml,
 * safetensors, onnx, tokenizer, image below it). Run by hand when a format's test model changes. */
#include "models/catalog.h"
#include "models/image.h"
#include "text/whisper_tokenizer.h"
#include "unit/models/onnx_writer.h"
#include "unit/models/synthetic.h"
#include "unit/models/torch_writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *top;

static void save(const char *name, const char *before, const mli_buf *data)
{
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/%s", top, name);
    FILE *f = fopen(path, "wb");
    if (f == NULL || fwrite(before, 1, strlen(before), f) != strlen(before) ||
        fwrite(mli_buf_text(data), 1, data->size, f) != data->size || fclose(f) != 0) {
        fprintf(stderr, "cannot write %s\n", name);
        exit(1);
    }
}

static void weights(const char *name,
                    void (*write)(const synthetic_shape *shape, mli_weight_dtype type,
                                  mli_buf *out),
                    const synthetic_shape *shape, mli_weight_dtype type)
{
    mli_buf b;
    mli_buf_init(&b, NULL);
    write(shape, type, &b);
    save(name, "", &b);
    mli_buf_dispose(&b);
}

static void onnx(void)
{
    mli_buf graph, file;
    mli_buf_init(&graph, NULL);
    mli_buf_init(&file, NULL);
    onnx_small_graph(&graph);
    onnx_file(&file, &graph);
    save("onnx/small", "", &file);
    mli_buf_dispose(&file);
}

static void text(const char *name, const char *kind, const char *content)
{
    mli_buf b;
    mli_buf_init(&b, NULL);
    mli_buf_append_text(&b, content);
    save(name, kind, &b);
    mli_buf_dispose(&b);
}

static void vocabularies(void)
{
    mli_buf b, packed;
    mli_whisper_tokenizer *t;
    mli_buf_init(&b, NULL);
    mli_buf_init(&packed, NULL);
    synthetic_vocabulary(&synthetic_small, &b);
    save("tokenizer/lines", "0", &b); /* '0' % 4 = 0, and so on */
    const mli_whisper_vocab_source source = {
        .vocabulary = b.data, .vocabulary_bytes = b.size, .n_vocab = synthetic_small.n_vocab};
    if (mli_whisper_tokenizer_create(&t, NULL, &source, NULL) != MODELLAB_OK) {
        exit(1);
    }
    mli_whisper_tokenizer_pack(t, &packed);
    save("tokenizer/packed", "2", &packed);
    mli_whisper_tokenizer_destroy(t);
    mli_buf_dispose(&b);
    mli_buf_dispose(&packed);
    text("tokenizer/json", "1",
         "{\"model\":{\"vocab\":{\"!\":0,\"\\u0120t\":1,\"he\":2}},\"added_tokens\":"
         "[{\"id\":3,\"content\":\"<|endoftext|>\"}]}");
    text("tokenizer/list", "0", "[\"!\",\"#\",\"\\u0120the\",\"<|endoftext|>\"]");
    text("tokenizer/text", "3",
         " the thing's in a re-on\xc3\xa9  \xe3\x81\x82\xe3\x81\x84\n\n 12.5 !?");
    text("tokenizer/spaces", "3", "\t  \xc2\xa0 x\xe2\x80\x83y 'S 's ''ll  ");
}

static void torch(void)
{
    static const float numbers[4] = {1.0f, 2.0f, 3.0f, 4.0f};
    static const torch_tensor tensors[] = {{"w", {2, 2}, 2, numbers, 0}, {"b", {2}, 1, numbers, 1}};
    for (int form = 0; form < 3; form++) {
        mli_buf object, file;
        mli_buf_init(&object, NULL);
        mli_buf_init(&file, NULL);
        torch_object(&object, tensors, 2);
        if (form == 0)
            torch_stream(&file, &object, tensors, 2);
        else
            torch_zip(&file, &object, tensors, 2, form == 2);
        save(form == 0 ? "torch/stream" : form == 1 ? "torch/zip" : "torch/zip64", "", &file);
        mli_buf_dispose(&object);
        mli_buf_dispose(&file);
    }
}

static void image(void)
{
    static const float numbers[4] = {1.0f, 2.0f, 3.0f, 4.0f};
    const uint64_t dims[1] = {4};
    const mli_image_key key = {"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
                               "f16", "test1-scalar"};
    mli_image_writer *w;
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/image/two_sections", top);
    if (mli_image_writer_create(&w, NULL, &mli_os_system_files, path, &key, NULL) != MODELLAB_OK ||
        mli_image_writer_section(w, "a", MLI_WEIGHT_F32, 1, dims, numbers, 16, NULL) !=
            MODELLAB_OK ||
        mli_image_writer_section(w, "b", 300, 0, NULL, "xyz", 3, NULL) != MODELLAB_OK ||
        mli_image_writer_finish(w, "{}", 2, NULL) != MODELLAB_OK) {
        exit(1);
    }
    mli_image_writer_destroy(w);
    size_t bytes;
    text("image/catalog", "", mli_catalog_builtin_text(&bytes));
}

int main(int argc, char **argv)
{
    static const synthetic_shape blocks = {2, 2, 2, 32, 1, 1, 2};
    if (argc != 2) {
        return 2;
    }
    top = argv[1];
    weights("ct2/f32", synthetic_ct2, &synthetic_tiny, MLI_WEIGHT_F32);
    weights("ct2/f16", synthetic_ct2, &synthetic_tiny, MLI_WEIGHT_F16);
    weights("ct2/int8", synthetic_ct2, &synthetic_tiny, MLI_WEIGHT_I8);
    weights("ggml/f32", synthetic_ggml, &synthetic_tiny, MLI_WEIGHT_F32);
    weights("ggml/f16", synthetic_ggml, &synthetic_tiny, MLI_WEIGHT_F16);
    weights("ggml/q5_0", synthetic_ggml, &blocks, MLI_WEIGHT_Q5_0);
    weights("safetensors/f32", synthetic_safetensors, &synthetic_tiny, MLI_WEIGHT_F32);
    weights("safetensors/f16", synthetic_safetensors, &synthetic_tiny, MLI_WEIGHT_F16);
    onnx();
    vocabularies();
    torch();
    image();
    return 0;
}
