/* Uploads: <lab>/uploads/<ULID>/{data, upload.json}. Who receives one holds the lock of its data,
 * so that what a crash left is known for what it is; finished ones say so in upload.json. */
#ifndef MLI_LAB_UPLOADS_H
#define MLI_LAB_UPLOADS_H

#include "base/json.h"
#include "check/findings.h"
#include "check/probe.h"
#include "lab/lab.h"
#include <modellab/upload.h>

enum { MLI_UPLOAD_USER_BYTES = 4 * 128 + 1 };

typedef struct mli_upload_facts {
    char id[MLI_ULID_BYTES];
    char name[256]; /* UTF-8 without controls, no path */
    char user[MLI_UPLOAD_USER_BYTES];
    char sha256[65];
    char media_type[40], codec[16];
    int64_t bytes;    /* of the data; while it is received those so far */
    int64_t declared; /* -1 = not said */
    int64_t rate_hz, channels, created_ms, expires_ms;
    double seconds;
    bool is_estimate, ready;
} mli_upload_facts;

/* upload_files.c: `file` NULL: the folder; `id` NULL: the folder of all. E_LIMIT. */
MODELLAB_MUST_CHECK modellab_status mli_upload_path(const mli_lab *lab, const char *id,
                                                    const char *file, char out[MLI_PATH_BYTES],
                                                    modellab_error *err);
#define MLI_UPLOAD_DATA "data"
#define MLI_UPLOAD_FACTS "upload.json"
/* upload.json, replaced atomically; with `durable` synced. */
MODELLAB_MUST_CHECK modellab_status mli_upload_put_facts(const mli_lab *lab,
                                                         const mli_upload_facts *facts,
                                                         bool durable, modellab_error *err);
/* E_NOT_FOUND: there is none; E_STORE_CORRUPT: it makes no sense. `id` is a ULID. */
MODELLAB_MUST_CHECK modellab_status mli_upload_get_facts(const mli_lab *lab, const char *id,
                                                         mli_upload_facts *out,
                                                         modellab_error *err);
/* A finished one whose time is not over, for any text from outside as its id. E_NOT_FOUND. */
MODELLAB_MUST_CHECK modellab_status mli_upload_find(const mli_lab *lab, const char *id,
                                                    mli_upload_facts *out, modellab_error *err);
/* The public JSON of one. */
void mli_upload_write(const mli_upload_facts *facts, mli_jw *out);
MODELLAB_MUST_CHECK modellab_status mli_uploads_write(const mli_lab *lab, const char *user,
                                                      mli_buf *out, modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_upload_remove(const mli_lab *lab, const char *id,
                                                      modellab_error *err);
/* A finished one, for any text from outside. E_NOT_FOUND, E_STATE. */
MODELLAB_MUST_CHECK modellab_status mli_upload_delete(mli_lab *lab, const char *id,
                                                      modellab_error *err);

/* upload_sweep.c: what a look at all uploads took away, or would. */
typedef struct mli_uploads_found {
    int64_t removed, bytes;
} mli_uploads_found;
/* Takes away what crashes left, what is damaged and what has had its time (unless `dry_run`), and
 * makes the store's rows fit what there is. What is wrong with one upload is logged and holds up no
 * other. `report` may be NULL. */
MODELLAB_MUST_CHECK modellab_status mli_uploads_look(const mli_lab *lab, bool dry_run,
                                                     mli_findings *report, mli_uploads_found *out,
                                                     modellab_error *err);
/* The same for one of which the store has a row; what is wrong with it is logged. */
void mli_upload_look_at(const mli_lab *lab, const char *id);

/* upload_share.c: room for an upload that begins, of `more` bytes: what has had its time goes
 * first. E_CAP_EXCEEDED. */
MODELLAB_MUST_CHECK modellab_status mli_upload_make_room(const mli_lab *lab, const char *user,
                                                         int64_t more, modellab_error *err);
/* Before so many bytes of it are on disk. E_CAP_EXCEEDED. */
MODELLAB_MUST_CHECK modellab_status mli_upload_reserve(modellab_upload *upload, int64_t bytes,
                                                       modellab_error *err);
/* At its end: what it really takes. */
MODELLAB_MUST_CHECK modellab_status mli_upload_take_share(modellab_upload *upload,
                                                          modellab_error *err);

/* upload.c, upload_take.c: the public handle. */
typedef enum mli_upload_state {
    MLI_UPLOAD_LOOKS,  /* the first bytes are in `head` alone */
    MLI_UPLOAD_WRITES, /* the data is on disk, its lock is held */
    MLI_UPLOAD_READY,
    MLI_UPLOAD_REFUSED
} mli_upload_state;

struct modellab_upload {
    mli_lab *lab; /* referenced */
    modellab_logger *log;
    mli_upload_facts facts;
    mli_buf head; /* at most MLI_PROBE_BYTES, kept until the size is known */
    mli_sha256 hash;
    int64_t disk_checked; /* bytes for which there was room */
    int64_t reserved;     /* of the user's share */
    int64_t written;
    mli_upload_state state;
    int fd;
};

MODELLAB_MUST_CHECK modellab_status mli_upload_begin(mli_lab *lab,
                                                     const modellab_upload_options *options,
                                                     modellab_upload **out, modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_upload_take(modellab_upload *upload, const void *data,
                                                    size_t bytes, mli_findings *report,
                                                    modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_upload_finish(modellab_upload *upload, mli_findings *report,
                                                      modellab_error *err);
void mli_upload_unref(modellab_upload *upload);
/* One that was found, as a handle. */
MODELLAB_MUST_CHECK modellab_status mli_upload_load(mli_lab *lab, const char *id,
                                                    modellab_upload **out, modellab_error *err);
/* upload_limits.c: by what is declared: type (NULL = not said), size (-1 = not known). */
MODELLAB_MUST_CHECK modellab_status mli_upload_check_type(const char *media_type,
                                                          modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_upload_check_size(const mli_lab *lab, int64_t bytes,
                                                          modellab_error *err);
/* E_CAP_EXCEEDED: a user who has `bytes` waiting has too many. */
MODELLAB_MUST_CHECK modellab_status mli_upload_check_share(const mli_lab *lab, int64_t bytes,
                                                           modellab_error *err);
/* The caps of the user against the length of the audio. E_CAP_EXCEEDED: no run of it has room. */
MODELLAB_MUST_CHECK modellab_status mli_upload_check_caps(const mli_lab *lab, const char *user,
                                                          const mli_probe *probe,
                                                          mli_findings *report,
                                                          modellab_error *err);

#endif
