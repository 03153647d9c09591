"""Describes evidence by its context: what a model needs to tell whether the words are about the product."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple, TypeAlias, get_args

from walmart_pipeline.judge.claims.evidence import AlignedStatement, Alignment, Evidence, Group

Features: TypeAlias = list[tuple[str, float]]
# A template of FEATURES and what it is filled with: one key for the sum of several weights.
Part: TypeAlias = tuple[str, ...]
_EDGES = frozenset({"|", ","})
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
    """Features of evidence or of a statement: parts, and values with their names, which many descriptions share."""

    parts: list[Part]
    measures: tuple[str, ...]
    values: list[float]

    @property
    def features(self) -> Features:
        """All features by their names."""
        own = ((name, 1.0) for part in self.parts for name in names(part))
        return [*own, *zip(self.measures, self.values, strict=True)]


def names(part: Part) -> list[str]:
    """The features that a part stands for."""
    template, *values = part
    return [name.format(*values) for name in FEATURES[template]]


def describe(alignment: Alignment, statement: AlignedStatement) -> list[Part]:
    """What all evidence of a statement shares."""
    texts = {word.text for word in alignment.words[statement.first : statement.last]}
    shared: list[Part] = [("field", kind_of(statement.field)), ("begins", alignment.shown[statement.first])]
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
    field, _, _, begin, end, _, all_compared, all_supported, best = statement
    passages, counts, counts_supported = alignment.passages, alignment.compared_before, alignment.supported_before
    following = last + 1
    compared = counts[following] - counts[first]
    supported = counts_supported[following] - counts_supported[first]
    # Of the statement without the evidence.
    rest = max(1, all_compared - compared)
    others = min(rest, all_supported - supported)
    left = alignment.before[first] if first > begin else "|"
    right = alignment.after[last] if following < end else "|"
    governor = alignment.governing.rfind("!", max(begin, first - _REACH), first)
    governing = "|" if governor < 0 else alignment.words[governor].text
    head = head_of(alignment, statement, last)
    low, high = max(begin, first - _BESIDE), min(end, following + _BESIDE)
    beside = counts[high] - counts[low] - compared
    supported_beside = counts_supported[high] - counts_supported[low] - supported
    one = passages[first - 1] or passages[first - 2] if first > begin + 1 else 0
    other = passages[following] or passages[last + 2] if last + 2 < end else 0
    field = kind_of(field)
    values = [
        others / rest,
        min(_REACH, all_compared - compared - others) / _REACH,
        max(0, best - supported) / rest,
        supported_beside / beside if beside else 0.5,
    ]
    parts: list[Part] = [
        ("evidence", group, kind, field),
        ("left", group, left, head),
        ("right", right),
        ("governed", group, governing, head),
    ]
    if left not in _EDGES:
        parts.append(("further left", alignment.before[first - 1] if first > begin + 1 else "|"))
    if right not in _EDGES:
        parts.append(("further right", alignment.after[following] if last + 2 < end else "|"))
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
    return Description(parts, _MEASURES[group], values)


def head_of(alignment: Alignment, statement: AlignedStatement, last: int) -> str:
    """What the phrase after the evidence names: something of the product's name, of its record, or something else."""
    reach = min(statement.last, last + _BESIDE)
    stop = alignment.phrase_ends.find("!", last + 1, reach)
    head = (reach if stop < 0 else stop) - 1
    if head <= last:
        return "none"
    if alignment.words[head].root in alignment.record.name_roots:
        return "name"
    return "record" if alignment.known[head] else "other"
