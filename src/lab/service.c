/* Telling the service manager: a few datagrams. Its absence is no failure of the supervisor. */
#include "lab/service.h"

#include "base/alloc.h"
#include "base/config.h"
#include "log/logger.h"
#include "os/locale.h"
#include "os/socket.h"
#include <string.h>

#define NS_PER_US ((int64_t)1000)

modellab_status mli_service_open(mli_service *service, const mli_lab *lab, modellab_error *err)
{
    int64_t microseconds = 0;

    memset(service, 0, sizeof *service);
    modellab_status status =
        mli_config_get(lab->alloc, "NOTIFY_SOCKET", &service->socket, NULL, err);
    if (status == MODELLAB_OK && service->socket != NULL) {
        status = mli_config_int("WATCHDOG_USEC", 0, &microseconds, err);
    }
    if (status == MODELLAB_OK && microseconds > 0 && microseconds < INT64_MAX / NS_PER_US) {
        service->watchdog_ns = microseconds * NS_PER_US;
    }
    return status;
}

void mli_service_close(mli_service *service, const mli_lab *lab)
{
    mli_free(lab->alloc, service->socket);
    service->socket = NULL;
}

static void tell(mli_service *service, const mli_lab *lab, const char *text)
{
    int rc = mli_os_socket_tell(service->socket, text, strlen(text));

    if (rc != 0 && !service->failed) {
        service->failed = true;
        mli_log(lab->logger, MODELLAB_LOG_WARN, "supervisor.service_not_told",
                "the service manager does not hear; said once",
                MLI_LOG_FIELDS(mli_log_int("os_error", -rc)));
    }
}

int64_t mli_service_next_ns(const mli_service *service)
{
    bool on = service->socket != NULL && service->watchdog_ns > 0;

    return on ? service->told_ns + service->watchdog_ns / 3 : INT64_MAX;
}

void mli_service_alive(mli_service *service, const mli_lab *lab, int64_t now_ns, size_t runs)
{
    char text[96];

    if (service->socket == NULL || (service->ready && now_ns < mli_service_next_ns(service))) {
        return;
    }
    (void)mli_os_format(text, sizeof text, "%s%sSTATUS=%zu runs in work\n",
                        service->ready ? "" : "READY=1\n",
                        service->watchdog_ns > 0 ? "WATCHDOG=1\n" : "", runs);
    service->ready = true;
    service->told_ns = now_ns;
    tell(service, lab, text);
}

void mli_service_stopping(mli_service *service, const mli_lab *lab)
{
    if (service->socket != NULL) {
        tell(service, lab, "STOPPING=1\nSTATUS=draining\n");
    }
}
