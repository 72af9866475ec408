/* The model of a request that names none: the default of the catalog in force. */
#ifndef MLI_LAB_DEFAULT_MODEL_H
#define MLI_LAB_DEFAULT_MODEL_H

#include "lab/lab.h"

/* Found out when the lab is opened; a catalog that cannot be read, or has no default, hurts only
 * who needs the default: mli_lab_default_model() tells then. E_NO_MEMORY only. */
MODELLAB_MUST_CHECK modellab_status mli_default_model_take(mli_lab *lab, modellab_error *err);
/* `out` is the lab's. */
MODELLAB_MUST_CHECK modellab_status mli_lab_default_model(const mli_lab *lab, const char **out,
                                                          modellab_error *err);

#endif
