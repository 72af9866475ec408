/* Keys: listed, made, rotated, revoked. Scope admin. */
#include "call.h"
#include "fields.h"
#include "problem.h"
#include "reply.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

#define LONGEST_SECONDS 315360000 /* ten years */
#define OVERLAP_SECONDS 2592000

static json_t *key_json(const modellab_key_info *k)
{
    return json_pack("{s:s, s:s, s:s, s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "id", k->id,
                     "name", k->name, "user", k->user, "scopes", words_json(k->scopes), "prefix",
                     k->hint, "state", k->state, "created_at", time_json(k->created_ms),
                     "expires_at", time_json(k->expires_ms), "rotated_at", time_json(k->rotated_ms),
                     "previous_until", time_json(k->previous_until_ms), "revoked_at",
                     time_json(k->revoked_ms), "last_used_at", time_json(k->used_ms));
}

static void list_keys(call *c)
{
    modellab_key_list *list = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_status status = modellab_key_list_load(call_lab(c), NULL, &list, &err);
    if (status != MODELLAB_OK) {
        reply_error(c, status, &err, NULL);
        return;
    }
    json_t *all = json_array();
    for (size_t i = 0; all != NULL && i < modellab_key_list_count(list); i++) {
        modellab_key_info k = {.size = sizeof k};
        if (modellab_key_list_at(list, i, &k, &err) != MODELLAB_OK ||
            json_array_append_new(all, key_json(&k)) != 0) {
            json_decref(all);
            all = NULL;
        }
    }
    modellab_key_list_unref(list);
    reply_page(c, all);
}

/* The key as it is now, with its secret, which is told this once. */
static void reply_secret(call *c, const char *id, modellab_buffer *owned)
{
    modellab_key_list *list = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_key_info k = {.size = sizeof k};
    char path[80];
    modellab_status status = modellab_key_list_load(call_lab(c), id, &list, &err);
    if (status == MODELLAB_OK)
        status = modellab_key_list_at(list, 0, &k, &err);
    if (status != MODELLAB_OK) {
        reply_error(c, status, &err, NULL);
    } else {
        json_t *key = key_json(&k);
        if (key != NULL &&
            json_object_set_new(key, "key", json_string(modellab_buffer_data(owned))) != 0) {
            json_decref(key);
            key = NULL;
        }
        (void)snprintf(path, sizeof path, "/api/v1/admin/keys/%s", id);
        reply_location(c, path);
        reply_header(c, "Cache-Control", "no-store");
        reply_json(c, 201, key);
    }
    modellab_buffer_destroy(owned);
    modellab_key_list_unref(list);
}

static void create_key(call *c)
{
    static const char *const known[] = {"name", "user", "scopes", "expires_in_seconds", NULL};
    modellab_key_options options = MODELLAB_KEY_OPTIONS_INIT;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_buffer *secret = NULL;
    char id[MODELLAB_KEY_ID_BYTES], scopes[300];
    int64_t lives = 0;
    int count;
    if (!fields_known(c, known) || !field_text(c, "name", 1, 128, &options.name) ||
        !field_text(c, "user", 0, 128, &options.user) ||
        !field_words(c, "scopes", 8, scopes, sizeof scopes, &count) ||
        !field_int(c, "expires_in_seconds", 1, LONGEST_SECONDS, &lives))
        return;
    if (options.name == NULL || count < 1) {
        reply_invalid(c, options.name == NULL ? "/name" : "/scopes", "this is needed");
        return;
    }
    options.scopes = scopes;
    options.expires_ms = lives > 0 ? ((int64_t)time(NULL) + lives) * 1000 : 0;
    modellab_status status = modellab_key_create(call_lab(c), &options, id, &secret, &err);
    if (status == MODELLAB_E_LIMIT) /* not the size of a body */
        reply_problem(c, 409, "conflict", err.message);
    else if (status != MODELLAB_OK)
        reply_error(c, status, &err, NULL);
    else
        reply_secret(c, id, secret);
}

static void rotate_key(call *c)
{
    static const char *const known[] = {"overlap_seconds", NULL};
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_buffer *secret = NULL;
    int64_t overlap = 0;
    if (!fields_known(c, known) || !field_int(c, "overlap_seconds", 0, OVERLAP_SECONDS, &overlap))
        return;
    modellab_status status =
        modellab_key_rotate(call_lab(c), call_param(c, "id"), overlap * 1000, &secret, &err);
    if (status != MODELLAB_OK)
        reply_error(c, status, &err, NULL);
    else
        reply_secret(c, call_param(c, "id"), secret);
}

static void delete_key(call *c)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_status status = modellab_key_revoke(call_lab(c), call_param(c, "id"), &err);
    if (status != MODELLAB_OK)
        reply_error(c, status, &err, NULL);
    else
        reply_empty(c, 204);
}

static const operation table[] = {
    {.id = "listKeys",
     .method = "GET",
     .path = "/api/v1/admin/keys",
     .scope = "admin",
     .run = list_keys},
    {.id = "createKey",
     .method = "POST",
     .path = "/api/v1/admin/keys",
     .scope = "admin",
     .body = BODY_JSON,
     .run = create_key},
    {.id = "rotateKey",
     .method = "POST",
     .path = "/api/v1/admin/keys/{id}/rotate",
     .scope = "admin",
     .body = BODY_JSON,
     .flags = OP_BODY_EMPTY,
     .run = rotate_key},
    {.id = "deleteKey",
     .method = "DELETE",
     .path = "/api/v1/admin/keys/{id}",
     .scope = "admin",
     .flags = OP_DRAINING,
     .run = delete_key},
};
OPERATION_TABLE(ops_keys);
