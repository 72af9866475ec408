/* The body, the tries and the reading of the answer. */
#include "remote/chat.h"

#include "base/error.h"
#include "base/str.h"
#include "os/clock.h"
#include "os/locale.h"
#include "remote/http.h"
#include "remote/http_post.h"
#include <string.h>

#define LOOK_MS 5
#define PULSE_MS 100

static void put_message(mli_jw *w, const char *role, const char *text)
{
    mli_jw_object(w);
    mli_jw_kstring(w, "role", role);
    mli_jw_kstring(w, "content", text);
    mli_jw_end_object(w);
}

static void write_body(const mli_chat_request *r, mli_buf *out)
{
    mli_jw w;

    mli_jw_init(&w, out);
    mli_jw_object(&w);
    mli_jw_kstring(&w, "model", r->model);
    mli_jw_key(&w, "messages");
    mli_jw_array(&w);
    put_message(&w, "system", r->system);
    put_message(&w, "user", r->user);
    mli_jw_end_array(&w);
    mli_jw_kint(&w, "temperature", 0);
    mli_jw_key(&w, "response_format");
    mli_jw_object(&w);
    mli_jw_kstring(&w, "type", "json_object");
    mli_jw_end_object(&w);
    mli_jw_end_object(&w);
}

static bool may_pass(modellab_status status, long http)
{
    return status == MODELLAB_E_NETWORK ||
           (status == MODELLAB_OK && (http == 408 || http == 409 || http == 425 || http == 429 ||
                                      (http >= 500 && http <= 599)));
}

MODELLAB_MUST_CHECK static modellab_status judge(long http, modellab_error *err)
{
    if (http == 401 || http == 403)
        return mli_fail_at(err, MODELLAB_E_PERMISSION, http,
                           "the service refused the key (HTTP %ld)", http);
    if (http != 200)
        return mli_fail_at(err, MODELLAB_E_REMOTE, http, "the service answered with HTTP %ld",
                           http);
    return MODELLAB_OK;
}

/* choices[0].message.content, and what was used. */
MODELLAB_MUST_CHECK static modellab_status read_answer(const mli_buf *body, mli_chat_answer *answer,
                                                       mli_buf *out, modellab_error *err)
{
    mli_json *root = NULL;
    modellab_status status =
        mli_json_parse(mli_buf_text(body), body->size, MLI_CHAT_MAX_ANSWER, &root, NULL);

    if (status == MODELLAB_E_NO_MEMORY)
        return mli_no_memory(err);
    if (status != MODELLAB_OK)
        return mli_fail(err, MODELLAB_E_REMOTE, "the service's answer is no JSON");
    const mli_json *usage = mli_json_get(root, "usage");
    const mli_json *choice = mli_json_at(mli_json_get(root, "choices"), 0);
    const mli_json *content = mli_json_get(mli_json_get(choice, "message"), "content");
    answer->tokens_in = mli_json_int(mli_json_get(usage, "prompt_tokens"), -1);
    answer->tokens_out = mli_json_int(mli_json_get(usage, "completion_tokens"), -1);
    mli_str_copy_shown(answer->model, sizeof answer->model,
                       mli_json_string(mli_json_get(root, "model"), ""));
    const char *finish = mli_json_string(mli_json_get(choice, "finish_reason"), "stop");
    if (content == NULL || mli_json_typeof(content) != MLI_JSON_STRING)
        status = mli_fail(err, MODELLAB_E_REMOTE, "the service's answer holds no completion");
    else if (strcmp(finish, "stop") != 0)
        status = mli_fail(err, MODELLAB_E_REMOTE, "the service did not complete its answer");
    else
        mli_buf_append(out, mli_json_string(content, ""), mli_json_string_bytes(content));
    mli_json_free(root);
    return status == MODELLAB_OK ? mli_buf_status(out, err) : status;
}

/* The wait before another try; -1 = there is none. Retry-After counts where it is longer. */
static int64_t wait_before(const mli_chat_request *r, int32_t tries, int64_t retry_after_ms)
{
    int64_t base = r->base_wait_ms > 0 ? r->base_wait_ms : 1000;
    int64_t most = r->max_wait_ms > 0 ? r->max_wait_ms : 60000, wait = base;

    if (tries >= (r->max_tries > 0 ? r->max_tries : 4) || retry_after_ms > most)
        return -1;
    for (int32_t i = 1; i < tries && wait < most; i++)
        wait *= 2;
    wait = wait < most ? wait : most;
    return retry_after_ms > wait ? retry_after_ms : wait;
}

MODELLAB_MUST_CHECK static modellab_status sleep_ms(const mli_chat_request *r, int64_t ms,
                                                    modellab_error *err)
{
    for (int64_t done = 0; done < ms; done += LOOK_MS) {
        if (mli_cancelled(r->cancel))
            return mli_fail(err, MODELLAB_E_CANCELLED, "cancelled");
        if (r->pulse != NULL && done % PULSE_MS == 0)
            r->pulse(r->user_data);
        (void)mli_os_system_clock.sleep_ns(mli_os_system_clock.user,
                                           (ms - done < LOOK_MS ? ms - done : LOOK_MS) * 1000000);
    }
    return MODELLAB_OK;
}

/* One try: with leave, and counted. */
MODELLAB_MUST_CHECK static modellab_status
try_once(const mli_chat_request *r, const mli_http_post_request *post, mli_chat_answer *answer,
         mli_http_post_answer *http, mli_buf *body, mli_buf *out, modellab_error *err)
{
    *http = (mli_http_post_answer){.retry_after_ms = -1};
    modellab_status status = r->leave != NULL ? r->leave(r->user_data, err) : MODELLAB_OK;
    if (status != MODELLAB_OK)
        return status;
    answer->tries++;
    answer->tokens_in = answer->tokens_out = -1;
    mli_buf_clear(body);
    status = mli_http_post(post, http, body, err);
    if (status == MODELLAB_OK && http->status == 200)
        status = read_answer(body, answer, out, err);
    if (r->made != NULL)
        r->made(r->user_data, http->sent, answer->tokens_in, answer->tokens_out);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status run(const mli_chat_request *r,
                                               mli_http_post_request *post, mli_chat_answer *answer,
                                               mli_buf *out, modellab_error *err)
{
    mli_buf body;
    modellab_status status;

    mli_buf_init(&body, out->alloc);
    for (;;) {
        mli_http_post_answer http;
        int32_t before = answer->tries;
        status = try_once(r, post, answer, &http, &body, out, err);
        bool tried = answer->tries > before;
        int64_t wait = tried && may_pass(status, http.status)
                           ? wait_before(r, answer->tries, http.retry_after_ms)
                           : -1;
        if (wait < 0) {
            status = status == MODELLAB_OK ? judge(http.status, err) : status;
            break;
        }
        mli_error_clear(err);
        status = sleep_ms(r, wait, err);
        if (status != MODELLAB_OK)
            break;
    }
    mli_buf_dispose(&body);
    return status;
}

modellab_status mli_chat_complete(const mli_chat_request *r, mli_chat_answer *answer, mli_buf *out,
                                  modellab_error *err)
{
    char url[MLI_HTTP_URL_MAX], id[192], trace[96];
    mli_buf body;

    *answer = (mli_chat_answer){.tokens_in = -1, .tokens_out = -1};
    size_t base = strlen(r->base_url);
    int n = mli_os_format(url, sizeof url, "%s%schat/completions", r->base_url,
                          base > 0 && r->base_url[base - 1] == '/' ? "" : "/");
    if (n < 0 || (size_t)n >= sizeof url)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "the address of the service is too long");
    mli_buf_init(&body, out->alloc);
    write_body(r, &body);
    modellab_status status = mli_buf_status(&body, err);
    if (status == MODELLAB_OK) {
        mli_http_post_request post = {.url = url,
                                      .bearer = r->key,
                                      .body = body.data,
                                      .bytes = body.size,
                                      .max_bytes = MLI_CHAT_MAX_ANSWER,
                                      .total_ms = r->timeout_ms,
                                      .cancel = r->cancel,
                                      .pulse = r->pulse,
                                      .user_data = r->user_data};
        if (r->request_id != NULL &&
            mli_os_format(id, sizeof id, "X-Request-Id: %s", r->request_id) > 0)
            post.headers[0] = id;
        if (r->traceparent != NULL &&
            mli_os_format(trace, sizeof trace, "traceparent: %s", r->traceparent) > 0)
            post.headers[1] = trace;
        status = run(r, &post, answer, out, err);
    }
    mli_buf_dispose(&body);
    return status;
}
