"""Writes filters/core/src/content_screener/fold/table.bin: what each character is folded to.

    pip download --no-deps confusable-homoglyphs==3.3.1 && unzip confusable*.whl
    python3 xtask/fold-table.py confusable_homoglyphs/confusables.json

Sources: Python's unicodedata (Unicode character database) and Unicode's confusables.txt, as
the package confusable-homoglyphs 3.3.1 (MIT) ships it.

Layout: PAGES bytes, one per 256 characters from U+0000 on, each the number of a page; then the
pages, 256 bytes each, page 0 all zero. A byte of a page: 0 keep the character, 1 drop it (a
mark that combines), 2 invisible, 3 directs the writing, 4 selects a variation, 6 make it lower
case, 7 more than one character (see `spelled`), from 0x20 on the ASCII character it becomes.
"""

import json
import sys
import unicodedata
from pathlib import Path

PAGES = 0x200
KEEP, DROP, INVISIBLE, DIRECTION, VARIATION, LOWER, SPELLED = 0, 1, 2, 3, 4, 6, 7

# Marks of Latin, Cyrillic, Hebrew and Arabic. Those of Indic scripts are vowels, and stay.
MARKS = [
    (0x300, 0x36F), (0x483, 0x489), (0x591, 0x5BD), (0x5BF, 0x5BF), (0x5C1, 0x5C2),
    (0x5C4, 0x5C5), (0x5C7, 0x5C7), (0x610, 0x61A), (0x64B, 0x65F), (0x670, 0x670),
    (0x6D6, 0x6DC), (0x1AB0, 0x1AFF), (0x1DC0, 0x1DFF), (0x20D0, 0x20FF), (0xFE20, 0xFE2F),
]  # fmt: skip
ZERO_WIDTH = [
    (0xAD, 0xAD), (0x34F, 0x34F), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180E),
    (0x200B, 0x200D), (0x2060, 0x2065), (0x206A, 0x206F), (0x3164, 0x3164), (0xFEFF, 0xFEFF),
    (0x2800, 0x2800), (0xFFA0, 0xFFA0), (0xFFF9, 0xFFFB), (0x80, 0x9F), (0x1D173, 0x1D17A),
]  # fmt: skip
DIRECTIONS = [(0x61C, 0x61C), (0x200E, 0x200F), (0x202A, 0x202E), (0x2066, 0x2069)]
VARIATIONS = [(0xFE00, 0xFE0F)]
MORE = "ßæœĳŉǆǉǌǳﬀﬁﬂﬃﬄﬅﬆ"
SIGNS = {
    "‘": "'", "’": "'", "‚": "'", "‛": "'", "“": '"', "”": '"', "„": '"', "‟": '"', "«": '"',
    "»": '"', "‐": "-", "‑": "-", "‒": "-", "–": "-", "—": "-", "―": "-", "−": "-", "⁄": "/",
    "∕": "/", "․": ".", "·": ".", "‧": ".", "•": "*", "\u2028": "\n", "\u2029": "\n",
    "ø": "o", "đ": "d", "ł": "l", "ħ": "h", "ŧ": "t", "ð": "d", "ı": "i", "ſ": "s", "ё": "e", "。": ".",
}  # fmt: skip
# Small letters that look like no ASCII letter, but whose capitals do: folded as these, so that
# a word means the same in both.
OF_CAPITALS = dict(zip("вкмнтβεζημικρτυγ", "bkmhtbeznuikptyy"))
SCRIPTS = ("LATIN", "CYRILLIC", "GREEK", "CHEROKEE", "COPTIC", "LISU", "ARMENIAN", "MATHEMATICAL")


def within(point, ranges):
    return any(low <= point <= high for low, high in ranges)


def letter_in_a_box(point):
    """The letter of an emblem or a sign made of one, which has no decomposition."""
    for first in (0x1F150, 0x1F170, 0x1F1E6):
        if first <= point < first + 26:
            return ord("a") + point - first
    if 0x249C <= point <= 0x24B5:
        return ord("a") + point - 0x249C
    name = unicodedata.name(chr(point), "")
    for start in ("LATIN LETTER SMALL CAPITAL ", "LATIN CAPITAL LETTER SMALL CAPITAL "):
        rest = name.removeprefix(start)
        if rest != name and len(rest) == 1 and is_ascii(rest):
            return ord(rest.lower())
    return None


def is_ascii(text):
    return len(text) == 1 and " " <= text <= "~"


def looks_like(confusables):
    """What a character of a script that is mistaken for Latin looks like."""
    table = {}
    for letter in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ":
        for entry in confusables.get(letter, []):
            name = entry["n"]
            if len(entry["c"]) == 1 and (name.startswith(SCRIPTS) or "LETTER" in name.split()[:1]):
                table.setdefault(entry["c"], letter)
    return table


def folded(point, similar):
    character = chr(point)
    if within(point, MARKS):
        return DROP
    if within(point, ZERO_WIDTH):
        return INVISIBLE
    if within(point, DIRECTIONS):
        return DIRECTION
    if within(point, VARIATIONS):
        return VARIATION
    if character in SIGNS:
        return ord(SIGNS[character])
    boxed = letter_in_a_box(point)
    if boxed is not None:
        return boxed
    # Up to here a character of two bytes is part of a word, and no sign may be.
    if 0xC0 <= point < 0x800:
        category = unicodedata.category(character)[0]
        if category == "M":
            return DROP
        if category not in "LN":
            return ord(" ")
    lower = character.lower()
    if lower in MORE:
        return SPELLED if lower == character else LOWER
    if unicodedata.category(character) == "Zs":
        return ord(" ")
    digit = unicodedata.digit(character, None)
    if digit is not None:
        return ord(str(digit))
    plain = "".join(c for c in unicodedata.normalize("NFKD", character) if not unicodedata.combining(c))
    if is_ascii(plain):
        return ord(plain)
    for form in (character, lower, plain):
        if form in OF_CAPITALS:
            return ord(OF_CAPITALS[form])
        if form in similar and (form == lower or len(lower) != 1):
            return ord(similar[form].lower())
    if len(lower) == 1 and lower != character:
        # Its small letter is looked up in turn.
        return LOWER
    return KEEP


def main():
    similar = looks_like(json.loads(Path(sys.argv[1]).read_text()))
    index, pages = bytearray(PAGES), [bytes(256)]
    for page in range(PAGES):
        low = page * 256
        # Surrogates are no characters.
        points = range(low, low + 256)
        content = bytes(
            KEEP if point < 0x80 or 0xD800 <= point < 0xE000 else folded(point, similar) for point in points
        )
        if any(content):
            if content not in pages:
                pages.append(content)
            index[page] = pages.index(content)
    root = Path(__file__).resolve().parent.parent
    out = root / "filters/core/src/content_screener/fold/table.bin"
    out.write_bytes(bytes(index) + b"".join(pages))
    print(f"{len(pages)} pages, {out.stat().st_size} bytes, Unicode {unicodedata.unidata_version}")


main()
