/* Opening and closing a lab: its folders, its settings, its store. */
#include "lab/lab.h"
#include "lab/default_model.h"

#include "base/alloc.h"
#include "base/config.h"
#include "base/error.h"
#include "base/sized.h"
#include "check/schema.h"
#include "lab/health_probe.h"
#include "lab/pricing.h"
#include "lab/reserve.h"
#include "lab/tally.h"
#include "lab/user_caps.h"
#include "log/logger.h"
#include "os/locale.h"
#include "os/poller.h"
#include "os/process.h"
#include "os/socket.h"
#include "os/thread.h"
#include "os/words.h"
#include <errno.h>
#include <string.h>

#define FOLDER_MODE 0700
#define DAY_MS ((int64_t)24 * 3600 * 1000)

static void take_tables(mli_lab *lab, const mli_lab_tables *tables)
{
    static const mli_lab_tables none;

    tables = tables == NULL ? &none : tables;
    lab->os.clock = tables->clock != NULL ? tables->clock : &mli_os_system_clock;
    lab->os.random = tables->random != NULL ? tables->random : &mli_os_system_random;
    lab->os.files = tables->files != NULL ? tables->files : &mli_os_system_files;
    lab->os.processes = tables->processes != NULL ? tables->processes : &mli_os_system_processes;
    lab->os.channels = tables->channels != NULL ? tables->channels : &mli_os_system_channels;
    lab->os.pollers = tables->pollers != NULL ? tables->pollers : &mli_os_system_pollers;
    lab->os.words = tables->words != NULL ? tables->words : &mli_os_system_words;
    lab->os.health_in_caller = tables->health_in_caller;
}

/* A folder of the caller, or the configured one; absolute and new. */
MODELLAB_MUST_CHECK static modellab_status
take_folder(mli_lab *lab, const char *given, const char *variable, char **out, modellab_error *err)
{
    char path[MLI_PATH_BYTES];
    int rc;

    if (given == NULL || given[0] == '\0') {
        return mli_config_folder(lab->alloc, variable, out, err);
    }
    rc = mli_os_absolute(given, path, sizeof path);
    if (rc != 0) {
        return mli_fail_os(err, -rc, "the folder's path cannot be used");
    }
    *out = mli_strdup(lab->alloc, path);
    return *out == NULL ? mli_no_memory(err) : MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status read_queue_settings(mli_lab_settings *settings,
                                                               modellab_error *err)
{
    modellab_status status =
        mli_config_int("MODEL_LAB_MAX_QUEUE_DURATION_SECONDS", 0, &settings->max_queue_ms, err);

    if (status == MODELLAB_OK) {
        status = mli_config_int("MODEL_LAB_MAX_RUNNING", 0, &settings->max_running, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_config_int("MODEL_LAB_MAX_RUNNING_PER_USER", 0,
                                &settings->max_running_per_user, err);
    }
    return status == MODELLAB_OK
               ? mli_config_int("MODEL_LAB_SHORT_RUN_SECONDS", 10000, &settings->short_run_ms, err)
               : status;
}

MODELLAB_MUST_CHECK static modellab_status read_sandbox(mli_lab_settings *settings,
                                                        modellab_error *err)
{
    char *mode = NULL;
    int64_t required = 0;
    modellab_status status = mli_config_get(NULL, "MODEL_LAB_SANDBOX", &mode, NULL, err);

    settings->sandbox_off = mode != NULL && strcmp(mode, "off") == 0;
    mli_free(NULL, mode);
    if (status == MODELLAB_OK) {
        status = mli_config_int("MODEL_LAB_REQUIRE_SANDBOX", 0, &required, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_config_int("MODEL_LAB_WORKER_ADDRESS_BYTES", 0,
                                &settings->worker_address_bytes, err);
    }
    settings->require_sandbox = required != 0;
    return status;
}

MODELLAB_MUST_CHECK static modellab_status read_uploads(mli_lab_settings *settings,
                                                        modellab_error *err)
{
    modellab_status status = mli_config_int("MODEL_LAB_WORKBENCH_MAX_UPLOAD_BYTES",
                                            200 * 1024 * 1024, &settings->max_upload_bytes, err);

    if (status == MODELLAB_OK) {
        status = mli_config_int("MODEL_LAB_UPLOAD_USER_BYTES", (int64_t)2 << 30,
                                &settings->upload_user_bytes, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_config_int("MODEL_LAB_UPLOAD_HOURS", 24, &settings->upload_keep_ms, err);
        settings->upload_keep_ms *= 3600 * 1000;
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status read_settings(mli_lab_settings *settings,
                                                         modellab_error *err)
{
    static const int64_t gib = 1024 * 1024 * 1024;
    modellab_status status =
        mli_config_int("MODEL_LAB_MAX_INPUT_BYTES", 4 * gib, &settings->max_input_bytes, err);

    if (status == MODELLAB_OK) {
        status = read_uploads(settings, err);
    }
    if (status == MODELLAB_OK) {
        status =
            mli_config_int("MODEL_LAB_MIN_FREE_BYTES", 5 * gib, &settings->min_free_bytes, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_config_int("MODEL_LAB_MAX_RUN_DURATION_SECONDS", 0,
                                &settings->max_run_duration_ms, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_config_int("MODEL_LAB_RETENTION_DAYS", 0, &settings->retention_ms, err);
        settings->retention_ms *= DAY_MS;
    }
    if (status == MODELLAB_OK) {
        status =
            mli_config_int("MODEL_LAB_RETENTION_MAX_BYTES", 0, &settings->retention_max_bytes, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_config_int("MODEL_LAB_MAX_JOURNAL_BYTES", (int64_t)128 << 20,
                                &settings->max_journal_bytes, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_config_int("MODEL_LAB_RETRY_ATTEMPTS", 1, &settings->retry_attempts, err);
    }
    if (status == MODELLAB_OK) {
        status =
            mli_config_int("MODEL_LAB_RETRY_BASE_SECONDS", 1000, &settings->retry_base_ms, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_config_int("MODEL_LAB_RETRY_CAP_SECONDS", 60000, &settings->retry_cap_ms, err);
    }
    if (status == MODELLAB_OK) {
        status = read_sandbox(settings, err);
    }
    return status == MODELLAB_OK ? read_queue_settings(settings, err) : status;
}

MODELLAB_MUST_CHECK static modellab_status check_file_system(const mli_lab *lab,
                                                             modellab_error *err)
{
    bool network = false;
    int rc;

    if ((lab->flags & MODELLAB_LAB_ALLOW_NETWORK_FS) != 0) {
        return MODELLAB_OK;
    }
    rc = mli_os_is_network(lab->root, &network);
    if (rc != 0) {
        return mli_fail_os(err, -rc, "cannot look at the lab's file system");
    }
    return network ? mli_fail(err, MODELLAB_E_UNSUPPORTED,
                              "the lab lies on a network file system, whose locks cannot be "
                              "trusted; choose a local folder")
                   : MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status make_folders(const mli_lab *lab, modellab_error *err)
{
    const mli_os_files *f = lab->os.files;
    char runs[MLI_PATH_BYTES];
    mli_os_stat info;
    int rc = mli_os_format(runs, sizeof runs, "%s/runs", lab->root);

    /* what a run's directory adds must still fit */
    if (rc < 0 || rc >= (int)sizeof runs - 128) {
        return mli_fail(err, MODELLAB_E_LIMIT, "the lab's path is too long");
    }
    if ((lab->flags & MODELLAB_LAB_READ_ONLY) != 0) {
        rc = f->stat(f->user, lab->root, true, &info);
        if (rc != 0) {
            return mli_fail_os(err, -rc, "there is no lab to read");
        }
        return check_file_system(lab, err);
    }
    rc = mli_os_make_dirs(f, lab->root, FOLDER_MODE);
    if (rc == 0) {
        modellab_status status = check_file_system(lab, err);

        if (status != MODELLAB_OK) {
            return status;
        }
        rc = f->stat(f->user, runs, true, &info);
        if (rc == -ENOENT) {
            rc = mli_os_make_dirs(f, runs, FOLDER_MODE);
            rc = rc == 0 ? mli_os_sync_dir(f, lab->root) : rc;
        }
    }
    if (rc == -EACCES || rc == -EROFS || rc == -EPERM) {
        return mli_fail_os(err, -rc,
                           "the lab's folder cannot be written (open the lab for reading only, or "
                           "choose another folder)");
    }
    return rc == 0 ? MODELLAB_OK : mli_fail_os(err, -rc, "cannot make the lab's folder");
}

MODELLAB_MUST_CHECK static modellab_status open_store(mli_lab *lab, modellab_error *err)
{
    char path[MLI_PATH_BYTES];
    mli_store_options options = {.path = path,
                                 .alloc = lab->alloc,
                                 .read_only = (lab->flags & MODELLAB_LAB_READ_ONLY) != 0,
                                 .small_log = (lab->flags & MODELLAB_LAB_MAKE_ROOM) != 0};
    int rc = mli_os_format(path, sizeof path, "%s/%s", lab->root, MLI_STORE_FILE);
    modellab_status status;

    if (rc < 0 || rc >= (int)sizeof path) {
        return mli_fail(err, MODELLAB_E_LIMIT, "the lab's path is too long");
    }
    status = mli_store_open_sqlite(&options, &lab->store, err);
    if (status == MODELLAB_OK && !options.read_only) {
        /* the database file's own name must survive a power cut too */
        rc = mli_os_sync_dir(lab->os.files, lab->root);
        status = rc == 0 ? status : mli_fail_os(err, -rc, "cannot sync the lab's folder");
    }
    return status == MODELLAB_OK ? mli_user_caps_configure(lab, err) : status;
}

/* Without it events are found all the same, only later. It is memory between processes and no
 * record, so it is the system's own file whatever the lab's files are. A simulation has none: it
 * does its own waiting. */
static void open_bell(mli_lab *lab)
{
    char path[MLI_PATH_BYTES];
    int rc = mli_os_format(path, sizeof path, "%s/%s", lab->root, MLI_BELL_FILE);

    if (lab->os.clock != &mli_os_system_clock || rc < 0 || rc >= (int)sizeof path) {
        return;
    }
    rc = mli_bell_open(&lab->bell, &mli_os_system_files, lab->os.words, path,
                       (lab->flags & MODELLAB_LAB_READ_ONLY) != 0);
    if (rc == 0) {
        lab->store->bell = &lab->bell;
    } else if (rc != -ENOENT) { /* read-only, and nobody has written here yet */
        mli_log(lab->logger, MODELLAB_LOG_WARN, "lab.no_bell",
                "who follows events looks for them again and again",
                MLI_LOG_FIELDS(mli_log_int("os_error", -rc)));
    }
}

MODELLAB_MUST_CHECK static modellab_status
set_up(mli_lab *lab, const char *root, const modellab_lab_options *options, modellab_error *err)
{
    modellab_status status = take_folder(lab, root, "MODEL_LAB_ROOT", &lab->root, err);

    if (status == MODELLAB_OK) {
        status =
            take_folder(lab, options->models_root, "MODEL_LAB_MODELS_ROOT", &lab->models_root, err);
    }
    if (status == MODELLAB_OK) {
        status =
            take_folder(lab, options->cache_root, "MODEL_LAB_CACHE_ROOT", &lab->cache_root, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_health_probe_open(lab, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_tally_open(lab, err);
    }
    if (status == MODELLAB_OK) {
        status = read_settings(&lab->settings, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_default_model_take(lab, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_pricing_open(lab, options->price_sheet, &lab->prices, err);
    }
    if (status == MODELLAB_OK) {
        status = make_folders(lab, err);
    }
    if (status == MODELLAB_OK && (lab->flags & MODELLAB_LAB_MAKE_ROOM) != 0) {
        mli_reserve_give_up(lab);
    }
    if (status == MODELLAB_OK) {
        status = open_store(lab, err);
    }
    if (status == MODELLAB_OK) {
        open_bell(lab);
    }
    if (status == MODELLAB_OK &&
        (lab->flags & (MODELLAB_LAB_READ_ONLY | MODELLAB_LAB_MAKE_ROOM)) == 0) {
        mli_reserve_keep(lab);
    }
    return status;
}

static void close_lab(mli_lab *lab)
{
    modellab_allocator copy = lab->alloc_copy;
    const modellab_allocator *alloc = lab->alloc == NULL ? NULL : &copy;

    mli_health_probe_close(lab);
    mli_tally_close(lab);
    bool was_open = lab->store != NULL;
    mli_store_close(lab->store);
    if (was_open && (lab->flags & MODELLAB_LAB_MAKE_ROOM) != 0) {
        mli_reserve_keep(lab); /* the store's own log is gone by now */
    }
    mli_bell_close(&lab->bell);
    mli_shared_sync_close(&lab->runs_sync);
    mli_pricing_close(lab->prices);
    mli_schema_free(atomic_load(&lab->request_schema));
    mli_logger_unref(lab->logger);
    mli_free(alloc, lab->root);
    mli_free(alloc, lab->models_root);
    mli_free(alloc, lab->cache_root);
    mli_free(alloc, lab);
}

modellab_status mli_lab_open(const char *root, const modellab_lab_options *options,
                             const mli_lab_tables *tables, mli_lab **out, modellab_error *err)
{
    modellab_lab_options given = MODELLAB_LAB_OPTIONS_INIT;
    modellab_allocator alloc = MODELLAB_ALLOCATOR_INIT;
    modellab_status status = mli_sized_in(
        &given, sizeof given, MLI_SIZE_UP_TO(modellab_lab_options, reserved), options, err);
    mli_lab *lab;

    *out = NULL;
    if (status == MODELLAB_OK) {
        status = mli_allocator_take(given.allocator, &alloc, err);
    }
    if (status != MODELLAB_OK) {
        return status;
    }
    lab = mli_alloc_zero(alloc.alloc == NULL ? NULL : &alloc, sizeof *lab);
    if (lab == NULL) {
        return mli_no_memory(err);
    }
    lab->alloc_copy = alloc;
    lab->alloc = alloc.alloc == NULL ? NULL : &lab->alloc_copy;
    atomic_init(&lab->references, 1);
    lab->pid = mli_os_pid();
    lab->flags = given.flags;
    lab->logger = mli_logger_ref(given.logger);
    take_tables(lab, tables);
    status = mli_shared_sync_open(&lab->runs_sync) == 0 ? set_up(lab, root, &given, err)
                                                        : mli_no_memory(err);
    if (status != MODELLAB_OK) {
        mli_log_error(lab->logger, MODELLAB_LOG_ERROR, "lab.not_opened", "the lab was not opened",
                      status, err);
        close_lab(lab);
        return status;
    }
    mli_log(lab->logger, MODELLAB_LOG_INFO, "lab.opened", "the lab is open",
            MLI_LOG_FIELDS(mli_log_bool("read_only", (lab->flags & MODELLAB_LAB_READ_ONLY) != 0)));
    *out = lab;
    return MODELLAB_OK;
}

mli_lab *mli_lab_ref(mli_lab *lab)
{
    if (lab != NULL) {
        atomic_fetch_add_explicit(&lab->references, 1, memory_order_relaxed);
    }
    return lab;
}

void mli_lab_unref(mli_lab *lab)
{
    if (lab != NULL && atomic_fetch_sub_explicit(&lab->references, 1, memory_order_acq_rel) == 1) {
        mli_log_text(lab->logger, MODELLAB_LOG_INFO, "lab.closed", "the lab is closed");
        close_lab(lab);
    }
}

modellab_status mli_lab_check(const mli_lab *lab, bool writes, modellab_error *err)
{
    if (lab == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "lab must not be NULL");
    }
    if (lab->pid != mli_os_pid()) {
        return mli_fail(err, MODELLAB_E_FORKED, "the lab was opened by the parent of this process");
    }
    if (writes && (lab->flags & MODELLAB_LAB_READ_ONLY) != 0) {
        return mli_fail(err, MODELLAB_E_STORE_READ_ONLY, "the lab was opened for reading only");
    }
    return MODELLAB_OK;
}

int64_t mli_lab_now_ms(const mli_lab *lab)
{
    return lab->os.clock->realtime_ns(lab->os.clock->user) / 1000000;
}
