/* Walking over JSON values by their brackets and quotes. */
#include "cli/scan.h"

#include <string.h>

/* Where the value that begins at `at` ends; `end` when it does not. */
static const char *skip(const char *at, const char *end)
{
    int depth = 0;
    bool quoted = false;
    for (; at < end; at++) {
        if (quoted) {
            if (*at == '\\')
                at++;
            else if (*at == '"')
                quoted = false;
        } else if (*at == '"') {
            quoted = true;
        } else if (*at == '{' || *at == '[') {
            depth++;
        } else if (*at == '}' || *at == ']') {
            if (depth-- == 0)
                return at;
        } else if (*at == ',' && depth == 0) {
            return at;
        }
    }
    return end;
}

static bool begins(cli_span span, char bracket)
{
    return span.at != NULL && span.bytes >= 2 && span.at[0] == bracket;
}

cli_span cli_scan_member(cli_span object, const char *key)
{
    size_t n = strlen(key);
    const char *end = object.at + object.bytes;
    cli_span none = {NULL, 0};
    if (!begins(object, '{'))
        return none;
    for (const char *at = object.at + 1; at < end && *at == '"';) {
        const char *stop = skip(at, end);
        if ((size_t)(stop - at) > n + 2 && memcmp(at + 1, key, n) == 0 && at[n + 1] == '"' &&
            at[n + 2] == ':')
            return (cli_span){at + n + 3, (size_t)(stop - at) - n - 3};
        at = stop + 1;
    }
    return none;
}

bool cli_scan_item(cli_span array, cli_span *item)
{
    const char *end = array.at + array.bytes;
    if (!begins(array, '['))
        return false;
    const char *at = item->at == NULL ? array.at + 1 : item->at + item->bytes + 1;
    if (at >= end - 1)
        return false;
    *item = (cli_span){at, (size_t)(skip(at, end) - at)};
    return true;
}

bool cli_span_is(cli_span span, const char *text)
{
    return span.at != NULL && span.bytes == strlen(text) && memcmp(span.at, text, span.bytes) == 0;
}

cli_span cli_span_bare(cli_span span)
{
    if (span.at != NULL && span.bytes >= 2 && span.at[0] == '"')
        return (cli_span){span.at + 1, span.bytes - 2};
    return span;
}
