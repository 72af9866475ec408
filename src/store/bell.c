/* Mapping, ringing and waiting for the bell of a lab. */
#include "store/bell.h"

#include "os/memory.h"
#include <errno.h>
#include <string.h>

#define BELL_BYTES (MLI_BELL_WORDS * sizeof(uint32_t))

static size_t word_of(const char *run_id)
{
    uint32_t hash = 2166136261u; /* FNV-1a */

    for (; *run_id != '\0'; run_id++) {
        hash = (hash ^ (unsigned char)*run_id) * 16777619u;
    }
    return (hash ^ hash >> 16) % MLI_BELL_WORDS;
}

static int map(mli_bell *bell, int fd, bool read_only)
{
    void *all = NULL;
    const void *seen = NULL;
    int rc = read_only ? mli_os_file_map(fd, BELL_BYTES, &seen)
                       : mli_os_file_map_shared(fd, BELL_BYTES, &all);

    if (rc == 0) {
        /* memory that can only be read is only read: read_only says so */
        bell->marks = read_only ? (_Atomic uint32_t *)(uintptr_t)seen : all;
        bell->read_only = read_only;
    }
    return -rc;
}

/* A hole in a mapped file is filled when it is written to, and on a full disk that is the end of
 * the process: the page gets its space before. The byte is the highest of a counter: at worst
 * somebody wakes for nothing. */
static int take_space(const mli_os_files *files, int fd)
{
    int64_t n = files->pwrite(files->user, fd, "", 1, (int64_t)BELL_BYTES - 1);

    return n < 0 ? (int)n : n == 1 ? 0 : -ENOSPC;
}

int mli_bell_open(mli_bell *bell, const mli_os_files *files, const mli_os_words *words,
                  const char *path, bool read_only)
{
    int flags = MLI_OS_NOFOLLOW | MLI_OS_READ | (read_only ? 0 : MLI_OS_WRITE | MLI_OS_CREATE);
    mli_os_stat facts;
    int fd = files->open(files->user, path, flags, 0600), rc, closed;

    memset(bell, 0, sizeof *bell);
    bell->words = words;
    if (fd < 0) {
        return fd;
    }
    rc = files->fstat(files->user, fd, &facts);
    if (rc == 0 && facts.kind != MLI_OS_REGULAR) {
        rc = -EINVAL;
    }
    if (rc == 0 && facts.bytes < (int64_t)BELL_BYTES) {
        /* only ever made longer: others may have it mapped */
        rc = read_only ? -EINVAL : files->truncate(files->user, fd, BELL_BYTES);
    }
    if (rc == 0 && !read_only) {
        rc = take_space(files, fd);
    }
    if (rc == 0) {
        rc = map(bell, fd, read_only);
    }
    closed = files->close(files->user, fd);
    return rc != 0 ? rc : closed;
}

void mli_bell_close(mli_bell *bell)
{
    if (bell->marks != NULL) {
        mli_os_file_unmap((const void *)bell->marks, BELL_BYTES);
        bell->marks = NULL;
    }
}

void mli_bell_note(mli_bell_set *set, const char *run_id)
{
    size_t word = word_of(run_id);

    set->bits[word / 64] |= (uint64_t)1 << word % 64;
    set->any = true;
}

void mli_bell_ring(mli_bell *bell, mli_bell_set *set)
{
    if (!set->any) {
        return;
    }
    for (size_t i = 0; bell != NULL && bell->marks != NULL && !bell->read_only && i < MLI_BELL_SET;
         i++) {
        for (uint64_t bits = set->bits[i]; bits != 0; bits &= bits - 1) {
            _Atomic uint32_t *word = &bell->marks[i * 64 + (size_t)__builtin_ctzll(bits)];

            atomic_fetch_add(word, 1);
            bell->words->wake(bell->words->user, word);
        }
    }
    memset(set, 0, sizeof *set);
}

uint32_t mli_bell_mark(const mli_bell *bell, const char *run_id)
{
    return bell->marks == NULL ? 0 : atomic_load(&bell->marks[word_of(run_id)]);
}

int mli_bell_wait(const mli_bell *bell, const char *run_id, uint32_t mark,
                  const _Atomic uint32_t *other, int64_t timeout_ns)
{
    if (bell->marks == NULL) {
        return -ENOSYS;
    }
    return bell->words->wait(bell->words->user, &bell->marks[word_of(run_id)], mark, other,
                             timeout_ns);
}
