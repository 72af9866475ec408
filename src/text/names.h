/* A transcript whose speakers have the names that people gave them. */
#ifndef MLI_TEXT_NAMES_H
#define MLI_TEXT_NAMES_H

#include "base/json.h"
#include "text/transcript.h"

/* A new transcript; speakers without a name in the object `names` stay as they are. */
MODELLAB_MUST_CHECK modellab_status mli_transcript_with_names(const mli_transcript *t,
                                                              const mli_json *names,
                                                              const modellab_allocator *alloc,
                                                              mli_transcript **out,
                                                              modellab_error *err);

#endif
