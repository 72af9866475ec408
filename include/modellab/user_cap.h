/* Caps of users: how much a user may use in an hour, a day or a month, and what each of his runs
 * may take. They stand in the store, so that all processes of a lab see the same. A run takes what
 * it is expected to need in the transaction that starts it and gives back the rest when it ends,
 * however it ends; one that has no room waits (`waiting_for_cap`). docs/operations.md. @since 0.1
 *
 * Measures and periods are names: cpu_seconds, gpu_seconds, audio_seconds, api_calls, cost, runs
 * for hour, day, month; cpu_seconds, wall_seconds, audio_seconds, peak_memory_bytes, api_calls,
 * cost for run. Periods are those of the calendar in UTC. A run counts in the period in which it
 * was started.
 *
 * Example: examples/c/user_cap.c */
#ifndef MODELLAB_USER_CAP_H
#define MODELLAB_USER_CAP_H

#include <modellab/lab.h>

/** All caps of a lab or of one user: immutable. */
typedef struct modellab_user_cap_list modellab_user_cap_list;

/** A cap. Strings are borrowed from the list. Amounts are seconds, bytes, calls, runs, or units of
 * the currency. */
typedef struct modellab_user_cap {
    size_t size;         /**< sizeof(modellab_user_cap), set by the caller */
    const char *user;    /**< "*": every user who has none of his own; "": runs without a user */
    const char *measure; /**< "cpu_seconds" */
    const char *period;  /**< "day" */
    double value;        /**< -1: explicitly none, also where "*" has one */
    double used;         /**< in the present period; -1 for "*" and for caps of each run */
    double held;         /**< by runs that execute now; likewise */
} modellab_user_cap;

MODELLAB_BEGIN_DECLS

/** Sets a cap, or replaces it. Runs that wait for a cap look again.
 * @param user   at most 128 characters; "*" = everybody who has none of his own
 * @param value  "600", "10m" (seconds), "500MiB" (bytes), "2.50" (cost); "none" = no cap at all
 * @errors E_INVALID_ARGUMENT (no such measure, period or value), E_STORE_READ_ONLY, E_STORE_FAILED,
 * E_BUSY, E_NO_SPACE, E_NO_MEMORY @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_user_cap_set(modellab_lab *lab, const char *user, const char *measure, const char *period,
                      const char *value, modellab_error *err);

/** Removes a cap: that of "*", then the configured one, counts again.
 * @errors as modellab_user_cap_set(), E_NOT_FOUND @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_user_cap_remove(modellab_lab *lab,
                                                                          const char *user,
                                                                          const char *measure,
                                                                          const char *period,
                                                                          modellab_error *err);

/** The caps that were set, with what is used and held of them now.
 * @param user      NULL = of all
 * @param[out] out  new; modellab_user_cap_list_unref()
 * @errors E_STORE_FAILED, E_NO_MEMORY @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_user_cap_list_load(
    modellab_lab *lab, const char *user, modellab_user_cap_list **out, modellab_error *err);
/** Gives a reference back; NULL is accepted. @threads any @since 0.1 */
MODELLAB_API void modellab_user_cap_list_unref(modellab_user_cap_list *list);
/** Number of items; 0 for NULL. @threads any @since 0.1 */
MODELLAB_API size_t modellab_user_cap_list_count(const modellab_user_cap_list *list);
/** Item at `index`; `out->size` must be set. @errors E_NOT_FOUND (index), E_ABI_TOO_SMALL
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_user_cap_list_at(
    const modellab_user_cap_list *list, size_t index, modellab_user_cap *out, modellab_error *err);

MODELLAB_END_DECLS
#endif
