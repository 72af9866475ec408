/* What the reading and the writing of a request share. */
#ifndef MLI_LAB_REQUEST_PRIVATE_H
#define MLI_LAB_REQUEST_PRIVATE_H

#include "lab/request.h"

/* Makes request->json and ->labels of what was read; failures are in json.status. */
void mli_request_write(mli_request *request);

#endif
