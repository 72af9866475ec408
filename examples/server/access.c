/* The check of keys and rates before an operation runs. */
#include "access.h"

#include "problem.h"
#include "settings.h"

bool access_check(call *c)
{
    if (c->op->scope[0] == '\0' || !server_settings.keys)
        return true;
    reply_problem(c, 401, "unauthorized", "a key is needed");
    return false;
}
