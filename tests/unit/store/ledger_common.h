/* Runs that need something of a user's caps, and what the ledger says of it. */
#ifndef TESTS_UNIT_STORE_LEDGER_H
#define TESTS_UNIT_STORE_LEDGER_H

#include "unit/store/common.h"
#include <string.h>

#define HOUR INT64_C(3600000)
#define NOW (INT64_C(482000) * HOUR + 5000) /* some hour of 2024 */

static temp_folder folder;
static mli_store *store;

static inline int set_up(void **state)
{
    (void)state;
    temp_folder_make(&folder);
    store = open_in(&folder, NULL, false);
    return 0;
}

static inline int tear_down(void **state)
{
    (void)state;
    mli_store_close(store);
    temp_folder_remove(&folder);
    return 0;
}

static inline void add_needy(mli_store *to, int number, int64_t cpu_ms, int64_t micros)
{
    mli_event_row event = {.type = "run_queued"};
    mli_run_row row;
    char existing[MLI_ULID_BYTES];
    mli_run_row_init(&row);
    row.id = id_of(number);
    row.user = "ann";
    row.pipeline = "transcribe";
    row.currency = "USD";
    row.created_ms = NOW;
    row.audio_seconds = 10;
    row.need.of[MLI_MEASURE_CPU_MS] = cpu_ms;
    row.need.of[MLI_MEASURE_COST_MICROS] = micros;
    row.need.of[MLI_MEASURE_AUDIO_MS] = 10000;
    ASSERT_OK(mli_store_insert(to, &row, &event, 1, existing, err));
}

static inline modellab_status claim(mli_store *of, int number, int64_t now_ms, mli_hold *hold,
                                    mli_cap_verdict *verdict)
{
    char id[MLI_ULID_BYTES]; /* id_of() is for one thread */
    assert_true(snprintf(id, sizeof id, "01J00000000000000000%06d", number) == 26);
    mli_store_claim what = {
        .run_id = id, .owner = "{}", .now_ms = now_ms, .hold = hold, .verdict = verdict};
    mli_run_row *row = NULL;
    modellab_status status = mli_store_claim_run(of, &what, &row, NULL);
    mli_run_row_free(NULL, row);
    return status;
}

static inline void cap_of(const char *user, int32_t measure, int32_t period, int64_t value)
{
    mli_cap cap = {measure, period, value};
    ASSERT_OK(mli_store_cap_put(store, user, &cap, NOW, err));
}

static inline mli_usage usage_of(mli_store *of, int64_t from_ms)
{
    mli_usage usage;
    ASSERT_OK(mli_store_usage(of, "ann", from_ms / HOUR, from_ms / HOUR + 1, &usage, err));
    return usage;
}

#endif
