/* Operations for the tests of the core alone (MODEL_LAB_TESTING=1): bodies that are counted,
 * refused in the middle, read slowly; replies that last, come in pieces, come late. */
#include "call.h"
#include "jobs.h"
#include "problem.h"
#include "reply.h"
#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zlib.h>

static atomic_int sinks_open; /* begun and not dropped: 0 when nothing leaks */

typedef struct counted {
    int64_t bytes, parts;
    uint32_t crc;
    int64_t refuse_at, nap_ms;
    char names[512];
} counted;

static bool begin(call *c)
{
    counted *state = calloc(1, sizeof *state);
    atomic_fetch_add(&sinks_open, 1);
    if (state == NULL)
        return false;
    call_set_state(c, state);
    if (!call_query_int(c, "refuse_at", -1, INT64_MAX, -1, &state->refuse_at) ||
        !call_query_int(c, "nap_ms", 0, 10000, 0, &state->nap_ms))
        return false;
    if (state->refuse_at != 0)
        return true;
    reply_problem(c, 415, "unsupported-media-type", "refused before the first byte");
    return false;
}

static bool part(call *c, const char *name, const char *filename, const char *type)
{
    counted *state = call_state(c);
    size_t at = strlen(state->names);
    state->parts++;
    (void)snprintf(state->names + at, sizeof state->names - at, "%s|%s|%s;", name, filename, type);
    return true;
}

static bool data(call *c, const void *bytes, size_t count)
{
    counted *state = call_state(c);
    const struct timespec nap = {state->nap_ms / 1000, state->nap_ms % 1000 * 1000000};
    if (state->nap_ms > 0) {
        (void)nanosleep(&nap, NULL);
        call_note(c, MODELLAB_LOG_INFO, "testing.piece", "a piece was taken slowly", NULL, NULL);
    }
    state->bytes += (int64_t)count;
    state->crc = (uint32_t)crc32(state->crc, bytes, (uInt)count);
    if (state->refuse_at < 0 || state->bytes < state->refuse_at)
        return true;
    reply_problem(c, 415, "unsupported-media-type", "refused in the middle");
    return false;
}

static void drop(call *c)
{
    free(call_state(c));
    call_set_state(c, NULL);
    atomic_fetch_sub(&sinks_open, 1);
}

static void count(call *c)
{
    const counted *state = call_state(c);
    reply_json(c, 200,
               json_pack("{s:I, s:I, s:s, s:i, s:I}", "bytes", (json_int_t)state->bytes, "parts",
                         (json_int_t)state->parts, "names", state->names, "open",
                         atomic_load(&sinks_open), "crc", (json_int_t)state->crc));
}

static void open_sinks(call *c)
{
    reply_json(c, 200, json_pack("{s:i}", "open", atomic_load(&sinks_open)));
}

static void echo(call *c)
{
    json_t *copy = json_deep_copy(call_json(c));
    reply_json(c, 200, json_pack("{s:o}", "got", copy));
}

/* Events until the client is gone: `count` at once, then none. */
static void events(call *c)
{
    char text[64];
    int64_t wanted;
    bool ends;
    if (!call_query_int(c, "count", 0, 100000, 1, &wanted) ||
        !call_query_bool(c, "end", false, &ends))
        return;
    stream *s = stream_create(0);
    if (s == NULL) {
        reply_problem(c, 500, "internal", "out of memory");
        return;
    }
    stream_farewell(s, "retry: 1000\n\n");
    for (int64_t i = 1; i <= wanted; i++) {
        (void)snprintf(text, sizeof text, "id: %lld\ndata: {}\n\n", (long long)i);
        if (!stream_write(s, text, strlen(text)))
            break;
    }
    if (ends)
        stream_end(s);
    reply_stream(c, 200, "text/event-stream", s);
}

static int64_t read_pattern(void *user, int64_t offset, void *out, size_t bytes)
{
    unsigned char *to = out;
    (void)user;
    for (size_t i = 0; i < bytes; i++)
        to[i] = (unsigned char)((offset + (int64_t)i) % 251);
    return (int64_t)bytes;
}

static void file(call *c)
{
    int64_t size;
    if (!call_query_int(c, "size", 0, 1 << 30, 1000, &size))
        return;
    const reply_source source = {.size = size,
                                 .etag = "\"pattern\"",
                                 .filename = call_query(c, "name"),
                                 .read = read_pattern};
    reply_file(c, "application/octet-stream", &source);
}

typedef struct late {
    call *c;
    int64_t looks;
} late;

/* Holds no thread: looks, and comes back. */
static void look(void *user)
{
    late *l = user;
    call *c = l->c;
    bool gone = modellab_cancel_is_set(call_cancel(c)) != 0;
    l->looks--;
    if (!gone && l->looks > 0 && job_after(50, look, l))
        return;
    free(l);
    reply_json(c, gone ? 503 : 200, json_pack("{s:b}", "gone", gone));
}

static void wait_for_it(call *c)
{
    int64_t ms;
    if (!call_query_int(c, "ms", 0, 600000, 0, &ms))
        return;
    late *l = malloc(sizeof *l);
    if (l == NULL) {
        reply_problem(c, 500, "internal", "out of memory");
        return;
    }
    *l = (late){c, ms / 50 + 1};
    look(l);
}

static void text(call *c)
{
    int64_t size;
    if (!call_query_int(c, "size", 0, 1 << 24, 5000, &size))
        return;
    char *bytes = malloc((size_t)size + 1);
    if (bytes == NULL) {
        reply_problem(c, 500, "internal", "out of memory");
        return;
    }
    memset(bytes, 'a', (size_t)size);
    reply_bytes(c, 200, "text/plain", bytes, (size_t)size);
    free(bytes);
}

static void param(call *c)
{
    reply_json(c, 200,
               json_pack("{s:s, s:s?, s:s, s:s, s:s}", "id", call_param(c, "id"), "q",
                         call_query(c, "q"), "request_id", call_request_id(c), "trace_parent",
                         call_trace_parent(c), "trace_state", call_trace_state(c)));
}

/* What is in use of the heap; 0 where another allocator serves (sanitizers). */
static void memory(call *c)
{
    struct mallinfo2 now = mallinfo2();
    reply_json(c, 200, json_pack("{s:I}", "in_use", (json_int_t)(now.uordblks + now.hblkhd)));
}

/* A leak for those who look for leaks. */
static void leak(call *c)
{
    static _Atomic(void *) kept;
    int64_t bytes;
    if (!call_query_int(c, "bytes", 0, 1 << 20, 0, &bytes))
        return;
    void **block = calloc(1, sizeof *block + (size_t)bytes);
    if (block != NULL)
        *block = atomic_exchange(&kept, block); /* found by who looks at memory, not at pointers */
    reply_json(c, 200, json_pack("{s:b}", "leaked", block != NULL));
}

static const body_sink counting = {begin, part, data, drop};

static const operation table[] = {
    {.id = "testCount",
     .method = "POST",
     .path = "/api/v1/testing/count",
     .scope = "",
     .body = BODY_STREAM,
     .body_max = 1 << 30,
     .run = count,
     .sink = &counting},
    {.id = "testOpen",
     .method = "GET",
     .path = "/api/v1/testing/open",
     .scope = "",
     .run = open_sinks},
    {.id = "testEcho",
     .method = "POST",
     .path = "/api/v1/testing/echo",
     .scope = "",
     .body = BODY_JSON,
     .run = echo},
    {.id = "testEvents",
     .method = "GET",
     .path = "/api/v1/testing/events",
     .scope = "",
     .run = events},
    {.id = "testFile", .method = "GET", .path = "/api/v1/testing/file", .scope = "", .run = file},
    {.id = "testWait",
     .method = "GET",
     .path = "/api/v1/testing/wait",
     .scope = "",
     .run = wait_for_it},
    {.id = "testText", .method = "GET", .path = "/api/v1/testing/text", .scope = "", .run = text},
    {.id = "testMemory",
     .method = "GET",
     .path = "/api/v1/testing/memory",
     .scope = "",
     .run = memory},
    {.id = "testLeak", .method = "GET", .path = "/api/v1/testing/leak", .scope = "", .run = leak},
    {.id = "testParam",
     .method = "GET",
     .path = "/api/v1/testing/items/{id}",
     .scope = "",
     .run = param},
};
OPERATION_TABLE(ops_testing);
