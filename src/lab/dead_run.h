/* RUNNING runs as somebody finds them who does not supervise them: who is responsible, and the end
 * of those that nobody is responsible for. */
#ifndef MLI_LAB_DEAD_RUN_H
#define MLI_LAB_DEAD_RUN_H

#include "lab/ingest.h"
#include "lab/lab.h"
#include "lab/settle.h"
#include "os/process.h"

typedef enum mli_run_life {
    MLI_LIFE_WORKS = 0,    /* the lock is held, and a supervisor (or the host itself) has it */
    MLI_LIFE_ALONE = 1,    /* the lock is held, its supervisor is gone: to be adopted */
    MLI_LIFE_ORPHANED = 2, /* the lock is held, but not by the process that the page names */
    MLI_LIFE_GUARDED = 3,  /* the lock is free, its supervisor lives and will settle it */
    MLI_LIFE_DEAD = 4      /* the lock is free and nobody will settle it */
} mli_run_life;

/* Looks at one RUNNING run; changes nothing. */
MODELLAB_MUST_CHECK modellab_status mli_run_life_of(const mli_lab *lab, const mli_run_row *row,
                                                    mli_run_life *out, modellab_error *err);

/* The process that the run's page names as its worker; false when there is none. */
bool mli_run_worker_noted(const mli_lab *lab, const char *run_id, mli_os_identity *out);

/* Settles a RUNNING run whose lock is free: the journal's outcome, else STALE, else requeued by its
 * policy. The lock is held meanwhile. *to: the status it has now; 0 = it was not dead, or somebody
 * else was faster. `damaged` (optional): lines of its journal that could not be read. */
MODELLAB_MUST_CHECK modellab_status mli_dead_run_settle(mli_lab *lab, const mli_run_row *row,
                                                        modellab_run_status *to, int64_t *damaged,
                                                        modellab_error *err);

/* The same in turns, for a supervisor. */
typedef struct mli_dead_run {
    mli_lab *lab;
    mli_run_row *row; /* its own; NULL = this place is free */
    int lock_fd;
    mli_ingest ingest;
} mli_dead_run;

/* Takes the lock and, when that succeeds, `*row` (NULL then). `*row` stays when somebody else has
 * the run. */
MODELLAB_MUST_CHECK modellab_status mli_dead_run_open(mli_dead_run *dead, mli_lab *lab,
                                                      mli_run_row **row, modellab_error *err);
/* One turn. *done: it has its end, as above; also after a failure, until it is found again. */
MODELLAB_MUST_CHECK modellab_status mli_dead_run_step(mli_dead_run *dead, bool *done,
                                                      modellab_run_status *to, modellab_error *err);
/* Lines of its journal that could not be read, so far. */
int64_t mli_dead_run_damaged(const mli_dead_run *dead);
void mli_dead_run_close(mli_dead_run *dead);

#endif
