/* Writing and checking signatures. The header comes from outside: it is read strictly and bounded.
 */
#include "base/signature.h"

#include "base/error.h"
#include "base/hmac.h"
#include "base/str.h"
#include <string.h>

#define HEX 64
#define MOST_HEADER 1024

static void sign(const char *secret, const char *time, size_t time_bytes, const void *body,
                 size_t bytes, unsigned char out[32])
{
    mli_hmac h;

    mli_hmac_init(&h, secret, strlen(secret));
    mli_hmac_update(&h, time, time_bytes);
    mli_hmac_update(&h, ".", 1);
    if (bytes > 0)
        mli_hmac_update(&h, body, bytes);
    mli_hmac_final(&h, out);
}

void mli_signature_write(const char *secret, int64_t time_s, const void *body, size_t bytes,
                         char out[MODELLAB_SIGNATURE_BYTES])
{
    unsigned char digest[32];
    char time[20];
    size_t time_bytes = mli_format_i64(time, time_s);

    sign(secret, time, time_bytes, body, bytes, digest);
    memcpy(out, "t=", 2);
    memcpy(out + 2, time, time_bytes);
    memcpy(out + 2 + time_bytes, ",v1=", 4);
    mli_hex(digest, sizeof digest, out + 6 + time_bytes);
}

/* The parts of a header. */
typedef struct parts {
    const char *time;
    size_t time_bytes;
    int64_t time_s;
    unsigned char fits; /* of all v1, each compared as a whole */
} parts;

/* Only digits, and no more than a time of the next centuries has. */
static bool read_time(const char *text, size_t bytes, parts *p)
{
    char copy[16];

    if (bytes == 0 || bytes >= sizeof copy || strspn(text, "0123456789") < bytes)
        return false;
    memcpy(copy, text, bytes);
    copy[bytes] = '\0';
    p->time = text;
    p->time_bytes = bytes;
    return mli_parse_i64(copy, 0, INT64_MAX, &p->time_s);
}

/* The next item of the header and its length without blanks around it. */
static const char *next_item(const char **at, size_t *bytes)
{
    const char *item = *at + strspn(*at, " \t,");

    *bytes = strcspn(item, ",");
    *at = item + *bytes;
    while (*bytes > 0 && (item[*bytes - 1] == ' ' || item[*bytes - 1] == '\t'))
        *bytes -= 1;
    return item;
}

MODELLAB_MUST_CHECK static modellab_status find_time(const char *header, parts *p,
                                                     modellab_error *err)
{
    const char *at = header;
    size_t bytes, times = 0, signatures = 0;

    for (const char *item = next_item(&at, &bytes); bytes > 0; item = next_item(&at, &bytes)) {
        bool time = strncmp(item, "t=", 2) == 0;
        if (time && (++times > 1 || !read_time(item + 2, bytes - 2, p)))
            return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "the signature's time is not valid");
        signatures += strncmp(item, "v1=", 3) == 0;
    }
    return times == 1 && signatures > 0 ? MODELLAB_OK
                                        : mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                                                   "a signature has the form t=<seconds>,v1=<hex>");
}

modellab_status mli_signature_check(const char *secret, const char *header, const void *body,
                                    size_t bytes, int64_t now_s, int64_t tolerance_s,
                                    modellab_error *err)
{
    unsigned char digest[32], given[32];
    parts p = {0};
    const char *at = header;
    size_t item_bytes;

    if (memchr(header, 0, MOST_HEADER) == NULL)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "the signature is too long");
    modellab_status status = find_time(header, &p, err);
    if (status != MODELLAB_OK)
        return status;
    sign(secret, p.time, p.time_bytes, body, bytes, digest);
    for (const char *item = next_item(&at, &item_bytes); item_bytes > 0;
         item = next_item(&at, &item_bytes)) {
        if (item_bytes == 3 + HEX && strncmp(item, "v1=", 3) == 0 &&
            mli_unhex(item + 3, HEX, given))
            p.fits |= mli_equal_secret(given, digest, sizeof digest);
    }
    if (!p.fits)
        return mli_fail(err, MODELLAB_E_PERMISSION, "the signature does not fit");
    if (p.time_s > now_s ? p.time_s - now_s > tolerance_s : now_s - p.time_s > tolerance_s)
        return mli_fail(err, MODELLAB_E_TIMEOUT, "the signature was made too long ago");
    return MODELLAB_OK;
}
