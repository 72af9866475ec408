/* The same request twice, done once.   idempotency FOLDER */
#include "example.h"
#include <string.h>

static void ask(modellab_lab *lab, const char *key, const char *request)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_idempotency *claim = NULL;
    modellab_idempotency_outcome outcome;
    modellab_idempotency_reply reply;
    char run_key[MODELLAB_IDEMPOTENCY_RUN_KEY_BYTES];

    modellab_idempotency_reply_init(&reply, sizeof reply);
    must(modellab_idempotency_begin(lab, "ann", key, &claim, &outcome, &err), &err, "begin");
    if (outcome == MODELLAB_IDEMPOTENCY_RUNNING) {
        printf("%s: the first one is still at work\n", request);
        return;
    }
    must(modellab_idempotency_add(claim, request, strlen(request), &err), &err, "add");
    must(modellab_idempotency_match(claim, &outcome, &err), &err, "match");
    if (outcome == MODELLAB_IDEMPOTENCY_NEW) { /* the work, then */
        must(modellab_idempotency_run_key(claim, run_key, &err), &err, "key of the run");
        printf("%s: work, as %.4s...\n", request, run_key);
        reply.http_status = 202;
        reply.media_type = "application/json";
        reply.body = "{\"run_id\":\"...\"}";
        must(modellab_idempotency_finish(claim, &reply, &err), &err, "finish");
    } else if (outcome == MODELLAB_IDEMPOTENCY_REPLAY) {
        must(modellab_idempotency_get_reply(claim, &reply, &err), &err, "reply");
        printf("%s: again %d %s\n", request, reply.http_status, reply.body);
    } else {
        printf("%s: the key was used for another request\n", request);
    }
    modellab_idempotency_unref(claim);
}

int main(int argc, char **argv)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_lab *lab = NULL;

    must(modellab_lab_open(argc > 1 ? argv[1] : NULL, NULL, &lab, &err), &err, "lab");
    ask(lab, "order-7", "one coffee");
    ask(lab, "order-7", "one coffee");
    ask(lab, "order-7", "two coffees");
    modellab_lab_unref(lab);
    return 0;
}
