/* Reading the document of an experiment: the schema first, then what a schema cannot say. */
#include "lab/experiment_parts.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"
#include "check/schema.h"
#include "os/locale.h"
#include <stdlib.h>
#include <string.h>

void mli_experiment_put(mli_jw *w, const char *key, const mli_json *value, mli_buf *scratch)
{
    mli_buf_clear(scratch);
    const modellab_status status = mli_json_dump(value, scratch, NULL);
    if (status != MODELLAB_OK) {
        w->out->status = status;
        return;
    }
    if (key != NULL)
        mli_jw_key(w, key);
    mli_jw_raw(w, mli_buf_text(scratch), scratch->size);
}

void mli_experiment_add_findings(mli_findings *report, const char *pointer,
                                 const mli_findings *more)
{
    for (size_t i = 0; i < mli_report_count(more->report); i++) {
        const modellab_finding *f = mli_report_finding(more->report, i);
        char place[512];
        (void)mli_os_format(place, sizeof place, "%s%s", pointer, f->pointer);
        mli_findings_add(report, f->severity, f->id, place, "%s", f->text);
    }
    if (more->status != MODELLAB_OK && report->status == MODELLAB_OK)
        report->status = more->status;
}

/* The name that an input has: its own, else its file's. */
static const char *input_name(const mli_json *input)
{
    const char *file = mli_json_string(mli_json_get(input, "file"), "");
    return mli_json_string(mli_json_get(input, "name"), mli_basename(file));
}

static const char *candidate_name(const mli_json *candidate)
{
    return mli_json_string(mli_json_get(candidate, "name"), "");
}

typedef struct named {
    const char *name;
    size_t index;
} named;

static int by_name(const void *a, const void *b)
{
    const named *x = a, *y = b;
    const int order = strcmp(x->name, y->name);
    return order != 0 ? order : (x->index > y->index) - (x->index < y->index);
}

/* No two of an array have one name. */
MODELLAB_MUST_CHECK static modellab_status check_names(const mli_json *array, const char *key,
                                                       const char *(*name_of)(const mli_json *),
                                                       const modellab_allocator *alloc,
                                                       mli_findings *report, modellab_error *err)
{
    const size_t count = mli_json_count(array);
    named *all = mli_alloc_array(alloc, count, sizeof *all);
    if (all == NULL)
        return mli_no_memory(err);
    for (size_t i = 0; i < count; i++)
        all[i] = (named){name_of(mli_json_at(array, i)), i};
    qsort(all, count, sizeof *all, by_name);
    for (size_t i = 1; i < count; i++) {
        char pointer[64];
        if (strcmp(all[i - 1].name, all[i].name) != 0)
            continue;
        (void)mli_os_format(pointer, sizeof pointer, "/%s/%zu/name", key, all[i].index);
        mli_findings_add(report, MODELLAB_SEVERITY_ERROR, "experiment.same_name", pointer,
                         "This name is that of another one before it.");
    }
    mli_free(alloc, all);
    return MODELLAB_OK;
}

/* Names of candidates stand in events and tables. */
static void check_candidate(const mli_json *candidate, size_t index, mli_findings *report)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    const char *name = candidate_name(candidate);
    const mli_json *request = mli_json_get(candidate, "request");
    char pointer[64];
    (void)mli_os_format(pointer, sizeof pointer, "/candidates/%zu/name", index);
    if (name[strspn(name, letters)] != '\0')
        mli_findings_add(report, MODELLAB_SEVERITY_ERROR, "experiment.candidate_name", pointer,
                         "The name of a candidate has letters, digits, '.', '_' and '-'.");
    (void)mli_os_format(pointer, sizeof pointer, "/candidates/%zu/request/idempotency_key", index);
    if (mli_json_get(request, "idempotency_key") != NULL)
        mli_findings_add(report, MODELLAB_SEVERITY_ERROR, "experiment.idempotency_key", pointer,
                         "The runs of an experiment get keys of their own.");
}

static void check_references(const mli_json *input, size_t index, mli_findings *report)
{
    static const char *const pairs[][2] = {{"reference", "reference_text"},
                                           {"turns", "reference_turns"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        char pointer[64];
        if (mli_json_get(input, pairs[i][0]) == NULL || mli_json_get(input, pairs[i][1]) == NULL)
            continue;
        (void)mli_os_format(pointer, sizeof pointer, "/inputs/%zu/%s", index, pairs[i][1]);
        mli_findings_add(report, MODELLAB_SEVERITY_ERROR, "experiment.both", pointer,
                         "Give \"%s\" or \"%s\", not both.", pairs[i][0], pairs[i][1]);
    }
}

MODELLAB_MUST_CHECK static modellab_status check(const mli_json *root,
                                                 const modellab_allocator *alloc,
                                                 mli_findings *report, modellab_error *err)
{
    const mli_json *inputs = mli_json_get(root, "inputs");
    const mli_json *candidates = mli_json_get(root, "candidates");
    const int64_t repetitions = mli_json_int(mli_json_get(root, "repetitions"), 1);
    const int64_t cells =
        (int64_t)(mli_json_count(inputs) * mli_json_count(candidates)) * repetitions;
    modellab_status status = check_names(inputs, "inputs", input_name, alloc, report, err);
    if (status == MODELLAB_OK)
        status = check_names(candidates, "candidates", candidate_name, alloc, report, err);
    for (size_t i = 0; i < mli_json_count(inputs); i++)
        check_references(mli_json_at(inputs, i), i, report);
    for (size_t i = 0; i < mli_json_count(candidates); i++)
        check_candidate(mli_json_at(candidates, i), i, report);
    if (cells > MLI_EXPERIMENT_CELLS) /* the schema bounds each of the three */
        mli_findings_add(report, MODELLAB_SEVERITY_ERROR, "experiment.cells", "",
                         "Inputs, candidates and repetitions make %lld runs; at most %d are "
                         "accepted.",
                         (long long)cells, (int)MLI_EXPERIMENT_CELLS);
    return status;
}

modellab_status mli_experiment_read(const char *text, size_t bytes, const modellab_allocator *alloc,
                                    mli_json **out, mli_findings *report, modellab_error *err)
{
    mli_schema *schema = NULL;
    const char *own = mli_experiment_schema();
    modellab_status status = mli_json_parse(text, bytes, MLI_EXPERIMENT_MAX_BYTES, out, err);
    if (status != MODELLAB_OK)
        return status;
    status = mli_schema_load(own, strlen(own), alloc, &schema, err);
    if (status == MODELLAB_OK) {
        mli_schema_check(schema, *out, report);
        mli_schema_free(schema);
    }
    if (status == MODELLAB_OK && report->worst < MODELLAB_SEVERITY_ERROR)
        status = check(*out, alloc, report, err);
    if (status == MODELLAB_OK && report->status != MODELLAB_OK)
        status = mli_no_memory(err);
    if (status != MODELLAB_OK) {
        mli_json_free(*out);
        *out = NULL;
    }
    return status;
}
