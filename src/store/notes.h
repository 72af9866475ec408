/* Notes: small JSON that people keep beside a run, by name; it goes with the run. */
#ifndef MLI_STORE_NOTES_H
#define MLI_STORE_NOTES_H

#include <modellab/alloc.h>
#include <modellab/status.h>
#include <stddef.h>
#include <stdint.h>

typedef struct mli_store mli_store;

enum { MLI_NOTES_MOST = 16 }; /* of a run */

typedef struct mli_note_row {
    const char *name, *json;
    int64_t updated_ms;
} mli_note_row;

typedef struct mli_note_list {
    const modellab_allocator *alloc;
    size_t count;
    mli_note_row *rows; /* by name */
    char *text;
} mli_note_list;

/* Writes it, or with json NULL removes it. E_NOT_FOUND: there is no such run, or no note to remove;
 * E_LIMIT: the run has MLI_NOTES_MOST others. */
MODELLAB_MUST_CHECK modellab_status mli_store_note_put(mli_store *store, const char *run_id,
                                                       const mli_note_row *note,
                                                       modellab_error *err);
/* All of a run. E_NOT_FOUND: no such run. */
MODELLAB_MUST_CHECK modellab_status mli_store_notes(mli_store *store, const char *run_id,
                                                    mli_note_list **out, modellab_error *err);
void mli_note_list_free(mli_note_list *list);

#endif
