/* config.ingest of a request: the options of step ingest. */
#ifndef MLI_LAB_SCHEMA_INGEST_H
#define MLI_LAB_SCHEMA_INGEST_H

#define MLI_SCHEMA_ingest                                                                          \
    "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"                         \
    "\"peaks\":{\"type\":\"boolean\",\"description\":\"Also write peaks.json: "                    \
    "the waveform for drawing, 100 points a second, fewer for more than an hour. Default: "        \
    "false.\"}}}"

#endif
