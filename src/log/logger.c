/* Loggers: creation, children with more ids, sharing, release. */
#include "log/logger.h"
#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"
#include "base/sized.h"
#include "base/status.h"
#include "base/str.h"
#include "log/core.h"
#include <string.h>

#define FILE_BYTES_DEFAULT ((int64_t)64 << 20)

static void core_unref(mli_log_core *core)
{
    if (core == NULL || atomic_fetch_sub_explicit(&core->refs, 1, memory_order_acq_rel) != 1)
        return;
    modellab_allocator alloc = core->alloc;
    if (core->sink.release != NULL)
        core->sink.release(core->sink.user);
    if (core->has_file)
        mli_log_file_close(&core->file, &alloc);
    mli_logger_unref(core->forward);
    mli_os_mutex_destroy(&core->file_lock);
    mli_os_mutex_destroy(&core->sink_lock);
    mli_free(&alloc, core->root);
    mli_free(&alloc, core);
}

static mli_logger_world complete(const mli_logger_world *given)
{
    mli_logger_world w = given != NULL ? *given : (mli_logger_world){NULL, NULL, NULL};
    w.files = w.files != NULL ? w.files : &mli_os_system_files;
    w.clock = w.clock != NULL ? w.clock : &mli_os_system_clock;
    w.random = w.random != NULL ? w.random : &mli_os_system_random;
    return w;
}

MODELLAB_MUST_CHECK static modellab_status take_sink(const modellab_log_sink *given,
                                                     modellab_log_sink *out, modellab_error *err)
{
    modellab_log_sink sink = MODELLAB_LOG_SINK_INIT;
    modellab_status status =
        mli_sized_in(&sink, sizeof sink, MLI_SIZE_UP_TO(modellab_log_sink, min_level), given, err);
    if (status != MODELLAB_OK)
        return status;
    if (given != NULL && sink.write == NULL)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "a log sink needs a write function");
    if (sink.min_level == 0)
        sink.min_level = MODELLAB_LOG_WARN;
    *out = sink;
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status
open_sinks(mli_log_core *core, const modellab_logger_options *o, modellab_error *err)
{
    modellab_log_sink sink = MODELLAB_LOG_SINK_INIT;
    modellab_status status = take_sink(o->sink, &sink, err);
    if (status == MODELLAB_OK && o->root != NULL) {
        core->root = mli_strdup(&core->alloc, o->root);
        if (core->root == NULL)
            status = mli_no_memory(err);
    }
    if (status == MODELLAB_OK && o->file != NULL) {
        int64_t max = o->file_max_bytes == 0 ? FILE_BYTES_DEFAULT : o->file_max_bytes;
        status = mli_log_file_open(&core->file, core->world.files, &core->alloc, o->file, max,
                                   o->file_keep == 0 ? 3 : o->file_keep, err);
        core->has_file = status == MODELLAB_OK;
    }
    if (status != MODELLAB_OK)
        return status;
    core->sink = sink; /* from here on its release is ours */
    atomic_store(&core->sink_level, sink.write != NULL ? sink.min_level : MODELLAB_LOG_OFF);
    core->forward = mli_logger_ref(o->forward);
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status core_create(const modellab_logger_options *o,
                                                       const mli_logger_world *world,
                                                       mli_log_core **out, modellab_error *err)
{
    modellab_allocator alloc;
    modellab_status status = mli_allocator_take(o->allocator, &alloc, err);
    if (status != MODELLAB_OK)
        return status;
    mli_log_core *core = mli_alloc_zero(&alloc, sizeof *core);
    if (core == NULL)
        return mli_no_memory(err);
    core->alloc = alloc;
    core->world = complete(world);
    atomic_store(&core->refs, 1);
    atomic_store(&core->level, o->level == 0 ? MODELLAB_LOG_INFO : o->level);
    atomic_store(&core->sink_level, MODELLAB_LOG_OFF);
    mli_log_rate_init(&core->rate, o->rate_per_second == 0 ? 100 : o->rate_per_second,
                      o->burst == 0 ? 200 : o->burst);
    int rc = core->world.random->fill(core->world.random->user, core->key, sizeof core->key);
    if (rc == 0)
        rc = mli_os_mutex_init(&core->file_lock);
    if (rc == 0 && (rc = mli_os_mutex_init(&core->sink_lock)) != 0)
        mli_os_mutex_destroy(&core->file_lock);
    if (rc != 0) {
        mli_free(&alloc, core);
        return mli_fail_os(err, rc, "making a logger");
    }
    status = open_sinks(core, o, err);
    if (status != MODELLAB_OK)
        core_unref(core);
    else
        *out = core;
    return status;
}

/* The parts of each line that never change. */
MODELLAB_MUST_CHECK static modellab_status make_parts(modellab_logger *l, modellab_error *err)
{
    const struct {
        const char *key, *value;
    } ids[] = {{",\"run_id\":", l->run_id},
               {",\"request_id\":", l->request_id},
               {",\"trace_id\":", l->trace_id},
               {",\"span_id\":", l->span_id}};
    mli_buf_init(&l->ids, &l->core->alloc);
    mli_buf_init(&l->process, &l->core->alloc);
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        if (ids[i].value[0] == '\0')
            continue;
        mli_jw w;
        mli_buf_append_text(&l->ids, ids[i].key);
        mli_jw_init(&w, &l->ids);
        mli_jw_string(&w, ids[i].value);
    }
    if (l->attempt > 0)
        mli_buf_printf(&l->process, ",\"attempt\":%lld", (long long)l->attempt);
    mli_buf_printf(&l->process, ",\"pid\":%lld", (long long)mli_os_pid());
    modellab_status status = mli_buf_status(&l->ids, err);
    return status != MODELLAB_OK ? status : mli_buf_status(&l->process, err);
}

MODELLAB_MUST_CHECK static modellab_status take_id(char out[129], const char *given,
                                                   const char *what, modellab_error *err)
{
    if (given == NULL)
        return MODELLAB_OK;
    if (mli_str_copy(out, 129, given) > 129)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "%s is longer than 128 bytes", what);
    return MODELLAB_OK;
}

static void logger_free(modellab_logger *l)
{
    mli_log_core *core = l->core;
    mli_buf_dispose(&l->ids);
    mli_buf_dispose(&l->process);
    mli_free(&core->alloc, l);
    core_unref(core);
}

/* Takes over the reference to `core` in any case. */
MODELLAB_MUST_CHECK static modellab_status logger_make(mli_log_core *core,
                                                       const modellab_logger *parent,
                                                       const modellab_log_context *c,
                                                       modellab_logger **out, modellab_error *err)
{
    modellab_logger *l = mli_alloc_zero(&core->alloc, sizeof *l);
    if (l == NULL) {
        core_unref(core);
        return mli_no_memory(err);
    }
    if (parent != NULL) {
        memcpy(l->run_id, parent->run_id, sizeof l->run_id);
        memcpy(l->request_id, parent->request_id, sizeof l->request_id);
        memcpy(l->trace_id, parent->trace_id, sizeof l->trace_id);
        memcpy(l->span_id, parent->span_id, sizeof l->span_id);
        l->attempt = parent->attempt;
    }
    l->core = core;
    atomic_store(&l->refs, 1);
    modellab_status status = take_id(l->run_id, c->run_id, "run_id", err);
    if (status == MODELLAB_OK)
        status = take_id(l->request_id, c->request_id, "request_id", err);
    if (status == MODELLAB_OK)
        status = take_id(l->trace_id, c->trace_id, "trace_id", err);
    if (status == MODELLAB_OK)
        status = take_id(l->span_id, c->span_id, "span_id", err);
    if (c->attempt != 0)
        l->attempt = c->attempt;
    if (status == MODELLAB_OK)
        status = make_parts(l, err);
    if (status != MODELLAB_OK)
        logger_free(l);
    else
        *out = l;
    return status;
}

modellab_status mli_logger_create(const modellab_logger_options *options,
                                  const mli_logger_world *world, modellab_logger **out,
                                  modellab_error *err)
{
    modellab_logger_options o = MODELLAB_LOGGER_OPTIONS_INIT;
    modellab_log_context none = MODELLAB_LOG_CONTEXT_INIT;
    mli_log_core *core = NULL;
    *out = NULL;
    modellab_status status =
        mli_sized_in(&o, sizeof o, MLI_SIZE_UP_TO(modellab_logger_options, burst), options, err);
    if (status == MODELLAB_OK)
        status = core_create(&o, world, &core, err);
    if (status == MODELLAB_OK)
        status = logger_make(core, o.forward, &none, out, err);
    return status;
}

modellab_status mli_logger_child(modellab_logger *parent, const modellab_log_context *context,
                                 modellab_logger **out, modellab_error *err)
{
    modellab_log_context c = MODELLAB_LOG_CONTEXT_INIT;
    *out = NULL;
    modellab_status status =
        mli_sized_in(&c, sizeof c, MLI_SIZE_UP_TO(modellab_log_context, attempt), context, err);
    if (status != MODELLAB_OK)
        return status;
    atomic_fetch_add_explicit(&parent->core->refs, 1, memory_order_relaxed);
    return logger_make(parent->core, parent, &c, out, err);
}

modellab_logger *mli_logger_ref(modellab_logger *logger)
{
    if (logger != NULL)
        atomic_fetch_add_explicit(&logger->refs, 1, memory_order_relaxed);
    return logger;
}

/* Held back lines whose sites never logged again are told once, at the end. */
static void tell_suppressed(modellab_logger *l)
{
    mli_log_core *core = l->core;
    int64_t left = 0;
    for (size_t i = 0; i < MLI_LOG_SITES; i++)
        left += atomic_exchange(&core->rate.sites[i].skipped, 0);
    if (left == 0)
        return;
    modellab_log_field field = mli_log_int("count", left);
    modellab_log_record r = {sizeof r,
                             MODELLAB_LOG_WARN,
                             0,
                             "log.suppressed",
                             "lines were held back by the rate limit",
                             NULL,
                             &field,
                             1};
    core->rate.interval_ns = 0; /* the last reference: nobody else logs */
    if (mli_log_core_enabled(core, r.level))
        mli_log_emit(core, l, &r);
}

void mli_logger_unref(modellab_logger *logger)
{
    if (logger == NULL || atomic_fetch_sub_explicit(&logger->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (atomic_load_explicit(&logger->core->refs, memory_order_acquire) == 1)
        tell_suppressed(logger);
    logger_free(logger);
}

/* The record in today's form: the caller's own when it is of that size (a copy costs as much as a
 * part of the line), else `room`. NULL when it cannot be read. */
static const modellab_log_record *take_record(const modellab_log_record *given,
                                              modellab_log_record *room)
{
    if (given->size == sizeof *room)
        return given;
    *room = (modellab_log_record)MODELLAB_LOG_RECORD_INIT;
    if (mli_sized_in(room, sizeof *room, MLI_SIZE_UP_TO(modellab_log_record, field_count), given,
                     NULL) != MODELLAB_OK)
        return NULL;
    return room;
}

void mli_logger_log(modellab_logger *logger, const modellab_log_record *record)
{
    modellab_log_record room;
    if (logger == NULL || record == NULL || !mli_logger_is_enabled(logger, record->level))
        return;
    const modellab_log_record *r = take_record(record, &room);
    if (r == NULL) {
        atomic_fetch_add_explicit(&logger->core->failed, 1, memory_order_relaxed);
        return;
    }
    for (mli_log_core *core = logger->core; core != NULL;
         core = core->forward != NULL ? core->forward->core : NULL)
        if (mli_log_core_enabled(core, r->level))
            mli_log_emit(core, logger, r);
}

bool mli_logger_is_enabled(const modellab_logger *logger, modellab_log_level level)
{
    for (const modellab_logger *l = logger; l != NULL; l = l->core->forward)
        if (mli_log_core_enabled(l->core, level))
            return true;
    return false;
}

void mli_logger_set_level(modellab_logger *logger, modellab_log_level level)
{
    atomic_store_explicit(&logger->core->level, level, memory_order_relaxed);
}

modellab_status mli_logger_set_sink(modellab_logger *logger, const modellab_log_sink *sink,
                                    modellab_error *err)
{
    mli_log_core *core = logger->core;
    modellab_log_sink taken = MODELLAB_LOG_SINK_INIT, old;
    modellab_status status = take_sink(sink, &taken, err);
    if (status != MODELLAB_OK)
        return status;
    if (atomic_load(&core->in_sink) == mli_os_thread_key())
        return mli_fail(err, MODELLAB_E_STATE, "a log sink cannot be replaced from within itself");
    mli_os_mutex_lock(&core->sink_lock);
    old = core->sink;
    core->sink = taken;
    atomic_store(&core->sink_level, taken.write != NULL ? taken.min_level : MODELLAB_LOG_OFF);
    mli_os_mutex_unlock(&core->sink_lock);
    if (old.release != NULL)
        old.release(old.user);
    return MODELLAB_OK;
}

modellab_status mli_logger_get_stats(const modellab_logger *logger, modellab_logger_stats *out,
                                     modellab_error *err)
{
    const mli_log_core *core = logger->core;
    modellab_logger_stats stats = {.size = sizeof stats,
                                   .lines = atomic_load(&core->file_lines) +
                                            atomic_load(&core->sink_lines),
                                   .suppressed = atomic_load(&core->suppressed),
                                   .failed = atomic_load(&core->failed),
                                   .last_error = atomic_load(&core->last_error)};
    return mli_sized_out(out, &stats, sizeof stats,
                         MLI_SIZE_UP_TO(modellab_logger_stats, last_error), err);
}

int64_t mli_logger_take_dropped(const modellab_logger *logger)
{
    if (logger == NULL) {
        return 0;
    }
    mli_log_core *core = logger->core;
    int64_t now = atomic_load(&core->suppressed) + atomic_load(&core->failed);
    int64_t told = atomic_exchange(&core->dropped_told, now);
    return now > told ? now - told : 0;
}

const char *mli_logger_run_id(const modellab_logger *logger)
{
    return logger != NULL ? logger->run_id : "";
}

const char *mli_logger_request_id(const modellab_logger *logger)
{
    return logger != NULL ? logger->request_id : "";
}

const char *mli_logger_trace_id(const modellab_logger *logger)
{
    return logger != NULL ? logger->trace_id : "";
}

void mli_log(modellab_logger *logger, modellab_log_level level, const char *event,
             const char *message, const modellab_log_field *fields, size_t count)
{
    modellab_log_record r = {sizeof r, level, 0, event, message, NULL, fields, count};
    mli_logger_log(logger, &r);
}

void mli_log_text(modellab_logger *logger, modellab_log_level level, const char *event,
                  const char *message)
{
    mli_log(logger, level, event, message, NULL, 0);
}

void mli_log_error(modellab_logger *logger, modellab_log_level level, const char *event,
                   const char *message, modellab_status status, const modellab_error *err)
{
    bool has_words = err != NULL && err->code == status && err->message[0] != '\0';
    mli_log(
        logger, level, event, message,
        MLI_LOG_FIELDS(mli_log_string("status", mli_status_name(status)),
                       mli_log_string("error", has_words ? err->message : mli_status_text(status)),
                       mli_log_int("os_error", err != NULL ? err->os_error : 0)));
}
