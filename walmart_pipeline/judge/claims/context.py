"""Describes evidence by its context: what a model needs to tell whether the words are about the product."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple, TypeAlias, get_args

from walmart_pipeline.judge.claims.evidence import AlignedStatement, Alignment, Evidence, Group
from walmart_pipeline.judge.claims.words import CONTENT

Features: TypeAlias = list[tuple[str, float]]
# A template of FEATURES and what it is filled with: one key for the sum of several weights.
Part: TypeAlias = tuple[str, ...]
_EDGES = frozenset({"|", ","})
_ENDS_PHRASE = frozenset("opvbtwc")
_YOU = frozenset({"you", "your", "yours"})
_IT = frozenset({"it", "its", "this", "these", "they"})
# Words before a word that may govern it, and words on either side that count as near.
_REACH, _BESIDE = 6, 4
# More agreement than this says no more.
MOST_AGREEMENT = 3
_MEASURES = {
    group: tuple(f"{group} {measure}" for measure in ("supported share", "unsupported words", "best passage", "near"))
    for group in get_args(Group)
}


# Names of the features that a part stands for.
FEATURES = {
    "field": ("field {}",),
    "begins": ("begins {}",),
    "you": ("you",),
    "it": ("it",),
    "few": ("few words",),
    "evidence": ("{0}", "{1}", "{0} in {2}"),
    "left": ("left {1}", "{0} {1} head {2}"),
    "right": ("right {}",),
    "further left": ("left of left {}",),
    "further right": ("right of right {}",),
    "governed": ("governed by {1}", "{0} governed by {1}", "{0} head {2}", "{0} governed by {1} head {2}"),
    "known": ("{} known",),
    "mark": ("{} {}",),
    "agrees": ("{} agrees {}",),
    "capital": ("{} capital in {}",),
    "none": ("none",),
    "top": ("field {2}", "top {0} {1}", "top {0} in {2}"),
    "top kind": ("top {} kind {}",),
    "top agrees": ("top {} agrees {}",),
    "top share": ("top {} supported share {}",),
    "top evidence": ("top {} evidence {}",),
    "top head": ("top {} head {}",),
}


class Description(NamedTuple):
    """Features of evidence or of a statement: parts, and measures by their names."""

    parts: list[Part]
    measures: Features

    @property
    def features(self) -> Features:
        """All features by their names."""
        return [*((name, 1.0) for part in self.parts for name in names(part)), *self.measures]


def names(part: Part) -> list[str]:
    """The features that a part stands for."""
    template, *values = part
    return [name.format(*values) for name in FEATURES[template]]


def describe(alignment: Alignment, statement: AlignedStatement) -> list[Part]:
    """What all evidence of a statement shares."""
    texts = {word.text for word in alignment.words[statement.first : statement.last]}
    shared: list[Part] = [("field", kind_of(statement.field)), ("begins", _shown(alignment, statement.first))]
    if not texts.isdisjoint(_YOU):
        shared.append(("you",))
    if not texts.isdisjoint(_IT):
        shared.append(("it",))
    if statement.compared <= _BESIDE:
        shared.append(("few",))
    return shared


@lru_cache(maxsize=256)
def kind_of(field: str) -> str:
    """A field without its number."""
    return field.partition("[")[0]


def describe_evidence(alignment: Alignment, statement: AlignedStatement, evidence: Evidence) -> Description:
    """What is evidence's own, as if the record had none of its words."""
    place, group, kind, first, last, agreement, denied, elsewhere, _ = evidence
    begin, end = statement.first, statement.last
    passages, counts, counts_supported = alignment.passages, alignment.compared_before, alignment.supported_before
    compared = counts[last + 1] - counts[first]
    supported = counts_supported[last + 1] - counts_supported[first]
    rest = max(1, statement.compared - compared)
    others = min(rest, statement.supported - supported)
    left = _before(alignment, begin, first)
    right = _after(alignment, end, last)
    governor = alignment.governing.rfind("!", max(begin, first - _REACH), first)
    governing = "|" if governor < 0 else alignment.words[governor].text
    head = head_of(alignment, statement, last)
    low, high = max(begin, first - _BESIDE), min(end, last + 1 + _BESIDE)
    beside = counts[high] - counts[low] - compared
    supported_beside = counts_supported[high] - counts_supported[low] - supported
    one = passages[first - 1] or passages[first - 2] if first > begin + 1 else 0
    other = passages[last + 1] or passages[last + 2] if last + 2 < end else 0
    field = kind_of(statement.field)
    share, unsupported, best, near = _MEASURES[group]
    measures = [
        (share, others / rest),
        (unsupported, min(_REACH, statement.compared - compared - others) / _REACH),
        (best, max(0, statement.best - supported) / rest),
        (near, supported_beside / beside if beside else 0.5),
    ]
    parts: list[Part] = [
        ("evidence", group, kind, field),
        ("left", group, left, head),
        ("right", right),
        ("governed", group, governing, head),
    ]
    if left not in _EDGES:
        parts.append(("further left", _before(alignment, begin, first - 1)))
    if right not in _EDGES:
        parts.append(("further right", _after(alignment, end, last + 1)))
    if one:
        parts.append(("known", "left"))
    if other:
        parts.append(("known", "right"))
    if one & other:
        parts.append(("mark", group, "between neighbours"))
    if denied:
        parts.append(("mark", group, "denied"))
    if elsewhere:
        parts.append(("mark", group, "elsewhere"))
    if group in {"number", "opposite"}:
        parts.append(("agrees", group, str(min(MOST_AGREEMENT, agreement))))
    text = alignment.listing.text
    if first > begin and text[place.start].isupper():
        parts.append(("capital", group, field))
    if text[place.start - 1 : place.start] == "-" or text[place.end : place.end + 1] == "-":
        parts.append(("mark", group, "hyphen"))
    return Description(parts, measures)


def _shown(alignment: Alignment, at: int) -> str:
    """A function word itself; + for content that the record has, - for other content."""
    word = alignment.words[at]
    if word.word_class != CONTENT:
        return word.text
    known = alignment.known[at]
    return "#" if known is None else "+" if known else "-"


def _before(alignment: Alignment, begin: int, at: int) -> str:
    """The word before a place; | for the statement's beginning, a comma for a clause's."""
    return "|" if at <= begin else "," if at - 1 in alignment.apart else _shown(alignment, at - 1)


def _after(alignment: Alignment, end: int, at: int) -> str:
    """The word after a place; | for the statement's end, a comma for a clause's."""
    return "|" if at + 1 >= end else "," if at in alignment.apart else _shown(alignment, at + 1)


def head_of(alignment: Alignment, statement: AlignedStatement, last: int) -> str:
    """What the phrase after the evidence names: something of the product's name, of its record, or something else."""
    head, known, apart = last, alignment.known, alignment.apart
    for at in range(last + 1, min(statement.last, last + _BESIDE)):
        if known[at] is None or at - 1 in apart or alignment.words[at].word_class in _ENDS_PHRASE:
            break
        head = at
    if head == last:
        return "none"
    return "name" if alignment.words[head].root in alignment.record.name_roots else "record" if known[head] else "other"
