/* Bodies of JSON and text: the ETag of what a GET reads, the answer to If-None-Match, and gzip for
 * those who take it. */
#include "call_private.h"
#include "problem.h"
#include "text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define GZIP_LEAST 1024
#define GZIP_LEVEL 5
#define GZIP_WINDOW (15 + 16) /* a gzip header, not zlib's */

static bool is_compressible(const char *type)
{
    return text_begins(type, "text/") || text_begins(type, "application/json") ||
           text_begins(type, "application/problem+json") || text_begins(type, "image/svg+xml") ||
           text_begins(type, "application/javascript");
}

/* A copy that is smaller, or NULL: it stays as it is. */
static char *compressed(const char *bytes, size_t count, size_t *made)
{
    z_stream z = {0};
    if (count > UINT32_MAX / 2 ||
        deflateInit2(&z, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return NULL;
    char *out = malloc(count);
    z.next_in = (Bytef *)(uintptr_t)bytes;
    z.avail_in = (uInt)count;
    z.next_out = (Bytef *)out;
    z.avail_out = (uInt)count;
    bool smaller = out != NULL && deflate(&z, Z_FINISH) == Z_STREAM_END;
    *made = z.total_out;
    (void)deflateEnd(&z); /* nothing can fail in giving back */
    if (smaller)
        return out;
    free(out);
    return NULL;
}

bool reply_list_names(const char *list, const char *tag)
{
    const char *bare = text_begins(tag, "W/") ? tag + 2 : tag;
    size_t bytes = strlen(bare);
    while (list != NULL && *list != '\0') {
        list += strspn(list, " \t,");
        if (*list == '*')
            return true;
        if (text_begins(list, "W/"))
            list += 2;
        if (strncmp(list, bare, bytes) == 0)
            return true;
        list += strcspn(list, ",");
    }
    return false;
}

bool reply_names_tag(const call *c, const char *tag)
{
    return tag != NULL && reply_list_names(call_header(c, "If-None-Match"), tag);
}

void reply_tag_of(const char *bytes, size_t count, char out[REPLY_TAG_BYTES])
{
    (void)snprintf(out, REPLY_TAG_BYTES, "W/\"%016llx\"",
                   (unsigned long long)(text_hash(bytes, count) ^ count));
}

static void add_tag(call *c, const char *bytes, size_t count)
{
    char tag[REPLY_TAG_BYTES];
    if (reply_line_value(c, "ETag") != NULL)
        return;
    reply_tag_of(bytes, count, tag);
    reply_header(c, "ETag", tag);
}

/* True: the client has it already. */
static bool has_it(call *c, const char *bytes, size_t count)
{
    add_tag(c, bytes, count);
    return reply_names_tag(c, reply_line_value(c, "ETag"));
}

void reply_bytes_owned(call *c, int http, const char *type, char *owned, size_t bytes,
                       modellab_buffer *buffer)
{
    const char *text = buffer != NULL ? modellab_buffer_data(buffer) : owned;
    bool reads = strcmp(c->method, "GET") == 0 || strcmp(c->method, "HEAD") == 0;
    bool written = c->tagged && (http == 200 || http == 201) && text != NULL;
    if (!c->replied && written)
        add_tag(c, text, bytes);
    call_reply reply = {.kind = buffer != NULL ? REPLY_BUFFER : REPLY_BYTES,
                        .http = http,
                        .type = strdup(type),
                        .bytes = owned,
                        .byte_count = bytes,
                        .buffer = buffer};
    if (!c->replied && http == 200 && reads && text != NULL && has_it(c, text, bytes)) {
        free(owned);
        modellab_buffer_destroy(buffer);
        free(reply.type);
        reply = (call_reply){.kind = REPLY_BYTES, .http = 304};
    } else if (bytes >= GZIP_LEAST && is_compressible(type) &&
               text_list_has(call_header(c, "Accept-Encoding"), "gzip")) {
        size_t made;
        char *smaller = compressed(text, bytes, &made);
        if (smaller != NULL) {
            free(owned);
            modellab_buffer_destroy(buffer);
            reply.kind = REPLY_BYTES;
            reply.bytes = smaller;
            reply.byte_count = made;
            reply.buffer = NULL;
            reply_header(c, "Content-Encoding", "gzip");
        }
    }
    (void)reply_commit(c, &reply); /* a second reply has been logged */
}
