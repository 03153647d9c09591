"""Describes evidence by its context: what a model needs to tell whether the words are about the product."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias, get_args

from walmart_pipeline.judge.claims.evidence import AlignedStatement, Alignment, Evidence, Group
from walmart_pipeline.judge.claims.words import CONTENT

Features: TypeAlias = list[tuple[str, float]]
# A template of FEATURES and what it is filled with: one key for the sum of several weights.
Part: TypeAlias = tuple[str, ...]
_CLAUSE_MARKS = frozenset(",;:.!?()—–")
# Classes of english.yaml that govern what follows them: prepositions, verbs, conjunctions of clauses.
_EDGES = frozenset({"|", ","})
_GOVERNING = frozenset("opvbtw")
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
    shared: list[Part] = [("field", field_of(statement)), ("begins", _word(alignment, statement.first))]
    if not texts.isdisjoint(_YOU):
        shared.append(("you",))
    if not texts.isdisjoint(_IT):
        shared.append(("it",))
    if statement.compared <= _BESIDE:
        shared.append(("few",))
    return shared


def field_of(statement: AlignedStatement) -> str:
    """The field of a statement without its number."""
    return statement.field.partition("[")[0]


def describe_evidence(alignment: Alignment, statement: AlignedStatement, evidence: Evidence) -> Description:
    """What is evidence's own, as if the record had none of its words."""
    group, first, last = evidence.group, evidence.first, evidence.last
    words, known, passages = alignment.words, alignment.known, alignment.passages
    own = [each for each in known[first : last + 1] if each is not None]
    compared, supported = len(own), sum(own)
    rest = max(1, statement.compared - compared)
    others = min(rest, statement.supported - supported)
    left = _neighbour(alignment, statement, first, -1)
    right = _neighbour(alignment, statement, last, 1)
    governing = "|"
    for at in range(first - 1, max(statement.first, first - _REACH) - 1, -1):
        if words[at].word_class in _GOVERNING:
            governing = words[at].text
            break
    head = head_of(alignment, statement, last)
    low, high = max(statement.first, first - _BESIDE), min(statement.last, last + 1 + _BESIDE)
    beside = [each for each in known[low:first] + known[last + 1 : high] if each is not None]
    one = passages[first - 1] or passages[first - 2] if first > statement.first + 1 else 0
    other = passages[last + 1] or passages[last + 2] if last + 2 < statement.last else 0
    field = field_of(statement)
    share, unsupported, best, near = _MEASURES[group]
    measures = [
        (share, others / rest),
        (unsupported, min(_REACH, statement.compared - compared - others) / _REACH),
        (best, max(0, statement.best - supported) / rest),
        (near, sum(beside) / len(beside) if beside else 0.5),
    ]
    parts: list[Part] = [
        ("evidence", group, evidence.kind, field),
        ("left", group, left, head),
        ("right", right),
        ("governed", group, governing, head),
    ]
    if left not in _EDGES:
        parts.append(("further left", _neighbour(alignment, statement, first - 1, -1)))
    if right not in _EDGES:
        parts.append(("further right", _neighbour(alignment, statement, last + 1, 1)))
    if one:
        parts.append(("known", "left"))
    if other:
        parts.append(("known", "right"))
    if one & other:
        parts.append(("mark", group, "between neighbours"))
    if evidence.denied:
        parts.append(("mark", group, "denied"))
    if evidence.elsewhere:
        parts.append(("mark", group, "elsewhere"))
    if group in {"number", "opposite"}:
        parts.append(("agrees", group, str(min(MOST_AGREEMENT, evidence.agreement))))
    text, start, end = alignment.listing.text, evidence.claim.start, evidence.claim.end
    if first > statement.first and text[start].isupper():
        parts.append(("capital", group, field))
    if "-" in {text[end : end + 1], text[start - 1 : start]}:
        parts.append(("mark", group, "hyphen"))
    return Description(parts, measures)


def _word(alignment: Alignment, at: int) -> str:
    """A function word itself; + for content that the record has, - for other content."""
    word = alignment.words[at]
    if word.word_class != CONTENT:
        return word.text
    known = alignment.known[at]
    return "#" if known is None else "+" if known else "-"


def _neighbour(alignment: Alignment, statement: AlignedStatement, at: int, step: int) -> str:
    """The next word to one side; | for the statement's end, a comma for a clause's."""
    beside = at + step
    if not statement.first <= beside < statement.last:
        return "|"
    return "," if _is_apart(alignment, min(at, beside)) else _word(alignment, beside)


def _is_apart(alignment: Alignment, at: int) -> bool:
    """Whether a punctuation mark separates a word from the next one."""
    end, start = alignment.ends[at], alignment.starts[at + 1]
    return start - end > 1 and not _CLAUSE_MARKS.isdisjoint(alignment.listing.text[end:start])


def head_of(alignment: Alignment, statement: AlignedStatement, last: int) -> str:
    """What the phrase after the evidence names: something of the product's name, of its record, or something else."""
    head = "none"
    for at in range(last + 1, min(statement.last, last + _BESIDE)):
        word = alignment.words[at]
        known = alignment.known[at]
        if _is_apart(alignment, at - 1) or word.word_class in _ENDS_PHRASE or known is None:
            break
        head = "name" if word.root in alignment.record.name_roots else "record" if known else "other"
    return head
