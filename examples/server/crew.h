/* Threads of their own for work that lasts (speech, pulls of models): each kind has its own bound,
 * and the pool of job threads is never held up by it. */
#ifndef SERVER_CREW_H
#define SERVER_CREW_H

#include "jobs.h"

typedef struct crew crew;

extern crew crew_of_speech, crew_of_pulls, crew_of_warming;

/* Runs it on a thread of its own while fewer than `limit` of the crew are at work. False: that many
 * are, no thread can be made, or the server stops. */
MODELLAB_MUST_CHECK bool crew_run(crew *of, int limit, job_function function, void *user);
int crew_busy(crew *of);
/* Waits until all have ended (their owners tell them to); nobody begins any more. */
void crews_stop(void);

#endif
