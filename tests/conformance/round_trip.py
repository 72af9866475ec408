#!/usr/bin/env python3
"""Speaks 20 sentences with five seeds, transcribes them by whisper-base (beam 5) and scores them: the mean word error rate is at
most 2.2 %. round_trip.py PROGRAM SENTENCES [SEEDS]; exit code 77 without the models."""
import json
import os
import re
import subprocess
import sys
import tempfile

UNITS = ("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
         "eighteen nineteen").split()
TENS = "_ _ twenty thirty forty fifty sixty seventy eighty ninety".split()
MOST = 0.022


def number(words):
    """Words of a number below a million as digits; None when they are no number."""
    total = value = 0
    for word in words:
        if word in UNITS:
            value += UNITS.index(word)
        elif word in TENS:
            value += 10 * TENS.index(word)
        elif word == "hundred":
            value = max(value, 1) * 100
        elif word == "thousand":
            total, value = max(value, 1) * 1000, 0
        else:
            return None
    return str(total + value)


def normal(text):
    """As Whisper's English normalizer does it where these sentences need it: case, punctuation, titles, numbers as
    digits, money and percent signs."""
    text = text.lower().replace("’", "'")
    text = re.sub(r"\$(\d+)\.(\d\d)", r"\1 dollars \2 cents", text)
    text = re.sub(r"\$(\d+(?:\.\d+)?) million", r"\1 million dollars", text)
    text = re.sub(r"\$(\d+)", r"\1 dollars", text)
    text = text.replace("%", " percent").replace("a.m.", "am").replace("p.m.", "pm")
    for short, whole in (("mr", "mister"), ("mrs", "missus"), ("dr", "doctor")):
        text = re.sub(r"\b%s\b\.?" % short, whole, text)
    text = re.sub(r"(\d)(st|nd|rd|th)\b", r"\1", text)  # January 5 = January 5th
    text = re.sub(r"(\d)[:.](\d)", r"\1 \2", text)
    text = re.sub(r"(\d),(\d{3})", r"\1\2", text)
    words, out, run = re.sub(r"[^a-z0-9' ]", " ", text).split(), [], []
    for word in words + [""]:
        if number([word]) is not None or (word in ("hundred", "thousand") and run):
            run.append(word)
            continue
        if run:
            out.append(number(run))
            run = []
        out.append(word)
    text = " ".join(out)
    return re.sub(r"\ba (100|1000)\b", r"\1", text.replace(" hundred", " 100")).split()


def errors(ref, hyp):
    row = list(range(len(hyp) + 1))
    for i, r in enumerate(ref, 1):
        corner, row[0] = row[0], i
        for j, h in enumerate(hyp, 1):
            corner, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, corner + (r != h))
    return row[-1]


def main():
    program, path = sys.argv[1:3]
    seeds = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    root = os.environ.get("MODEL_LAB_TEST_MODELS", "")
    for model in ("piper-en_US-joe-medium", "cmudict", "whisper-base"):
        if not os.path.exists(os.path.join(root, model, "model.json")):
            print("skipped: MODEL_LAB_TEST_MODELS names no folder with", model)
            sys.exit(77)
    sentences = [line.rstrip("\n") for line in open(path) if line.strip() and line[0] != "#"]
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
            wrong = words = 0
            for sentence, result in zip(sentences, results):
                ref, hyp = normal(sentence), normal(result["transcript"]["text"])
                bad = errors(ref, hyp)
                if bad:
                    print("seed %d: %s\n     ->  %s (%d)" % (seed, " ".join(ref), " ".join(hyp), bad))
                wrong, words = wrong + bad, words + len(ref)
            print("seed %d: %d of %d words, WER %.2f %%" % (seed, wrong, words, 100 * wrong / words), flush=True)
            all_wrong, all_words = all_wrong + wrong, all_words + words
    rate = all_wrong / all_words
    print("mean WER %.2f %% (at most %.1f %%)" % (100 * rate, 100 * MOST))
    sys.exit(0 if rate <= MOST else 1)


main()
