# cmake -DIN=file -DOUT=file.c -DHEADER=room/header.h -DFUNCTION=name -P embed.cmake: a text file as a C
# function `const char *name(size_t *bytes)`.
file(READ ${IN} hex HEX)
string(LENGTH "${hex}" length)
math(EXPR bytes "${length} / 2")
string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1, " hex "${hex}")
file(WRITE ${OUT} "/* Made from a data file when the library is built. */
#include \"${HEADER}\"

static const unsigned char text[] = {
${hex}0x00};

const char *${FUNCTION}(size_t *bytes)
{
    *bytes = ${bytes};
    return (const char *)text;
}
")
