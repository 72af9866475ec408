/* Transcript: read back from JSON, looked at, written as subtitles. */
#include "example.h"

int main(void)
{
    static const char json[] =
        "{\"task\":\"transcribe\",\"language\":\"english\",\"duration\":2.5,\"text\":\"Hello "
        "there.\","
        "\"segments\":[{\"id\":0,\"seek\":0,\"start\":0.5,\"end\":2.0,\"text\":\" Hello there.\","
        "\"tokens\":[],\"temperature\":0.0,\"avg_logprob\":-0.2,\"compression_ratio\":0.8,"
        "\"no_speech_prob\":0.01}],\"words\":[{\"word\":\" Hello\",\"start\":0.5,\"end\":1.0},"
        "{\"word\":\" there.\",\"start\":1.0,\"end\":2.0}]}";
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_transcript *text = NULL;
    modellab_transcript_info info = {.size = sizeof info};
    modellab_segment segment = {.size = sizeof segment};
    modellab_buffer *srt = NULL;

    must(modellab_transcript_read_json(json, sizeof json - 1, NULL, &text, &err), &err, "read");
    must(modellab_transcript_get_info(text, &info, &err), &err, "info");
    for (int64_t i = 0; i < info.segment_count; i++) {
        must(modellab_transcript_segment_at(text, i, &segment, &err), &err, "segment");
        printf("%.2f-%.2f%s\n", segment.start, segment.end, segment.text);
    }
    for (int64_t i = 0; i < info.word_count; i++) {
        modellab_word word = {.size = sizeof word};

        must(modellab_transcript_word_at(text, i, &word, &err), &err, "word");
        printf("%.2f%s\n", word.start, word.text);
    }
    modellab_transcript *shared = modellab_transcript_ref(text);
    printf("as %s:\n", modellab_transcript_format_name(MODELLAB_FORMAT_SRT));
    must(modellab_transcript_write(text, modellab_transcript_format_from_name("srt"), NULL, &srt,
                                   &err),
         &err, "write");
    fputs(modellab_buffer_data(srt), stdout);
    int right = strstr(modellab_buffer_data(srt), "00:00:00,500 --> 00:00:02,000") != NULL;
    modellab_buffer_destroy(srt);
    modellab_transcript_unref(text);
    modellab_transcript_unref(shared);
    return right ? 0 : 1;
}
