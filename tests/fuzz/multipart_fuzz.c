/* Fuzz target: forms as the server reads them. Whatever the pieces are in which a form comes, the
 * same parts with the same bytes come out, or the same fault. */
#include "multipart.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

typedef struct seen {
    uint64_t hash;
    size_t parts, bytes;
    int in_part;
} seen;

static void add(seen *s, const void *data, size_t bytes)
{
    const unsigned char *at = data;
    for (size_t i = 0; i < bytes; i++)
        s->hash = (s->hash ^ at[i]) * 1099511628211u;
}

static bool part(void *user, const char *name, const char *filename, const char *type)
{
    seen *s = user;
    s->parts++;
    s->in_part = 1;
    add(s, name, strlen(name) + 1);
    add(s, filename, strlen(filename) + 1);
    add(s, type, strlen(type) + 1);
    return true;
}

static bool take(void *user, const void *data, size_t bytes)
{
    seen *s = user;
    if (s->in_part == 0 || bytes == 0)
        abort();
    s->bytes += bytes;
    add(s, data, bytes);
    return true;
}

/* In pieces of `size` bytes, each in memory of its own. */
static seen read_form(const char *type, const uint8_t *data, size_t bytes, size_t size, int *ended)
{
    seen s = {.hash = 14695981039346656037u};
    const multipart_reader reader = {part, take, &s};
    multipart *m = multipart_create(type, &reader);
    bool good = m != NULL;
    for (size_t at = 0, n; good && at < bytes; at += n) {
        n = bytes - at < size ? bytes - at : size;
        unsigned char *piece = malloc(n);
        if (piece == NULL)
            abort();
        memcpy(piece, data + at, n);
        good = multipart_take(m, piece, n);
        free(piece);
    }
    *ended = m == NULL ? 3 : !good ? 2 : multipart_is_whole(m);
    if (m != NULL && good != (multipart_fault(m) == NULL))
        abort();
    multipart_destroy(m);
    return s;
}

/* Its first line is the type. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    char type[256];
    const uint8_t *line = bytes > 0 ? memchr(data, '\n', bytes) : NULL;
    size_t head = line != NULL ? (size_t)(line - data) : 0;
    if (head == 0 || head >= sizeof type)
        return 0;
    memcpy(type, data, head);
    type[head] = '\0';
    data += head + 1;
    bytes -= head + 1;
    int ended, again;
    seen whole = read_form(type, data, bytes, bytes + 1, &ended);
    for (size_t size = 1; size < 24; size += size < 4 ? 1 : 5) {
        seen some = read_form(type, data, bytes, size, &again);
        if (some.hash != whole.hash || some.parts != whole.parts || some.bytes != whole.bytes ||
            again != ended) {
            (void)fprintf(stderr,
                          "pieces of %zu: %zu parts, %zu bytes, end %d; at once %zu, %zu, %d\n",
                          size, some.parts, some.bytes, again, whole.parts, whole.bytes, ended);
            abort();
        }
    }
    return 0;
}
