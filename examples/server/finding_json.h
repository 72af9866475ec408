/* Findings of a report as the API shows them. */
#ifndef SERVER_FINDING_JSON_H
#define SERVER_FINDING_JSON_H

#include "call.h"

/* [{"id", "severity", "pointer", "text"}]; NULL: out of memory. A report of NULL has none. */
json_t *findings_json(const modellab_report *report);

#endif
