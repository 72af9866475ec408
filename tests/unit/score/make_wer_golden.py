"""Writes wer_golden.h: word and character errors of random texts by jiwer, for test_score_wer.c.

Usage: python make_wer_golden.py > wer_golden.h   (needs jiwer)"""
import random

import jiwer

WORDS = "a the cat sat on mat now then \u00e9t\u00e9 can't 42".split()


def pair(rng):
    ref = [rng.choice(WORDS) for _ in range(rng.randint(1, 12))]
    hyp = []
    for word in ref:
        kind = rng.random()
        if kind < 0.15:
            continue
        hyp.append(rng.choice(WORDS) if kind < 0.35 else word)
        if rng.random() < 0.15:
            hyp.append(rng.choice(WORDS))
    return " ".join(ref), " ".join(hyp)


def errors(out):
    return out.substitutions + out.deletions + out.insertions


def main():
    rng = random.Random(7)
    print("/* Made by make_wer_golden.py: reference, hypothesis, word errors, character errors (jiwer). */")
    print("/* clang-format off */")
    print("static const struct { const char *reference, *hypothesis; int words, characters; } wer_golden[] = {")
    for _ in range(100):
        ref, hyp = pair(rng)
        if hyp:
            w, c = jiwer.process_words(ref, hyp), jiwer.process_characters(ref, hyp)
            print(f'    {{"{ref}", "{hyp}", {errors(w)}, {errors(c)}}},')
    print("};")


main()
