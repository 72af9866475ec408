/* Options of steps as they are kept for the record: a long value is told by its size and hash, its
 * text stands in the accepted request. */
#ifndef MLI_LAB_REQUEST_VALUE_H
#define MLI_LAB_REQUEST_VALUE_H

#include "base/json.h"

/* Writes the member `key`. E_NO_MEMORY: nothing was written. */
MODELLAB_MUST_CHECK modellab_status mli_request_put_value(mli_jw *w, const char *key,
                                                          const mli_json *value, mli_buf *scratch);

#endif
