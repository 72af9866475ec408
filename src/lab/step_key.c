/* Hashing what a result depends on: each value with its name and length, so that no two lists give
 * the same bytes. */
#include "lab/step_key.h"

#include "os/locale.h"
#include <string.h>

void mli_step_key_begin(mli_step_key *key, const char *step, int32_t version)
{
    char text[16];
    mli_sha256_init(&key->hash);
    (void)mli_os_format(text, sizeof(text), "%d", (int)version);
    mli_step_key_add(key, "step", step);
    mli_step_key_add(key, "version", text);
}

void mli_step_key_add(mli_step_key *key, const char *name, const char *value)
{
    char head[96];
    const char *text = value != NULL ? value : "";
    size_t bytes = strlen(text);
    int n = mli_os_format(head, sizeof(head), "%.64s=%zu:", name, bytes);
    mli_sha256_update(&key->hash, head, (size_t)n);
    mli_sha256_update(&key->hash, text, bytes);
    mli_sha256_update(&key->hash, "\n", 1);
}

static bool is_one_of(const char *const *names, const char *name)
{
    for (; *names != NULL; names++) {
        if (strcmp(*names, name) == 0) {
            return true;
        }
    }
    return false;
}

modellab_status mli_step_key_options(mli_step_key *key, const mli_json *options,
                                     const char *const *without, const modellab_allocator *alloc,
                                     modellab_error *err)
{
    const char *name = NULL;
    const mli_json *value = NULL;
    mli_buf text;
    modellab_status status = MODELLAB_OK;
    mli_buf_init(&text, alloc);
    mli_json_cursor at = mli_json_first(options);
    while (status == MODELLAB_OK && mli_json_next(&at, &name, &value)) {
        if (is_one_of(without, name)) {
            continue;
        }
        mli_buf_clear(&text);
        status = mli_json_dump(value, &text, err);
        mli_step_key_add(key, name, mli_buf_text(&text));
    }
    mli_buf_dispose(&text);
    return status;
}

void mli_step_key_end(mli_step_key *key, char out[65])
{
    mli_sha256_hex(&key->hash, out);
}
