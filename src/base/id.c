/* ULIDs, W3C trace ids and the check of request ids. */
#include "base/id.h"
#include "base/str.h"
#include <string.h>

static const char crockford[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

int mli_ulid_new(const mli_os_clock *clock, const mli_os_random *random, char out[MLI_ULID_BYTES])
{
    unsigned char tail[10];
    int rc = random->fill(random->user, tail, sizeof tail);
    if (rc != 0)
        return rc;
    int64_t now = clock->realtime_ns(clock->user) / 1000000;
    uint64_t ms = now < 0 ? 0 : (uint64_t)now & 0xFFFFFFFFFFFFull;
    for (int i = 9; i >= 0; i--, ms >>= 5)
        out[i] = crockford[ms & 31];
    uint32_t bits = 0;
    int held = 0, at = 10;
    for (size_t i = 0; i < sizeof tail; i++) {
        bits = bits << 8 | tail[i];
        for (held += 8; held >= 5; held -= 5)
            out[at++] = crockford[bits >> (held - 5) & 31];
    }
    out[26] = '\0';
    return 0;
}

bool mli_ulid_valid(const char *text)
{
    if (text == NULL)
        return false;
    for (int i = 0; i < 26; i++)
        if (text[i] == '\0' || strchr(crockford, text[i]) == NULL)
            return false;
    return text[26] == '\0' && text[0] <= '7'; /* 130 bits of text hold 128 */
}

static int random_hex(const mli_os_random *random, size_t bytes, char *out)
{
    unsigned char raw[16];
    int rc = random->fill(random->user, raw, bytes);
    if (rc != 0)
        return rc;
    unsigned char any = 0;
    for (size_t i = 0; i < bytes; i++)
        any |= raw[i];
    if (any == 0)
        raw[bytes - 1] = 1; /* all zero means "no id" to every consumer */
    mli_hex(raw, bytes, out);
    return 0;
}

int mli_trace_id_new(const mli_os_random *random, char out[33])
{
    return random_hex(random, 16, out);
}

int mli_span_id_new(const mli_os_random *random, char out[17])
{
    return random_hex(random, 8, out);
}

bool mli_request_id_valid(const char *text)
{
    size_t n = 0;
    if (text == NULL)
        return false;
    for (; text[n] != '\0'; n++) {
        char c = text[n];
        bool ok = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                  c == '.' || c == '_' || c == '-';
        if (!ok || n >= 128)
            return false;
    }
    return n > 0;
}
