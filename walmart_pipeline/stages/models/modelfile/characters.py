"""Characters that a Modelfile supports, and rewriting of those that it does not."""

from __future__ import annotations

import re
import unicodedata

# Not printable, but preserved by Ollama's parser.
LAYOUT = frozenset("\t\r\n")

# Go's unicode.IsPrint and str.isprintable use the same categories of different Unicode versions. Ollama's Go 1.26 has
# 15.0; these 627 characters are new in 15.1, which Python 3.13 has. Python 3.11 has 14.0: there, 4,482 characters that
# Ollama preserves count as dropped.
NEWER_THAN_GO = re.compile("[\u2ffc-\u2fff\u31ef\U0002ebf0-\U0002ee5d]")

# Except in the last line, this would close a text in triple quotes.
CLOSING_LINE = re.compile(r'"{3,}(?=[ \t]*[\r\n])')

LINE_BREAKS = frozenset("\v\f\x85\u2028\u2029")


def survives(char: str) -> bool:
    """Whether Ollama preserves the character in a value; it silently drops all others."""
    return char in LAYOUT or (char.isprintable() and not NEWER_THAN_GO.match(char))


def surviving(text: str) -> str:
    """Return the text without characters that Ollama drops."""
    if text.isprintable() and not NEWER_THAN_GO.search(text):
        return text
    return "".join(filter(survives, text))


def name(char: str) -> str:
    """Format a character for messages, such as `NO-BREAK SPACE (U+00A0)`."""
    return f"{unicodedata.name(char, 'character')} (U+{ord(char):04X})"


def printable(text: str) -> str:
    r"""Rewrite what a Modelfile does not support.

    Special spaces become a space, unsupported line breaks `\n`, and three or more quotation marks at the end of a line,
    except the last, apostrophes; other characters are removed.
    """
    pieces = []
    for char in text:
        if survives(char):
            pieces.append(char)
        elif char in LINE_BREAKS:
            pieces.append("\n")
        elif unicodedata.category(char) == "Zs":
            pieces.append(" ")
    # After the characters: dropping one can bring quotation marks together or to the end of a line.
    return CLOSING_LINE.sub(lambda quotes: "'" * len(quotes.group()), "".join(pieces))
