/* Taking the form in. What stands in front of the file is looked at before the file is read. */
#include "openai_form.h"

#include "text.h"
#include <stdlib.h>
#include <string.h>

#define FIELDS_BYTES_MOST ((size_t)8 << 20) /* four references of ten seconds fit well */

static bool begin(call *c)
{
    if (!text_begins(call_header(c, "Content-Type"), "multipart/form-data")) {
        openai_refuse(c, 415, NULL, "unsupported_media_type",
                      "The body must be multipart/form-data with a part 'file'.");
        return false;
    }
    openai_form *form = calloc(1, sizeof *form);
    if (form == NULL) {
        openai_refuse(c, 500, NULL, "internal", "Out of memory.");
        return false;
    }
    call_set_state(c, form);
    return true;
}

static bool begin_file(call *c, openai_form *form, const char *filename, const char *type)
{
    modellab_upload_options options = MODELLAB_UPLOAD_OPTIONS_INIT;
    modellab_error err = MODELLAB_ERROR_INIT;
    openai_wish wish;
    if (form->upload != NULL) {
        openai_refuse(c, 400, "file", "invalid_value", "There is more than one file.");
        return false;
    }
    if (!openai_wish_read(c, form, strstr(call_path(c), "translations") != NULL, false, &wish))
        return false;
    options.name = filename[0] != '\0' ? filename : "audio";
    options.media_type = type[0] != '\0' && !text_begins(type, "application/octet-stream") &&
                                 !text_begins(type, "text/plain")
                             ? type
                             : NULL;
    options.user = call_user(c);
    options.request_id = call_request_id(c);
    modellab_status status = modellab_upload_begin(call_lab(c), &options, &form->upload, &err);
    if (status != MODELLAB_OK)
        openai_fail(c, status, &err, NULL, "file");
    return status == MODELLAB_OK;
}

static bool part(call *c, const char *name, const char *filename, const char *type)
{
    openai_form *form = call_state(c);
    form->in_file = strcmp(name, "file") == 0;
    if (form->in_file)
        return begin_file(c, form, filename, type);
    if (form->count == OPENAI_FIELDS_MOST) {
        openai_refuse(c, 400, NULL, "invalid_value", "The form has too many fields.");
        return false;
    }
    openai_field *field = &form->fields[form->count];
    field->name = strdup(name);
    field->value = calloc(1, 1);
    form->count++;
    if (field->name == NULL || field->value == NULL) {
        openai_refuse(c, 500, NULL, "internal", "Out of memory.");
        return false;
    }
    return true;
}

static bool data(call *c, const void *bytes, size_t count)
{
    openai_form *form = call_state(c);
    if (form->in_file) {
        modellab_error err = MODELLAB_ERROR_INIT;
        modellab_report *report = NULL;
        modellab_status status = modellab_upload_write(form->upload, bytes, count, &report, &err);
        if (status != MODELLAB_OK)
            openai_fail(c, status, &err, report, "file");
        else
            modellab_report_unref(report);
        return status == MODELLAB_OK;
    }
    openai_field *field = &form->fields[form->count - 1];
    if (form->total + count > FIELDS_BYTES_MOST) {
        openai_refuse(c, 413, field->name, "too_large", "The fields of the form are too large.");
        return false;
    }
    char *grown = realloc(field->value, field->bytes + count + 1);
    if (grown == NULL) {
        openai_refuse(c, 500, NULL, "internal", "Out of memory.");
        return false;
    }
    field->value = grown;
    memcpy(field->value + field->bytes, bytes, count);
    field->bytes += count;
    field->value[field->bytes] = '\0';
    form->total += count;
    return true;
}

static void drop(call *c)
{
    openai_form *form = call_state(c);
    if (form == NULL)
        return;
    for (size_t i = 0; i < form->count; i++) {
        free(form->fields[i].name);
        free(form->fields[i].value);
    }
    modellab_upload_unref(form->upload);
    free(form);
    call_set_state(c, NULL);
}

const body_sink openai_form_sink = {begin, part, data, drop};
