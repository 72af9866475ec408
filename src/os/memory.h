/* Anonymous pages, files mapped read-only, and what the process has used. 0 or errno. */
#ifndef MLI_OS_MEMORY_H
#define MLI_OS_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/* Zeroed pages, 2 MiB aligned and advised huge when large enough. */
__attribute__((warn_unused_result)) int mli_os_pages_map(size_t bytes, void **out);
/* The same of ordinary size: memory is taken only where something is written. */
__attribute__((warn_unused_result)) int mli_os_pages_map_sparse(size_t bytes, void **out);
/* Advises huge pages for the whole 2 MiB pages inside of [start, start + bytes). */
void mli_os_pages_prefer_huge(void *start, size_t bytes);
/* Gives the whole pages inside of [start, start + bytes) of such memory back: they read as zeros.
 */
void mli_os_pages_drop(void *start, size_t bytes);
void mli_os_pages_unmap(void *pages, size_t bytes);
/* Maps a whole open file read-only and private/shared; the fd may be closed after. bytes > 0. */
__attribute__((warn_unused_result)) int mli_os_file_map(int fd, size_t bytes, const void **out);
/* Shared read-write mapping (progress page). */
__attribute__((warn_unused_result)) int mli_os_file_map_shared(int fd, size_t bytes, void **out);
/* An anonymous file of this process (close-on-exec), open for reading and writing. */
__attribute__((warn_unused_result)) int mli_os_memory_file(const char *name, int *fd);
void mli_os_file_unmap(const void *map, size_t bytes);
/* VmHWM and VmRSS of a process (pid 0 = self) in bytes. */
__attribute__((warn_unused_result)) int mli_os_memory_peak(int64_t pid, int64_t *peak_bytes,
                                                           int64_t *now_bytes);
/* The memory of this process, seen through descriptors that were opened once: also after the
 * process has given up the right to open files. */
typedef struct mli_os_gauge {
    int status_fd, clear_fd; /* -1 = none */
} mli_os_gauge;
/* Opens what there is; a gauge without descriptors answers with errors. */
void mli_os_gauge_open(mli_os_gauge *gauge);
void mli_os_gauge_close(mli_os_gauge *gauge);
/* VmHWM, VmRSS and RssAnon in bytes. */
__attribute__((warn_unused_result)) int mli_os_gauge_read(const mli_os_gauge *gauge,
                                                          int64_t *peak_bytes, int64_t *now_bytes,
                                                          int64_t *own_bytes);
/* Begins a new high-water mark at the present size (VmHWM counts from here). */
__attribute__((warn_unused_result)) int mli_os_gauge_reset(const mli_os_gauge *gauge);
/* Gives free memory of the C heap back to the system, so that growth means growth. */
void mli_os_memory_trim(void);
/* Huge-page setting as text ("always", "madvise", "never", "unknown"). Static. */
const char *mli_os_huge_pages(void);

#endif
