/* Inputs of an experiment: audio and references are looked at first, then copied. */
#include "lab/experiment_parts.h"

#include "base/error.h"
#include "base/str.h"
#include "lab/input.h"
#include "os/locale.h"
#include "score/document.h"
#include <errno.h>
#include <string.h>

#define MOST_REFERENCE_FILE ((int64_t)16 * 1024 * 1024)
#define MOST_REFERENCES ((size_t)1000000) /* as a request has them */

/* Below the folder, unless any path will do. */
static bool is_inside(const char *file)
{
    if (file[0] == '/')
        return false;
    for (const char *at = file; *at != '\0'; at += at[0] == '/') {
        const size_t bytes = strcspn(at, "/");
        if (bytes == 2 && memcmp(at, "..", 2) == 0)
            return false;
        at += bytes;
    }
    return true;
}

/* One part of a path below an open folder, which must not be a link: openat() by means of a path.
 */
static int step_down(const mli_os_files *f, int folder, const char *name, size_t bytes, bool last)
{
    char path[MLI_PATH_BYTES];
    const int n =
        mli_os_format(path, sizeof path, "/proc/self/fd/%d/%.*s", folder, (int)bytes, name);
    if (n < 0 || n >= (int)sizeof path)
        return -ENAMETOOLONG;
    return f->open(f->user, path,
                   MLI_OS_READ | MLI_OS_NOFOLLOW | MLI_OS_NONBLOCK | (last ? 0 : MLI_OS_DIRECTORY),
                   0);
}

/* A file below a folder that no link leads to, whatever somebody renames meanwhile. fd or -errno.
 * Its name has no ".." (is_inside). */
static int open_beneath(const mli_os_files *f, const char *folder, const char *file)
{
    int fd = f->open(f->user, folder, MLI_OS_READ | MLI_OS_DIRECTORY, 0);
    for (const char *at = file, *next; fd >= 0 && *at != '\0'; at = next) {
        const size_t bytes = strcspn(at, "/");
        next = at + bytes + strspn(at + bytes, "/");
        if (bytes == 1 && at[0] == '.')
            continue;
        const int below = step_down(f, fd, at, bytes, *next == '\0');
        (void)f->close(f->user, fd); /* a folder */
        fd = below;
    }
    return fd;
}

/* *fd: to be closed. */
MODELLAB_MUST_CHECK static modellab_status open_file(const mli_lab *lab,
                                                     const mli_experiment_source *source,
                                                     const char *file, const char *what, int *fd,
                                                     modellab_error *err)
{
    const mli_os_files *f = lab->os.files;
    char path[MLI_PATH_BYTES];
    *fd = -1;
    if (source->folder == NULL)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                        "files can be named where their folder is known alone");
    if (!source->any_path && !is_inside(file))
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "the file is not inside the folder");
    const int n = file[0] == '/' ? mli_os_format(path, sizeof path, "%s", file)
                                 : mli_os_format(path, sizeof path, "%s/%s", source->folder, file);
    if (n <= 0 || n >= (int)sizeof path)
        return mli_fail(err, MODELLAB_E_LIMIT, "the path of the file is too long");
    *fd = source->any_path ? f->open(f->user, path, MLI_OS_READ | MLI_OS_NONBLOCK, 0)
                           : open_beneath(f, source->folder, file);
    return *fd >= 0 ? MODELLAB_OK : mli_fail_os(err, -*fd, "%s cannot be opened", what);
}

MODELLAB_MUST_CHECK static modellab_status open_audio(const mli_lab *lab,
                                                      const mli_experiment_source *source,
                                                      const mli_json *input, mli_input *out,
                                                      mli_findings *report, modellab_error *err)
{
    char path[32];
    modellab_run_submit_options o = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
    const char *named = mli_json_string(mli_json_get(input, "file"), "");
    int fd;
    *out = (mli_input){.fd = -1};
    if (strncmp(named, MLI_EXPERIMENT_UPLOAD, strlen(MLI_EXPERIMENT_UPLOAD)) == 0) {
        o.upload_id = named + strlen(MLI_EXPERIMENT_UPLOAD);
        o.flags = source->own_uploads ? MODELLAB_RUN_OWN_UPLOAD : 0;
        return mli_input_open(lab, &o, source->user, out, report, err);
    }
    modellab_status status = open_file(
        lab, source, mli_json_string(mli_json_get(input, "file"), ""), "the input file", &fd, err);
    if (status != MODELLAB_OK)
        return status;
    (void)mli_os_format(path, sizeof path, "/proc/self/fd/%d", fd);
    o.input_path = path; /* what is open, and not what has its name by now */
    status = mli_input_open(lab, &o, NULL, out, report, err);
    (void)lab->os.files->close(lab->os.files->user, fd); /* only read */
    return status;
}

MODELLAB_MUST_CHECK static modellab_status read_file(const mli_lab *lab,
                                                     const mli_experiment_source *source,
                                                     const char *file, mli_buf *out,
                                                     modellab_error *err)
{
    int fd;
    modellab_status status = open_file(lab, source, file, "the reference", &fd, err);
    if (status != MODELLAB_OK)
        return status;
    status = mli_experiment_read_fd(lab, fd, MOST_REFERENCE_FILE, out, err);
    (void)lab->os.files->close(lab->os.files->user, fd); /* only read */
    return status;
}

/* A reference as step score takes it: the text of any format that has one, or RTTM as it is. */
MODELLAB_MUST_CHECK static modellab_status take(const char *name, bool turns, mli_buf *file,
                                                mli_buf *out, modellab_error *err)
{
    mli_document document;
    modellab_status status =
        mli_document_read(name, mli_buf_text(file), file->size, out->alloc, &document, err);
    if (status != MODELLAB_OK)
        return status;
    if (turns != (document.format == MLI_DOCUMENT_RTTM) || document.format == MLI_DOCUMENT_UEM)
        status = mli_fail(err, MODELLAB_E_UNSUPPORTED,
                          turns ? "turns are lines of RTTM" : "there are no words in RTTM and UEM");
    if (status == MODELLAB_OK)
        mli_buf_append_text(out, turns ? mli_buf_text(file) : document.text);
    mli_document_dispose(&document);
    return status;
}

/* One of the two references; `out` stays empty where there is none. *given: the member that tells
 * it. */
MODELLAB_MUST_CHECK static modellab_status
read_reference(const mli_lab *lab, const mli_experiment_source *source, const mli_json *input,
               bool turns, const char **given, mli_buf *out, modellab_error *err)
{
    const char *in_file = turns ? "turns" : "reference";
    const char *in_line = turns ? "reference_turns" : "reference_text";
    const char *path = mli_json_string(mli_json_get(input, in_file), NULL);
    const char *text = mli_json_string(mli_json_get(input, in_line), NULL);
    modellab_status status = MODELLAB_OK;
    mli_buf file;
    *given = path != NULL ? in_file : text != NULL ? in_line : NULL;
    if (*given == NULL)
        return MODELLAB_OK;
    mli_buf_init(&file, lab->alloc);
    if (path != NULL)
        status = read_file(lab, source, path, &file, err);
    else
        mli_buf_append_text(&file, text);
    if (status == MODELLAB_OK)
        status = mli_buf_status(&file, err);
    if (status == MODELLAB_OK && (turns || path != NULL))
        status = take(path != NULL ? mli_basename(path) : "turns.rttm", turns, &file, out, err);
    else if (status == MODELLAB_OK)
        mli_buf_append_text(out, text);
    mli_buf_dispose(&file);
    return status == MODELLAB_OK ? mli_buf_status(out, err) : status;
}

/* What is wrong with a part of the document, and not with the machine. */
static bool is_of_document(modellab_status status)
{
    return status != MODELLAB_OK && status != MODELLAB_E_NO_MEMORY &&
           status != MODELLAB_E_CANCELLED && status != MODELLAB_E_CALLBACK;
}

static void tell(mli_findings *report, size_t index, const char *member, const modellab_error *why)
{
    char pointer[64];
    (void)mli_os_format(pointer, sizeof pointer, "/inputs/%zu/%s", index, member);
    mli_findings_add(report, MODELLAB_SEVERITY_ERROR, "experiment.input", pointer, "%s",
                     why->message);
}

MODELLAB_MUST_CHECK static modellab_status
look_at_references(const mli_lab *lab, const mli_experiment_source *source, const mli_json *input,
                   size_t index, int64_t *bytes, mli_findings *report, modellab_error *err)
{
    modellab_error why = MODELLAB_ERROR_INIT;
    modellab_status status = MODELLAB_OK;
    mli_buf text, shown;
    mli_jw w;
    mli_buf_init(&text, lab->alloc);
    mli_buf_init(&shown, lab->alloc);
    mli_jw_init(&w, &shown);
    mli_jw_array(&w);
    for (int turns = 0; status == MODELLAB_OK && turns < 2; turns++) {
        const char *given;
        mli_buf_clear(&text);
        status = read_reference(lab, source, input, turns != 0, &given, &text, &why);
        if (status == MODELLAB_OK && text.size > MLI_EXPERIMENT_REFERENCE_BYTES)
            status = mli_fail(&why, MODELLAB_E_LIMIT, "a reference has at most %d bytes",
                              (int)MLI_EXPERIMENT_REFERENCE_BYTES);
        mli_jw_string_n(&w, mli_buf_text(&text), text.size);
        if (status == MODELLAB_OK && shown.size > MOST_REFERENCES)
            status = mli_fail(&why, MODELLAB_E_LIMIT,
                              "the references of an input are too long for a request");
        *bytes += (int64_t)text.size;
        if (is_of_document(status)) {
            tell(report, index, given != NULL ? given : "reference", &why);
            status = MODELLAB_OK;
        }
    }
    if (status == MODELLAB_OK)
        status = mli_buf_status(&shown, &why);
    mli_buf_dispose(&text);
    mli_buf_dispose(&shown);
    return status == MODELLAB_OK ? status : mli_fail(err, status, "%s", why.message);
}

MODELLAB_MUST_CHECK static modellab_status
look_at_audio(const mli_lab *lab, const mli_experiment_source *source, const mli_json *input,
              size_t index, int64_t *bytes, mli_findings *report, modellab_error *err)
{
    modellab_error why = MODELLAB_ERROR_INIT;
    mli_findings own; /* the one that counts is in the error */
    mli_input audio;
    mli_findings_begin(&own, lab->alloc);
    modellab_status status = open_audio(lab, source, input, &audio, &own, &why);
    *bytes += audio.bytes;
    mli_input_close(lab, &audio);
    mli_findings_dispose(&own);
    if (is_of_document(status)) {
        tell(report, index, "file", &why);
        return MODELLAB_OK;
    }
    return status == MODELLAB_OK ? status : mli_fail(err, status, "%s", why.message);
}

modellab_status mli_experiment_look(const mli_lab *lab, const mli_experiment_source *source,
                                    const mli_json *document, int64_t *bytes, mli_findings *report,
                                    modellab_error *err)
{
    const mli_json *inputs = mli_json_get(document, "inputs");
    modellab_status status = MODELLAB_OK;
    *bytes = 0;
    for (size_t i = 0; status == MODELLAB_OK && i < mli_json_count(inputs); i++) {
        const mli_json *input = mli_json_at(inputs, i);
        if (mli_cancelled(source->cancel))
            return mli_fail(err, MODELLAB_E_CANCELLED, "cancelled");
        status = look_at_audio(lab, source, input, i, bytes, report, err);
        if (status == MODELLAB_OK)
            status = look_at_references(lab, source, input, i, bytes, report, err);
    }
    return status;
}

/* Copies to a name of its own first: the last one is known when all was read. */
MODELLAB_MUST_CHECK static modellab_status store(const mli_lab *lab,
                                                 const mli_experiment_source *source,
                                                 const char *folder, int fd, const mli_buf *text,
                                                 mli_input_facts *facts, modellab_error *err)
{
    const mli_os_files *f = lab->os.files;
    const mli_copy_watch watch = {.cancel = source->cancel, .total = -1};
    char incoming[MLI_PATH_BYTES], path[MLI_PATH_BYTES];
    int n = mli_os_format(incoming, sizeof incoming, "%s/incoming", folder);
    if (n < 0 || n >= (int)sizeof incoming)
        return mli_fail(err, MODELLAB_E_LIMIT, "the lab's path is too long");
    modellab_status status = mli_put_input(
        f, incoming, fd, text != NULL ? mli_buf_text(text) : NULL, text != NULL ? text->size : 0,
        lab->settings.max_input_bytes, lab->alloc, &watch, facts, err);
    if (status != MODELLAB_OK)
        return status;
    n = mli_os_format(path, sizeof path, "%s/%s", folder, facts->sha256);
    if (n < 0 || n >= (int)sizeof path)
        return mli_fail(err, MODELLAB_E_LIMIT, "the lab's path is too long");
    n = f->rename(f->user, incoming, path); /* the same bytes twice are one file */
    return n == 0 ? MODELLAB_OK : mli_fail_os(err, -n, "a file of the experiment cannot be stored");
}

static void put_facts(mli_jw *out, const mli_input_facts *facts)
{
    mli_jw_kstring(out, "sha256", facts->sha256);
    mli_jw_kint(out, "bytes", facts->bytes);
}

MODELLAB_MUST_CHECK static modellab_status store_one(const mli_lab *lab,
                                                     const mli_experiment_source *source,
                                                     const mli_json *input, const char *folder,
                                                     mli_jw *out, modellab_error *err)
{
    mli_input_facts facts;
    mli_findings ignored; /* looked at before */
    mli_input audio;
    mli_buf text;
    const char *file = mli_basename(mli_json_string(mli_json_get(input, "file"), ""));
    mli_findings_begin(&ignored, lab->alloc);
    modellab_status status = open_audio(lab, source, input, &audio, &ignored, err);
    if (status == MODELLAB_OK)
        status = store(lab, source, folder, audio.fd, NULL, &facts, err);
    mli_input_close(lab, &audio);
    mli_findings_dispose(&ignored);
    if (status != MODELLAB_OK)
        return status;
    mli_buf_init(&text, lab->alloc);
    mli_jw_object(out);
    mli_jw_kstring(out, "name", mli_json_string(mli_json_get(input, "name"), file));
    put_facts(out, &facts);
    for (int turns = 0; status == MODELLAB_OK && turns < 2; turns++) {
        const char *given;
        mli_buf_clear(&text);
        status = read_reference(lab, source, input, turns != 0, &given, &text, err);
        if (status != MODELLAB_OK || given == NULL)
            continue;
        status = store(lab, source, folder, -1, &text, &facts, err);
        mli_jw_key(out, turns != 0 ? "reference_turns" : "reference_text");
        mli_jw_object(out);
        put_facts(out, &facts);
        mli_jw_end_object(out);
    }
    mli_jw_end_object(out);
    mli_buf_dispose(&text);
    return status;
}

modellab_status mli_experiment_store_inputs(const mli_lab *lab, const mli_experiment_source *source,
                                            const mli_json *document, const char *folder,
                                            mli_jw *out, modellab_error *err)
{
    const mli_json *inputs = mli_json_get(document, "inputs");
    modellab_status status = MODELLAB_OK;
    mli_jw_array(out);
    for (size_t i = 0; status == MODELLAB_OK && i < mli_json_count(inputs); i++)
        status = store_one(lab, source, mli_json_at(inputs, i), folder, out, err);
    mli_jw_end_array(out);
    return status;
}
