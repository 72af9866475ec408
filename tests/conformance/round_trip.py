#!/usr/bin/env python3
"""Speaks 20 sentences with five seeds, transcribes them by whisper-base (beam 5) and has `modellab score` compare them after
Whisper's own English normalizer: the mean word error rate is at most 2.2 %. round_trip.py PROGRAM SENTENCES [SEEDS]; exit
code 77 without the models."""
import json
import os
import subprocess
import sys
import tempfile

MOST = 0.022


def write(folder, name, lines):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as f:
        f.write("".join(line + "\n" for line in lines))
    return path


def score(program, folder, seed, sentences, heard):
    """Wrong words and words of all sentences; says which sentences have some."""
    ref, hyp = write(folder, "ref.txt", sentences), write(folder, "hyp.txt", heard)
    told = json.loads(subprocess.check_output(
        [program, "score", "wer", ref, hyp, "--lines", "--normalizer", "english", "--json"]))
    wrong = told["substitutions"] + told["deletions"] + told["insertions"]
    for pair, said, got in zip(told["files"], sentences, heard):
        if pair["rate"] > 0:
            print("seed %d: %s\n     ->  %s (%.1f %%)" % (seed, said, got, 100 * pair["rate"]))
    return wrong, told["reference"]


def main():
    program, path = sys.argv[1:3]
    seeds = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    root = os.environ.get("MODEL_LAB_TEST_MODELS", "")
    for model in ("piper-en_US-joe-medium", "cmudict", "whisper-base"):
        if not os.path.exists(os.path.join(root, model, "model.json")):
            print("skipped: MODEL_LAB_TEST_MODELS names no folder with", model)
            sys.exit(77)
    sentences = [line.rstrip("\n") for line in open(path, encoding="utf-8") if line.strip() and line[0] != "#"]
    env = dict(os.environ, MODEL_LAB_MODELS_ROOT=root)
    all_wrong = all_words = 0
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(1, seeds + 1):
            files = []
            for i, sentence in enumerate(sentences):
                files.append(os.path.join(folder, "%d-%02d.wav" % (seed, i)))
                subprocess.run([program, "speak", sentence, "-o", files[-1], "--seed", str(seed), "--quiet"], check=True, env=env)
            done = subprocess.run([program, "transcribe", *files, "--model", "whisper-base", "--language", "en", "--beam", "5",
                                   "--lab", os.path.join(folder, "lab"), "--json", "--quiet"],
                                  capture_output=True, text=True, env=env)
            results = json.loads(done.stdout)["results"] if done.returncode == 0 else []
            if len(results) != len(sentences):
                print("seed %d: transcribe ended with %d and %d results of %d: %s"
                      % (seed, done.returncode, len(results), len(sentences), done.stderr))
                sys.exit(1)
            heard = [" ".join(result["transcript"]["text"].split()) for result in results]
            wrong, words = score(program, folder, seed, sentences, heard)
            print("seed %d: %d of %d words, WER %.2f %%" % (seed, wrong, words, 100 * wrong / words), flush=True)
            all_wrong, all_words = all_wrong + wrong, all_words + words
    rate = all_wrong / all_words
    print("mean WER %.2f %% (at most %.1f %%)" % (100 * rate, 100 * MOST))
    sys.exit(0 if rate <= MOST else 1)


main()
