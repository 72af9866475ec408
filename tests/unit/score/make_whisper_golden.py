"""Writes whisper_golden.txt: generated texts and what Whisper's published normalisers make of them, for
test_score_whisper.c. Lines: basic or english, tab, text, tab, result with single spaces.

Usage: python make_whisper_golden.py > whisper_golden.txt   (needs whisper-normalizer 0.1.15)"""
import random

from whisper_normalizer.basic import BasicTextNormalizer
from whisper_normalizer.english import EnglishTextNormalizer

NUMBERS = """zero one two three four five six seven eight nine ten eleven twelve thirteen fifteen nineteen twenty thirty
forty fifty eighty ninety hundred thousand million billion trillion oh o first second third fifth ninth twelfth twentieth
thirties twenties hundredth millions sixes ones sixteenth eighth and point double triple minus plus negative dollars dollar
cents cent pounds euro percent per half a 1 7 10 100 3.5 0 0.5 12 1,000 1,234,567 $5 $2.50 \u00a37 \u20ac9 \u00a27 20% 5%
1960s 1st 22nd 3 7s 1s a1 b2c 007 1.2.3 $ % . $0.07 $0.7 and-a-half""".split()
WORDS = """the cat sat Mr. Mrs. Dr St. can't won't I'm you're they've he'd she's it'll let's ain't y'all gonna wanna
'cause cause don't isn't colour organise travelled theatre uh um hmm mmm [music] (laughs) <br> () ( hello) Hello, World!
na\u00efve caf\u00e9 r\u00e9sum\u00e9 Zo\u00eb \u0153uvre stra\u00dfe \u00bd \u2026 \u2014 \u201cquoted\u201d
\u2018single\u2019 e\u0301 \u65e5\u672c\u8a9e \ud55c\uad6d\uc5b4 \u03a9mega \u0391\u0392\u0393
\u041f\u0420\u0418\u0412\u0415\u0422 \ufb01ne \u2122 \u00b2 \u2116 x\u00b2 I ma'am i'ma he's been she'd gone it's got 's '
'd dogs' rock'n'roll a.m. U.S.A. e.g. 3.14. end.""".split()


def text(rng):
    share = rng.random()
    out = [rng.choice(NUMBERS if rng.random() < share else WORDS) for _ in range(rng.randint(1, 12))]
    if rng.random() < 0.1:
        out.insert(rng.randrange(len(out) + 1), "and a half")
    return rng.choice([" ", " ", " ,", "  "]).join(out)


def main():
    rng = random.Random(2022)
    both = {"basic": BasicTextNormalizer(), "english": EnglishTextNormalizer()}
    for number in range(1000):
        kind = "basic" if number % 4 == 0 else "english"
        given = text(rng)
        print(kind, given, " ".join(both[kind](given).split()), sep="\t")


main()
