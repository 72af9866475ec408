/* The remote service that makes chapters, summaries and action items: whether a run asks for it,
 * and where it is. The key comes from the configuration, goes to the worker of such a run alone,
 * and stands in no record and no log. */
#ifndef MLI_LAB_REMOTE_SERVICE_H
#define MLI_LAB_REMOTE_SERVICE_H

#include "base/json.h"

#define MLI_REMOTE_PROVIDER "remote"
#define MLI_REMOTE_PART_BYTES ((size_t)256 * 1024) /* of a transcript that one call gets */
enum { MLI_REMOTE_PARTS_MOST = 64, MLI_REMOTE_TRIES = 4 };

typedef struct mli_remote_settings {
    const modellab_allocator *alloc;
    char *url, *key, *model; /* NULL = not set */
    int64_t part_bytes;
} mli_remote_settings;

/* Whether a step of the request (accepted form) is to be made by the service: its worker then may
 * use the network. */
bool mli_remote_wanted(const mli_json *request);
/* The same of its text. E_INVALID_JSON, E_LIMIT, E_NO_MEMORY: it cannot be read. */
MODELLAB_MUST_CHECK modellab_status mli_remote_wanted_by(const char *request_json, bool *out,
                                                         modellab_error *err);
/* How many calls a run will probably make, and at least and at most (each may be tried again). */
typedef struct mli_remote_forecast {
    int64_t expected, low, high;
} mli_remote_forecast;

/* Of a request's text (accepted form) and the length of its input; all 0 without the service. */
MODELLAB_MUST_CHECK modellab_status mli_remote_forecast_make(const char *request_json,
                                                             double audio_seconds,
                                                             mli_remote_forecast *out,
                                                             modellab_error *err);
/* From the configuration. Dispose of it in every case. */
MODELLAB_MUST_CHECK modellab_status mli_remote_settings_read(mli_remote_settings *out,
                                                             const modellab_allocator *alloc,
                                                             modellab_error *err);
void mli_remote_settings_dispose(mli_remote_settings *settings); /* the key is overwritten */

#endif
