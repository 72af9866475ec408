/* A whole reply without a call: ids, problem, its line in the log. */
#include "direct.h"

#include "connections.h"
#include "counters.h"
#include "problem.h"
#include "server.h"
#include <microhttpd.h>
#include <modellab/modellab.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void log_it(const direct_problem *problem, const char *request_id)
{
    modellab_log_context context = MODELLAB_LOG_CONTEXT_INIT;
    modellab_log_record record = MODELLAB_LOG_RECORD_INIT;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_logger *log = NULL;
    const modellab_log_field fields[] = {
        {.key = "client", .text = problem->address, .type = MODELLAB_LOG_STRING},
        {.key = "status", .integer = problem->http, .type = MODELLAB_LOG_INT},
        {.key = "why", .text = problem->slug, .type = MODELLAB_LOG_STRING},
    };
    context.request_id = request_id;
    if (modellab_logger_child(server_log(), &context, &log, &err) != MODELLAB_OK)
        log = modellab_logger_ref(server_log());
    record.level = MODELLAB_LOG_INFO;
    record.event = "http.refused";
    record.message = problem->detail;
    record.fields = fields;
    record.field_count = sizeof fields / sizeof fields[0];
    modellab_logger_log(log, &record);
    modellab_logger_unref(log);
}

void direct_refuse(int socket, const direct_problem *problem)
{
    char made[MODELLAB_REQUEST_ID_BYTES], retry[40] = "", head[768];
    const char *request_id = problem->request_id;
    modellab_error err = MODELLAB_ERROR_INIT;
    if (request_id == NULL || request_id[0] == '\0')
        request_id = modellab_request_id_create(made, &err) == MODELLAB_OK ? made : "unknown";
    char *body = problem_alone(problem->http, problem->slug, problem->detail, request_id);
    size_t body_bytes = body != NULL ? strlen(body) : 0;
    if (problem->retry_s > 0)
        (void)snprintf(retry, sizeof retry, "Retry-After: %d\r\n", problem->retry_s);
    int head_bytes =
        snprintf(head, sizeof head,
                 "HTTP/1.1 %d %s\r\nConnection: close\r\nX-Request-Id: %s\r\nAPI-Version: 1\r\n"
                 "Accept-Version: 1\r\nX-Content-Type-Options: nosniff\r\n"
                 "Cache-Control: no-store\r\n%sContent-Type: application/problem+json\r\n"
                 "Content-Length: %zu\r\n\r\n",
                 problem->http, MHD_get_reason_phrase_for((unsigned)problem->http), request_id,
                 retry, body_bytes);
    char *whole = head_bytes > 0 && (size_t)head_bytes < sizeof head
                      ? malloc((size_t)head_bytes + body_bytes)
                      : NULL;
    if (whole != NULL) {
        memcpy(whole, head, (size_t)head_bytes);
        if (body != NULL)
            memcpy(whole + head_bytes, body, body_bytes);
        linger_reply(socket, whole, (size_t)head_bytes + body_bytes);
    }
    free(whole);
    free(body);
    if (!problem->has_call)
        counters_refused(problem->http);
    log_it(problem, request_id);
}
