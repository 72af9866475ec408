/* Fuzz: a run's journal as a worker or an attacker may have left it. Whatever the bytes are,
 * reading ends, numbers only rise, and after the repair the same good lines are read again. */
#include "store/journal.h"

#include <stdlib.h>
#include <string.h>

typedef struct memory_file {
    const uint8_t *data;
    int64_t size;
} memory_file;

static int64_t read_at(void *user, int fd, void *out, size_t bytes, int64_t offset)
{
    const memory_file *file = user;
    int64_t left = offset < file->size ? file->size - offset : 0;

    (void)fd;
    if ((int64_t)bytes > left) {
        bytes = (size_t)left;
    }
    memcpy(out, file->data + (left > 0 ? offset : 0), bytes);
    return (int64_t)bytes;
}

static int cut(void *user, int fd, int64_t bytes)
{
    (void)fd;
    if (bytes > ((memory_file *)user)->size) {
        abort(); /* a repair never makes a file longer */
    }
    ((memory_file *)user)->size = bytes;
    return 0;
}

static int opened(void *user, const char *path, int flags, uint32_t mode)
{
    (void)user, (void)path, (void)flags, (void)mode;
    return 1;
}

static int fine(void *user, int fd)
{
    (void)user, (void)fd;
    return 0;
}

static int64_t read_all(const mli_os_files *files, int64_t *last)
{
    mli_journal_reader r;
    mli_journal_line line;
    bool found = true;
    int64_t count = 0;

    *last = 0;
    mli_journal_reader_init(&r, NULL, files, 1);
    while (found && mli_journal_next(&r, &line, &found, NULL) == MODELLAB_OK) {
        if (found) {
            if (line.n <= *last || line.type == NULL) {
                abort();
            }
            *last = line.n;
            count++;
        }
    }
    mli_journal_reader_dispose(&r);
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    memory_file file = {data, (int64_t)size};
    mli_os_files files = mli_os_system_files;
    int64_t before, after, last, last_again;
    mli_journal_tail next;

    files.user = &file;
    files.pread = read_at;
    files.truncate = cut;
    files.open = opened;
    files.close = files.sync = fine;
    before = read_all(&files, &last);
    if (mli_journal_prepare(&files, "journal", 0, NULL, &next, NULL) != MODELLAB_OK ||
        next.next_n <= last) {
        abort();
    }
    after = read_all(&files, &last_again);
    if (after != before || last_again != last) {
        abort(); /* the repair may only cut what is no line */
    }
    return 0;
}
