/* Walking over the wire format of protocol buffers (encoding of messages as fields with a number
 * and a wire type): no schema, no copies, every length checked against the bytes that are there.
 * Groups, which nobody writes any more, are refused. */
#ifndef MLI_MODELS_PROTOBUF_H
#define MLI_MODELS_PROTOBUF_H

#include <modellab/status.h>
#include <stdbool.h>

/* Bytes in the file; not terminated. */
typedef struct mli_span {
    const unsigned char *at;
    size_t bytes;
} mli_span;

typedef enum mli_wire_type {
    MLI_WIRE_VARINT = 0,
    MLI_WIRE_FIXED64 = 1,
    MLI_WIRE_BYTES = 2,
    MLI_WIRE_FIXED32 = 5
} mli_wire_type;

typedef struct mli_wire {
    const unsigned char *file; /* where offsets of messages count from */
    mli_span left;
    const char *format; /* for messages: "onnx" */
} mli_wire;

typedef struct mli_wire_field {
    uint32_t number; /* >= 1 */
    mli_wire_type type;
    uint64_t value; /* of varints and fixed fields, as bits */
    mli_span span;  /* of BYTES: a string, a message, packed numbers */
    size_t offset;  /* of the field in the file */
} mli_wire_field;

void mli_wire_init(mli_wire *w, const char *format, const void *file, size_t bytes);
/* A walker over a message inside the file of `w`. */
mli_wire mli_wire_of(const mli_wire *w, mli_span message);
/* The next field; `*found` is false at the end. E_INVALID_MODEL names the offset. */
MODELLAB_MUST_CHECK modellab_status mli_wire_next(mli_wire *w, mli_wire_field *out, bool *found,
                                                  modellab_error *err);
/* Refuses a field of another wire type; `name` is the field's. */
MODELLAB_MUST_CHECK modellab_status mli_wire_expect(const mli_wire *w, const mli_wire_field *field,
                                                    mli_wire_type type, const char *name,
                                                    modellab_error *err);
/* A varint of at most 10 bytes off the front of `span`. */
MODELLAB_MUST_CHECK bool mli_wire_varint(mli_span *span, uint64_t *out);

bool mli_span_is(mli_span span, const char *text);
/* Order of bytes, as memcmp; a prefix comes first. */
int mli_span_compare(mli_span a, mli_span b);
/* For people: at most 80 characters, those that cannot be printed as '?'. */
void mli_span_text(mli_span span, char out[81]);

#endif
