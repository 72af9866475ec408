/* json_get PATH < FILE: reads strict JSON from stdin and prints the value at a path such as
 * runs.0.status ("" = the whole): text as it is, others as JSON, "count" of an array as number.
 * Exit code 1: not JSON; 3: nothing there. */
#include "base/json.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const mli_json *step(const mli_json *value, const char *name, size_t bytes)
{
    char word[128], *end = NULL;
    if (bytes >= sizeof word)
        return NULL;
    memcpy(word, name, bytes);
    word[bytes] = '\0';
    if (mli_json_typeof(value) == MLI_JSON_OBJECT)
        return mli_json_get(value, word);
    size_t index = strtoul(word, &end, 10);
    return *end == '\0' && bytes > 0 ? mli_json_at(value, index) : NULL;
}

int main(int argc, char **argv)
{
    static char text[8 * 1024 * 1024];
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_json *root = NULL;
    mli_buf out;
    size_t bytes = fread(text, 1, sizeof text, stdin);
    if (mli_json_parse(text, bytes, sizeof text, &root, &err) != MODELLAB_OK) {
        fprintf(stderr, "json_get: %s\n", err.message);
        return 1;
    }
    const mli_json *value = root;
    for (const char *at = argc > 1 ? argv[1] : ""; *at != '\0' && value != NULL;) {
        size_t n = strcspn(at, ".");
        if (mli_json_typeof(value) == MLI_JSON_ARRAY && n == 5 && memcmp(at, "count", 5) == 0) {
            printf("%zu\n", mli_json_count(value));
            mli_json_free(root);
            return 0;
        }
        value = step(value, at, n);
        at += n + (at[n] == '.');
    }
    int code = value == NULL ? 3 : 0;
    mli_buf_init(&out, NULL);
    if (value != NULL && mli_json_typeof(value) == MLI_JSON_STRING)
        mli_buf_append_text(&out, mli_json_string(value, ""));
    else if (value != NULL && mli_json_dump(value, &out, &err) != MODELLAB_OK)
        code = 1;
    if (code == 0)
        printf("%s\n", mli_buf_text(&out));
    mli_buf_dispose(&out);
    mli_json_free(root);
    return code;
}
