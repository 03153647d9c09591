"""A listing as it is searched for claims: all fields as one text.

Belongs here: the joined text, the words of the vocabulary in it, and the way back to a field.
Does not: any judgement.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from functools import cached_property

from walmart_pipeline.quality import texts
from walmart_pipeline.quality.grounding import context
from walmart_pipeline.quality.grounding.claims import Claim, Subject, Verdict
from walmart_pipeline.quality.grounding.vocabulary import Term, longest, vocabulary
from walmart_pipeline.quality.quantities import Quantity, quantities
from walmart_pipeline.quality.scanning import flat

KEYWORDS = "seo_keywords"
_BETWEEN = " ;\n"


class ListingText:
    """The fields of a listing, (name, text) each, joined: one long text is searched faster than many short ones."""

    def __init__(self, fields: Sequence[tuple[str, str]]) -> None:
        self.text = _BETWEEN.join(text for _, text in fields)
        self._names = [name for name, _ in fields]
        self._starts = [0]
        for _, text in fields:
            self._starts.append(self._starts[-1] + len(text) + len(_BETWEEN))

    @cached_property
    def folded(self) -> str:
        """The text as texts.folded has it."""
        return texts.folded(self.text)

    @cached_property
    def flat(self) -> str:
        """The text for exact search (scanning.flat)."""
        return flat(self.text)

    @cached_property
    def stated(self) -> list[tuple[str, Quantity]]:
        """Each number of title, features and description with its field; its span is in the joined text."""
        found = quantities(self.text, counted=True, flat_text=self.flat)
        return [
            (name, quantity)
            for quantity in found
            for name in [self.place(quantity.start)[0]]
            if not name.startswith(KEYWORDS)
        ]

    @cached_property
    def terms(self) -> list[tuple[int, int, tuple[Term, ...]]]:
        """Words of the vocabulary with their spans, the longest at each place."""
        return longest(vocabulary().search.find(self.flat))

    @cached_property
    def words(self) -> frozenset[Term]:
        """Every word of the vocabulary that the text has."""
        return frozenset(term for _, _, terms in self.terms for term in terms)

    def phrase(self, quantity: Quantity) -> str:
        """A number of the text with its unit or with what it counts: "8 corner loops"."""
        if not quantity.noun:
            return quantity.text
        return self.text[quantity.start : self.text.index(quantity.noun, quantity.end) + len(quantity.noun)]

    def around(self, start: int, end: int) -> tuple[str, str]:
        """The sentence before and after a span, folded."""
        return context.before(self.folded, start), context.after(self.folded, end)

    def place(self, position: int) -> tuple[str, int]:
        """The field of a position in the text, and where that field begins."""
        index = bisect_right(self._starts, position) - 1
        return self._names[index], self._starts[index]

    def overlaps(self, claim: Claim, start: int, end: int) -> bool:
        """Whether a span of the text touches a claim of the same field."""
        offset = self.place(start)[1]
        return claim.start + offset < end and start < claim.end + offset

    def claim(self, subject: Subject, start: int, end: int, verdict: Verdict, has: Sequence[str] = ()) -> Claim:
        """A claim of this span of the text."""
        name, offset = self.place(start)
        return Claim(subject, name, start - offset, end - offset, verdict, tuple(has))
