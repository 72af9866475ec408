/* Range headers, and the reader that fetches a file piece by piece on job threads. */
#include "ranges.h"

#include "call_private.h"
#include "jobs.h"
#include "problem.h"
#include "text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIECE_BYTES 65536
#define BLOCK_BYTES 32768u

/* The reader of one reply. Network thread and job take turns: the connection sleeps meanwhile. */
typedef struct puller {
    struct MHD_Connection *mhd;
    reply_source source;
    int64_t next, end; /* of the file, still to be read */
    size_t start, bytes;
    bool failed;
    char piece[PIECE_BYTES];
} puller;

static void pull(void *user)
{
    puller *p = user;
    size_t want = p->end - p->next < PIECE_BYTES ? (size_t)(p->end - p->next) : PIECE_BYTES;
    int64_t got = p->source.read(p->source.user, p->next, p->piece, want);
    if (got <= 0 || got > (int64_t)want) {
        p->failed = true;
    } else {
        p->start = 0;
        p->bytes = (size_t)got;
        p->next += got;
    }
    MHD_resume_connection(p->mhd);
}

static ssize_t read_piece(void *user, uint64_t position, char *out, size_t room)
{
    puller *p = user;
    (void)position;
    if (p->bytes > 0) {
        size_t bytes = p->bytes < room ? p->bytes : room;
        memcpy(out, p->piece + p->start, bytes);
        p->start += bytes;
        p->bytes -= bytes;
        return (ssize_t)bytes;
    }
    if (p->failed || p->next >= p->end)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    MHD_suspend_connection(p->mhd);
    if (!job_run(pull, p)) {
        p->failed = true;
        MHD_resume_connection(p->mhd);
    }
    return 0;
}

static void release(void *user)
{
    puller *p = user;
    if (p->source.release != NULL)
        p->source.release(p->source.user);
    free(p);
}

struct MHD_Response *ranges_response(call *c)
{
    puller *p = malloc(sizeof *p);
    if (p == NULL)
        return NULL;
    p->mhd = c->mhd;
    p->source = c->reply.file;
    p->next = c->reply.first;
    p->end = c->reply.last + 1;
    p->start = p->bytes = 0;
    p->failed = false;
    struct MHD_Response *response = MHD_create_response_from_callback(
        (uint64_t)(p->end - p->next), BLOCK_BYTES, read_piece, p, release);
    if (response == NULL) {
        free(p);
        return NULL;
    }
    c->reply.kind = REPLY_NONE; /* the response has it now */
    return response;
}

static void release_source(const reply_source *source)
{
    if (source->release != NULL)
        source->release(source->user);
}

/* Content-Disposition with a name that may hold anything (RFC 8187). */
static void add_filename(call *c, const char *name)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    char text[1024];
    size_t at = (size_t)snprintf(text, sizeof text, "attachment; filename*=UTF-8''");
    for (const unsigned char *from = (const unsigned char *)name;
         *from != '\0' && at + 4 < sizeof text; from++)
        if (strchr(plain, *from) != NULL)
            text[at++] = (char)*from;
        else
            at += (size_t)snprintf(text + at, sizeof text - at, "%%%02X", *from);
    text[at] = '\0';
    reply_header(c, "Content-Disposition", text);
}

/* May the range be used? If-Range names the file as it was. */
static bool range_counts(const call *c, const char *etag)
{
    const char *condition = call_header(c, "If-Range");
    return condition == NULL || (etag != NULL && strcmp(condition, etag) == 0);
}

void reply_file(call *c, const char *type, const reply_source *owned)
{
    char text[80];
    call_reply reply = {.kind = REPLY_FILE, .http = 200, .type = strdup(type), .file = *owned};
    const char *range = range_counts(c, owned->etag) ? call_header(c, "Range") : NULL;
    range_kind kind = range_read(range, owned->size, &reply.first, &reply.last);
    reply_header(c, "Accept-Ranges", "bytes");
    if (owned->etag != NULL)
        reply_header(c, "ETag", owned->etag);
    if (kind == RANGE_UNSATISFIABLE) {
        (void)snprintf(text, sizeof text, "bytes */%lld", (long long)owned->size);
        reply_header(c, "Content-Range", text);
    }
    if (kind == RANGE_UNSATISFIABLE || reply_names_tag(c, owned->etag) || owned->size <= 0) {
        release_source(owned);
        free(reply.type);
        if (kind == RANGE_UNSATISFIABLE)
            reply_problem(c, 416, "range-not-satisfiable", "the file is shorter than that");
        else
            reply_empty(c, owned->size <= 0 ? 200 : 304);
        return;
    }
    if (owned->filename != NULL)
        add_filename(c, owned->filename);
    if (kind == RANGE_ONE) {
        reply.http = 206;
        (void)snprintf(text, sizeof text, "bytes %lld-%lld/%lld", (long long)reply.first,
                       (long long)reply.last, (long long)owned->size);
        reply_header(c, "Content-Range", text);
    }
    reply.file.etag = NULL; /* both are in the lines now */
    reply.file.filename = NULL;
    (void)reply_commit(c, &reply); /* a second reply has been logged */
}
