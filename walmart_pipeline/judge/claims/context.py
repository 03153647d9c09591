"""Describes evidence by its context: what a model needs to tell whether the words are about the product."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from walmart_pipeline.judge.claims.evidence import AlignedStatement, Alignment, Evidence
from walmart_pipeline.judge.claims.words import CONTENT

Features: TypeAlias = list[tuple[str, float]]
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


class Description(NamedTuple):
    """The features that all evidence of a statement shares, and those of each."""

    shared: Features
    own: list[Features]


def describe(alignment: Alignment, statement: AlignedStatement, evidence: Sequence[Evidence]) -> Description:
    """The features of each evidence of a statement, as if the record had none of its words."""
    if not evidence:
        return Description([], [])
    texts = {word.text for word in alignment.words[statement.first : statement.last]}
    shared = [(f"field {field_of(statement)}", 1.0), (f"begins {_word(alignment, statement.first)}", 1.0)]
    shared += [("you", 1.0)] if not texts.isdisjoint(_YOU) else []
    shared += [("it", 1.0)] if not texts.isdisjoint(_IT) else []
    shared += [("few words", 1.0)] if statement.compared <= _BESIDE else []
    return Description(shared, [_own(alignment, statement, each) for each in evidence])


def field_of(statement: AlignedStatement) -> str:
    """The field of a statement without its number."""
    return statement.field.partition("[")[0]


def _own(alignment: Alignment, statement: AlignedStatement, evidence: Evidence) -> Features:
    group, first, last = evidence.group, evidence.first, evidence.last
    words, known, passages = alignment.words, alignment.known, alignment.passages
    own = [each for each in known[first : last + 1] if each is not None]
    rest = max(1, statement.compared - len(own))
    others = min(rest, statement.supported - sum(own))
    left = _neighbour(alignment, statement, first, -1)
    right = _neighbour(alignment, statement, last, 1)
    governing = "|"
    for at in range(first - 1, max(statement.first, first - _REACH) - 1, -1):
        if words[at].word_class in _GOVERNING:
            governing = words[at].text
            break
    head = head_of(alignment, statement, last)
    low, high = max(statement.first, first - _BESIDE), min(statement.last, last + 1 + _BESIDE)
    beside = [each for each in (*known[low:first], *known[last + 1 : high]) if each is not None]
    one = passages[first - 1] or passages[first - 2] if first > statement.first + 1 else 0
    other = passages[last + 1] or passages[last + 2] if last + 2 < statement.last else 0
    field = field_of(statement)
    features = [
        (evidence.kind, 1.0),
        (group, 1.0),
        (f"{group} supported share", others / rest),
        (f"{group} unsupported words", min(_REACH, statement.compared - len(own) - others) / _REACH),
        (f"{group} best passage", max(0, statement.best - sum(own)) / rest),
        (f"left {left}", 1.0),
        (f"right {right}", 1.0),
        (f"governed by {governing}", 1.0),
        (f"{group} governed by {governing}", 1.0),
        (f"{group} head {head}", 1.0),
        (f"{group} {left} head {head}", 1.0),
        (f"{group} governed by {governing} head {head}", 1.0),
        (f"{group} in {field}", 1.0),
        (f"{group} near", sum(beside) / len(beside) if beside else 0.5),
    ]
    if left not in _EDGES:
        features.append((f"left of left {_neighbour(alignment, statement, first - 1, -1)}", 1.0))
    if right not in _EDGES:
        features.append((f"right of right {_neighbour(alignment, statement, last + 1, 1)}", 1.0))
    if one:
        features.append(("left known", 1.0))
    if other:
        features.append(("right known", 1.0))
    if one & other:
        features.append((f"{group} between neighbours", 1.0))
    if evidence.denied:
        features.append((f"{group} denied", 1.0))
    if evidence.elsewhere:
        features.append((f"{group} elsewhere", 1.0))
    if group in {"number", "opposite"}:
        features.append((f"{group} agrees {min(MOST_AGREEMENT, evidence.agreement)}", 1.0))
    text, start, end = alignment.listing.text, evidence.claim.start, evidence.claim.end
    if first > statement.first and text[start].isupper():
        features.append((f"{group} capital in {field}", 1.0))
    if "-" in {text[end : end + 1], text[start - 1 : start]}:
        features.append((f"{group} hyphen", 1.0))
    return features


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
    between = alignment.listing.text[alignment.words[at].end : alignment.words[at + 1].start]
    return len(between) > 1 and not _CLAUSE_MARKS.isdisjoint(between)


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
