/* Steps stand in an order in which each comes after what it needs; resolving is marking and
 * walking. */
#include "lab/pipeline.h"

#include "base/str.h"
#include "os/file.h"
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

static const mli_step_kind steps[] = {
    {.name = "ingest",
     .text = "Decodes the input and says what audio it is.",
     .needs = "",
     .outputs = "audio.json",
     .needs_input = true},
    {.name = "asr",
     .text = "Recognises speech: the transcript with times.",
     .needs = "ingest",
     .outputs = "",
     .needs_input = true,
     .writes_transcripts = true},
    {.name = "noop",
     .text = "Does nothing; for tests of what surrounds a step.",
     .needs = "",
     .outputs = "",
     .for_tests = true},
    {.name = "program",
     .text = "Has a program started; for tests of that.",
     .needs = "",
     .outputs = "output.txt",
     .for_tests = true,
     .needs_programs = true},
};

static const mli_pipeline pipelines[] = {
    {"fast_asr_only", "Speech recognition alone; another name of transcribe.", "ingest,asr", 0},
    {"ingest", "Decodes the input and says what audio it is.", "ingest", 0},
    {"transcribe", "Speech recognition: from audio to a transcript with times.", "ingest,asr", 0},
};

_Static_assert(COUNT(steps) <= MLI_STEP_MAX, "the marks below have room for all steps");

size_t mli_pipeline_count(void)
{
    return COUNT(pipelines);
}

const mli_pipeline *mli_pipeline_at(size_t index)
{
    return index < COUNT(pipelines) ? &pipelines[index] : NULL;
}

const mli_pipeline *mli_pipeline_find(const char *name)
{
    for (size_t i = 0; i < COUNT(pipelines); i++) {
        if (strcmp(pipelines[i].name, name) == 0) {
            return &pipelines[i];
        }
    }
    return NULL;
}

/* Steps of tests are there only for whoever asked for tests. */
static bool is_offered(const mli_step_kind *step)
{
    const char *testing = step->for_tests ? mli_os_env("MODEL_LAB_TESTING") : "1";

    return testing != NULL && strcmp(testing, "1") == 0;
}

/* Index of a step by a name that is not terminated; COUNT(steps) when there is none. */
static size_t find_step(const char *name, size_t bytes)
{
    size_t i = 0;

    while (i < COUNT(steps) &&
           (strlen(steps[i].name) != bytes || memcmp(steps[i].name, name, bytes) != 0)) {
        i++;
    }
    return i < COUNT(steps) && !is_offered(&steps[i]) ? COUNT(steps) : i;
}

size_t mli_step_kind_count(void)
{
    return COUNT(steps);
}

const mli_step_kind *mli_step_kind_at(size_t index)
{
    return index < COUNT(steps) ? &steps[index] : NULL;
}

const mli_step_kind *mli_step_kind_find(const char *name)
{
    size_t i = find_step(name, strlen(name));

    return i < COUNT(steps) ? &steps[i] : NULL;
}

/* The next name of a comma-separated list, without blanks around it; false at the end. */
static bool next_name(const char **list, const char **name, size_t *bytes)
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

    while (next_name(&list, &found, &bytes)) {
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

    while (next_name(&list, &name, &bytes)) {
        size_t i = find_step(name, bytes);

        if (i < COUNT(steps) && steps[i].needs_input) {
            return true;
        }
    }
    return false;
}

static const char *nearest(const char *name, bool among_pipelines)
{
    const char *best = NULL;
    size_t least = 4;

    for (size_t i = 0; i < COUNT(steps); i++) {
        size_t distance = mli_edit_distance(name, steps[i].name, 3);

        if (distance < least && is_offered(&steps[i])) {
            least = distance;
            best = steps[i].name;
        }
    }
    for (size_t i = 0; among_pipelines && i < COUNT(pipelines); i++) {
        size_t distance = mli_edit_distance(name, pipelines[i].name, 3);

        if (distance < least) {
            least = distance;
            best = pipelines[i].name;
        }
    }
    return best;
}

static void unknown(const char *what, const char *name, const char *pointer, bool among_pipelines,
                    mli_findings *report)
{
    const char *best = nearest(name, among_pipelines);
    const char *id = among_pipelines ? "pipeline.unknown" : "pipeline.unknown_step";

    if (best != NULL) {
        mli_findings_add(report, MODELLAB_SEVERITY_ERROR, id, pointer,
                         "There is no %s \"%s\"; did you mean \"%s\"?", what, name, best);
    } else {
        mli_findings_add(report, MODELLAB_SEVERITY_ERROR, id, pointer, "There is no %s \"%s\".",
                         what, name);
    }
}

/* Marks what the marked steps need, until nothing is added; dependencies only point backwards. */
static void mark_needs(bool wanted[MLI_STEP_MAX])
{
    for (size_t i = COUNT(steps); i > 0; i--) {
        const char *list = steps[i - 1].needs, *name;
        size_t bytes;

        while (wanted[i - 1] && next_name(&list, &name, &bytes)) {
            wanted[find_step(name, bytes)] = true;
        }
    }
}

void mli_steps_resolve(const char *names, const char *pointer, mli_buf *out, mli_findings *report)
{
    bool asked[MLI_STEP_MAX] = {false}, wanted[MLI_STEP_MAX] = {false};
    const char *list = names, *name;
    size_t bytes, count = 0;
    char copy[64];

    while (next_name(&list, &name, &bytes)) {
        size_t i = find_step(name, bytes);

        count++;
        if (i < COUNT(steps)) {
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
    mark_needs(wanted);
    count = 0;
    for (size_t i = 0; i < COUNT(steps); i++) {
        if (wanted[i]) {
            mli_buf_append_text(out, count++ == 0 ? "" : ",");
            mli_buf_append_text(out, steps[i].name);
        }
        if (wanted[i] && !asked[i]) {
            mli_findings_add(report, MODELLAB_SEVERITY_INFO, "pipeline.added_dependency", pointer,
                             "Step \"%s\" was added because others need it.", steps[i].name);
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
    if (next_name(&rest, &name, &bytes) && find_step(name, bytes) == COUNT(steps) &&
        strchr(name_or_steps, ',') == NULL) {
        unknown("pipeline", name_or_steps, pointer, true, report);
        return;
    }
    mli_steps_resolve(name_or_steps, pointer, out, report);
}
