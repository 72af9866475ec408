/* Writes checkpoints as torch.save does, for tests: pickle opcodes one by one, the older stream and
 * the zip form. */
#ifndef TESTS_UNIT_MODELS_TORCH_WRITER_H
#define TESTS_UNIT_MODELS_TORCH_WRITER_H

#include "base/buf.h"

typedef struct torch_tensor {
    const char *name;
    size_t dims[2], rank;
    const float *values;
    size_t offset; /* in its storage, in elements: that many zeros stand before it */
} torch_tensor;

void torch_int(mli_buf *b, int64_t value); /* BININT */
void torch_text(mli_buf *b, const char *text);
void torch_global(mli_buf *b, const char *module, const char *name);
/* A call of _rebuild_tensor_v2 with a storage of key `key`. stride 0: that of dense rows. */
void torch_rebuild(mli_buf *b, const torch_tensor *t, const char *key, size_t elements,
                   int64_t stride);
/* PROTO, {"step": 7, "model_state": OrderedDict of the tensors, with _metadata}, STOP. */
void torch_object(mli_buf *b, const torch_tensor *tensors, size_t count);
/* The older stream: head, `object`, keys, storages. */
void torch_stream(mli_buf *file, const mli_buf *object, const torch_tensor *tensors, size_t count);
/* A zip with archive/data.pkl, archive/byteorder and archive/data/0 ...; `wide`: sizes of 64 bits.
 */
void torch_zip(mli_buf *file, const mli_buf *object, const torch_tensor *tensors, size_t count,
               bool wide);

#endif
