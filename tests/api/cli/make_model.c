/* make_model FILE: writes a small Whisper with seeded weights as a ggml file, so that the tests of
 * the command line have a model without any download. What it recognises is nonsense. */
#include "unit/models/synthetic.h"
#include <stdio.h>

int main(int argc, char **argv)
{
    mli_buf file;
    if (argc != 2) {
        fputs("usage: make_model FILE\n", stderr);
        return 2;
    }
    mli_buf_init(&file, NULL);
    synthetic_ggml(&synthetic_small, MLI_WEIGHT_F16, &file);
    FILE *out = fopen(argv[1], "wb");
    int failed = out == NULL || mli_buf_status(&file, NULL) != MODELLAB_OK ||
                 fwrite(file.data, 1, file.size, out) != file.size;
    if (out != NULL && fclose(out) != 0)
        failed = 1;
    mli_buf_dispose(&file);
    return failed;
}
