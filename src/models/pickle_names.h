/* Names of opcodes and the list of globals that a pickle may ask for. Internal to this room. */
#ifndef MLI_MODELS_PICKLE_NAMES_H
#define MLI_MODELS_PICKLE_NAMES_H

#include "models/pickle.h"

enum { MLI_PICKLE_MOST_NAME = 256 };

/* "REDUCE"; "0x99" for a byte that is no opcode. Static. */
const char *mli_pickle_op_name(uint8_t op);
/* What a global stands for; E_UNSUPPORTED_MODEL names one that is not on the list. */
MODELLAB_MUST_CHECK modellab_status mli_pickle_global(mli_span module, mli_span name,
                                                      mli_pickle_kind *kind,
                                                      mli_weight_dtype *dtype, modellab_error *err);

#endif
