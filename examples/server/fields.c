/* Reading members of JSON bodies, writing times and pages. */
#include "fields.h"

#include "problem.h"
#include "reply.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

static bool wrong(call *c, const char *name, const char *detail)
{
    char pointer[96];
    (void)snprintf(pointer, sizeof pointer, "/%s", name);
    reply_invalid(c, pointer, detail);
    return false;
}

/* Characters, of text that jansson has found to be UTF-8. */
static size_t characters(const char *text)
{
    size_t count = 0;
    for (; *text != '\0'; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

bool field_text(call *c, const char *name, size_t least, size_t most, const char **out)
{
    const json_t *value = json_object_get(call_json(c), name);
    if (value == NULL)
        return true;
    const char *text = json_string_value(value);
    if (text == NULL || strlen(text) != json_string_length(value))
        return wrong(c, name, "this is a text");
    const size_t count = characters(text);
    if (count < least || count > most)
        return wrong(c, name, count < least ? "the text is too short" : "the text is too long");
    *out = text;
    return true;
}

bool field_int(call *c, const char *name, int64_t least, int64_t most, int64_t *out)
{
    const json_t *value = json_object_get(call_json(c), name);
    if (value == NULL || json_is_null(value))
        return true;
    /* JSON knows one kind of number: 5.0 is 5 */
    const double real = json_number_value(value);
    if (!json_is_number(value) || !(real >= -9e15 && real <= 9e15) || real != (double)(int64_t)real)
        return wrong(c, name, "this is a whole number");
    const int64_t number = json_is_integer(value) ? json_integer_value(value) : (int64_t)real;
    if (number < least || number > most)
        return wrong(c, name, "the number is out of its range");
    *out = number;
    return true;
}

bool field_number(call *c, const char *name, double least, double most, double *out)
{
    const json_t *value = json_object_get(call_json(c), name);
    if (value == NULL || json_is_null(value))
        return true;
    const double number = json_number_value(value);
    if (!json_is_number(value) || !(number >= least && number <= most))
        return wrong(c, name,
                     json_is_number(value) ? "the number is out of its range" : "this is a number");
    *out = number;
    return true;
}

bool field_bool(call *c, const char *name, bool *out)
{
    const json_t *value = json_object_get(call_json(c), name);
    if (value != NULL && !json_is_boolean(value))
        return wrong(c, name, "this is true or false");
    if (value != NULL)
        *out = json_is_true(value);
    return true;
}

bool field_words(call *c, const char *name, int most, char *out, size_t room, int *count)
{
    const json_t *value = json_object_get(call_json(c), name);
    size_t used = 0;
    *count = -1;
    out[0] = '\0';
    if (value == NULL)
        return true;
    if (!json_is_array(value) || json_array_size(value) > (size_t)most)
        return wrong(c, name, "this is a list of texts, and not too many");
    for (size_t i = 0; i < json_array_size(value); i++) {
        const json_t *item = json_array_get(value, i);
        const char *word = json_string_value(item);
        if (word == NULL || *word == '\0' || strlen(word) != json_string_length(item) ||
            strlen(word) > 64 || strpbrk(word, " ,") != NULL || used + strlen(word) + 2 > room)
            return wrong(c, name, "an item is not valid");
        for (size_t k = 0; k < i; k++)
            if (json_equal(item, json_array_get(value, k)))
                return wrong(c, name, "an item stands there twice");
        used += (size_t)snprintf(out + used, room - used, "%s%s", used > 0 ? " " : "", word);
    }
    *count = (int)json_array_size(value);
    return true;
}

bool fields_known(call *c, const char *const known[])
{
    const json_t *body = call_json(c);
    const char *name;
    json_t *value;
    if (!json_is_object(body)) {
        reply_invalid(c, "", "the body is an object");
        return false;
    }
    json_object_foreach((json_t *)(uintptr_t)body, name, value)
    {
        size_t i = 0;
        while (known[i] != NULL && strcmp(known[i], name) != 0)
            i++;
        if (known[i] == NULL) {
            reply_invalid(c, "", "the body has a member that is not known here");
            return false;
        }
    }
    return true;
}

json_t *time_json(int64_t ms)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm parts;
    char text[40];
    if (ms <= 0 || gmtime_r(&seconds, &parts) == NULL)
        return json_null();
    const size_t n = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
    (void)snprintf(text + n, sizeof text - n, ".%03d000Z", (int)(ms % 1000));
    return json_string(text);
}

json_t *words_json(const char *text)
{
    json_t *all = json_array();
    while (all != NULL) {
        text += strspn(text, " ");
        const size_t n = strcspn(text, " ");
        if (n == 0)
            break;
        if (json_array_append_new(all, json_stringn(text, n)) != 0) {
            json_decref(all);
            return NULL;
        }
        text += n;
    }
    return all;
}

void reply_page(call *c, json_t *owned)
{
    const char *cursor = call_query(c, "cursor"), *next = NULL;
    int64_t limit;
    size_t first = 0, count = json_array_size(owned);
    json_t *items = json_array();
    if (!call_query_int(c, "limit", 1, 1000, 50, &limit)) {
        json_decref(items);
        json_decref(owned);
        return;
    }
    for (size_t i = 0; cursor != NULL && i < count; i++)
        if (strcmp(json_string_value(json_object_get(json_array_get(owned, i), "id")), cursor) == 0)
            first = i + 1;
    if (cursor != NULL && first == 0) {
        json_decref(items);
        json_decref(owned);
        reply_invalid(c, "?cursor", "this is no cursor of this list");
        return;
    }
    bool good = owned != NULL && items != NULL;
    for (size_t i = first; good && i < count && i - first < (size_t)limit; i++) {
        json_t *item = json_array_get(owned, i);
        good = json_array_append(items, item) == 0;
        if (i - first + 1 == (size_t)limit && i + 1 < count)
            next = json_string_value(json_object_get(item, "id"));
    }
    json_t *page = good ? json_pack("{s:O, s:s?}", "items", items, "next_cursor", next) : NULL;
    json_decref(items);
    json_decref(owned);
    reply_json(c, 200, page);
}
