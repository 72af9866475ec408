#!/usr/bin/env python3
"""Generated words with times scored by us (PROGRAM = scorer_cases) and by jiwer's alignment and whole microseconds: how
far the borders of the right words are off. Usage: times_oracle.py PROGRAM (MODEL_LAB_TEST_SCORES cases, 1,000 unless told; exit 77 = skipped)"""
import json
import math
import random

from oracle import CASES, WORDS, changed, compare_all, field, near, np, steps, values

SPOKEN = {"Hello,": ["hello"], "[laughs]": [], "NOW!": ["now"], "so...": ["so"], "It's": ["it's"], "...": [],
          "twenty-one": ["twenty", "one"], "the": ["the"], "A": ["a"]}
TIMES = 6


def placed(rng, words, grid):
    """[(word, start, end)] in microseconds, in order; words may touch, overlap or last no time."""
    out, at = [], 0
    for word in words:
        at += rng.randrange(0, 600_000, grid)
        out.append((word, at, at + rng.choice([0, rng.randrange(0, 800_000, grid)])))
    return out


def moved(rng, words, pool, rate, grid):
    """The words as a system might place them; the right ones keep their places but for a jitter."""
    most = rng.choice([grid, 50_000, 400_000])
    out = []
    for word, start, end in words:
        for heard in changed(rng, [word], pool, rate):
            a = max(0, start + rng.randrange(-most, most + 1, grid))
            out.append((heard, a, max(a, end + rng.randrange(-most, most + 1, grid))))
    return out


def ctm(rng, words):
    tail = rng.choice(["", " 0.95"])
    return "x.ctm", "".join(f"rec 1 {a / 1e6:.3f} {(b - a) / 1e6:.3f} {w}{tail}\n" for w, a, b in words)


def verbose_json(rng, words):
    key = rng.choice(["word", "text"])
    bound = rng.randint(0, len(words))
    parts = [p for p in (words[:bound], words[bound:]) if p]
    segments = [{"id": i, "start": min(a for _, a, _ in p) / 1e6, "end": max(b for _, _, b in p) / 1e6,
                 "text": "".join(" " + w for w, _, _ in p)} for i, p in enumerate(parts)]
    listed = [{key: " " + w, "start": a / 1e6, "end": b / 1e6, "segment": i}
              for i, p in enumerate(parts) for w, a, b in p]
    return "x.json", json.dumps({"text": "", "segments": segments, "words": listed})


def document(rng, words, grid):
    if not words:
        return rng.choice(["x.ctm", "x.json"]), ""
    return rng.choice([ctm, verbose_json] if grid % 1000 == 0 else [verbose_json])(rng, words)


def case(rng, index):
    normalizer = 1 if index % 5 == 0 else 0
    grid = rng.choice([1, 1000, 10_000, 20_000])
    tolerance = rng.choice([0, grid, 20_000, 50_000, 100_000, 200_000])
    pairs, fields = [], []
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        pool = list(SPOKEN) if normalizer else rng.choice([WORDS[:2], WORDS[:5], WORDS])
        length = rng.choice([0, 1, 2, 20, 40, 60, rng.randint(0, 12), rng.randint(0, 120)])
        reference = placed(rng, [rng.choice(pool) for _ in range(length)], grid)
        rate = rng.choice([0.0, 0.0, 0.1, 0.3, 0.8])
        hypothesis = moved(rng, reference, pool, rate, grid) if rng.random() < 0.85 else placed(
            rng, [rng.choice(pool) for _ in range(rng.randint(0, 30))], grid)
        pairs.append((reference, hypothesis))
        fields += [*document(rng, reference, grid), *document(rng, hypothesis, grid)]
    line = "\t".join(["score", str(TIMES), str(normalizer), str(tolerance)] + [field(f) for f in fields])
    return (pairs, normalizer, tolerance), line


def spelled(words, normalizer):
    """[(part, start, end)]: each part of a word has the word's times."""
    return [(p, a, b) for w, a, b in words for p in (SPOKEN[w] if normalizer else [w])]


def errors_of(reference, hypothesis, normalizer):
    """[(error of the start, of the end)] in microseconds of the right words"""
    r, h = spelled(reference, normalizer), spelled(hypothesis, normalizer)
    path = steps([([w for w, _, _ in r], [w for w, _, _ in h])])[0]
    return [(abs(r[i][1] - h[k][1]), abs(r[i][2] - h[k][2])) for kind, i, k in path if kind == "equal"]


def nearest_rank(values_, percent):
    """The smallest value that `percent` of the values do not exceed."""
    return sorted(values_)[max(1, -(-percent * len(values_) // 100)) - 1]


def check(one, answer):
    pairs, normalizer, tolerance = one
    assert not answer.startswith("failed"), answer
    got, files = values(answer)
    each = [errors_of(r, h, normalizer) for r, h in pairs]
    off = np.array([e for one_file in each for e in one_file], dtype=np.int64).reshape(-1, 2)
    n = len(off)
    want = {"words": n}
    names = ("mean_start_error", "mean_end_error", "median_start_error", "p95_start_error", "max_start_error")
    want.update(dict.fromkeys(names + ("within_tolerance",), math.nan))
    if n > 0:
        starts = [int(v) for v in off[:, 0]]
        numbers = (sum(starts) / n, int(off[:, 1].sum()) / n, nearest_rank(starts, 50), nearest_rank(starts, 95), max(starts))
        want.update((k, v / 1e6) for k, v in zip(names, numbers))
        want["within_tolerance"] = int((off <= tolerance).all(axis=1).sum()) / n
    assert got.keys() == want.keys(), (got.keys(), want.keys())
    bad = {k: (got[k], want[k]) for k in want if not near(got[k], want[k], absolute=1e-10)}
    assert not bad, bad
    sums = [(sum(s for s, _ in one_file) / 1e6, len(one_file)) for one_file in each]
    assert len(files) == len(sums) and all(near(a, b, absolute=1e-9) and n == m for (a, n), (b, m) in zip(files, sums)), (
        files, sums)


def main():
    rng = random.Random(31)
    cases, lines = zip(*(case(rng, i) for i in range(CASES)))
    compare_all(cases, lines, check)
    print(f"{len(cases)} cases: errors of word times equal those of jiwer's alignment")


main()
