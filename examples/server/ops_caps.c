/* Caps of users: what they may use in an hour, a day, a month, or in each run. */
#include "call.h"
#include "conditions.h"
#include "fields.h"
#include "problem.h"
#include "reply.h"
#include <stdio.h>
#include <string.h>

#define VALUE_CHARACTERS 32

static json_t *amount(double value)
{
    return value < 0 ? json_null() : json_real(value);
}

/* The caps of `user` as a list. NULL: it has replied. */
static json_t *list_of(call *c, const char *user)
{
    modellab_user_cap_list *list = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    json_t *items = json_array();
    modellab_status status = modellab_user_cap_list_load(call_lab(c), user, &list, &err);
    for (size_t i = 0; status == MODELLAB_OK && i < modellab_user_cap_list_count(list); i++) {
        modellab_user_cap cap = {.size = sizeof cap};
        status = modellab_user_cap_list_at(list, i, &cap, &err);
        if (status == MODELLAB_OK &&
            json_array_append_new(
                items, json_pack("{s:s, s:s, s:s, s:o, s:o, s:o}", "user", cap.user, "measure",
                                 cap.measure, "period", cap.period, "value", amount(cap.value),
                                 "used", amount(cap.used), "held", amount(cap.held))) != 0)
            status = MODELLAB_E_NO_MEMORY;
    }
    modellab_user_cap_list_unref(list);
    if (status == MODELLAB_OK)
        return items;
    json_decref(items);
    reply_error(c, status, &err, NULL);
    return NULL;
}

static void reply_list(call *c)
{
    json_t *items = list_of(c, call_param(c, "user"));
    if (items != NULL)
        reply_json(c, 200, json_pack("{s:o}", "items", items));
}

static void get(call *c)
{
    reply_list(c);
}

/* A number, a text as people write it, or null = explicitly none. */
static bool read_value(call *c, char *out, size_t room)
{
    const json_t *value = json_object_get(call_json(c), "value");
    if (json_is_string(value) && json_string_length(value) < room)
        (void)snprintf(out, room, "%s", json_string_value(value));
    else if (json_is_number(value) && json_number_value(value) >= 0)
        (void)snprintf(out, room, "%.15g", json_number_value(value));
    else if (json_is_null(value))
        (void)snprintf(out, room, "none");
    else {
        reply_invalid(c, "/value", "must be a number, a text such as 10m, or null");
        return false;
    }
    return true;
}

static bool may_change(call *c)
{
    if (!change_asks(c))
        return true;
    json_t *items = list_of(c, call_param(c, "user"));
    return items != NULL && change_met_json(c, json_pack("{s:o}", "items", items));
}

static void put_alone(call *c)
{
    static const char *const members[] = {"measure", "period", "value", NULL};
    modellab_error err = MODELLAB_ERROR_INIT;
    const char *measure = NULL, *period = NULL;
    char value[VALUE_CHARACTERS + 1];
    if (!fields_known(c, members) || !field_text(c, "measure", 1, 32, &measure) ||
        !field_text(c, "period", 1, 16, &period) || !read_value(c, value, sizeof value))
        return;
    if (measure == NULL || period == NULL) {
        reply_invalid(c, measure == NULL ? "/measure" : "/period", "is needed");
        return;
    }
    if (!may_change(c))
        return;
    reply_tagged(c);
    modellab_status status =
        modellab_user_cap_set(call_lab(c), call_param(c, "user"), measure, period, value, &err);
    if (status != MODELLAB_OK)
        reply_error(c, status, &err, NULL);
    else
        reply_list(c);
}

static void put(call *c)
{
    change_begin();
    put_alone(c);
    change_end();
}

static void remove_alone(call *c)
{
    const char *user = call_param(c, "user"), *measure = call_query(c, "measure"),
               *period = call_query(c, "period");
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_status status = MODELLAB_OK;
    json_t *items = may_change(c) ? list_of(c, user) : NULL;
    size_t removed = 0;
    if (items == NULL)
        return;
    for (size_t i = 0; i < json_array_size(items) && status == MODELLAB_OK; i++) {
        const json_t *cap = json_array_get(items, i);
        const char *its_measure = json_string_value(json_object_get(cap, "measure"));
        const char *its_period = json_string_value(json_object_get(cap, "period"));
        if ((measure != NULL && strcmp(measure, its_measure) != 0) ||
            (period != NULL && strcmp(period, its_period) != 0))
            continue;
        status = modellab_user_cap_remove(call_lab(c), user, its_measure, its_period, &err);
        removed += status == MODELLAB_OK;
        if (status == MODELLAB_E_NOT_FOUND)
            status = MODELLAB_OK; /* somebody else was faster */
    }
    json_decref(items);
    if (status != MODELLAB_OK)
        reply_error(c, status, &err, NULL);
    else if (removed == 0)
        reply_problem(c, 404, "not-found", "this user has no such cap");
    else
        reply_empty(c, 204);
}

static void remove_caps(call *c)
{
    change_begin();
    remove_alone(c);
    change_end();
}

static const operation table[] = {
    {.id = "getUserCaps",
     .method = "GET",
     .path = "/api/v1/admin/caps/{user}",
     .scope = "admin",
     .run = get},
    {.id = "putUserCap",
     .method = "PUT",
     .path = "/api/v1/admin/caps/{user}",
     .scope = "admin",
     .body = BODY_JSON,
     .flags = OP_DRAINING | OP_MATCHES,
     .run = put},
    {.id = "deleteUserCaps",
     .method = "DELETE",
     .path = "/api/v1/admin/caps/{user}",
     .scope = "admin",
     .flags = OP_DRAINING | OP_MATCHES,
     .run = remove_caps},
};
OPERATION_TABLE(ops_caps);
