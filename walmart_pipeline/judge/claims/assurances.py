"""Warranties, places of origin and certificates that a text claims."""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import inf
from typing import NamedTuple

from walmart_pipeline.judge.claims import attribution
from walmart_pipeline.judge.claims.listing_text import Claim, ListingText, Subject
from walmart_pipeline.judge.claims.record import SourceRecord
from walmart_pipeline.judge.claims.vocabulary import Term, is_about, vocabulary
from walmart_pipeline.text import sentences, tokenizer
from walmart_pipeline.text.quantities import PATTERN, WORDS
from walmart_pipeline.text.word_search import has_phrase, search_text

# Characters on either side of a word that are searched for a duration or a name.
_REACH = 60
_WORD = re.compile(r"\b(?:warrant(?:y|ies)|guarantees?)\b")
_FIGURE = rf"(?P<figure>(?<![\d.])\d+(?:\.\d+)?|{PATTERN})"
_TIME = rf"(?:(?P<life>life[- ]?time)|{_FIGURE}[\s-]*(?P<unit>year|yr|month|mo|day)(?P<many>s?))\b"
# "5-year limited manufacturer's warranty"; "warranty of 5 years", "warranty length: 5 years".
_TIME_BEFORE = re.compile(rf"\b{_TIME}[\s-]+(?:(?!(?:and the|the|is|are|with|for|by|or)\b)[\w'’()-]+\s+){{0,4}}$")
_TIME_AFTER = re.compile(rf"[^.;\n\d]{{0,30}}?\b{_TIME}")
_MONTHS = {"year": 12.0, "yr": 12.0, "month": 1.0, "mo": 1.0, "day": 1 / 30}


class Warranty(NamedTuple):
    """A warranty in a text. months: its duration, None if not stated; duration: the duration as written."""

    months: float | None
    duration: str
    start: int
    end: int


def _warranties(normalized: str) -> Iterator[Warranty]:
    """Each warranty of a normalized text; a guarantee without a duration (of satisfaction, of freshness) is none."""
    for word in _WORD.finditer(normalized):
        start, end = word.span()
        if left := _TIME_BEFORE.search(normalized, max(0, start - _REACH), start):
            yield Warranty(_months(left), _written(left), left.start(), end)
        elif right := _TIME_AFTER.match(normalized, end, end + _REACH):
            yield Warranty(_months(right), _written(right), start, right.end())
        elif word.group().startswith("warrant"):
            yield Warranty(None, "", start, end)


def warranty_claims(listing: ListingText, record: SourceRecord) -> Iterator[Claim]:
    """Claim for each warranty in the text: contradicted by another duration, unsupported if the record has none."""
    if "warrant" not in listing.search_text and "guarantee" not in listing.search_text:
        return
    found = list(_warranties(listing.normalized))
    known = list(_warranties(record.normalized)) if found else []
    durations = {warranty.months: warranty.duration for warranty in known if warranty.months is not None}
    for warranty in found:
        span = warranty.start, warranty.end
        if warranty.months in durations or (warranty.months is None and known):
            yield Claim("number" if warranty.months is not None else "claim", *span, "supported")
        elif not attribution.is_negated(sentences.left_context(listing.normalized, warranty.start)):
            if warranty.months is not None and durations:
                # Another duration is a wrong number; a lifetime warranty is a claim of its own.
                subject: Subject = "claim" if warranty.months == inf else "number"
                yield Claim(subject, *span, "contradicted", tuple(durations.values()))
            else:
                yield Claim("claim", *span, "unsupported")


def _months(match: re.Match[str]) -> float:
    if match["life"]:
        return inf
    figure = match["figure"]
    return (WORDS[figure] if figure in WORDS else float(figure)) * _MONTHS[match["unit"]]


def _written(match: re.Match[str]) -> str:
    return match["life"] or match.group()[match.start("figure") - match.start() : match.end("many") - match.start()]


# "Grown on a single estate in Ethiopia", "designed and built in Germany", "made in Provence, France".
_MADE_IN = re.compile(
    r"\b(?:(?:hand)?made|(?:hand)?crafted|(?:hand)?woven|built|manufactured|produced|assembled|designed|engineered|sewn|"
    r"knit|knitted|forged|milled|roasted|brewed|bottled|grown|harvested|sourced|farmed|raised|distilled|baked|blended|spun|"
    r"tanned|picked|mined|printed|cut|molded|cast|stitched|dyed|products?)\b"
    r"(?:(?!\b(?:for|by us|with you)\b)[^.;:]){0,40}?\b(?:in|from|of)\s+(?:the\s+)?(?:[\w'’-]+,\s+|[\w'’-]+\s+){0,2}$"
)
_MADE_THERE = re.compile(
    r"[\s-]+(?:made|built|crafted|grown|roasted|woven|brewed|engineered|craftspeople|crafts(?:men|manship)|artisans|weavers|"
    r"makers|workshops?|factor(?:y|ies)|mills?)\b"
)
_NEXT_TWO_WORDS = re.compile(r"[\s-]+([a-z0-9'-]+)(?:\s+([a-z]+))?")


def origin_claims(listing: ListingText, record: SourceRecord) -> Iterator[Claim]:
    """Claim for each place of origin that the text states; places of anything else are no claim."""
    for start, end, term in listing.terms_of.get("origin", ()):
        if (begin := _attributed_from(term, listing.text, listing.normalized, start, end)) is None:
            continue
        stated = _origins(record)
        named = term.ordinary and f" {listing.search_text[start:end]} " in record.search_text
        if named or {term.word, *_narrower(term)} & stated.keys():
            yield Claim("claim", begin, end, "supported")
        elif not attribution.is_negated(sentences.left_context(listing.normalized, begin)):
            yield Claim("claim", begin, end, "contradicted" if stated else "unsupported", tuple(stated))


def _origins(record: SourceRecord) -> dict[str, None]:
    """Places of origin that the record states, in its order."""
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
    """Start of the words that attribute the product's origin to a place; None if none do."""
    # "By us"; US sizes are no place.
    if normalized[start:end] == "us" and (not text[start:end].isupper() or normalized.startswith(" siz", end)):
        return None
    left, right = sentences.left_context(normalized, start), sentences.right_context(normalized, end)
    if not term.ordinary:
        made = _MADE_IN.search(left)
        return None if made is None else start - len(left) + made.start()
    # Italian leather and American made; an Italian roast is none.
    of = _NEXT_TWO_WORDS.match(right)
    is_material = of is not None and not vocabulary().materials.isdisjoint(word for word in of.groups() if word)
    return start if is_material or _MADE_THERE.match(right) else None


def _narrower(term: Term) -> frozenset[str]:
    """Places within a place: the states of the USA."""
    return frozenset(place.word for place in vocabulary().narrower.get(term._replace(ordinary=False), ()))


# Bodies are called by their capitals; "Fully Certified" in a title names none.
_BODY = r"[A-ZÀ-Þ][A-ZÀ-Þ0-9&]+(?:-[A-Z0-9]+)*"
_BODY_BEFORE = re.compile(rf"(?<![\w-])({_BODY})(?:\s+[A-Z][\w-]+){{0,2}}[\s-]+$")
_BODY_AFTER = re.compile(rf"(?:\s+[a-z][\w-]*){{0,4}}\s+(?:by|to|from)\s+(?:the\s+)?({_BODY})\b")


def certificate_claims(listing: ListingText, record: SourceRecord) -> Iterator[Claim]:
    """Claim for each certificate with a named body, unsupported if the record does not name the body."""
    for start, end, _ in listing.terms_of.get("seal", ()):
        # Among capitals a body has none of its own.
        if listing.text[start:end].isupper():
            continue
        named = _BODY_BEFORE.search(listing.text, max(0, start - _REACH), start)
        named = named or _BODY_AFTER.match(listing.text, end, end + _REACH)
        if named is None or named[1] == "STANDARD" or listing.has_claim(*named.span(1)):
            continue
        first, last = min(start, named.start(1)), max(end, named.end(1))
        if f" {' '.join(search_text(named[1]).split())} " in record.search_text:
            yield Claim("claim", first, last, "supported")
        elif not attribution.is_negated(sentences.left_context(listing.normalized, first)):
            yield Claim("claim", first, last, "unsupported")
