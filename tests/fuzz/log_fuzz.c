/* Fuzz: a log line of any bytes in message, keys and values is one JSON object without duplicate
 * keys, within its size, and holds no secret. */
#include "base/json.h"
#include "log/line.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FIELDS 70

/* Input: pieces split at zero bytes; the first is the message, then keys and values in turn. The
 * first byte of a value chooses its type and how often it is repeated. */
typedef struct pieces {
    char *texts[2 * FIELDS + 1];
    size_t count;
} pieces;

static void split(char *text, size_t size, pieces *out)
{
    out->count = 0;
    for (size_t start = 0; start <= size && out->count < 2 * FIELDS + 1;) {
        out->texts[out->count++] = text + start;
        start += strlen(text + start) + 1;
    }
}

static modellab_log_field make_field(const char *key, const char *value)
{
    modellab_log_field f = {.key = key, .text = value, .type = value[0] % 9};
    for (size_t i = 0; value[i] != '\0' && i < 8; i++)
        f.integer = (int64_t)((uint64_t)f.integer << 8 | (unsigned char)value[i]);
    memcpy(&f.real, &f.integer, sizeof f.real);
    return f;
}

static void check_line(const char *line, size_t bytes, size_t count, bool secret_only)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_json *root = NULL;
    if (bytes >= MLI_LOG_LINE_BYTES || strlen(line) != bytes || line[bytes - 1] != '\n')
        abort(); /* not one whole line */
    if (mli_json_parse(line, bytes, MLI_LOG_LINE_BYTES, &root, &err) != MODELLAB_OK)
        abort(); /* not JSON, or a key twice */
    bool complete = mli_json_get(root, "truncated") == NULL;
    if (mli_json_get(root, "seq") == NULL || (complete && mli_json_count(root) != count + 8))
        abort(); /* a key is missing */
    if (secret_only && strstr(line, "SECRET") != NULL)
        abort(); /* shown although every text that holds it is a secret */
    mli_json_free(root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char line[MLI_LOG_LINE_BYTES];
    static const unsigned char key[32] = {9};
    modellab_log_field fields[FIELDS];
    pieces p;
    size_t repeat = size > 0 ? (size_t)1 << data[0] % 8 : 1; /* long texts from short inputs */
    if (size > 4096)
        return 0;
    char *text = malloc(size * repeat + 2);
    if (text == NULL)
        return 0;
    for (size_t i = 0; i < repeat && size > 0; i++)
        memcpy(text + i * size, data, size);
    text[size * repeat] = text[size * repeat + 1] = '\0';
    split(text, size * repeat, &p);
    size_t count = (p.count - 1) / 2;
    for (size_t i = 0; i < count; i++)
        fields[i] = make_field(p.texts[2 * i + 1], p.texts[2 * i + 2]);
    modellab_log_record r = {sizeof r, MODELLAB_LOG_INFO, 0, "fuzz", p.texts[0], NULL, fields,
                             count};
    mli_log_stamp stamp = {.time_ns = 1767323045678901000,
                           .seq = 1,
                           .ids = ",\"run_id\":\"R\"",
                           .ids_bytes = 13,
                           .process = ",\"pid\":5",
                           .process_bytes = 8,
                           .root = "/root",
                           .key = key};
    bool secret_only = true; /* "SECRET" stands in values of type SECRET alone */
    for (size_t i = 0; i < p.count; i++)
        secret_only = secret_only &&
                      (strstr(p.texts[i], "SECRET") == NULL ||
                       (i >= 2 && i % 2 == 0 && fields[i / 2 - 1].type == MODELLAB_LOG_SECRET));
    check_line(line, mli_log_format(line, &stamp, &r), count, secret_only);
    free(text);
    return 0;
}
