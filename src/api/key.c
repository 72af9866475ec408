/* modellab_key: keys of front-ends. */
#include "api/buffer.h"
#include "base/error.h"
#include "base/hmac.h"
#include "base/sized.h"
#include "lab/keys.h"
#include <string.h>

void modellab_key_options_init(modellab_key_options *options, size_t size)
{
    const modellab_key_options init = MODELLAB_KEY_OPTIONS_INIT;

    mli_sized_init(options, size, &init, sizeof init);
}

MODELLAB_MUST_CHECK static modellab_status must_be(const void *one, const void *other,
                                                   modellab_error *err)
{
    return one != NULL && other != NULL
               ? MODELLAB_OK
               : mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "arguments must not be NULL");
}

/* Room for a secret, before there is one: a key whose secret cannot be handed out is none. */
MODELLAB_MUST_CHECK static modellab_status make_room(modellab_lab *lab, modellab_buffer **out,
                                                     modellab_error *err)
{
    const char blank[MLI_KEY_SECRET_BYTES] = "";

    return mli_buffer_from_bytes(lab->alloc, blank, MLI_KEY_SECRET_BYTES - 1, out, err);
}

/* Hands the secret out, or what failed; what is left of it here is overwritten. */
MODELLAB_MUST_CHECK static modellab_status hand_out(modellab_status status, char *secret,
                                                    modellab_buffer *room, modellab_buffer **out)
{
    if (status == MODELLAB_OK) {
        memcpy(room->data, secret, MLI_KEY_SECRET_BYTES - 1);
        *out = room;
    } else {
        modellab_buffer_destroy(room);
    }
    mli_wipe(secret, MLI_KEY_SECRET_BYTES);
    return status;
}

modellab_status modellab_key_create(modellab_lab *lab, const modellab_key_options *options,
                                    char id[MODELLAB_KEY_ID_BYTES], modellab_buffer **secret,
                                    modellab_error *err)
{
    modellab_key_options full = MODELLAB_KEY_OPTIONS_INIT;
    char made[MLI_KEY_SECRET_BYTES] = "";
    modellab_buffer *room = NULL;
    modellab_status status = mli_lab_check(lab, true, err);

    if (secret != NULL)
        *secret = NULL;
    if (id != NULL)
        id[0] = '\0';
    if (status == MODELLAB_OK)
        status = must_be(id, secret, err);
    if (status == MODELLAB_OK)
        status = mli_sized_in(&full, sizeof full, MLI_SIZE_UP_TO(modellab_key_options, expires_ms),
                              options, err);
    if (status == MODELLAB_OK)
        status = make_room(lab, &room, err);
    if (status == MODELLAB_OK)
        status = mli_key_create(lab, &full, id, made, err);
    if (status != MODELLAB_OK && id != NULL)
        id[0] = '\0';
    return hand_out(status, made, room, secret);
}

modellab_status modellab_key_rotate(modellab_lab *lab, const char *id, int64_t overlap_ms,
                                    modellab_buffer **secret, modellab_error *err)
{
    char made[MLI_KEY_SECRET_BYTES] = "";
    modellab_buffer *room = NULL;
    modellab_status status = mli_lab_check(lab, true, err);

    if (secret != NULL)
        *secret = NULL;
    if (status == MODELLAB_OK)
        status = must_be(id, secret, err);
    if (status == MODELLAB_OK)
        status = make_room(lab, &room, err);
    if (status == MODELLAB_OK)
        status = mli_key_rotate(lab, id, overlap_ms, made, err);
    return hand_out(status, made, room, secret);
}

modellab_status modellab_key_revoke(modellab_lab *lab, const char *id, modellab_error *err)
{
    modellab_status status = mli_lab_check(lab, true, err);

    if (status == MODELLAB_OK)
        status = must_be(id, id, err);
    return status == MODELLAB_OK ? mli_key_revoke(lab, id, err) : status;
}

modellab_status modellab_key_check(modellab_lab *lab, const char *secret, const char *scope,
                                   modellab_key_grant *grant, modellab_error *err)
{
    modellab_key_grant full = {.size = sizeof full, .refusal = MODELLAB_KEY_UNKNOWN};
    modellab_status status = mli_lab_check(lab, false, err);

    if (status == MODELLAB_OK)
        status = must_be(scope, grant, err);
    if (grant == NULL)
        return status;
    if (status == MODELLAB_OK)
        status = mli_key_check(lab, secret, scope, &full, err);
    /* Also of a refusal. */
    modellab_status told =
        mli_sized_out(grant, &full, sizeof full, MLI_SIZE_UP_TO(modellab_key_grant, scopes),
                      status == MODELLAB_OK ? err : NULL);
    return status == MODELLAB_OK ? told : status;
}

const char *modellab_key_refusal_name(modellab_key_refusal refusal)
{
    static const char *const names[] = {"granted", "unknown", "expired", "revoked", "scope"};

    return refusal >= 0 && refusal < (int32_t)(sizeof names / sizeof *names) ? names[refusal]
                                                                             : "unknown";
}

modellab_status modellab_key_list_load(modellab_lab *lab, const char *id, modellab_key_list **out,
                                       modellab_error *err)
{
    modellab_status status = mli_lab_check(lab, false, err);

    if (out == NULL)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "out must not be NULL");
    *out = NULL;
    return status == MODELLAB_OK ? mli_key_list_load(lab, id, out, err) : status;
}

void modellab_key_list_unref(modellab_key_list *list)
{
    mli_key_list_unref(list);
}

size_t modellab_key_list_count(const modellab_key_list *list)
{
    return list == NULL ? 0 : list->rows->count;
}

static int64_t or_zero(int64_t time_ms)
{
    return time_ms > 0 ? time_ms : 0;
}

modellab_status modellab_key_list_at(const modellab_key_list *list, size_t index,
                                     modellab_key_info *out, modellab_error *err)
{
    modellab_key_info full = {.size = sizeof full};
    modellab_status status = must_be(list, out, err);

    if (status != MODELLAB_OK)
        return status;
    if (index >= list->rows->count)
        return mli_fail(err, MODELLAB_E_NOT_FOUND, "there is no key with this index");
    const mli_key_row *row = &list->rows->rows[index];
    full.id = row->id;
    full.name = row->name;
    full.user = row->user;
    full.scopes = row->scopes;
    full.hint = row->hint;
    full.state = mli_key_state(row, mli_lab_now_ms(list->lab));
    full.created_ms = row->created_ms;
    full.expires_ms = or_zero(row->expires_ms);
    full.rotated_ms = or_zero(row->rotated_ms);
    full.previous_until_ms = row->previous_hash[0] != '\0' ? or_zero(row->previous_until_ms) : 0;
    full.revoked_ms = or_zero(row->revoked_ms);
    full.used_ms = or_zero(row->used_ms);
    return mli_sized_out(out, &full, sizeof full, MLI_SIZE_UP_TO(modellab_key_info, used_ms), err);
}
