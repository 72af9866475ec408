/* The tables of all files (tables.h), and the search for the operation of a request: segment by
 * segment, a fixed one before a parameter. */
#include "route.h"

#include "text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TABLE(name) extern const operation_table name;
#include "tables.h"
#undef TABLE
extern const operation_table ops_testing;

static const operation_table *const tables[] = {
#define TABLE(name) &name,
#include "tables.h"
#undef TABLE
    &ops_testing, /* the last: left out unless MODEL_LAB_TESTING=1 */
};

#define TABLES (sizeof tables / sizeof tables[0])
#define SEGMENTS_MAX 12

static const operation **operations;
static size_t *fixed_bytes; /* of each path: what comes before its first parameter */
static size_t operation_count;

static unsigned method_bit(const char *method)
{
    static const struct {
        const char *name;
        unsigned bit;
    } methods[] = {{"GET", ROUTE_GET},        {"HEAD", ROUTE_GET},    {"POST", ROUTE_POST},
                   {"PUT", ROUTE_PUT},        {"PATCH", ROUTE_PATCH}, {"DELETE", ROUTE_DELETE},
                   {"OPTIONS", ROUTE_OPTIONS}};
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        if (strcmp(methods[i].name, method) == 0)
            return methods[i].bit;
    return 0;
}

static bool is_parameter(const char *segment, size_t bytes)
{
    return bytes > 2 && segment[0] == '{' && segment[bytes - 1] == '}';
}

/* Compares path and pattern. `rank` counts fixed segments as bits from the left: the more fixed,
 * the earlier, the greater. */
static bool matches(const operation *op, const char *path, route_match *out, unsigned *rank)
{
    const char *pattern = op->path;
    out->count = 0;
    *rank = 0;
    for (;;) {
        if (*pattern != '/' || *path != '/')
            return *pattern == '\0' && *path == '\0';
        pattern++;
        path++;
        size_t want = strcspn(pattern, "/"), have = strcspn(path, "/");
        *rank <<= 1;
        if (is_parameter(pattern, want)) {
            if (have == 0 || out->count == ROUTE_PARAMS_MAX)
                return false;
            route_param *param = &out->params[out->count++];
            param->name = pattern + 1;
            param->name_bytes = want - 2;
            if (!text_decode(path, have, false, param->value, sizeof param->value))
                return false;
        } else if (want == have && memcmp(pattern, path, want) == 0) {
            *rank |= 1;
        } else {
            return false;
        }
        pattern += want;
        path += have;
    }
}

void route_find(const char *method, const char *path, route_match *out)
{
    unsigned wanted = method_bit(method), best = 0;
    route_match *tried = malloc(sizeof *tried);
    *out = (route_match){.op = NULL};
    if (tried == NULL)
        return; /* a 404 in the worst of cases */
    for (size_t i = 0; i < operation_count; i++) {
        unsigned rank;
        if (strncmp(operations[i]->path, path, fixed_bytes[i]) != 0)
            continue; /* nearly all of them */
        unsigned bit = method_bit(operations[i]->method);
        if (!matches(operations[i], path, tried, &rank))
            continue;
        if (out->path_known && rank < best)
            continue;
        if (rank > best) { /* "/pipelines/validate" is no pipeline, with whatever method */
            out->methods = 0;
            out->op = NULL;
        }
        best = rank;
        out->path_known = true;
        out->methods |= bit;
        if (bit != wanted)
            continue;
        out->op = operations[i];
        out->index = i;
        out->count = tried->count;
        memcpy(out->params, tried->params, tried->count * sizeof tried->params[0]);
    }
    free(tried);
}

static bool same_pattern(const char *a, const char *b)
{
    for (;;) {
        size_t first = strcspn(a, "/"), second = strcspn(b, "/");
        bool alike = is_parameter(a, first) ? is_parameter(b, second)
                                            : first == second && memcmp(a, b, first) == 0;
        if (!alike || a[first] != b[second])
            return false;
        if (a[first] == '\0')
            return true;
        a += first + 1;
        b += second + 1;
    }
}

static const char *malformed(const operation *op)
{
    size_t segments = 0;
    for (const char *at = op->path; *at != '\0'; at++)
        segments += *at == '/';
    if (op->id == NULL || op->run == NULL || op->scope == NULL || op->path[0] != '/' ||
        segments > SEGMENTS_MAX || (method_bit(op->method) & ~(unsigned)ROUTE_OPTIONS) == 0)
        return "has no id, run, scope, path or method";
    if ((op->flags & OP_INLINE) != 0 && (op->scope[0] != '\0' || op->body != BODY_NONE))
        return "is inline, so it cannot wait for a key or a body";
    if ((op->body == BODY_STREAM) != (op->sink != NULL))
        return "streams its body without a sink, or has one for nothing";
    if (((op->flags & OP_DEPRECATED) != 0) != (op->deprecation != NULL))
        return "is deprecated without dates, or has dates for nothing";
    if (op->deprecation != NULL && op->deprecation->sunset < op->deprecation->since)
        return "goes before it is deprecated";
    return NULL;
}

bool route_init(bool testing, char *why, size_t why_bytes)
{
    size_t used = TABLES - !testing;
    for (size_t i = 0; i < used; i++)
        operation_count += tables[i]->count;
    operations = calloc(operation_count, sizeof *operations);
    fixed_bytes = calloc(operation_count, sizeof *fixed_bytes);
    if (operations == NULL || fixed_bytes == NULL) {
        (void)snprintf(why, why_bytes, "out of memory");
        return false;
    }
    size_t at = 0;
    for (size_t i = 0; i < used; i++)
        for (size_t k = 0; k < tables[i]->count; k++)
            operations[at++] = &tables[i]->items[k];
    for (size_t i = 0; i < operation_count; i++) {
        const char *fault = malformed(operations[i]);
        fixed_bytes[i] = strcspn(operations[i]->path, "{");
        for (size_t k = 0; k < i && fault == NULL; k++)
            if (strcmp(operations[i]->id, operations[k]->id) == 0)
                fault = "has an id that another has too";
            else if (strcmp(operations[i]->method, operations[k]->method) == 0 &&
                     same_pattern(operations[i]->path, operations[k]->path))
                fault = "has method and path of another";
        if (fault != NULL) {
            (void)snprintf(why, why_bytes, "operation %s %s %s", operations[i]->method,
                           operations[i]->path, fault);
            return false;
        }
    }
    return true;
}

void route_free(void)
{
    free(operations);
    free(fixed_bytes);
    fixed_bytes = NULL;
    operations = NULL;
    operation_count = 0;
}

size_t route_count(void)
{
    return operation_count;
}

const operation *route_at(size_t index)
{
    return operations[index];
}

void route_allow(unsigned methods, char *out, size_t bytes)
{
    (void)snprintf(out, bytes, "%s%s%s%s%sOPTIONS", (methods & ROUTE_GET) != 0 ? "GET, HEAD, " : "",
                   (methods & ROUTE_POST) != 0 ? "POST, " : "",
                   (methods & ROUTE_PUT) != 0 ? "PUT, " : "",
                   (methods & ROUTE_PATCH) != 0 ? "PATCH, " : "",
                   (methods & ROUTE_DELETE) != 0 ? "DELETE, " : "");
}
