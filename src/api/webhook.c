/* modellab_webhook and modellab_delivery: being told of events. */
#include "api/buffer.h"
#include "base/error.h"
#include "base/hmac.h"
#include "base/sized.h"
#include "lab/webhooks.h"
#include <string.h>

#define MOST_DELIVERIES 1000
#define USUAL_DELIVERIES 100

void modellab_webhook_options_init(modellab_webhook_options *options, size_t size)
{
    const modellab_webhook_options init = MODELLAB_WEBHOOK_OPTIONS_INIT;

    mli_sized_init(options, size, &init, sizeof init);
}

/* The lab may be used, and what is needed was given. */
MODELLAB_MUST_CHECK static modellab_status
check(const modellab_lab *lab, bool writes, const void *one, const void *other, modellab_error *err)
{
    modellab_status status = mli_lab_check(lab, writes, err);

    if (status == MODELLAB_OK && (one == NULL || other == NULL))
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "arguments must not be NULL");
    return status;
}

modellab_status modellab_webhook_create(modellab_lab *lab, const modellab_webhook_options *options,
                                        char id[MODELLAB_KEY_ID_BYTES], modellab_buffer **secret,
                                        modellab_error *err)
{
    modellab_webhook_options full = MODELLAB_WEBHOOK_OPTIONS_INIT;
    char made[MODELLAB_WEBHOOK_SECRET_MAX + 1] = "";
    modellab_buffer *room = NULL;
    mli_webhook_settings settings;
    modellab_status status = check(lab, true, id, secret, err);

    if (secret != NULL)
        *secret = NULL;
    if (id != NULL)
        id[0] = '\0';
    if (status == MODELLAB_OK)
        status = mli_sized_in(&full, sizeof full,
                              MLI_SIZE_UP_TO(modellab_webhook_options, reserved), options, err);
    if (status == MODELLAB_OK)
        status = mli_webhook_settings_read(lab, &settings, err);
    if (status == MODELLAB_OK) /* before it is stored: one that is not told would be lost */
        status = mli_buffer_from_bytes(lab->alloc, made, sizeof made - 1, &room, err);
    if (status == MODELLAB_OK)
        status = mli_webhook_create(lab, &settings, &full, id, made, err);
    if (status == MODELLAB_OK) {
        room->size = strlen(made);
        memcpy(room->data, made, room->size + 1);
        *secret = room;
    } else {
        modellab_buffer_destroy(room);
        if (id != NULL)
            id[0] = '\0';
    }
    mli_wipe(made, sizeof made);
    return status;
}

modellab_status modellab_webhook_delete(modellab_lab *lab, const char *id, modellab_error *err)
{
    modellab_status status = check(lab, true, id, id, err);

    return status == MODELLAB_OK ? mli_webhook_delete(lab, id, err) : status;
}

modellab_status modellab_webhook_enable(modellab_lab *lab, const char *id, modellab_error *err)
{
    modellab_status status = check(lab, true, id, id, err);

    return status == MODELLAB_OK ? mli_webhook_enable(lab, id, err) : status;
}

modellab_status modellab_webhook_test(modellab_lab *lab, const char *id,
                                      char delivery_id[MODELLAB_KEY_ID_BYTES], modellab_error *err)
{
    modellab_status status = check(lab, true, id, delivery_id, err);

    if (delivery_id != NULL)
        delivery_id[0] = '\0';
    if (status == MODELLAB_OK)
        status = mli_webhook_test(lab, id, delivery_id, err);
    return status;
}

modellab_status modellab_webhook_list_load(modellab_lab *lab, const char *id,
                                           modellab_webhook_list **out, modellab_error *err)
{
    modellab_status status = check(lab, false, out, out, err);

    if (out != NULL)
        *out = NULL;
    return status == MODELLAB_OK ? mli_webhook_list_load(lab, id, out, err) : status;
}

void modellab_webhook_list_unref(modellab_webhook_list *list)
{
    mli_webhook_list_unref(list);
}

size_t modellab_webhook_list_count(const modellab_webhook_list *list)
{
    return list == NULL ? 0 : list->rows->count;
}

static int64_t or_zero(int64_t time_ms)
{
    return time_ms > 0 ? time_ms : 0;
}

modellab_status modellab_webhook_list_at(const modellab_webhook_list *list, size_t index,
                                         modellab_webhook_info *out, modellab_error *err)
{
    modellab_webhook_info full = {.size = sizeof full};

    if (list == NULL || out == NULL)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "arguments must not be NULL");
    if (index >= list->rows->count)
        return mli_fail(err, MODELLAB_E_NOT_FOUND, "there is no webhook with this index");
    const mli_webhook_row *row = &list->rows->rows[index];
    full.id = row->id;
    full.url = row->url;
    full.events = row->kinds;
    full.user = row->user;
    full.disabled_why = row->disabled_why;
    full.every_user = row->every_user;
    full.created_ms = row->created_ms;
    full.disabled_ms = or_zero(row->disabled_ms);
    full.failures = row->failures;
    return mli_sized_out(out, &full, sizeof full, MLI_SIZE_UP_TO(modellab_webhook_info, failures),
                         err);
}

modellab_status modellab_delivery_list_load(modellab_lab *lab, const char *webhook_id,
                                            const char *id, const char *before, int32_t limit,
                                            modellab_delivery_list **out, modellab_error *err)
{
    modellab_status status = check(lab, false, webhook_id, out, err);

    if (out != NULL)
        *out = NULL;
    if (status == MODELLAB_OK && (limit < 0 || limit > MOST_DELIVERIES))
        status = mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "the limit is 1 to 1000");
    return status == MODELLAB_OK
               ? mli_delivery_list_load(lab, webhook_id, id, before,
                                        limit > 0 ? limit : USUAL_DELIVERIES, out, err)
               : status;
}

void modellab_delivery_list_unref(modellab_delivery_list *list)
{
    mli_delivery_list_unref(list);
}

size_t modellab_delivery_list_count(const modellab_delivery_list *list)
{
    return list == NULL ? 0 : list->rows->count;
}

modellab_status modellab_delivery_list_at(const modellab_delivery_list *list, size_t index,
                                          modellab_delivery_info *out, modellab_error *err)
{
    static const char *const states[] = {"", "pending", "delivered", "failed"};
    modellab_delivery_info full = {.size = sizeof full};

    if (list == NULL || out == NULL)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "arguments must not be NULL");
    if (index >= list->rows->count)
        return mli_fail(err, MODELLAB_E_NOT_FOUND, "there is no delivery with this index");
    const mli_delivery_row *row = &list->rows->rows[index];
    const bool pending = row->state == MLI_DELIVERY_WAITING;
    full.id = row->id;
    full.webhook_id = row->webhook_id;
    full.event = row->kind;
    full.run_id = row->run_id;
    full.state = row->state >= 1 && row->state <= 3 ? states[row->state] : "failed";
    full.message = row->message;
    full.attempts = row->attempts;
    full.http_status = row->http_status;
    full.created_ms = row->created_ms;
    full.ended_ms = pending ? 0 : or_zero(row->ended_ms);
    full.due_ms = pending ? or_zero(row->due_ms) : 0;
    return mli_sized_out(out, &full, sizeof full, MLI_SIZE_UP_TO(modellab_delivery_info, due_ms),
                         err);
}

modellab_status modellab_webhook_sender_start(modellab_lab *lab, modellab_webhook_sender **out,
                                              modellab_error *err)
{
    modellab_status status = check(lab, true, out, out, err);

    if (out != NULL)
        *out = NULL;
    return status == MODELLAB_OK ? mli_webhook_sender_start(lab, out, err) : status;
}

void modellab_webhook_sender_stop(modellab_webhook_sender *sender)
{
    mli_webhook_sender_stop(sender);
}
