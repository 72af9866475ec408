/* What a supervisor holds: descriptors, threads, files, memory. */
#include "crash/kit.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

/* An allocator and a cache of SQLite still move by so much when all has settled. */
enum { NOISE_KIB = 4096 };

static size_t entries(const char *path)
{
    size_t count = 0;
    DIR *dir = opendir(path);
    assert_non_null(dir);
    while (readdir(dir) != NULL) {
        count++;
    }
    (void)closedir(dir);
    return count;
}

static long anonymous_kib(pid_t pid)
{
    char path[64];
    char line[256];
    long kib = 0;
    (void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof(line), file) != NULL && sscanf(line, "RssAnon: %ld", &kib) != 1) {
    }
    (void)fclose(file);
    return kib;
}

kit_census kit_take_census(const kit *k, pid_t host)
{
    char path[64];
    kit_census c = {.files = entries(k->root), .anonymous_kib = anonymous_kib(host)};
    (void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)host);
    c.fds = entries(path);
    (void)snprintf(path, sizeof(path), "/proc/%d/task", (int)host);
    c.threads = entries(path);
    return c;
}

int kit_leaks(const kit *k, pid_t host, const kit_census *before, int patience_ms)
{
    kit_census now = kit_take_census(k, host);
    for (int waited = 0;
         waited < patience_ms && (now.fds > before->fds || now.threads > before->threads);
         waited += 10) {
        kit_sleep_ms(10); /* a worker that was replaced is still leaving */
        now = kit_take_census(k, host);
    }
    print_message(
        "supervisor before: %zu descriptors, %zu threads, %zu files, %ld KiB; after: %zu, "
        "%zu, %zu, %ld\n",
        before->fds, before->threads, before->files, before->anonymous_kib, now.fds, now.threads,
        now.files, now.anonymous_kib);
    return (now.fds > before->fds ? KIT_LEAKS_FDS : 0) |
           (now.threads > before->threads ? KIT_LEAKS_THREADS : 0) |
           (now.files > before->files ? KIT_LEAKS_FILES : 0) |
           (KIT_SEES_MEMORY && now.anonymous_kib > before->anonymous_kib + NOISE_KIB
                ? KIT_LEAKS_MEMORY
                : 0);
}
