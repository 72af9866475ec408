/* Members of a JSON object as they stand in its text: what the library wrote is passed on, not
 * parsed and written anew. */
#ifndef SERVER_JSON_SLICE_H
#define SERVER_JSON_SLICE_H

#include <stdbool.h>
#include <stddef.h>

typedef struct json_slice {
    const char *name; /* as the text has it, without its quotes */
    const char *text; /* of the value; NULL = not found */
    size_t bytes;
} json_slice;

/* Looks for the names of `wanted` in an object. The text must be valid JSON, ended by a NUL; the
 * first of several members of a name counts. False: it is no object, or one is missing. */
bool json_slice_find(const char *object, json_slice *wanted, size_t count);

#endif
