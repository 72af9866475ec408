/* Fuzz: a run's record from anywhere: as record.json of a bundle, and as a manifest. What is taken
 * over can be written and is then read as the same again; a manifest with its checksum is read when
 * it is JSON, and looking for the files that it names ends, whatever they are said to be. */
#include "lab/bundle.h"
#include "lab/snapshot.h"
#include "lab/verify.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RUN_ID "01M84V4C1V3VMPXM4H74GXZD8X"

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

/* The record as a bundle holds it. */
static void write_record(const mli_bundle_record *bundle, mli_buf *out)
{
    mli_jw w;
    mli_event_row_list events = {.count = bundle->event_count, .rows = bundle->events};
    mli_jw_init(&w, out);
    mli_bundle_write_record(&bundle->record, &events, bundle->notes, &w);
    must(mli_buf_status(out, NULL) == MODELLAB_OK);
}

/* What others rely on of a record that was taken over. */
static void must_make_sense(const mli_bundle_record *b)
{
    const int64_t latest = INT64_MAX / 1000000; /* as nanoseconds it must still be a number */
    const mli_run_row *row = b->record.run;
    must(row->created_ms >= 0 && row->created_ms <= latest && row->started_ms <= latest &&
         row->ended_ms <= latest && row->wall_ms <= latest && row->cost_micros <= INT64_MAX / 1000);
    for (size_t i = 0; i < b->event_count; i++) {
        const mli_event_row *e = &b->events[i];
        mli_json *data = NULL;
        must(e->time_ms >= -1 && e->time_ms <= latest);
        must(mli_json_parse(e->data, strlen(e->data), 1 << 20, &data, NULL) == MODELLAB_OK);
        must(mli_json_typeof(data) == MLI_JSON_OBJECT);
        mli_json_free(data);
    }
}

static void try_record(const mli_json *root)
{
    mli_bundle_record first, second;
    mli_json *again = NULL, *facts = NULL;
    mli_buf one, two;
    if (mli_bundle_read_record(root, NULL, &first, NULL) == MODELLAB_OK) {
        must_make_sense(&first);
        mli_buf_init(&one, NULL);
        mli_buf_init(&two, NULL);
        mli_run_write_json(&first.record, &two); /* what the import verifies by */
        must(mli_buf_status(&two, NULL) == MODELLAB_OK);
        must(mli_json_parse(two.data, two.size, 1 << 26, &facts, NULL) == MODELLAB_OK);
        mli_buf_clear(&two);
        write_record(&first, &one);
        must(mli_json_parse(one.data, one.size, 1 << 26, &again, NULL) == MODELLAB_OK);
        must(mli_bundle_read_record(again, NULL, &second, NULL) == MODELLAB_OK);
        write_record(&second, &two);
        must(one.size == two.size && memcmp(one.data, two.data, one.size) == 0);
        mli_bundle_record_dispose(&second);
        mli_json_free(again);
        mli_json_free(facts);
        mli_buf_dispose(&one);
        mli_buf_dispose(&two);
    }
    mli_bundle_record_dispose(&first);
}

/* The folder of a run with a manifest and nothing else. */
typedef struct memory_file {
    const char *data;
    int64_t size, at;
} memory_file;

static int open_manifest(void *user, const char *path, int flags, uint32_t mode)
{
    const char *end = strrchr(path, '/');
    (void)user, (void)flags, (void)mode;
    return end != NULL && strcmp(end, "/manifest.json") == 0 ? 1 : -ENOENT;
}

static int close_it(void *user, int fd)
{
    (void)user, (void)fd;
    return 0;
}

static int64_t read_at(void *user, int fd, void *out, size_t bytes, int64_t offset)
{
    const memory_file *file = user;
    int64_t left = offset < file->size ? file->size - offset : 0;
    (void)fd;
    if ((int64_t)bytes > left) {
        bytes = (size_t)left;
    }
    memcpy(out, file->data + (left > 0 ? offset : 0), bytes);
    return (int64_t)bytes;
}

static int64_t read_on(void *user, int fd, void *out, size_t bytes)
{
    memory_file *file = user;
    int64_t got = read_at(user, fd, out, bytes, file->at);
    file->at += got;
    return got;
}

static int look(void *user, int fd, mli_os_stat *out)
{
    (void)fd;
    memset(out, 0, sizeof(*out));
    out->kind = MLI_OS_REGULAR;
    out->bytes = ((const memory_file *)user)->size;
    return 0;
}

static int stat_none(void *user, const char *path, bool follow, mli_os_stat *out)
{
    (void)user, (void)path, (void)follow, (void)out;
    return -ENOENT;
}

static int list_some(void *user, const char *path, int (*each)(void *arg, const char *name),
                     void *arg)
{
    (void)user, (void)path;
    return each(arg, "1-audio.json");
}

/* True when the manifest was read. */
static bool try_manifest(const char *data, size_t size)
{
    memory_file file = {data, (int64_t)size, 0};
    mli_os_files files = mli_os_system_files;
    mli_findings findings;
    mli_json *manifest = NULL;
    files.user = &file;
    files.open = open_manifest;
    files.close = close_it;
    files.read = read_on;
    files.pread = read_at;
    files.fstat = look;
    files.stat = stat_none;
    files.list = list_some;
    mli_verify_folder folder = {.files = &files, .root = "/lab", .run_id = RUN_ID};
    mli_findings_begin(&findings, NULL);
    must(mli_verify_manifest(&folder, &findings, &manifest, NULL) == MODELLAB_OK);
    bool read = manifest != NULL;
    must(read || findings.worst >= MODELLAB_SEVERITY_ERROR);
    if (read) {
        must(mli_verify_files(&folder, manifest, &findings, NULL) == MODELLAB_OK);
    }
    mli_json_free(manifest);
    mli_findings_dispose(&findings);
    return read;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mli_json *root = NULL;
    mli_buf body, whole;
    (void)try_manifest((const char *)data, size);
    if (mli_json_parse((const char *)data, size, 1 << 20, &root, NULL) != MODELLAB_OK ||
        mli_json_typeof(root) != MLI_JSON_OBJECT) {
        mli_json_free(root);
        return 0;
    }
    try_record(root);
    mli_buf_init(&body, NULL);
    mli_buf_init(&whole, NULL);
    if (mli_json_get(root, "crc32c") == NULL && mli_json_count(root) > 0 &&
        mli_json_dump(root, &body, NULL) == MODELLAB_OK) {
        must(mli_manifest_text(&body, &whole, NULL) == MODELLAB_OK);
        must(try_manifest(whole.data, whole.size));
    }
    mli_buf_dispose(&whole);
    mli_buf_dispose(&body);
    mli_json_free(root);
    return 0;
}
