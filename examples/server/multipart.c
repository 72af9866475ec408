/* The parser of multipart/form-data (RFC 7578): boundaries are looked for in the stream, heads of
 * parts are kept until they are whole. */
#include "multipart.h"

#include "text.h"
#include <stdlib.h>
#include <string.h>

#define BOUNDARY_MAX 70
#define HEAD_MAX ((size_t)8192) /* of one part */

typedef enum {
    BEFORE, /* the first boundary: what stands there is thrown away */
    BEHIND, /* a boundary: the end of its line, or of all */
    HEAD,
    DATA,
    OVER, /* the last boundary has come: what stands behind it is thrown away */
    FAILED
} state;

struct multipart {
    multipart_reader reader;
    state state;
    const char *fault;
    bool coded;
    char boundary[BOUNDARY_MAX + 5]; /* with the line end and the dashes before it */
    size_t boundary_bytes, matched;  /* of it, at the end of what has come */
    char line[3];                    /* of what stands behind a boundary */
    size_t line_bytes;
    char head[HEAD_MAX + 1];
    size_t head_bytes;
};

typedef struct part_head {
    char *name, *filename, *type; /* where they stand, NULL = absent */
} part_head;

static bool fail(multipart *m, const char *why)
{
    m->state = FAILED;
    m->fault = why;
    return false;
}

static char *skip_blanks(char *at)
{
    return at + strspn(at, " \t");
}

/* A value of a parameter, in its place: a token, or text in quotation marks, in which \" and \\ are
 * codes (others are not: there are clients that send whole paths of Windows). Where it ends, or
 * NULL. */
static char *take_value(char *at, char **value)
{
    if (*at != '"') {
        size_t bytes = strcspn(at, "; \t");
        *value = at;
        if (bytes == 0 || memchr(at, '"', bytes) != NULL)
            return NULL;
        return at + bytes;
    }
    char *to = ++at;
    *value = to;
    while (*at != '"') {
        if (*at == '\0')
            return NULL;
        if (*at == '\\' && (at[1] == '"' || at[1] == '\\'))
            at++;
        *to++ = *at++;
    }
    *to = '\0';
    return at + 1;
}

/* Parameters of a header: begins with its value, gives what stands before the first of them. */
static char *first_parameter(char *value)
{
    char *at = value + strcspn(value, "; \t"), *rest = skip_blanks(at);
    if (*rest != ';')
        return *rest == '\0' ? rest : NULL;
    *at = '\0';
    return rest + 1;
}

/* The next "name=value", in its place. `*at` is NULL behind the last one. False: it is malformed.
 */
static bool next_parameter(char **at, char **name, char **value)
{
    *name = skip_blanks(*at);
    if (**name == '\0') {
        *at = NULL;
        return true;
    }
    char *equals = *name + strcspn(*name, "=; \t\"");
    if (equals == *name || *equals != '=')
        return false;
    char *end = take_value(equals + 1, value);
    char *rest = end != NULL ? skip_blanks(end) : NULL;
    if (rest == NULL || (*rest != ';' && *rest != '\0'))
        return false;
    *at = *rest == ';' ? rest + 1 : rest;
    *equals = *end = '\0';
    return true;
}

multipart *multipart_create(const char *type, const multipart_reader *reader)
{
    multipart *m = calloc(1, sizeof *m);
    char *copy = strdup(type), *found = NULL;
    if (m == NULL || copy == NULL) {
        free(copy);
        free(m);
        return NULL;
    }
    char *at = first_parameter(copy), *name, *value;
    while (at != NULL && next_parameter(&at, &name, &value) && at != NULL)
        if (text_same(name, "boundary") && found == NULL)
            found = value;
    size_t bytes = found != NULL && at == NULL ? strlen(found) : 0;
    bool good = bytes > 0 && bytes <= BOUNDARY_MAX && found[bytes - 1] != ' ';
    for (size_t i = 0; i < bytes; i++)
        good = good && found[i] >= ' ' && found[i] <= '~';
    if (good) {
        memcpy(m->boundary, "\r\n--", 4);
        memcpy(m->boundary + 4, found, bytes);
        m->boundary_bytes = 4 + bytes;
        m->matched = 2; /* the first one needs no line before it */
        m->reader = *reader;
    }
    free(copy);
    if (good)
        return m;
    free(m);
    return NULL;
}

void multipart_destroy(multipart *m)
{
    free(m);
}

const char *multipart_fault(const multipart *m)
{
    return m->fault;
}

bool multipart_is_coded(const multipart *m)
{
    return m->coded;
}

bool multipart_is_whole(const multipart *m)
{
    return m->state == OVER;
}

static bool give(multipart *m, const char *data, size_t bytes)
{
    if (bytes == 0 || m->state == BEFORE || m->reader.data(m->reader.user, data, bytes))
        return true;
    m->state = FAILED;
    return false;
}

/* Up to a boundary, or to the end of the piece. What may be the beginning of a boundary is kept: as
 * a number, for it is known what stands there. */
static bool take_data(multipart *m, const char **at, const char *end)
{
    const char *from = *at, *p = *at;
    size_t carried = m->matched; /* of it, what stood in pieces before this one */
    while (p < end) {
        if (m->matched == 0) {
            p = memchr(p, '\r', (size_t)(end - p)); /* only its first byte is one */
            if (p == NULL) {
                p = end;
                break;
            }
        }
        if (*p == m->boundary[m->matched]) {
            p++;
            if (++m->matched < m->boundary_bytes)
                continue;
            *at = p;
            size_t here = m->boundary_bytes - carried;
            if (!give(m, from, (size_t)(p - from) - here))
                return false;
            m->matched = m->line_bytes = 0;
            m->state = BEHIND;
            return true;
        }
        if (!give(m, m->boundary, carried)) /* it was none */
            return false;
        carried = m->matched = 0;
    }
    *at = p;
    return give(m, from, (size_t)(p - from) - (m->matched - carried));
}

/* "--", or blanks and a line end. */
static bool take_end_of_line(multipart *m, const char **at, const char *end)
{
    while (*at < end) {
        char c = *(*at)++;
        if (m->line_bytes == 0 && (c == ' ' || c == '\t'))
            continue;
        m->line[m->line_bytes++] = c;
        if (m->line_bytes < 2)
            continue;
        if (memcmp(m->line, "--", 2) == 0) {
            m->state = OVER;
            return true;
        }
        if (memcmp(m->line, "\r\n", 2) != 0)
            return fail(m, "behind a boundary of the multipart body stands something else");
        m->state = HEAD;
        m->head_bytes = 0;
        return true;
    }
    return true;
}

static bool read_disposition(char *value, part_head *part)
{
    char *at = first_parameter(value), *name, *text;
    if (at == NULL || !text_same(value, "form-data"))
        return false;
    while (next_parameter(&at, &name, &text)) {
        if (at == NULL)
            return true;
        char **to = text_same(name, "name")       ? &part->name
                    : text_same(name, "filename") ? &part->filename
                                                  : NULL;
        if (to != NULL && *to != NULL)
            return false; /* twice: which one is meant is anybody's guess */
        if (to != NULL)
            *to = text; /* filename* has no place in a form (RFC 7578, 4.2) */
    }
    return false;
}

static bool is_identity(const char *coding)
{
    return text_same(coding, "binary") || text_same(coding, "8bit") || text_same(coding, "7bit");
}

static bool read_line(multipart *m, char *line, part_head *part)
{
    char *colon = strchr(line, ':');
    for (const char *at = line; *at != '\0'; at++)
        if (((unsigned char)*at < 0x20 && *at != '\t') || *at == 0x7f)
            return fail(m, "the head of a part has control characters");
    if (colon == NULL || colon == line || strcspn(line, " \t") < (size_t)(colon - line))
        return fail(m, "the head of a part is malformed");
    *colon = '\0';
    char *value = skip_blanks(colon + 1);
    for (size_t bytes = strlen(value); bytes > 0 && strchr(" \t", value[bytes - 1]) != NULL;)
        value[--bytes] = '\0';
    if (text_same(line, "Content-Disposition")) {
        if (part->name != NULL || part->filename != NULL || !read_disposition(value, part))
            return fail(m, "the Content-Disposition of a part is malformed");
    } else if (text_same(line, "Content-Type")) {
        part->type = value;
    } else if (text_same(line, "Content-Transfer-Encoding") && !is_identity(value)) {
        m->coded = true;
        return fail(m, "parts are taken without an encoding");
    }
    return true;
}

/* The head is whole: its lines, each with its end. */
static bool read_head(multipart *m)
{
    part_head part = {0};
    bool good = memchr(m->head, '\0', m->head_bytes) == NULL ||
                fail(m, "the head of a part has control characters");
    m->head[m->head_bytes] = '\0';
    for (char *line = m->head, *end; good && *line != '\0'; line = end + 2) {
        end = strstr(line, "\r\n");
        *end = '\0';
        if (line < end)
            good = read_line(m, line, &part);
    }
    if (good && (part.name == NULL || !text_is_utf8(part.name, strlen(part.name)) ||
                 (part.filename != NULL && !text_is_utf8(part.filename, strlen(part.filename)))))
        good = fail(m, "a part has no name, or names that are no UTF-8");
    if (good) {
        m->state = DATA;
        good = m->reader.part(m->reader.user, part.name, part.filename != NULL ? part.filename : "",
                              part.type != NULL ? part.type : "");
        if (!good)
            m->state = FAILED;
    }
    return good;
}

static bool take_head(multipart *m, const char **at, const char *end)
{
    while (*at < end) {
        if (m->head_bytes == HEAD_MAX)
            return fail(m, "the head of a part is too large");
        m->head[m->head_bytes++] = *(*at)++;
        size_t n = m->head_bytes;
        if (m->head[n - 1] != '\n' || n < 2)
            continue;
        if ((n == 2 || (n >= 4 && m->head[n - 3] == '\n' && m->head[n - 4] == '\r')) &&
            m->head[n - 2] == '\r')
            return read_head(m);
    }
    return true;
}

bool multipart_take(multipart *m, const void *data, size_t bytes)
{
    const char *at = data, *end = at + bytes;
    bool good = m->state != FAILED;
    while (good && at < end && m->state != OVER) {
        if (m->state == BEHIND)
            good = take_end_of_line(m, &at, end);
        else if (m->state == HEAD)
            good = take_head(m, &at, end);
        else
            good = take_data(m, &at, end);
    }
    return good;
}
