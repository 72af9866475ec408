/* Uploads: a file that comes in pieces, as from the network, and waits in the lab for the runs that
 * are made of it. It is looked at as it comes: what is too large, has no room on the disk or in the
 * user's share, or is no audio that works here is refused at its first bytes, and nothing of it
 * stays on disk. A finished upload survives power loss, and is gone by itself some time later
 * (MODEL_LAB_UPLOAD_HOURS); what a crash left of one that was not finished goes with the next
 * reconciliation. @since 0.1
 *
 * Example: examples/c/upload.c */
#ifndef MODELLAB_UPLOAD_H
#define MODELLAB_UPLOAD_H

#include <modellab/lab.h>

/** An upload: being received until modellab_upload_finish(), immutable from then on. */
typedef struct modellab_upload modellab_upload;

/** What is known of an upload before its first byte. Zero or NULL is the default. */
typedef struct modellab_upload_options {
    size_t size;            /**< sizeof(modellab_upload_options) */
    const char *name;       /**< to record, never a path; NULL = "upload" */
    const char *media_type; /**< as declared, "audio/wav"; NULL = not said. One that surely cannot
                               work is refused; what counts are the bytes */
    const char *user;       /**< whose it is, at most 128 characters; NULL = nobody's. Runs of other
                               users do not find it */
    const char *request_id; /**< for the log; NULL = none */
    int64_t bytes;          /**< declared size: more or fewer are refused; -1 = not known */
    int64_t keep_ms;        /**< how long it waits for its runs; 0 = as configured, also the most */
} modellab_upload_options;

#define MODELLAB_UPLOAD_OPTIONS_INIT                                                               \
    {                                                                                              \
        sizeof(modellab_upload_options), NULL, NULL, NULL, NULL, -1, 0                             \
    }

/** Facts of an upload. Strings are borrowed from the modellab_upload. Of one that is being received
 * bytes are those so far, and the other facts are empty or -1. */
typedef struct modellab_upload_info {
    size_t size; /**< sizeof(modellab_upload_info), set by the caller */
    const char *id;
    const char *name;
    const char *user;
    const char *media_type; /**< by its header, not as declared */
    const char *codec;
    const char *sha256;
    int64_t bytes;
    int64_t rate_hz;         /**< -1 = the header does not say */
    int64_t channels;        /**< likewise */
    double duration_seconds; /**< by the header, -1 = it does not say */
    int64_t created_ms;      /**< since 1970 UTC */
    int64_t expires_ms;      /**< from when on it counts as gone */
    int32_t is_ready;        /**< 1: finished */
    int32_t is_estimate;     /**< 1: the duration is guessed from size and bit rate */
} modellab_upload_info;

MODELLAB_BEGIN_DECLS

/** Fills the options like their INIT macro. @threads any @since 0.1 */
MODELLAB_API void modellab_upload_options_init(modellab_upload_options *options, size_t size);

/** Begins an upload: declared type and size, disk and share of the user are looked at. Nothing is
 * written before its first bytes are known to be audio.
 * @param options   NULL = nothing is known
 * @param[out] out  new; give it back with modellab_upload_unref()
 * @errors E_UNSUPPORTED_FORMAT (the declared type), E_LIMIT (larger than
 * MODEL_LAB_WORKBENCH_MAX_UPLOAD_BYTES), E_NO_SPACE, E_CAP_EXCEEDED (more than the user may have
 * waiting, MODEL_LAB_UPLOAD_USER_BYTES), E_INVALID_ARGUMENT, E_STORE_READ_ONLY, E_IO, E_NO_MEMORY
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_upload_begin(modellab_lab *lab, const modellab_upload_options *options,
                      modellab_upload **out, modellab_error *err);

/** Takes the next bytes. The header is probed as soon as enough of it is there, 64 KiB at most (a
 * container that cannot be decoded here is known by its first 16 bytes). After a refusal nothing is
 * on disk, and the upload takes nothing more (E_STATE).
 * @param[out] report  optional; new report when the probe found something, also on refusal
 * @errors E_INVALID_AUDIO, E_UNSUPPORTED_FORMAT, E_LIMIT, E_NO_SPACE, E_CAP_EXCEEDED (the share, or
 * a cap on audio that no run of it could meet), E_INVALID_ARGUMENT (more bytes than declared),
 * E_STATE (refused before, or finished), E_STORE_FAILED, E_IO, E_NO_MEMORY
 * @threads confined @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_upload_write(modellab_upload *upload,
                                                                       const void *data,
                                                                       size_t bytes,
                                                                       modellab_report **report,
                                                                       modellab_error *err);

/** Ends the upload; when it returns OK, the file survives power loss. On failure nothing is on
 * disk.
 * @param[out] report  optional; as modellab_upload_write()
 * @errors as modellab_upload_write(); E_INVALID_ARGUMENT (fewer bytes than declared)
 * @threads confined @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_upload_finish(modellab_upload *upload,
                                                                        modellab_report **report,
                                                                        modellab_error *err);

/** Gives the handle back; NULL is accepted. What was not finished is taken off the disk with it, a
 * finished upload stays. @threads confined @since 0.1 */
MODELLAB_API void modellab_upload_unref(modellab_upload *upload);

/** Copies the facts. `info->size` must be set. @errors E_ABI_TOO_SMALL
 * @threads confined, any for a finished one @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_upload_get_info(
    const modellab_upload *upload, modellab_upload_info *info, modellab_error *err);

/** The facts as JSON: id, name, user, bytes, sha256, media_type, codec, rate_hz, channels,
 * duration_seconds, is_estimate, created_at, expires_at; null for what is not known.
 * @param[out] out  new; modellab_buffer_destroy()
 * @errors E_NO_MEMORY @threads confined, any for a finished one @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_upload_to_json(const modellab_upload *upload, modellab_buffer **out, modellab_error *err);

/** A finished upload by its id. @param[out] out new; give it back with modellab_upload_unref()
 * @errors E_NOT_FOUND (none, not finished, or its time is over), E_STORE_CORRUPT (its facts are
 * damaged), E_IO, E_NO_MEMORY @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_upload_load(modellab_lab *lab,
                                                                      const char *id,
                                                                      modellab_upload **out,
                                                                      modellab_error *err);

/** Finished uploads, newest first, as a JSON array of such objects.
 * @param user      only those of this user; NULL = of all
 * @param[out] out  new; modellab_buffer_destroy()
 * @errors E_IO, E_NO_MEMORY @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_upload_list(modellab_lab *lab,
                                                                      const char *user,
                                                                      modellab_buffer **out,
                                                                      modellab_error *err);

/** Removes a finished upload. Runs and experiments that were made of it keep their input.
 * @errors E_NOT_FOUND, E_STATE (it is being received), E_STORE_READ_ONLY, E_IO
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_upload_delete(modellab_lab *lab,
                                                                        const char *id,
                                                                        modellab_error *err);

MODELLAB_END_DECLS
#endif
