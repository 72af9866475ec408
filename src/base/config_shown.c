/* Values of variables as they may be shown: no secret, no user and password of an address. The
 * table says which is which; texts are searched for addresses, since commands hold some too. */
#include "base/config.h"
#include <string.h>

#define HIDDEN "(hidden)"

static bool ends_authority(char c)
{
    return c == '\0' || c == '/' || c == '?' || c == '#' || c == ' ' || c == '\t';
}

/* From the first byte after "://": what stands before the last '@' is left out. Returns what
 * follows the authority. */
static const char *add_authority(const char *at, mli_buf *out)
{
    const char *end = at, *host = at;
    for (; !ends_authority(*end); end++) {
        if (*end == '@') {
            host = end + 1;
        }
    }
    if (host != at) {
        mli_buf_append_text(out, HIDDEN "@");
    }
    mli_buf_append(out, host, (size_t)(end - host));
    return end;
}

static void add_text(const char *value, bool is_url, mli_buf *out)
{
    const char *scheme = strstr(value, "://");
    if (is_url && scheme == NULL) { /* a proxy may be given without one */
        value = add_authority(value, out);
    }
    while ((scheme = strstr(value, "://")) != NULL) {
        mli_buf_append(out, value, (size_t)(scheme + 3 - value));
        value = add_authority(scheme + 3, out);
    }
    const char *query = is_url ? strchr(value, '?') : NULL;
    mli_buf_append(out, value, query != NULL ? (size_t)(query - value) : strlen(value));
    if (query != NULL) {
        mli_buf_append_text(out, "?" HIDDEN);
    }
}

void mli_config_shown(const mli_config_variable *variable, const char *value, mli_buf *out)
{
    if (variable->type == MLI_CONFIG_SECRET) {
        mli_buf_append_text(out, "(set)");
    } else if (variable->type == MLI_CONFIG_URL || variable->type == MLI_CONFIG_TEXT) {
        add_text(value, variable->type == MLI_CONFIG_URL, out);
    } else {
        mli_buf_append_text(out, value);
    }
}
