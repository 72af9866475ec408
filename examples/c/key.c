/* A key for a client, and the question that a front-end asks with each request.   key FOLDER */
#include "example.h"

int main(int argc, char **argv)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_key_options options = MODELLAB_KEY_OPTIONS_INIT;
    modellab_key_grant grant = {.size = sizeof grant};
    modellab_buffer *secret = NULL, *next = NULL;
    modellab_key_list *list = NULL;
    modellab_lab *lab = NULL;
    char id[MODELLAB_KEY_ID_BYTES];

    must(modellab_lab_open(argc > 1 ? argv[1] : NULL, NULL, &lab, &err), &err, "lab");
    options.name = "laptop";
    options.user = "ann";
    options.scopes = "runs:read runs:write";
    must(modellab_key_create(lab, &options, id, &secret, &err), &err, "key");
    must(modellab_key_check(lab, modellab_buffer_data(secret), "runs:read", &grant, &err), &err,
         "check");
    printf("%s may read runs of %s\n", grant.id, grant.user);
    if (modellab_key_check(lab, modellab_buffer_data(secret), "admin", &grant, &err) != MODELLAB_OK)
        printf("admin: %s (%s)\n", modellab_key_refusal_name(grant.refusal), err.message);
    must(modellab_key_rotate(lab, id, 3600 * 1000, &next, &err), &err, "rotate");
    must(modellab_key_revoke(lab, id, &err), &err, "revoke");
    must(modellab_key_list_load(lab, id, &list, &err), &err, "list");
    for (size_t i = 0; i < modellab_key_list_count(list); i++) {
        modellab_key_info info = {.size = sizeof info};
        must(modellab_key_list_at(list, i, &info, &err), &err, "item");
        printf("%s %s: %s\n", info.name, info.hint, info.state);
    }
    modellab_key_list_unref(list);
    modellab_buffer_destroy(next);
    modellab_buffer_destroy(secret);
    modellab_lab_unref(lab);
    return 0;
}
