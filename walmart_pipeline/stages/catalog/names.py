"""Restores what a product's name lost when it was made from a URL: "1 64g" for 1.64g, "Levi s", "100 Cotton"."""

from __future__ import annotations

import re
from collections.abc import Sequence

from walmart_pipeline.text import mending
from walmart_pipeline.text.units import units_named

# Two numbers with what stood between them, as the other texts have it: 1.64, 3/4, 8-10; and the word after them.
_PAIR = re.compile(r"(?<![\d./-])(\d{1,3})([./-])(\d{1,3})(?![\d./-])[ -]?([A-Za-z]*)")
_LOST_PAIR = re.compile(r"(?<![\d.])(\d{1,3}) (\d{1,3})(?![\d.]) ?([A-Za-z]*)")
_LOST_SHARE = re.compile(r"(?<![\d.])(\d{1,3}) (?=([A-Za-z]{3,}))")
_WORD_WITH_APOSTROPHE = re.compile(r"\b([A-Za-z]{1,12})['’]([A-Za-zÀ-ÿ]{2,12})\b")
# The screen of a television is named without its unit; of its mount, too, but there it is what fits.
_TELEVISION = re.compile(r"\b(?:tvs?|hdtvs?|televisions?)\b", re.IGNORECASE)
_SCREEN = re.compile(
    r"(?<![\d.,-])(1[5-9]|[2-9]\d)(?= (?:class|[\w.+-]+ (?:[\w.+-]+ ){0,4}?(?:tv|hdtv|television)|tv|hdtv)\b)", re.I
)
_FOR_TELEVISIONS = re.compile(
    r"\b(?:for|screens?|project\w+|mount\w*|stands?|brackets?|antennas?|remotes?|covers?|cables?|carts?|boxe?s?|adapters?|kits?|wall|arms?"
    r"|protectors?|tuners?|consoles?|cabinets?|players?|combos?|lamps?|lifts?|trays?|fireplaces?)\b",
    re.IGNORECASE,
)


def restored(name: str, brand: str | None, category: Sequence[str], texts: Sequence[str]) -> str:
    """Return a name with the marks that it lost, if other texts of the record or the kind of product prove them."""
    others = "\n".join(texts)
    name = mending.mended(name, frozenset(re.findall(r"[a-z]+", name.lower()))).replace("\n", " ")
    name = _with_apostrophes(name, f"{brand or ''}\n{others}")
    name = _LOST_PAIR.sub(lambda pair: _joined(pair, others), name)
    name = _LOST_SHARE.sub(lambda share: _with_percent(share, others), name)
    return _with_screen_size(name, category)


def _joined(pair: re.Match[str], others: str) -> str:
    """Two numbers as the other texts join them, if these join them in one way only and before the same word."""
    first, second, word = pair.groups()
    marks = {
        match[2]
        for match in _PAIR.finditer(others)
        if (match[1], match[3]) == (first, second) and match[4].lower()[:4] == word.lower()[:4]
    }
    if len(marks) == 1:
        return f"{first}{marks.pop()}{pair[0][len(first) + 1 :]}"
    if word.lower() == "sleeve" and (first, second) == ("3", "4"):
        return f"3/4{pair[0][len(first) + len(second) + 1 :]}"
    return pair[0]


def _with_percent(share: re.Match[str], others: str) -> str:
    number, word = share.groups()
    if units_named(word, glued=False) or not re.search(rf"(?<![\d.]){number} ?% {word}\b", others, re.IGNORECASE):
        return share[0]
    return f"{number}% "


def _with_apostrophes(name: str, others: str) -> str:
    """A name with the apostrophes that its brand or text has: L'Oreal, Levi's."""
    for before, after in set(_WORD_WITH_APOSTROPHE.findall(others)) if "'" in others or "’" in others else ():
        if f"{before} {after}".lower() in name.lower():
            name = re.sub(rf"\b({before}) ({after})\b", r"\1'\2", name, flags=re.IGNORECASE)
    return name


def _with_screen_size(name: str, category: Sequence[str]) -> str:
    if not _TELEVISION.search(name) or _FOR_TELEVISIONS.search(" ".join([name, *category[-1:]])):
        return name
    sizes = [match for match in _SCREEN.finditer(name) if not _has_unit(name, match.end())]
    return name if len(sizes) != 1 else f'{name[: sizes[0].end()]}"{name[sizes[0].end() :]}'


def _has_unit(name: str, end: int) -> bool:
    unit = re.match(r"[ -]?([A-Za-z]+|[\"'″])", name[end:])
    return unit is not None and bool(units_named(unit[1], glued=False))
