#!/usr/bin/env python3
"""A Piper voice by our engine and by onnxruntime: vits_parity.py BENCH_VITS [MODEL_NAME | made-up].
The graph's two sources of random numbers are made inputs, so that both engines get the same noise.
Durations must be identical, the waveform within 80 dB and 3e-4; any step of the stream, any number
of threads and any draw of a seed must give the same bytes. 77: the model or onnxruntime is missing."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import onnx
    import onnxruntime
except ImportError as missing:
    print(f"needs {missing.name}")
    sys.exit(77)

LEAST_SNR, MOST_ERROR = 80.0, 3e-4


def with_noise_as_inputs(path):
    """The serialised model, the name of the durations."""
    model = onnx.load(str(path))
    graph = model.graph
    for node in [n for n in graph.node if n.op_type == "RandomNormalLike"]:
        name, width = ("noise_w", 2) if node.name.startswith("/dp") else ("noise_z", None)
        for user in graph.node:
            for i, value in enumerate(user.input):
                if value == node.output[0]:
                    user.input[i] = name
        graph.node.remove(node)
        graph.input.append(onnx.helper.make_tensor_value_info(name, 1, [1, width, None]))
    ceil = next(n for n in graph.node if n.op_type == "Ceil").output[0]
    graph.output.append(onnx.helper.make_tensor_value_info(ceil, 1, None))
    return model.SerializeToString(), ceil


class Peer:
    def __init__(self, path):
        data, self.durations = with_noise_as_inputs(path)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(data, options, ["CPUExecutionProvider"])
        self.inputs = {i.name for i in self.session.get_inputs()}

    def run(self, ids, scales, noise_w, noise_z, speaker):
        feed = {
            "input": np.array([ids], dtype=np.int64),
            "input_lengths": np.array([len(ids)], dtype=np.int64),
            "scales": np.array(scales, dtype=np.float32),
            "noise_w": noise_w[None],
            "noise_z": noise_z[None],
            "sid": np.array([speaker], dtype=np.int64),
        }
        names = [self.session.get_outputs()[0].name, self.durations]
        audio, durations = self.session.run(names, {k: feed[k] for k in self.inputs})
        return audio.ravel(), durations.ravel().astype(int).tolist()


class Ours:
    def __init__(self, program, path, folder):
        self.program, self.path, self.folder = program, path, folder

    def run(self, ids, scales, noise=None, **options):
        f = self.folder
        (f / "ids").write_text(" ".join(map(str, ids)))
        arguments = [f"model={self.path}", f"ids={f / 'ids'}", f"out={f / 'out'}"]
        arguments += [f"noise={scales[0]}", f"length={scales[1]}", f"noise_w={scales[2]}"]
        if noise is not None:
            noise[0].astype(np.float32).tofile(f / "w")
            noise[1].astype(np.float32).tofile(f / "z")
            arguments += [f"durations={f / 'w'}", f"z={f / 'z'}", f"channels={len(noise[1])}"]
        arguments += [f"{k}={v}" for k, v in options.items()]
        told = json.loads(subprocess.check_output([self.program, *arguments]))
        return np.fromfile(f / "out", dtype=np.float32), told["frames"], told


def text_of(rng, count, vocabulary):
    """Ids as a phonemizer makes them: a pad after each."""
    ids = [1]
    while len(ids) < count - 2:
        ids += [0, int(rng.integers(3, vocabulary))]
    return ids + [0, 2]


def compare(peer, ours, rng, count, scales, vocabulary, channels, speaker=0):
    ids = text_of(rng, count, vocabulary)
    noise_w = rng.standard_normal((2, len(ids))).astype(np.float32)
    noise_z = rng.standard_normal((channels, 8192)).astype(np.float32)
    got, frames, _ = ours.run(ids, scales, (noise_w, noise_z), speaker=speaker)
    z = np.ascontiguousarray(noise_z[:, : max(1, sum(frames))])
    want, durations = peer.run(ids, scales, noise_w, z, speaker)
    assert frames == durations, f"durations of {count} ids differ"
    assert len(got) == len(want), (len(got), len(want))
    error = got.astype(np.float64) - want
    snr = 10 * np.log10(np.sum(want.astype(np.float64) ** 2) / max(np.sum(error**2), 1e-30))
    print(f"{count} ids, scales {scales}, speaker {speaker}: {sum(frames)} frames, "
          f"{snr:.1f} dB, max {np.abs(error).max():.2e}")
    assert snr >= LEAST_SNR and np.abs(error).max() <= MOST_ERROR
    return ids


def check_bytes(ours, ids, speaker=0):
    """Same bytes for any threads and steps; another seed and utterance give others."""
    scales = (0.667, 1.0, 0.8)
    first, frames, _ = ours.run(ids, scales, seed=7, threads=1, speaker=speaker)
    for threads, step in ((2, 0), (1, 1), (2, 7), (1, 64)):
        again, same, _ = ours.run(ids, scales, seed=7, threads=threads, step=step, speaker=speaker)
        assert same == frames and first.tobytes() == again.tobytes(), (threads, step)
    other, _, _ = ours.run(ids, scales, seed=8, speaker=speaker)
    assert first.tobytes() != other.tobytes()
    print(f"{len(ids)} ids: the same bytes with 1 and 2 threads and 5 sizes of the pieces")


def check_refused(program, folder):
    """Convolutions that the engine has no room for are refused by name."""
    import vits_voice

    points = ["dp.pre", "dp.proj", "dp.cond", "dp.convs.convs_1x1.1", "dp.flows.5.pre",
              "dp.flows.5.proj", "dp.flows.3.convs.convs_1x1.0", "flow.flows.2.enc.cond_layer",
              "dec.cond"]
    wide = ["flow.flows.0.enc.in_layers.1", "dec.conv_pre", "dec.resblocks.4.convs1.1"]
    (folder / "ids").write_text("1 0 3 0 2")
    for name, shape in [(n, (3, 1)) for n in points] + [(n, (5, 257)) for n in wide]:
        path = folder / "refused.onnx"
        vits_voice.write(path, "high", 3, {name: shape})
        done = subprocess.run([program, f"model={path}", f"ids={folder / 'ids'}"],
                              capture_output=True, text=True)
        assert done.returncode > 0 and f"of {name}.bias" in done.stderr, (name, done)
    print(f"{len(points) + len(wide)} voices with other convolutions are refused")


def check_made_up(program, folder):
    """Families of which no voice is at hand, with made-up weights: several speakers too."""
    import vits_voice

    rng = np.random.default_rng(9)
    for family, seed in (("low", 1), ("high", 2), ("dilated", 3)):
        path = folder / f"{family}.onnx"
        shape = vits_voice.write(path, family, seed)
        peer, ours = Peer(path), Ours(program, path, folder)
        print(f"{family}: {path.stat().st_size} bytes")
        for speaker in range(shape["speakers"]):
            for count, scales in ((5, (0.0, 1.0, 0.0)), (39, (0.5, 1.0, 0.6)),
                                  (121, (0.8, 0.7, 1.0))):
                ids = compare(peer, ours, rng, count, scales, shape["ids"], shape["hidden"], speaker)
            check_bytes(ours, ids, speaker)


def main():
    program = sys.argv[1]
    name = sys.argv[2] if len(sys.argv) > 2 else "piper-en_US-joe-medium"
    if name == "made-up":
        with tempfile.TemporaryDirectory() as folder:
            check_refused(program, pathlib.Path(folder))
            check_made_up(program, pathlib.Path(folder))
        return 0
    root = pathlib.Path(os.environ.get("MODEL_LAB_TEST_MODELS", "models"))
    found = sorted((root / name).glob("*.onnx"))
    if not found:
        print(f"{name} is not installed in MODEL_LAB_TEST_MODELS")
        return 77
    rng = np.random.default_rng(5)
    with tempfile.TemporaryDirectory() as folder:
        peer, ours = Peer(found[0]), Ours(program, found[0], pathlib.Path(folder))
        for count, scales in ((5, (0.0, 1.0, 0.0)), (61, (0.0, 1.0, 0.0)), (401, (0.0, 1.0, 0.0)),
                              (37, (0.667, 1.0, 0.8)), (203, (0.667, 1.3, 0.8)),
                              (601, (1.0, 0.8, 1.0))):
            ids = compare(peer, ours, rng, count, scales, 120, 192)
            if count in (5, 203):
                check_bytes(ours, ids)
    return 0


sys.exit(main())
