/* From a head to the decision whether its operation runs: framing, route, version, origin, drain,
 * key. Everything here comes before the body. */
#include "access.h"
#include "body.h"
#include "call_private.h"
#include "conditions.h"
#include "guard.h"
#include "problem.h"
#include "reply.h"
#include "server.h"
#include "text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUERY_ITEMS_MAX 100

typedef struct query_reader {
    call *c;
    bool failed;
} query_reader;

static enum MHD_Result take_query(void *user, enum MHD_ValueKind kind, const char *name,
                                  size_t name_bytes, const char *value, size_t value_bytes)
{
    query_reader *reader = user;
    query_item *item = &reader->c->query[reader->c->query_count];
    (void)kind;
    value_bytes = value != NULL ? value_bytes : 0;
    char *block = malloc(name_bytes + value_bytes + 2);
    if (block == NULL || !text_decode(name, name_bytes, true, block, name_bytes + 1)) {
        free(block);
        reader->failed = true;
        return MHD_NO;
    }
    item->name = block;
    item->value = block + name_bytes + 1;
    reader->c->query_count++;
    if (!text_decode(value_bytes > 0 ? value : "", value_bytes, true, item->value, value_bytes + 1))
        reader->failed = true;
    return reader->failed ? MHD_NO : MHD_YES;
}

static bool read_query(call *c)
{
    query_reader reader = {c, false};
    int count = MHD_get_connection_values(c->mhd, MHD_GET_ARGUMENT_KIND, NULL, NULL);
    if (count > 0 && count <= QUERY_ITEMS_MAX) {
        c->query = calloc((size_t)count, sizeof *c->query);
        reader.failed = c->query == NULL;
        if (!reader.failed)
            (void)MHD_get_connection_values_n(c->mhd, MHD_GET_ARGUMENT_KIND, take_query, &reader);
    }
    if (!reader.failed && count <= QUERY_ITEMS_MAX)
        return true;
    reply_problem(c, 400, "bad-request", "the query is malformed");
    return false;
}

/* The versions of the API that this server speaks: one. */
static bool speaks(const char *asked)
{
    static const char *const spoken[] = {"1", "1.0", "v1", "*"};
    for (size_t i = 0; i < sizeof spoken / sizeof spoken[0]; i++)
        if (text_list_has(asked, spoken[i]))
            return true;
    return false;
}

static bool check_version(call *c, const char *path)
{
    const char *asked = call_header(c, "Accept-Version");
    bool good = asked == NULL || speaks(asked);
    if (strncmp(path, "/api/v", 6) == 0 && path[6] >= '0' && path[6] <= '9')
        good = good && path[6] == '1' && path[7] == '/';
    if (!good)
        reply_problem_more(c, 406, "not-acceptable",
                           "this version of the API is not spoken here; `versions` are", "versions",
                           json_pack("[s]", "1"));
    return good;
}

static bool find_operation(call *c, const char *path)
{
    char allow[64];
    route_match *match = malloc(sizeof *match);
    if (match == NULL) {
        reply_problem(c, 500, "internal", "out of memory");
        return false;
    }
    route_find(c->method, path, match);
    bool reads = strcmp(c->method, "GET") == 0 || strcmp(c->method, "HEAD") == 0;
    if (!match->path_known && reads && !text_begins(path, "/v1/"))
        route_find(c->method, "/", match); /* a file of the web client, if anything */
    c->op = match->op;
    c->op_index = match->index;
    for (size_t i = 0; i < match->count && match->op != NULL; i++) {
        c->params[i].name = match->params[i].name;
        c->params[i].name_bytes = match->params[i].name_bytes;
        c->params[i].value = strdup(match->params[i].value);
        if (c->params[i].value == NULL)
            break;
        c->param_count++;
    }
    bool whole = match->op != NULL && c->param_count == match->count;
    route_allow(match->methods, allow, sizeof allow);
    if (!match->path_known) {
        reply_problem(c, 404, "not-found", "nothing has this path");
    } else if (match->op == NULL) {
        reply_header(c, "Allow", allow);
        if (strcmp(c->method, "OPTIONS") == 0) {
            if (c->origin != NULL)
                reply_header(c, "Access-Control-Allow-Methods", allow);
            c->refused = "options";
            reply_empty(c, 204);
        } else {
            reply_problem(c, 405, "method-not-allowed", "this path has other methods");
        }
    } else if (!whole) {
        reply_problem(c, 500, "internal", "out of memory");
    }
    free(match);
    return whole;
}

/* While the server drains, what begins new work is sent elsewhere. */
static bool check_drain(call *c)
{
    bool writes = strcmp(c->op->method, "GET") != 0;
    if (!server_is_draining() || !writes || (c->op->flags & OP_DRAINING) != 0)
        return true;
    c->body.closes = true;
    reply_later(c, 503, "draining", "the server is about to stop; ask again", DRAIN_RETRY_SECONDS);
    return false;
}

void enter_head(call *c, const char *method, const char *path, const char *version)
{
    if (!guard_framing(c, method, version) || !guard_host(c))
        return;
    if (path[0] != '/' || c->path[0] == '\0') {
        reply_problem(c, 400, "bad-request", "the path is malformed");
        return;
    }
    if (!guard_origin(c) || !check_version(c, path) || !find_operation(c, path) || !read_query(c) ||
        !check_drain(c))
        return;
    if (!body_check_head(c))
        return;
}

void enter_access(call *c)
{
    if (!access_check(c) || !conditions_taken(c))
        return;
    if (c->op->sink != NULL) {
        c->body.began = true;
        if (!c->op->sink->begin(c) && !c->replied)
            reply_problem(c, 500, "internal", "the body was refused without a reason");
    }
}
