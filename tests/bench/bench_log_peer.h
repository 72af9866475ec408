/* The peer of bench_log: spdlog writing a line of the same keys and bytes. Absent when its package
 * was not there at configure time. */
#ifndef MLI_BENCH_LOG_PEER_H
#define MLI_BENCH_LOG_PEER_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bench_peer bench_peer;

/* What both loggers write besides time, level, event, message, pid and seq. */
typedef struct bench_ids {
    const char *run_id, *request_id, *trace_id, *span_id;
} bench_ids;

/* To memory (file NULL) or to a file, with a flush a line or buffered. NULL: it failed and said
 * why.
 */
bench_peer *bench_peer_create(const char *file, int flush_each, const bench_ids *ids);
void bench_peer_log(bench_peer *peer, const char *event, const char *message, const char *step,
                    const char *model, int64_t segments, double audio_seconds, int cached);
uint64_t bench_peer_bytes(const bench_peer *peer); /* to memory so far, without line ends */
void bench_peer_destroy(bench_peer *peer);
const char *bench_peer_name(void);

#ifdef __cplusplus
}
#endif
#endif
