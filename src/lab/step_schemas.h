/* The options of each step: one header a step defines MLI_SCHEMA_<step>, the JSON Schema of
 * config.<step> (an object that stands by itself, at most 4,000 bytes), and is named here. */
#ifndef MLI_LAB_STEP_SCHEMAS_H
#define MLI_LAB_STEP_SCHEMAS_H

#include "lab/schema_action_items.h"
#include "lab/schema_alignment.h"
#include "lab/schema_asr.h"
#include "lab/schema_chapters.h"
#include "lab/schema_diarization.h"
#include "lab/schema_enhance.h"
#include "lab/schema_ingest.h"
#include "lab/schema_noop_text.h"
#include "lab/schema_score.h"
#include "lab/schema_summary.h"
#include "lab/schema_tts.h"
#include "lab/schema_vad.h"

/* All but asr, which is there always. */
#define MLI_STEP_SCHEMAS(X)                                                                        \
    X(ingest)                                                                                      \
    X(enhance)                                                                                     \
    X(tts)                                                                                         \
    X(vad) X(diarization) X(alignment) X(chapters) X(summary) X(action_items) X(score) X(noop_text)

#endif
