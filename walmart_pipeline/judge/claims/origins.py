"""Where a text says that the product was made or grown."""

from __future__ import annotations

import re
from collections.abc import Iterator

from walmart_pipeline.judge.claims import context
from walmart_pipeline.judge.claims.claim import Claim
from walmart_pipeline.judge.claims.listing_text import ListingText
from walmart_pipeline.judge.claims.record import SourceRecord
from walmart_pipeline.judge.claims.vocabulary import Term, is_about, vocabulary
from walmart_pipeline.text import sentences, tokenizer
from walmart_pipeline.text.word_search import has_phrase

# "Grown on a single estate in Ethiopia", "designed and built in Germany", "made in Provence, France".
_MADE_IN = re.compile(
    r"\b(?:(?:hand)?made|(?:hand)?crafted|(?:hand)?woven|built|manufactured|produced|assembled|designed|engineered|sewn|"
    r"knit|knitted|forged|milled|roasted|brewed|bottled|grown|harvested|sourced|farmed|raised|distilled|baked|blended|spun|"
    r"tanned|picked|mined|printed|cut|molded|cast|stitched|dyed|products?)\b"
    r"(?:(?!\b(?:for|by us|with you)\b)[^.;:]){0,40}?\b(?:in|from|of)\s+(?:the\s+)?(?:[\w'’-]+,\s+|[\w'’-]+\s+){0,2}$"
)
_MADE = re.compile(
    r"[\s-]+(?:made|built|crafted|grown|roasted|woven|brewed|engineered|craftspeople|crafts(?:men|manship)|artisans|weavers|"
    r"makers|workshops?|factor(?:y|ies)|mills?)\b"
)
_NEXT_WORDS = re.compile(r"[\s-]+([a-z0-9'-]+)(?:\s+([a-z]+))?")


def origin_claims(listing: ListingText, record: SourceRecord) -> Iterator[Claim]:
    """Each place where the text says that it was made; places of anything else are no claim."""
    for start, end, term in listing.terms_of.get("origin", ()):
        if (begin := _attributed_from(term, listing.text, listing.normalized, start, end)) is None:
            continue
        stated = origins(record)
        named = term.ordinary and f" {listing.search_text[start:end]} " in record.search_text
        if named or {term.word, *_narrower(term)} & stated.keys():
            yield Claim("claim", begin, end, "supported")
        elif not context.is_negated(sentences.left_context(listing.normalized, begin)):
            yield Claim("claim", begin, end, "contradicted" if stated else "unsupported", tuple(stated))


def origins(record: SourceRecord) -> dict[str, None]:
    """The places where the record says that it was made, in the order in which it names them."""
    named = {
        term.word: None
        for name, value in record.product.attributes.items()
        if is_about(name, "origin")
        for term in record.found(value, "origin")
    }
    brand = tokenizer.normalized(record.product.brand or "")
    for start, end, terms in record.places:
        # American Soft Linen is a brand.
        if has_phrase(brand, record.normalized[start:end]):
            continue
        named |= {
            term.word: None
            for term in terms
            if term.kind == "origin" and _attributed_from(term, record.text, record.normalized, start, end) is not None
        }
    return named


def _attributed_from(term: Term, text: str, normalized: str, start: int, end: int) -> int | None:
    """Where the words begin that say it was made there; None where they say nothing of the kind."""
    # "By us"; US sizes are no place.
    if normalized[start:end] == "us" and (not text[start:end].isupper() or normalized.startswith(" siz", end)):
        return None
    left, right = sentences.left_context(normalized, start), sentences.right_context(normalized, end)
    if not term.ordinary:
        made = _MADE_IN.search(left)
        return None if made is None else start - len(left) + made.start()
    # Italian leather and American made; an Italian roast is none.
    of = _NEXT_WORDS.match(right)
    is_material = of is not None and not vocabulary().materials.isdisjoint(word for word in of.groups() if word)
    return start if is_material or _MADE.match(right) else None


def _narrower(term: Term) -> frozenset[str]:
    """Places inside it: the states of the USA."""
    return frozenset(place.word for place in vocabulary().narrower.get(term._replace(ordinary=False), ()))
