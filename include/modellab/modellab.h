/* All of libmodellab. Each header also stands alone. */
#ifndef MODELLAB_H
#define MODELLAB_H

#include <modellab/align.h>
#include <modellab/alloc.h>
#include <modellab/artifact.h>
#include <modellab/asr.h>
#include <modellab/audio.h>
#include <modellab/bundle.h>
#include <modellab/catalog.h>
#include <modellab/config.h>
#include <modellab/diarization.h>
#include <modellab/enhance.h>
#include <modellab/event.h>
#include <modellab/experiment.h>
#include <modellab/export.h>
#include <modellab/health.h>
#include <modellab/idempotency.h>
#include <modellab/info.h>
#include <modellab/lab.h>
#include <modellab/logger.h>
#include <modellab/metrics.h>
#include <modellab/model.h>
#include <modellab/pipeline.h>
#include <modellab/price.h>
#include <modellab/queue.h>
#include <modellab/record.h>
#include <modellab/report.h>
#include <modellab/retention.h>
#include <modellab/run.h>
#include <modellab/run_log.h>
#include <modellab/score.h>
#include <modellab/segment_feed.h>
#include <modellab/status.h>
#include <modellab/supervisor.h>
#include <modellab/trace.h>
#include <modellab/tracker.h>
#include <modellab/transcript.h>
#include <modellab/tts.h>
#include <modellab/types.h>
#include <modellab/upload.h>
#include <modellab/user_cap.h>
#include <modellab/vad.h>
#include <modellab/version.h>
#include <modellab/worker.h>

#endif
