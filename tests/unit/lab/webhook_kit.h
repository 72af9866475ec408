/* For the tests of webhooks: a lab on a clock of the test, runs that end at once, and the other
 * side of deliveries. */
#ifndef TESTS_UNIT_LAB_WEBHOOK_KIT_H
#define TESTS_UNIT_LAB_WEBHOOK_KIT_H

#include "base/signature.h"
#include "lab/webhooks.h"
#include "unit/lab/lab_common.h"
#include <string.h>

static temp_folder folder;
static mli_lab *lab;
static mli_webhook_memory memory;
static _Atomic int64_t now_ns;

/* The other side. */
static struct {
    long answer;
    int64_t retry_after_ms;
    int calls;
    char bodies[64][1024], headers[8][200];
    char secret[MODELLAB_WEBHOOK_SECRET_MAX + 1];
} peer;

static inline modellab_status play(void *user, const mli_http_post_request *request,
                                   mli_http_post_answer *answer, mli_buf *out, modellab_error *why)
{
    (void)user;
    (void)out;
    assert_true(peer.calls < 64 && request->bytes < 1024);
    memcpy(peer.bodies[peer.calls], request->body, request->bytes + 1);
    memset(peer.headers, 0, sizeof peer.headers);
    for (int i = 0; i < MLI_HTTP_POST_HEADERS && request->headers[i] != NULL; i++)
        (void)snprintf(peer.headers[i], sizeof peer.headers[i], "%s", request->headers[i]);
    peer.calls++;
    assert_memory_equal("Modellab-Signature: ", peer.headers[0], 20);
    if (peer.secret[0] != '\0')
        ASSERT_OK(mli_signature_check(peer.secret, peer.headers[0] + 20, request->body,
                                      request->bytes, now_ns / 1000000000, 0, err));
    *answer = (mli_http_post_answer){.status = peer.answer, .retry_after_ms = peer.retry_after_ms};
    if (peer.answer == 0) {
        why->code = MODELLAB_E_NETWORK;
        (void)snprintf(why->message, sizeof why->message, "it could not be reached");
        return MODELLAB_E_NETWORK;
    }
    return MODELLAB_OK;
}

static const mli_webhook_settings settings = {.attempts = 4, .base_ms = 10000, .post = play};

static inline int64_t clock_of_test(void *user)
{
    (void)user;
    return now_ns;
}

static mli_os_clock virtual;
static const mli_lab_tables tables = {.clock = &virtual};

static inline int set_up(void **state)
{
    (void)state;
    virtual = mli_os_system_clock;
    virtual.realtime_ns = clock_of_test;
    now_ns = INT64_C(1767225600) * 1000000000;
    memset(&peer, 0, sizeof peer);
    peer.answer = 200;
    peer.retry_after_ms = -1;
    temp_folder_make(&folder);
    lab = open_lab(&folder, NULL, &tables, 0);
    mli_webhook_memory_init(&memory, NULL);
    return 0;
}

static inline int tear_down(void **state)
{
    (void)state;
    mli_webhook_memory_dispose(&memory);
    mli_lab_unref(lab);
    temp_folder_remove(&folder);
    return 0;
}

static inline void hook(const char *events, const char *user, bool every_user,
                        char id[MLI_ULID_BYTES])
{
    modellab_webhook_options options = MODELLAB_WEBHOOK_OPTIONS_INIT;
    char secret[MODELLAB_WEBHOOK_SECRET_MAX + 1];

    options.url = "https://hooks.example.com/x";
    options.events = events;
    options.user = user;
    options.every_user = every_user;
    ASSERT_OK(mli_webhook_create(lab, &settings, &options, id, secret, err));
    memcpy(peer.secret, secret, sizeof secret);
    now_ns += 1000000; /* lists are in the order of time */
}

/* A run that is cancelled at once: two events. */
static inline void run(int number, const char *user)
{
    mli_event_row event = {.type = "run_queued"};
    char existing[MLI_ULID_BYTES];
    mli_store_cancel outcome;
    mli_run_row row;

    mli_run_row_init(&row);
    row.id = id_of(number);
    row.user = user;
    row.request_id = "req-7";
    row.trace_id = "4bf92f3577b34da6a3ce929d0e0e4736";
    row.pipeline = "transcribe";
    row.created_ms = mli_lab_now_ms(lab);
    ASSERT_OK(mli_store_insert(lab->store, &row, &event, 1, existing, err));
    ASSERT_OK(mli_store_request_cancel(lab->store, id_of(number), 5, &outcome, err));
}

static inline int64_t round_of(void)
{
    int64_t next_ms = -2;

    ASSERT_OK(mli_webhook_round(lab, &settings, &memory, NULL, &next_ms, err));
    return next_ms;
}

static inline mli_webhook_row look(const char *id)
{
    modellab_webhook_list *list = NULL;
    ASSERT_OK(mli_webhook_list_load(lab, id, &list, err));
    mli_webhook_row row = list->rows->rows[0];
    mli_webhook_list_unref(list);
    return row; /* its numbers alone */
}

#endif
