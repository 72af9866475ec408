/* One walk over the text of an object; strings and brackets are stepped over. */
#include "json_slice.h"

#include <string.h>

#define BLANKS " \t\r\n"

/* Behind a string that begins at `at`; NULL: it does not end. */
static const char *skip_string(const char *at)
{
    for (at++;;) {
        at += strcspn(at, "\"\\");
        if (*at == '"')
            return at + 1;
        if (*at == '\0' || at[1] == '\0')
            return NULL;
        at += 2; /* whatever is escaped */
    }
}

/* Behind a value; NULL: it does not end. */
static const char *skip_value(const char *at)
{
    size_t depth = 0;
    do {
        if (*at == '"') {
            at = skip_string(at);
            if (at == NULL)
                return NULL;
        } else {
            if (*at == '\0')
                return NULL;
            depth += *at == '{' || *at == '[';
            depth -= *at == '}' || *at == ']';
            at++;
        }
    } while (depth > 0 || strchr(",}" BLANKS, *at) == NULL); /* the NUL is found, too */
    return at;
}

static void keep(json_slice *wanted, size_t count, const char *name, size_t name_bytes,
                 const char *text, size_t bytes)
{
    for (size_t i = 0; i < count; i++)
        if (wanted[i].text == NULL && strncmp(wanted[i].name, name, name_bytes) == 0 &&
            wanted[i].name[name_bytes] == '\0') {
            wanted[i].text = text;
            wanted[i].bytes = bytes;
        }
}

bool json_slice_find(const char *object, json_slice *wanted, size_t count)
{
    const char *at = object + strspn(object, BLANKS);
    for (size_t i = 0; i < count; i++)
        wanted[i].text = NULL;
    if (*at != '{')
        return false;
    for (at++;; at++) {
        at += strspn(at, BLANKS);
        if (*at != '"')
            break;
        const char *name = at + 1, *end = skip_string(at);
        if (end == NULL)
            return false;
        at = end + strspn(end, BLANKS);
        if (*at != ':')
            return false;
        at++;
        const char *value = at + strspn(at, BLANKS);
        at = skip_value(value);
        if (at == NULL)
            return false;
        keep(wanted, count, name, (size_t)(end - 1 - name), value, (size_t)(at - value));
        at += strspn(at, BLANKS);
        if (*at != ',')
            break;
    }
    for (size_t i = 0; i < count; i++)
        if (wanted[i].text == NULL)
            return false;
    return true;
}
