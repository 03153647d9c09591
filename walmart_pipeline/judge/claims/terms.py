"""Materials, colours, sizes, parts and regulated claims of a text, compared with the record."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from walmart_pipeline.judge.claims import attribution
from walmart_pipeline.judge.claims.listing_text import Claim, ClaimStatus, ListingText, Subject
from walmart_pipeline.judge.claims.record import SHOWN_WORDS, SourceRecord
from walmart_pipeline.judge.claims.vocabulary import Term, vocabulary
from walmart_pipeline.text import sentences, tokenizer

# Full, queen and twin are sizes only beside a bed.
_BED_AFTER = re.compile(r"[\s-]*(?:size|sized|bed|mattress|sheet|comforter|duvet|quilt|frame)")
_BEDS = frozenset("bed bedding mattress sheet comforter duvet quilt blanket coverlet bedspread headboard".split())
_TITLE_PART = re.compile(r"[,|(/–—]|\s-\s")
_TITLE_END = re.compile(r"\s*(?:$|[,|)(/–—-]|and\b|&)")
_SHADE = re.compile(
    r"\s*(?:(?:and|dark|light|deep|bright|pale|matte|soft|solid|heather|vintage|metallic|[a-z]+ish)\s+)?"
)
# The record may state them as a colour or as a metal.
_METALLIC = frozenset({"gold", "silver", "rose gold"})
# "Dishwasher safe: no".
_ANSWERED_NO = re.compile(r"\s*[:=–-]\s*(?:no|not|none|false|n/?a)\b")
_INSISTS = re.compile(r"\b(?:genuine|real|full[- ]grain|top[- ]grain|100%)\s+$")
# Sizes of clothing: "size 3X", "in size Medium".
_SIZE_LETTERS = r"\d?x{0,3}-?[sl]|m|\dx|(?:(?:x|extra)[- ]?)*(?:small|large)|medium"
_SIZE_NAMED = re.compile(rf"\bsize:?\s+(?:women[’']?s\s+|men[’']?s\s+)?({_SIZE_LETTERS})(?![\w’'-])")
_SIZE = re.compile(rf"(?<![\w’'-])(?:{_SIZE_LETTERS})(?![\w’'-])")

Judgement: TypeAlias = tuple[ClaimStatus, Sequence[str]]


def term_claims(listing: ListingText, record: SourceRecord) -> Iterator[Claim]:
    """Claim for each term that the text attributes to the product; a supported term is listed once."""
    supported: set[str] = set()
    for start, end, terms in listing.terms:
        written = listing.search_text[start:end]
        if written in supported or terms[0].kind not in _JUDGES:
            continue
        # "Full" is mostly no bed size.
        if terms[0].kind == "size" and not (listing.in_title(start) or _is_beside_bed(listing, end)):
            continue
        subject: Subject = "claim" if terms[0].kind == "claim" else "attribute"
        if any(record.has(term, written) for term in terms):
            supported.add(written)
            yield Claim(subject, start, end, "supported")
            continue
        # A word of two kinds, such as bronze, is judged as the first that the sentence means.
        for term in terms:
            if term.kind in _JUDGES and (judged := _JUDGES[term.kind](term, listing, start, end, record)):
                status, has = judged
                yield Claim(subject, start, end, status, tuple(has))
                break


def _look(term: Term, listing: ListingText, start: int, end: int, record: SourceRecord) -> Judgement | None:
    """Judge a material or colour that the record lacks; None if the sentence does not attribute it to the product."""
    normalized, words = listing.normalized, vocabulary()
    left, right = sentences.left_context(normalized, start), sentences.right_context(normalized, end)
    in_title = listing.in_title(start)
    if in_title:
        # "Mugs for Men, White": a comma in a title begins another quality.
        left = _TITLE_PART.split(left)[-1]
    if term.kind == "color" and (record.any_color or f" {term.word} " in record.search_text or term in words.passive):
        return None
    whose = attribution.part(right, record.parts)
    own = record.of_part(whose, term.kind) if whose in record.parts else None
    if attribution.is_about_others(left, right):
        return None
    beside = own is None and not in_title and attribution.is_placed_beside(left)
    if beside and attribution.part(right, record.nouns) not in record.nouns:
        return None
    alone = in_title and (not term.ordinary or bool(_SHADE.fullmatch(left) and _TITLE_END.match(right)))
    own_words = record.number_index.counted if term.kind == "material" else words.materials & record.words
    nouns = record.nouns | record.parts | own_words
    if not alone and not attribution.is_attributed(term.kind, left, right, nouns, ordinary=term.ordinary):
        return None
    longer = words.longer.get(term)
    if longer and record.has(longer) and longer in listing.words and not _INSISTS.search(left):
        return None
    stated = record.stated(term.kind)
    wider = [other for other in stated if term in words.narrower.get(other, ())]
    if wider and not any(other in words.narrower[wide] for wide in wider for other in stated):
        return "unsupported", ()
    if own:
        return "contradicted", (own,)
    if not stated or (term.kind == "material" and whose in words.small_parts):
        return "unsupported", ()
    if term.word in _METALLIC:
        stated = stated | record.stated("material")
    return "contradicted", _shown(stated)


def _is_beside_bed(listing: ListingText, end: int) -> bool:
    """Whether the next words are about a bed: full sheets, not full of holes."""
    return _BED_AFTER.match(sentences.right_context(listing.normalized, end)) is not None


def _size(term: Term, listing: ListingText, start: int, end: int, record: SourceRecord) -> Judgement | None:
    """Judge a bed size."""
    stated = record.stated("size")
    if not stated and (record.nouns.isdisjoint(_BEDS) or not _is_beside_bed(listing, end)):
        return None
    if attribution.is_about_others(sentences.left_context(listing.normalized, start), ""):
        return None
    return ("contradicted", _shown(stated)) if stated else ("unsupported", ())


def _claim(term: Term, listing: ListingText, start: int, end: int, record: SourceRecord) -> Judgement | None:
    """Judge a certification or regulated claim."""
    normalized = listing.normalized
    left, right = sentences.left_context(normalized, start), sentences.right_context(normalized, end)
    if attribution.is_negated(left) or _ANSWERED_NO.match(right) or attribution.is_for_others(left, right):
        return None
    if not listing.in_title(start):
        if attribution.is_of_a_thing_beside(left, right, record.words):
            return None
        # The food cooked in a pan may be vegan.
        if term in vocabulary().dietary and not record.is_food and attribution.names_another_thing(right, record.words):
            return None
    # GOTS is a standard, gots is nothing.
    if term.ordinary and not listing.text[start:end].isupper():
        return None
    if record.terms.get(term) is False:
        return "contradicted", (f"not {term.word}",)
    rivals = [other for other in vocabulary().rivals.get(term, ()) if record.terms.get(other)]
    return ("contradicted", tuple(other.word for other in rivals)) if rivals else ("unsupported", ())


def _form(term: Term, listing: ListingText, start: int, end: int, record: SourceRecord) -> Judgement | None:
    """Judge a product form: tablets for softgels, hardcover for paperback."""
    left, right = sentences.left_context(listing.normalized, start), sentences.right_context(listing.normalized, end)
    rivals = [other.word for other in vocabulary().rivals.get(term, ()) if record.terms.get(other)]
    return ("contradicted", rivals) if rivals and not attribution.is_about_others(left, right) else None


def _taste(term: Term, listing: ListingText, start: int, end: int, record: SourceRecord) -> Judgement | None:
    """Judge a scent, flavour or ingredient, if the record states any."""
    left, right = sentences.left_context(listing.normalized, start), sentences.right_context(listing.normalized, end)
    if not record.describes("taste") or not attribution.is_taste_attributed(
        left, right, is_oil=term.word.endswith((" oil", " butter"))
    ):
        return None
    stated = record.stated("taste")
    return ("contradicted", _shown(stated)) if stated else ("unsupported", ())


def _shown(stated: Mapping[Term, str]) -> Sequence[str]:
    """The record's words as they are written."""
    return tuple(dict.fromkeys(stated.values()))[:SHOWN_WORDS]


_JUDGES = {"material": _look, "color": _look, "size": _size, "claim": _claim, "form": _form, "taste": _taste}


def size_claims(listing: ListingText, record: SourceRecord) -> Iterator[Claim]:
    """Claim for each clothing size in the text, if the record states sizes."""
    if " size " not in listing.search_text:
        return
    stated = {
        _plain_size(size): size
        for name, value in record.product.attributes.items()
        if name.lower().split()[-1:] == ["size"]
        for size in _SIZE.findall(tokenizer.normalized(value))
    }
    if not stated:
        return
    for match in _SIZE_NAMED.finditer(listing.normalized):
        start, end = match.span(1)
        if _plain_size(match[1]) in stated:
            yield Claim("attribute", start, end, "supported")
        else:
            yield Claim("attribute", start, end, "contradicted", tuple(size.upper() for size in stated.values()))


def _plain_size(size: str) -> str:
    """Extra large = X-Large = XL, 3XL = 3X = XXXL."""
    short = re.sub(r"extra|x", "x", size)
    for word, letter in (("small", "s"), ("medium", "m"), ("large", "l")):
        short = short.replace(word, letter)
    short = re.sub(r"[- ]", "", short)
    if match := re.fullmatch(r"(\d)x[l]?", short):
        short = "x" * int(match[1]) + "l"
    return short


_NOT_INCLUDED = re.compile(r"\b([a-z]+) (?:is |are )?(?:not included|sold separately|excluded)\b")
_COMES_WITH = re.compile(r"\b(?:includ(?:es?|ing)|comes? with|ships with|supplied with)\s+(?:[\w-]+\s+){0,2}$")
_IN_THE_BOX = re.compile(r"\s+(?:(?:is|are|comes?)\s+)?(?:included|supplied|in the (?:same )?box)\b(?!\s+[a-z]+s\b)")
_DENIED = re.compile(
    r"\b(?:not|no|none|without|separately|optional|your own|need|needs|required?|isn't|doesn't|instead)\b"
)
_ANSWERED = re.compile(r"\s*[:=–-]\s*(?:no|none|false)\b")
_NO = frozenset({"no", "No", "NO", "n", "N", "false", "False", "none", "None"})
# A denial applies to a word this close before it.
SHORT = 30


class _Denial(NamedTuple):
    """A part that the record denies, in lower-case words. in_the_box: available, but not included."""

    part: str
    statement: str
    in_the_box: bool


def denied_claims(listing: ListingText, record: SourceRecord) -> Iterator[Claim]:
    """Claim for each part that a sentence attributes to the product although the record denies it."""
    for denial in _denials(record):
        # Battery and batteries.
        root = denial.part.removesuffix("y")
        if root not in listing.search_text:
            continue
        for match in re.finditer(rf"\b{root.replace(' ', '[ -]')}(?:y|ies|s|es)?\b", listing.normalized):
            span = match.span()
            is_claimed = _is_boxed if denial.in_the_box else _is_had
            if is_claimed(listing, *span) and not record.quotes(listing.normalized, *span):
                yield Claim("attribute", *span, "contradicted", (denial.statement,))


def _denials(record: SourceRecord) -> Iterator[_Denial]:
    for name, value in record.product.attributes.items():
        if value in _NO:
            *words, last = tokenizer.PIECE.findall(tokenizer.normalized(name)) or [""]
            if words and last == "included":
                yield _Denial(tokenizer.stem(words[-1]), f"{name}: {value}", in_the_box=True)
            # One word alone ("Lid: No") may be used in another sense.
            elif words:
                yield _Denial(" ".join([*words, last]), f"{name}: {value}", in_the_box=False)
    if "not included" in record.search_text or "sold separately" in record.search_text:
        for match in _NOT_INCLUDED.finditer(record.normalized):
            yield _Denial(tokenizer.stem(match[1]), match.group(), in_the_box=True)


def _is_boxed(listing: ListingText, start: int, end: int) -> bool:
    """Whether the sentence says that the part is included."""
    left, right = listing.around(start, end)
    boxed = _COMES_WITH.search(left) or _IN_THE_BOX.match(right)
    return boxed is not None and _DENIED.search(f"{left} {right}") is None


def _is_had(listing: ListingText, start: int, end: int) -> bool:
    """Whether the sentence says that the product has the part: "a built-in side burner"."""
    if listing.has_claim(start, end):
        return False
    left, right = listing.around(start, end)
    return not (_DENIED.search(left) or _ANSWERED.match(right) or _DENIED.search(right[:SHORT]))
