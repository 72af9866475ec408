/* Prices: which sheet holds, and what measures cost by it. */
#include "lab/pricing.h"

#include "base/alloc.h"
#include "base/config.h"
#include "base/error.h"
#include "track/price.h"
#include <string.h>

#define SHEET_MAX_BYTES ((size_t)1024 * 1024)

/* About what a cloud provider takes for a shared CPU: an example that makes runs comparable. */
static const char builtin[] = "{\"version\":1,\"id\":\"example-2026-01\",\"currency\":\"USD\","
                              "\"prices\":{\"cpu_second\":\"0.000012\"}}";

const char *mli_pricing_builtin(void)
{
    return builtin;
}

MODELLAB_MUST_CHECK static modellab_status read_file(const mli_lab *lab, const char *path,
                                                     mli_buf *out, modellab_error *err)
{
    const mli_os_files *f = lab->os.files;
    int fd = f->open(f->user, path, MLI_OS_READ | MLI_OS_NONBLOCK, 0), rc;
    mli_os_stat info;
    modellab_status status = MODELLAB_OK;
    void *room;

    if (fd < 0) {
        return mli_fail_os(err, -fd, "the price sheet cannot be opened");
    }
    rc = f->fstat(f->user, fd, &info);
    if (rc != 0) {
        status = mli_fail_os(err, -rc, "the price sheet cannot be read");
    } else if (info.kind != MLI_OS_REGULAR || info.bytes > (int64_t)SHEET_MAX_BYTES) {
        status = mli_fail(err, MODELLAB_E_LIMIT, "the price sheet is no file or too large");
    } else {
        room = mli_buf_extend(out, (size_t)info.bytes);
        rc = room == NULL ? 0 : mli_os_read_all(f, fd, room, (size_t)info.bytes);
        status = rc == 0 ? mli_buf_status(out, err)
                         : mli_fail_os(err, -rc, "the price sheet cannot be read");
    }
    rc = f->close(f->user, fd);
    return status == MODELLAB_OK && rc != 0 ? mli_fail_os(err, -rc, "cannot close a file") : status;
}

modellab_status mli_pricing_open(const mli_lab *lab, const char *text, modellab_price_sheet **out,
                                 modellab_error *err)
{
    char *path = NULL;
    mli_buf json;
    modellab_status status;

    if (text != NULL) {
        return mli_price_sheet_parse(text, strlen(text), lab->alloc, out, err);
    }
    status = mli_config_get(lab->alloc, "MODEL_LAB_PRICE_SHEET", &path, NULL, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    mli_buf_init(&json, lab->alloc);
    if (path == NULL || path[0] == '\0') {
        mli_buf_append_text(&json, builtin);
        status = mli_buf_status(&json, err);
    } else {
        status = read_file(lab, path, &json, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_price_sheet_parse(mli_buf_text(&json), json.size, lab->alloc, out, err);
    }
    mli_buf_dispose(&json);
    mli_free(lab->alloc, path);
    return status;
}

void mli_pricing_close(modellab_price_sheet *sheet)
{
    mli_price_sheet_unref(sheet);
}

int64_t mli_pricing_cost(const mli_lab *lab, const mli_run_row *run, const mli_run_measures *m)
{
    modellab_measures measures = MODELLAB_MEASURES_INIT;
    modellab_cost cost = MODELLAB_COST_INIT;
    modellab_price_sheet *own = NULL;
    const modellab_price_sheet *sheet = lab->prices;
    modellab_status status = MODELLAB_OK;

    measures.cpu_seconds = m->cpu_seconds;
    measures.gpu_seconds = m->gpu_seconds;
    measures.audio_seconds = m->audio_seconds >= 0 ? m->audio_seconds : run->audio_seconds;
    measures.api_calls = m->api_calls;
    measures.peak_memory_bytes = m->peak_memory_bytes;
    if (strcmp(run->price_json, mli_price_sheet_json(sheet)) != 0 && run->price_json[0] != '\0') {
        status =
            mli_price_sheet_parse(run->price_json, strlen(run->price_json), lab->alloc, &own, NULL);
        sheet = own;
    }
    if (status == MODELLAB_OK) {
        status = mli_price_sheet_cost(sheet, &measures, &cost, NULL);
    }
    mli_price_sheet_unref(own);
    /* partly known cost is a lower bound and told as such nowhere: better unknown than wrong */
    return status == MODELLAB_OK && cost.is_complete ? cost.total_micros : -1;
}
