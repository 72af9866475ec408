/* Segments of a run as its worker finishes them, long before there is a transcript.
 *   segment_feed FOLDER [FILE]   (with FILE: recognises it; without: a run that has none) */
#include "example.h"

static void print(const modellab_transcript *segments, modellab_error *err)
{
    modellab_transcript_info info = {.size = sizeof info};

    must(modellab_transcript_get_info(segments, &info, err), err, "info");
    for (int64_t i = 0; i < info.segment_count; i++) {
        modellab_segment s = {.size = sizeof s};

        must(modellab_transcript_segment_at(segments, i, &s, err), err, "segment");
        printf("%d %.2f-%.2f%s\n", (int)s.id, s.start, s.end, s.text);
    }
}

int main(int argc, char **argv)
{
    static unsigned char wav[44 + 32000];
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_run_submit_options options = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
    modellab_supervisor *supervisor = NULL;
    modellab_segment_feed *feed = NULL;
    modellab_transcript *segments = NULL;
    modellab_lab *lab = NULL;
    char run_id[MODELLAB_RUN_ID_BYTES];

    must(modellab_lab_open(argc > 1 ? argv[1] : NULL, NULL, &lab, &err), &err, "lab");
    options.request = argc > 2 ? "{}" : "{\"pipeline\": \"ingest\"}";
    options.input_path = argc > 2 ? argv[2] : NULL;
    options.input_data = argc > 2 ? NULL : wav;
    options.input_bytes = argc > 2 ? 0 : make_wav(wav);
    must(modellab_run_submit(lab, &options, run_id, NULL, &err), &err, "submit");
    must(modellab_supervisor_create(lab, NULL, &supervisor, &err), &err, "supervisor");
    must(modellab_supervisor_start(supervisor, &err), &err, "start");

    must(modellab_segment_feed_open(lab, run_id, &feed, &err), &err, "feed");
    for (;;) {
        must(modellab_segment_feed_next(feed, -1, NULL, &segments, &err), &err, "segments");
        if (segments == NULL) /* the run has ended */
            break;
        print(segments, &err);
        modellab_transcript_unref(segments);
    }
    modellab_segment_feed_close(feed);
    modellab_supervisor_destroy(supervisor);
    modellab_lab_unref(lab);
    return 0;
}
