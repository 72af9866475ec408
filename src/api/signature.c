/* modellab_signature and the HMAC below it. */
#include "base/signature.h"

#include "base/error.h"
#include "base/hmac.h"
#include "os/clock.h"

#define TOLERANCE_S 300

MODELLAB_MUST_CHECK static modellab_status complain(modellab_error *err)
{
    return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "arguments must not be NULL or negative");
}

modellab_status modellab_hmac_sha256(const void *key, size_t key_bytes, const void *data,
                                     size_t bytes, unsigned char out[32], modellab_error *err)
{
    mli_hmac h;

    if ((key == NULL && key_bytes > 0) || (data == NULL && bytes > 0) || out == NULL)
        return complain(err);
    mli_hmac_init(&h, key, key_bytes);
    if (bytes > 0)
        mli_hmac_update(&h, data, bytes);
    mli_hmac_final(&h, out);
    return MODELLAB_OK;
}

int32_t modellab_secret_equal(const void *a, const void *b, size_t bytes)
{
    return a != NULL && b != NULL && mli_equal_secret(a, b, bytes);
}

modellab_status modellab_signature_write(const char *secret, int64_t time_s, const void *body,
                                         size_t bytes, char out[MODELLAB_SIGNATURE_BYTES],
                                         modellab_error *err)
{
    if (secret == NULL || time_s < 0 || (body == NULL && bytes > 0) || out == NULL)
        return complain(err);
    mli_signature_write(secret, time_s, body, bytes, out);
    return MODELLAB_OK;
}

modellab_status modellab_signature_check(const char *secret, const char *header, const void *body,
                                         size_t bytes, int64_t now_s, int64_t tolerance_s,
                                         modellab_error *err)
{
    if (secret == NULL || header == NULL || (body == NULL && bytes > 0) || tolerance_s < 0)
        return complain(err);
    if (now_s < 0)
        now_s = mli_os_system_clock.realtime_ns(mli_os_system_clock.user) / 1000000000;
    return mli_signature_check(secret, header, body, bytes, now_s,
                               tolerance_s > 0 ? tolerance_s : TOLERANCE_S, err);
}
