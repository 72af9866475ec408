#!/usr/bin/env python3
"""Learns the letter-to-sound rules of src/text/letter_rules.c from a dictionary in CMUdict's form.

    scripts/letter_rules.py cmudict.dict > src/text/letter_rules.c

Each letter of a word gets the phonemes that it stands for (letters and phonemes are aligned by the spellings of
src/text/spelling.c). For each letter a tree then asks about its neighbours (the question that tells most comes first), down to
where another question would not pay. Words whose crc32 is a multiple of ten are left out: the test measures on them.

A tree as text: a node is a label (its code less 35 is the index of its sounds) and '.', or a question (which neighbour: 0..7 =
1 right, 1 left, 2 right, ...), then answers (letter, '#' at the border) with their nodes, and '~'."""
import collections
import math
import os
import re
import sys
import zlib

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
OFFSETS = [1, -1, 2, -2, 3, -3, 4, -4]
SAVE = 4  # errors that a question must save
LABEL_MIN = 75


def spellings():
    text = open(os.path.join(ROOT, "src/text/spelling.c")).read()
    return {name: letters.split() for name, letters in re.findall(r'\[MLI_(\w+)\] =\s*((?:"[^"]*"\s*)+)', text)
            for letters in [re.sub(r'"\s*"|"', "", letters)]}


def align(word, phones, table):
    n, m, inf = len(phones), len(word), 10**6
    cost = [[inf] * (m + 1) for _ in range(n + 1)]
    step = [[0] * (m + 1) for _ in range(n + 1)]
    cost[0][0] = 0
    for i in range(n + 1):
        for j in range(m + 1):
            if i:
                usual = table[phones[i - 1].rstrip("012")]
                for k in range(1, min(4, j) + 1):
                    c = 0 if word[j - k:j] in usual else (5 if k == 1 else inf)
                    c += cost[i - 1][j - k] - (k > 1)
                    if c < cost[i][j]:
                        cost[i][j], step[i][j] = c, k
                if cost[i - 1][j] + 4 < cost[i][j]:
                    cost[i][j], step[i][j] = cost[i - 1][j] + 4, 0
            if j and cost[i][j - 1] + 3 < cost[i][j]:
                cost[i][j], step[i][j] = cost[i][j - 1] + 3, 99
    out, i, j = [0] * n, n, m
    while i or j:
        if step[i][j] == 99:
            j -= 1
            continue
        k = step[i][j]
        i, j = i - 1, j - k
        out[i] = j if k else max(j - 1, 0)
    return out


def labelled(path):
    table, rows, seen = spellings(), [], set()
    for line in open(path):
        fields = line.split("#")[0].split()
        if not fields or not re.fullmatch("[a-z]{2,}", fields[0]) or fields[0] in seen:
            continue
        word, phones = fields[0], fields[1:]
        seen.add(word)
        if zlib.crc32(word.encode()) % 10 == 0 or len(phones) > len(word) + 2:
            continue
        labels = [""] * len(word)
        for phone, at in zip(phones, align(word, phones, table)):
            at = min(at, len(word) - 1)
            labels[at] = (labels[at] + " " + phone).strip()
        rows.append((word, labels))
    return rows


def entropy(counts):
    n = sum(counts.values())
    return -sum(v * math.log(v / n) for v in counts.values())


def size(tree):
    return 1 + sum(size(kid) for kid in tree[2].values())


def build(data, used):
    counts = collections.Counter(label for _, label in data)
    best = min(counts, key=lambda label: (-counts[label], label))
    errors = len(data) - counts[best]
    if errors < SAVE:
        return (best, None, {}), errors
    question, most, all_of_it = None, 1e-9, entropy(counts)
    for k in range(8):
        if k in used:
            continue
        groups = collections.defaultdict(collections.Counter)
        for letters, label in data:
            groups[letters[k]][label] += 1
        gain = (all_of_it - sum(entropy(v) for v in groups.values())) / (1 + 0.15 * k)
        if gain > most:
            question, most = k, gain
    if question is None:
        return (best, None, {}), errors
    groups = collections.defaultdict(list)
    for item in data:
        groups[item[0][question]].append(item)
    kids, total = {}, 0
    for letter, items in sorted(groups.items()):
        tree, wrong = build(items, used | {question})
        flat = sum(1 for _, label in items if label != best)
        if flat - wrong >= SAVE * (0.4 + 0.4 * size(tree)):
            kids[letter] = tree
            total += wrong
        else:
            total += flat
    return ((best, question, kids), total) if kids else ((best, None, {}), errors)


def main():
    rows = labelled(sys.argv[1])
    counts = collections.Counter(label for _, labels in rows for label in labels)
    keep = [label for label, n in counts.most_common() if n >= LABEL_MIN]
    by_letter = collections.defaultdict(list)
    for word, labels in rows:
        padded = "####" + word + "####"
        for i, label in enumerate(labels):
            if label not in keep:
                label = label.split(" ")[0]
            if label in keep:
                by_letter[word[i]].append(("".join(padded[i + 4 + o] for o in OFFSETS), label))
    codes, code = {}, 35
    for label in keep:
        while chr(code) in "?\\~":
            code += 1
        codes[label], code = chr(code), code + 1
    assert code <= 126, "too many labels"

    def text(tree):
        label, question, kids = tree
        if question is None:
            return codes[label] + "."
        return codes[label] + str(question) + "".join(k + text(v) for k, v in kids.items()) + "~"

    print("/* Letter-to-sound rules, learnt by scripts/letter_rules.py from the dictionary `cmudict` of the")
    print(" * catalog. Generated: do not edit. */")
    print('#include "text/pronounce_private.h"\n')
    print('#pragma GCC diagnostic ignored "-Woverlength-strings"\n')
    print("/* clang-format off */")
    sounds = {ord(c) - 35: label for label, c in codes.items()}
    print("const char *const mli_letter_sounds[] = {")
    for i in range(max(sounds) + 1):
        print('    "%s",' % sounds.get(i, ""))
    print("};\n\nconst char *const mli_letter_rules[26] = {")
    for letter in "abcdefghijklmnopqrstuvwxyz":
        whole = text(build(by_letter[letter], frozenset())[0])
        while whole:
            print('    "%s"%s' % (whole[:100], "," if len(whole) <= 100 else ""))
            whole = whole[100:]
    print("};")


main()
