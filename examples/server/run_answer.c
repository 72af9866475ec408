/* Waiting for a run holds no thread: a look, and another one a little later. */
#include "run_answer.h"

#include "jobs.h"
#include "problem.h"
#include "replay.h"
#include "reply.h"
#include "run_summary.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define WAIT_MOST_S 3600
#define FIRST_LOOK_MS 10
#define LAST_LOOK_MS 250

typedef struct waiting {
    call *c;
    modellab_idempotency *claim;
    int64_t until_ms, pause_ms; /* of call_age_ms() */
    bool asked;
    char run_id[MODELLAB_RUN_ID_BYTES];
} waiting;

/* The number behind "wait="; false: there is none that makes sense. */
static bool read_wait(const char *text, size_t bytes, int64_t *seconds)
{
    int64_t value = 0;
    size_t i = 0;
    if (bytes >= 2 && text[0] == '"' && text[bytes - 1] == '"') {
        text++;
        bytes -= 2;
    }
    for (; i < bytes && text[i] >= '0' && text[i] <= '9' && value <= WAIT_MOST_S; i++)
        value = value * 10 + (text[i] - '0');
    *seconds = value;
    return bytes > 0 && i == bytes && value <= WAIT_MOST_S;
}

bool run_answer_prefer(call *c, int64_t *wait_ms)
{
    const char *at = call_header(c, "Prefer");
    *wait_ms = 0;
    while (at != NULL && *at != '\0') {
        at += strspn(at, " \t,;");
        size_t bytes = strcspn(at, ",;");
        size_t used = bytes;
        while (used > 0 && (at[used - 1] == ' ' || at[used - 1] == '\t'))
            used--;
        if (used >= 5 && strncasecmp(at, "wait=", 5) == 0) {
            int64_t seconds;
            if (!read_wait(at + 5, used - 5, &seconds)) {
                reply_invalid(c, "Prefer", "wait is a number of seconds, at most 3600");
                return false;
            }
            *wait_ms = seconds * 1000;
        }
        at += bytes; /* other preferences are left alone, as the standard says */
    }
    return true;
}

static void end(waiting *w)
{
    modellab_idempotency_unref(w->claim);
    free(w);
}

static void answer(waiting *w, const modellab_run *run, bool ended)
{
    call *c = w->c;
    char location[64];
    json_t *summary = run_summary(run);
    char *text = summary != NULL ? json_dumps(summary, JSON_COMPACT) : NULL;
    int http = ended ? 200 : 202;
    json_decref(summary);
    if (text == NULL) {
        end(w);
        reply_problem(c, 500, "internal", "out of memory");
        return;
    }
    (void)snprintf(location, sizeof location, "/api/v1/runs/%s", w->run_id);
    replay_keep(c, w->claim, http, location, text);
    if (w->asked)
        reply_header(c, "Preference-Applied", ended ? "wait" : "respond-async");
    end(w);
    reply_location(c, location);
    reply_bytes(c, http, "application/json", text, strlen(text));
    free(text);
}

static void look(void *user)
{
    waiting *w = user;
    call *c = w->c;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_run_info info = {.size = sizeof info};
    modellab_run *run = NULL;
    modellab_status status = modellab_run_load(call_lab(c), w->run_id, &run, &err);
    if (status == MODELLAB_OK)
        status = modellab_run_get_info(run, &info, &err);
    if (status != MODELLAB_OK) {
        modellab_run_unref(run);
        end(w);
        reply_error(c, status, &err, NULL);
        return;
    }
    int64_t left = w->until_ms - call_age_ms(c);
    bool ended = modellab_run_status_is_final(info.status) != 0 && w->asked;
    bool waits = !ended && left > 0 && modellab_cancel_is_set(call_cancel(c)) == 0;
    if (waits) {
        int64_t pause = w->pause_ms < left ? w->pause_ms : left;
        w->pause_ms = w->pause_ms * 2 < LAST_LOOK_MS ? w->pause_ms * 2 : LAST_LOOK_MS;
        waits = job_after(pause, look, w);
    }
    if (!waits)
        answer(w, run, ended);
    modellab_run_unref(run);
}

void run_answer(call *c, const char *run_id, int64_t wait_ms, modellab_idempotency *owned_claim)
{
    waiting *w = calloc(1, sizeof *w);
    if (w == NULL) {
        modellab_idempotency_unref(owned_claim);
        reply_problem(c, 500, "internal", "out of memory");
        return;
    }
    w->c = c;
    w->claim = owned_claim;
    w->asked = wait_ms > 0;
    w->until_ms = call_age_ms(c) + wait_ms;
    w->pause_ms = FIRST_LOOK_MS;
    (void)snprintf(w->run_id, sizeof w->run_id, "%s", run_id);
    look(w);
}

void run_answer_now(call *c, const char *run_id)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_run *run = NULL;
    modellab_status status = modellab_run_load(call_lab(c), run_id, &run, &err);
    if (status == MODELLAB_OK)
        reply_json(c, 200, run_summary(run));
    else
        reply_error(c, status, &err, NULL);
    modellab_run_unref(run);
}
