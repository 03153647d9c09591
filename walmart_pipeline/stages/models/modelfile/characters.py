"""Characters that a Modelfile can hold, and how a text is rewritten so that it holds all of it."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

# Kept although they are not printable: Ollama's parser writes them through.
LAYOUT = frozenset("\t\r\n")

# Go's unicode.IsPrint and str.isprintable name the same categories, each by its own Unicode version. Go 1.26, which
# builds Ollama, knows 15.0; these 627 characters came with 15.1, which Python 3.13 knows. Python 3.11 knows 14.0 only:
# there 4,482 characters that Ollama would keep count as dropped, and are refused or reported.
NEWER_THAN_GO = re.compile("[\u2ffc-\u2fff\u31ef\U0002ebf0-\U0002ee5d]")

# A line, not the last, that ends so would close a text in triple quotes.
CLOSING_LINE = re.compile(r'"{3,}(?=[ \t]*[\r\n])')

LINE_BREAKS = frozenset("\v\f\x85\u2028\u2029")


def survives(char: str) -> bool:
    """Whether Ollama keeps the character in a value; it drops all others silently."""
    return char in LAYOUT or (char.isprintable() and not NEWER_THAN_GO.match(char))


def surviving(text: str) -> str:
    """The text as Ollama sees it."""
    if text.isprintable() and not NEWER_THAN_GO.search(text):
        return text
    return "".join(filter(survives, text))


def name(char: str) -> str:
    """A character's name in messages, such as `NO-BREAK SPACE (U+00A0)`."""
    return f"{unicodedata.name(char, 'character')} (U+{ord(char):04X})"


def printable(text: str) -> tuple[str, list[str]]:
    r"""Rewrite what a Modelfile cannot hold; returns the text, and a line for each kind of rewrite with its count.

    Spaces of any kind become a space, line breaks of any kind that Ollama drops become `\n`, other characters are
    removed, and three or more quotation marks at the end of a line, the last line apart, become apostrophes.
    The second value is empty exactly when the text is unchanged.
    """
    rewrites: Counter[str] = Counter()
    pieces = []
    for char in text:
        if survives(char):
            pieces.append(char)
            continue
        if char in LINE_BREAKS:
            became, label = "\n", "line break"
        elif unicodedata.category(char) == "Zs":
            became, label = " ", "space"
        else:
            became, label = "", "removed"
        pieces.append(became)
        rewrites[f"{name(char)} → {label}"] += 1
    # After the characters: dropping one can bring quotation marks together or to the end of a line.
    rewritten, closings = CLOSING_LINE.subn(lambda quotes: "'" * len(quotes.group()), "".join(pieces))
    if closings:
        rewrites['""" at the end of a line → apostrophes'] += closings
    return rewritten, [f"{rewrite}, {count} times" if count > 1 else rewrite for rewrite, count in rewrites.items()]
