/* Status codes and the error object. Every call that can fail returns a modellab_status and takes
 * an optional modellab_error as its last argument, filled on failure only. Findings about data
 * (validation, reconciliation) are reports (report.h), not errors. What the lists of errors leave
 * out, as it holds for every call: E_INVALID_ARGUMENT for NULL where nothing says "optional",
 * E_ABI_TOO_SMALL and E_ABI_NEWER for structs whose `size` is not one that this library knows,
 * E_FORKED for a lab in a forked child. After a failure outputs are NULL or zero. @since 0.1 */
#ifndef MODELLAB_STATUS_H
#define MODELLAB_STATUS_H

#include <modellab/export.h>

/** 0 is success, negative values are errors (MODELLAB_E_*). Fixed width, append only. */
typedef int32_t modellab_status;

/** The one list of codes: X(name, number, sentence for people). Numbers are grouped by domain with
 * gaps, never changed and never reused. */
#define MODELLAB_STATUS_LIST(X)                                                                    \
    X(OK, 0, "success")                                                                            \
    X(E_INVALID_ARGUMENT, -1, "an argument is not valid")                                          \
    X(E_NO_MEMORY, -2, "out of memory")                                                            \
    X(E_NOT_FOUND, -3, "not found")                                                                \
    X(E_ALREADY_EXISTS, -4, "already exists")                                                      \
    X(E_PERMISSION, -5, "permission denied")                                                       \
    X(E_IO, -6, "input or output failed")                                                          \
    X(E_NO_SPACE, -7, "no space left on the device")                                               \
    X(E_CANCELLED, -8, "cancelled")                                                                \
    X(E_TIMEOUT, -9, "timed out")                                                                  \
    X(E_BUSY, -10, "in use by somebody else")                                                      \
    X(E_UNSUPPORTED, -11, "not supported")                                                         \
    X(E_INTERNAL, -12, "internal error")                                                           \
    X(E_LIMIT, -13, "a limit was exceeded")                                                        \
    X(E_BUFFER_TOO_SMALL, -14, "the buffer is too small")                                          \
    X(E_ABI_TOO_SMALL, -15, "a struct is smaller than its first released size")                    \
    X(E_ABI_NEWER, -16, "a struct sets fields that this library does not know")                    \
    X(E_FORKED, -17, "the handle belongs to the parent of this forked process")                    \
    X(E_STATE, -18, "not possible in this state")                                                  \
    X(E_CALLBACK, -19, "a callback reported failure")                                              \
    X(E_INVALID_AUDIO, -100, "the audio is not valid")                                             \
    X(E_UNSUPPORTED_FORMAT, -101, "the file format is not supported")                              \
    X(E_INVALID_JSON, -102, "the JSON text is not valid")                                          \
    X(E_SCHEMA, -103, "the document does not fulfil its schema")                                   \
    X(E_INVALID_MODEL, -104, "the model file is not valid")                                        \
    X(E_UNSUPPORTED_MODEL, -105, "the model is of a kind that is not supported")                   \
    X(E_STORE_NEWER, -200, "the store was written by a newer version")                             \
    X(E_STORE_CORRUPT, -201, "the store is damaged")                                               \
    X(E_STORE_READ_ONLY, -202, "the store can only be read")                                       \
    X(E_STORE_FAILED, -203, "the store failed and must be opened again")                           \
    X(E_RUN_FINAL, -300, "the run has already ended")                                              \
    X(E_FENCED, -301, "a newer attempt owns the run")                                              \
    X(E_CAP_EXCEEDED, -302, "a cap was exceeded")                                                  \
    X(E_RUN_FAILED, -303, "the run did not complete")                                              \
    X(E_NETWORK, -400, "the network could not be reached")                                         \
    X(E_HASH_MISMATCH, -401, "the bytes do not have the expected sha256")                          \
    X(E_REMOTE, -402, "the remote side answered with an error")                                    \
    X(E_NO_SOURCE, -403, "no source could deliver the file")                                       \
    X(E_WORKER_START, -500, "the worker could not be started")                                     \
    X(E_WORKER_DIED, -501, "the worker died")

#define MODELLAB_STATUS_ENUM_(name, number, text) MODELLAB_##name = number,
enum { MODELLAB_STATUS_LIST(MODELLAB_STATUS_ENUM_) MODELLAB_STATUS_END_ = 1 };
#undef MODELLAB_STATUS_ENUM_

/** Why a call failed. The caller owns it and sets `size` (MODELLAB_ERROR_INIT or
 * modellab_error_init()); the library fills the rest on failure and leaves it alone on success.
 * Nothing in it needs to be freed. `message` is UTF-8 and holds no absolute path and no secret. */
typedef struct modellab_error {
    size_t size;          /**< sizeof(modellab_error), set by the caller */
    modellab_status code; /**< the returned status */
    int32_t os_error;     /**< errno value behind it, or 0 */
    int64_t detail;       /**< index or byte offset that the message is about, or -1 */
    char message[256];    /**< sentence for people, always NUL-terminated */
} modellab_error;

#define MODELLAB_ERROR_INIT                                                                        \
    {                                                                                              \
        sizeof(modellab_error), 0, 0, -1,                                                          \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }

MODELLAB_BEGIN_DECLS

/** Name of a status, for example "MODELLAB_E_NOT_FOUND"; "MODELLAB_E_UNKNOWN" for others. Borrowed,
 * static. @threads any @since 0.1 */
MODELLAB_API const char *modellab_status_name(modellab_status status);

/** Sentence of a status for people. Borrowed, static. @threads any @since 0.1 */
MODELLAB_API const char *modellab_status_text(modellab_status status);

/** Fills `err` like MODELLAB_ERROR_INIT does, for callers without macros. `size` is the caller's
 * sizeof(modellab_error). @threads any @since 0.1 */
MODELLAB_API void modellab_error_init(modellab_error *err, size_t size);

MODELLAB_END_DECLS
#endif
