"""Writes mel_golden.h: values of Whisper's log-mel by float64 numpy, for test_audio_mel.c.

Usage: python make_mel_golden.py > mel_golden.h
The signal is made of integers only, so that the C test makes the same samples bit for bit."""
import numpy as np

SAMPLES = 40037
FRAMES = [0, 1, 2, 3, 17, 64, 100, 128, 177, 200, 248, 249, 250, 251, 252, 400]


def signal():
    x = np.zeros(SAMPLES, dtype=np.int64)
    state, phase = 12345, 0
    for i in range(SAMPLES):
        state = (state * 1664525 + 1013904223) % 2**32
        phase = (phase + 500 + i // 8) % 65536
        saw = phase - 32768
        loud = 1 + (i // 2000) % 7
        x[i] = saw * loud // 16 + ((state >> 16) - 32768) * (8 - loud) // 64
    return np.clip(x, -32768, 32767).astype(np.float64) / 32768


def filters(bands):
    hz = np.linspace(0, 8000, 201)
    step = np.log(6.4) / 27
    top = 15 + np.log(8) / step
    mel = np.linspace(0, top, bands + 2)
    edges = np.where(mel < 15, mel * 200 / 3, 1000 * np.exp(step * (mel - 15)))
    out = np.zeros((bands, 201))
    for i in range(bands):
        up = (hz - edges[i]) / (edges[i + 1] - edges[i])
        down = (edges[i + 2] - hz) / (edges[i + 2] - edges[i + 1])
        out[i] = np.maximum(0, np.minimum(up, down)) * 2 / (edges[i + 2] - edges[i])
    return out


def log_mel(x, bands):
    padded = np.pad(np.concatenate([x, np.zeros(480000)]), 200, mode="reflect")
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    rows = np.lib.stride_tricks.sliding_window_view(padded, 400)[::160][: (len(x) + 480000) // 160]
    power = np.abs(np.fft.rfft(rows * window, axis=1)) ** 2
    raw = np.log10(np.maximum(filters(bands) @ power.T, 1e-10))
    return raw.max(), (np.maximum(raw, raw.max() - 8) + 4) / 4


def table(name, values):
    print(f"static const float {name}[{values.shape[0]}][{values.shape[1]}] = {{")
    for row in values:
        print("    {" + ", ".join(f"{v:.6f}f" for v in row) + "},")
    print("};")


def main():
    print("/* Made by make_mel_golden.py: log-mel values by float64 numpy, [frame][band]. */")
    print("/* clang-format off */")
    print(f"enum {{ GOLDEN_SAMPLES = {SAMPLES}, GOLDEN_FRAMES = {len(FRAMES)} }};")
    print("static const int golden_frames[GOLDEN_FRAMES] = {" + ", ".join(map(str, FRAMES)) + "};")
    x = signal()
    for bands in (80, 128):
        top, values = log_mel(x, bands)
        print(f"static const float golden_max_{bands} = {top:.7f}f;")
        table(f"golden_mel_{bands}", values.T[FRAMES])
    # Single weights of the filters: (band, bin, weight * 1000).
    w = filters(80)
    picks = [(b, int(w[b].argmax())) for b in (0, 1, 10, 39, 40, 60, 79)] + [(79, 200)]
    print(f"static const struct {{ int band, bin; float weight; }} golden_filters[{len(picks)}] = {{")
    for b, k in picks:
        print(f"    {{{b}, {k}, {w[b, k] * 1000:.7f}f}},")
    print("};")


main()
