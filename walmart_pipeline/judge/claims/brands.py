"""Brands, and names in capitals with figures such as model numbers and protection classes (WH-1000XM4, IP67)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from walmart_pipeline.judge.claims import attribution
from walmart_pipeline.judge.claims.listing_text import Claim, ClaimStatus, ListingText, Subject
from walmart_pipeline.judge.claims.record import SHOWN_WORDS, SourceRecord
from walmart_pipeline.judge.claims.vocabulary import Term
from walmart_pipeline.text import sentences, tokenizer
from walmart_pipeline.text.word_search import search_text

# Earlier in the sentence, these introduce what the product is used with or compared to.
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
    """Claim for each brand that the text attributes to the product; a supported brand is listed once."""
    supported: set[Term] = set()
    for start, end, term in listing.terms_of.get("brand", ()):
        # An everyday word in lower case is no name.
        if term not in supported and (listing.text[start].isupper() or not term.ordinary):
            if record.has(term, listing.search_text[start:end]):
                supported.add(term)
                yield Claim("brand", start, end, "supported")
            elif _is_named(term, listing, start, end, record):
                yield Claim("brand", start, end, *_refuted(record))
    for start, end, term in listing.terms_of.get("maker", ()):
        name = _MAKERS[term.word](listing, start, end, record)
        # "From plywood, this shelf".
        if name and not any(other.kind in _LOOKS for other in _at(listing, name[0])):
            yield Claim("brand", *name, *_judged(listing.text[slice(*name)], record))


def _refuted(record: SourceRecord) -> tuple[ClaimStatus, tuple[str, ...]]:
    brand = (record.product.brand or "").strip()
    return ("contradicted", (brand,)) if brand else ("unsupported", ())


def _is_named(term: Term, listing: ListingText, start: int, end: int, record: SourceRecord) -> bool:
    """Whether the text attributes the product to a well-known brand."""
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
    # A capital at the beginning of a sentence proves nothing.
    begins = not left.strip() and not listing.in_title(start)
    return not begins and attribution.part(right, record.nouns) is not None


def _judged(name: str, record: SourceRecord) -> tuple[ClaimStatus, tuple[str, ...]]:
    word = tokenizer.PIECE.findall(search_text(name))[0]
    return ("supported", ()) if record.has_name(word) else _refuted(record)


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
    if name is None or _is_no_name(name[1]) or attribution.part(f" {made}", record.nouns) is None:
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


# A capital, then letters and digits with hyphens; "5G" and "18V" begin with a digit. Searching for digits first takes
# 4 µs a listing, for the leading letter 50.
_FIGURES = re.compile(r"[0-9](?<=[A-Za-z-][0-9])[\w-]*")
_HEAD = re.compile(r"(?<![\w-])[A-Z][A-Za-z]{0,5}(?:-?[A-Z]{0,4})?-?$")
_HEAD_CHARS = 12
# Shorter ones (B12, A4, R5) may name anything; they are only compared with similar ones in the record.
_LONG = 5
_LETTERS = re.compile(r"[a-z]+")
# IP67, IPX7: IEC 60529.
_PROTECTION = re.compile(r"ip[x0-6][0-9]k?")
_USED_WITH = re.compile(
    r"\b(?:compatible|fits?|fitting|for|works?|replac\w+|suits?|supports?|like|unlike|than|vs|versus|compared|similar|"
    r"with|against|"
    r"including|includes?|such as|models|accepts?|uses?|takes?|requires?|not)\b"
)


def model_claims(listing: ListingText, record: SourceRecord) -> Iterator[Claim]:
    """Claim for each model number or protection class that the text attributes to the product."""
    for start, end in _models(listing.text):
        token = search_text(listing.text[start:end]).replace(" ", "").strip("_")
        subject: Subject = "claim" if _PROTECTION.fullmatch(token) else "attribute"
        if record.has_verbatim(listing.text[start:end]) or record.has_name(token):
            yield Claim(subject, start, end, "supported")
            continue
        if _USED_WITH.search(sentences.left_context(listing.normalized, start)):
            continue
        if similar := _similar(token, record):
            yield Claim(subject, start, end, "contradicted", tuple(similar))
        elif subject == "claim" or (len(token) >= _LONG and sum(map(str.isdigit, token)) > 1):
            yield Claim(subject, start, end, "unsupported")


def _models(text: str) -> Iterator[tuple[int, int]]:
    for number_index in _FIGURES.finditer(text):
        if head := _HEAD.search(text, max(0, number_index.start() - _HEAD_CHARS), number_index.start()):
            yield head.start(), number_index.end()


def _similar(token: str, record: SourceRecord) -> list[str]:
    """Names in the record with the same leading letters and other figures; other classes for a protection class."""
    found = []
    for start, end in _models(record.text):
        other = search_text(record.text[start:end]).replace(" ", "")
        if other != token and _family(other) == _family(token):
            found.append(record.text[start:end])
    return list(dict.fromkeys(found))[:SHOWN_WORDS]


def _family(token: str) -> str:
    letters = _LETTERS.match(token)
    return "ip" if _PROTECTION.fullmatch(token) else letters.group() if letters else ""
