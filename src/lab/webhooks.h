/* Webhooks: made and removed; deliveries of events to them; a thread that makes these. */
#ifndef MLI_LAB_WEBHOOKS_H
#define MLI_LAB_WEBHOOKS_H

#include "base/cancel.h"
#include "lab/lab.h"
#include "os/thread.h"
#include "remote/http_post.h"
#include "store/webhooks.h"
#include <modellab/webhook.h>

#define MLI_WEBHOOK_SECRET_BYTES 57

struct modellab_webhook_list {
    mli_lab *lab; /* referenced */
    mli_webhook_list *rows;
};

struct modellab_delivery_list {
    mli_lab *lab; /* referenced */
    mli_delivery_list *rows;
};

typedef modellab_status (*mli_webhook_post)(void *user, const mli_http_post_request *,
                                            mli_http_post_answer *, mli_buf *out, modellab_error *);

/* How deliveries are made. */
typedef struct mli_webhook_settings {
    mli_address_rule rule;
    int64_t attempts; /* of a delivery */
    int64_t base_ms;  /* before the second one; twice as long each time, an hour at most */
    mli_webhook_post post;
    void *user;
} mli_webhook_settings;

MODELLAB_MUST_CHECK modellab_status mli_webhook_settings_read(mli_lab *lab,
                                                              mli_webhook_settings *out,
                                                              modellab_error *err);
/* Delay after so many attempts that failed, without what is added by chance. Pure. */
int64_t mli_webhook_delay_ms(const mli_webhook_settings *settings, int64_t attempts);

/* `secret`: as given, or a new one. */
MODELLAB_MUST_CHECK modellab_status mli_webhook_create(
    mli_lab *lab, const mli_webhook_settings *settings, const modellab_webhook_options *options,
    char id[MLI_ULID_BYTES], char secret[MODELLAB_WEBHOOK_SECRET_MAX + 1], modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_webhook_test(mli_lab *lab, const char *id,
                                                     char delivery_id[MLI_ULID_BYTES],
                                                     modellab_error *err);
/* `user` NULL = of all. */
MODELLAB_MUST_CHECK modellab_status mli_webhook_list_load(mli_lab *lab, const char *id,
                                                          modellab_webhook_list **out,
                                                          modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_delivery_list_load(mli_lab *lab, const char *webhook_id,
                                                           const char *id, const char *before,
                                                           int32_t limit,
                                                           modellab_delivery_list **out,
                                                           modellab_error *err);

void mli_webhook_list_unref(modellab_webhook_list *list);
void mli_delivery_list_unref(modellab_delivery_list *list);

/* Deliveries of all events that have none yet. */
MODELLAB_MUST_CHECK modellab_status mli_webhook_gather(mli_lab *lab, const mli_cancel_word *cancel,
                                                       modellab_error *err);
/* Makes all that is due, one after the other. *next_ms: until the next one is; -1 = none waits. */
MODELLAB_MUST_CHECK modellab_status mli_webhook_round(mli_lab *lab,
                                                      const mli_webhook_settings *settings,
                                                      const mli_cancel_word *cancel,
                                                      int64_t *next_ms, modellab_error *err);

/* The thread. */
MODELLAB_MUST_CHECK modellab_status mli_webhook_sender_start(mli_lab *lab,
                                                             modellab_webhook_sender **out,
                                                             modellab_error *err);
void mli_webhook_sender_stop(modellab_webhook_sender *sender); /* NULL accepted */

#endif
