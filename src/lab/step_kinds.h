/* The steps, each defined in its own step_<name>.c. */
#ifndef MLI_LAB_STEP_KINDS_H
#define MLI_LAB_STEP_KINDS_H

#include "lab/pipeline.h"

extern const mli_step_kind mli_step_kind_ingest;
extern const mli_step_kind mli_step_kind_enhance;
extern const mli_step_kind mli_step_kind_vad;
extern const mli_step_kind mli_step_kind_asr;
extern const mli_step_kind mli_step_kind_diarization;
extern const mli_step_kind mli_step_kind_who_said_what;
extern const mli_step_kind mli_step_kind_alignment;
extern const mli_step_kind mli_step_kind_chapters;
extern const mli_step_kind mli_step_kind_summary;
extern const mli_step_kind mli_step_kind_action_items;
extern const mli_step_kind mli_step_kind_tts;
extern const mli_step_kind mli_step_kind_score;
extern const mli_step_kind mli_step_kind_bundle;

/* Of tests. */
extern const mli_step_kind mli_step_kind_noop;
extern const mli_step_kind mli_step_kind_noop_may_fail;
extern const mli_step_kind mli_step_kind_noop_needs;
extern const mli_step_kind mli_step_kind_noop_wants;
extern const mli_step_kind mli_step_kind_noop_text;
extern const mli_step_kind mli_step_kind_noop_always;
extern const mli_step_kind mli_step_kind_program;

#endif
