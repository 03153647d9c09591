"""The brands that a text names as the product's maker."""

from __future__ import annotations

import re
from collections.abc import Iterator

from walmart_pipeline.judge.claims import context
from walmart_pipeline.judge.claims.claim import Claim, ClaimStatus
from walmart_pipeline.judge.claims.listing_text import ListingText
from walmart_pipeline.judge.claims.record import SourceRecord
from walmart_pipeline.judge.claims.vocabulary import Term
from walmart_pipeline.text import sentences, tokenizer
from walmart_pipeline.text.word_search import search_text

# A text that has one of these earlier in the sentence speaks of what the product is used with or compared to.
_OTHERS = re.compile(
    r"\b(?:compatible|compatibility|fits?|fitting|for|works?|working|replac\w+|suits?|supports?|like|unlike|than|vs|versus|into|no|"
    r"compared|similar|alternative|not|pairs?|connects?|via|with|through|inspired|such as|including|includes?|using|"
    r"instead|next to|beside|alongside|near|models?|accepts?|charges?|runs?|powered|syncs?|links?|plays?)\b"
)
_OTHERS_AFTER = re.compile(
    r"(?:[\s-]+(?:compatible|style|styled|like|type|phones?|devices?|users?|owners?|machines? sold|assistant|home|play|"
    r"carplay|homekit|airplay|pay|music|store|windows|office|series [xs]|pods?|app)\b|['’]s\s+\w+\s+(?:app|store))"
)
_BY = re.compile(r"\b(?:by|from(?: the makers of)?|brand:|brand is|maker:|manufacturer:)\s+(?:the\s+)?$")
_MADE_BY = re.compile(
    r"\b(?:made|manufactured|designed|created|crafted|built|produced|engineered|brought to you|offered|developed)\s+$"
)
_NAME = re.compile(r"\s+((?:[A-Z][\w&'’.-]*)(?:\s+(?:&\s+)?[A-Z][\w&'’-]*){0,2})")
_LOOKS = frozenset({"material", "color", "taste"})
_REACH = 40
_SUBJECT = re.compile(r"(?:^|[.!?]\s+|\n)((?:[A-Z][\w&'’.-]*)(?:\s+[A-Z][\w&'’-]*){0,2})\s+$")
_DETERMINER = re.compile(r"^\s*(?:(?:this|these|the|its|every|each|our)\s+)?")
_FROM_NAME = re.compile(r"\s+((?:[A-Z][\w&'’.-]*)(?:\s+[A-Z][\w&'’-]*){0,2}),\s+(?:this|these|the|it)\b")
_LINE = re.compile(
    r"\s+((?:[A-Z][\w&'’.-]*)(?:\s+[A-Z][\w&'’-]*){0,2})(?:\s+[a-z]+){0,3}\s+(?:line|lineup|collection|range|family|series)\b"
)
# Capitalised after "by", but no maker.
_NO_MAKERS = frozenset(
    """
    hand hands design default number size color room age piece day night side step itself january february march april
    may june july august september october november december monday tuesday wednesday thursday friday saturday sunday
    christmas easter halloween thanksgiving nasa fda ul usda epa experts professionals our the a an its artisans skilled
    expert craftsmen nature chefs dermatologists
    """.split()
)


def brand_claims(listing: ListingText, record: SourceRecord) -> Iterator[Claim]:
    """Each brand that the text gives to the product, one that the record has once; no brand is no claim."""
    proved: set[Term] = set()
    for start, end, term in listing.terms_of.get("brand", ()):
        # An everyday word in lower case is no name.
        if term not in proved and (listing.text[start].isupper() or not term.ordinary):
            if record.has(term, listing.search_text[start:end]):
                proved.add(term)
                yield Claim("brand", start, end, "supported")
            elif _is_named(term, listing, start, end, record):
                yield Claim("brand", start, end, *_verdict(record))
    for start, end, term in listing.terms_of.get("maker", ()):
        name = _MAKERS[term.word](listing, start, end, record)
        # "From plywood, this shelf".
        if name and not any(other.kind in _LOOKS for other in _at(listing, name[0])):
            yield Claim("brand", *name, *_judged(listing.text[slice(*name)], record))


def _verdict(record: SourceRecord) -> tuple[ClaimStatus, tuple[str, ...]]:
    brand = (record.product.brand or "").strip()
    return ("contradicted", (brand,)) if brand else ("unsupported", ())


def _is_named(term: Term, listing: ListingText, start: int, end: int, record: SourceRecord) -> bool:
    """Whether a well-known brand is said to be the product's."""
    if not listing.text[start].isupper():
        return False
    normalized = listing.normalized
    left, right = sentences.left_context(normalized, start), sentences.right_context(normalized, end)
    if _OTHERS_AFTER.match(right):
        return False
    if _BY.search(left):
        return True
    if _OTHERS.search(left):
        return False
    if not term.ordinary:
        return True
    # A capital at the beginning of a sentence says nothing.
    begins = not left.strip() and not listing.in_title(start)
    return not begins and context.part(right, record.nouns) is not None


def _judged(name: str, record: SourceRecord) -> tuple[ClaimStatus, tuple[str, ...]]:
    word = tokenizer.PIECE.findall(search_text(name))[0]
    return ("supported", ()) if record.has_name(word) else _verdict(record)


def _by(listing: ListingText, start: int, end: int, record: SourceRecord) -> tuple[int, int] | None:
    """ "Made by Zorvex", "kettle by Zorvex": a name that need not be well known."""
    name = _NAME.match(listing.text, end)
    if name is None or _is_no_name(name[1]) or any(term.kind == "brand" for term in _at(listing, name.start(1))):
        return None
    left = sentences.left_context(listing.normalized, start)
    last = tokenizer.PIECE.findall(left)[-1:]
    if not _MADE_BY.search(left) and not (last and tokenizer.stem(last[0]) in record.nouns and not last[0].isdigit()):
        return None
    return name.span(1)


def _makes(listing: ListingText, start: int, end: int, record: SourceRecord) -> tuple[int, int] | None:
    """ "Zorvex makes this kettle for…", at the beginning of a sentence."""
    name = _SUBJECT.search(listing.text, max(0, start - _REACH), start)
    made = _DETERMINER.sub("", sentences.right_context(listing.normalized, end))
    if name is None or _is_no_name(name[1]) or context.part(f" {made}", record.nouns) is None:
        return None
    return name.span(1)


def _from(listing: ListingText, start: int, end: int, record: SourceRecord) -> tuple[int, int] | None:
    """ "From Zorvex, this kettle…", at the beginning of a sentence."""
    name = _FROM_NAME.match(listing.text, end)
    begins = not sentences.left_context(listing.normalized, start).strip()
    return name.span(1) if name and begins and not _is_no_name(name[1]) else None


def _line(listing: ListingText, start: int, end: int, record: SourceRecord) -> tuple[int, int] | None:
    """ "Part of the Zorvex kitchen line"."""
    name = _LINE.match(listing.text, end)
    return name.span(1) if name and not _is_no_name(name[1]) else None


def _is_no_name(name: str) -> bool:
    words = tokenizer.PIECE.findall(search_text(name))
    return not words or words[0] in _NO_MAKERS or words[0] in tokenizer.STOP_WORDS


_MAKERS = {"by": _by, "makes": _makes, "from": _from, "part of the": _line}


def _at(listing: ListingText, position: int) -> tuple[Term, ...]:
    return next((terms for start, _, terms in listing.terms if start == position), ())
