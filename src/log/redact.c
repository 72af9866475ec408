/* Redaction by type: what a reader of logs needs, without what must not be in them. */
#include "log/redact.h"
#include "base/hash.h"
#include "base/str.h"
#include <stdbool.h>
#include <string.h>

size_t mli_log_redact_secret(const unsigned char key[32], const char *text, size_t bytes,
                             char stub[MLI_LOG_STUB_BYTES])
{
    unsigned char digest[32];
    mli_sha256 h;
    mli_sha256_init(&h);
    mli_sha256_update(&h, key, 32);
    mli_sha256_update(&h, text, bytes != 0 ? bytes : strlen(text));
    mli_sha256_final(&h, digest);
    memcpy(stub, "secret:", 7);
    mli_hex(digest, 6, stub + 7);
    return 19;
}

mli_log_piece mli_log_redact_path(const char *text, size_t bytes, const char *root)
{
    size_t n = strlen(root);
    while (n > 1 && root[n - 1] == '/')
        n--;
    if (n > 0 && bytes > n && memcmp(text, root, n) == 0 && text[n] == '/') {
        mli_log_piece below = {text + n + 1, bytes - n - 1};
        /* ".." could lead anywhere, and would show what stands beside the root. */
        bool climbs = false;
        for (size_t i = 0; i + 1 < below.bytes; i++)
            climbs = climbs || (below.text[i] == '.' && below.text[i + 1] == '.' &&
                                (i == 0 || below.text[i - 1] == '/'));
        if (!climbs)
            return below;
    }
    while (bytes > 1 && text[bytes - 1] == '/')
        bytes--;
    size_t start = bytes;
    while (start > 0 && text[start - 1] != '/')
        start--;
    return (mli_log_piece){text + start, bytes - start};
}

void mli_log_redact_url(const char *text, size_t bytes, mli_log_piece pieces[2])
{
    size_t end = 0, host = 0;
    while (end < bytes && text[end] != '?' && text[end] != '#')
        end++;
    for (size_t i = 0; i + 2 < end && host == 0; i++)
        if (text[i] == ':' && text[i + 1] == '/' && text[i + 2] == '/')
            host = i + 3;
    /* Without a scheme the text before an @ could be a user all the same. */
    size_t slash = host, after_user = host;
    while (slash < end && text[slash] != '/')
        slash++;
    for (size_t i = host; i < slash; i++)
        if (text[i] == '@')
            after_user = i + 1;
    pieces[0] = (mli_log_piece){text, host};
    pieces[1] = (mli_log_piece){text + after_user, end - after_user};
}
