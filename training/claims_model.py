"""Fits the model of claims to labelled listings: `python -m training.claims_model --help`.

Writers are kept apart: every figure printed and every threshold is of statements whose writers were not fitted to.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from training import corpus
from training.corpus import Labelled
from training.evaluation import Result, table
from training.mutations import SYNTHETIC, mutated
from walmart_pipeline.core.files import write_atomically
from walmart_pipeline.judge.claims import model
from walmart_pipeline.judge.claims.context import Description, Features, describe, describe_evidence
from walmart_pipeline.judge.claims.evidence import AlignedStatement, Alignment, Evidence
from walmart_pipeline.judge.claims.listing_text import KEYWORDS, ListingText, fields_of
from walmart_pipeline.judge.claims.model import ClaimModel, LogisticModel, Thresholds
from walmart_pipeline.judge.claims.record import SourceRecord

FOLDS = 5
# Inverse strength of regularization: of 0.03 to 1 all have areas under the curve within 0.006.
EVIDENCE_STRENGTH, STATEMENT_STRENGTH = 0.3, 0.1
# A feature of fewer examples is left to the others.
LEAST_EXAMPLES = 10
FACT_WEIGHT = 0.5
SYNTHETIC_WEIGHT = 0.3
# Added to counts of a root, supported and not.
SMOOTHED = 0.3, 0.6
# Shares of honest statements that may be blocked, hinted at, and read by the cross-encoder.
BLOCKED, HINTED, READ = 0.003, 0.02, 0.35


class Example(NamedTuple):
    """A statement of a labelled listing. at_fault: of each evidence, whether it is in the false words."""

    labelled: Labelled
    alignment: Alignment
    statement: AlignedStatement
    described: list[Features]
    at_fault: list[bool]
    facts: list[tuple[Evidence, Features]]

    @property
    def is_false(self) -> bool:
        """Whether it states something false of the product."""
        return self.labelled.is_false

    @property
    def weight(self) -> float:
        """How much it counts in fitting."""
        return SYNTHETIC_WEIGHT if self.labelled.kind == SYNTHETIC else 1.0


def examples(listings: Iterable[Labelled]) -> Iterator[Example]:
    """All labelled statements, without keywords."""
    for labelled in listings:
        listing = ListingText(fields_of(labelled.listing))
        alignment = Alignment(listing, SourceRecord(labelled.product))
        false = labelled.span(listing) if labelled.is_false else (0, 0)
        for statement in alignment.statements():
            if not statement.field.startswith(KEYWORDS) and labelled.labels(listing, statement.start, statement.end):
                at_fault = [each.claim.start < false[1] and false[0] < each.claim.end for each in statement.evidence]
                described = _described(alignment, statement, statement.evidence)
                facts = [] if labelled.is_false else _facts(alignment, statement)
                yield Example(labelled, alignment, statement, described, at_fault, facts)


def _facts(alignment: Alignment, statement: AlignedStatement) -> list[tuple[Evidence, Features]]:
    """Numbers and terms that the record supports: they are about the product, as a false one would be."""
    found = [
        evidence._replace(elsewhere=False)
        for fact in alignment.supported
        if statement.start <= fact[0].claim.start < statement.end and not (evidence := alignment.fact(*fact)).denied
    ]
    return list(zip(found, _described(alignment, statement, found), strict=True))


def _described(alignment: Alignment, statement: AlignedStatement, evidence: Sequence[Evidence]) -> list[Features]:
    shared = Description(describe(alignment, statement), (), []).features
    return [[*shared, *describe_evidence(alignment, statement, each).features] for each in evidence]


def root_odds(fitted: Sequence[Example]) -> dict[str, tuple[float, float]]:
    """How often honest texts have each root from the record or false statements are about it, and how often not."""
    yes: dict[str, float] = defaultdict(float)
    no: dict[str, float] = defaultdict(float)
    for example in fitted:
        words = example.alignment.words
        if not example.is_false:
            for at in range(example.statement.first, example.statement.last):
                if example.alignment.known[at]:
                    yes[words[at].root] += 1
            for evidence in example.statement.evidence:
                for word in words[evidence.first : evidence.last + 1]:
                    no[word.root] += 1
        else:
            own = 0.5 if example.labelled.is_added else 1.0
            for evidence, at_fault in zip(example.statement.evidence, example.at_fault, strict=True):
                if at_fault:
                    for word in words[evidence.first : evidence.last + 1]:
                        yes[word.root] += own
    return {root: (yes[root], no[root]) for root in {**yes, **no}}


def fit(examples: Sequence[Example], roots: Mapping[str, tuple[float, float]]) -> LogisticModel:
    """The model of evidence: false words against the unsupported words of honest statements."""
    rows: list[Features] = []
    labels: list[bool] = []
    weights: list[float] = []
    for example in examples:
        own = 0.5 if example.labelled.is_added else 1.0
        for evidence, features, at_fault in zip(
            example.statement.evidence, example.described, example.at_fault, strict=True
        ):
            if at_fault or not example.is_false:
                # Without this very word.
                odds = {
                    word.root: _odds(roots[word.root], (own, 0) if example.is_false else (0, 1))
                    for word in example.alignment.words[evidence.first : evidence.last + 1]
                    if word.root in roots
                }
                rows.append([*features, *model.word_features(example.alignment, evidence, _seen(odds))])
                labels.append(example.is_false)
                weights.append(example.weight / sum(example.at_fault) if example.is_false else 1.0)
        for evidence, features in example.facts:
            odds = {
                word.root: _odds(roots[word.root], (1, 0))
                for word in example.alignment.words[evidence.first : evidence.last + 1]
                if word.root in roots
            }
            rows.append([*features, *model.word_features(example.alignment, evidence, _seen(odds))])
            labels.append(True)
            weights.append(FACT_WEIGHT)
    return logistic(rows, labels, weights, EVIDENCE_STRENGTH)


def _odds(counts: tuple[float, float], without: tuple[float, float] = (0, 0)) -> float | None:
    yes, no = (max(0.0, count - less) for count, less in zip(counts, without, strict=True))
    return math.log((yes + SMOOTHED[0]) / (no + SMOOTHED[1])) if yes + no else None


def _seen(odds: Mapping[str, float | None]) -> dict[str, float]:
    return {root: value for root, value in odds.items() if value is not None}


def logistic(
    rows: Sequence[Features], labels: Sequence[bool], weights: Sequence[float], strength: float = STATEMENT_STRENGTH
) -> LogisticModel:
    """A logistic regression of named features; those of few examples are left out."""
    from sklearn.feature_extraction import DictVectorizer
    from sklearn.linear_model import LogisticRegression

    examples = Counter(name for row in rows for name, value in row if value)
    names = {name for name, count in examples.items() if count >= LEAST_EXAMPLES}
    vectorizer = DictVectorizer()
    matrix = vectorizer.fit_transform([{name: value for name, value in row if name in names} for row in rows])
    fitted = LogisticRegression(C=strength, max_iter=5_000).fit(matrix, labels, sample_weight=weights)
    found = dict(zip(vectorizer.get_feature_names_out(), map(float, fitted.coef_[0]), strict=True))
    return LogisticModel({model.INTERCEPT: float(fitted.intercept_[0])} | found)


class Fitted(NamedTuple):
    """A model of evidence and the odds of roots that it was fitted with."""

    evidence: LogisticModel
    roots: dict[str, float]

    def scores(self, example: Example) -> list[float]:
        """The scores of a statement's evidence by this model."""
        return [
            self.evidence.logit([*features, *model.word_features(example.alignment, evidence, self.roots)])
            for evidence, features in zip(example.statement.evidence, example.described, strict=True)
        ]

    def statement_features(self, example: Example) -> Features:
        """The features of a statement, with the scores of its evidence by this model."""
        return model.describe_statement(example.alignment, example.statement, self.scores(example)).features


def fit_evidence(examples: Sequence[Example]) -> Fitted:
    """The model of evidence with its table of roots."""
    counted = root_odds(examples)
    return Fitted(fit(examples, counted), _seen({root: _odds(counts) for root, counts in counted.items()}))


def folds_of(examples: Sequence[Example]) -> list[int]:
    """The fold of each example; a writer is in one."""
    writers = sorted({example.labelled.writer for example in examples})
    fold = {writer: place % FOLDS for place, writer in enumerate(writers)}
    return [fold[example.labelled.writer] for example in examples]


def cross_fitted(examples: Sequence[Example]) -> list[Features]:
    """The features of each statement by a model of evidence that was fitted to other writers."""
    folds = folds_of(examples)
    rows: list[Features] = [[] for _ in examples]
    for fold in range(FOLDS):
        fitted = fit_evidence([example for example, own in zip(examples, folds, strict=True) if own != fold])
        for place, (example, own) in enumerate(zip(examples, folds, strict=True)):
            if own == fold:
                rows[place] = fitted.statement_features(example)
    return rows


def held_out(rows: Sequence[Features], examples: Sequence[Example]) -> list[float]:
    """The log odds of each statement by a model that was fitted to other writers."""
    folds, logits = folds_of(examples), [0.0] * len(rows)
    for fold in range(FOLDS):
        inside = [place for place, own in enumerate(folds) if own != fold]
        own_rows, own = [rows[place] for place in inside], [examples[place] for place in inside]
        fitted = logistic(own_rows, [each.is_false for each in own], [each.weight for each in own])
        for place, where in enumerate(folds):
            if where == fold:
                logits[place] = fitted.logit(rows[place])
    return logits


def thresholds(logits: Sequence[float], examples: Sequence[Example]) -> Thresholds:
    """The log odds that these shares of honest statements reach."""
    honest = sorted(
        (logit for logit, example in zip(logits, examples, strict=True) if not example.is_false), reverse=True
    )
    return Thresholds(*(round(honest[int(share * len(honest))], 3) for share in (BLOCKED, HINTED, READ)))


def encoder_logits(path: Path) -> dict[tuple[str, str], float]:
    """Logits of the cross-encoder for pairs of premise and statement, by encoders fitted to other writers."""
    rows = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return {(row["premise"], row["statement"]): row["logit"] for row in rows}


def pair(example: Example) -> tuple[str, str]:
    """What the cross-encoder reads of a statement."""
    text = example.alignment.listing.text[example.statement.start : example.statement.end]
    return example.alignment.record.passages.premise(text), text


def train(examples: Sequence[Example]) -> tuple[ClaimModel, dict[str, Any]]:
    """The models of evidence and statements, and what they were fitted to, as a card.

    The third model adds the encoder's log odds as they are, until `fit_read` has logits of it.
    """
    rows = cross_fitted(examples)
    labels = [example.is_false for example in examples]
    logits = held_out(rows, examples)
    bounds = thresholds(logits, examples)
    _report("Without the cross-encoder, writers held out", _results(examples, logits, bounds))
    fitted = fit_evidence(examples)
    statement = logistic(rows, labels, [example.weight for example in examples])
    read_statement = LogisticModel({model.INTERCEPT: 0.0, "statement": 1.0, "encoder": 1.0})
    card = {
        "what": "logistic regressions of evidence and statements, see model.py",
        "written_by": "language models with the published brief, no people",
        "writers": sorted({example.labelled.writer for example in examples}),
        "honest_statements": labels.count(False),
        "false_statements": labels.count(True),
        "of_these_synthetic": sum(example.labelled.kind == SYNTHETIC for example in examples),
    }
    return ClaimModel(fitted.evidence, statement, read_statement, bounds, bounds, fitted.roots), card


def fit_read(
    fitted: ClaimModel, examples: Sequence[Example], encoder: Mapping[tuple[str, str], float]
) -> tuple[ClaimModel, dict[str, Any]]:
    """The model of statements that the encoder has read, fitted to those of writers whom neither has seen."""
    seen = Fitted(fitted.evidence, dict(fitted.roots))
    read = [(example, encoder[found]) for example in examples if (found := pair(example)) in encoder]
    unseen = [example for example, _ in read]
    before = [fitted.statement.logit(seen.statement_features(example)) for example in unseen]
    _report("Without the cross-encoder, unseen writers", _results(unseen, before, fitted.thresholds))
    rows = [
        model.read_features(
            example.alignment, example.statement, seen.scores(example), logit, encoder_logit, fitted.roots
        )
        for logit, (example, encoder_logit) in zip(before, read, strict=True)
    ]
    # What is not open is not read, and never false.
    logits = [
        logit if first >= fitted.thresholds.open else model.NOTHING
        for logit, first in zip(held_out(rows, unseen), before, strict=True)
    ]
    bounds = thresholds(logits, unseen)
    _report("With the cross-encoder, writers held out", _results(unseen, logits, bounds))
    read_statement = logistic(rows, [each.is_false for each in unseen], [1.0] * len(unseen))
    card = {
        "read_writers": sorted({example.labelled.writer for example in unseen}),
        "read_honest_statements": sum(not each.is_false for each in unseen),
        "read_false_statements": sum(each.is_false for each in unseen),
    }
    return replace(fitted, read_statement=read_statement, read_thresholds=bounds), card


def _report(title: str, results: Iterable[Result]) -> None:
    sys.stdout.write(f"{title}\n{table(results)}\n")


def _results(examples: Sequence[Example], logits: Sequence[float], bounds: Thresholds) -> Iterator[Result]:
    for example, logit in zip(examples, logits, strict=True):
        labelled = example.labelled
        listing = hashlib.blake2b(labelled.listing.model_dump_json().encode(), digest_size=8).hexdigest()
        yield Result(labelled, listing, logit >= bounds.block, logit >= bounds.hint)


def to_json(fitted: ClaimModel, card: Mapping[str, Any]) -> str:
    """The model as model.from_json reads it, one line a root table or model."""

    def rounded(weights: Mapping[str, float]) -> dict[str, float]:
        kept = {name: round(weight, 3) for name, weight in sorted(weights.items())}
        return {name: weight for name, weight in kept.items() if weight or name == model.INTERCEPT}

    content = {
        "card": card,
        "thresholds": vars(fitted.thresholds),
        "read_thresholds": vars(fitted.read_thresholds),
        "statement": rounded(fitted.statement.weights),
        "read_statement": rounded(fitted.read_statement.weights),
        "evidence": rounded(fitted.evidence.weights),
        "roots": {root: round(odds, 2) for root, odds in sorted(fitted.roots.items())},
    }
    lines = [f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}" for name, value in content.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def main() -> None:
    """Fit the model and write it; given logits of the encoder, fit only how they count, to unseen writers' texts."""
    parser = argparse.ArgumentParser(prog="claims_model", description=(__doc__ or "").partition("\n")[0])
    corpus.add_arguments(parser)
    parser.add_argument("--encoder-logits", type=Path, help="logits of the texts, by an encoder that has not seen them")
    parser.add_argument("--output", type=Path, default=model.FILE)
    arguments = parser.parse_args()
    listings = list(corpus.read(arguments.texts, arguments.records))
    if arguments.encoder_logits:
        own = json.loads(model.FILE.read_text(encoding="utf-8"))["card"]
        fitted, card = fit_read(model.model(), list(examples(listings)), encoder_logits(arguments.encoder_logits))
        card = own | card
    else:
        # What is hard to recognise shows no evidence: with it, 0.10 instead of 0.14 of other writers' faults were found
        # at 0.3 % false alarms.
        plain = [labelled for labelled in listings if not labelled.is_hard]
        synthetic = mutated([labelled for labelled in plain if not labelled.field])
        made = (example for example in examples(synthetic) if any(example.at_fault))
        fitted, card = train([*examples(plain), *made])
    write_atomically(arguments.output, to_json(fitted, card))


if __name__ == "__main__":
    main()
