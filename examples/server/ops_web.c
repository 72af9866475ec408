/* The web client at "/": whatever a GET names that no operation has. */
#include "problem.h"
#include "web.h"

static void get(call *c)
{
    if (!web_answer(c))
        reply_problem(c, 404, "not-found", "nothing has this path");
}

static const operation table[] = {
    {.id = "getWebFile", .method = "GET", .path = "/", .scope = "", .run = get},
};
OPERATION_TABLE(ops_web);
