/* A store in a folder of its own, and rows for it. */
#ifndef TESTS_UNIT_STORE_COMMON_H
#define TESTS_UNIT_STORE_COMMON_H

#include "store/store.h"
#include "unit/temp_folder.h"
#include "unit/unit.h"

#define ASSERT_OK(call)                                                                            \
    do {                                                                                           \
        modellab_error err_ = MODELLAB_ERROR_INIT, *err = &err_;                                   \
        modellab_status status_ = (call);                                                          \
        if (status_ != MODELLAB_OK) {                                                              \
            fail_msg("%s: %d %s", #call, (int)status_, err_.message);                              \
        }                                                                                          \
        (void)err;                                                                                 \
    } while (0)
#define ASSERT_FAILS(expected, call)                                                               \
    do {                                                                                           \
        modellab_error err_ = MODELLAB_ERROR_INIT, *err = &err_;                                   \
        assert_int_equal((expected), (call));                                                      \
        assert_int_equal((expected), err_.code);                                                   \
        assert_true(err_.message[0] != '\0');                                                      \
        (void)err;                                                                                 \
    } while (0)

/* Ids in order: number 1, 2, 3 ... */
static inline const char *id_of(int number)
{
    static char ids[8][MLI_ULID_BYTES];
    static int turn;

    turn = (turn + 1) % 8;
    assert_true(snprintf(ids[turn], MLI_ULID_BYTES, "01J00000000000000000%06d", number) == 26);
    return ids[turn];
}

static inline mli_store *open_in(const temp_folder *folder, const modellab_allocator *alloc,
                                 bool read_only)
{
    char path[512];
    mli_store *store = NULL;
    mli_store_options options = {.path = path, .alloc = alloc, .read_only = read_only};

    assert_true(snprintf(path, sizeof path, "%s/lab.sqlite", folder->path) > 0);
    ASSERT_OK(mli_store_open_sqlite(&options, &store, err));
    return store;
}

static inline void add_run(mli_store *store, int number, int32_t priority, int64_t created_ms)
{
    mli_event_row event = {.type = "run_queued"};
    mli_run_row row;
    char existing[MLI_ULID_BYTES];

    mli_run_row_init(&row);
    row.id = id_of(number);
    row.user = "ann";
    row.pipeline = "transcribe";
    row.model = "whisper-tiny.en";
    row.currency = "USD";
    row.request_id = "req-1";
    row.priority = priority;
    row.created_ms = created_ms;
    row.audio_seconds = 10;
    ASSERT_OK(mli_store_insert(store, &row, &event, 1, existing, err));
}

static inline void claim_run(mli_store *store, int number, int64_t now_ms)
{
    mli_store_claim claim = {.run_id = id_of(number), .owner = "{\"pid\":1}", .now_ms = now_ms};
    mli_run_row *row = NULL;

    ASSERT_OK(mli_store_claim_run(store, &claim, &row, err));
    assert_int_equal(MODELLAB_RUN_RUNNING, row->status);
    mli_run_row_free(NULL, row);
}

static inline modellab_status end_run(mli_store *store, int number, int64_t fence,
                                      modellab_run_status to, int64_t now_ms, modellab_error *err)
{
    mli_run_transition transition = {.to = to, .event_type = "run_completed"};
    mli_run_measures measures = MLI_RUN_MEASURES_INIT;
    mli_store_change change = {.run_id = id_of(number),
                               .fence = fence,
                               .expect = MODELLAB_RUN_RUNNING,
                               .now_ms = now_ms,
                               .measures = &measures,
                               .transition = &transition};

    measures.cpu_seconds = 2.5;
    measures.cost_micros = 1000;
    measures.peak_memory_bytes = 100000000;
    return mli_store_apply(store, &change, NULL, NULL, err);
}

#endif
