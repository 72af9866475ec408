/* Finding the parts of a Piper voice in its graph. */
#include "base/alloc.h"
#include "base/error.h"
#include "models/piper_private.h"
#include <math.h>
#include <string.h>

/* The embedding whose indices are an input of the graph. */
static const mli_onnx_node *lookup(const mli_piper_finder *f, const char *input)
{
    uint32_t value = mli_onnx_find(f->onnx, input);
    if (value == MLI_ONNX_NONE || !f->onnx->values[value].is_input) {
        return NULL;
    }
    const mli_onnx_value *v = &f->onnx->values[value];
    for (uint32_t i = 0; i < v->consumers; i++) {
        const mli_onnx_node *node = &f->onnx->nodes[f->onnx->uses[v->first_consumer + i]];
        if (mli_span_is(node->op, "Gather") && mli_onnx_input(f->onnx, node, 1) == value) {
            return node;
        }
    }
    return NULL;
}

MODELLAB_MUST_CHECK static modellab_status read_embeddings(const mli_piper_finder *f,
                                                           mli_piper *out)
{
    const mli_onnx_node *text = lookup(f, "input"), *speaker = lookup(f, "sid");
    modellab_status status =
        text == NULL ? mli_fail(f->err, MODELLAB_E_UNSUPPORTED_MODEL,
                                "onnx: no table is looked up by the input of phoneme ids")
                     : mli_piper_weight_at(f, mli_onnx_input(f->onnx, text, 0), "of phonemes",
                                           &out->embedding);
    if (status == MODELLAB_OK && speaker != NULL) {
        status = mli_piper_weight_at(f, mli_onnx_input(f->onnx, speaker, 0), "of speakers",
                                     &out->speakers);
    }
    if (status == MODELLAB_OK &&
        (out->embedding.rank != 2 || out->embedding.dims[0] > 65536 ||
         out->embedding.dims[1] > 4096 ||
         (speaker != NULL && (out->speakers.rank != 2 || out->speakers.dims[0] > 65536 ||
                              out->speakers.dims[1] > 4096)))) {
        status = mli_onnx_refuse(f->onnx, text, "tables of another shape", f->err);
    }
    if (status == MODELLAB_OK) {
        out->ids = out->embedding.dims[0];
        out->hidden = out->embedding.dims[1];
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status read_layer(const mli_piper_finder *f, mli_piper *m,
                                                      size_t i)
{
    mli_piper_layer *l = &m->layer[i];
    size_t n = m->hidden;
    mli_piper_label at = mli_piper_name("enc_p.encoder.attn_layers.%zu", i);
    mli_piper_label ffn = mli_piper_name("enc_p.encoder.ffn_layers.%zu", i);
    struct {
        mli_piper_conv *to;
        const char *name;
    } const heads[] = {{&l->q, "q"}, {&l->k, "k"}, {&l->v, "v"}, {&l->o, "o"}};
    modellab_status status = MODELLAB_OK;
    for (size_t k = 0; status == MODELLAB_OK && k < 4; k++) {
        status = mli_piper_conv_same(f, mli_piper_name("%s.conv_%s", at.text, heads[k].name), n, n,
                                     heads[k].to);
    }
    if (status == MODELLAB_OK) {
        status = mli_piper_weight(f, mli_piper_name("%s.emb_rel_k", at.text), &l->rel_k);
    }
    if (status == MODELLAB_OK) {
        status = mli_piper_weight(f, mli_piper_name("%s.emb_rel_v", at.text), &l->rel_v);
    }
    if (status == MODELLAB_OK) {
        status = mli_piper_norm_of(f, mli_piper_name("enc_p.encoder.norm_layers_1.%zu", i), n,
                                   &l->norm1);
    }
    if (status == MODELLAB_OK) {
        status = mli_piper_conv_any(f, mli_piper_name("%s.conv_1", ffn.text), n, 0, &l->up);
    }
    if (status == MODELLAB_OK) {
        status =
            mli_piper_conv_any(f, mli_piper_name("%s.conv_2", ffn.text), l->up.out, n, &l->down);
    }
    if (status == MODELLAB_OK) {
        status = mli_piper_norm_of(f, mli_piper_name("enc_p.encoder.norm_layers_2.%zu", i), n,
                                   &l->norm2);
    }
    if (status != MODELLAB_OK) {
        return status;
    }
    /* padding of the feed-forward part stands in nodes of its own: (taps - 1) / 2 on both sides */
    const mli_weight *k = &l->rel_k, *v = &l->rel_v;
    if (l->up.dilation != 1 || l->down.dilation != 1 || l->up.out > 65536 || k->rank != 3 ||
        v->rank != 3 || k->dims[0] != 1 || v->dims[0] != 1 || k->dims[1] != v->dims[1] ||
        k->dims[2] != v->dims[2] || k->dims[1] % 2 == 0 || k->dims[1] > 63 || n % k->dims[2] != 0 ||
        k->dims[2] % 16 != 0 || k->dims[2] > 256 ||
        l->q.taps * l->k.taps * l->v.taps * l->o.taps != 1 ||
        (i > 0 &&
         (k->dims[1] != m->layer[0].rel_k.dims[1] || k->dims[2] != m->layer[0].rel_k.dims[2]))) {
        return mli_fail(f->err, MODELLAB_E_UNSUPPORTED_MODEL, "onnx: %s is of another kind",
                        at.text);
    }
    m->window = (k->dims[1] - 1) / 2;
    m->heads = n / k->dims[2];
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status read_text(const mli_piper_finder *f, mli_piper *m)
{
    modellab_status status = MODELLAB_OK;
    while (
        status == MODELLAB_OK && m->layers < MLI_PIPER_MAX_LAYERS &&
        mli_piper_has(f, mli_piper_name("enc_p.encoder.attn_layers.%zu.conv_q.bias", m->layers))) {
        status = read_layer(f, m, m->layers);
        m->layers++;
    }
    if (status == MODELLAB_OK && m->layers == 0) {
        status = mli_piper_missing(f, "enc_p.encoder.attn_layers.0.conv_q.bias");
    }
    return status == MODELLAB_OK
               ? mli_piper_conv_same(f, mli_piper_name("enc_p.proj"), m->hidden, 0, &m->proj)
               : status;
}

MODELLAB_MUST_CHECK static modellab_status read_stack(const mli_piper_finder *f, const char *prefix,
                                                      size_t width, mli_piper_stack *out)
{
    modellab_status status = MODELLAB_OK;
    for (; status == MODELLAB_OK && out->layers < MLI_PIPER_MAX_SEPARABLE &&
           mli_piper_has(f, mli_piper_name("%s.convs_sep.%zu.bias", prefix, out->layers));
         out->layers++) {
        size_t i = out->layers;
        mli_piper_conv *d = &out->layer[i].depth;
        status =
            mli_piper_conv_of(f, mli_piper_name("%s.convs_sep.%zu.bias", prefix, i), 2, "Conv", d);
        if (status == MODELLAB_OK &&
            (d->groups != width || d->out != width || d->stride != 1 ||
             d->pad != (d->taps - 1) / 2 * d->dilation || d->taps % 2 == 0)) {
            status = mli_fail(f->err, MODELLAB_E_UNSUPPORTED_MODEL,
                              "onnx: the convolution of %s.convs_sep.%zu.bias has another shape",
                              prefix, i);
        }
        if (status == MODELLAB_OK && d->pad > MLI_PIPER_MAX_PAD) {
            status = mli_fail(f->err, MODELLAB_E_UNSUPPORTED_MODEL,
                              "onnx: the convolution of %s.convs_sep.%zu.bias reaches over more "
                              "than %d frames",
                              prefix, i, MLI_PIPER_MAX_PAD);
        }
        if (status == MODELLAB_OK) {
            status = mli_piper_norm_of(f, mli_piper_name("%s.norms_1.%zu", prefix, i), width,
                                       &out->layer[i].norm1);
        }
        if (status == MODELLAB_OK) {
            status = mli_piper_conv_point(f, mli_piper_name("%s.convs_1x1.%zu", prefix, i), width,
                                          width, &out->layer[i].point);
        }
        if (status == MODELLAB_OK) {
            status = mli_piper_norm_of(f, mli_piper_name("%s.norms_2.%zu", prefix, i), width,
                                       &out->layer[i].norm2);
        }
    }
    return status;
}

/* Two numbers, of any shape. */
MODELLAB_MUST_CHECK static modellab_status two(const mli_piper_finder *f, uint32_t value,
                                               const char *name, float out[2])
{
    mli_weight w;
    modellab_status status = mli_piper_weight_at(f, value, name, &w);
    if (status == MODELLAB_OK && mli_weight_elements(&w) != 2) {
        status =
            mli_fail(f->err, MODELLAB_E_UNSUPPORTED_MODEL, "onnx: %s holds not two numbers", name);
    }
    if (status == MODELLAB_OK) {
        memcpy(out, w.data, 2 * sizeof *out);
    }
    return status;
}

static const mli_onnx_node *only_consumer(const mli_onnx *onnx, uint32_t value, const char *op)
{
    if (value == MLI_ONNX_NONE || onnx->values[value].consumers != 1) {
        return NULL;
    }
    const mli_onnx_node *node = &onnx->nodes[onnx->uses[onnx->values[value].first_consumer]];
    return mli_span_is(node->op, op) ? node : NULL;
}

/* exp(-logs): folded to a constant by the export, or still to be computed. */
MODELLAB_MUST_CHECK static modellab_status read_factor(const mli_piper_finder *f, uint32_t value,
                                                       float out[2])
{
    const mli_onnx *onnx = f->onnx;
    if (mli_onnx_constant(onnx, value) != NULL) {
        return two(f, value, "of the last flow of the durations", out);
    }
    modellab_status status = two(f, mli_onnx_find(onnx, "dp.flows.0.logs"), "dp.flows.0.logs", out);
    for (size_t i = 0; status == MODELLAB_OK && i < 2; i++) {
        out[i] = expf(-out[i]);
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status read_affine(const mli_piper_finder *f, mli_piper *m)
{
    const mli_onnx *onnx = f->onnx;
    uint32_t mean = mli_onnx_find(onnx, "dp.flows.0.m");
    modellab_status status = two(f, mean, "dp.flows.0.m", m->durations.mean);
    if (status != MODELLAB_OK) {
        return status;
    }
    const mli_onnx_node *sub = only_consumer(onnx, mean, "Sub");
    uint32_t difference = sub != NULL ? mli_onnx_output(onnx, sub, 0) : MLI_ONNX_NONE;
    const mli_onnx_node *mul = only_consumer(onnx, difference, "Mul");
    if (mul == NULL) {
        return mli_fail(f->err, MODELLAB_E_UNSUPPORTED_MODEL,
                        "onnx: dp.flows.0.m is not used as an offset");
    }
    uint32_t place = mli_onnx_input(onnx, mul, 0) == difference ? 1 : 0;
    return read_factor(f, mli_onnx_input(onnx, mul, place), m->durations.factor);
}

MODELLAB_MUST_CHECK static modellab_status read_durations(const mli_piper_finder *f, mli_piper *m)
{
    modellab_status status =
        mli_piper_conv_point(f, mli_piper_name("dp.pre"), m->hidden, 0, &m->durations.pre);
    size_t width = m->durations.pre.out;
    if (status == MODELLAB_OK) {
        status = read_stack(f, "dp.convs", width, &m->durations.stack);
    }
    if (status == MODELLAB_OK) {
        status =
            mli_piper_conv_point(f, mli_piper_name("dp.proj"), width, width, &m->durations.proj);
    }
    if (status == MODELLAB_OK && m->speakers.dtype != MLI_WEIGHT_NONE) {
        status = mli_piper_conv_point(f, mli_piper_name("dp.cond"), m->speakers.dims[1], width,
                                      &m->durations.cond);
    }
    /* Flows run backwards, and the first one is left out by the exporter: 7, 5, 3. */
    for (size_t i = 2 * MLI_PIPER_MAX_SPLINES + 1; status == MODELLAB_OK && i >= 3; i -= 2) {
        if (!mli_piper_has(f, mli_piper_name("dp.flows.%zu.pre.bias", i))) {
            continue;
        }
        mli_piper_spline *s = &m->durations.spline[m->durations.splines++];
        mli_piper_label prefix = mli_piper_name("dp.flows.%zu.convs", i);
        status = mli_piper_conv_point(f, mli_piper_name("dp.flows.%zu.pre", i), 1, width, &s->pre);
        if (status == MODELLAB_OK) {
            status = read_stack(f, prefix.text, width, &s->stack);
        }
        if (status == MODELLAB_OK) {
            status = mli_piper_conv_point(f, mli_piper_name("dp.flows.%zu.proj", i), width, 29,
                                          &s->proj);
        }
    }
    if (status == MODELLAB_OK && m->durations.splines == 0) {
        status = mli_piper_missing(f, "dp.flows.3.pre.bias");
    }
    return status == MODELLAB_OK ? read_affine(f, m) : status;
}

MODELLAB_MUST_CHECK static modellab_status
read_coupling(const mli_piper_finder *f, const mli_piper *m, size_t index, mli_piper_coupling *out)
{
    mli_piper_label prefix = mli_piper_name("flow.flows.%zu", index);
    size_t half = m->proj.out / 4;
    modellab_status status =
        mli_piper_conv_same(f, mli_piper_name("%s.pre", prefix.text), half, 0, &out->pre);
    size_t width = out->pre.out;
    if (status == MODELLAB_OK) {
        status =
            mli_piper_conv_same(f, mli_piper_name("%s.post", prefix.text), width, half, &out->post);
    }
    while (
        status == MODELLAB_OK && out->layers < MLI_PIPER_MAX_WAVENET &&
        mli_piper_has(f, mli_piper_name("%s.enc.in_layers.%zu.bias", prefix.text, out->layers))) {
        size_t i = out->layers++;
        bool more =
            mli_piper_has(f, mli_piper_name("%s.enc.in_layers.%zu.bias", prefix.text, i + 1));
        status = mli_piper_conv_same(f, mli_piper_name("%s.enc.in_layers.%zu", prefix.text, i),
                                     width, 2 * width, &out->layer[i].in);
        if (status == MODELLAB_OK) {
            status =
                mli_piper_conv_same(f, mli_piper_name("%s.enc.res_skip_layers.%zu", prefix.text, i),
                                    width, more ? 2 * width : width, &out->layer[i].skip);
        }
        if (status == MODELLAB_OK && (out->layer[i].skip.taps != 1 || width % 16 != 0)) {
            status = mli_fail(f->err, MODELLAB_E_UNSUPPORTED_MODEL,
                              "onnx: %s.enc is of another kind", prefix.text);
        }
    }
    if (status == MODELLAB_OK && out->layers == 0) {
        status = mli_piper_missing(f, mli_piper_name("%s.enc.in_layers.0.bias", prefix.text).text);
    }
    if (status == MODELLAB_OK && m->speakers.dtype != MLI_WEIGHT_NONE) {
        status = mli_piper_conv_point(f, mli_piper_name("%s.enc.cond_layer", prefix.text),
                                      m->speakers.dims[1], 2 * width * out->layers, &out->cond);
    }
    if (status == MODELLAB_OK && out->pre.taps * out->post.taps != 1) {
        status = mli_fail(f->err, MODELLAB_E_UNSUPPORTED_MODEL, "onnx: %s is of another kind",
                          prefix.text);
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status read_flow(const mli_piper_finder *f, mli_piper *m)
{
    modellab_status status = MODELLAB_OK;
    if (m->proj.out % 4 != 0 || m->proj.taps != 1) {
        return mli_fail(f->err, MODELLAB_E_UNSUPPORTED_MODEL, "onnx: enc_p.proj has another shape");
    }
    for (size_t i = 2 * MLI_PIPER_MAX_COUPLINGS; status == MODELLAB_OK && i > 0; i -= 2) {
        if (mli_piper_has(f, mli_piper_name("flow.flows.%zu.pre.bias", i - 2))) {
            status = read_coupling(f, m, i - 2, &m->coupling[m->couplings++]);
        }
    }
    /* each is followed by a flip: with an odd number the channels would come out turned round */
    if (status == MODELLAB_OK && (m->couplings == 0 || m->couplings % 2 != 0)) {
        status = mli_fail(f->err, MODELLAB_E_UNSUPPORTED_MODEL, "onnx: %zu couplings of the flow",
                          m->couplings);
    }
    return status;
}

/* Residual block `index`: convs (ResBlock2), or convs1 and convs2 in turn (ResBlock1). */
MODELLAB_MUST_CHECK static modellab_status read_block(const mli_piper_finder *f, const mli_piper *m,
                                                      size_t index, size_t width, size_t *convs,
                                                      mli_piper_conv *out)
{
    modellab_status status = MODELLAB_OK;
    *convs = 0;
    for (size_t i = 0; status == MODELLAB_OK && *convs < MLI_PIPER_MAX_CONVS; i++) {
        mli_piper_label first = m->decoder.paired
                                    ? mli_piper_name("dec.resblocks.%zu.convs1.%zu", index, i)
                                    : mli_piper_name("dec.resblocks.%zu.convs.%zu", index, i);
        if (!mli_piper_has(f, mli_piper_name("%s.bias", first.text))) {
            break;
        }
        status = mli_piper_conv_same(f, first, width, width, &out[(*convs)++]);
        if (status == MODELLAB_OK && m->decoder.paired) {
            status =
                mli_piper_conv_same(f, mli_piper_name("dec.resblocks.%zu.convs2.%zu", index, i),
                                    width, width, &out[(*convs)++]);
        }
    }
    return status == MODELLAB_OK && *convs == 0
               ? mli_piper_missing(f, mli_piper_name("dec.resblocks.%zu", index).text)
               : status;
}

MODELLAB_MUST_CHECK static modellab_status read_stage(const mli_piper_finder *f, mli_piper *m,
                                                      size_t index, size_t in, size_t blocks)
{
    mli_piper_stage *s = &m->decoder.stage[index];
    modellab_status status =
        mli_piper_conv_of(f, mli_piper_name("dec.ups.%zu.bias", index), 2, "ConvTranspose", &s->up);
    const mli_piper_conv *u = &s->up;
    if (status == MODELLAB_OK &&
        (u->in != in || u->dilation != 1 || u->groups != 1 || u->taps < u->stride ||
         2 * u->pad != u->taps - u->stride || u->stride < 2)) {
        status = mli_fail(f->err, MODELLAB_E_UNSUPPORTED_MODEL,
                          "onnx: the convolution of dec.ups.%zu.bias has another shape", index);
    }
    for (; status == MODELLAB_OK && s->blocks < blocks; s->blocks++) {
        status = read_block(f, m, index * blocks + s->blocks, u->out, &s->block[s->blocks].convs,
                            s->block[s->blocks].conv);
    }
    return status;
}

/* The slopes of leaky ReLU: one for all, and another before the last convolution. */
MODELLAB_MUST_CHECK static modellab_status read_slopes(const mli_piper_finder *f, mli_piper *m)
{
    const mli_onnx *onnx = f->onnx;
    uint32_t post = mli_onnx_find(onnx, "dec.conv_post.weight");
    const mli_onnx_node *last = only_consumer(onnx, post, "Conv");
    uint32_t into = last != NULL ? mli_onnx_input(onnx, last, 0) : MLI_ONNX_NONE;
    m->decoder.slope = m->decoder.last_slope = -1.0f;
    for (size_t i = 0; i < mli_onnx_nodes(onnx); i++) {
        const mli_onnx_node *node = &onnx->nodes[i];
        if (!mli_span_is(node->op, "LeakyRelu")) {
            continue;
        }
        const mli_onnx_attribute *a =
            mli_onnx_attribute_of(onnx, node, "alpha", MLI_ONNX_ATTR_FLOAT);
        float alpha = a != NULL ? a->f : 0.01f;
        float *to =
            mli_onnx_output(onnx, node, 0) == into ? &m->decoder.last_slope : &m->decoder.slope;
        if (!(alpha >= 0.0f && alpha <= 1.0f) || (*to >= 0.0f && *to != alpha)) {
            return mli_onnx_refuse(onnx, node, "another slope", f->err);
        }
        *to = alpha;
    }
    return m->decoder.slope >= 0.0f && m->decoder.last_slope >= 0.0f
               ? MODELLAB_OK
               : mli_fail(f->err, MODELLAB_E_UNSUPPORTED_MODEL,
                          "onnx: the decoder has no leaky ReLU where it should");
}

MODELLAB_MUST_CHECK static modellab_status read_decoder(const mli_piper_finder *f, mli_piper *m)
{
    size_t stages = 0, blocks = 0;
    modellab_status status =
        mli_piper_conv_same(f, mli_piper_name("dec.conv_pre"), m->proj.out / 2, 0, &m->decoder.pre);
    size_t width = m->decoder.pre.out;
    m->decoder.paired = mli_piper_has(f, mli_piper_name("dec.resblocks.0.convs1.0.bias"));
    while (stages < MLI_PIPER_MAX_STAGES &&
           mli_piper_has(f, mli_piper_name("dec.ups.%zu.bias", stages))) {
        stages++;
    }
    while (mli_piper_has(f, mli_piper_name(m->decoder.paired ? "dec.resblocks.%zu.convs1.0.bias"
                                                             : "dec.resblocks.%zu.convs.0.bias",
                                           blocks))) {
        blocks++;
    }
    if (status == MODELLAB_OK && (stages == 0 || blocks == 0 || blocks % stages != 0 ||
                                  blocks / stages > MLI_PIPER_MAX_BLOCKS)) {
        status = mli_fail(f->err, MODELLAB_E_UNSUPPORTED_MODEL,
                          "onnx: dec has %zu stages and %zu residual blocks", stages, blocks);
    }
    for (; status == MODELLAB_OK && m->decoder.stages < stages; m->decoder.stages++) {
        status = read_stage(f, m, m->decoder.stages, width, blocks / stages);
        width = m->decoder.stage[m->decoder.stages].up.out;
    }
    if (status == MODELLAB_OK) {
        status = mli_piper_conv_of(f, mli_piper_name("dec.conv_post.weight"), 1, "Conv",
                                   &m->decoder.post);
    }
    const mli_piper_conv *p = &m->decoder.post;
    if (status == MODELLAB_OK &&
        (p->in != width || p->out != 1 || p->stride != 1 || p->dilation != 1 || p->groups != 1 ||
         p->taps % 2 == 0 || p->pad != (p->taps - 1) / 2)) {
        status = mli_fail(f->err, MODELLAB_E_UNSUPPORTED_MODEL,
                          "onnx: the convolution of dec.conv_post.weight has another shape");
    }
    if (status == MODELLAB_OK && m->speakers.dtype != MLI_WEIGHT_NONE) {
        status = mli_piper_conv_point(f, mli_piper_name("dec.cond"), m->speakers.dims[1],
                                      m->decoder.pre.out, &m->decoder.cond);
    }
    return status == MODELLAB_OK ? read_slopes(f, m) : status;
}

/* Every convolution of the graph is one that was read; every initializer's numbers are counted. */
MODELLAB_MUST_CHECK static modellab_status check_rest(const mli_piper_finder *f, mli_piper *m)
{
    const mli_onnx *onnx = f->onnx;
    for (size_t i = 0; i < mli_onnx_nodes(onnx); i++) {
        const mli_onnx_node *node = &onnx->nodes[i];
        bool convolution = mli_span_is(node->op, "Conv") || mli_span_is(node->op, "ConvTranspose");
        if ((convolution && !f->taken[i]) || mli_span_is(node->op, "LSTM") ||
            mli_span_is(node->op, "GRU") || mli_span_is(node->op, "Gemm")) {
            return mli_onnx_refuse(onnx, node, "no part of a voice that is known", f->err);
        }
    }
    for (size_t i = 0; i < onnx->initializers; i++) {
        m->parameters += onnx->tensors[i].type == MLI_ONNX_FLOAT ? onnx->tensors[i].elements : 0;
    }
    return MODELLAB_OK;
}

modellab_status mli_piper_read(mli_piper *out, const modellab_allocator *alloc, const void *file,
                               size_t bytes, const mli_cancel_word *cancel, modellab_error *err)
{
    mli_onnx onnx;
    modellab_status status = mli_onnx_read(&onnx, alloc, file, bytes, cancel, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    memset(out, 0, sizeof *out);
    mli_piper_finder f = {&onnx, mli_alloc_array(alloc, mli_onnx_nodes(&onnx), sizeof *f.taken),
                          err};
    static modellab_status (*const parts[])(const mli_piper_finder *, mli_piper *) = {
        read_embeddings, read_text, read_durations, read_flow, read_decoder, check_rest};
    status = f.taken != NULL ? MODELLAB_OK : mli_no_memory(err);
    for (size_t i = 0; status == MODELLAB_OK && i < sizeof parts / sizeof parts[0]; i++) {
        status = parts[i](&f, out);
    }
    mli_free(alloc, f.taken);
    mli_onnx_dispose(&onnx);
    return status;
}
