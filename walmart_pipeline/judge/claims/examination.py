"""Examines a listing against its record: by evidence first, then by the cross-encoder where that leaves doubt."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from walmart_pipeline.core.records import Product
from walmart_pipeline.judge.claims import cross_encoder
from walmart_pipeline.judge.claims.evidence import AlignedStatement, Alignment
from walmart_pipeline.judge.claims.listing_text import KEYWORDS, Claim, ListingText
from walmart_pipeline.judge.claims.model import ClaimModel, model, read_features
from walmart_pipeline.judge.claims.record import SourceRecord

# Of a record, beside an uncertain statement. The best 8 have every word that the record shares with the statement for
# 99.7 % of 3,722 statements (every second listing of data/judging); the best 3, which the encoder reads, for 87.6 %.
PASSAGES = 8
# Evidence beside the strongest is reported if it would be of itself this close to blocking.
_CLOSE = 0.5


class ExaminedStatement(NamedTuple):
    """A statement with the scores of its evidence, and the log odds that it is false."""

    statement: AlignedStatement
    scores: list[float]
    logit: float


class UncertainStatement(NamedTuple):
    """A statement that is hinted at. probability: that it is false. passages: of the record, best first."""

    field: str
    text: str
    probability: float
    passages: list[str]


class Examination:
    """What is found without the cross-encoder; `read` adds its logits."""

    def __init__(self, listing: ListingText, product: Product, fitted: ClaimModel | None = None) -> None:
        self._model = fitted or model()
        self.listing = listing
        self.record = SourceRecord(product)
        self.alignment = Alignment(listing, self.record)
        self.statements = [self._examined(statement) for statement in self.alignment.statements()]
        self._logits: dict[int, float] = {}

    def _examined(self, statement: AlignedStatement) -> ExaminedStatement:
        scores = self._model.scores(self.alignment, statement)
        return ExaminedStatement(statement, scores, self._model.logit(self.alignment, statement, scores))

    @property
    def open(self) -> list[int]:
        """Places of the statements that are not surely true; keywords are none."""
        least = self._model.thresholds.open
        return [
            place
            for place, each in enumerate(self.statements)
            if each.logit >= least and not each.statement.field.startswith(KEYWORDS)
        ]

    def pairs(self, places: Sequence[int]) -> list[tuple[str, str]]:
        """What the cross-encoder reads of these statements: passages of the record, and the statement."""
        passages = self.record.passages
        found = []
        for place in places:
            text = self.text(place)
            found.append((passages.premise(text), text))
        return found

    def text(self, place: int) -> str:
        """The words of a statement."""
        statement = self.statements[place].statement
        return self.listing.text[statement.start : statement.end]

    def read_open(self) -> None:
        """Let the cross-encoder read the statements that are not surely true."""
        places = self.open
        self.read(places, cross_encoder.logits(self.pairs(places)))

    def read(self, places: Sequence[int], logits: Sequence[float]) -> None:
        """Take the cross-encoder's logits of these statements into account."""
        self._logits |= dict(zip(places, logits, strict=True))

    def claims(self) -> list[Claim]:
        """Every claim that is supported, and those that are probably not."""
        found = [fact.claim for fact, _, _ in self.alignment.supported]
        for place, logit, hint in self._doubtful():
            found += self._false(place, logit, hint=hint)
        return found

    def uncertain(self) -> list[UncertainStatement]:
        """The statements that are hinted at, which do not block the listing; keywords are none."""
        found = []
        for place, logit, hint in self._doubtful():
            field = self.statements[place].statement.field
            if hint and not field.startswith(KEYWORDS):
                text = self.text(place)
                probability = 1 / (1 + math.exp(-logit))
                # Filled up with the first ones, because a paraphrase may share no word with its passage.
                passages = dict.fromkeys([*self.record.passages.best(text, PASSAGES), *self.record.passages.texts])
                found.append(UncertainStatement(field, text, probability, list(passages)[:PASSAGES]))
        return found

    def _doubtful(self) -> Iterator[tuple[int, float, bool]]:
        """Place and log odds of each statement that is probably false, and whether that is only a hint."""
        for place, examined in enumerate(self.statements):
            logit, bounds = examined.logit, self._model.thresholds
            if place in self._logits:
                logit = self._model.read_statement.logit(
                    read_features(
                        self.alignment,
                        examined.statement,
                        examined.scores,
                        logit,
                        self._logits[place],
                        self._model.roots,
                    )
                )
                bounds = self._model.read_thresholds
            if logit >= bounds.hint:
                yield place, logit, logit < bounds.block

    def _false(self, place: int, logit: float, *, hint: bool) -> list[Claim]:
        """The claims of a statement that is probably false: its strongest evidence, or all of it."""
        statement, scores, *_ = self.statements[place]
        if not scores:
            decisive = self.record.passages.best(self.text(place), 1)
            claim = Claim("claim", statement.start, statement.end, "unsupported", tuple(decisive))
            return [claim._replace(logit=logit, hint=hint)]
        strongest = max(scores)
        return [
            evidence.claim._replace(logit=logit, hint=hint)
            for evidence, score in zip(statement.evidence, scores, strict=True)
            if score >= strongest - _CLOSE
        ]
