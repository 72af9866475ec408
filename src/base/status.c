/* Names and sentences of status codes, made from the one list in modellab/status.h. */
#include "base/status.h"

const char *mli_status_name(modellab_status status)
{
    switch (status) {
#define NAME_CASE(name, number, text)                                                              \
    case number:                                                                                   \
        return "MODELLAB_" #name;
        MODELLAB_STATUS_LIST(NAME_CASE)
#undef NAME_CASE
    default:
        return "MODELLAB_E_UNKNOWN";
    }
}

const char *mli_status_text(modellab_status status)
{
    switch (status) {
#define TEXT_CASE(name, number, text)                                                              \
    case number:                                                                                   \
        return text;
        MODELLAB_STATUS_LIST(TEXT_CASE)
#undef TEXT_CASE
    default:
        return "unknown status";
    }
}
