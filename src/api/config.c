/* The table of variables and their present values. */
#include "base/config.h"
#include "api/buffer.h"
#include "base/alloc.h"
#include "base/error.h"
#include "base/sized.h"
#include <modellab/config.h>
#include <string.h>

size_t modellab_config_count(void)
{
    return mli_config_count();
}

modellab_status modellab_config_at(size_t index, modellab_config_variable *out, modellab_error *err)
{
    const mli_config_variable *v = mli_config_at(index);
    if (v == NULL)
        return mli_fail(err, MODELLAB_E_NOT_FOUND, "there is no variable with this index");
    modellab_config_variable variable = {sizeof variable,
                                         v->name,
                                         v->default_value,
                                         mli_config_type_name(v->type),
                                         v->text,
                                         (v->flags & MLI_CONFIG_FOREIGN) != 0,
                                         0};
    return mli_sized_out(out, &variable, sizeof variable,
                         MLI_SIZE_UP_TO(modellab_config_variable, reserved), err);
}

static bool is_folder(const char *name)
{
    return strcmp(name, "MODEL_LAB_ROOT") == 0 || strcmp(name, "MODEL_LAB_MODELS_ROOT") == 0 ||
           strcmp(name, "MODEL_LAB_CACHE_ROOT") == 0;
}

modellab_status modellab_config_get(const char *name, modellab_buffer **value, const char **source,
                                    modellab_error *err)
{
    const char *from = "default";
    mli_buf text;
    char *found = NULL;
    if (value != NULL)
        *value = NULL;
    if (source != NULL)
        *source = NULL;
    if (name == NULL || value == NULL)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "name and value must not be NULL");
    modellab_status status = mli_config_get(NULL, name, &found, &from, err);
    if (status == MODELLAB_OK && is_folder(name)) {
        mli_free(NULL, found);
        status = mli_config_folder(NULL, name, &found, err);
    }
    if (status != MODELLAB_OK)
        return status;
    mli_buf_init(&text, NULL);
    if (found != NULL)
        mli_config_shown(mli_config_find(name), found, &text);
    mli_free(NULL, found);
    status = mli_buffer_from_buf(&text, value, err);
    if (status == MODELLAB_OK && source != NULL)
        *source = from;
    return status;
}

modellab_status modellab_config_env_example(modellab_buffer **out, modellab_error *err)
{
    mli_buf text;
    if (out == NULL)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "out must not be NULL");
    *out = NULL;
    mli_buf_init(&text, NULL);
    mli_config_write_example(&text);
    return mli_buffer_from_buf(&text, out, err);
}
