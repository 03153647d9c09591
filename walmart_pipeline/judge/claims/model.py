"""The fitted model of claims: how likely a statement is false, from its evidence and the cross-encoder's logit."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from operator import mul
from pathlib import Path
from typing import Any, get_args

from walmart_pipeline.judge.claims.context import (
    MOST_AGREEMENT,
    Description,
    Features,
    Part,
    describe,
    describe_evidence,
    head_of,
    kind_of,
    names,
)
from walmart_pipeline.judge.claims.evidence import AlignedStatement, Alignment, Evidence, Group
from walmart_pipeline.judge.claims.listing_text import ClaimStatus

FILE = Path(__file__).parent / "model.json"
INTERCEPT = "intercept"
# Score of a statement without evidence, or without a second or third one: below the lowest of any evidence.
NOTHING = -8.0
# Log odds of a root that no honest text of the training data has.
UNSEEN = math.log(0.5)
# In log odds, what evidence counts beside the encoder at most: at 0.3 % false alarms 0.34 of the false and 0.68 of the
# added facts of other writers are found; without a limit 0.32 and 0.62.
SUREST = 2.0
_MOST_WORDS, _MOST_EVIDENCE = 30, 8
_WORD_MEASURES = {group: (f"{group} from records", f"{group} new") for group in get_args(Group)}
_STATEMENT_MEASURES = {
    group: (
        *("supported share", "best passage", "words"),
        *(f"top {group} {measure}" for measure in ("elsewhere", "denied", "closeness")),
    )
    for group in get_args(Group)
}
_STRONGEST = {
    (group, status): tuple(f"{group} {status}{place}" for place in (" first", " second", ""))
    for group in get_args(Group)
    for status in get_args(ClaimStatus)
}
_WITHOUT_EVIDENCE = Description([("none",)], (), [])
# Parts with a foreign or unpronounceable word are unlimited; 3,000 listings have 2,088 different parts.
_REMEMBERED_PARTS = 1 << 14


@dataclass(frozen=True)
class LogisticModel:
    """Weights of named features."""

    weights: Mapping[str, float]

    def logit(self, features: Features) -> float:
        """Log odds; a feature without a weight counts nothing."""
        return self.weights[INTERCEPT] + self.measured(features)

    def measured(self, features: Features) -> float:
        """What some features add to the log odds."""
        weight = self.weights.get
        return sum([weight(name, 0.0) * value for name, value in features])

    def described(self, parts: Sequence[Part], measures: tuple[str, ...] = (), values: Sequence[float] = ()) -> float:
        """What a description adds to the log odds."""
        measured: float = sum(map(mul, self._measures[measures], values))
        return sum(map(self._parts.__getitem__, parts)) + measured

    @cached_property
    def _parts(self) -> _PartWeights:
        return _PartWeights(self.weights)

    @cached_property
    def _measures(self) -> _MeasureWeights:
        return _MeasureWeights(self.weights)


class _MeasureWeights(dict[tuple[str, ...], list[float]]):
    """The weights of the measures of a description, looked up at first use: there are some hundred descriptions."""

    def __init__(self, weights: Mapping[str, float]) -> None:
        super().__init__()
        self._weights = weights

    def __missing__(self, measures: tuple[str, ...]) -> list[float]:
        self[measures] = found = [self._weights.get(name, 0.0) for name in measures]
        return found


class _PartWeights(dict[Part, float]):
    """The sum of the weights of a part's features, computed at first use."""

    def __init__(self, weights: Mapping[str, float]) -> None:
        super().__init__()
        self._weights = weights

    def __missing__(self, part: Part) -> float:
        weight = sum(self._weights.get(name, 0.0) for name in names(part))
        if len(self) < _REMEMBERED_PARTS:
            self[part] = weight
        return weight


@dataclass(frozen=True)
class Thresholds:
    """Log odds from which a statement blocks the listing, from which it is hinted at, and is worth the encoder."""

    block: float
    hint: float
    open: float


@dataclass(frozen=True)
class ClaimModel:
    """Three logistic models: of evidence, of a statement, and of a statement that the cross-encoder has read.

    roots: log odds that an honest text which has a word of this root has it from the record.
    """

    evidence: LogisticModel
    statement: LogisticModel
    read_statement: LogisticModel
    thresholds: Thresholds
    read_thresholds: Thresholds
    roots: Mapping[str, float]

    def scores(self, alignment: Alignment, statement: AlignedStatement) -> list[float]:
        """Log odds of each evidence that its words state something false of the product."""
        if not statement.evidence:
            return []
        model, roots = self.evidence, self.roots
        base = model.weights[INTERCEPT] + model.described(describe(alignment, statement))
        scores = []
        for each in statement.evidence:
            parts, measures, values = describe_evidence(alignment, statement, each)
            values += _word_values(alignment, each, roots)
            scores.append(base + model.described(parts, measures + _WORD_MEASURES[each.group], values))
        return scores

    def logit(self, alignment: Alignment, statement: AlignedStatement, scores: Sequence[float]) -> float:
        """Log odds that a statement is false, from the scores of its evidence."""
        if not scores:
            return self._without_evidence
        description = describe_statement(alignment, statement, scores)
        return self.statement.weights[INTERCEPT] + self.statement.described(*description)

    @cached_property
    def _without_evidence(self) -> float:
        return self.statement.weights[INTERCEPT] + self.statement.described(*_WITHOUT_EVIDENCE)


def word_features(alignment: Alignment, evidence: Evidence, roots: Mapping[str, float]) -> Features:
    """How surely honest writers take these words from the record."""
    return list(zip(_WORD_MEASURES[evidence.group], _word_values(alignment, evidence, roots), strict=False))


def _word_values(alignment: Alignment, evidence: Evidence, roots: Mapping[str, float]) -> list[float]:
    own = alignment.words[evidence.first : evidence.last + 1]
    found = [value for word in own if (value := roots.get(word.root)) is not None]
    return [max(found)] if found else [UNSEEN, 1.0]


def describe_statement(alignment: Alignment, statement: AlignedStatement, scores: Sequence[float]) -> Description:
    """What the statement's model sees: the strongest evidence, and how much of the statement the record has."""
    if not scores:
        return _WITHOUT_EVIDENCE
    share = statement.supported / max(1, statement.compared)
    evidence = statement.evidence[max(range(len(scores)), key=scores.__getitem__)]
    group, agreement = evidence.group, min(MOST_AGREEMENT, evidence.agreement)
    parts: list[Part] = [
        ("top", group, evidence.claim.status, kind_of(statement.field)),
        ("top kind", group, evidence.kind),
        ("top agrees", group, str(agreement)),
        ("top share", group, str(int(4 * share))),
        ("top evidence", group, str(min(len(scores), _MOST_EVIDENCE))),
        ("top head", group, head_of(alignment, statement, evidence.last)),
    ]
    measures = _STATEMENT_MEASURES[group]
    values = [
        share,
        statement.best / max(1, statement.compared),
        min(statement.compared, _MOST_WORDS) / _MOST_WORDS,
        evidence.elsewhere,
        evidence.denied,
        evidence.closeness,
    ]
    strongest: dict[tuple[Group, ClaimStatus], list[float]] = {}
    for each, score in zip(statement.evidence, scores, strict=True):
        strongest.setdefault((each.group, each.claim.status), [NOTHING]).append(score)
    for kind, found in strongest.items():
        found.sort()
        measures += _STRONGEST[kind]
        values += softplus(found[-1]), softplus(found[-2]), 1.0
    return Description(parts, measures, values)


def softplus(score: float) -> float:
    """A score of which low values count nothing."""
    return math.log1p(math.exp(score))


def read_features(
    alignment: Alignment,
    statement: AlignedStatement,
    scores: Sequence[float],
    statement_logit: float,
    encoder_logit: float,
    roots: Mapping[str, float],
) -> Features:
    """What the model sees of a statement that the cross-encoder has read.

    The encoder reads figures badly: beside its logit, that of the strongest wrong figure counts without a limit.
    """
    features = [("statement", min(SUREST, statement_logit)), ("encoder", encoder_logit)]
    wrong_figures = [
        score
        for score, evidence in zip(scores, statement.evidence, strict=True)
        if evidence.group == "number" and evidence.claim.status == "contradicted"
    ]
    if wrong_figures:
        features += [("wrong figure", 1.0), ("wrong figure first", max(0.0, *wrong_figures))]
    if not statement.evidence:
        features.append(("encoder without evidence", encoder_logit))
    if any(_is_new_name(alignment, statement, evidence, roots) for evidence in statement.evidence):
        features.append(("new name", 1.0))
    return features


def _is_new_name(
    alignment: Alignment, statement: AlignedStatement, evidence: Evidence, roots: Mapping[str, float]
) -> bool:
    """Whether it is a name that neither the record nor any honest text has: of another maker, a place, a standard.

    A sentence begins with a capital in any case, a title mostly with the maker.
    """
    is_capital = alignment.listing.text[evidence.claim.start].isupper()
    is_name = is_capital and (evidence.first > statement.first or statement.field == "title")
    return is_name and all(word.root not in roots for word in alignment.words[evidence.first : evidence.last + 1])


@cache
def model() -> ClaimModel:
    """The model that ships with the package, read once."""
    return from_json(json.loads(FILE.read_text(encoding="utf-8")))


def from_json(content: Mapping[str, Any]) -> ClaimModel:
    """A model as training/claims_model.py writes it."""
    return ClaimModel(
        evidence=LogisticModel(content["evidence"]),
        statement=LogisticModel(content["statement"]),
        read_statement=LogisticModel(content["read_statement"]),
        thresholds=Thresholds(**content["thresholds"]),
        read_thresholds=Thresholds(**content["read_thresholds"]),
        roots=content["roots"],
    )
