#!/usr/bin/env python3
"""The same weights in every exact format give the same transcript, through import and a whole run. Models
with quantised weights must run too; their words may differ.
Usage: convert_transcripts.py MODELLAB_PROGRAM MODEL_NAME    (exit 77 = skipped)"""
import os
import subprocess
import sys
import tempfile

try:
    import convert_whisper as cw
except ImportError:
    print("skipped: numpy is missing (MODEL_LAB_TEST_PYTHON names a Python that has it)")
    sys.exit(77)


def main(program, model):
    root = os.environ.get("MODEL_LAB_TEST_MODELS", "")
    source, audio = os.path.join(root, model), os.path.join(root, "sample-conversation", "sample.wav")
    if not root or not os.path.exists(os.path.join(source, "model.bin")) or not os.path.exists(audio):
        print(f"skipped: MODEL_LAB_TEST_MODELS names no folder with {model} and sample-conversation")
        return 77
    texts = {}
    with tempfile.TemporaryDirectory() as top:
        env = dict(os.environ, MODEL_LAB_MODELS_ROOT=f"{top}/models", MODEL_LAB_CACHE_ROOT=f"{top}/cache",
                   MODEL_LAB_ROOT=f"{top}/lab", MODEL_LAB_MIN_FREE_BYTES="1M", OPENBLAS_NUM_THREADS="1")

        def run(*words):
            done = subprocess.run([program, *words], env=env, capture_output=True, text=True)
            if done.returncode != 0:
                sys.exit(f"{' '.join(words[:2])}: exit {done.returncode}: {done.stderr.strip()[-300:]}")
            return done.stdout

        paths = {"ct2": source}
        for name in cw.FORMATS:
            paths[name] = os.path.join(top, "made", name + ".bin" if name.startswith("ggml") else name)
        for name, path in paths.items():
            if name != "ct2":
                cw.convert(source, os.path.join(top, "made"), [name])
            run("models", "import", f"test-{name}", path)
            texts[name] = run("transcribe", audio, "--model", f"test-{name}", "--weights", "f32")
            print(f"{name}: {len(texts[name].split())} words")
    wrong = [n for n, t in texts.items() if not n[5:].startswith("q") and t != texts["ct2"]]
    empty = [n for n, t in texts.items() if len(t.split()) < 20]
    print(f"differ: {wrong}, too short: {empty}")
    return 1 if wrong or empty else 0


sys.exit(main(*sys.argv[1:3]))
