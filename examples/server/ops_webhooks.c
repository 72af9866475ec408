/* Webhooks of the user of the key (of all users with scope admin), and their deliveries. */
#include "call.h"
#include "conditions.h"
#include "fields.h"
#include "problem.h"
#include "reply.h"
#include <stdio.h>
#include <string.h>

static json_t *text_or_null(const char *text)
{
    return text[0] != '\0' ? json_string(text) : json_null();
}

static json_t *webhook_json(const modellab_webhook_info *w)
{
    return json_pack("{s:s, s:s, s:o, s:s, s:b, s:o, s:b, s:o, s:o, s:I}", "id", w->id, "url",
                     w->url, "events", words_json(w->events), "user", w->user, "every_user",
                     w->every_user, "created_at", time_json(w->created_ms), "enabled",
                     w->disabled_ms == 0, "disabled_at", time_json(w->disabled_ms),
                     "disabled_reason", text_or_null(w->disabled_why), "failures",
                     (json_int_t)w->failures);
}

/* A key sees those that it could have made: with scope admin all, else its user's own. */
static bool may_see(const call *c, const modellab_webhook_info *w)
{
    return call_has_scope(c, "admin") || (!w->every_user && call_may_see(c, w->user));
}

/* The webhook of the path, as far as the key may see it; else 404 was replied. The list is new. */
static bool find(call *c, modellab_webhook_list **list, modellab_webhook_info *w)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_status status =
        modellab_webhook_list_load(call_lab(c), call_param(c, "id"), list, &err);
    if (status == MODELLAB_OK)
        status = modellab_webhook_list_at(*list, 0, w, &err);
    if (status == MODELLAB_OK && may_see(c, w))
        return true;
    modellab_webhook_list_unref(*list);
    *list = NULL;
    if (status == MODELLAB_OK)
        reply_problem(c, 404, "not-found", "there is no webhook of this id");
    else
        reply_error(c, status, &err, NULL);
    return false;
}

static void list_webhooks(call *c)
{
    modellab_webhook_list *list = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_status status = modellab_webhook_list_load(call_lab(c), NULL, &list, &err);
    if (status != MODELLAB_OK) {
        reply_error(c, status, &err, NULL);
        return;
    }
    json_t *all = json_array();
    for (size_t i = 0; all != NULL && i < modellab_webhook_list_count(list); i++) {
        modellab_webhook_info w = {.size = sizeof w};
        bool good = modellab_webhook_list_at(list, i, &w, &err) == MODELLAB_OK;
        if (good && !may_see(c, &w))
            continue;
        if (!good || json_array_append_new(all, webhook_json(&w)) != 0) {
            json_decref(all);
            all = NULL;
        }
    }
    modellab_webhook_list_unref(list);
    reply_page(c, all);
}

static void get_webhook(call *c)
{
    modellab_webhook_list *list = NULL;
    modellab_webhook_info w = {.size = sizeof w};
    if (!find(c, &list, &w))
        return;
    json_t *one = webhook_json(&w);
    modellab_webhook_list_unref(list);
    reply_json(c, 200, one);
}

static void reply_made(call *c, const char *id, modellab_buffer *owned)
{
    modellab_webhook_list *list = NULL;
    modellab_webhook_info w = {.size = sizeof w};
    modellab_error err = MODELLAB_ERROR_INIT;
    char path[80];
    modellab_status status = modellab_webhook_list_load(call_lab(c), id, &list, &err);
    if (status == MODELLAB_OK)
        status = modellab_webhook_list_at(list, 0, &w, &err);
    if (status != MODELLAB_OK) {
        reply_error(c, status, &err, NULL);
    } else {
        json_t *made = webhook_json(&w);
        if (made != NULL &&
            json_object_set_new(made, "secret", json_string(modellab_buffer_data(owned))) != 0) {
            json_decref(made);
            made = NULL;
        }
        (void)snprintf(path, sizeof path, "/api/v1/webhooks/%s", id);
        reply_location(c, path);
        reply_header(c, "Cache-Control", "no-store");
        reply_json(c, 201, made);
    }
    modellab_buffer_destroy(owned);
    modellab_webhook_list_unref(list);
}

static void create_webhook(call *c)
{
    static const char *const known[] = {"url", "events", "secret", "every_user", NULL};
    modellab_webhook_options options = MODELLAB_WEBHOOK_OPTIONS_INIT;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_buffer *secret = NULL;
    const json_t *every = json_object_get(call_json(c), "every_user");
    char id[MODELLAB_KEY_ID_BYTES], events[2100];
    int count;
    if (!fields_known(c, known) || !field_text(c, "url", 8, 2000, &options.url) ||
        !field_text(c, "secret", 16, 128, &options.secret) ||
        !field_words(c, "events", 32, events, sizeof events, &count))
        return;
    if (options.url == NULL) {
        reply_invalid(c, "/url", "this is needed");
        return;
    }
    if (every != NULL && !json_is_boolean(every)) {
        reply_invalid(c, "/every_user", "this is true or false");
        return;
    }
    if (json_is_true(every) && !call_has_scope(c, "admin")) {
        reply_problem(c, 403, "forbidden", "runs of other users need scope admin");
        return;
    }
    options.events = events;
    options.user = call_user(c);
    /* without keys nobody has a user: then it is about all runs */
    options.every_user = json_is_true(every) || call_key_id(c)[0] == '\0';
    modellab_status status = modellab_webhook_create(call_lab(c), &options, id, &secret, &err);
    if (status == MODELLAB_E_PERMISSION) /* of the address, not of who asks */
        reply_invalid(c, "/url", err.message);
    else if (status == MODELLAB_E_LIMIT)
        reply_problem(c, 409, "conflict", err.message);
    else if (status != MODELLAB_OK)
        reply_error(c, status, &err, NULL);
    else
        reply_made(c, id, secret);
}

static void delete_webhook(call *c)
{
    modellab_webhook_list *list = NULL;
    modellab_webhook_info w = {.size = sizeof w};
    modellab_error err = MODELLAB_ERROR_INIT;
    if (!find(c, &list, &w))
        return;
    if (!change_met_json(c, webhook_json(&w))) {
        modellab_webhook_list_unref(list);
        return;
    }
    modellab_status status = modellab_webhook_delete(call_lab(c), w.id, &err);
    modellab_webhook_list_unref(list);
    if (status != MODELLAB_OK)
        reply_error(c, status, &err, NULL);
    else
        reply_empty(c, 204);
}

static json_t *delivery_json(const modellab_delivery_info *d)
{
    return json_pack(
        "{s:s, s:s, s:s, s:o, s:s, s:I, s:o, s:o, s:o, s:o, s:o}", "id", d->id, "webhook_id",
        d->webhook_id, "event", d->event, "run_id", text_or_null(d->run_id), "status", d->state,
        "attempts", (json_int_t)d->attempts, "http_status",
        d->http_status > 0 ? json_integer(d->http_status) : json_null(), "message",
        text_or_null(d->message), "created_at", time_json(d->created_ms), "delivered_at",
        strcmp(d->state, "delivered") == 0 ? time_json(d->ended_ms) : json_null(),
        "next_attempt_at", time_json(d->due_ms));
}

static void test_webhook(call *c)
{
    modellab_webhook_list *list = NULL;
    modellab_delivery_list *deliveries = NULL;
    modellab_webhook_info w = {.size = sizeof w};
    modellab_delivery_info d = {.size = sizeof d};
    modellab_error err = MODELLAB_ERROR_INIT;
    char id[MODELLAB_KEY_ID_BYTES];
    if (!find(c, &list, &w))
        return;
    modellab_status status = modellab_webhook_test(call_lab(c), w.id, id, &err);
    if (status == MODELLAB_OK)
        status = modellab_delivery_list_load(call_lab(c), w.id, id, NULL, 1, &deliveries, &err);
    if (status == MODELLAB_OK)
        status = modellab_delivery_list_at(deliveries, 0, &d, &err);
    if (status == MODELLAB_OK)
        reply_json(c, 202, delivery_json(&d));
    else
        reply_error(c, status, &err, NULL);
    modellab_delivery_list_unref(deliveries);
    modellab_webhook_list_unref(list);
}

/* A page, of one more than its limit was asked for: is there a next one? */
static json_t *page_of(const modellab_delivery_list *list, int64_t limit)
{
    const size_t count = modellab_delivery_list_count(list);
    modellab_delivery_info d = {.size = sizeof d};
    json_t *items = json_array();
    char last[64] = "";
    for (size_t i = 0; items != NULL && i < count && i < (size_t)limit; i++) {
        if (modellab_delivery_list_at(list, i, &d, NULL) != MODELLAB_OK ||
            json_array_append_new(items, delivery_json(&d)) != 0) {
            json_decref(items);
            return NULL;
        }
        (void)snprintf(last, sizeof last, "%s", d.id);
    }
    return json_pack("{s:o, s:s?}", "items", items, "next_cursor",
                     count > (size_t)limit ? last : NULL);
}

static void list_deliveries(call *c)
{
    modellab_webhook_list *hooks = NULL;
    modellab_delivery_list *list = NULL;
    modellab_webhook_info w = {.size = sizeof w};
    modellab_error err = MODELLAB_ERROR_INIT;
    const char *cursor = call_query(c, "cursor");
    int64_t limit;
    if (!call_query_int(c, "limit", 1, 1000, 50, &limit) || !find(c, &hooks, &w))
        return;
    const int32_t asked = (int32_t)(limit < 1000 ? limit + 1 : 1000);
    modellab_status status =
        modellab_delivery_list_load(call_lab(c), w.id, NULL, cursor, asked, &list, &err);
    if (status == MODELLAB_E_NOT_FOUND && cursor != NULL)
        reply_invalid(c, "?cursor", "this is no cursor of this list");
    else if (status != MODELLAB_OK)
        reply_error(c, status, &err, NULL);
    else
        reply_json(c, 200, page_of(list, limit < 1000 ? limit : 999));
    modellab_delivery_list_unref(list);
    modellab_webhook_list_unref(hooks);
}

static const operation table[] = {
    {.id = "listWebhooks",
     .method = "GET",
     .path = "/api/v1/webhooks",
     .scope = "runs:read",
     .run = list_webhooks},
    {.id = "createWebhook",
     .method = "POST",
     .path = "/api/v1/webhooks",
     .scope = "runs:write",
     .body = BODY_JSON,
     .run = create_webhook},
    {.id = "getWebhook",
     .method = "GET",
     .path = "/api/v1/webhooks/{id}",
     .scope = "runs:read",
     .run = get_webhook},
    {.id = "deleteWebhook",
     .method = "DELETE",
     .path = "/api/v1/webhooks/{id}",
     .scope = "runs:write",
     .flags = OP_MATCHES,
     .run = delete_webhook},
    {.id = "testWebhook",
     .method = "POST",
     .path = "/api/v1/webhooks/{id}/test",
     .scope = "runs:write",
     .run = test_webhook},
    {.id = "listWebhookDeliveries",
     .method = "GET",
     .path = "/api/v1/webhooks/{id}/deliveries",
     .scope = "runs:read",
     .run = list_deliveries},
};
OPERATION_TABLE(ops_webhooks);
