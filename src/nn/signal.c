/* Moving the stretch of a signal along. */
#include "nn/signal.h"
#include <string.h>

void mli_nn_signal_begin(mli_nn_signal *s, size_t before)
{
    memset(s->data, 0, before * s->width * sizeof *s->data);
    s->first = -(int64_t)before;
    s->end = 0;
}

void mli_nn_signal_keep(mli_nn_signal *s, int64_t from)
{
    if (from <= s->first)
        return;
    memmove(s->data, mli_nn_signal_at(s, from),
            (size_t)(s->end - from) * s->width * sizeof *s->data);
    s->first = from;
}

void mli_nn_signal_zero(mli_nn_signal *s, int64_t from)
{
    if (from < s->first)
        from = s->first;
    if (from < s->end)
        memset(mli_nn_signal_at(s, from), 0, (size_t)(s->end - from) * s->width * sizeof *s->data);
}
