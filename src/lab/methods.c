/* The JSON of a run's methods. */
#include "lab/methods.h"

#include "base/json.h"
#include "os/locale.h"
#include <string.h>

/* Is `word` one of the names of "a+b"? */
static bool names(const char *list, const char *word)
{
    size_t bytes = strlen(word);
    for (const char *at = list; *at != '\0';) {
        size_t length = strcspn(at, "+");
        if (length == bytes && memcmp(at, word, bytes) == 0) {
            return true;
        }
        at += length + (at[length] == '+');
    }
    return false;
}

static void put(mli_jw *w, const char *key, const char *method, const mli_json *earlier)
{
    char both[96];
    const char *before = mli_json_string(mli_json_get(earlier, key), "");
    mli_jw_key(w, key);
    if (method == NULL) {
        method = MLI_METHOD_ABSENT;
    }
    if (before[0] == '\0' || names(before, method)) {
        mli_jw_string(w, before[0] == '\0' ? method : before);
        return;
    }
    int n = mli_os_format(both, sizeof both, "%s+%s", before, method);
    mli_jw_string(w, n > 0 && (size_t)n < sizeof both ? both : method);
}

void mli_methods_write(const mli_methods *methods, const char *earlier, mli_buf *out)
{
    mli_jw w;
    mli_json *before = NULL;
    /* Unreadable ones are as good as none. */
    if (earlier[0] != '\0' && mli_json_parse(earlier, strlen(earlier), MLI_JSON_MAX_BYTES, &before,
                                             NULL) != MODELLAB_OK) {
        before = NULL;
    }
    mli_jw_init(&w, out);
    mli_jw_object(&w);
    put(&w, "cpu_seconds", methods->cpu, before);
    put(&w, "gpu_seconds", methods->gpu, before);
    put(&w, "peak_memory_bytes", methods->memory, before);
    put(&w, "api_calls", methods->api_calls, before);
    put(&w, "audio_seconds", methods->audio, before);
    put(&w, "wall_seconds", methods->wall, before);
    mli_jw_end_object(&w);
    mli_json_free(before);
}
