/* config.summary of a request: the options of step summary. */
#ifndef MLI_LAB_SCHEMA_SUMMARY_H
#define MLI_LAB_SCHEMA_SUMMARY_H

#define MLI_SCHEMA_summary                                                                         \
    "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"                         \
    "\"provider\":{\"enum\":[\"embedded\",\"remote\"],\"default\":\"embedded\"},\"sentences\":{"   \
    "\"type\":"                                                                                    \
    "\"integer\",\"minimum\":1,\"maximum\":100,\"default\":5}}}"

#endif
