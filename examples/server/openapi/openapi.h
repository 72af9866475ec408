/* The contract as bytes of the program: openapi.json, merged at build time from the pieces beside
 * this file and the schemas of the library (merge.py). */
#ifndef SERVER_OPENAPI_H
#define SERVER_OPENAPI_H

#include <stddef.h>

extern const unsigned char openapi_document[]; /* UTF-8 JSON, not terminated */
extern const size_t openapi_document_bytes;

#endif
