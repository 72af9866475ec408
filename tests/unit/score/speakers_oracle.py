#!/usr/bin/env python3
"""Generated conversations scored by us (PROGRAM = scorer_cases) and by trying every pairing of speakers: cpWER is the
least sum of word errors (jiwer's) of any pairing, a speaker without partner is compared with nothing. Counts must be
those of a best pairing, recording by recording. Usage: speakers_oracle.py PROGRAM (MODEL_LAB_TEST_SCORES cases, 1,000 unless told; exit 77 = skipped)"""
import itertools
import json
import random

from oracle import CASES, WORDS, changed, compare_all, field, near, steps, values

SPOKEN = {"Hello,": ["hello"], "[laughs]": [], "NOW!": ["now"], "(cough)": [], "so...": ["so"], "It's": ["it's"],
          "...": [], "twenty-one": ["twenty", "one"], "the": ["the"], "A": ["a"]}
CPWER = 7


def plain(words, normalizer):
    """What the normalizer makes of generated words."""
    return [p for w in words for p in (SPOKEN[w] if normalizer else [w])]


def talk(rng, speakers, pool):
    """[(speaker, words)] in order of time; some speakers may say nothing, or nothing that is a word."""
    silent = {s for s in speakers if rng.random() < 0.12}
    out = []
    for speaker in speakers:
        for _ in range(rng.randint(1, 4)):
            out.append((speaker, [] if speaker in silent else [rng.choice(pool) for _ in range(rng.randint(0, 9))]))
    rng.shuffle(out)
    return out


def heard(rng, turns, names, pool):
    """The talk as a system might tell it: wrong words, other names, joined and divided speakers."""
    of = {}
    rate = rng.choice([0.0, 0.1, 0.3, 0.8])
    out = []
    for speaker, words in turns:
        who = of.setdefault(speaker, rng.choice(names) if rng.random() < 0.3 else names[len(of) % len(names)])
        who = rng.choice(names) if rng.random() < 0.15 else who
        if rng.random() < 0.05:
            continue
        cut = rng.randint(0, len(words)) if rng.random() < 0.2 else len(words)
        out.append((who, changed(rng, words[:cut], pool, rate)))
        if cut < len(words):
            out.append((rng.choice(names), changed(rng, words[cut:], pool, rate)))
    return out


def stm(rng, turns, recording="rec"):
    at = 0
    lines = [";; a comment"] if rng.random() < 0.2 else []
    for speaker, words in turns:
        label = "<o,f0,male> " if rng.random() < 0.2 else ""
        lines.append(f"{recording} 1 {speaker} {at / 10} {at / 10 + 0.1} {label}{' '.join(words)}".rstrip())
        at += 1
    return "x.stm", "".join(line + "\n" for line in lines)


def verbose_json(rng, turns):
    segments = [{"id": i, "start": i / 10, "end": i / 10 + 0.1, "text": " " + " ".join(words), "speaker": speaker}
                for i, (speaker, words) in enumerate(turns)]
    return "x.json", json.dumps({"text": "", "segments": segments}, ensure_ascii=rng.random() < 0.5)


def vtt(_, turns):
    cues = [f"00:00:{i // 10:02d}.{i % 10}00 --> 00:00:{(i + 1) // 10:02d}.{(i + 1) % 10}00\n<v {speaker}>{' '.join(words)}\n"
            for i, (speaker, words) in enumerate(turns)]
    return "x.vtt", "WEBVTT\n\n" + "\n".join(cues)


def pair(rng, normalizer):
    pool = list(SPOKEN) if normalizer else rng.choice([WORDS[:2], WORDS[:5], WORDS])
    speakers = [f"s{i}" for i in range(rng.randint(1, 5))]
    names = rng.sample(["x", "y", "z", "s0", "s1"], rng.randint(1, 5))
    kind = rng.random()
    reference = [] if kind < 0.04 else talk(rng, speakers, pool)
    if 0.04 <= kind < 0.08:
        hypothesis = []
    elif kind < 0.75 and reference:
        hypothesis = heard(rng, reference, names, pool)
    else:
        hypothesis = talk(rng, names, pool)
    return reference, hypothesis


def document(rng, turns):
    form = rng.choice([stm, verbose_json] if any(not words for _, words in turns) else [stm, verbose_json, vtt])
    if not turns and rng.random() < 0.5:
        return rng.choice(["x.stm", "x.json", "x.vtt"]), ""  # nothing was said: an empty file
    return form(rng, turns)


def recordings(rng, normalizer):
    """Several recordings in one file: [(reference, hypothesis)] in the order in which we tell them, the four fields."""
    names = rng.sample(["m1", "m2", "m3", "m4"], rng.randint(2, 4))
    pairs = {name: pair(rng, normalizer) for name in names}
    texts = []
    for side in (0, 1):
        lines = [(name, line) for name in rng.sample(names, len(names))
                 for line in stm(rng, pairs[name][side], name)[1].splitlines()]
        if rng.random() < 0.3:  # mixed; each recording keeps its order
            keys = {name: sorted(rng.random() for n, _ in lines if n == name) for name in names}
            lines = [(n, line) for _, n, line in sorted((keys[n].pop(0), n, line) for n, line in lines)]
        texts.append(lines)
    seen = [list(dict.fromkeys(n for n, line in lines if not line.startswith(";;"))) for lines in texts]
    order = seen[0] + [n for n in seen[1] if n not in seen[0]]
    if max(map(len, seen)) <= 1:  # then they are matched whatever their names
        order = []
        pairs[""] = tuple(pairs[s[0]][side] if s else [] for side, s in enumerate(seen))
    fields = [f for lines in texts for f in ("x.stm", "".join(line + "\n" for _, line in lines))]
    return [pairs[n] for n in order or [""]], fields


def case(rng, index):
    normalizer = 1 if index % 5 == 0 else 0
    if index % 4 == 3:
        pairs, fields = recordings(rng, normalizer)
    else:
        pairs = [pair(rng, normalizer) for _ in range(rng.choice([1, 1, 1, 2, 3]))]
        fields = [t for r, h in pairs for turns in (r, h) for t in document(rng, turns)]
    line = "\t".join(["score", str(CPWER), str(normalizer), "0"] + [field(f) for f in fields])
    return (pairs, normalizer), line


def words_by_speaker(turns, normalizer):
    out = {}
    for speaker, words in turns:
        out.setdefault(speaker, []).extend(plain(words, normalizer))
    return list(out.values())


def best(reference, hypothesis):
    """(least errors, the sums of counts of all pairings that have them)"""
    n = max(len(reference), len(hypothesis))
    r = reference + [[]] * (n - len(reference))
    h = hypothesis + [[]] * (n - len(hypothesis))
    kinds = ("equal", "substitute", "delete", "insert")
    counts = [tuple(sum(s[0] == k for s in one) for k in kinds)
              for one in steps([(a, b) for a in r for b in h])]
    sums = [tuple(sum(counts[i * n + k][c] for i, k in enumerate(p)) for c in range(4))
            for p in itertools.permutations(range(n))]
    least = min(sum(s[1:]) for s in sums)
    return least, {s for s in sums if sum(s[1:]) == least}


def check(one, answer):
    pairs, normalizer = one
    assert not answer.startswith("failed"), answer
    got, files = values(answer)
    every = [best(words_by_speaker(r, normalizer), words_by_speaker(h, normalizer)) for r, h in pairs]
    sizes = [sum(len(plain(w, normalizer)) for _, w in r) for r, _ in pairs]
    spoken = sum(len(plain(w, normalizer)) for _, h in pairs for _, w in h)
    errors = sum(least for least, _ in every)
    assert files == [(least, size) for (least, _), size in zip(every, sizes)], (files, [e[0] for e in every], sizes)
    possible = {(0, 0, 0, 0)}
    for _, sums in every:
        possible = {tuple(map(sum, zip(p, s))) for p in possible for s in sums}
    counts = tuple(int(got[k]) for k in ("hits", "substitutions", "deletions", "insertions"))
    assert counts in possible, (counts, possible)
    assert (got["reference"], got["hypothesis"]) == (sum(sizes), spoken), (sum(sizes), spoken)
    rate = errors / sum(sizes) if sum(sizes) else errors  # as jiwer does without a reference
    assert near(got["cpwer"], rate), (got["cpwer"], rate)


def main():
    rng = random.Random(23)
    cases, lines = zip(*(case(rng, i) for i in range(CASES)))
    compare_all(cases, lines, check)
    print(f"{len(cases)} cases: cpWER is that of the best of all pairings of speakers")


main()
