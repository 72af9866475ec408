/* A request as this lab reads it. */
#ifndef MLI_LAB_REQUEST_LAB_H
#define MLI_LAB_REQUEST_LAB_H

#include "lab/lab.h"
#include "lab/request.h"

/* As mli_request_read(), with the lab's defaults; also whether the models know what is asked. */
MODELLAB_MUST_CHECK modellab_status mli_lab_read_request(mli_lab *lab, const char *text,
                                                         size_t bytes, mli_request *out,
                                                         mli_findings *report, modellab_error *err);
#endif
