"""Properties with opposing values, and denials: what a single word turns from true to false."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

from walmart_pipeline.core.files import read_yaml
from walmart_pipeline.text.word_search import WordSearch

FILE = Path(__file__).parent / "slots.yaml"
FOLLOWS, PRECEDES = "denies what follows", "denies what precedes"
# How far a denial reaches within its clause, in characters.
_AHEAD, _BACK = 30, 60
_CLAUSE_END = re.compile(r"[.;:,!?()\n—–]|\b(?:but|while|though|although|with)\b")
_DENIAL = r"(?:no|not|none|false|n/?a|does not apply)\b"
DENYING_VALUE = re.compile(_DENIAL, re.IGNORECASE)
_DENIED_NAME_END = re.compile(rf":\s*{_DENIAL}")


class SlotValue(NamedTuple):
    """A value of a property, such as "zipper" of a closure."""

    slot: str
    value: str


class Mention(NamedTuple):
    """A value that a text states, with its span."""

    start: int
    end: int
    value: SlotValue


class Slots(NamedTuple):
    """The values that a text states, and the spans that it denies."""

    mentions: list[Mention]
    denied: list[tuple[int, int]]


@cache
def _search() -> WordSearch[SlotValue]:
    forms: dict[str, SlotValue] = {}
    for slot, values in read_yaml(FILE).items():
        for value in values.split("|"):
            first, *others = (form.strip() for form in value.split(","))
            for form in (first, *others):
                forms.setdefault(form, SlotValue(slot, first))
    return WordSearch(forms)


def slots(search_text: str, normalized: str) -> Slots:
    """The values and denials of a text; of overlapping spellings the longest counts."""
    kept: list[Mention] = []
    for start, end, value in _search().find(search_text):
        while kept and kept[-1].end > start and kept[-1].start >= start:
            kept.pop()
        if not kept or kept[-1].end <= start:
            kept.append(Mention(start, end, value))
    found = Slots([], [])
    for mention in kept:
        start, end, (slot, _) = mention
        if slot == FOLLOWS:
            stop = _CLAUSE_END.search(normalized, end, end + _AHEAD)
            found.denied.append((end, stop.start() if stop else end + _AHEAD))
        elif slot == PRECEDES:
            found.denied.append((_clause_start(normalized, start), start))
        else:
            found.mentions.append(mention)
    return found


def denied_names(normalized: str) -> list[tuple[int, int]]:
    """Spans of the names whose value denies them: Dishwasher Safe: No."""
    ends = [match.start() for match in _DENIED_NAME_END.finditer(normalized)]
    return [(_clause_start(normalized, end), end) for end in ends]


def _clause_start(normalized: str, end: int) -> int:
    start = max(0, end - _BACK)
    for stop in _CLAUSE_END.finditer(normalized, start, end):
        start = stop.end()
    return start


def marked(spans: list[tuple[int, int]], length: int) -> bytearray:
    """One byte for each character of a text, 1 within a span."""
    marks = bytearray(length + _AHEAD)
    for start, end in spans:
        marks[start:end] = b"\1" * (end - start)
    return marks
