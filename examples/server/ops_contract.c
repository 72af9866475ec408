/* What clients read to understand this server: the contract itself, and what the types of errors
 * mean. */
#include "call.h"
#include "openapi.h"
#include "problem.h"
#include "reply.h"
#include <stdio.h>

static void openapi(call *c)
{
    reply_bytes(c, 200, "application/json", openapi_document, openapi_document_bytes);
}

/* The closed list of problems; their `type` points here. */
static void problems(call *c)
{
    json_t *items = json_array();
    const char *slug, *title;
    for (size_t i = 0; problem_at(i, &slug, &title); i++) {
        char type[80];
        (void)snprintf(type, sizeof type, "/api/v1/problems#%s", slug);
        json_t *item = json_pack("{s:s, s:s, s:s}", "slug", slug, "title", title, "type", type);
        if (json_array_append_new(items, item) != 0) {
            json_decref(items);
            reply_json(c, 200, NULL); /* out of memory */
            return;
        }
    }
    reply_json(c, 200, json_pack("{s:o}", "items", items));
}

static const operation table[] = {
    {.id = "getOpenapi",
     .method = "GET",
     .path = "/api/v1/openapi.json",
     .scope = "",
     .run = openapi},
    {.id = "listProblems",
     .method = "GET",
     .path = "/api/v1/problems",
     .scope = "",
     .run = problems},
};
OPERATION_TABLE(ops_contract);
