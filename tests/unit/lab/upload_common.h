/* A lab with uploads that come in pieces; what is finished and what is refused is for the tests. */
#ifndef TESTS_UNIT_LAB_UPLOAD_COMMON_H
#define TESTS_UNIT_LAB_UPLOAD_COMMON_H

#include "lab/uploads.h"
#include "unit/lab/lab_common.h"

static temp_folder folder;
static mli_lab *lab;
static unsigned char wav[WAV_BYTES];

static inline int set_up(void **state)
{
    (void)state;
    temp_folder_make(&folder);
    lab = open_lab(&folder, NULL, NULL, 0);
    assert_int_equal(WAV_BYTES, make_wav(wav, 16000, 1, 0));
    return 0;
}

static inline int tear_down(void **state)
{
    (void)state;
    mli_lab_unref(lab);
    temp_folder_remove(&folder);
    return 0;
}

static inline modellab_upload *begin_one(const char *user, int64_t bytes)
{
    modellab_upload_options o = MODELLAB_UPLOAD_OPTIONS_INIT;
    modellab_upload *u = NULL;

    o.name = "C:\\talks\\../../etc/talk.wav";
    o.user = user;
    o.bytes = bytes;
    ASSERT_OK(mli_upload_begin(lab, &o, &u, err));
    return u;
}

static inline modellab_status feed(modellab_upload *u, const void *data, size_t bytes, size_t piece,
                                   modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    mli_findings findings;

    mli_findings_begin(&findings, NULL);
    for (size_t at = 0; status == MODELLAB_OK && at < bytes; at += piece) {
        size_t rest = bytes - at;

        status = mli_upload_take(u, (const char *)data + at, rest < piece ? rest : piece, &findings,
                                 err);
    }
    mli_findings_dispose(&findings);
    return status;
}

static inline modellab_status finish(modellab_upload *u, modellab_error *err)
{
    mli_findings findings;
    modellab_status status;

    mli_findings_begin(&findings, NULL);
    status = mli_upload_finish(u, &findings, err);
    mli_findings_dispose(&findings);
    return status;
}

static inline void finished(const char *user, char id[MLI_ULID_BYTES])
{
    modellab_upload *u = begin_one(user, WAV_BYTES);

    ASSERT_OK(feed(u, wav, WAV_BYTES, 777, err));
    ASSERT_OK(finish(u, err));
    memcpy(id, u->facts.id, MLI_ULID_BYTES);
    mli_upload_unref(u);
}

#endif
