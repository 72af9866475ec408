/* What a supervisor tells the service manager that started its program: ready, stopping, alive, a
 * line of status. The protocol of sd_notify(3): datagrams to the socket that NOTIFY_SOCKET names.
 */
#ifndef MLI_LAB_SERVICE_H
#define MLI_LAB_SERVICE_H

#include "lab/lab.h"

typedef struct mli_service {
    char *socket;        /* NULL = nobody asked */
    int64_t watchdog_ns; /* 0 = no watchdog */
    int64_t told_ns;     /* last sign of life */
    bool ready, failed;  /* failed: said once in the log, then silent */
} mli_service;

/* Reads NOTIFY_SOCKET and WATCHDOG_USEC; without them everything below does nothing. */
MODELLAB_MUST_CHECK modellab_status mli_service_open(mli_service *service, const mli_lab *lab,
                                                     modellab_error *err);
void mli_service_close(mli_service *service, const mli_lab *lab);
/* READY=1 the first time, then a sign of life at a third of the watchdog's time; with each the
 * number of runs. To be called in each round. */
void mli_service_alive(mli_service *service, const mli_lab *lab, int64_t now_ns, size_t runs);
void mli_service_stopping(mli_service *service, const mli_lab *lab);
/* When the next sign of life is due; INT64_MAX when there is no watchdog. */
int64_t mli_service_next_ns(const mli_service *service);

#endif
