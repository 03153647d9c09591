"""The fitted model of claims: how likely a statement is false, from its evidence and the cross-encoder's logit."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from walmart_pipeline.judge.claims.context import MOST_AGREEMENT, Features, describe, field_of, head_of
from walmart_pipeline.judge.claims.evidence import AlignedStatement, Alignment

FILE = Path(__file__).parent / "model.json"
INTERCEPT = "intercept"
# Score of a statement without evidence, or without a second or third one: below the lowest of any evidence.
NOTHING = -8.0
# Log odds of a root that no honest text of the training data has.
UNSEEN = math.log(0.5)
_MOST_WORDS, _MOST_EVIDENCE = 30, 8


@dataclass(frozen=True)
class LogisticModel:
    """Weights of named features."""

    weights: Mapping[str, float]

    def logit(self, *features: Features) -> float:
        """Log odds; a feature without a weight counts nothing."""
        return self.weights[INTERCEPT] + sum([self.part(each) for each in features])

    def part(self, features: Features) -> float:
        """What some features add to the log odds."""
        weights = self.weights
        return sum([weights[name] * value for name, value in features if name in weights])


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
        shared, own = describe(alignment, statement, statement.evidence)
        base = self.evidence.logit(shared)
        return [
            base
            + self.evidence.part(features)
            + self.evidence.part(word_features(alignment, each.first, each.last, each.group, self.roots))
            for each, features in zip(statement.evidence, own, strict=True)
        ]


def word_features(alignment: Alignment, first: int, last: int, group: str, roots: Mapping[str, float]) -> Features:
    """How surely honest writers take these words from the record."""
    found = [value for word in alignment.words[first : last + 1] if (value := roots.get(word.root)) is not None]
    return (
        [(f"{group} from records", max(found))] if found else [(f"{group} from records", UNSEEN), (f"{group} new", 1.0)]
    )


def statement_features(alignment: Alignment, statement: AlignedStatement, scores: Sequence[float]) -> Features:
    """What the statement's model sees: the strongest evidence, and how much of the statement the record has."""
    if not scores:
        return [("none", 1.0)]
    share = statement.supported / max(1, statement.compared)
    field = field_of(statement)
    at = max(range(len(scores)), key=scores.__getitem__)
    evidence = statement.evidence[at]
    top = f"top {evidence.group}"
    features = [
        ("supported share", share),
        ("best passage", statement.best / max(1, statement.compared)),
        ("words", min(statement.compared, _MOST_WORDS) / _MOST_WORDS),
        (f"field {field}", 1.0),
        (f"{top} {evidence.claim.status}", 1.0),
        (f"{top} in {field}", 1.0),
        (f"{top} agrees {min(MOST_AGREEMENT, evidence.agreement)}", 1.0),
        (f"{top} elsewhere", float(evidence.elsewhere)),
        (f"{top} denied", float(evidence.denied)),
        (f"{top} closeness", evidence.closeness),
        (f"{top} kind {evidence.kind}", 1.0),
        (f"{top} supported share {int(4 * share)}", 1.0),
        (f"{top} evidence {min(len(scores), _MOST_EVIDENCE)}", 1.0),
        (f"{top} head {head_of(alignment, statement, evidence.last)}", 1.0),
    ]
    strongest: dict[str, list[float]] = {}
    for each, score in zip(statement.evidence, scores, strict=True):
        strongest.setdefault(f"{each.group} {each.claim.status}", []).append(score)
    for group, found in strongest.items():
        first, second = sorted([*found, NOTHING], reverse=True)[:2]
        features += [(f"{group} first", softplus(first)), (f"{group} second", softplus(second)), (group, 1.0)]
    return features


def softplus(score: float) -> float:
    """A score of which low values count nothing."""
    return math.log1p(math.exp(score))


def read_features(statement_logit: float, encoder_logit: float, *, has_evidence: bool) -> Features:
    """What the model sees of a statement that the cross-encoder has read."""
    features = [("statement", statement_logit), ("encoder", encoder_logit)]
    return features if has_evidence else [*features, ("encoder without evidence", encoder_logit)]


@cache
def model() -> ClaimModel:
    """The model that ships with the package, read once."""
    return from_json(json.loads(FILE.read_text(encoding="utf-8")))


def from_json(content: Mapping[str, Any]) -> ClaimModel:
    """A model as training.py writes it."""
    return ClaimModel(
        evidence=LogisticModel(content["evidence"]),
        statement=LogisticModel(content["statement"]),
        read_statement=LogisticModel(content["read_statement"]),
        thresholds=Thresholds(**content["thresholds"]),
        read_thresholds=Thresholds(**content["read_thresholds"]),
        roots=content["roots"],
    )
