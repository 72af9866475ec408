/* Planted bugs of the host program: what the tests of crashes must find. */
#ifndef MODELLAB_TESTS_CRASH_PLANTS_H
#define MODELLAB_TESTS_CRASH_PLANTS_H

#include "lab/lab.h"
#include "os/process.h"
#include "os/socket.h"

/* Tables of the system, with the bug called `plant` in one of them ("none": no bug):
 *   no-lock       a lock is always taken
 *   no-claim      the same, and a run that another has claimed is taken as if it were queued
 *   early-answer  a worker has answered before it did
 *   lost-ack      a submission is acknowledged and never stored
 *   two-ends      a run's end is told twice
 *   no-shares     what users have had so far is forgotten
 *   leaks         each claim keeps a descriptor and a MiB
 *   torn-manifest a manifest is written in its place
 *   by-pid        a run is alive while any process, or zombie, has its worker's pid
 *   unseen-end    nobody learns that a worker has ended */
typedef struct crash_plants {
    mli_os_files files;
    mli_os_channels channels;
    mli_os_processes processes;
} crash_plants;

mli_lab_tables crash_plant(crash_plants *p, const char *plant);
/* The bugs that are in the store, once the lab is open. */
void crash_plant_store(mli_lab *lab, const char *plant);

#endif
