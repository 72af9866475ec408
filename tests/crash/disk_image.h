/* A disk as it may be after a power cut: the recorded operations up to one of them, less some that
 * no sync had made safe. The model is the weakest that POSIX promises: writes of a file survive in
 * any subset until the file is synced, entries of a folder survive up to any one of them until the
 * folder is synced. */
#ifndef MODELLAB_TESTS_CRASH_DISK_IMAGE_H
#define MODELLAB_TESTS_CRASH_DISK_IMAGE_H

#include "crash/disk_log.h"

/* How much of what is not safe is there. */
typedef enum disk_luck { DISK_ALL, DISK_NOTHING, DISK_SOME } disk_luck;

/* What makes each operation safe. `forget` (NULL = none): syncs that are passed over as if they had
 * never been made, the planted bugs. The log must outlive it. */
typedef struct disk_plan disk_plan;
typedef bool (*disk_forget)(const disk_log *log, size_t sync, void *arg);
disk_plan *disk_plan_make(const disk_log *log, disk_forget forget, void *arg);
void disk_plan_free(disk_plan *plan);

typedef struct disk_image disk_image;

/* After the first `count` operations. `seed` chooses with DISK_SOME. */
disk_image *disk_image_make(const disk_plan *plan, size_t count, disk_luck luck, uint64_t seed);
uint64_t disk_image_hash(const disk_image *image);
/* Writes it into an empty folder. */
void disk_image_write(const disk_image *image, const char *folder);
void disk_image_free(disk_image *image);

#endif
