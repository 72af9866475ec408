/* Notes: small JSON that people keep beside a run after it was made, by name. They are no part of
 * the record and never change it; they survive, go into bundles, and go with the run. @since 0.1
 *
 * Example: examples/c/note.c */
#ifndef MODELLAB_NOTE_H
#define MODELLAB_NOTE_H

#include <modellab/run.h>

/** The note with names for speakers: an object, {"A": "Diane", "B": "Sheila"}, of at most 64
 * speakers; names have 1 to 128 bytes without control characters. See modellab_run_transcript(). */
#define MODELLAB_NOTE_SPEAKERS "speakers"

/** Most bytes of a note. */
#define MODELLAB_NOTE_BYTES 65536

MODELLAB_BEGIN_DECLS

/** Writes a note, or replaces it. A run has at most 16.
 * @param name   [a-z][a-z0-9_]{0,31}
 * @param json   an object, UTF-8
 * @param bytes  0 = NUL-terminated
 * @errors E_NOT_FOUND (run), E_INVALID_ARGUMENT (name), E_INVALID_JSON, E_SCHEMA (not an object;
 * the names of speakers), E_LIMIT (too long, too many), E_STORE_READ_ONLY, E_STORE_FAILED,
 * E_NO_SPACE, E_NO_MEMORY @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_note_put(modellab_lab *lab,
                                                                   const char *run_id,
                                                                   const char *name,
                                                                   const char *json, size_t bytes,
                                                                   modellab_error *err);

/** Loads a note as it was written, its keys sorted.
 * @param[out] out         new; modellab_buffer_destroy()
 * @param[out] updated_ms  optional: when it was written, since 1970 UTC
 * @errors E_NOT_FOUND (run, note), E_STORE_FAILED, E_NO_MEMORY @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_note_load(modellab_lab *lab, const char *run_id, const char *name, modellab_buffer **out,
                   int64_t *updated_ms, modellab_error *err);

/** Removes a note. @errors E_NOT_FOUND (run, note), E_STORE_READ_ONLY, E_STORE_FAILED, E_NO_MEMORY
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_note_remove(modellab_lab *lab,
                                                                      const char *run_id,
                                                                      const char *name,
                                                                      modellab_error *err);

/** All notes of a run as JSON: {"name": {"updated_at": ..., "note": {...}}, ...}.
 * @param[out] out new; modellab_buffer_destroy()
 * @errors E_NOT_FOUND (run), E_STORE_FAILED, E_NO_MEMORY @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_note_list(modellab_lab *lab,
                                                                    const char *run_id,
                                                                    modellab_buffer **out,
                                                                    modellab_error *err);

MODELLAB_END_DECLS
#endif
