"""Names in capitals: models and part numbers (WH-1000XM4, IP67), and bodies that certify (NSF certified)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from walmart_pipeline.judge.claims import context
from walmart_pipeline.judge.claims.claim import Claim, Subject
from walmart_pipeline.judge.claims.listing_text import ListingText
from walmart_pipeline.judge.claims.record import SHOWN_WORDS, SourceRecord
from walmart_pipeline.text import sentences
from walmart_pipeline.text.word_search import search_text

# A capital, then letters and digits with hyphens; "5G" and "18V" begin with a digit. Digits are looked for first: a
# pattern that begins with a letter is tried at each word and took 50 µs a listing, this one 4.
_FIGURES = re.compile(r"[0-9](?<=[A-Za-z-][0-9])[\w-]*")
_HEAD = re.compile(r"(?<![\w-])[A-Z][A-Za-z]{0,5}(?:-?[A-Z]{0,4})?-?$")
_HEAD_CHARS = 12
# Shorter ones (B12, A4, R5) are names of anything; they are asked only against their like in the record.
_LONG = 5
_LETTERS = re.compile(r"[a-z]+")
# IP67, IPX7: IEC 60529.
_PROTECTION = re.compile(r"ip[x0-6][0-9]k?")
_OTHERS = re.compile(
    r"\b(?:compatible|fits?|fitting|for|works?|replac\w+|suits?|supports?|like|unlike|than|vs|versus|compared|similar|"
    r"with|against|"
    r"including|includes?|such as|models|accepts?|uses?|takes?|requires?|not)\b"
)
# Bodies are called by their capitals; "Fully Certified" in a title names none.
_BODY = r"[A-ZÀ-Þ][A-ZÀ-Þ0-9&]+(?:-[A-Z0-9]+)*"
_BODY_BEFORE = re.compile(rf"(?<![\w-])({_BODY})(?:\s+[A-Z][\w-]+){{0,2}}[\s-]+$")
_BODY_AFTER = re.compile(rf"(?:\s+[a-z][\w-]*){{0,4}}\s+(?:by|to|from)\s+(?:the\s+)?({_BODY})\b")
_REACH = 60


def model_claims(listing: ListingText, record: SourceRecord) -> Iterator[Claim]:
    """Each model number or protection class that the text gives to the product."""
    for start, end in _models(listing.text):
        token = search_text(listing.text[start:end]).replace(" ", "").strip("_")
        subject: Subject = "claim" if _PROTECTION.fullmatch(token) else "attribute"
        if record.shows(listing.text[start:end]) or record.has_name(token):
            yield Claim(subject, start, end, "supported")
            continue
        if _OTHERS.search(sentences.left_context(listing.normalized, start)):
            continue
        like = _alike(token, record)
        if like:
            yield Claim(subject, start, end, "contradicted", tuple(like))
        elif subject == "claim" or (len(token) >= _LONG and sum(map(str.isdigit, token)) > 1):
            yield Claim(subject, start, end, "unsupported")


def _models(text: str) -> Iterator[tuple[int, int]]:
    for number_index in _FIGURES.finditer(text):
        if head := _HEAD.search(text, max(0, number_index.start() - _HEAD_CHARS), number_index.start()):
            yield head.start(), number_index.end()


def _alike(token: str, record: SourceRecord) -> list[str]:
    """Names in the record with the same letters in front and other figures; of a protection class, another class."""
    found = []
    for start, end in _models(record.text):
        other = search_text(record.text[start:end]).replace(" ", "")
        if other != token and _family(other) == _family(token):
            found.append(record.text[start:end])
    return list(dict.fromkeys(found))[:SHOWN_WORDS]


def _family(token: str) -> str:
    letters = _LETTERS.match(token)
    return "ip" if _PROTECTION.fullmatch(token) else letters.group() if letters else ""


def certificate_claims(listing: ListingText, record: SourceRecord) -> Iterator[Claim]:
    """Each certificate with the name of a body, unsupported where the record does not name the body."""
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
        elif not context.is_negated(sentences.left_context(listing.normalized, first)):
            yield Claim("claim", first, last, "unsupported")
