/* Reading and writing trace contexts. */
#include "base/trace.h"

#include "os/locale.h"
#include <string.h>

#define KEY_BYTES 256
#define TENANT_BYTES 241
#define SYSTEM_BYTES 14
#define VALUE_BYTES 256

static bool hex_only(const char *text, size_t bytes)
{
    return strspn(text, "0123456789abcdef") >= bytes;
}

static unsigned digit(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'a') + 10;
}

bool mli_trace_parent_read(const char *text, mli_trace_parent *out)
{
    if (text == NULL || strlen(text) < 55 || text[2] != '-' || text[35] != '-' || text[52] != '-' ||
        !hex_only(text, 2) || !hex_only(text + 3, 32) || !hex_only(text + 36, 16) ||
        !hex_only(text + 53, 2)) {
        return false;
    }
    bool is_first = memcmp(text, "00", 2) == 0;
    if (memcmp(text, "ff", 2) == 0 || strspn(text + 3, "0") >= 32 || strspn(text + 36, "0") >= 16 ||
        (text[55] != '\0' && (is_first || text[55] != '-'))) {
        return false;
    }
    memcpy(out->trace_id, text + 3, 32);
    out->trace_id[32] = '\0';
    memcpy(out->span_id, text + 36, 16);
    out->span_id[16] = '\0';
    out->flags = (digit(text[53]) << 4 | digit(text[54])) & 1u;
    return true;
}

void mli_trace_parent_write(const mli_trace_parent *parent, char out[MLI_TRACE_PARENT_BYTES])
{
    (void)mli_os_format(out, MLI_TRACE_PARENT_BYTES, "00-%.32s-%.16s-%02x", parent->trace_id,
                        parent->span_id, parent->flags & 1u); /* fits */
}

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_key_char(char c)
{
    return is_lower(c) || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '*' || c == '/';
}

/* "name", or "tenant@system" whose tenant may begin with a digit. */
static bool key_valid(const char *key, size_t bytes)
{
    const char *at = memchr(key, '@', bytes);
    size_t tenant = at != NULL ? (size_t)(at - key) : bytes;
    size_t system = at != NULL ? bytes - tenant - 1 : 0;
    if (bytes == 0 || bytes > KEY_BYTES || tenant == 0) {
        return false;
    }
    if (at != NULL &&
        (tenant > TENANT_BYTES || system == 0 || system > SYSTEM_BYTES || !is_lower(at[1]))) {
        return false;
    }
    if (!is_lower(key[0]) && (at == NULL || key[0] < '0' || key[0] > '9')) {
        return false;
    }
    for (size_t i = 0; i < bytes; i++) {
        if (key + i != at && !is_key_char(key[i])) {
            return false;
        }
    }
    return true;
}

static bool value_valid(const char *value, size_t bytes)
{
    if (bytes == 0 || bytes > VALUE_BYTES || value[bytes - 1] == ' ') {
        return false;
    }
    for (size_t i = 0; i < bytes; i++) {
        if (value[i] < 0x20 || value[i] > 0x7e || value[i] == ',' || value[i] == '=') {
            return false;
        }
    }
    return true;
}

typedef struct member {
    const char *key;
    size_t key_bytes;
} member;

/* One member without the blanks around it; empty ones are allowed and count for nothing. */
static bool take_member(const char *text, size_t bytes, member *seen, size_t *count)
{
    while (bytes > 0 && (text[0] == ' ' || text[0] == '\t')) {
        text++;
        bytes--;
    }
    while (bytes > 0 && (text[bytes - 1] == ' ' || text[bytes - 1] == '\t')) {
        bytes--;
    }
    if (bytes == 0) {
        return true;
    }
    const char *equals = memchr(text, '=', bytes);
    size_t key_bytes = equals != NULL ? (size_t)(equals - text) : 0;
    if (equals == NULL || *count >= MLI_TRACE_STATE_MEMBERS || !key_valid(text, key_bytes) ||
        !value_valid(equals + 1, bytes - key_bytes - 1)) {
        return false;
    }
    for (size_t i = 0; i < *count; i++) {
        if (seen[i].key_bytes == key_bytes && memcmp(seen[i].key, text, key_bytes) == 0) {
            return false;
        }
    }
    seen[(*count)++] = (member){text, key_bytes};
    return true;
}

bool mli_trace_state_valid(const char *text)
{
    member seen[MLI_TRACE_STATE_MEMBERS];
    size_t count = 0;
    if (text == NULL || strlen(text) >= MLI_TRACE_STATE_BYTES) {
        return false;
    }
    for (const char *at = text; *at != '\0';) {
        size_t bytes = strcspn(at, ",");
        if (!take_member(at, bytes, seen, &count)) {
            return false;
        }
        at += bytes + (at[bytes] == ',');
    }
    return count > 0;
}
