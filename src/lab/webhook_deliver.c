/* Making deliveries: attempts, each a signed POST to exactly the address that
 * was decided on. A delivery that is taken is leased: who dies on the way has it made again by the
 * next one, so that each arrives at least once. */
#include "base/error.h"
#include "base/signature.h"
#include "base/str.h"
#include "base/trace.h"
#include "lab/tally.h"
#include "lab/webhooks.h"
#include "log/logger.h"
#include "os/locale.h"
#include <string.h>

#define CONNECT_MS 5000
#define TOTAL_MS 10000
#define LEASE_MS 30000
#define ANSWER_BYTES 65536 /* is read and thrown away */
#define MOST_LOST 3        /* deliveries in a row: then it is dead */
#define KEPT_MS ((int64_t)7 * 24 * 3600 * 1000)
#define LONGEST_WAIT_MS 3600000
#define ROUND 200 /* deliveries, before the events are looked at again */

typedef struct headers {
    char signature[MODELLAB_SIGNATURE_BYTES + 32];
    char kind[96], id[64], request_id[160], trace[MLI_TRACE_PARENT_BYTES + 16];
} headers;

static void fill_headers(mli_lab *lab, const mli_delivery_row *d, headers *h,
                         mli_http_post_request *request)
{
    char signature[MODELLAB_SIGNATURE_BYTES];
    mli_trace_parent parent = {.flags = 1};
    size_t n = 0;

    mli_signature_write(d->secret, mli_lab_now_ms(lab) / 1000, d->body, strlen(d->body), signature);
    (void)mli_os_format(h->signature, sizeof h->signature, "Modellab-Signature: %s", signature);
    (void)mli_os_format(h->kind, sizeof h->kind, "Modellab-Event: %s", d->kind);
    (void)mli_os_format(h->id, sizeof h->id, "Modellab-Delivery: %s", d->id);
    request->headers[n++] = h->signature;
    request->headers[n++] = h->kind;
    request->headers[n++] = h->id;
    if (mli_request_id_valid(d->request_id)) {
        (void)mli_os_format(h->request_id, sizeof h->request_id, "X-Request-Id: %s", d->request_id);
        request->headers[n++] = h->request_id;
    }
    if (strlen(d->trace_id) == 32 && mli_span_id_new(lab->os.random, parent.span_id) == 0) {
        char text[MLI_TRACE_PARENT_BYTES];
        memcpy(parent.trace_id, d->trace_id, sizeof parent.trace_id);
        mli_trace_parent_write(&parent, text);
        (void)mli_os_format(h->trace, sizeof h->trace, "traceparent: %s", text);
        request->headers[n++] = h->trace;
    }
}

/* Up to a tenth more, so that many do not come back at the same moment. */
static int64_t with_chance(mli_lab *lab, int64_t delay_ms)
{
    uint16_t chance = 0;

    if (lab->os.random->fill(lab->os.random->user, &chance, sizeof chance) != 0)
        chance = 0; /* only spreads them */
    return delay_ms + delay_ms / 10 * chance / 65536;
}

/* What an attempt means for its delivery and its webhook. */
static void judge(mli_lab *lab, const mli_webhook_settings *settings, const mli_delivery_row *d,
                  const mli_http_post_answer *answer, modellab_status status,
                  const modellab_error *why, char message[160], mli_delivery_end *end)
{
    int64_t delay_ms = mli_webhook_delay_ms(settings, d->attempts);

    end->http_status = answer->status;
    end->message = message;
    message[0] = '\0';
    if (answer->status >= 200 && answer->status < 300) {
        end->state = MLI_DELIVERY_DONE;
        return;
    }
    if (answer->status >= 300 && answer->status < 400)
        mli_str_copy(message, 160, "it redirects, which is not followed");
    else if (answer->status > 0)
        (void)mli_os_format(message, 160, "it answered with HTTP %ld", answer->status);
    else
        mli_str_copy(message, 160, why->message);
    end->state = MLI_DELIVERY_WAITING;
    if (answer->status == 410)
        end->disable_why = "it answered with HTTP 410: it is gone for good";
    if (status == MODELLAB_E_CANCELLED) {
        end->due_ms = end->now_ms; /* our own end: the next one makes it */
        return;
    }
    if (d->attempts >= settings->attempts || end->disable_why != NULL) {
        end->state = MLI_DELIVERY_FAILED;
        return;
    }
    if (answer->retry_after_ms > delay_ms)
        delay_ms =
            answer->retry_after_ms < LONGEST_WAIT_MS ? answer->retry_after_ms : LONGEST_WAIT_MS;
    end->due_ms = end->now_ms + with_chance(lab, delay_ms);
}

static void tell(mli_lab *lab, const mli_delivery_row *d, const mli_delivery_end *end,
                 const char *detail, bool disabled)
{
    const bool done = end->state == MLI_DELIVERY_DONE;
    const bool again = end->state == MLI_DELIVERY_WAITING;

    mli_log(lab->logger, done ? MODELLAB_LOG_INFO : MODELLAB_LOG_WARN,
            done                                 ? "webhook.delivered"
            : end->state == MLI_DELIVERY_WAITING ? "webhook.try_again"
                                                 : "webhook.lost",
            end->message,
            MLI_LOG_FIELDS(
                mli_log_string("webhook_id", d->webhook_id), mli_log_string("delivery_id", d->id),
                mli_log_string("kind", d->kind), mli_log_string("of_run", d->run_id),
                mli_log_string("of_request", d->request_id), mli_log_int("attempt", d->attempts),
                mli_log_int("http_status", end->http_status), mli_log_string("detail", detail)));
    mli_tally_add(lab, "webhook_deliveries_total",
                  done    ? "delivered"
                  : again ? "again"
                          : "failed",
                  1);
    if (disabled)
        mli_log(lab->logger, MODELLAB_LOG_ERROR, "webhook.disabled",
                end->disable_why != NULL ? end->disable_why : end->why_failures,
                MLI_LOG_FIELDS(mli_log_string("webhook_id", d->webhook_id)));
}

modellab_status mli_webhook_deliver(mli_lab *lab, const mli_webhook_settings *settings,
                                    const mli_delivery_row *d, const mli_cancel_word *cancel,
                                    modellab_error *err)
{
    mli_http_post_answer answer = {.retry_after_ms = -1, .not_told = ""};
    mli_http_post_request request = {.url = d->url,
                                     .rule = &settings->rule,
                                     .ca_file =
                                         settings->ca_file[0] != '\0' ? settings->ca_file : NULL,
                                     .body = d->body,
                                     .bytes = strlen(d->body),
                                     .max_bytes = ANSWER_BYTES,
                                     .connect_ms = CONNECT_MS,
                                     .total_ms = TOTAL_MS,
                                     .cancel = cancel};
    modellab_error why = MODELLAB_ERROR_INIT;
    char message[160];
    bool disabled = false;
    headers h;
    mli_buf ignored;

    fill_headers(lab, d, &h, &request);
    mli_buf_init(&ignored, lab->alloc);
    modellab_status status = settings->post(settings->user, &request, &answer, &ignored, &why);
    mli_buf_dispose(&ignored);
    mli_delivery_end end = {.seq = d->seq,
                            .attempts = d->attempts,
                            .webhook_id = d->webhook_id,
                            .now_ms = mli_lab_now_ms(lab),
                            .most_failures = MOST_LOST,
                            .why_failures = "its last deliveries failed, each with all attempts"};
    end.forget_before_ms = end.now_ms - KEPT_MS;
    judge(lab, settings, d, &answer, status, &why, message, &end);
    status = mli_store_delivery_end(lab->store, &end, &disabled, err);
    if (status == MODELLAB_OK)
        tell(lab, d, &end, answer.not_told != NULL ? answer.not_told : "", disabled);
    return status;
}

bool mli_webhook_is_doubtful(const mli_delivery_row *delivery)
{
    return delivery->attempts > 1 || delivery->failures > 0;
}

modellab_status mli_webhook_take(mli_lab *lab, bool fresh, mli_delivery_list **out,
                                 int64_t *next_ms, modellab_error *err)
{
    const int64_t now_ms = mli_lab_now_ms(lab);
    int64_t due_ms = -1;
    modellab_status status =
        mli_store_delivery_take(lab->store, now_ms, now_ms + LEASE_MS, fresh, out, &due_ms, err);

    *next_ms = due_ms < 0 ? -1 : due_ms > now_ms ? due_ms - now_ms : 0;
    if (status == MODELLAB_OK && (*out)->count == 0) {
        mli_delivery_list_free(*out);
        *out = NULL;
    }
    return status;
}

modellab_status mli_webhook_round(mli_lab *lab, const mli_webhook_settings *settings,
                                  mli_webhook_memory *memory, const mli_cancel_word *cancel,
                                  int64_t *next_ms, modellab_error *err)
{
    modellab_status status = mli_webhook_gather(lab, memory, cancel, err);

    *next_ms = 0; /* broken off: at once */
    for (int i = 0; status == MODELLAB_OK && i < ROUND && !mli_cancelled(cancel); i++) {
        mli_delivery_list *taken = NULL;
        int64_t due_ms = -1;
        status = mli_webhook_take(lab, false, &taken, &due_ms, err);
        if (status == MODELLAB_OK && taken == NULL) {
            *next_ms = due_ms;
            return status;
        }
        if (status == MODELLAB_OK)
            status = mli_webhook_deliver(lab, settings, &taken->rows[0], cancel, err);
        mli_delivery_list_free(taken);
    }
    return status;
}
