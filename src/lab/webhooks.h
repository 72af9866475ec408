/* Webhooks: made and removed; deliveries of events to them; a thread that makes these. */
#ifndef MLI_LAB_WEBHOOKS_H
#define MLI_LAB_WEBHOOKS_H

#include "base/cancel.h"
#include "lab/lab.h"
#include "os/thread.h"
#include "remote/http_post.h"
#include "store/rundir.h"
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
    char ca_file[MLI_PATH_BYTES]; /* trusted instead of the system's authorities; "" = these */
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
MODELLAB_MUST_CHECK modellab_status mli_webhook_delete(mli_lab *lab, const char *id,
                                                       modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_webhook_enable(mli_lab *lab, const char *id,
                                                       modellab_error *err);
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

/* How far a process has looked, beyond the cursors of the store: these move only with a delivery,
 * or when they are far behind. Confined to one thread at a time. */
typedef struct mli_webhook_seen {
    char id[MLI_ULID_BYTES];
    int64_t stored, looked; /* the cursor that `looked` goes on from */
} mli_webhook_seen;

typedef struct mli_webhook_memory {
    const modellab_allocator *alloc;
    mli_webhook_seen *items;
    size_t count;
    int64_t end; /* all webhooks have looked at the events up to here; 0 = not known */
} mli_webhook_memory;

void mli_webhook_memory_init(mli_webhook_memory *memory, const modellab_allocator *alloc);
void mli_webhook_memory_dispose(mli_webhook_memory *memory);

/* Deliveries of all events that have none yet. */
MODELLAB_MUST_CHECK modellab_status mli_webhook_gather(mli_lab *lab, mli_webhook_memory *memory,
                                                       const mli_cancel_word *cancel,
                                                       modellab_error *err);
/* The next delivery that is due, for this process (NULL = there is none; then *next_ms is how long
 * until there is one, -1 = none waits). `fresh` as in the store. */
MODELLAB_MUST_CHECK modellab_status mli_webhook_take(mli_lab *lab, bool fresh,
                                                     mli_delivery_list **out, int64_t *next_ms,
                                                     modellab_error *err);
/* One attempt of what was taken. */
MODELLAB_MUST_CHECK modellab_status mli_webhook_deliver(mli_lab *lab,
                                                        const mli_webhook_settings *settings,
                                                        const mli_delivery_row *delivery,
                                                        const mli_cancel_word *cancel,
                                                        modellab_error *err);
/* An attempt that may hang: the last one did not arrive. */
bool mli_webhook_is_doubtful(const mli_delivery_row *delivery);
/* Makes all that is due, one after the other. *next_ms as above; 0 = it was broken off. */
MODELLAB_MUST_CHECK modellab_status mli_webhook_round(mli_lab *lab,
                                                      const mli_webhook_settings *settings,
                                                      mli_webhook_memory *memory,
                                                      const mli_cancel_word *cancel,
                                                      int64_t *next_ms, modellab_error *err);

/* The threads: one that looks, and as many that deliver as are needed. */
enum {
    MLI_WEBHOOK_AT_ONCE = 8, /* deliveries, of as many webhooks */
    MLI_WEBHOOK_DOUBTFUL = 4 /* of them those that may hang */
};
MODELLAB_MUST_CHECK modellab_status mli_webhook_sender_start(mli_lab *lab,
                                                             modellab_webhook_sender **out,
                                                             modellab_error *err);
MODELLAB_MUST_CHECK modellab_status
mli_webhook_sender_start_with(mli_lab *lab, const mli_webhook_settings *settings,
                              modellab_webhook_sender **out, modellab_error *err);
void mli_webhook_sender_stop(modellab_webhook_sender *sender); /* NULL accepted */

#endif
