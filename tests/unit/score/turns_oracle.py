#!/usr/bin/env python3
"""Generated turns of speakers scored by us (PROGRAM = score_cases) and by pyannote.metrics: every sum and rate must be
equal to 1e-9. Where two mappings of speakers are equally good to the microsecond, the last bits of sums decide there,
and only the time that both mappings explain is compared. Usage: turns_oracle.py PROGRAM (MODEL_LAB_TEST_SCORES cases, 1,000 unless told; exit 77 = skipped)"""
import os
import random
import subprocess
import sys
import warnings

try:
    from pyannote.core import Annotation, Segment, Timeline
    from pyannote.metrics.detection import DetectionErrorRate
    from pyannote.metrics.diarization import (DiarizationCoverage, DiarizationErrorRate, DiarizationPurity,
                                              JaccardErrorRate)
except ImportError:
    print("skipped: pyannote.metrics is missing (MODEL_LAB_TEST_PYTHON names a Python that has tests/requirements.txt)")
    sys.exit(77)

CASES = int(os.environ.get("MODEL_LAB_TEST_SCORES") or 1000)
MS = 1000


def turns(rng, count, speakers, length, grid):
    out = []
    for _ in range(count):
        start = rng.randrange(0, length, grid)
        out.append((start * MS, (start + rng.randrange(0, 1 + length // 4, grid)) * MS, rng.randrange(speakers)))
    return out


def like(rng, reference, speakers, grid):
    """The reference as a system might tell it: moved borders, other names, lost, doubled and wrong turns."""
    names = list(range(speakers))
    rng.shuffle(names)
    out = []
    for start, end, speaker in reference:
        kind = rng.random()
        if kind < 0.1:
            continue
        who = names[speaker] if kind < 0.85 else rng.choice(names)
        move = [rng.randrange(-400, 401, grid) * MS for _ in range(2)]
        out.append((max(0, start + move[0]), max(0, end + move[1]), who))
        if kind > 0.97:
            out.append(out[-1])
    return out


def case(rng, index):
    grid = rng.choice([1, 1, 1, 20])
    speakers = rng.randint(1, 8)
    length = rng.choice([2000, 30000, 600000])
    reference = turns(rng, 0 if index % 97 == 1 else rng.randint(0, 40), speakers, length, grid)
    hypothesis = like(rng, reference, speakers, grid) if rng.random() < 0.7 else turns(
        rng, 0 if index % 89 == 1 else rng.randint(0, 40), rng.randint(1, 10), length, grid)
    uem = None
    if rng.random() < 0.4:
        uem = [t[:2] for t in turns(rng, rng.randint(1, 5), 1, length, grid) if t[0] < t[1]] or [(0, length * MS)]
    return rng.choice([0, 0, 250, 500, 1000]) * MS, rng.random() < 0.4, uem, reference, hypothesis


def text(spans):
    return ",".join(":".join(str(v) for v in span) for span in spans) if spans else "-"


def annotation(spans):
    out = Annotation()
    for number, (start, end, speaker) in enumerate(spans):
        if start < end:
            out[Segment(start / 1e6, end / 1e6), number] = f"speaker{speaker:03d}"
    return out


def expected(collar, skip, uem, reference, hypothesis):
    r, h = annotation(reference), annotation(hypothesis)
    t = Timeline([Segment(a / 1e6, b / 1e6) for a, b in uem]) if uem is not None else None
    options = {"collar": collar / 1e6, "skip_overlap": skip}
    der = DiarizationErrorRate(**options)(r, h, uem=t, detailed=True)
    jer = JaccardErrorRate(**options)(r, h, uem=t, detailed=True)
    vad = DetectionErrorRate(**options)(r, h, uem=t, detailed=True)
    inside_r, inside_h = (r.crop(t), h.crop(t)) if t is not None else (r, h)  # these two do not look at the UEM
    purity = DiarizationPurity()(inside_r, inside_h, detailed=True)
    coverage = DiarizationCoverage()(inside_r, inside_h, detailed=True)
    times = [der[k] for k in ("total", "correct", "confusion", "missed detection", "false alarm")]
    times += [vad[k] for k in ("total", "miss", "false alarm")]
    times += [purity["total"], purity["correct"], coverage["total"], coverage["correct"]]
    rates = [der["diarization error rate"], jer["jaccard error rate"], purity["purity"], coverage["coverage"],
             vad["detection error rate"]]
    return [1e6 * v for v in times], [jer["speaker error"], jer["speaker count"]], rates


def pair_time(one, mapping):
    """Microseconds of turns that a mapping {hypothesis: reference} brings together."""
    collar, skip, uem, reference, hypothesis = one
    t = Timeline([Segment(a / 1e6, b / 1e6) for a, b in uem]) if uem is not None else None
    r, h = DiarizationErrorRate().uemify(annotation(reference), annotation(hypothesis), uem=t, collar=collar / 1e6,
                                         skip_overlap=skip)
    return sum(round(1e6 * (s & o).duration) for (s, a), (o, b) in h.co_iter(r) if mapping.get(h[s, a]) == r[o, b])


def same_time(one, reference_of):
    collar, skip, uem, reference, hypothesis = one
    ours = {f"speaker{h:03d}": f"speaker{r:03d}" for h, r in enumerate(reference_of) if r >= 0}
    metric = DiarizationErrorRate(collar=collar / 1e6, skip_overlap=skip)
    t = Timeline([Segment(a / 1e6, b / 1e6) for a, b in uem]) if uem is not None else None
    r, h = metric.uemify(annotation(reference), annotation(hypothesis), uem=t, collar=collar / 1e6, skip_overlap=skip)
    return pair_time(one, ours) == pair_time(one, metric.optimal_mapping(r, h))


def differs(got, one):
    """Names what is wrong, "" = nothing, "tie" = another mapping that is as good."""
    times, jaccard, rates = expected(*one)
    bad = [i for i in range(12) if abs(got[i] - times[i]) > 1e-3]
    bad += [12 + i for i, want in enumerate(jaccard + rates) if abs(got[12 + i] - want) > 1e-9]
    if not bad:
        return ""
    if set(bad) <= {1, 2, 12, 14, 15} and same_time(one, [int(v) for v in got[19:]]):
        return "tie"
    return f"{bad}: {got[:12]} {times}; {got[12:19]} {jaccard + rates}"


def main():
    warnings.simplefilter("ignore")
    rng = random.Random(5)
    cases = [case(rng, i) for i in range(CASES)]
    stdin = "".join(f"turns\t{c[0]}\t{int(c[1])}\t{text(c[2])}\t{text(c[3])}\t{text(c[4])}\n" for c in cases)
    done = subprocess.run([sys.argv[1]], input=stdin, capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    if done.returncode != 0 or len(lines) != len(cases):
        sys.exit(f"{len(lines)} answers for {len(cases)} cases: {done.stderr} {lines[-1:]}")
    ties = 0
    for number, (one, line) in enumerate(zip(cases, lines)):
        wrong = differs([float(v) for v in line.split()], one)
        ties += wrong == "tie"
        if wrong not in ("", "tie") or ties > 2 + CASES // 200:
            sys.exit(f"case {number}: {wrong}\n{one}")
    print(f"{len(cases)} cases: all sums and rates equal pyannote.metrics' ({ties} with two equally good mappings)")


main()
