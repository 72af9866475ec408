/* multipart/form-data as it comes, in pieces of any size: each part is told of once, when its head
 * is here, then its bytes. Nothing is kept but the head of a part. */
#ifndef SERVER_MULTIPART_H
#define SERVER_MULTIPART_H

#include <modellab/export.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct multipart multipart;

/* False from one of them ends the reading. The strings live during the call only; filename and type
 * are "" when absent. */
typedef struct multipart_reader {
    bool (*part)(void *user, const char *name, const char *filename, const char *type);
    bool (*data)(void *user, const void *data, size_t bytes); /* of the part that began last */
    void *user;
} multipart_reader;

/* `type`: the Content-Type with its boundary. NULL: it has none that may be, or out of memory. */
multipart *multipart_create(const char *type, const multipart_reader *reader);
void multipart_destroy(multipart *m); /* NULL accepted */
/* False: the form is malformed, or the reader has ended it (then multipart_fault() is NULL). */
MODELLAB_MUST_CHECK bool multipart_take(multipart *m, const void *data, size_t bytes);
const char *multipart_fault(const multipart *m); /* what is wrong, NULL = nothing */
bool multipart_is_coded(const multipart *m);     /* that: a part has an encoding */
bool multipart_is_whole(const multipart *m);     /* its last boundary has come */

#endif
