/* The share of a user: each upload reserves what it takes before it is on disk, those without a
 * declared size a step at a time, so that several at once cannot pass the bound together. */
#include "base/error.h"
#include "lab/uploads.h"
#include "log/logger.h"
#include <errno.h>

#define STEP ((int64_t)8 << 20)

MODELLAB_MUST_CHECK static modellab_status put(modellab_upload *u, int64_t bytes, int64_t most,
                                               int64_t *others, bool *fits, modellab_error *err)
{
    const mli_upload_row row = {.id = u->facts.id,
                                .user = u->facts.user,
                                .bytes = bytes,
                                .expires_ms = u->facts.expires_ms};
    modellab_status status = mli_store_upload_put(u->lab->store, &row, most, others, fits, err);

    u->reserved = status == MODELLAB_OK && *fits ? bytes : u->reserved;
    return status;
}

modellab_status mli_upload_reserve(modellab_upload *u, int64_t bytes, modellab_error *err)
{
    int64_t most = u->lab->settings.upload_user_bytes, others = 0, ahead = u->facts.declared;
    bool fits = false;
    modellab_status status;

    if (bytes <= u->reserved) {
        return MODELLAB_OK;
    }
    if (ahead < bytes) { /* not declared: max_upload_bytes is far from overflow */
        ahead = bytes > INT64_MAX - STEP ? bytes : (bytes + STEP - 1) / STEP * STEP;
    }
    status = put(u, ahead, most, &others, &fits, err);
    if (status == MODELLAB_OK && !fits && ahead > bytes) { /* the last bytes of the share */
        status = put(u, bytes, most, &others, &fits, err);
    }
    if (status != MODELLAB_OK || fits) {
        return status;
    }
    return mli_upload_check_share(u->lab, others > INT64_MAX - bytes ? INT64_MAX : others + bytes,
                                  err);
}

modellab_status mli_upload_take_share(modellab_upload *u, modellab_error *err)
{
    int64_t others;
    bool fits;

    return put(u, u->facts.bytes, 0, &others, &fits, err);
}

/* Those of `query` are looked at one by one: what is dead or has had its time goes. */
MODELLAB_MUST_CHECK static modellab_status clear(const mli_lab *lab, mli_upload_query query,
                                                 modellab_error *err)
{
    char ids[MLI_UPLOAD_IDS][MLI_ULID_BYTES];
    size_t count = 0;
    modellab_status status = mli_store_upload_ids(lab->store, &query, ids, &count, err);

    for (size_t i = 0; status == MODELLAB_OK && i < count; i++) {
        mli_upload_look_at(lab, ids[i]);
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status check(const mli_lab *lab, const char *user, int64_t more,
                                                 modellab_error *err)
{
    int64_t bytes = 0;
    modellab_status status = mli_store_upload_sum(lab->store, user, &bytes, err);

    return status == MODELLAB_OK
               ? mli_upload_check_share(lab, bytes > INT64_MAX - more ? INT64_MAX : bytes + more,
                                        err)
               : status;
}

modellab_status mli_upload_make_room(const mli_lab *lab, const char *user, int64_t more,
                                     modellab_error *err)
{
    modellab_status status = clear(lab, (mli_upload_query){.expired_ms = mli_lab_now_ms(lab)}, err);

    if (status == MODELLAB_OK) {
        status = check(lab, user, more, err);
    }
    if (status == MODELLAB_E_CAP_EXCEEDED) { /* what crashes left of his counts no longer */
        mli_error_clear(err);
        status = clear(lab, (mli_upload_query){.user = user}, err);
        status = status == MODELLAB_OK ? check(lab, user, more, err) : status;
    }
    return status;
}
