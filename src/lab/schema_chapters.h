/* config.chapters of a request: the options of step chapters. */
#ifndef MLI_LAB_SCHEMA_CHAPTERS_H
#define MLI_LAB_SCHEMA_CHAPTERS_H

#define MLI_SCHEMA_chapters                                                                        \
    "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"                         \
    "\"provider\":{\"enum\":[\"embedded\",\"remote\"],\"default\":\"embedded\"},\"min_seconds\":{" \
    "\"type\":"                                                                                    \
    "\"number\",\"minimum\":1,\"maximum\":86400,\"default\":60}}}"

#endif
