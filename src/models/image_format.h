/* Places and sizes of the fields of a packed image; shared by its reader and its writer. */
#ifndef MLI_MODELS_IMAGE_FORMAT_H
#define MLI_MODELS_IMAGE_FORMAT_H

#define IMAGE_MAGIC "MLIMG\r\n\x1a"
#define IMAGE_END_MAGIC "MLIMGEND"
#define IMAGE_MAGIC_BYTES 8u

enum {
    IMAGE_HEADER_BYTES = 64, /* magic, u32 version, zeros */
    IMAGE_FOOTER_BYTES = 192,
    IMAGE_ENTRY_BYTES = 160,

    FOOTER_VERSION = 8,
    FOOTER_SECTIONS = 12,
    FOOTER_TABLE_OFFSET = 16,
    FOOTER_TABLE_BYTES = 24,
    FOOTER_METADATA_OFFSET = 32,
    FOOTER_METADATA_BYTES = 40,
    FOOTER_TABLE_CRC = 48,
    FOOTER_METADATA_CRC = 52,
    FOOTER_SHA256 = 56,
    FOOTER_WEIGHTS = 88,
    FOOTER_LAYOUT = 104,
    FOOTER_CRC = 188,

    ENTRY_NAME = 0,
    ENTRY_TYPE = 96,
    ENTRY_RANK = 100,
    ENTRY_DIMS = 104,
    ENTRY_OFFSET = 136,
    ENTRY_BYTES = 144,
    ENTRY_CRC = 152
};

#endif
