/* JSON Schema, the subset of draft 2020-12 that our schemas use. An unknown keyword is refused when
 * a schema is loaded, so that nothing is promised that is not checked.
 *
 * Checked: type, enum, const, properties, required, additionalProperties (false or a schema),
 * items, minItems, maxItems, uniqueItems (at most 1,000 items), minLength, maxLength (code points),
 * minimum, maximum, exclusiveMinimum, exclusiveMaximum, anyOf, oneOf, $ref to #/$defs/NAME.
 * Carried: $schema, $id, $defs, title, description, default, examples, deprecated.
 * https://json-schema.org/draft/2020-12 @threads any (immutable) */
#ifndef MLI_CHECK_SCHEMA_H
#define MLI_CHECK_SCHEMA_H

#include "base/json.h"
#include "check/findings.h"

typedef struct mli_schema mli_schema;

/* @param[out] out new; mli_schema_free()
 * @errors E_INVALID_JSON, E_UNSUPPORTED (a keyword that is not checked), E_SCHEMA (a keyword's
 * value is not of its kind, a $ref that leads nowhere), E_NO_MEMORY */
MODELLAB_MUST_CHECK modellab_status mli_schema_load(const char *json, size_t bytes,
                                                    const modellab_allocator *alloc,
                                                    mli_schema **out, modellab_error *err);
void mli_schema_free(mli_schema *schema);

/* Adds a finding (schema.type, schema.unknown_key, schema.required, ...) for each violation, with
 * the JSON pointer of its place and, for unknown keys and words, a suggestion. */
void mli_schema_check(const mli_schema *schema, const mli_json *value, mli_findings *report);

#endif
