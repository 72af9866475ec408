/* What loading and checking of schemas share. */
#ifndef MLI_CHECK_SCHEMA_PRIVATE_H
#define MLI_CHECK_SCHEMA_PRIVATE_H

#include "check/schema.h"

/* Nesting of schemas, and of $ref beneath one value: a circle of references ends here. */
#define MLI_SCHEMA_MAX_DEPTH 64

struct mli_schema {
    modellab_allocator alloc;
    mli_json *root;
};

/* The schema behind a $ref; NULL when it leads nowhere. */
const mli_json *mli_schema_resolve(const mli_json *root, const mli_json *ref);

#endif
