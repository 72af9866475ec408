/* Formatting of one line: pure, bounded, no allocation. */
#ifndef MLI_LOG_LINE_H
#define MLI_LOG_LINE_H

#include "log/keys.h"
#include <modellab/logger.h>
#include <stdbool.h>

#define MLI_LOG_LINE_BYTES 32768 /* with line end and NUL */
#define MLI_LOG_VALUE_BYTES 8192

/* What stands on a line besides the record. The ids and the process part are JSON made before. */
typedef struct mli_log_stamp {
    int64_t time_ns, seq;
    const char *ids; /* ,"run_id":"...",... or "" */
    size_t ids_bytes;
    const char *process; /* ,"attempt":1,"pid":2 */
    size_t process_bytes;
    uint32_t suppressed;      /* lines of this call site held back since its last one */
    const char *root;         /* PATH fields are relative to it; "" = none */
    const unsigned char *key; /* 32 bytes for SECRET fields */
} mli_log_stamp;

/* Writes the line with its line end and a NUL to `out` (MLI_LOG_LINE_BYTES); returns its bytes
 * without the NUL. The record must be of today's size. */
size_t mli_log_format(char *out, const mli_log_stamp *stamp, const modellab_log_record *record);
const char *mli_log_level_name(modellab_log_level level);

#endif
