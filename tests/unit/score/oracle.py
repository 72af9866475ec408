"""What speakers_oracle.py, times_oracle.py and pairs_oracle.py share: the number of cases, generated words, alignments
by jiwer, one run of scorer_cases over all cases, documents as its fields."""
import math
import os
import subprocess
import sys

try:
    import jiwer
    import numpy as np
except ImportError as missing:
    print(f"skipped: {missing.name} is missing (MODEL_LAB_TEST_PYTHON names a Python that has tests/requirements.txt)")
    sys.exit(77)

CASES = int(os.environ.get("MODEL_LAB_TEST_SCORES") or 1000)
WORDS = "a the cat sat on mat now then \u00e9t\u00e9 can't 42 \u0436\u0434\u0430\u0442\u044c \u4f60\u597d \U0001f600".split()


def changed(rng, words, pool, rate):
    """The words as a system might hear them: lost, replaced and added ones."""
    out = []
    for word in words:
        kind = rng.random()
        if kind < rate / 3:
            continue
        out.append(rng.choice(pool) if kind < 2 * rate / 3 else word)
        if rng.random() < rate / 3:
            out.append(rng.choice(pool))
    return out


def steps(pairs):
    """One list a pair of word lists: (kind, index in the reference, index in the hypothesis) of each step."""
    if not pairs:
        return []
    output = jiwer.process_words([" ".join(r) for r, _ in pairs], [" ".join(h) for _, h in pairs])
    return [[(c.type, c.ref_start_idx + i, c.hyp_start_idx + i) for c in chunks
             for i in range(max(c.ref_end_idx - c.ref_start_idx, c.hyp_end_idx - c.hyp_start_idx))]
            for chunks in output.alignments]


def field(text):
    """A document as one field of a line."""
    assert "\t" not in text and "\v" not in text
    return text.replace("\n", "\v")


def answers(lines):
    """The answer of the program (first argument) to each line."""
    done = subprocess.run([sys.argv[1]], input="".join(line + "\n" for line in lines), capture_output=True, text=True,
                          check=False)
    out = done.stdout.splitlines()
    if done.returncode != 0 or len(out) != len(lines):
        sys.exit(f"{len(out)} answers for {len(lines)} cases: {done.stderr} {out[-1:]}")
    return out


def values(answer):
    """({name: value}, [(errors, size) of each file]) of an answer to `score`."""
    head, _, tail = answer.partition("|")
    words, numbers = head.split(), [float(v) for v in tail.split()]
    return dict(zip(words[::2], map(float, words[1::2]))), list(zip(numbers[::2], numbers[1::2]))


def near(got, want, relative=1e-12, absolute=1e-12):
    return math.isnan(got) and math.isnan(want) or abs(got - want) <= max(absolute, relative * abs(want))


def compare_all(cases, lines, check):
    for number, (case, answer) in enumerate(zip(cases, answers(lines))):
        try:
            check(case, answer)
        except (AssertionError, ValueError, KeyError) as wrong:
            sys.exit(f"case {number}: {wrong!r}\nanswer: {answer}\nline: {lines[number][:3000]!r}")
