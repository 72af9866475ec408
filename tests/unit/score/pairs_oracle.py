#!/usr/bin/env python3
"""Matched pairs by us (PROGRAM = scorer_cases) and by exact arithmetic: segments, mean difference, z and p must be equal;
p by approximate randomisation must be within the error of its rounds from the share of all ways to swap that differ as
much, case by case and over all cases together. Half of the cases are errors of segments, as many are texts of two systems, cut
into segments here from jiwer's alignment. Usage: pairs_oracle.py PROGRAM (MODEL_LAB_TEST_SCORES cases of each, 1,000 unless told; exit 77 = skipped)"""
import math
import random
import sys
from fractions import Fraction

from oracle import CASES, WORDS, changed, compare_all, near, np, steps

ROUNDS = 1000  # of a comparison of texts
SMALL = 14     # differences whose signs are all tried
UNLIKELY = math.log(1e10)
DEVIATIONS = []  # (counted rounds - expected) / standard deviation, of the cases where chance decides


def segments_case(rng, index):
    kind = index % 4
    rounds = rng.choice([99, 999, 1000, 3000])
    if kind == 0:  # small enough to try all
        n, most = rng.randint(0, SMALL), rng.choice([1, 3, 20])
    elif kind == 1:  # microseconds of diarization
        n, most = rng.randint(1, SMALL), rng.randint(1, 10 ** rng.randint(5, 10))
    else:
        n, most = rng.randint(SMALL, 120), rng.choice([1, 3, 8])
    a = [rng.randint(0, most) for _ in range(n)]
    b = [rng.randint(0, most) for _ in range(n)]
    shape = rng.random()
    if shape < 0.25:  # one is better
        b = [v if rng.random() < 0.6 else max(0, v - rng.randint(0, most)) for v in a]
    elif shape < 0.35:  # all differ alike
        b = [v + most for v in a]
    elif shape < 0.45:
        b = list(a)
    elif shape < 0.55:
        a = [v if rng.random() < 0.3 else 0 for v in a]
        b = [v if rng.random() < 0.3 else 0 for v in b]
    if rng.random() < 0.5:
        a, b = b, a
    text = "\t".join(",".join(map(str, v)) for v in (a, b))
    return (a, b, rounds), f"matched\t{rng.getrandbits(63)}\t{rounds}\t{text}"


def errors_by_word(path, words):
    """Errors at each word of the reference: an inserted word counts at the next one, at the end at the last."""
    out = [0] * max(1, words)
    at = 0
    for kind, _, _ in path:
        out[min(at, len(out) - 1)] += kind != "equal"
        at += kind != "insert"
    return out


def cut(of_a, of_b):
    """Wrong words (of either) with fewer than two right ones between them are in one segment."""
    out, last = [], None
    for i, (x, y) in enumerate(zip(of_a, of_b)):
        if x + y == 0:
            continue
        if last is None or i - last > 2:
            out.append([0, 0])
        out[-1][0] += x
        out[-1][1] += y
        last = i
    return out


def texts_case(rng, _):
    texts = []
    pool = rng.choice([WORDS[:4], WORDS, [f"w{i}" for i in range(300)]])
    rates = rng.choice([(0.05, 0.05), (0.1, 0.3), (0.02, 0.5), (0.0, 0.2), (0.6, 0.6)])
    for _ in range(rng.choice([1, 1, 2, 5, 12])):
        ref = [rng.choice(pool) for _ in range(rng.choice([0, 1, 2, 5, 20, 60]))]
        a = changed(rng, ref, pool, rates[0]) if ref else rng.choice([[], [], pool[:2]])
        b = list(a) if rng.random() < 0.05 else changed(rng, ref, pool, rates[1]) if ref else rng.choice([[], pool[:3]])
        if rng.random() < 0.03:
            a = []
        texts.append((ref, a, b))
    line = "\t".join([f"compare\t{rng.getrandbits(63)}"] + [" ".join(t) for one in texts for t in one])
    return texts, line


def pairs_of(texts):
    paths = steps([(ref, hyp) for ref, a, b in texts for hyp in (a, b)])
    out = []
    for i, (ref, _, _) in enumerate(texts):
        out += cut(errors_by_word(paths[2 * i], len(ref)), errors_by_word(paths[2 * i + 1], len(ref)))
    return [x for x, _ in out], [y for _, y in out], ROUNDS


def moments(a, b):
    """(segments, mean difference, z, p, sum of squares)"""
    d = [x - y for x, y in zip(a, b) if x + y > 0]
    n, total, squares = len(d), sum(d), sum(v * v for v in d)
    spread = n * squares - total * total  # n (n - 1) variances
    if n < 2 or spread == 0:
        return n, total / n if n else 0.0, math.nan, 1.0, squares
    z = math.copysign(math.sqrt(Fraction(total * total * (n - 1), spread)), total) if total else 0.0
    return n, total / n, z, math.erfc(abs(z) / math.sqrt(2)), squares


def share(a, b):
    """Of all ways to swap the pairs: those whose sums differ at least as much."""
    d = np.array([abs(x - y) for x, y in zip(a, b) if x != y], dtype=np.int64)
    seen = abs(sum(a) - sum(b))
    if len(d) <= SMALL:
        signs = 1 - 2 * ((np.arange(1 << len(d))[:, None] >> np.arange(len(d))) & 1)
        return float((np.abs(signs @ d) >= seen).mean())
    ways = np.ones(1)  # probability of each sum from -reach to reach
    for v in d:
        wider = np.zeros(len(ways) + 2 * v)
        wider[:len(ways)] += ways / 2
        wider[2 * v:] += ways / 2
        ways = wider
    sums = np.arange(len(ways)) - len(ways) // 2
    return float(min(1.0, ways[np.abs(sums) >= seen].sum()))


def surprise(counted, rounds, p):
    """Chernoff: a share this far from p has a probability of at most exp(-surprise)."""
    q = counted / rounds
    return rounds * sum(x * math.log(x / y) if x > 0 else 0.0 for x, y in ((q, p), (1 - q, max(1 - p, 1e-300))))


def check_pairs(pairs, answer):
    a, b, rounds = pairs
    assert not answer.startswith("failed"), answer
    got = [float(v) for v in answer.split()]
    n, difference, z, p, squares = moments(a, b)
    assert int(got[0]) == n, ("segments", n)
    assert near(got[1], difference), ("difference", difference)
    assert near(got[2], z, relative=1e-9), ("z", z)
    assert near(got[3], p, relative=1e-9 * (1 + (0 if math.isnan(z) else z * z))), ("p", p)
    assert near(got[5], squares), ("squares", squares)
    exact = share(a, b)
    counted = got[4] * (rounds + 1) - 1
    assert abs(counted - round(counted)) < 1e-6 and -0.5 < counted < rounds + 0.5, ("not (count + 1) / (rounds + 1)", counted)
    counted = round(counted)
    assert (counted == rounds) if exact == 1 else surprise(counted, rounds, exact) < UNLIKELY, ("p_random", exact)
    if min(exact, 1 - exact) * rounds > 5:
        DEVIATIONS.append((counted - rounds * exact) / math.sqrt(rounds * exact * (1 - exact)))


def main():
    rng = random.Random(47)
    cases, lines = zip(*(segments_case(rng, i) for i in range(CASES)))
    compare_all(cases, lines, check_pairs)
    cases, lines = zip(*(texts_case(rng, i) for i in range(CASES)))
    compare_all(cases, lines, lambda texts, answer: check_pairs(pairs_of(texts), answer))
    off = np.array(DEVIATIONS)
    if len(off) >= 100:  # no bias that hides in the error of a case, and as much spread as chance has
        mean, spread = float(off.mean() * math.sqrt(len(off))), float((off ** 2).mean())
        if abs(mean) > 5 or abs(spread - 1) > 6 * math.sqrt(2 / len(off)):
            sys.exit(f"{len(off)} cases together: mean deviation {mean} of its standard error, variance {spread} for 1")
    print(f"{len(lines)} comparisons of texts, as many of segments: matched pairs are exact, p by randomisation of {len(off)} as chance has it")


main()
