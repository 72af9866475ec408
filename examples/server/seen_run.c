/* Loading the run of a path, and parameters that several operations take. */
#include "seen_run.h"

#include "problem.h"
#include "reply.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

#define NO_RUN "there is no run of this id"

const char *seen_user(const call *c)
{
    return call_has_scope(c, "admin") ? NULL : call_user(c);
}

bool seen_run_of(call *c, const char *id, modellab_run **out, modellab_run_info *info)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    *out = NULL;
    *info = (modellab_run_info){.size = sizeof *info};
    modellab_status status = modellab_run_load(call_lab(c), id, out, &err);
    if (status == MODELLAB_OK)
        status = modellab_run_get_info(*out, info, &err);
    if (status == MODELLAB_OK && call_may_see(c, info->user))
        return true;
    modellab_run_unref(*out);
    *out = NULL;
    if (status == MODELLAB_OK || status == MODELLAB_E_NOT_FOUND)
        reply_problem(c, 404, "not-found", NO_RUN); /* the same words in both cases */
    else
        reply_error(c, status, &err, NULL);
    return false;
}

bool seen_run(call *c, modellab_run **out, modellab_run_info *info)
{
    return seen_run_of(c, call_param(c, "id"), out, info);
}

const char *seen_run_id(call *c)
{
    modellab_run *run;
    modellab_run_info info;
    if (!seen_run(c, &run, &info))
        return NULL;
    modellab_run_unref(run);
    return call_param(c, "id");
}

void reply_made(call *c, modellab_status status, modellab_buffer *owned, const modellab_error *err)
{
    if (status == MODELLAB_OK)
        reply_buffer(c, 200, "application/json", owned);
    else
        reply_error(c, status, err, NULL);
}

bool query_text(call *c, const char *name, size_t most, const char **out)
{
    char pointer[40], detail[64];
    size_t count = 0;
    *out = call_query(c, name);
    for (const char *at = *out; at != NULL && *at != '\0'; at++)
        count += ((unsigned char)*at & 0xc0) != 0x80;
    if (count <= most)
        return true;
    (void)snprintf(pointer, sizeof pointer, "?%s", name);
    (void)snprintf(detail, sizeof detail, "must have at most %zu characters", most);
    reply_invalid(c, pointer, detail);
    return false;
}

/* Digits of a fixed number; false when one is none. */
static bool digits(const char **at, int count, int *out)
{
    *out = 0;
    for (int i = 0; i < count; i++, (*at)++) {
        if (**at < '0' || **at > '9')
            return false;
        *out = *out * 10 + (**at - '0');
    }
    return true;
}

static bool one(const char **at, const char *of)
{
    bool good = **at != '\0' && strchr(of, **at) != NULL;
    *at += good;
    return good;
}

/* RFC 3339. */
static bool read_time(const char *text, int64_t *out_ms)
{
    struct tm t = {0};
    int year, month, thousandths = 0, weight = 100, hours = 0, minutes = 0;
    const char *at = text;
    bool good = digits(&at, 4, &year) && one(&at, "-") && digits(&at, 2, &month) && one(&at, "-") &&
                digits(&at, 2, &t.tm_mday) && one(&at, "Tt ") && digits(&at, 2, &t.tm_hour) &&
                one(&at, ":") && digits(&at, 2, &t.tm_min) && one(&at, ":") &&
                digits(&at, 2, &t.tm_sec);
    if (!good)
        return false;
    if (*at == '.') {
        const char *first = ++at;
        for (; *at >= '0' && *at <= '9'; at++, weight /= 10)
            thousandths += (*at - '0') * weight;
        if (at == first)
            return false;
    }
    int sign = *at == '-' ? -1 : 1;
    if (!one(&at, "Zz") &&
        !(one(&at, "+-") && digits(&at, 2, &hours) && one(&at, ":") && digits(&at, 2, &minutes)))
        return false;
    if (*at != '\0' || month < 1 || month > 12 || t.tm_mday < 1 || t.tm_mday > 31 ||
        t.tm_hour > 23 || t.tm_min > 59 || t.tm_sec > 60 || hours > 23 || minutes > 59 ||
        year < 1970)
        return false;
    t.tm_year = year - 1900;
    t.tm_mon = month - 1;
    int day = t.tm_mday;
    int64_t seconds = (int64_t)timegm(&t);
    *out_ms = (seconds - sign * (hours * 3600 + minutes * 60)) * 1000 + thousandths;
    return t.tm_mday == day && *out_ms >= 0; /* no 31st of February */
}

bool query_time(call *c, const char *name, int64_t *out_ms)
{
    const char *text = call_query(c, name);
    char pointer[40];
    *out_ms = 0;
    if (text == NULL || read_time(text, out_ms))
        return true;
    (void)snprintf(pointer, sizeof pointer, "?%s", name);
    reply_invalid(c, pointer, "must be a time such as 2026-01-02T03:04:05Z");
    return false;
}

bool query_level(call *c, modellab_log_level *out)
{
    static const struct {
        const char *name;
        modellab_log_level level;
    } levels[] = {{"trace", MODELLAB_LOG_TRACE}, {"debug", MODELLAB_LOG_DEBUG},
                  {"info", MODELLAB_LOG_INFO},   {"warn", MODELLAB_LOG_WARN},
                  {"error", MODELLAB_LOG_ERROR}, {"fatal", MODELLAB_LOG_FATAL}};
    const char *name = call_query(c, "level");
    *out = 0;
    if (name == NULL)
        return true;
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++)
        if (strcmp(levels[i].name, name) == 0) {
            *out = levels[i].level;
            return true;
        }
    reply_invalid(c, "?level", "must be trace, debug, info, warn, error or fatal");
    return false;
}
