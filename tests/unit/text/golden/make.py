#!/usr/bin/env python3
"""Golden vectors for the Whisper tokenizer. Needs the `tokenizers` package and a model's tokenizer.json.
Usage: make.py TOKENIZER_JSON > tiny_en.txt
Each line: text as hex, TAB, ids, TAB, words (tokens of each) split by spaces, TAB, split by code points."""
import string
import sys

import tokenizers

TEXTS = [
    "", "Hello world", " Hello, world!", "I'm you're he'll they've it'd DON'T don't she's", "  leading",
    "trailing  ", "a\n\n b", "\n", "\t\tx\t", " 's", "'sx", "''s", "x'", "1234 5,678.90", "½ ⅷ ৩ ① x²", "A1b2",
    "naïve café Zürich ß Œuvre", "e\u0301\u0308 combining", "Привет, мир!", "Ελλάδα", "שלום עולם", "مرحبا بالعالم",
    "こんにちは世界、カタカナ", "你好，世界。", "한국어 조선말", "ภาษาไทย", "ພາສາລາວ", "မြန်မာ", "हिन्दी भाषा",
    "😀 smile 🎉🎉", "👨‍👩‍👧🏽", "🇩🇪🇫🇷", "♪ la la ♪♪♪", "[MUSIC] (laughs) {x} <y>", "-- --- -- a-b -(x", "...!?;:",
    "\u00a0nbsp\u2003em\u3000ideographic\u200bzero", "\ufeffbom", "line\u2028separator", "tab\tnew\r\nline",
    "𝒜𝓁𝓅𝒽𝒶 𐍈", "https://example.org/a?b=c&d=%20", "snake_case camelCase SHOUT", "a" * 70, " " * 9 + "x",
    "The quick brown fox jumps over the lazy dog.", "Mr. Quilter is the apostle of the middle classes",
    "\u0000\u0001\u007f", "\ufffd replaced", "'S 'T 'RE it'S", "can't've", "don’t", "3.14e-10", "O'Neil's",
]


def splits(tok, ids, by_space):
    full = tok.decode(ids)
    parts, current, offset = [], [], 0
    for i in ids:
        current.append(i)
        text = tok.decode(current)
        at = text.find("\ufffd")
        if at < 0 or (at + offset < len(full) and full[at + offset] == "\ufffd"):
            parts.append((text, list(current)))
            offset += len(text)
            current = []
    if not by_space:
        return [len(t) for _, t in parts]
    words = []
    for text, tokens in parts:
        if text.startswith(" ") or text.strip() in string.punctuation or not words:
            words.append(len(tokens))
        else:
            words[-1] += len(tokens)
    return words


tok = tokenizers.Tokenizer.from_file(sys.argv[1])
for text in TEXTS:
    ids = tok.encode(text, add_special_tokens=False).ids
    assert tok.decode(ids) == text
    row = [text.encode().hex()]
    for numbers in (ids, splits(tok, ids, True), splits(tok, ids, False)):
        row.append(" ".join(map(str, numbers)))
    print("\t".join(row))
