/* Names and sentences of status codes, beneath the public functions. */
#ifndef MLI_BASE_STATUS_H
#define MLI_BASE_STATUS_H

#include <modellab/status.h>

/* "MODELLAB_E_NOT_FOUND"; "MODELLAB_E_UNKNOWN" for others. Static. */
const char *mli_status_name(modellab_status status);
/* Sentence for people. Static. */
const char *mli_status_text(modellab_status status);

#endif
