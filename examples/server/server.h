/* The daemon: listens, takes connections and requests through their phases, stops in order. */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include <modellab/modellab.h>
#include <stdbool.h>
#include <stdint.h>

/* The lab and the log of the server; borrowed. */
modellab_lab *server_lab(void);
modellab_logger *server_log(void);

/* Listens; `port` is the one that was taken. False: `why` says why. */
MODELLAB_MUST_CHECK bool server_start(modellab_lab *lab, modellab_logger *log, int *port, char *why,
                                      size_t why_bytes);
/* As SIGTERM: the server drains and ends. */
void server_ask_to_stop(void);
/* No new work from here on: not ready, writing operations are answered by 503, streams get their
 * last words. What is running goes on. */
void server_drain(void);
#define DRAIN_RETRY_SECONDS 5 /* when another server may be there */
bool server_is_draining(void);
bool server_is_leaving(void); /* every connection ends with its reply */
/* Waits for what is running, but not beyond `deadline_ms`, then ends all. */
void server_stop(int64_t deadline_ms);

#endif
