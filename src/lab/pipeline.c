/* Steps stand in an order in which each comes after what it needs; resolving is marking and
 * walking. */
#include "lab/pipeline.h"

#include "base/str.h"
#include <string.h>

bool mli_steps_next(const char **list, const char **name, size_t *bytes)
{
    const char *at = *list;

    at += strspn(at, ", ");
    if (*at == '\0') {
        return false;
    }
    *name = at;
    *bytes = strcspn(at, ",");
    *list = at + *bytes;
    while (*bytes > 0 && at[*bytes - 1] == ' ') {
        *bytes -= 1;
    }
    return true;
}

bool mli_steps_contain(const char *list, const char *name)
{
    const char *found;
    size_t bytes;

    while (mli_steps_next(&list, &found, &bytes)) {
        if (strlen(name) == bytes && memcmp(found, name, bytes) == 0) {
            return true;
        }
    }
    return false;
}

bool mli_steps_need_input(const char *list)
{
    const char *name;
    size_t bytes;

    while (mli_steps_next(&list, &name, &bytes)) {
        size_t i = mli_step_kind_index(name, bytes);

        if (i < mli_step_kind_count() && mli_step_kind_at(i)->needs_input) {
            return true;
        }
    }
    return false;
}

/* Marks what the marked steps need (and want), until nothing is added: they point backwards. */
static void mark_before(bool marks[MLI_STEP_MAX], bool wanted_too)
{
    for (size_t i = mli_step_kind_count(); i > 0; i--) {
        const mli_step_kind *kind = mli_step_kind_at(i - 1);
        const char *lists[] = {kind->needs, wanted_too && kind->wants != NULL ? kind->wants : ""};
        const char *name;
        size_t bytes;

        for (size_t k = 0; marks[i - 1] && k < 2; k++) {
            while (mli_steps_next(&lists[k], &name, &bytes)) {
                size_t at = mli_step_kind_index(name, bytes);

                if (at < mli_step_kind_count()) {
                    marks[at] = true;
                }
            }
        }
    }
}

/* Whether the step of `index` cannot be without the one of `on`. */
static bool depends(size_t index, size_t on)
{
    bool marks[MLI_STEP_MAX] = {false};

    marks[index] = true;
    mark_before(marks, false);
    return marks[on];
}

bool mli_steps_tolerate(const char *steps, const char *name)
{
    size_t count = mli_step_kind_count(), failed = mli_step_kind_index(name, strlen(name));
    bool before[MLI_STEP_MAX] = {false};
    const char *other;
    size_t bytes;

    if (failed == count || !mli_step_kind_at(failed)->may_fail) {
        return false;
    }
    before[failed] = true;
    /* what leads to a step has its purpose there; but one that is always done comes on top */
    mark_before(before, !mli_step_kind_at(failed)->always);
    while (mli_steps_next(&steps, &other, &bytes)) {
        size_t i = mli_step_kind_index(other, bytes);

        if (i < count && !before[i] && !mli_step_kind_at(i)->always && !depends(i, failed)) {
            return true;
        }
    }
    return false;
}

/* Of a short name one letter may be wrong, of a long one three: further away is another name. */
const char *mli_pipeline_nearest(const char *name, bool among_pipelines)
{
    const char *best = NULL;
    size_t third = strlen(name) / 3;
    size_t least = third < 1 ? 2 : third > 3 ? 4 : third + 1;

    for (size_t i = 0; i < mli_step_kind_count(); i++) {
        size_t distance = mli_edit_distance(name, mli_step_kind_at(i)->name, 3);

        if (distance < least && mli_step_kind_is_offered(mli_step_kind_at(i))) {
            least = distance;
            best = mli_step_kind_at(i)->name;
        }
    }
    for (size_t i = 0; among_pipelines && i < mli_pipeline_count(); i++) {
        size_t distance = mli_edit_distance(name, mli_pipeline_at(i)->name, 3);

        if (distance < least) {
            least = distance;
            best = mli_pipeline_at(i)->name;
        }
    }
    return best;
}

static void unknown(const char *what, const char *name, const char *pointer, bool among_pipelines,
                    mli_findings *report)
{
    const char *best = mli_pipeline_nearest(name, among_pipelines);
    const char *id = among_pipelines ? "pipeline.unknown" : "pipeline.unknown_step";

    if (best != NULL) {
        mli_findings_add(report, MODELLAB_SEVERITY_ERROR, id, pointer,
                         "There is no %s \"%s\"; did you mean \"%s\"?", what, name, best);
    } else {
        mli_findings_add(report, MODELLAB_SEVERITY_ERROR, id, pointer, "There is no %s \"%s\".",
                         what, name);
    }
}

void mli_steps_resolve(const char *names, const char *pointer, mli_buf *out, mli_findings *report)
{
    bool asked[MLI_STEP_MAX] = {false}, wanted[MLI_STEP_MAX] = {false};
    const char *list = names, *name;
    size_t bytes, count = 0;
    char copy[64];

    while (mli_steps_next(&list, &name, &bytes)) {
        size_t i = mli_step_kind_index(name, bytes);

        count++;
        if (i < mli_step_kind_count()) {
            asked[i] = wanted[i] = true;
            continue;
        }
        bytes = mli_utf8_prefix(name, bytes, sizeof copy - 1);
        memcpy(copy, name, bytes);
        copy[bytes] = '\0';
        unknown("step", copy, pointer, false, report);
    }
    if (count == 0) {
        mli_findings_add(report, MODELLAB_SEVERITY_ERROR, "pipeline.empty", pointer,
                         "No step is named.");
    }
    mark_before(wanted, false);
    count = 0;
    for (size_t i = 0; i < mli_step_kind_count(); i++) {
        if (wanted[i]) {
            mli_buf_append_text(out, count++ == 0 ? "" : ",");
            mli_buf_append_text(out, mli_step_kind_at(i)->name);
        }
        if (wanted[i] && !asked[i]) {
            mli_findings_add(report, MODELLAB_SEVERITY_INFO, "pipeline.added_dependency", pointer,
                             "Step \"%s\" was added because others need it.",
                             mli_step_kind_at(i)->name);
        }
    }
}

void mli_pipeline_resolve(const char *name_or_steps, const char *pointer, mli_buf *out,
                          mli_findings *report)
{
    const mli_pipeline *pipeline = mli_pipeline_find(name_or_steps);
    const char *rest = name_or_steps, *name;
    size_t bytes;

    if (pipeline != NULL) {
        mli_buf_append_text(out, pipeline->steps);
        return;
    }
    /* a single word that is no step either was probably meant as a pipeline */
    if (mli_steps_next(&rest, &name, &bytes) &&
        mli_step_kind_index(name, bytes) == mli_step_kind_count() &&
        strchr(name_or_steps, ',') == NULL) {
        unknown("pipeline", name_or_steps, pointer, true, report);
        return;
    }
    mli_steps_resolve(name_or_steps, pointer, out, report);
}
