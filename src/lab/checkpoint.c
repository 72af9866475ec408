/* The chain of finished windows, gathered from the lines of a journal. */
#include "lab/checkpoint.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"
#include <string.h>

void mli_checkpoint_chain_init(mli_checkpoint_chain *chain, const modellab_allocator *alloc)
{
    memset(chain, 0, sizeof(*chain));
    chain->alloc = alloc;
    chain->most_bytes = MLI_CHECKPOINT_BYTES_MOST;
    mli_buf_init(&chain->text, alloc);
}

void mli_checkpoint_chain_dispose(mli_checkpoint_chain *chain)
{
    mli_buf_dispose(&chain->text);
    mli_free(chain->alloc, chain->windows);
    chain->windows = NULL;
    chain->count = chain->capacity = 0;
}

static int64_t int_of(const mli_json *object, const char *key)
{
    return mli_json_int(mli_json_get(object, key), -1);
}

/* Whether the window continues the chain, or replaces it from its place on. */
static bool fits(const mli_checkpoint_chain *chain, const char *key, int64_t window, int64_t from,
                 int64_t to)
{
    if (strlen(key) != 64 || window < 0 || from < 0 || to <= from) {
        return false;
    }
    if (window == 0) {
        return from == 0;
    }
    return strcmp(chain->key, key) == 0 && (uint64_t)window <= chain->count &&
           chain->windows[window - 1].to == from;
}

MODELLAB_MUST_CHECK static modellab_status
add_window(mli_checkpoint_chain *chain, const mli_checkpoint_window *added, modellab_error *err)
{
    if (chain->count == chain->capacity) {
        size_t wanted = chain->capacity == 0 ? 32 : chain->capacity * 2;
        mli_checkpoint_window *grown =
            mli_realloc_array(chain->alloc, chain->windows, wanted, sizeof(*grown));
        if (grown == NULL) {
            return mli_no_memory(err);
        }
        chain->windows = grown;
        chain->capacity = wanted;
    }
    chain->windows[chain->count++] = *added;
    return MODELLAB_OK;
}

modellab_status mli_checkpoint_take(mli_checkpoint_chain *chain, const mli_journal_line *line,
                                    modellab_error *err)
{
    const mli_json *o = line->object;
    const char *key = mli_json_string(mli_json_get(o, "key"), "");
    int64_t window = int_of(o, "window");
    mli_checkpoint_window added = {.from = int_of(o, "from"), .to = int_of(o, "to")};
    if (strcmp(line->type, MLI_RESUMED_TYPE) == 0) {
        chain->is_own = chain->is_own || line->fence > 0;
        return MODELLAB_OK;
    }
    if (strcmp(line->type, MLI_CHECKPOINT_TYPE) != 0 ||
        !fits(chain, key, window, added.from, added.to)) {
        return MODELLAB_OK;
    }
    if ((size_t)window < chain->count) {
        chain->text.size = chain->windows[window].text;
        chain->count = (size_t)window;
    }
    chain->is_own = line->fence > 0 || (chain->is_own && strcmp(chain->key, key) == 0);
    (void)mli_str_copy(chain->key, sizeof(chain->key), key);
    added.text = chain->text.size;
    modellab_status status = mli_json_dump(o, &chain->text, err);
    if (status == MODELLAB_OK && chain->text.size > chain->most_bytes) {
        status = mli_fail(err, MODELLAB_E_LIMIT, "the finished windows are too many to be kept");
    }
    if (status != MODELLAB_OK) {
        return status;
    }
    added.text_bytes = chain->text.size - added.text;
    return add_window(chain, &added, err);
}

modellab_status mli_checkpoint_read(mli_checkpoint_chain *chain, const mli_os_files *files, int fd,
                                    int64_t fence, modellab_error *err)
{
    mli_journal_reader reader;
    mli_journal_line line;
    bool found = true;
    modellab_status status = MODELLAB_OK;
    mli_journal_reader_init(&reader, chain->alloc, files, fd);
    reader.most_fence = fence;
    while (status == MODELLAB_OK && found) {
        status = mli_journal_next(&reader, &line, &found, err);
        if (status == MODELLAB_OK && found) {
            status = mli_checkpoint_take(chain, &line, err);
        }
    }
    if (status == MODELLAB_E_STORE_CORRUPT) {
        mli_error_clear(err);
        status = MODELLAB_OK;
    }
    mli_journal_reader_dispose(&reader);
    return status;
}
