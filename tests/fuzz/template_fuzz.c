/* Fuzz: a stored pipeline from anywhere: as a definition to check, and as the file that a request
 * names. What is found valid is one that a request can name, with the same steps; whatever the file
 * holds is listed as valid JSON or said to be damaged. */
#include "lab/pipeline.h"
#include "lab/request.h"
#include "lab/templates.h"

#include "os/memory.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NAME "foreign"

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static struct {
    char root[64];
    mli_lab *lab;
    mli_os_files files;
    const void *data; /* of the file */
    size_t bytes;
} here;

static int open_file(void *user, const char *path, int flags, uint32_t mode)
{
    const char *end = strrchr(path, '/');
    int fd = -1;
    if (end == NULL || strcmp(end, "/" NAME ".json") != 0) {
        return mli_os_system_files.open(user, path, flags, mode);
    }
    must(mli_os_memory_file(NAME, &fd) == 0);
    must(mli_os_write_all(&mli_os_system_files, fd, here.data, here.bytes) == 0);
    must(lseek(fd, 0, SEEK_SET) == 0);
    return fd;
}

static void leave(void)
{
    mli_lab_unref(here.lab);
    must(mli_os_remove_tree(&mli_os_system_files, here.root) == 0);
}

/* A real one; only the file of the pipeline is not. */
static void open_lab(void)
{
    const char *base = getenv("TMPDIR");
    modellab_lab_options options = MODELLAB_LAB_OPTIONS_INIT;
    mli_lab_tables tables = {.files = &here.files};
    (void)snprintf(here.root, sizeof(here.root), "%s/mli-fuzz-XXXXXX",
                   base != NULL && strlen(base) < 40 ? base : "/tmp");
    must(mkdtemp(here.root) != NULL);
    here.files = mli_os_system_files;
    here.files.open = open_file;
    options.models_root = options.cache_root = here.root;
    must(mli_lab_open(here.root, &options, &tables, &here.lab, NULL) == MODELLAB_OK);
    must(atexit(leave) == 0);
}

/* Whether a request that names it is valid; then its steps. */
static bool request_names_it(mli_buf *steps)
{
    static const char text[] = "{\"pipeline\":\"" NAME "\"}";
    mli_request_defaults defaults = {
        .lab = here.lab, .retry = {.max_attempts = 1}, .model = "whisper-tiny.en"};
    mli_request request;
    mli_findings report;
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_findings_begin(&report, NULL);
    modellab_status status =
        mli_request_read(text, sizeof(text) - 1, NULL, &defaults, &request, &report, &err);
    bool valid = status == MODELLAB_OK && report.worst < MODELLAB_SEVERITY_ERROR;
    if (valid) {
        mli_buf_append_text(steps, mli_buf_text(&request.steps));
    }
    mli_request_dispose(&request);
    mli_findings_dispose(&report);
    return valid;
}

static bool is_found_valid(const char *text, size_t size, mli_buf *steps)
{
    mli_findings report;
    mli_findings_begin(&report, NULL);
    modellab_status status = mli_template_check(here.lab, text, size, steps, &report, NULL);
    bool valid = status == MODELLAB_OK && report.worst < MODELLAB_SEVERITY_ERROR;
    mli_findings_dispose(&report);
    return valid;
}

static void must_be_listed(void)
{
    mli_buf text;
    mli_json *root = NULL;
    mli_buf_init(&text, NULL);
    if (mli_pipeline_write(here.lab, NAME, &text, NULL) == MODELLAB_OK) {
        must(mli_json_parse(text.data, text.size, 1 << 24, &root, NULL) == MODELLAB_OK);
        must(mli_json_typeof(mli_json_get(root, "steps")) == MLI_JSON_ARRAY);
    }
    mli_json_free(root);
    mli_buf_dispose(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mli_buf checked, named;
    if (here.lab == NULL) {
        open_lab();
    }
    here.data = data;
    here.bytes = size;
    mli_buf_init(&checked, NULL);
    mli_buf_init(&named, NULL);
    bool valid = is_found_valid((const char *)data, size, &checked);
    bool usable = request_names_it(&named);
    if (valid && usable) {
        must(strcmp(mli_buf_text(&checked), mli_buf_text(&named)) == 0);
    }
    must_be_listed();
    mli_buf_dispose(&checked);
    mli_buf_dispose(&named);
    return 0;
}
