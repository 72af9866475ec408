/* Runs of the crash tests from their request to their end, and what they leave: artifacts of the
 * first attempt, the record. */
#include "crash/kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

modellab_run *kit_execute(kit *k, const char *fail_step, const char *run_id)
{
    pid_t host = kit_start_host(k, &(kit_host){.fail_step = fail_step});
    (void)kit_wait_final(k, run_id);
    kit_stop_host(k, host);
    return kit_load(k, run_id);
}

modellab_run *kit_execute_bare(kit *k, const char *request, const char *fail_step,
                               char run_id[MODELLAB_RUN_ID_BYTES])
{
    kit_submit_bare(k, request, run_id);
    return kit_execute(k, fail_step, run_id);
}

modellab_run *kit_execute_sample(kit *k, const char *request, const char *fail_step,
                                 char run_id[MODELLAB_RUN_ID_BYTES])
{
    kit_submit_sample(k, request, 1, run_id);
    return kit_execute(k, fail_step, run_id);
}

char *kit_read_artifact(const kit *k, const char *run_id, const char *name, size_t *bytes)
{
    char path[512], file[64];
    assert_true(snprintf(file, sizeof(file), "artifacts/1-%s", name) < (int)sizeof(file));
    kit_run_path(k, run_id, file, path);
    return kit_read_bytes(path, bytes);
}

mli_json *kit_read_json(const kit *k, const char *run_id, const char *name)
{
    size_t bytes = 0;
    mli_json *root = NULL;
    char *text = kit_read_artifact(k, run_id, name, &bytes);
    assert_int_equal(mli_json_parse(text, bytes, 1 << 20, &root, NULL), MODELLAB_OK);
    free(text);
    return root;
}

void kit_expect_json(const modellab_run *run, const char *part)
{
    modellab_buffer *json = NULL;
    assert_int_equal(modellab_run_to_json(run, &json, NULL), MODELLAB_OK);
    if (strstr(modellab_buffer_data(json), part) == NULL) {
        fail_msg("no %s in %s", part, (const char *)modellab_buffer_data(json));
    }
    modellab_buffer_destroy(json);
}
