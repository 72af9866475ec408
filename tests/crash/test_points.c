/* Power cuts at every point of a run's life: what reaches the disk is recorded while a run is
 * submitted, claimed, worked on and settled; then the disk is made anew as it may be after each
 * operation, with subsets of what no sync had made safe, and the lab is opened on it. What was
 * acknowledged must be there; nothing may be half there. MODEL_LAB_TEST_CRASH_STATES: how many. */
#include "crash/disk_image.h"
#include "lab/ingest.h"
#include "lab/reconcile.h"
#include "lab/snapshot.h"
#include "lab/state.h"
#include "lab/submit.h"
#include "unit/lab/lab_common.h"
#include <stdlib.h>

#define STATES 20000
#define ARTIFACT "{\"text\":\"what was said\"}"

/* What the caller was promised from here on. */
enum { ACK_NOTHING, ACK_QUEUED, ACK_RUNNING, ACK_OUTCOME, ACK_COMPLETED };

typedef struct story {
    temp_folder folder;
    char root[512], id[MLI_ULID_BYTES];
    disk_log log;
} story;

static mli_lab *open_at(const char *root, const mli_os_files *files)
{
    modellab_lab_options options = MODELLAB_LAB_OPTIONS_INIT;
    mli_lab_tables tables = {.files = files};
    mli_lab *lab = NULL;
    options.models_root = root;
    options.cache_root = root;
    ASSERT_OK(mli_lab_open(root, &options, &tables, &lab, err));
    lab->settings.min_free_bytes = 0;
    return lab;
}

static void say_done(mli_journal_writer *journal, const char *type)
{
    mli_jw *line = mli_journal_begin(journal, type);
    mli_jw_kstring(line, "step", "ingest");
    mli_jw_kint(line, "position", 0);
    mli_jw_kint(line, "attempt", 1);
    mli_jw_kint(line, "started_ms", 1000);
    if (strcmp(type, "step_done") == 0) {
        mli_jw_kstring(line, "status", "COMPLETED");
        mli_jw_kstring(line, "reason", "none");
    }
    ASSERT_OK(mli_journal_end(journal, strcmp(type, "step_done") == 0, err));
}

static void say_artifact(mli_lab *lab, const char *run_id, mli_journal_writer *journal)
{
    char id[MLI_ULID_BYTES];
    char file[96];
    char sha256[65];
    ASSERT_OK(mli_artifact_file(1, "audio.json", file, err));
    ASSERT_OK(mli_artifact_write(lab->os.files, lab->root, run_id, file, ARTIFACT, strlen(ARTIFACT),
                                 sha256, err));
    assert_int_equal(mli_ulid_new(&mli_os_system_clock, &mli_os_system_random, id), 0);
    mli_jw *line = mli_journal_begin(journal, "artifact");
    mli_jw_kstring(line, "id", id);
    mli_jw_kstring(line, "step", "ingest");
    mli_jw_kstring(line, "name", "audio.json");
    mli_jw_kstring(line, "file", file);
    mli_jw_kstring(line, "media_type", "application/json");
    mli_jw_kstring(line, "role", "result");
    mli_jw_kstring(line, "sha256", sha256);
    mli_jw_kint(line, "bytes", (int64_t)strlen(ARTIFACT));
    ASSERT_OK(mli_journal_end(journal, true, err));
}

/* The part of the worker, with the journal as it would have it. */
static void work(story *s, mli_lab *lab, const mli_run_row *row, mli_ingest *ingest)
{
    char path[MLI_PATH_BYTES];
    mli_journal_tail tail;
    mli_journal_writer journal;
    const mli_os_files *f = lab->os.files;
    ASSERT_OK(mli_run_path(lab->root, s->id, MLI_RUN_JOURNAL, path, err));
    ASSERT_OK(mli_journal_prepare(f, path, 0, NULL, &tail, err));
    int fd = f->open(f->user, path, MLI_OS_WRITE | MLI_OS_APPEND | MLI_OS_CREATE, 0600);
    assert_true(fd >= 0);
    mli_journal_writer_init(&journal, NULL, f, &mli_os_system_clock, fd, row->fence, &tail);
    say_done(&journal, "step_started");
    ASSERT_OK(mli_ingest_pump(ingest, NULL, err));
    say_artifact(lab, s->id, &journal);
    say_done(&journal, "step_done");
    ASSERT_OK(mli_ingest_pump(ingest, NULL, err));
    mli_jw *line = mli_journal_begin(&journal, "outcome");
    mli_jw_kstring(line, "status", "COMPLETED");
    mli_jw_kstring(line, "reason", "none");
    mli_jw_kreal(line, "audio_seconds", 1.0);
    ASSERT_OK(mli_journal_end(&journal, true, err));
    disk_log_ack(&s->log, ACK_OUTCOME);
    mli_journal_writer_dispose(&journal);
    assert_int_equal(f->close(f->user, fd), 0);
}

static void settle(mli_ingest *ingest)
{
    mli_settlement settlement;
    mli_host_measures host = MLI_HOST_MEASURES_INIT;
    modellab_run_status to = 0;
    ASSERT_OK(mli_ingest_pump(ingest, NULL, err));
    mli_settle_view view = {
        .outcome = ingest->outcome, .end = MLI_WORKER_EXITED, .code = 0, .attempt = 1};
    mli_settle_decide(&view, &settlement);
    ASSERT_OK(mli_ingest_settle(ingest, &settlement, &host, &to, err));
    assert_int_equal(to, MODELLAB_RUN_COMPLETED);
}

static int tell(void **state)
{
    static story s;
    static unsigned char wav[WAV_BYTES];
    modellab_run_submit_options o = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
    mli_run_row *row = NULL;
    mli_ingest ingest;
    int lock = -1;
    temp_folder_make(&s.folder);
    (void)snprintf(s.root, sizeof(s.root), "%s/lab", s.folder.path);
    assert_int_equal(mli_os_system_files.mkdir(NULL, s.root, 0700), 0);
    disk_log_begin(&s.log, s.root);
    mli_lab *lab = open_at(s.root, &s.log.files);
    o.request = "{\"pipeline\":\"ingest\"}";
    o.input_data = wav;
    o.input_bytes = make_wav(wav, 16000, 1, 0);
    ASSERT_OK(mli_run_submit(lab, &o, s.id, NULL, err));
    disk_log_ack(&s.log, ACK_QUEUED);
    ASSERT_OK(mli_rundir_lock(lab->os.files, lab->root, s.id, &lock, err));
    mli_store_claim claim = {.run_id = s.id, .owner = "{}", .now_ms = mli_lab_now_ms(lab)};
    ASSERT_OK(mli_store_claim_run(lab->store, &claim, &row, err));
    ASSERT_OK(mli_manifest_refresh(lab, s.id, err));
    disk_log_ack(&s.log, ACK_RUNNING);
    mli_ingest_open(&ingest, lab, row);
    work(&s, lab, row, &ingest);
    settle(&ingest);
    disk_log_ack(&s.log, ACK_COMPLETED);
    mli_ingest_close(&ingest);
    mli_run_row_free(lab->alloc, row);
    assert_int_equal(lab->os.files->close(lab->os.files->user, lock), 0);
    mli_lab_unref(lab); /* the last connection: SQLite empties its log into the database */
    disk_log_end(&s.log);
    *state = &s;
    return 0;
}

static int forget_story(void **state)
{
    story *s = *state;
    disk_log_free(&s->log);
    temp_folder_remove(&s->folder);
    return 0;
}

static int promised(const disk_log *log, size_t count)
{
    int ack = ACK_NOTHING;
    for (size_t i = 0; i < count; i++) {
        ack = log->ops[i].what == DISK_ACK ? log->ops[i].inode : ack;
    }
    return ack;
}

/* The first thing that is wrong; NULL when nothing is. */
static const char *wrong_events(mli_lab *lab, const mli_run_row *run)
{
    mli_event_row_list *events = NULL;
    const char *wrong = NULL;
    size_t ends = 0;
    ASSERT_OK(mli_store_events(lab->store, run->id, 0, 1000, &events, err));
    for (size_t i = 0; i < events->count; i++) {
        wrong = events->rows[i].number == (int64_t)i + 1 ? wrong : "events have gaps";
        for (modellab_run_status to = MODELLAB_RUN_COMPLETED; to <= MODELLAB_RUN_STALE; to++) {
            ends += strcmp(events->rows[i].type, mli_state_event(to)) == 0;
        }
    }
    wrong = events->count == (size_t)run->last_event ? wrong : "the record counts other events";
    wrong = ends == (mli_status_is_final(run->status) ? 1u : 0u) ? wrong : "not one end";
    mli_event_row_list_free(events);
    return wrong;
}

static const char *wrong_artifacts(mli_lab *lab, const mli_run_record *record, int ack)
{
    mli_buf text;
    const char *wrong = NULL;
    if (ack >= ACK_OUTCOME && record->artifact_count != 1) {
        return "the artifact is lost";
    }
    for (size_t i = 0; i < record->artifact_count; i++) {
        const mli_artifact_row *a = &record->artifacts[i];
        mli_buf_init(&text, NULL);
        if (mli_artifact_read(lab->os.files, lab->root, record->run->id, a->file, 4096, a->sha256,
                              &text, NULL) != MODELLAB_OK) {
            wrong = "an artifact is not what its row says";
        }
        mli_buf_dispose(&text);
    }
    return wrong;
}

static const char *wrong_files(mli_lab *lab, const mli_run_row *run)
{
    mli_buf text;
    const char *wrong = NULL;
    mli_buf_init(&text, NULL);
    if (mli_manifest_read(lab->os.files, lab->root, run->id, &text, NULL) != MODELLAB_OK) {
        wrong = "the manifest cannot be read";
    }
    mli_buf_clear(&text);
    if (mli_run_file_read(lab->os.files, lab->root, run->id, MLI_RUN_INPUT, WAV_BYTES, &text,
                          NULL) != MODELLAB_OK ||
        (int64_t)text.size != run->input_bytes) {
        wrong = "the input is not whole";
    } else {
        char sha256[65];
        mli_sha256 hash;
        mli_sha256_init(&hash);
        mli_sha256_update(&hash, text.data, text.size);
        mli_sha256_hex(&hash, sha256);
        wrong = strcmp(sha256, run->input_sha256) == 0 ? wrong : "the input is another one";
    }
    mli_buf_dispose(&text);
    return wrong;
}

static const char *wrong_record(mli_lab *lab, const char *id, int ack)
{
    mli_run_record *record = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_status status = mli_store_load(lab->store, id, &record, &err);
    if (status == MODELLAB_E_NOT_FOUND) {
        return ack >= ACK_QUEUED ? "an acknowledged run is lost" : NULL;
    }
    if (status != MODELLAB_OK) {
        return "the record cannot be read";
    }
    modellab_run_status now = record->run->status;
    const char *wrong = NULL;
    if (now == MODELLAB_RUN_RUNNING) {
        wrong = "nobody executes it and it is RUNNING";
    } else if (ack >= ACK_RUNNING && now == MODELLAB_RUN_QUEUED) {
        wrong = "an acknowledged claim is lost";
    } else if (ack >= ACK_OUTCOME && now != MODELLAB_RUN_COMPLETED) {
        wrong = "it was completed and is not";
    }
    wrong = wrong != NULL ? wrong : wrong_events(lab, record->run);
    wrong = wrong != NULL ? wrong : wrong_artifacts(lab, record, ack);
    wrong = wrong != NULL ? wrong : wrong_files(lab, record->run);
    mli_run_record_free(record);
    return wrong;
}

/* A new machine finds this disk. */
static const char *wrong_disk(const story *s, const disk_image *image, int ack)
{
    modellab_lab_options options = MODELLAB_LAB_OPTIONS_INIT;
    modellab_error err = MODELLAB_ERROR_INIT;
    char root[600];
    mli_lab *lab = NULL;
    (void)snprintf(root, sizeof(root), "%s/cut", s->folder.path);
    assert_int_equal(mli_os_remove_tree(&mli_os_system_files, root), 0);
    assert_int_equal(mli_os_system_files.mkdir(NULL, root, 0700), 0);
    disk_image_write(image, root);
    options.models_root = options.cache_root = root;
    if (mli_lab_open(root, &options, NULL, &lab, &err) != MODELLAB_OK) {
        return "the lab does not open";
    }
    const char *wrong = NULL;
    if (mli_reconcile(lab, MLI_RECONCILE_FILES, NULL, &err) != MODELLAB_OK) {
        wrong = "reconciling fails";
    }
    wrong = wrong != NULL ? wrong : wrong_record(lab, s->id, ack);
    mli_lab_unref(lab);
    return wrong;
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* Disks that were looked at before are not looked at again. */
typedef struct seen {
    uint64_t *sorted, *fresh;
    size_t sorted_count, fresh_count;
} seen;

enum { FRESH = 256 };

static bool is_new(seen *set, uint64_t hash)
{
    if (bsearch(&hash, set->sorted, set->sorted_count, sizeof(hash), by_value) != NULL) {
        return false;
    }
    for (size_t i = 0; i < set->fresh_count; i++) {
        if (set->fresh[i] == hash) {
            return false;
        }
    }
    set->fresh[set->fresh_count++] = hash;
    if (set->fresh_count == FRESH) {
        memcpy(set->sorted + set->sorted_count, set->fresh, sizeof(uint64_t) * FRESH);
        set->sorted_count += FRESH;
        set->fresh_count = 0;
        qsort(set->sorted, set->sorted_count, sizeof(uint64_t), by_value);
    }
    return true;
}

typedef struct tally {
    size_t states, disks;
    const char *wrong; /* the first */
    size_t at;
    uint64_t seed;
    disk_luck luck;
} tally;

/* Every prefix, as often as `states` asks for; ends at the first violation. */
static tally cut(const story *s, disk_forget forget, void *arg, size_t states)
{
    tally t = {0};
    disk_plan *plan = disk_plan_make(&s->log, forget, arg);
    size_t each = states / (s->log.count + 1) + 1;
    each = each < 2 ? 2 : each;
    seen set = {calloc((s->log.count + 2) * each + FRESH, sizeof(uint64_t)),
                calloc(FRESH, sizeof(uint64_t)), 0, 0};
    assert_non_null(set.sorted);
    assert_non_null(set.fresh);
    for (size_t count = 0; count <= s->log.count && t.wrong == NULL; count++) {
        int ack = promised(&s->log, count);
        for (size_t k = 0; k < each && t.wrong == NULL; k++) {
            t.luck = k == 0 ? DISK_ALL : k == 1 ? DISK_NOTHING : DISK_SOME;
            t.seed = count * 1000003u + k;
            t.at = count;
            t.states++;
            disk_image *image = disk_image_make(plan, count, t.luck, t.seed);
            if (is_new(&set, disk_image_hash(image) * 31 + (uint64_t)ack)) {
                t.disks++;
                t.wrong = wrong_disk(s, image, ack);
            }
            disk_image_free(image);
        }
    }
    free(set.sorted);
    free(set.fresh);
    disk_plan_free(plan);
    return t;
}

static size_t wanted_states(void)
{
    const char *text = getenv("MODEL_LAB_TEST_CRASH_STATES");
    long n = text != NULL ? strtol(text, NULL, 10) : 0;
    return n > 0 ? (size_t)n : STATES;
}

static void no_power_cut_loses_what_was_promised(void **state)
{
    story *s = *state;
    tally t = cut(s, NULL, NULL, wanted_states());
    print_message("%zu operations, %zu states, %zu different disks\n", s->log.count, t.states,
                  t.disks);
    if (t.wrong != NULL) {
        fail_msg("after operation %zu of %zu (luck %d, seed %llu): %s", t.at, s->log.count,
                 (int)t.luck, (unsigned long long)t.seed, t.wrong);
    }
}

/* --- planted: one kind of sync is never made --- */

static const char *path_of(const disk_log *log, size_t sync)
{
    if (log->ops[sync].what == DISK_SYNC_DIR) {
        return log->ops[sync].path;
    }
    const char *path = "";
    for (size_t i = 0; i < sync; i++) {
        if (log->ops[i].what == DISK_CREATE && log->ops[i].inode == log->ops[sync].inode) {
            path = log->ops[i].path;
        }
    }
    return path;
}

typedef struct missing_sync {
    const char *name, *part; /* of the path of the file or folder */
    disk_what what;
} missing_sync;

static bool is_missing(const disk_log *log, size_t sync, void *arg)
{
    const missing_sync *m = arg;
    return log->ops[sync].what == m->what && strstr(path_of(log, sync), m->part) != NULL;
}

static void each_missing_sync_is_found(void **state)
{
    story *s = *state;
    char run[64];
    (void)snprintf(run, sizeof(run), "runs/%s", s->id);
    const missing_sync kinds[] = {
        {"of the store's log", "lab.sqlite-wal", DISK_SYNC},
        {"of the input", "input", DISK_SYNC},
        {"of the journal", "journal.jsonl", DISK_SYNC},
        {"of an artifact", "artifacts/", DISK_SYNC},
        {"of the folder of artifacts", "artifacts", DISK_SYNC_DIR},
        {"of the run's folder", run, DISK_SYNC_DIR},
        {"of folders", "", DISK_SYNC_DIR},
    };
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        missing_sync kind = kinds[i];
        tally t = cut(s, is_missing, &kind, 2000);
        if (t.wrong == NULL) {
            fail_msg("a missing sync %s was not found in %zu states", kind.name, t.states);
        }
        print_message("without the sync %s: %s (operation %zu)\n", kind.name, t.wrong, t.at);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_power_cut_loses_what_was_promised),
        cmocka_unit_test(each_missing_sync_is_found),
    };

    return cmocka_run_group_tests_name("crash points", tests, tell, forget_story);
}
