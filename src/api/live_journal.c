/* What a live stream has said goes into its run's journal before anybody hears of it, in the form
 * of the windows of recognition: a killed host leaves them to reconcile, and feeds of segments
 * follow the stream. */
#include "api/live.h"

#include "base/error.h"
#include "lab/checkpoint.h"
#include "lab/lab.h"
#include "lab/step_key.h"
#include "log/logger.h"
#include "os/process.h"
#include "store/rundir.h"
#include "text/whisper_tokenizer.h"
#include <math.h>

#define STEP "asr"
#define FRAMES 100.0 /* a second: the clock of windows */

modellab_status mli_live_journal_open(modellab_live *live, modellab_error *err)
{
    const mli_lab *lab = live->record->lab;
    const mli_os_files *files = lab->os.files;
    char path[MLI_PATH_BYTES];
    mli_journal_tail tail;
    mli_step_key key;
    modellab_status status =
        mli_run_path(lab->root, live->record->ids.run_id, MLI_RUN_JOURNAL, path, err);

    if (status != MODELLAB_OK)
        return status;
    int fd = files->open(files->user, path, MLI_OS_WRITE | MLI_OS_APPEND | MLI_OS_NOFOLLOW, 0);
    if (fd < 0)
        return mli_fail_os(err, -fd, "the journal of the stream's run could not be opened");
    mli_journal_tail_init(&tail);
    mli_journal_writer_init(&live->journal, &live->alloc, files, lab->os.clock, fd,
                            live->record->fence, &tail);
    live->journal_fd = fd;
    mli_step_key_begin(&key, "live", 1);
    mli_step_key_add(&key, "run", live->record->ids.run_id); /* never of other work */
    mli_step_key_end(&key, live->journal_key);
    return MODELLAB_OK;
}

/* A death leaves what was heard and what it took, too. */
MODELLAB_MUST_CHECK static modellab_status write_measures(modellab_live *live, double heard,
                                                          modellab_error *err)
{
    modellab_measures measures = MODELLAB_MEASURES_INIT;
    int64_t cost;
    modellab_status status = mli_record_measure(live->record, &measures, &cost, err);

    if (status != MODELLAB_OK)
        return status;
    mli_jw *line = mli_journal_begin(&live->journal, "measures");
    mli_jw_kreal(line, "audio_seconds", heard);
    mli_jw_kreal(line, "progress_seconds", heard);
    mli_jw_kreal(line, "cpu_seconds", measures.cpu_seconds);
    mli_jw_kint(line, "peak_memory_bytes", measures.peak_memory_bytes);
    return mli_journal_end(&live->journal, false, err);
}

MODELLAB_MUST_CHECK static modellab_status write_window(modellab_live *live,
                                                        const mli_live_piece *piece,
                                                        const mli_transcript *text,
                                                        modellab_error *err)
{
    const int64_t to = llround((double)piece->end * FRAMES / MLI_AUDIO_RATE);
    const mli_asr_mark mark = {.seek = to > live->journal_to ? to : live->journal_to + 1,
                               .language = mli_whisper_language_find(text->language),
                               .language_probability = text->language_probability};
    mli_jw *line = mli_journal_begin(&live->journal, MLI_CHECKPOINT_TYPE);

    mli_jw_kstring(line, "step", STEP);
    mli_checkpoint_write(line, live->journal_key, live->journal_windows, live->journal_to, &mark,
                         text->segments, text->segment_count);
    live->journal_windows++;
    live->journal_to = mark.seek;
    return mli_journal_end(&live->journal, true, err);
}

modellab_status mli_live_journal_keep(modellab_live *live, const mli_live_piece *piece,
                                      const mli_transcript *text, modellab_error *err)
{
    modellab_error why = MODELLAB_ERROR_INIT;

    if (live->journal_fd < 0 || live->journal.failed)
        return MODELLAB_OK;
    modellab_status status = write_measures(live, (double)piece->end / MLI_AUDIO_RATE, &why);
    if (status == MODELLAB_OK)
        status = write_window(live, piece, text, &why);
    if (status == MODELLAB_E_NO_MEMORY)
        return mli_no_memory(err);
    if (status != MODELLAB_OK) { /* once: the writer has failed. The end will write all of it */
        mli_log_error(live->record->logger, MODELLAB_LOG_WARN, "live.not_journaled",
                      "from here on a death of the host would lose what is said", status, &why);
    }
    return MODELLAB_OK;
}

void mli_live_journal_close(modellab_live *live)
{
    if (live->journal_fd >= 0) {
        mli_journal_writer_dispose(&live->journal);
        mli_os_fd_close(live->journal_fd); /* its lines were synced */
        live->journal_fd = -1;
    }
}
