/* A verdict as JSON: the verdict in words, and the numbers that it was made of. */
#include "score/verdict.h"

static void write_measure(const mli_verdict_measure *m, mli_jw *w)
{
    mli_jw_object(w);
    mli_jw_kstring(w, "name", m->name);
    mli_jw_kint(w, "inputs", m->inputs);
    mli_jw_kint(w, "unlike_references", m->unlike);
    mli_jw_kreal(w, "errors_a", m->errors_a);
    mli_jw_kreal(w, "errors_b", m->errors_b);
    mli_jw_kreal(w, "size", m->size);
    mli_jw_kreal(w, "rate_a", m->rate_a);
    mli_jw_kreal(w, "rate_b", m->rate_b);
    mli_jw_kreal(w, "difference", m->rate_a - m->rate_b);
    mli_jw_kreal(w, "low", m->low);
    mli_jw_kreal(w, "high", m->high);
    mli_jw_kint(w, "segments", m->test.segments);
    mli_jw_kreal(w, "p", m->test.p_random);
    mli_jw_kstring(w, "better", m->better == 0 ? NULL : m->better < 0 ? "a" : "b");
    mli_jw_kbool(w, "even", m->even);
    mli_jw_end_object(w);
}

static void write_cost(const char *key, int64_t micros, mli_jw *w)
{
    mli_jw_key(w, key);
    if (micros < 0)
        mli_jw_null(w);
    else
        mli_jw_int(w, micros);
}

void mli_verdict_write(const mli_verdict *v, mli_jw *w)
{
    mli_jw_object(w);
    mli_jw_kstring(w, "verdict", mli_verdict_name(v->outcome));
    mli_jw_kstring(w, "decided_by", v->decided_by);
    mli_jw_kstring(w, "reason", v->reason);
    mli_jw_kint(w, "inputs", v->inputs);
    mli_jw_kint(w, "compared", v->compared);
    mli_jw_kint(w, "same_outputs", v->same_outputs);
    mli_jw_kint(w, "with_reference", v->with_reference);
    mli_jw_kint(w, "open_a", v->open_a);
    mli_jw_kint(w, "open_b", v->open_b);
    mli_jw_kint(w, "failed_a", v->failed_a);
    mli_jw_kint(w, "failed_b", v->failed_b);
    mli_jw_key(w, "measures");
    mli_jw_array(w);
    for (int i = 0; i < MLI_VERDICT_MEASURES; i++) {
        if (v->measures[i].name != NULL)
            write_measure(&v->measures[i], w);
    }
    mli_jw_end_array(w);
    write_cost("cost_micros_a", v->cost_a, w);
    write_cost("cost_micros_b", v->cost_b, w);
    mli_jw_kreal(w, "real_time_factor_a", v->speed_a);
    mli_jw_kreal(w, "real_time_factor_b", v->speed_b);
    mli_jw_end_object(w);
}
