/* Writing and reading of the order. */
#include "lab/order.h"

#include "base/error.h"
#include "base/id.h"
#include "base/str.h"
#include "os/locale.h"
#include <string.h>

#define ORDER_VERSION 6
#define ROOM ((size_t)128 << 10) /* all but the request is less: a sheet of prices has 64 KiB */

#define FD_NAME_BYTES 24

/* "lock" ... , "result.0" ... , "offer.0" ... */
static const char *fd_name(int fd, char room[FD_NAME_BYTES])
{
    static const char *const single[MLI_ORDER_RESULTS] = {
        [MLI_ORDER_LOCK] = "lock",   [MLI_ORDER_JOURNAL] = "journal",
        [MLI_ORDER_PAGE] = "page",   [MLI_ORDER_ARTIFACTS] = "artifacts",
        [MLI_ORDER_LOG] = "log",     [MLI_ORDER_INPUT] = "input",
        [MLI_ORDER_MODEL] = "model", [MLI_ORDER_SPOOL] = "spool"};
    if (fd < MLI_ORDER_RESULTS) {
        return single[fd];
    }
    bool offer = fd >= MLI_ORDER_OFFERS;
    (void)mli_os_format(room, FD_NAME_BYTES, offer ? "offer.%d" : "result.%d",
                        fd - (offer ? MLI_ORDER_OFFERS : MLI_ORDER_RESULTS)); /* fits */
    return room;
}

/* A run cannot do without these. */
static bool has_needed(const mli_order *order)
{
    static const mli_order_fd needed[] = {MLI_ORDER_LOCK, MLI_ORDER_JOURNAL, MLI_ORDER_PAGE,
                                          MLI_ORDER_ARTIFACTS, MLI_ORDER_LOG};
    bool all = true;
    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
        all = all && order->has[needed[i]];
    }
    return all;
}

/* Behind the document and a zero byte, so that no reader of JSON ever has a copy of it. */
static void write_key(const char *key, mli_buf *out)
{
    mli_buf_append_char(out, '\0');
    mli_buf_append_text(out, key);
}

void mli_order_write(const mli_order *order, mli_buf *out)
{
    mli_jw w;
    bool secret = order->remote && order->remote_key != NULL && order->remote_key[0] != '\0';
    if (secret) { /* growing would leave copies of the key */
        size_t room = strlen(order->request_json) + ROOM + strlen(order->remote_key);
        if (mli_buf_extend(out, room) != NULL) {
            mli_buf_clear(out);
        }
    }
    mli_jw_init(&w, out);
    mli_jw_object(&w);
    mli_jw_kint(&w, "version", ORDER_VERSION);
    mli_jw_kstring(&w, "run_id", order->run_id);
    mli_jw_kstring(&w, "request_id", order->request_id);
    mli_jw_kstring(&w, "trace_id", order->trace_id);
    mli_jw_kstring(&w, "span_id", order->span_id);
    mli_jw_kstring(&w, "steps", order->steps);
    mli_jw_kstring(&w, "input_name", order->input_name);
    mli_jw_kstring(&w, "input_sha256", order->input_sha256);
    mli_jw_kstring(&w, "models_root", order->models_root);
    mli_jw_kint(&w, "fence", order->fence);
    mli_jw_kint(&w, "journal_next", order->journal.next_n);
    mli_jw_kstring(&w, "journal_chain", order->journal.chain);
    mli_jw_kint(&w, "limit_ms", order->limit_ms);
    mli_jw_kint(&w, "attempt", order->attempt);
    mli_jw_kint(&w, "threads", order->threads);
    mli_jw_kint(&w, "log_level", order->log_level);
    mli_jw_kbool(&w, "sandbox_off", order->sandbox_off);
    mli_jw_kbool(&w, "require_sandbox", order->require_sandbox);
    mli_jw_kint(&w, "address_bytes", order->address_bytes);
    if (order->remote) {
        mli_jw_key(&w, "remote");
        mli_jw_object(&w);
        mli_jw_kstring(&w, "url", order->remote_url);
        mli_jw_kstring(&w, "model", order->remote_model);
        mli_jw_kint(&w, "part_bytes", order->remote_part_bytes);
        if (order->price_json != NULL && order->price_json[0] != '\0') {
            mli_jw_key(&w, "prices");
            mli_jw_raw(&w, order->price_json, strlen(order->price_json));
        }
        mli_jw_end_object(&w);
    }
    mli_jw_key(&w, "outputs");
    mli_jw_array(&w);
    for (size_t i = 0; i < order->outputs.count; i++) {
        mli_jw_string(&w, order->outputs.names[i]);
    }
    mli_jw_end_array(&w);
    mli_jw_key(&w, "descriptors");
    mli_jw_array(&w);
    for (int i = 0; i < MLI_ORDER_FDS; i++) {
        char room[FD_NAME_BYTES];
        if (order->has[i]) {
            mli_jw_string(&w, fd_name(i, room));
        }
    }
    mli_jw_end_array(&w);
    mli_jw_key(&w, "request");
    mli_jw_raw(&w, order->request_json, strlen(order->request_json));
    mli_jw_end_object(&w);
    if (secret) {
        write_key(order->remote_key, out);
    }
}

static const char *text_of(const mli_json *root, const char *key)
{
    return mli_json_string(mli_json_get(root, key), "");
}

static int64_t number_of(const mli_json *root, const char *key)
{
    return mli_json_int(mli_json_get(root, key), 0);
}

static int32_t small_of(const mli_json *root, const char *key)
{
    int64_t value = number_of(root, key);
    return value < 0 ? 0 : value > 100000 ? 100000 : (int32_t)value;
}

/* None when there is a name that this version does not know, or one out of order: its descriptor
 * could not be told from the others. */
static void read_fds(const mli_json *names, bool has[MLI_ORDER_FDS])
{
    int next = 0;
    size_t count = names == NULL ? 0 : mli_json_count(names);
    memset(has, 0, MLI_ORDER_FDS * sizeof(has[0]));
    for (size_t i = 0; i < count; i++) {
        const char *name = mli_json_string(mli_json_at(names, i), "");
        char room[FD_NAME_BYTES];
        while (next < MLI_ORDER_FDS && strcmp(fd_name(next, room), name) != 0) {
            next++;
        }
        if (next == MLI_ORDER_FDS) {
            memset(has, 0, MLI_ORDER_FDS * sizeof(has[0]));
            return;
        }
        has[next++] = true;
    }
}

/* Too many, or one that is too long: there are none, and the descriptors do not fit. */
static void read_outputs(const mli_json *names, mli_outputs *out)
{
    size_t count = names == NULL ? 0 : mli_json_count(names);
    out->count = 0;
    for (size_t i = 0; count <= MLI_OUTPUTS_MOST && i < count; i++) {
        const char *name = mli_json_string(mli_json_at(names, i), "");
        if (mli_str_copy(out->names[i], MLI_OUTPUT_NAME_BYTES, name) >= MLI_OUTPUT_NAME_BYTES) {
            return;
        }
    }
    out->count = count <= MLI_OUTPUTS_MOST ? count : 0;
}

/* Each output has its file, and nothing else has one. */
static bool outputs_fit(const mli_order *order)
{
    for (int i = 0; i < MLI_OUTPUTS_MOST; i++) {
        bool named = (size_t)i < order->outputs.count;
        if (order->has[MLI_ORDER_RESULTS + i] != named ||
            (order->has[MLI_ORDER_OFFERS + i] && !named)) {
            return false;
        }
    }
    return true;
}

static void fill(const mli_json *root, mli_order *out)
{
    out->run_id = text_of(root, "run_id");
    out->request_id = text_of(root, "request_id");
    out->trace_id = text_of(root, "trace_id");
    out->span_id = text_of(root, "span_id");
    out->steps = text_of(root, "steps");
    out->input_name = text_of(root, "input_name");
    out->input_sha256 = text_of(root, "input_sha256");
    out->models_root = text_of(root, "models_root");
    out->remote = mli_json_get(root, "remote") != NULL;
    out->remote_url = text_of(mli_json_get(root, "remote"), "url");
    out->remote_part_bytes = number_of(mli_json_get(root, "remote"), "part_bytes");
    out->price_json = NULL;
    out->prices = mli_json_get(mli_json_get(root, "remote"), "prices");
    out->remote_key = NULL;
    out->remote_model = text_of(mli_json_get(root, "remote"), "model");
    out->request_json = NULL;
    out->request = mli_json_get(root, "request");
    out->fence = number_of(root, "fence");
    out->journal.next_n = number_of(root, "journal_next");
    (void)mli_str_copy(out->journal.chain, sizeof(out->journal.chain),
                       text_of(root, "journal_chain")); /* a wrong one is seen below */
    out->limit_ms = number_of(root, "limit_ms");
    out->attempt = small_of(root, "attempt");
    out->threads = small_of(root, "threads");
    out->log_level = small_of(root, "log_level");
    read_fds(mli_json_get(root, "descriptors"), out->has);
    read_outputs(mli_json_get(root, "outputs"), &out->outputs);
    out->sandbox_off = mli_json_bool(mli_json_get(root, "sandbox_off"), false);
    out->require_sandbox = mli_json_bool(mli_json_get(root, "require_sandbox"), false);
    out->address_bytes = number_of(root, "address_bytes");
}

/* What stands behind the document; false when it is too long. */
static bool take_key(const char *text, size_t bytes, size_t document, mli_order *out)
{
    size_t length = document < bytes ? bytes - document - 1 : 0;
    if (length >= sizeof(out->key)) {
        return false;
    }
    memcpy(out->key, text + bytes - length, length);
    out->key[length] = '\0';
    return true;
}

void mli_order_forget(mli_order *order)
{
    volatile char *key = order->key; /* no compiler may leave it out */
    for (size_t i = 0; i < sizeof(order->key); i++) {
        key[i] = 0;
    }
}

modellab_status mli_order_read(const char *text, size_t bytes, mli_order *out, mli_json **root,
                               modellab_error *err)
{
    *root = NULL;
    const char *end = bytes > 0 ? memchr(text, '\0', bytes) : NULL;
    size_t document = end != NULL ? (size_t)(end - text) : bytes;
    modellab_status status = mli_json_parse(text, document, MLI_ORDER_MAX_BYTES, root, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    fill(*root, out);
    const char *wrong = NULL;
    if (number_of(*root, "version") != ORDER_VERSION) {
        wrong = "version";
    } else if (!mli_ulid_valid(out->run_id)) {
        wrong = "run_id";
    } else if (out->steps[0] == '\0') {
        wrong = "steps";
    } else if (out->fence < 1 || out->journal.next_n < 1 ||
               strspn(out->journal.chain, "0123456789abcdef") != 64) {
        wrong = "fence";
    } else if (!has_needed(out) || !outputs_fit(out)) {
        wrong = "descriptors";
    } else if (!take_key(text, bytes, document, out)) {
        wrong = "key";
    } else if (out->request == NULL || mli_json_typeof(out->request) != MLI_JSON_OBJECT) {
        wrong = "request";
    }
    if (wrong != NULL) {
        mli_json_free(*root);
        *root = NULL;
        return mli_fail(err, MODELLAB_E_SCHEMA, "the order has no valid %s", wrong);
    }
    return MODELLAB_OK;
}
