/* The built-in pipelines: steps, and the options that make them what their name says. A request's
 * own options go first. */
#include "lab/pipeline.h"

#include <string.h>

#define TRIMMED "{\"enhance\":{\"operators\":[\"trim_silence()\",\"normalize_loudness()\"]}}"
#define MEETING "{\"asr\":{\"word_times\":true}}"
#define MEETING_STEPS                                                                              \
    "ingest,vad,asr,diarization,who_said_what,chapters,summary,action_items,bundle"
#define SHORT "{\"summary\":{\"sentences\":3}}"

static const mli_pipeline pipelines[] = {
    {.name = "align",
     .text = "When each word of a given text is said.",
     .steps = "ingest,vad,alignment"},
    {.name = "asr_with_diarization",
     .text = "Speech recognition, and who said what.",
     .steps = "ingest,asr,diarization,who_said_what,bundle",
     .config = MEETING},
    {.name = "diarization_focus",
     .text = "Who said what; another name of asr_with_diarization.",
     .steps = "ingest,asr,diarization,who_said_what,bundle",
     .config = MEETING},
    {.name = "diarization_only",
     .text = "Who speaks when, without recognising what.",
     .steps = "ingest,diarization"},
    {.name = "fast_asr",
     .text = "Speech recognition, with subtitles and a ledger of the input.",
     .steps = "ingest,asr,bundle"},
    {.name = "fast_asr_only",
     .text = "Speech recognition alone; another name of transcribe.",
     .steps = "ingest,asr"},
    {.name = "full",
     .text = "All that there is for speech; another name of full_meeting.",
     .steps = MEETING_STEPS,
     .config = MEETING},
    {.name = "full_meeting",
     .text = "A meeting: who said what, chapters, summary, action items.",
     .steps = MEETING_STEPS,
     .config = MEETING},
    {.name = "ingest", .text = "Decodes the input and says what audio it is.", .steps = "ingest"},
    {.name = "ingest_only",
     .text = "Decodes the input, trims silence, evens loudness.",
     .steps = "ingest,enhance",
     .config = TRIMMED},
    {.name = "quick_summary",
     .text = "What was said, in three sentences.",
     .steps = "ingest,asr,summary,bundle",
     .config = SHORT},
    {.name = "speak", .text = "A text as speech.", .steps = "tts"},
    {.name = "speech",
     .text = "Where there is speech, without recognising it.",
     .steps = "ingest,vad"},
    {.name = "transcribe",
     .text = "Speech recognition: from audio to a transcript with times.",
     .steps = "ingest,asr"},
};

#define COUNT (sizeof pipelines / sizeof *pipelines)

size_t mli_pipeline_count(void)
{
    return COUNT;
}

const mli_pipeline *mli_pipeline_at(size_t index)
{
    return index < COUNT ? &pipelines[index] : NULL;
}

const mli_pipeline *mli_pipeline_find(const char *name)
{
    for (size_t i = 0; i < COUNT; i++) {
        if (strcmp(pipelines[i].name, name) == 0) {
            return &pipelines[i];
        }
    }
    return NULL;
}
