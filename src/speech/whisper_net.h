/* Whisper's weights as the kernels read them: views into one immutable block (a mapped image or own
 * pages), and the list of its sections, from which the block is written, found and bound. */
#ifndef MLI_SPEECH_WHISPER_NET_H
#define MLI_SPEECH_WHISPER_NET_H

#include "nn/layers.h"
#include "speech/whisper_dims.h"

enum { MLI_WHISPER_MAX_LAYERS = 64, MLI_WHISPER_NAME = 96 };

typedef struct mli_whisper_block {
    mli_nn_attention attn;
    mli_nn_cross cross;     /* decoder only */
    mli_nn_linear cross_kv; /* decoder only: key below value, from the encoder's output */
    mli_nn_mlp mlp;
} mli_whisper_block;

typedef struct mli_whisper_net {
    mli_whisper_dims dims;
    mli_dtype type; /* of the matrices */
    mli_nn_conv1d conv1, conv2;
    const float *audio_positions; /* [audio_ctx][audio_state] */
    mli_nn_norm ln_post;
    mli_packed embedding;        /* [vocab][text_state]; also makes the logits */
    const float *text_positions; /* [text_ctx][text_state] */
    mli_nn_norm ln;
    mli_whisper_block audio[MLI_WHISPER_MAX_LAYERS], text[MLI_WHISPER_MAX_LAYERS];
} mli_whisper_net;

typedef enum mli_whisper_kind {
    MLI_WHISPER_MATRIX, /* parts below each other, packed */
    MLI_WHISPER_CONV,   /* packed tap-major */
    MLI_WHISPER_VECTOR  /* f32 as it is; parts one after another */
} mli_whisper_kind;

typedef struct mli_whisper_section {
    char name[MLI_WHISPER_NAME];
    mli_whisper_kind kind;
    mli_dtype type;
    size_t rows, cols, taps; /* rows and columns of each part; taps of a convolution, else 1 */
    size_t parts;
    char part[3][MLI_WHISPER_NAME]; /* tensors it is made of; "" = zeros */
    size_t bytes;                   /* of the section, a multiple of 64 */
    mli_packed *packed;             /* what to bind: one of the two */
    const float **values;
} mli_whisper_section;

typedef modellab_status (*mli_whisper_visit_fn)(void *user, const mli_whisper_section *section,
                                                modellab_error *err);

/* Sets dims, type and the constant parts of `net`, then visits its sections in the fixed order of
 * the image. E_UNSUPPORTED_MODEL for sizes that the kernels do not take. */
MODELLAB_MUST_CHECK modellab_status mli_whisper_net_visit(mli_whisper_net *net,
                                                          const mli_whisper_dims *dims,
                                                          mli_dtype type,
                                                          mli_whisper_visit_fn visit, void *user,
                                                          modellab_error *err);

#endif
