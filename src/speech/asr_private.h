/* The inside of a transcription, shared by the asr_*.c files. */
#ifndef MLI_SPEECH_ASR_PRIVATE_H
#define MLI_SPEECH_ASR_PRIVATE_H

#include "base/buf.h"
#include "speech/asr.h"
#include "speech/whisper_search.h"
#include "speech/whisper_state.h"
#include "speech/whisper_words.h"

struct mli_pool;

enum {
    MLI_ASR_WINDOW_FRAMES = MLI_MEL_WINDOW_FRAMES,
    MLI_ASR_MAX_PROMPT = 4096 /* above any text context */
};

struct mli_asr_session {
    modellab_allocator alloc_copy;
    const modellab_allocator *alloc;
    mli_asr_model *model;
    struct mli_pool *pool;
    mli_whisper_state *state;
    size_t state_rows;
    _Atomic uint32_t busy;
};

/* One call of mli_asr_transcribe. */
typedef struct mli_asr_run {
    mli_asr_session *session;
    const modellab_allocator *alloc;
    const mli_asr_options *options;
    const mli_audio_source *source;
    const mli_whisper_tokenizer *tokenizer;
    const mli_whisper_special *special;
    const mli_cancel_word *cancel;
    mli_transcript *transcript;

    float mel_max;
    int64_t content_frames, seek, encoded_seek; /* encoded_seek -1: nothing is encoded */
    int32_t language;                           /* index; 0 = English */
    double language_probability;
    int32_t sot[4]; /* start sequence */
    size_t sot_count;
    int32_t
        *history; /* what the next window's prompt may repeat; the last text_ctx / 2 - 1 tokens */
    size_t history_count, history_capacity;
    double last_speech;
    /* A chunk of speech is a run of its own: its source is the speech alone, nothing follows it. */
    bool is_chunk;
    int64_t origin; /* frames of the recording before it */
} mli_asr_run;

/* A decoded window. */
typedef struct mli_asr_decoded {
    mli_whisper_found found;
    mli_buf text; /* all text tokens, trimmed */
    double temperature, compression_ratio, no_speech_prob;
    bool ended; /* by its own word, not for want of room */
} mli_asr_decoded;

/* asr_session.c */
MODELLAB_MUST_CHECK modellab_status mli_asr_need_state(mli_asr_session *session, size_t rows,
                                                       modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_asr_encode(mli_asr_run *run, int64_t seek,
                                                   modellab_error *err);

/* asr_language.c: sets language, probability and start sequence of the run. */
MODELLAB_MUST_CHECK modellab_status mli_asr_choose_language(mli_asr_run *run, modellab_error *err);

/* asr_window.c: decodes the encoded window, with the ladder of temperatures. */
MODELLAB_MUST_CHECK modellab_status mli_asr_decode(mli_asr_run *run, mli_asr_decoded *out,
                                                   modellab_error *err);
void mli_asr_decoded_init(const mli_asr_run *run, mli_asr_decoded *decoded);
void mli_asr_decoded_dispose(const mli_asr_run *run, mli_asr_decoded *decoded);

/* The same in parts, for those who take the first, greedy attempt into their own hands. */
typedef struct mli_asr_attempts {
    mli_asr_run *run; /* NULL: not begun */
    int32_t *prompt;
    size_t prompt_count;
    float *kept_logits; /* the prompt's, copied: steps overwrite them */
    double no_speech_prob;
    mli_whisper_rules rules;
    int32_t begin[2];
} mli_asr_attempts;

/* Runs the prompt. In every case to be ended; must not move until then. */
MODELLAB_MUST_CHECK modellab_status mli_asr_attempts_begin(mli_asr_attempts *w, mli_asr_run *run,
                                                           modellab_error *err);
/* Runs the prompt again, after other work on the state. */
MODELLAB_MUST_CHECK modellab_status mli_asr_attempts_again(mli_asr_attempts *w,
                                                           modellab_error *err);
/* Most tokens that a search may say. */
size_t mli_asr_attempts_most(const mli_asr_attempts *w);
/* Fills in what follows from out->found. */
MODELLAB_MUST_CHECK modellab_status mli_asr_attempts_judge(const mli_asr_attempts *w,
                                                           double temperature, mli_asr_decoded *out,
                                                           modellab_error *err);
/* Whether the first attempt is greedy; whether what it gave calls for another. */
bool mli_asr_begins_greedy(const mli_asr_options *options);
bool mli_asr_needs_another(const mli_asr_options *options, const mli_asr_decoded *decoded);
/* The ladder of temperatures from its step `from` on. */
MODELLAB_MUST_CHECK modellab_status mli_asr_attempts_climb(mli_asr_attempts *w, size_t from,
                                                           mli_asr_decoded *out,
                                                           modellab_error *err);
/* Where much speech got few words: tries again to say all of it, and takes what is likelier. Only
 * in chunks. */
MODELLAB_MUST_CHECK modellab_status mli_asr_attempts_fill(mli_asr_attempts *w, mli_asr_decoded *d,
                                                          modellab_error *err);
/* Tells the caller's tool of the window. */
void mli_asr_attempts_show(const mli_asr_attempts *w, const mli_asr_decoded *decoded);
void mli_asr_attempts_end(mli_asr_attempts *w);

/* asr_pieces.c: cuts a window's tokens into segments by their timestamps. `pieces` holds at least
 * count / 2 + 1 items. `advance`: mel frames to the next window. */
typedef struct mli_asr_cut {
    size_t piece_count;
    int64_t advance;
    bool single_ending; /* one timestamp at the end: no speech after it */
} mli_asr_cut;
mli_asr_cut mli_asr_cut_pieces(const int32_t *tokens, size_t count, int32_t timestamp_begin,
                               int32_t eot, int64_t seek, int64_t size, mli_whisper_piece *pieces);

/* For a window after which there is nothing, whose end was said: what follows the last pair of
 * timestamps is a segment too, and a rest of no more than `rest` frames is none. */
void mli_asr_cut_rest(mli_asr_cut *cut, const int32_t *tokens, size_t count,
                      int32_t timestamp_begin, int32_t eot, int64_t seek, int64_t size,
                      int64_t rest, mli_whisper_piece *pieces);
/* Frames at the end of a chunk that hold no word: the padding, and less than one. */
int64_t mli_asr_rest_frames(const mli_asr_options *options);

/* asr_words.c: word times of the pieces; words and their text belong to the caller afterwards. */
typedef struct mli_asr_words {
    mli_whisper_timing *items;
    size_t count;
    mli_buf text;
} mli_asr_words;
MODELLAB_MUST_CHECK modellab_status mli_asr_time_words(mli_asr_run *run,
                                                       const mli_asr_decoded *decoded,
                                                       mli_whisper_piece *pieces,
                                                       size_t piece_count, int64_t size,
                                                       mli_asr_words *out, modellab_error *err);
void mli_asr_words_dispose(mli_asr_run *run, mli_asr_words *words);

/* asr_guard.c: leaves out what is probably invented around silence, and says where to go on. True
 * when the whole window is to be decoded again from *seek. */
typedef struct mli_asr_window_place {
    int64_t seek, size, content_frames; /* mel frames */
    bool single_ending;
    double last_speech, threshold;
} mli_asr_window_place;
/* End of the last word, or of the last segment when there are no words; false without segments. */
bool mli_asr_end_of(const mli_whisper_piece *pieces, size_t count, const mli_asr_words *words,
                    double *end);
bool mli_asr_guard_silence(const mli_asr_window_place *at, const mli_whisper_piece *pieces,
                           size_t *piece_count, const mli_asr_words *words, int64_t *seek);

/* asr_keep.c */
bool mli_asr_is_silence(const mli_asr_options *options, const mli_asr_decoded *decoded);
/* Adds the segments of a decoded window of `size` frames; *next: where to go on. */
MODELLAB_MUST_CHECK modellab_status mli_asr_keep_window(mli_asr_run *run,
                                                        const mli_asr_decoded *decoded,
                                                        int64_t size, int64_t *next,
                                                        modellab_error *err);

/* asr_transcribe.c */
/* mli_asr_transcribe for who holds the session already (its `busy`). */
MODELLAB_MUST_CHECK modellab_status mli_asr_transcribe_held(mli_asr_session *session,
                                                            const mli_audio_source *source,
                                                            const mli_asr_options *options,
                                                            mli_transcript **out,
                                                            modellab_error *err);
/* The language is heard in the first chunk. */
MODELLAB_MUST_CHECK modellab_status mli_asr_choose_by_speech(mli_asr_run *run,
                                                             const mli_asr_chunks *chunks,
                                                             modellab_error *err);
/* The callbacks; segments from `first` on belong to the mark. */
MODELLAB_MUST_CHECK modellab_status mli_asr_tell_progress(const mli_asr_run *run,
                                                          modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_asr_tell_mark(const mli_asr_run *run, size_t first,
                                                      modellab_error *err);

/* asr_speech.c: where there is speech, in segments (a new list, mli_free) or in chunks. */
MODELLAB_MUST_CHECK modellab_status mli_asr_detect_speech(const mli_asr_run *run,
                                                          mli_vad_segment **out, size_t *count,
                                                          modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_asr_find_speech(const mli_asr_run *run, mli_asr_chunks *out,
                                                        modellab_error *err);
/* A source of its own for the speech of a chunk; `samples` is room for MLI_ASR_CHUNK_SAMPLES;
 * NULL = its own. */
MODELLAB_MUST_CHECK modellab_status mli_asr_chunk_source(const mli_asr_run *run,
                                                         const mli_asr_chunks *chunks, size_t index,
                                                         float *samples, mli_audio_source **out,
                                                         modellab_error *err);

/* asr_batch.c: a run of its own for a chunk, in which nothing of the others is: its speech as
 * source, an empty transcript, and the history of the whole. Ended in every case. `samples` is room
 * as for mli_asr_chunk_source, NULL = its own. */
MODELLAB_MUST_CHECK modellab_status mli_asr_chunk_run(const mli_asr_run *whole,
                                                      const mli_asr_options *options,
                                                      const mli_asr_chunks *chunks, size_t chunk,
                                                      float *samples, mli_asr_run *out,
                                                      modellab_error *err);
void mli_asr_chunk_run_end(mli_asr_run *run);
/* Decodes the chunks that end after run->seek, side by side, and adds what was said to
 * the transcript in their order. The history of the run stands before each of them. */
MODELLAB_MUST_CHECK modellab_status mli_asr_decode_chunks(mli_asr_run *run,
                                                          const mli_asr_chunks *chunks,
                                                          modellab_error *err);

/* asr_emit.c: adds the segments to the transcript, tells the caller, and remembers their tokens.
 * `words` NULL: without word times. */
MODELLAB_MUST_CHECK modellab_status mli_asr_emit(mli_asr_run *run, const mli_asr_decoded *decoded,
                                                 const mli_whisper_piece *pieces,
                                                 size_t piece_count, const mli_asr_words *words,
                                                 modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_asr_remember(mli_asr_run *run, const int32_t *tokens,
                                                     size_t count, modellab_error *err);

/* asr_text.c */
/* Bytes of the text over bytes of its zlib stream at the default level: the reference's measure of
 * repetition. */
MODELLAB_MUST_CHECK modellab_status mli_asr_compression_ratio(const modellab_allocator *alloc,
                                                              const char *text, size_t bytes,
                                                              double *out, modellab_error *err);
/* The range without white space at both ends. */
void mli_asr_strip(const char *text, size_t bytes, size_t *first, size_t *size);

#endif
