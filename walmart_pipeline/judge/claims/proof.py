"""Links each statement and claim of a listing to the passages of the record that it rests on."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

from walmart_pipeline.judge.claims.evidence import AlignedStatement, Alignment, most_together
from walmart_pipeline.judge.claims.examination import Examination
from walmart_pipeline.judge.claims.listing_text import Claim, ClaimStatus, Subject
from walmart_pipeline.text import tokenizer

# Passages named for a statement and for a claim: a sentence restates two or three of a record's, a claim one.
STATEMENT_PASSAGES, CLAIM_PASSAGES = 3, 2


class ProvenClaim(NamedTuple):
    """A claim with its span in its field. passages: places in Proof.passages; empty if the record is silent.

    A contradicted claim has those that state something else. hint: probably false, but not surely enough to block.
    """

    field: str
    start: int
    end: int
    subject: Subject
    status: ClaimStatus
    hint: bool
    passages: tuple[int, ...]


class ProvenStatement(NamedTuple):
    """A title, key feature, keyword or sentence with its span in its field, and the passages that have its words."""

    field: str
    start: int
    end: int
    passages: tuple[int, ...]
    claims: tuple[ProvenClaim, ...]


class Proof(NamedTuple):
    """The record's passages in its own order, and what each statement of the listing rests on."""

    passages: tuple[str, ...]
    statements: tuple[ProvenStatement, ...]

    @property
    def claims(self) -> list[ProvenClaim]:
        """The claims of all statements."""
        return [claim for statement in self.statements for claim in statement.claims]

    def resting_on(self, passage: int) -> list[int]:
        """Places of the statements that a passage supports."""
        return [
            place
            for place, statement in enumerate(self.statements)
            if passage in statement.passages or any(passage in claim.passages for claim in statement.claims)
        ]


def proof(examination: Examination) -> Proof:
    """The proof of an examined listing. Let the cross-encoder read the open statements before, if it shall count."""
    alignment = examination.alignment
    claims = sorted(dict.fromkeys(examination.claims()), key=lambda claim: (claim.start, claim.end))
    starts = [claim.start for claim in claims]
    statements = []
    for examined in examination.statements:
        statement = examined.statement
        own = claims[bisect_left(starts, statement.start) : bisect_left(starts, statement.end)]
        base = alignment.listing.place(statement.start)[1]
        proven = tuple(_proven(alignment, statement, claim, base) for claim in own)
        words = [alignment.passages[place] for place in range(statement.first, statement.last)]
        statements.append(
            ProvenStatement(
                statement.field, statement.start - base, statement.end - base, tuple(_covering(words)), proven
            )
        )
    return Proof(tuple(examination.record.passages.texts), tuple(statements))


def _proven(alignment: Alignment, statement: AlignedStatement, claim: Claim, base: int) -> ProvenClaim:
    if claim.status == "supported":
        passages = _supporting(alignment, statement, claim)
    else:
        passages = _stating(alignment.record.passages.texts, claim.source_has)
    return ProvenClaim(
        statement.field,
        claim.start - base,
        claim.end - base,
        claim.subject,
        claim.status,
        claim.hint,
        tuple(passages[:CLAIM_PASSAGES]),
    )


def _supporting(alignment: Alignment, statement: AlignedStatement, claim: Claim) -> list[int]:
    """The passages with the most words of a claim; of these, the ones with the most of its statement's words."""
    first, last = bisect_left(alignment.starts, claim.start), bisect_left(alignment.starts, claim.end)
    own = [bits for bits in alignment.passages[first:last] if bits]
    # A figure that is written otherwise ("two-year" for "2 years") shares no word: its statement's words decide.
    best = _with_most(-1, own) if own else -1
    around = [bits for bits in alignment.passages[statement.first : statement.last] if bits]
    return _places(_with_most(best, around)) if around else []


def _with_most(passages: int, words: Sequence[int]) -> int:
    """Those of these passages that have the most of these words; no passage if none has one."""
    most = most_together(passages, list(words))
    if most <= 0:
        return 0
    every = 0
    for bits in words:
        every |= bits
    return sum(
        1 << place
        for place in _places(every & passages if passages >= 0 else every)
        if sum(bits >> place & 1 for bits in words) == most
    )


def _covering(words: Sequence[int]) -> list[int]:
    """The passages that together have the words, the one with the most words first."""
    left = [bits for bits in words if bits]
    chosen: list[int] = []
    while left and len(chosen) < STATEMENT_PASSAGES:
        best = _places(_with_most(-1, left))[0]
        chosen.append(best)
        left = [bits for bits in left if not bits >> best & 1]
    return chosen


def _stating(texts: Sequence[str], values: Sequence[str]) -> list[int]:
    """The passages that state one of these values."""
    normalized = [f" {' '.join(tokenizer.PIECE.findall(tokenizer.normalized(text)))} " for text in texts]
    wanted = [f" {' '.join(tokenizer.PIECE.findall(tokenizer.normalized(value)))} " for value in values]
    return [place for place, text in enumerate(normalized) if any(value in text for value in wanted if value.strip())]


def _places(passages: int) -> list[int]:
    return [place for place in range(passages.bit_length()) if passages >> place & 1]
