"""Small Piper voices with made-up weights, as ONNX files that onnxruntime runs: the published
architecture (VITS; text encoder, stochastic durations, flow, HiFi-GAN), the tensor names of the
exports, weights of the flow without names. vits_voice.py OUT.onnx low|high|tiny SEED writes one."""
import json
import math
import pathlib
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

LOW = dict(hidden=32, heads=2, filter=24, layers=1, dp=16, couplings=2, wave=16, wave_layers=2,
           pre=24, ups=((8, 16, 16), (8, 16, 8), (4, 12, 4)), paired=False, speakers=1, gin=0,
           blocks=((3, (1, 2)), (5, (2, 6)), (7, (3, 12))), ids=40)
# As small as it can be: the file of tests/fuzz/corpus/piper (vits_voice.py tiny.onnx tiny 4).
TINY = dict(hidden=16, heads=1, filter=8, layers=1, dp=8, couplings=2, wave=16, wave_layers=2,
            pre=8, ups=((4, 8, 8), (2, 6, 4)), paired=False, speakers=1, gin=0,
            blocks=((3, (1, 2)), (5, (2, 6))), ids=40)
# Layers of the flow in units of 14 to 24 frames: what they hold back comes in bursts, of up to 234
# frames for steps of 64.
DILATED = dict(LOW, couplings=8, wave_layers=8, wave_dilations=(11, 7, 11, 8, 12, 10, 11, 9),
               blocks=((3, (12, 12, 12)), (5, (12, 12, 12)), (3, (12, 6, 12))))
HIGH = dict(hidden=32, heads=2, filter=40, layers=2, dp=32, couplings=4, wave=32, wave_layers=3,
            pre=24, ups=((8, 16, 20), (8, 16, 12), (2, 4, 8), (2, 4, 6)), paired=True, speakers=3,
            gin=12, blocks=((3, (1, 3, 5)), (7, (1, 3, 5)), (11, (1, 3, 5))), ids=40)


class Graph:
    def __init__(self, seed, change=None):
        self.change = change or {}
        self.nodes, self.tensors, self.rng, self.count = [], [], np.random.default_rng(seed), 0

    def const(self, value, name=None, kind=np.float32):
        self.count += 1
        name = name or f"onnx::Const_{self.count}"
        self.tensors.append(numpy_helper.from_array(np.asarray(value, dtype=kind), name))
        return name

    def ints(self, *values):
        return self.const(list(values), kind=np.int64)

    def op(self, kind, *inputs, name=None, outputs=1, **attributes):
        self.count += 1
        out = [f"v{self.count}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), out, name or f"/{kind}_{self.count}",
                                           **attributes))
        return out[0] if outputs == 1 else out

    def weight(self, shape, gain=1.0):
        fan = np.prod(shape[1:]) if len(shape) > 1 else 1
        return self.rng.standard_normal(shape) * gain / math.sqrt(max(fan, 1))

    def conv(self, x, name, out, into, k=1, dilation=1, pad=None, groups=1, anonymous=False,
             bias=True, gain=1.0):
        k, dilation = self.change.get(name, (k, dilation))
        w = self.const(self.weight((out, into // groups, k), gain),
                       None if anonymous else name + ".weight")
        inputs = [x, w]
        if bias:
            inputs.append(self.const(self.rng.standard_normal(out) * 0.1, name + ".bias"))
        pad = (k - 1) // 2 * dilation if pad is None else pad
        return self.op("Conv", *inputs, name="/" + name + "/Conv", dilations=[dilation],
                       group=groups, kernel_shape=[k], pads=[pad, pad], strides=[1])

    def up(self, x, name, into, out, k, s):
        w = self.const(self.rng.standard_normal((into, out, k)) / math.sqrt(into * k / s),
                       name + ".weight")
        b = self.const(self.rng.standard_normal(out) * 0.1, name + ".bias")
        return self.op("ConvTranspose", x, w, b, name="/" + name, dilations=[1], group=1,
                       kernel_shape=[k], pads=[(k - s) // 2] * 2, strides=[s])

    def norm(self, x, name, width):
        """Over the channels of [1, width, T]."""
        gamma = self.const(1 + self.rng.standard_normal(width) * 0.1, name + ".gamma")
        beta = self.const(self.rng.standard_normal(width) * 0.1, name + ".beta")
        rows = self.op("Transpose", x, perm=[0, 2, 1])
        rows = self.op("LayerNormalization", rows, gamma, beta, axis=-1, epsilon=1e-5)
        return self.op("Transpose", rows, perm=[0, 2, 1])

    def gelu(self, x):
        e = self.op("Erf", self.op("Mul", x, self.const(1 / math.sqrt(2))))
        return self.op("Mul", self.op("Mul", x, self.const(0.5)),
                       self.op("Add", e, self.const(1.0)))

    def slice(self, x, start, end, axis):
        return self.op("Slice", x, self.ints(start), self.ints(end), self.ints(axis))


def attention(g, x, name, c, length):
    hidden, heads = c["hidden"], c["heads"]
    dim = hidden // heads
    rows = []
    for part in "qkv":
        y = g.conv(x, f"{name}.conv_{part}", hidden, hidden)
        y = g.op("Reshape", y, g.ints(heads, dim, -1))
        rows.append(g.op("Transpose", y, perm=[0, 2, 1]))
    q = g.op("Div", rows[0], g.const(math.sqrt(dim)))
    rel_k = g.const(g.rng.standard_normal((1, 9, dim)) * dim ** -0.5, f"{name}.emb_rel_k")
    rel_v = g.const(g.rng.standard_normal((1, 9, dim)) * dim ** -0.5, f"{name}.emb_rel_v")
    at = g.op("Range", g.const(0, kind=np.int64), length, g.const(1, kind=np.int64))
    away = g.op("Sub", g.op("Unsqueeze", at, g.ints(0)), g.op("Unsqueeze", at, g.ints(1)))
    near = g.op("Cast", g.op("LessOrEqual", g.op("Abs", away), g.const(4, kind=np.int64)),
                to=TensorProto.FLOAT)
    near = g.op("Unsqueeze", near, g.ints(2))
    place = g.op("Clip", g.op("Add", away, g.const(4, kind=np.int64)), g.const(0, kind=np.int64),
                 g.const(8, kind=np.int64))
    bands = [g.op("Mul", g.op("Gather", g.op("Squeeze", r, g.ints(0)), place, axis=0), near)
             for r in (rel_k, rel_v)]
    scores = g.op("Add", g.op("Einsum", q, rows[1], equation="hid,hjd->hij"),
                  g.op("Einsum", q, bands[0], equation="hid,ijd->hij"))
    p = g.op("Softmax", scores, axis=-1)
    y = g.op("Add", g.op("Einsum", p, rows[2], equation="hij,hjd->hid"),
             g.op("Einsum", p, bands[1], equation="hij,ijd->hid"))
    y = g.op("Reshape", g.op("Transpose", y, perm=[0, 2, 1]), g.ints(1, hidden, -1))
    return g.conv(y, f"{name}.conv_o", hidden, hidden)


def stack(g, x, name, width):
    for i in range(3):
        y = g.conv(x, f"{name}.convs_sep.{i}", width, width, 3, 3 ** i, groups=width)
        y = g.gelu(g.norm(y, f"{name}.norms_1.{i}", width))
        y = g.conv(y, f"{name}.convs_1x1.{i}", width, width)
        y = g.gelu(g.norm(y, f"{name}.norms_2.{i}", width))
        x = g.op("Add", x, y)
    return x


def spline(g, params, y, width):
    """params [1, 29, T], y [1, 1, T]: the inverse of the spline."""
    p = g.op("Transpose", params, perm=[0, 2, 1])
    y = g.op("Transpose", y, perm=[0, 2, 1])
    knots = []
    for start in (0, 10):
        share = g.op("Softmax", g.op("Div", g.slice(p, start, start + 10, 2),
                                     g.const(math.sqrt(width))), axis=-1)
        share = g.op("Add", g.op("Mul", share, g.const(1 - 1e-2)), g.const(1e-3))
        total = g.op("CumSum", share, g.const(2, kind=np.int64))
        ends = g.op("Sub", g.op("Mul", total, g.const(10.0)), g.const(5.0))
        begins = g.op("Sub", ends, g.op("Mul", share, g.const(10.0)))
        knots.append((begins, g.op("Mul", share, g.const(10.0)), ends))
    inner = g.op("Add", g.op("Softplus", g.slice(p, 20, 29, 2)), g.const(1e-3))
    one = g.op("Add", g.op("Mul", g.slice(p, 0, 1, 2), g.const(0.0)), g.const(1.0))
    left = g.op("Concat", one, inner, axis=2)
    right = g.op("Concat", inner, one, axis=2)
    mask = g.op("Cast", g.op("And", g.op("GreaterOrEqual", y, knots[1][0]),
                             g.op("Less", y, knots[1][2])), to=TensorProto.FLOAT)

    def pick(v):
        return g.op("ReduceSum", g.op("Mul", v, mask), g.ints(2), keepdims=1)

    x0, w, y0, h = pick(knots[0][0]), pick(knots[0][1]), pick(knots[1][0]), pick(knots[1][1])
    d0, d1 = pick(left), pick(right)
    inside = g.op("And", g.op("Greater", y, g.const(-5.0)), g.op("Less", y, g.const(5.0)))
    safe = g.op("Where", inside, w, g.const(1.0))
    delta = g.op("Div", h, safe)
    at = g.op("Sub", y, y0)
    bend = g.op("Sub", g.op("Add", d0, d1), g.op("Mul", delta, g.const(2.0)))
    a = g.op("Add", g.op("Mul", at, bend), g.op("Mul", h, g.op("Sub", delta, d0)))
    b = g.op("Sub", g.op("Mul", h, d0), g.op("Mul", at, bend))
    c = g.op("Neg", g.op("Mul", delta, at))
    root = g.op("Sub", g.op("Mul", b, b), g.op("Mul", g.op("Mul", a, c), g.const(4.0)))
    root = g.op("Sqrt", g.op("Max", root, g.const(0.0)))
    root = g.op("Div", g.op("Mul", c, g.const(2.0)), g.op("Sub", g.op("Neg", b), root))
    out = g.op("Where", inside, g.op("Add", g.op("Mul", root, w), x0), y)
    return g.op("Transpose", out, perm=[0, 2, 1])


def durations(g, x, c, speaker, scale, length):
    width = c["dp"]
    x = g.conv(x, "dp.pre", width, c["hidden"])
    if speaker:
        x = g.op("Add", x, g.conv(speaker, "dp.cond", width, c["gin"]))
    x = g.conv(stack(g, x, "dp.convs", width), "dp.proj", width, width)
    shape = g.op("Concat", g.ints(1, 2), g.op("Unsqueeze", length, g.ints(0)), axis=0)
    noise = g.op("RandomNormalLike", g.op("ConstantOfShape", shape), name="/dp/RandomNormalLike",
                 dtype=1)
    z = g.op("Mul", noise, scale)
    a, b = g.slice(z, 0, 1, 1), g.slice(z, 1, 2, 1)
    for flow in (7, 5, 3):
        a, b = b, a
        h = g.op("Add", g.conv(a, f"dp.flows.{flow}.pre", width, 1), x)
        h = stack(g, h, f"dp.flows.{flow}.convs", width)
        h = g.conv(h, f"dp.flows.{flow}.proj", 29, width, gain=2.0)
        b = spline(g, h, b, width)
    both = g.op("Concat", b, a, axis=1)
    mean = g.const([[-1.1], [0.3]], "dp.flows.0.m")
    factor = g.op("Exp", g.op("Neg", g.const([[0.4], [0.1]], "dp.flows.0.logs")))
    both = g.op("Mul", g.op("Sub", both, mean), factor)
    return g.slice(both, 0, 1, 1)


def coupling(g, z, index, c, speaker):
    half, width, layers = c["hidden"] // 2, c["wave"], c["wave_layers"]
    name = f"flow.flows.{index}"
    low, high = g.slice(z, 0, half, 1), g.slice(z, half, 2 * half, 1)
    h = g.conv(low, f"{name}.pre", width, half)
    total = None
    if speaker:
        condition = g.conv(speaker, f"{name}.enc.cond_layer", 2 * width * layers, c["gin"],
                           anonymous=True)
    for i in range(layers):
        y = g.conv(h, f"{name}.enc.in_layers.{i}", 2 * width, width, 5,
                   c["wave_dilations"][i] if "wave_dilations" in c else 1, anonymous=True)
        if speaker:
            y = g.op("Add", y, g.slice(condition, 2 * width * i, 2 * width * (i + 1), 1))
        y = g.op("Mul", g.op("Tanh", g.slice(y, 0, width, 1)),
                 g.op("Sigmoid", g.slice(y, width, 2 * width, 1)))
        last = i + 1 == layers
        y = g.conv(y, f"{name}.enc.res_skip_layers.{i}", width if last else 2 * width, width,
                   anonymous=True)
        skip = y if last else g.slice(y, width, 2 * width, 1)
        if not last:
            h = g.op("Add", h, g.slice(y, 0, width, 1))
        total = g.op("Add", total, skip) if total else skip
    high = g.op("Sub", high, g.conv(total, f"{name}.post", half, width))
    return g.op("Concat", low, high, axis=1)


def decoder(g, z, c, speaker):
    x = g.conv(z, "dec.conv_pre", c["pre"], c["hidden"], 7)
    if speaker:
        x = g.op("Add", x, g.conv(speaker, "dec.cond", c["pre"], c["gin"]))
    into, count = c["pre"], len(c["blocks"])
    for i, (stride, k, width) in enumerate(c["ups"]):
        x = g.up(g.op("LeakyRelu", x, alpha=0.1), f"dec.ups.{i}", into, width, k, stride)
        total = None
        for j, (taps, dilations) in enumerate(c["blocks"]):
            name, y = f"dec.resblocks.{i * count + j}", x
            for n, dilation in enumerate(dilations):
                t = g.op("LeakyRelu", y, alpha=0.1)
                if c["paired"]:
                    t = g.conv(t, f"{name}.convs1.{n}", width, width, taps, dilation, gain=0.7)
                    t = g.op("LeakyRelu", t, alpha=0.1)
                    t = g.conv(t, f"{name}.convs2.{n}", width, width, taps, 1, gain=0.7)
                else:
                    t = g.conv(t, f"{name}.convs.{n}", width, width, taps, dilation, gain=0.7)
                y = g.op("Add", t, y)
            total = g.op("Add", total, y) if total else y
        x, into = g.op("Div", total, g.const(float(count))), width
    x = g.conv(g.op("LeakyRelu", x, alpha=0.01), "dec.conv_post", 1, into, 7, bias=False, gain=0.5)
    return g.op("Unsqueeze", g.op("Tanh", x), g.ints(1))


def voice(c, seed):
    """c["change"]: (taps, dilation) of convolutions by name, for voices that are not as usual."""
    g = Graph(seed, c.get("change"))
    hidden = c["hidden"]
    scales = [g.op("Gather", "scales", g.const(i, kind=np.int64), axis=0) for i in range(3)]
    length = g.op("Squeeze", g.slice(g.op("Shape", "input"), 1, 2, 0), g.ints(0))
    table = g.const(g.rng.standard_normal((c["ids"], hidden)) * hidden ** -0.5,
                    "enc_p.emb.weight")
    x = g.op("Mul", g.op("Gather", table, "input"), g.const(math.sqrt(hidden)))
    x = g.op("Transpose", x, perm=[0, 2, 1])
    speaker = None
    if c["speakers"] > 1:
        people = g.const(g.rng.standard_normal((c["speakers"], c["gin"])), "emb_g.weight")
        speaker = g.op("Unsqueeze", g.op("Gather", people, "sid"), g.ints(2))
    for i in range(c["layers"]):
        y = attention(g, x, f"enc_p.encoder.attn_layers.{i}", c, length)
        x = g.norm(g.op("Add", x, y), f"enc_p.encoder.norm_layers_1.{i}", hidden)
        y = g.op("Pad", x, g.ints(0, 0, 1, 0, 0, 1))
        y = g.conv(y, f"enc_p.encoder.ffn_layers.{i}.conv_1", c["filter"], hidden, 3, pad=0)
        y = g.op("Pad", g.op("Relu", y), g.ints(0, 0, 1, 0, 0, 1))
        y = g.conv(y, f"enc_p.encoder.ffn_layers.{i}.conv_2", hidden, c["filter"], 3, pad=0)
        x = g.norm(g.op("Add", x, y), f"enc_p.encoder.norm_layers_2.{i}", hidden)
    stats = g.conv(x, "enc_p.proj", 2 * hidden, hidden, gain=0.5)
    log_w = durations(g, x, c, speaker, scales[2], length)
    frames = g.op("Ceil", g.op("Mul", g.op("Exp", log_w), scales[1]))
    ends = g.op("CumSum", frames, g.const(2, kind=np.int64))
    total = g.op("Cast", g.op("ReduceSum", frames, keepdims=0), to=TensorProto.INT64)
    at = g.op("Cast", g.op("Range", g.const(0, kind=np.int64), total, g.const(1, kind=np.int64)),
              to=TensorProto.FLOAT)
    at = g.op("Unsqueeze", at, g.ints(0, 2))
    there = g.op("And", g.op("Less", at, ends),
                 g.op("GreaterOrEqual", at, g.op("Sub", ends, frames)))
    rows = g.op("MatMul", g.op("Cast", there, to=TensorProto.FLOAT),
                g.op("Transpose", stats, perm=[0, 2, 1]))
    rows = g.op("Transpose", rows, perm=[0, 2, 1])
    mean, log_deviation = g.slice(rows, 0, hidden, 1), g.slice(rows, hidden, 2 * hidden, 1)
    noise = g.op("RandomNormalLike", mean, name="/RandomNormalLike", dtype=1)
    z = g.op("Mul", g.op("Mul", noise, g.op("Exp", log_deviation)), scales[0])
    z = g.op("Add", mean, z)
    for i in reversed(range(c["couplings"])):
        z = g.op("Slice", z, g.ints(-1), g.ints(-(1 << 31)), g.ints(1), g.ints(-1))
        z = coupling(g, z, 2 * i, c, speaker)
    out = decoder(g, z, c, speaker)
    g.nodes[-1].output[0] = "output"
    inputs = [helper.make_tensor_value_info("input", TensorProto.INT64, ["batch_size", "phonemes"]),
              helper.make_tensor_value_info("input_lengths", TensorProto.INT64, ["batch_size"]),
              helper.make_tensor_value_info("scales", TensorProto.FLOAT, [3])]
    if speaker:
        inputs.append(helper.make_tensor_value_info("sid", TensorProto.INT64, ["batch_size"]))
    del out
    outputs = [helper.make_tensor_value_info("output", TensorProto.FLOAT, None)]
    graph = helper.make_graph(g.nodes, "torch-jit-export", inputs, outputs, g.tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8,
                             producer_name="vits_voice")


def write(path, family, seed, change=None):
    c = dict({"low": LOW, "high": HIGH, "tiny": TINY, "dilated": DILATED}[family], change=change)
    onnx.save(voice(c, seed), str(path))
    symbols = "_^$ abcdefghijklmnopqrstuvwxyz.,!?" + "\u0259\u02c8"
    config = {
        "audio": {"sample_rate": 16000, "quality": family},
        "espeak": {"voice": "en-us"},
        "inference": {"noise_scale": 0.5, "length_scale": 1.0, "noise_w": 0.6},
        "phoneme_type": "espeak",
        "phoneme_id_map": {s: [i] for i, s in enumerate(symbols)},
        "num_symbols": c["ids"],
        "num_speakers": c["speakers"],
        "language": {"family": "en", "code": "en_US"},
    }
    pathlib.Path(f"{path}.json").write_text(json.dumps(config, ensure_ascii=False), "utf-8")
    return c


if __name__ == "__main__":
    write(sys.argv[1], sys.argv[2], int(sys.argv[3]))
