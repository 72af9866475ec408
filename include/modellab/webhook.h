/* Webhooks: addresses that are told of events of runs by a signed POST (signature.h). Deliveries
 * are stored with the events that they are made of, tried again with growing delays, made again
 * when the process that makes them dies (so one may arrive twice: `id` tells), and go out in the
 * order of the events. A webhook whose deliveries fail for good is disabled. Where one may lead is
 * decided on the address that is connected to: https to hosts of the internet, and what
 * MODEL_LAB_WEBHOOK_ALLOW names. docs/webhooks.md. @since 0.1
 *
 * Example: examples/c/webhook.c */
#ifndef MODELLAB_WEBHOOK_H
#define MODELLAB_WEBHOOK_H

#include <modellab/key.h>

/** Longest secret. */
#define MODELLAB_WEBHOOK_SECRET_MAX 128

/** What a webhook is made of. Zero or NULL is the default. */
typedef struct modellab_webhook_options {
    size_t size;        /**< sizeof(modellab_webhook_options) */
    const char *url;    /**< https://... */
    const char *events; /**< types of events (event.h), separated by blanks or commas; NULL = all
                           that end a run */
    const char *user;   /**< of whose runs; NULL = "" */
    const char *secret; /**< 16 to 128 bytes; NULL = one is made */
    int32_t every_user; /**< 1: of the runs of all users */
    int32_t reserved;   /**< 0 */
} modellab_webhook_options;

#define MODELLAB_WEBHOOK_OPTIONS_INIT                                                              \
    {                                                                                              \
        sizeof(modellab_webhook_options), NULL, NULL, NULL, NULL, 0, 0                             \
    }

/** Webhooks, deliveries: immutable lists. */
typedef struct modellab_webhook_list modellab_webhook_list;
typedef struct modellab_delivery_list modellab_delivery_list;
/** Threads that make deliveries. */
typedef struct modellab_webhook_sender modellab_webhook_sender;

/** A webhook without its secret. Strings are borrowed from the list. */
typedef struct modellab_webhook_info {
    size_t size; /**< sizeof(modellab_webhook_info), set by the caller */
    const char *id;
    const char *url;
    const char *events; /**< separated by blanks; "" = all that end a run */
    const char *user;
    const char *disabled_why; /**< "" when it works */
    int32_t every_user;
    int32_t reserved;
    int64_t created_ms;
    int64_t disabled_ms; /**< 0 = it works */
    int64_t failures;    /**< deliveries that failed for good since the last one that arrived */
} modellab_webhook_info;

/** A delivery. Strings are borrowed from the list. */
typedef struct modellab_delivery_info {
    size_t size; /**< sizeof(modellab_delivery_info), set by the caller */
    const char *id;
    const char *webhook_id;
    const char *event;   /**< type of the event, or "test" */
    const char *run_id;  /**< "" of a test */
    const char *state;   /**< "pending", "delivered", "failed" */
    const char *message; /**< why the last attempt failed; "" = it did not */
    int64_t attempts;
    int64_t http_status; /**< of the last answer; 0 = none came */
    int64_t created_ms;
    int64_t ended_ms; /**< 0 = it is pending */
    int64_t due_ms;   /**< of the next attempt; 0 = there is none */
} modellab_delivery_info;

MODELLAB_BEGIN_DECLS

/** Fills the struct like its INIT macro, for callers without macros. `size` is the caller's sizeof.
 * @threads any @since 0.1 */
MODELLAB_API void modellab_webhook_options_init(modellab_webhook_options *options, size_t size);

/** Makes a webhook: it is told of events from now on.
 * @param[out] id      MODELLAB_KEY_ID_BYTES
 * @param[out] secret  that its deliveries are signed with; told this once. New
 * @errors E_INVALID_ARGUMENT (address, events, secret), E_PERMISSION (an address that may not be
 * reached), E_LIMIT (1000 webhooks), E_STORE_READ_ONLY, E_STORE_FAILED, E_BUSY, E_NO_SPACE,
 * E_NO_MEMORY @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_webhook_create(
    modellab_lab *lab, const modellab_webhook_options *options, char id[MODELLAB_KEY_ID_BYTES],
    modellab_buffer **secret, modellab_error *err);
/** Removes it with its deliveries. @errors E_NOT_FOUND, E_STORE_READ_ONLY, E_STORE_FAILED, E_BUSY,
 * E_NO_SPACE, E_NO_MEMORY @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_webhook_delete(modellab_lab *lab,
                                                                         const char *id,
                                                                         modellab_error *err);
/** Makes one that was disabled work again, for events from now on.
 * @errors as modellab_webhook_delete() @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_webhook_enable(modellab_lab *lab,
                                                                         const char *id,
                                                                         modellab_error *err);
/** Stores a delivery of type "test". @param[out] delivery_id MODELLAB_KEY_ID_BYTES
 * @errors as modellab_webhook_delete(), E_STATE (it is disabled) @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_webhook_test(modellab_lab *lab, const char *id, char delivery_id[MODELLAB_KEY_ID_BYTES],
                      modellab_error *err);

/** The webhooks of the lab in the order of their making.
 * @param id        NULL = all
 * @param[out] out  new; modellab_webhook_list_unref()
 * @errors E_NOT_FOUND (id), E_STORE_FAILED, E_NO_MEMORY @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_webhook_list_load(
    modellab_lab *lab, const char *id, modellab_webhook_list **out, modellab_error *err);
/** Gives a reference back; NULL is accepted. @threads any @since 0.1 */
MODELLAB_API void modellab_webhook_list_unref(modellab_webhook_list *list);
/** Number of items; 0 for NULL. @threads any @since 0.1 */
MODELLAB_API size_t modellab_webhook_list_count(const modellab_webhook_list *list);
/** Item at `index`; `out->size` must be set. @errors E_NOT_FOUND (index), E_ABI_TOO_SMALL
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_webhook_list_at(const modellab_webhook_list *list, size_t index,
                         modellab_webhook_info *out, modellab_error *err);

/** Deliveries of a webhook, newest first; those that have ended are kept for seven days.
 * @param id        this one alone; NULL = all
 * @param before    only those that are older than this one, to page on; NULL = from the newest
 * @param limit     1..1000; 0 = 100
 * @param[out] out  new; modellab_delivery_list_unref()
 * @errors E_NOT_FOUND (webhook, delivery), E_INVALID_ARGUMENT, E_STORE_FAILED, E_NO_MEMORY
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_delivery_list_load(
    modellab_lab *lab, const char *webhook_id, const char *id, const char *before, int32_t limit,
    modellab_delivery_list **out, modellab_error *err);
/** Gives a reference back; NULL is accepted. @threads any @since 0.1 */
MODELLAB_API void modellab_delivery_list_unref(modellab_delivery_list *list);
/** Number of items; 0 for NULL. @threads any @since 0.1 */
MODELLAB_API size_t modellab_delivery_list_count(const modellab_delivery_list *list);
/** Item at `index`; `out->size` must be set. @errors E_NOT_FOUND (index), E_ABI_TOO_SMALL
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_delivery_list_at(const modellab_delivery_list *list, size_t index,
                          modellab_delivery_info *out, modellab_error *err);

/** Starts threads that make deliveries: one that looks, and up to eight, as they are needed, each
 * at another webhook's. A supervisor that was started as a thread has one; hosts that step theirs,
 * or have none, start one beside it. Several in a lab share the work.
 * @param[out] out  new; modellab_webhook_sender_stop()
 * @errors E_INVALID_ARGUMENT (the configuration), E_STORE_READ_ONLY, E_NO_MEMORY, E_IO
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_webhook_sender_start(
    modellab_lab *lab, modellab_webhook_sender **out, modellab_error *err);
/** Breaks off what it is at (it is made again), joins it, frees it. NULL is accepted; in a forked
 * child it does nothing.
 * @threads confined @since 0.1 */
MODELLAB_API void modellab_webhook_sender_stop(modellab_webhook_sender *sender);

MODELLAB_END_DECLS
#endif
