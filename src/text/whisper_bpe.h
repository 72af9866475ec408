/* Byte-level BPE: cuts a text into pieces by the rules of the reference and merges each piece by
 * rank. Internal to this room. */
#ifndef MLI_TEXT_WHISPER_BPE_H
#define MLI_TEXT_WHISPER_BPE_H

#include "text/whisper_vocab.h"

/* Length of the piece that begins at text[0]; `bytes` > 0, valid UTF-8. */
size_t mli_bpe_piece(const char *text, size_t bytes);
/* Ids of a whole text (valid UTF-8); at most one a byte. */
MODELLAB_MUST_CHECK modellab_status mli_bpe_encode(const mli_vocab *v, const char *text,
                                                   size_t bytes, int32_t *ids, size_t capacity,
                                                   size_t *count, modellab_error *err);

#endif
