/* Events as JSON: the same object in pages, streams and sockets. */
#include "hub.h"
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static void iso_time(int64_t ms, char *out, size_t bytes)
{
    struct tm parts;
    time_t seconds = (time_t)(ms / 1000);
    char day[32];
    if (gmtime_r(&seconds, &parts) == NULL ||
        strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &parts) == 0)
        day[0] = '\0';
    (void)snprintf(out, bytes, "%s.%03dZ", day, (int)(ms % 1000));
}

static json_t *or_null(const char *text)
{
    return text[0] != '\0' ? json_string(text) : json_null();
}

char *hub_event_json(const modellab_event_info *event, size_t *bytes)
{
    char time[64];
    json_t *data = json_loads(event->data[0] != '\0' ? event->data : "{}", 0, NULL);
    iso_time(event->time_ms, time, sizeof time);
    json_t *object =
        json_pack("{s:I, s:s, s:s, s:s, s:o, s:o, s:o, s:o}", "number", (json_int_t)event->number,
                  "time", time, "type", event->type, "run_id", event->run_id, "request_id",
                  or_null(event->request_id), "trace_id", or_null(event->trace_id), "step",
                  or_null(event->step), "data", data != NULL ? data : json_object());
    char *text = object != NULL ? json_dumps(object, JSON_COMPACT) : NULL;
    *bytes = text != NULL ? strlen(text) : 0;
    json_decref(object);
    return text;
}
