#!/usr/bin/env python3
"""Every importer must give the same numbers from the same weights: converts an installed model into each
format, lets DUMP (dump_weights) read it, and compares sha256 of every tensor as f32 and as f16.
Usage: convert_check.py DUMP MODEL_NAME    (models below MODEL_LAB_TEST_MODELS; exit 77 = skipped)"""
import hashlib
import os
import subprocess
import sys
import tempfile

try:
    import numpy as np
except ImportError:
    print("skipped: numpy is missing (MODEL_LAB_TEST_PYTHON names a Python that has it)")
    sys.exit(77)
import convert_whisper as cw


def digests(value):
    f32 = np.ascontiguousarray(value.astype("<f4"))
    return hashlib.sha256(f32.tobytes()).hexdigest(), hashlib.sha256(f32.astype("<f2").tobytes()).hexdigest()


def dump(tool, weights, config):
    done = subprocess.run([tool, weights] + ([config] if config else []), capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{os.path.basename(weights)}: {done.stderr.strip()}")
    rows = [line.split() for line in done.stdout.splitlines()]
    return {r[1]: (r[3], r[4]) for r in rows if r[0] == "tensor"}, [r for r in rows if r[0] == "model"][0]


def expected(weights, name):
    family, kind = name.split("-", 1)
    out = {}
    for key, value in weights.items():
        form = cw.ggml_type(key, value, kind) if family == "ggml" else kind
        out[key] = digests(cw.quantise(value, form)[1] if form.startswith("q") else value)
    return out


def main(tool, model):
    root = os.environ.get("MODEL_LAB_TEST_MODELS", "")
    source = os.path.join(root, model)
    if not root or not os.path.exists(os.path.join(source, "model.bin")):
        print(f"skipped: MODEL_LAB_TEST_MODELS names no folder with {model}")
        return 77
    bad = 0
    with tempfile.TemporaryDirectory() as out:
        weights = cw.canonical(cw.read_ct2(os.path.join(source, "model.bin")))
        same = {k: digests(v) for k, v in weights.items()}
        have, first = dump(tool, os.path.join(source, "model.bin"), os.path.join(source, "config.json"))
        bad += report("ct2", have, same)
        for name in cw.FORMATS:
            cw.convert(source, out, [name])
            ggml = name.startswith("ggml")
            path = os.path.join(out, name + ".bin" if ggml else f"{name}/model.safetensors")
            have, about = dump(tool, path, None if ggml else os.path.join(out, name, "config.json"))
            want = expected(weights, name)
            bad += report(name, have, want)
            if not name.split("-")[1].startswith("q"):
                bad += want != same  # f32 and f16 must be the source's own bits
            bad += about[3:] != first[3:]  # hyper-parameters and alignment heads
            os.remove(path)
    return 1 if bad else 0


def report(name, have, want):
    wrong = [k for k in want if have.get(k) != want[k]] + [k for k in have if k not in want]
    print(f"{name}: {len(want)} tensors, {len(wrong)} differ {wrong[:3]}")
    return len(wrong)


sys.exit(main(*sys.argv[1:3]))
