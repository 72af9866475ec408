#!/usr/bin/env python3
"""Generated texts scored by us (PROGRAM = score_cases) and by jiwer: counts, rates and the alignment itself must be
equal, also where several alignments are equally good. Usage: score_oracle.py PROGRAM (MODEL_LAB_TEST_SCORES cases,
1,000 unless told; exit 77 = skipped)"""
import os
import random
import subprocess
import sys

try:
    import jiwer
except ImportError:
    print("skipped: jiwer is missing (MODEL_LAB_TEST_PYTHON names a Python that has tests/requirements.txt)")
    sys.exit(77)

CASES = int(os.environ.get("MODEL_LAB_TEST_SCORES") or 1000)
WORDS = "a the cat sat on mat now then \u00e9t\u00e9 can't 42 \u0436\u0434\u0430\u0442\u044c \u4f60\u597d \U0001f600".split()
LETTERS = {"equal": "=", "substitute": "s", "delete": "d", "insert": "i"}


def changed(rng, words, pool, rate):
    out = []
    for word in words:
        kind = rng.random()
        if kind < rate / 3:
            continue
        out.append(rng.choice(pool) if kind < 2 * rate / 3 else word)
        if rng.random() < rate / 3:
            out.append(rng.choice(pool))
    return out


def pair(rng, length):
    pool = rng.choice([WORDS[:2], WORDS[:4], WORDS, [f"w{i}" for i in range(3000)]])
    ref = [rng.choice(pool) for _ in range(length)]
    rate = rng.choice([0.0, 0.02, 0.1, 0.3, 0.8, None])
    hyp = [rng.choice(pool) for _ in range(rng.randint(0, length + 3))] if rate is None else changed(rng, ref, pool, rate)
    return " ".join(ref), " ".join(hyp)


def cases(rng):
    yield "", ""
    yield "", "a b"
    yield "a b", ""
    for i in range(CASES):
        yield pair(rng, rng.randint(0, 12) if i % 3 else rng.randint(0, 150))
    for length in (2100, 2500, 4000, 9000, 20000):  # these are halved
        yield pair(rng, length)


def spread(output):
    return "".join(LETTERS[c.type] * max(c.ref_end_idx - c.ref_start_idx, c.hyp_end_idx - c.hyp_start_idx)
                   for c in output.alignments[0])


def check(ref, hyp, line):
    got = line.split(" ")
    word = jiwer.process_words(ref, hyp)
    counts = [word.hits, word.substitutions, word.deletions, word.insertions]
    assert [int(v) for v in got[1:5]] == counts, ("words", got[1:5], counts)
    rates = [word.wer, word.mer, word.wil, word.wip]
    assert all(abs(float(v) - want) <= 1e-12 for v, want in zip(got[5:9], rates)), ("rates", got[5:9], rates)
    if len(ref) < 20000:
        char = jiwer.process_characters(ref, hyp)
        counts = [char.hits, char.substitutions, char.deletions, char.insertions]
        assert [int(v) for v in got[9:13]] == counts, ("characters", got[9:13], counts)
    assert got[13] == spread(word), ("alignment", got[13], spread(word))


def main():
    rng = random.Random(11)
    texts = list(cases(rng))
    stdin = "".join(f"words\t{ref}\t{hyp}\n" for ref, hyp in texts)
    done = subprocess.run([sys.argv[1]], input=stdin, capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    if done.returncode != 0 or len(lines) != len(texts):
        sys.exit(f"{len(lines)} answers for {len(texts)} cases: {done.stderr} {lines[-1:]}")
    for (ref, hyp), line in zip(texts, lines):
        try:
            check(ref, hyp, line)
        except AssertionError as wrong:
            sys.exit(f"{wrong}\nreference: {ref[:300]}\nhypothesis: {hyp[:300]}")
    print(f"{len(texts)} pairs: counts, rates and alignments equal jiwer's")


main()
