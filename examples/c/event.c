/* Events: a consumer that goes on from the last number it has seen; a cancel on the way.   event
 * FOLDER */
#include "example.h"

int main(int argc, char **argv)
{
    static unsigned char wav[44 + 32000];
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_run_submit_options options = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
    modellab_cancel_outcome outcome = 0;
    modellab_event_list *events = NULL;
    modellab_cancel *cancel = NULL;
    modellab_lab *lab = NULL;
    char run_id[MODELLAB_RUN_ID_BYTES];
    int64_t seen = 0;

    must(modellab_lab_open(argc > 1 ? argv[1] : NULL, NULL, &lab, &err), &err, "lab");
    options.request = "{\"pipeline\": \"ingest\"}";
    options.input_data = wav;
    options.input_bytes = make_wav(wav);
    must(modellab_run_submit(lab, &options, run_id, NULL, &err), &err, "submit");
    must(modellab_run_cancel(lab, run_id, &outcome, &err), &err, "cancel");

    must(modellab_event_list_load(lab, run_id, seen, 100, 1000, &events, &err), &err, "events");
    for (size_t i = 0; i < modellab_event_list_count(events); i++) {
        modellab_event_info event = {.size = sizeof event};

        must(modellab_event_list_at(events, i, &event, &err), &err, "event");
        printf("%lld %s %s\n", (long long)event.number, event.type, event.data);
        seen = event.number;
    }
    modellab_event_list_unref(events);

    /* The same among the events of all runs; the next ones come behind next. */
    modellab_event_feed_options feed = MODELLAB_EVENT_FEED_OPTIONS_INIT;
    int64_t end = 0;

    modellab_event_feed_options_init(&feed, sizeof feed);
    must(modellab_event_feed_end(lab, &end, &err), &err, "end");
    feed.after = end - 2;
    must(modellab_event_feed_load(lab, &feed, &events, &err), &err, "feed");
    printf("%zu events behind %lld, go on behind %lld\n", modellab_event_list_count(events),
           (long long)feed.after, (long long)modellab_event_list_next(events));
    modellab_event_list_unref(events);

    /* A follower sleeps until something happens or its token is set, as it is here. */
    must(modellab_cancel_create(NULL, &cancel, &err), &err, "token");
    modellab_cancel_set(cancel);
    int stopped = modellab_event_list_follow(lab, run_id, seen, 100, -1, cancel, &events, &err) ==
                  MODELLAB_E_CANCELLED;
    modellab_cancel_unref(cancel);
    modellab_lab_unref(lab);
    return stopped && outcome == MODELLAB_CANCEL_CANCELLED && seen >= 2 ? 0 : 1;
}
