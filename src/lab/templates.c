/* Templates of pipelines: checked as a request of a run would be, written whole or not at all. */
#include "lab/templates.h"

#include "base/alloc.h"
#include "base/error.h"
#include "lab/default_model.h"
#include "lab/pipeline.h"
#include "lab/request.h"
#include "os/locale.h"
#include "os/process.h"
#include <errno.h>
#include <string.h>

enum { PATH_BYTES = 4096, TEMPLATES_MOST = 1000 };

bool mli_template_name_valid(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_-";
    size_t bytes = strspn(name, letters);

    return bytes > 0 && bytes <= MLI_TEMPLATE_NAME_MAX && name[bytes] == '\0' && name[0] != '_' &&
           name[0] != '-' && strcmp(name, "custom") != 0 && mli_pipeline_find(name) == NULL &&
           mli_step_kind_find(name) == NULL;
}

MODELLAB_MUST_CHECK static modellab_status unknown(const char *name, modellab_error *err)
{
    const char *near = mli_pipeline_nearest(name, true);

    return mli_fail(err, MODELLAB_E_NOT_FOUND, "there is no pipeline \"%.64s\"%s%s%s", name,
                    near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
                    near != NULL ? "\"?" : "");
}

MODELLAB_MUST_CHECK static modellab_status path_of(const mli_lab *lab, const char *name,
                                                   char out[PATH_BYTES], modellab_error *err)
{
    int n = name == NULL ? mli_os_format(out, PATH_BYTES, "%s/pipelines", lab->root)
                         : mli_os_format(out, PATH_BYTES, "%s/pipelines/%s.json", lab->root, name);

    return n > 0 && n < PATH_BYTES ? MODELLAB_OK
                                   : mli_fail(err, MODELLAB_E_LIMIT, "the lab's path is too long");
}

/* Whether it is the file of a template, by its name. */
static bool name_of_file(const char *file, char name[MLI_TEMPLATE_NAME_MAX + 1])
{
    size_t bytes = strlen(file);

    if (bytes < 6 || bytes - 5 > MLI_TEMPLATE_NAME_MAX || strcmp(file + bytes - 5, ".json") != 0) {
        return false;
    }
    memcpy(name, file, bytes - 5);
    name[bytes - 5] = '\0';
    return mli_template_name_valid(name);
}

/* The members that a run's request has, too. */
static void write_request(const mli_json *definition, mli_buf *out)
{
    const mli_json *steps = mli_json_get(definition, "steps");
    const mli_json *config = mli_json_get(definition, "config");
    mli_jw w;

    mli_jw_init(&w, out);
    mli_jw_object(&w);
    if (steps != NULL) {
        mli_jw_kjson(&w, "steps", steps);
    }
    if (config != NULL) {
        mli_jw_kjson(&w, "config", config);
    }
    mli_jw_end_object(&w);
}

/* Its own members; what a request has, too, is checked as one. */
static void check_members(const mli_json *definition, mli_findings *report)
{
    static const char *const known[] = {"schema_version", "name",   "text",
                                        "steps",          "config", "built_in"};
    const mli_json *value, *text = mli_json_get(definition, "text");
    const char *key;

    if (mli_json_typeof(definition) != MLI_JSON_OBJECT) {
        mli_findings_add(report, MODELLAB_SEVERITY_ERROR, "template.type", "",
                         "A pipeline is an object with \"steps\".");
        return;
    }
    for (mli_json_cursor at = mli_json_first(definition); mli_json_next(&at, &key, &value);) {
        bool found = false;

        for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
            found = found || strcmp(known[i], key) == 0;
        }
        if (!found) {
            char pointer[96];

            (void)mli_os_format(pointer, sizeof pointer, "/%.80s", key);
            mli_findings_add(report, MODELLAB_SEVERITY_ERROR, "template.unknown_key", pointer,
                             "A pipeline has \"text\", \"steps\" and \"config\".");
        }
    }
    if (mli_json_get(definition, "steps") == NULL) {
        mli_findings_add(report, MODELLAB_SEVERITY_ERROR, "template.steps", "/steps",
                         "Name the steps.");
    }
    if (text != NULL &&
        (mli_json_typeof(text) != MLI_JSON_STRING || strlen(mli_json_string(text, "")) > 500)) {
        mli_findings_add(report, MODELLAB_SEVERITY_ERROR, "template.text", "/text",
                         "The description is a text of at most 500 bytes.");
    }
}

MODELLAB_MUST_CHECK static modellab_status check(const mli_lab *lab, const mli_json *definition,
                                                 mli_buf *steps, mli_findings *report,
                                                 modellab_error *err)
{
    mli_request_defaults defaults = {.retry = {.max_attempts = 1}, .is_template = true};
    modellab_error no_model = MODELLAB_ERROR_INIT;
    mli_request request;
    mli_buf text;
    modellab_status status;

    check_members(definition, report);
    if (report->worst >= MODELLAB_SEVERITY_ERROR) {
        return MODELLAB_OK;
    }
    if (mli_lab_default_model(lab, &defaults.model, &no_model) != MODELLAB_OK) {
        defaults.model = NULL;
        defaults.no_model = no_model.message;
    }
    mli_buf_init(&text, lab->alloc);
    write_request(definition, &text);
    status = mli_buf_status(&text, err);
    if (status == MODELLAB_OK) {
        status =
            mli_request_read(text.data, text.size, lab->alloc, &defaults, &request, report, err);
        if (status == MODELLAB_OK && steps != NULL) {
            mli_buf_append_text(steps, mli_buf_text(&request.steps));
            status = mli_buf_status(steps, err);
        }
        mli_request_dispose(&request);
    }
    mli_buf_dispose(&text);
    return status;
}

modellab_status mli_template_check(const mli_lab *lab, const char *definition, size_t bytes,
                                   mli_buf *steps, mli_findings *report, modellab_error *err)
{
    mli_json *root = NULL;
    modellab_status status = mli_json_parse(definition, bytes, MLI_TEMPLATE_MAX_BYTES, &root, err);

    if (status == MODELLAB_OK) {
        status = check(lab, root, steps, report, err);
    }
    mli_json_free(root);
    return status;
}

static void write_file(const char *name, const mli_json *root, mli_buf *out)
{
    mli_jw w;

    mli_jw_init(&w, out);
    mli_jw_object(&w);
    mli_jw_kint(&w, "schema_version", 1);
    mli_jw_kstring(&w, "name", name);
    mli_jw_kstring(&w, "text", mli_json_string(mli_json_get(root, "text"), ""));
    mli_jw_kjson(&w, "steps", mli_json_get(root, "steps"));
    if (mli_json_get(root, "config") != NULL) {
        mli_jw_kjson(&w, "config", mli_json_get(root, "config"));
    }
    mli_jw_end_object(&w);
    mli_buf_append_char(out, '\n');
}

static int count_one(void *arg, const char *file)
{
    char name[MLI_TEMPLATE_NAME_MAX + 1];

    *(size_t *)arg += name_of_file(file, name);
    return 0;
}

/* More than can be listed are not kept; one that is there may be replaced. */
MODELLAB_MUST_CHECK static modellab_status find_room(const mli_lab *lab, const char *name,
                                                     const char *folder, char path[PATH_BYTES],
                                                     modellab_error *err)
{
    const mli_os_files *f = lab->os.files;
    mli_os_stat facts;
    size_t count = 0;
    modellab_status status = path_of(lab, name, path, err);

    if (status != MODELLAB_OK || f->stat(f->user, path, false, &facts) == 0) {
        return status;
    }
    int rc = f->list(f->user, folder, count_one, &count);
    if (rc != 0 && rc != -ENOENT) {
        return mli_fail_os(err, -rc, "the lab's own pipelines cannot be listed");
    }
    return count < TEMPLATES_MOST
               ? MODELLAB_OK
               : mli_fail(err, MODELLAB_E_LIMIT,
                          "the lab has %d pipelines of its own, and keeps no more", TEMPLATES_MOST);
}

MODELLAB_MUST_CHECK static modellab_status store(const mli_lab *lab, const char *name,
                                                 const mli_json *root, modellab_error *err)
{
    char path[PATH_BYTES], folder[PATH_BYTES];
    const mli_os_files *f = lab->os.files;
    mli_buf text;
    modellab_status status = path_of(lab, NULL, folder, err);

    mli_buf_init(&text, lab->alloc);
    if (status == MODELLAB_OK) {
        status = find_room(lab, name, folder, path, err);
    }
    if (status == MODELLAB_OK) {
        write_file(name, root, &text);
        status = mli_buf_status(&text, err);
    }
    if (status == MODELLAB_OK) {
        int rc = mli_os_make_dirs(f, folder, 0700);

        rc = rc == 0 ? mli_os_replace_file(f, path, text.data, text.size, 0600) : rc;
        status = rc == 0 ? MODELLAB_OK
                         : mli_fail_os(err, -rc, "the pipeline %s could not be stored", name);
    }
    mli_buf_dispose(&text);
    return status;
}

modellab_status mli_template_save(const mli_lab *lab, const char *name, const char *definition,
                                  size_t bytes, mli_findings *report, modellab_error *err)
{
    mli_json *root = NULL;
    modellab_status status;

    if (mli_pipeline_find(name) != NULL || mli_step_kind_find(name) != NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "%s is built in: choose another name",
                        name);
    }
    if (!mli_template_name_valid(name)) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                        "a pipeline's name has small letters, digits, - and _, at most %d",
                        MLI_TEMPLATE_NAME_MAX);
    }
    status = mli_lab_check(lab, true, err);
    if (status == MODELLAB_OK) {
        status = mli_json_parse(definition, bytes, MLI_TEMPLATE_MAX_BYTES, &root, err);
    }
    if (status == MODELLAB_OK) {
        status = check(lab, root, NULL, report, err);
    }
    if (status == MODELLAB_OK && report->worst >= MODELLAB_SEVERITY_ERROR) {
        status = mli_fail(err, MODELLAB_E_SCHEMA, "the pipeline is not valid; see the report");
    }
    if (status == MODELLAB_OK) {
        status = store(lab, name, root, err);
    }
    mli_json_free(root);
    return status;
}

/* All bytes of an open file, and closes it. */
MODELLAB_MUST_CHECK static modellab_status read_file(const mli_lab *lab, int fd, mli_buf *out,
                                                     modellab_error *err)
{
    const mli_os_files *f = lab->os.files;
    mli_os_stat facts;
    modellab_status status = MODELLAB_OK;
    int rc = f->fstat(f->user, fd, &facts);

    if (rc == 0 && (facts.bytes < 0 || facts.bytes > (int64_t)MLI_TEMPLATE_MAX_BYTES)) {
        status = mli_fail(err, MODELLAB_E_LIMIT, "the pipeline's file is too large");
    } else if (rc == 0) {
        void *room = mli_buf_extend(out, (size_t)facts.bytes);

        status = mli_buf_status(out, err);
        rc = status == MODELLAB_OK ? mli_os_read_all(f, fd, room, (size_t)facts.bytes) : 0;
    }
    mli_os_fd_close(fd); /* only read */
    return rc == 0 ? status : mli_fail_os(err, -rc, "the pipeline could not be read");
}

modellab_status mli_template_load(const mli_lab *lab, const char *name, mli_json **out,
                                  modellab_error *err)
{
    char path[PATH_BYTES];
    const mli_os_files *f = lab->os.files;
    mli_buf text;
    modellab_status status;

    *out = NULL;
    if (!mli_template_name_valid(name)) {
        return unknown(name, err);
    }
    status = path_of(lab, name, path, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    int fd = f->open(f->user, path, MLI_OS_READ | MLI_OS_NOFOLLOW | MLI_OS_NONBLOCK, 0);
    if (fd == -ENOENT || fd == -ENOTDIR) {
        return unknown(name, err);
    }
    if (fd < 0) {
        return mli_fail_os(err, -fd, "the pipeline could not be opened");
    }
    mli_buf_init(&text, lab->alloc);
    status = read_file(lab, fd, &text, err);
    if (status == MODELLAB_OK) {
        status = mli_json_parse(text.data, text.size, MLI_TEMPLATE_MAX_BYTES, out, err);
    }
    mli_buf_dispose(&text);
    return status;
}

modellab_status mli_template_delete(const mli_lab *lab, const char *name, modellab_error *err)
{
    char path[PATH_BYTES];
    const mli_os_files *f = lab->os.files;
    modellab_status status = mli_lab_check(lab, true, err);

    if (status == MODELLAB_OK && mli_pipeline_find(name) != NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "%s is built in", name);
    }
    if (status == MODELLAB_OK && !mli_template_name_valid(name)) {
        return unknown(name, err);
    }
    if (status == MODELLAB_OK) {
        status = path_of(lab, name, path, err);
    }
    if (status != MODELLAB_OK) {
        return status;
    }
    int rc = f->unlink(f->user, path);
    if (rc == -ENOENT || rc == -ENOTDIR) {
        return unknown(name, err);
    }
    return rc == 0 ? MODELLAB_OK : mli_fail_os(err, -rc, "the pipeline could not be removed");
}

static void put_list(mli_jw *w, const char *steps)
{
    const char *name;
    size_t bytes;

    mli_jw_key(w, "steps");
    mli_jw_array(w);
    while (mli_steps_next(&steps, &name, &bytes)) {
        mli_jw_string_n(w, name, bytes);
    }
    mli_jw_end_array(w);
}

static void write_built_in(mli_jw *w, const mli_pipeline *p)
{
    mli_jw_object(w);
    mli_jw_kstring(w, "name", p->name);
    mli_jw_kstring(w, "text", p->text);
    put_list(w, p->steps);
    if (p->config != NULL) {
        mli_jw_key(w, "config");
        mli_jw_raw(w, p->config, strlen(p->config));
    }
    mli_jw_kbool(w, "built_in", true);
    mli_jw_end_object(w);
}

/* As it is stored: its steps are not resolved. */
MODELLAB_MUST_CHECK static modellab_status write_own(const mli_lab *lab, mli_jw *w,
                                                     const char *name, modellab_error *err)
{
    mli_json *root = NULL;
    modellab_status status = mli_template_load(lab, name, &root, err);

    if (status == MODELLAB_OK && mli_json_typeof(mli_json_get(root, "steps")) != MLI_JSON_ARRAY) {
        mli_json_free(root);
        status = mli_fail(err, MODELLAB_E_INVALID_JSON, "the file of the pipeline is damaged");
    }
    if (status != MODELLAB_OK) {
        return status;
    }
    mli_jw_object(w);
    mli_jw_kstring(w, "name", name);
    mli_jw_kstring(w, "text", mli_json_string(mli_json_get(root, "text"), ""));
    mli_jw_kjson(w, "steps", mli_json_get(root, "steps"));
    if (mli_json_get(root, "config") != NULL) {
        mli_jw_kjson(w, "config", mli_json_get(root, "config"));
    }
    mli_jw_kbool(w, "built_in", false);
    mli_jw_end_object(w);
    mli_json_free(root);
    return MODELLAB_OK;
}

modellab_status mli_pipeline_write(const mli_lab *lab, const char *name, mli_buf *out,
                                   modellab_error *err)
{
    const mli_pipeline *p = mli_pipeline_find(name);
    mli_jw w;
    modellab_status status = MODELLAB_OK;

    mli_jw_init(&w, out);
    if (p != NULL) {
        write_built_in(&w, p);
    } else {
        status = write_own(lab, &w, name, err);
    }
    return status == MODELLAB_OK ? mli_buf_status(out, err) : status;
}

/* Names of the folder, sorted; others than templates are left out. */
typedef struct names {
    size_t count;
    char (*list)[MLI_TEMPLATE_NAME_MAX + 1];
} names;

static int take_name(void *arg, const char *file)
{
    names *all = arg;
    char name[MLI_TEMPLATE_NAME_MAX + 1];

    if (!name_of_file(file, name) || all->count == TEMPLATES_MOST) {
        return 0;
    }
    size_t at = all->count++;
    for (; at > 0 && strcmp(all->list[at - 1], name) > 0; at--) {
        memcpy(all->list[at], all->list[at - 1], sizeof name);
    }
    memcpy(all->list[at], name, sizeof name);
    return 0;
}

MODELLAB_MUST_CHECK static modellab_status write_all(const mli_lab *lab, const names *all,
                                                     mli_buf *out, modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    size_t built_in = 0, own = 0;
    mli_jw w;

    mli_jw_init(&w, out);
    mli_jw_array(&w);
    while (status == MODELLAB_OK && (built_in < mli_pipeline_count() || own < all->count)) {
        const mli_pipeline *p = mli_pipeline_at(built_in);

        if (p != NULL && (own == all->count || strcmp(p->name, all->list[own]) < 0)) {
            write_built_in(&w, p);
            built_in++;
        } else {
            status = write_own(lab, &w, all->list[own++], err);
            if (status != MODELLAB_OK && status != MODELLAB_E_NO_MEMORY) { /* hides no others */
                if (status != MODELLAB_E_NOT_FOUND) {                      /* deleted meanwhile */
                    mli_jw_object(&w);
                    mli_jw_kstring(&w, "name", all->list[own - 1]);
                    mli_jw_kbool(&w, "built_in", false);
                    mli_jw_kbool(&w, "damaged", true);
                    mli_jw_end_object(&w);
                }
                mli_error_clear(err);
                status = MODELLAB_OK;
            }
        }
    }
    mli_jw_end_array(&w);
    return status == MODELLAB_OK ? mli_buf_status(out, err) : status;
}

modellab_status mli_pipelines_write(const mli_lab *lab, mli_buf *out, modellab_error *err)
{
    char folder[PATH_BYTES];
    const mli_os_files *f = lab->os.files;
    names all = {.list = mli_alloc_array(lab->alloc, TEMPLATES_MOST, sizeof *all.list)};
    modellab_status status =
        all.list != NULL ? path_of(lab, NULL, folder, err) : mli_no_memory(err);

    if (status == MODELLAB_OK) {
        int rc = f->list(f->user, folder, take_name, &all);

        status = rc == 0 || rc == -ENOENT
                     ? write_all(lab, &all, out, err)
                     : mli_fail_os(err, -rc, "the lab's own pipelines cannot be listed");
    }
    mli_free(lab->alloc, all.list);
    return status;
}
