"""Log-mel and Whisper's encoder in numpy, from a CTranslate2 weight file: what the engine's are compared with."""
import struct

import numpy as np

DTYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}


def read_weights(path):
    data = memoryview(open(path, "rb").read())
    at = 0

    def take(form):
        nonlocal at
        values = struct.unpack_from("<" + form, data, at)
        at += struct.calcsize("<" + form)
        return values[0]

    def text():
        nonlocal at
        size = take("H")
        value = bytes(data[at:at + size - 1]).decode()
        at += size
        return value

    take("I"), text(), take("I")
    weights = {}
    for _ in range(take("I")):
        name, rank = text(), take("B")
        dims = [take("I") for _ in range(rank)]
        kind, size = take("B"), take("I")
        weights[name] = np.frombuffer(data[at:at + size], DTYPES[kind]).reshape(dims).astype(np.float32)
        at += size
    return weights


def mel_filters(bands, fft=400, rate=16000):
    """Slaney's scale: linear to 1 kHz, logarithmic above; each filter has unit area."""
    step = np.log(6.4) / 27
    top = 15 + np.log(rate / 2 / 1000) / step
    points = np.linspace(0, top, bands + 2)
    hertz = np.where(points < 15, points * 200 / 3, 1000 * np.exp(step * (points - 15)))
    bins = np.arange(fft // 2 + 1) * rate / fft
    up = (bins - hertz[:-2, None]) / (hertz[1:-1] - hertz[:-2])[:, None]
    down = (hertz[2:, None] - bins) / (hertz[2:] - hertz[1:-1])[:, None]
    return np.maximum(0, np.minimum(up, down)) * (2 / (hertz[2:] - hertz[:-2]))[:, None]


def log_mel(samples, bands):
    """All frames of the audio and of 30 s of silence after it: [bands][frames], in double precision."""
    padded = np.pad(np.concatenate([samples.astype(np.float64), np.zeros(480000)]), 200, mode="reflect")
    window = np.hanning(401)[:-1]
    count = (len(padded) - 400) // 160
    frames = np.lib.stride_tricks.sliding_window_view(padded, 400)[::160][:count]
    power = np.abs(np.fft.rfft(frames * window)) ** 2
    logs = np.log10(np.maximum(mel_filters(bands) @ power.T, 1e-10))
    return (np.maximum(logs, logs.max() - 8) + 4) / 4


def norm(x, w, name):
    mean, var = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return (x - mean) / np.sqrt(var + 1e-5) * w[name + "/gamma"] + w[name + "/beta"]


def erf(x):
    """Abramowitz and Stegun 7.1.26 is too coarse: the error function by its own library call."""
    from math import erf as exact
    return np.vectorize(exact, otypes=[np.float64])(x)


def gelu(x):
    return 0.5 * x * (1 + erf(x / np.sqrt(2)))


def conv(x, weight, bias, stride):
    """x[frames][in], weight[out][in][3], one frame of zeros at both ends."""
    padded = np.pad(x, ((1, 1), (0, 0)))
    taps = [padded[k:k + len(x):stride] @ weight[:, :, k].T for k in range(3)]
    return sum(taps) + bias


def positions(length, width):
    scale = np.exp(-np.log(10000) / (width // 2 - 1) * np.arange(width // 2))
    angle = np.arange(length)[:, None] * scale[None]
    return np.concatenate([np.sin(angle), np.cos(angle)], axis=1)


def linear(x, w, name):
    y = x @ w[name + "/weight"].T
    return y + w[name + "/bias"] if name + "/bias" in w else y


def attention(x, w, name, heads):
    q, k, v = np.split(linear(norm(x, w, name + "/layer_norm"), w, name + "/linear_0"), 3, axis=1)
    width = x.shape[1] // heads
    out = []
    for h in range(heads):
        part = slice(h * width, (h + 1) * width)
        score = q[:, part] @ k[:, part].T / np.sqrt(width)
        score = np.exp(score - score.max(-1, keepdims=True))
        out.append(score / score.sum(-1, keepdims=True) @ v[:, part])
    return linear(np.concatenate(out, axis=1), w, name + "/linear_1")


def encode(mel, weights):
    """mel[bands][3000] -> [1500][state], in double precision."""
    w = {k: v.astype(np.float64) for k, v in weights.items() if k.startswith("encoder/")}
    x = gelu(conv(mel.T, w["encoder/conv1/weight"], w["encoder/conv1/bias"], 1))
    x = gelu(conv(x, w["encoder/conv2/weight"], w["encoder/conv2/bias"], 2))
    named = "encoder/position_encodings/encodings"
    x = x + (w[named] if named in w else positions(*x.shape))
    heads = x.shape[1] // 64
    layers = 1 + max(int(k.split("/")[1].split("_")[1]) for k in w if k.startswith("encoder/layer_")
                     and k.split("/")[1].split("_")[1].isdigit())
    for i in range(layers):
        base = f"encoder/layer_{i}"
        x = x + attention(x, w, base + "/self_attention", heads)
        y = gelu(linear(norm(x, w, base + "/ffn/layer_norm"), w, base + "/ffn/linear_0"))
        x = x + linear(y, w, base + "/ffn/linear_1")
    return norm(x, w, "encoder/layer_norm")
