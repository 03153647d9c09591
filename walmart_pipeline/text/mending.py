"""Restores punctuation and line breaks that a text lost on its way through feeds, or finds where they are missing."""

from __future__ import annotations

import re
from collections.abc import Set
from itertools import pairwise

from walmart_pipeline.text import tokenizer
from walmart_pipeline.text.units import units_named

# A line that ends in a small letter, with the next one right after it: "removable lidDishwasher safe". A word that
# begins with a capital may be a name: ComfortSmart.
_LINE_JOINT = re.compile(r"(?<![A-Za-z])[a-z]{3,}(?=[A-Z][a-z]+)")
# `Tall inseam 9"Faux fly`, "The FoodiThe Pressure Cooker" if the word is one that no name ends with.
_INCH_JOINT = re.compile(r"(?<=\d\")(?=[A-Z][a-z])")
_WORD_JOINT = re.compile(r"(?<=[a-z]{2})(?=(?P<word>[A-Z][a-z]+)\b)")
# "removable lid15 oz" if what follows is a measure; `usb3 port` is none.
_NUMBER_JOINT = re.compile(r"(?<![A-Za-z0-9])[a-z]{3,}(?=\d+(?:\.\d+)? ?(?P<unit>[A-Za-z]{2,}|\"))")
_ANY_JOINT = re.compile(r"[A-Z\d](?:(?<=[a-z\"][A-Z])(?=[a-z])|(?<=[a-z]\d))")
# A line with one of these joints has others that alone would prove nothing: "soothing sounds7 colors", "TritanUSB-C
# charge"; with two of them even a capital after a capital is one: "EyeletsRound toe".
_LOOSE_JOINT = re.compile(r"(?<=[a-z]{3})(?=\d|[A-Z]{2})|(?<=[)%°])(?=[A-Z][a-z])")
_CAPITAL_JOINT = re.compile(r"(?<=[a-z]{2})(?=[A-Z][a-z])")
_WORD = re.compile(r"[A-Za-z]+")
# "safe.Next", but no address such as Walmart.Com; "soft,warm"; "Material:Cotton".
_STOP = re.compile(
    r"[.!?,:](?<=[a-z]{2}.)"
    r"(?:(?<=[.!?])(?=[A-Z][a-z]*\b)(?!(?:Com|Net|Org)\b)|(?<=,)(?=[A-Za-z]{2})|(?<=:)(?=[A-Z]))"
)
# `size s` and `af s` are none; neither is a capital S, which is a size.
_POSSESSIVE = re.compile(r"\b(?![Ss]izes?\b)([A-Za-z]{3,})[ ?]s(?![\w'])")
_LONE_S = re.compile(r"[ ?]s(?![\w'])")
_NEGATION = re.compile(
    r"\b((?:do|does|did|is|are|was|were|ca|wo|could|would|should|has|have|had)n)[ ?]t\b", re.IGNORECASE
)
_LOST_NOT, _LOST_VERB = re.compile(r"[nN][ ?][tT]\b"), re.compile(r"[ ?](?i:re|ve|ll)\b")
_PRONOUN = re.compile(r"\b(you|we|they)[ ?](re|ve|ll)\b", re.IGNORECASE)
# Shares of a blend without their signs: "60 cotton 40 polyester".
_BLEND = re.compile(r"\d(?<![\d.%].)\d? [A-Za-z]{3,}(?:(?:,? and |[ ,/+&]+)\d{1,2} [A-Za-z]{3,})+(?!\w)")
_SHARE = re.compile(r"(?<![\d.])(\d{1,3}) (?=([A-Za-z]{3,}))")
# "0 05 oz", and "4 5 x 3 7 x 0 8 inches": each number has two parts.
_BELOW_ONE = re.compile(r"(?<![\d./-])0 (\d{1,3})(?= ?(?P<unit>[A-Za-z]{1,8}|\")(?!\w))")
_CHAIN = re.compile(r"(?<![\d./])\d+ \d{1,3}(?: ?x ?\d+ \d{1,3})+(?= ?(?:in|inch|inches|cm|mm|\")(?!\w))")
_TWO_NUMBERS = re.compile(r"\d \d")
_TWO_PARTS = re.compile(r"(\d+) (\d+)")
# A number of a measure that may have lost its point: 1.64 g, or one pack of 64 g.
_LOST_POINT = re.compile(r"(?<![\d./])(\d{1,3}) (\d{1,3})(?= ?(?P<unit>[A-Za-z]{1,8}|\")(?![\w/]))")
# A character that no code page had.
_LOST_CHARACTER = re.compile(r"\w\?\w|\?\?|\ufffd")
_PUNCTUATION = re.compile(r"[.,;:!?]")
# A feed without punctuation and capitals. Shorter ones are phrases: "fits 10 inch tablets".
STRIPPED_WORDS = 12
# 1 % of the sentences of 895 real records are longer: tables, and lists without line breaks.
MOST_WORDS = 70
_MEASURES = frozenset({"length", "mass", "volume", "power", "voltage", "current", "pressure"})


def is_measure(unit: str) -> bool:
    """Return whether it is a unit of a physical size, which has decimals: no count, time or share."""
    return any(found.kind in _MEASURES for found in units_named(unit, glued=False))


def mended(text: str, names: Set[str] = frozenset()) -> str:
    """Restore what is certain in any text: line breaks, spaces after a stop, apostrophes, points and per cent signs.

    names: words of the product's name and brand in lower case, which may have a capital inside: eufyCam.
    """
    # Most texts have lost nothing, and what each loss leaves behind is found faster than the loss itself.
    text = "\n".join(_divided(line, names) if _ANY_JOINT.search(line) else line for line in text.split("\n"))
    text = _STOP.sub(r"\g<0> ", text)
    if _LONE_S.search(text):
        text = _POSSESSIVE.sub(r"\1's", text)
    if _LOST_NOT.search(text):
        text = _NEGATION.sub(r"\1't", text)
    if _LOST_VERB.search(text):
        text = _PRONOUN.sub(r"\1'\2", text)
    if _TWO_NUMBERS.search(text):
        text = _CHAIN.sub(lambda found: _TWO_PARTS.sub(r"\1.\2", found[0]), text)
        text = _BELOW_ONE.sub(lambda found: f"0.{found[1]}" if is_measure(found["unit"]) else found[0], text)
    return _BLEND.sub(_with_shares, text)


def _divided(line: str, names: Set[str]) -> str:
    """The lines of a line in which several ran together."""
    joints = {match.end() for match in _LINE_JOINT.finditer(line) if not _is_name(line, match.end(), names)}
    joints |= {match.end() for match in _NUMBER_JOINT.finditer(line) if is_measure(match["unit"])}
    joints |= {match.start() for match in _INCH_JOINT.finditer(line)} if '"' in line else set()
    joints |= {m.start() for m in _WORD_JOINT.finditer(line) if m["word"].lower() in tokenizer.STOP_WORDS}
    if not joints:
        return line
    for joint in (_LOOSE_JOINT, _CAPITAL_JOINT) if len(joints) > 1 else (_LOOSE_JOINT,):
        joints |= {match.start() for match in joint.finditer(line) if not _is_name(line, match.start(), names)}
    return "\n".join(line[start:end].strip() for start, end in pairwise([0, *sorted(joints), len(line)]))


def _is_name(line: str, joint: int, names: Set[str]) -> bool:
    """Whether the word around a joint is one of the product's name."""
    word = next((match[0] for match in _WORD.finditer(line) if match.start() < joint < match.end()), "")
    return word.lower() in names


def _with_shares(blend: re.Match[str]) -> str:
    shares = _SHARE.findall(blend[0])
    if sum(int(share) for share, _ in shares) != 100 or any(units_named(noun, glued=False) for _, noun in shares):
        return blend[0]
    return _SHARE.sub(r"\1% ", blend[0])


def is_damaged(sentence: str) -> bool:
    """Return whether a sentence lost something that could be restored, or could not: nobody should copy it."""
    words = sentence.count(" ") + 1
    if words > MOST_WORDS or _LOST_CHARACTER.search(sentence):
        return True
    if words >= STRIPPED_WORDS and sentence.islower() and not _PUNCTUATION.search(sentence):
        return True
    if any(is_measure(match["unit"]) for match in _LOST_POINT.finditer(sentence)):
        return True
    return mended(sentence) != sentence
