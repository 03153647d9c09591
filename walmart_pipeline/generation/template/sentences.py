"""Splits the source's text into sentences, list items and attributes."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from walmart_pipeline.generation.template.phrases import phrases
from walmart_pipeline.generation.template.words import capitalised, is_left_hanging, without_shouting
from walmart_pipeline.text import sentences

_SYMBOLS = "•●▪◆■□►▶★☆➤➢→·※○◦‣✦❖♦♣♥❤✓✔✅✨☑➡\U0001f300-\U0001faff"
# A symbol at the start of a line, after a sentence's end, or one of several alike opens a list item.
_BULLET = re.compile(rf"(?:^|(?<=[.!?;:])\s*|\s+)[{_SYMBOLS}][{_SYMBOLS}\ufe0f\u200d ]*", re.MULTILINE)
_SYMBOL = re.compile(rf"[{_SYMBOLS}]")
_BRACKETED = re.compile(r"\s*[【\[]([^】\]\n]{2,60})[】\]]\s*[-—–:]*\s*")
_LIST_MARK = re.compile(r"^(?:[-–—*>+~]+\s+|\(?\d{1,2}[.)]\s+(?=\D))+")
_DASHED_HEADING = re.compile(r"^([^a-z]{6,60}?)\s*[-–—]+\s+(?=\S)")
_LABEL = re.compile(r"^([A-Za-z0-9][^:;.!?]{1,50}?)\s?:(?!\d)\s*")
# A label with such an ending begins a sentence and is no heading.
_LEADS_ON = frozenset({"measures", "measure", "includes", "include", "is", "are", "contains", "contain", "features"})
_HEADING_EDGES = " -–—*~•.:;"
_FULL_WIDTH = str.maketrans({"，": ", ", "：": ": ", "；": "; ", "（": " (", "）": ") ", "！": "! ", "。": ". "})

# A longer run of lower-case words without punctuation consists of several statements.
_UNMARKED_WORDS = 24
# A longer sentence is mostly a list of search words, or a list without line breaks.
_SENTENCE_WORDS = 60
_PILE_WORDS = 12
# Up to this a list item without a full stop is a phrase, not a sentence.
_FRAGMENT_WORDS = 6

_MARK = re.compile(r"[,;:!?]|\.\s")
_CLOSERS = "!. \"'”’)…"
_LEADING_SIGNS = re.compile(r"^[^\w\"'“‘(#]+")
_INCHES = re.compile(r'\d"')
# A question, truncated text, a broken encoding, a table row, an unpaired bracket.
_UNREADABLE = re.compile(r"(?:\?|\.\.|…)[\"'”’)]*$|[a-z]\?[a-z]|\ufffd|---|[【】]|^[AQ]\d?\s?:")
# "SilhouetteV"; a name such as PlayStation has the form too, so one or two in a sentence are no fault.
_GLUED = re.compile(r"[a-z]{3}[A-Z]")


@dataclass
class SourceText:
    """Parts of a source's text, in order."""

    sentences: list[str] = field(default_factory=list)
    fragments: list[str] = field(default_factory=list)
    """Short list items without a full stop."""
    headings: list[str] = field(default_factory=list)
    """Text before a colon or dash or in brackets, followed by a sentence."""
    attributes: list[tuple[str, str]] = field(default_factory=list)
    """Name and value of passages such as "Material: steel; Capacity: 1.7 L"."""
    unmarked_words: int = 0
    """Number of words in passages without capitals and punctuation, which can't be split into sentences."""


def read(text: str) -> SourceText:
    """Split a text. Passages that can't be split into sentences are excluded."""
    source = SourceText()
    if not text.isascii():
        text = text.translate(_FULL_WIDTH)
    text = text.replace('""', '"')
    if "【" in text or "[" in text:
        text = _BRACKETED.sub(r"\n\1: ", text)
    if _SYMBOL.search(text):
        text = _BULLET.sub("\n", text)
    for line in text.splitlines():
        item = _LIST_MARK.sub("", " ".join(line.split()))
        if item:
            _read_item(item, source)
    source.fragments = _without_tables(source.fragments)
    return source


def as_sentence(text: str) -> str | None:
    """The text with a capital and one full stop; None for questions, truncated, garbled or repetitive text."""
    text = _LEADING_SIGNS.sub("", without_shouting(text.rstrip(" -–—*~•,;:")))
    bare = text.rstrip(_CLOSERS)
    words = bare.split()
    ended = text.endswith((".", "!"))
    if not 3 <= len(words) <= _SENTENCE_WORDS or _UNREADABLE.search(text) or is_unmarked(text) or _is_pile(words):
        return None
    if (is_left_hanging(words) and not ended) or len(_GLUED.findall(text)) > 2:
        return None
    if text.count("(") != text.count(")") or (text.count('"') % 2 and not _INCHES.search(text)):
        return None
    closing = "".join(sign for sign in text[len(bare) :] if sign not in ".! ")
    return f"{capitalised(bare)}{closing}."


def is_unmarked(text: str) -> bool:
    """Whether a passage is a run of lower-case words without punctuation, too long for one statement."""
    return text.islower() and len(text.split()) > _UNMARKED_WORDS and not _MARK.search(text.rstrip(_CLOSERS))


def _read_item(item: str, source: SourceText) -> None:
    """One line: attributes, or a heading and sentences, or a phrase."""
    pairs = _attribute_pairs(item)
    if pairs:
        source.attributes.extend(pairs)
        return
    dashed = _DASHED_HEADING.match(item)
    if dashed and len(dashed[1].split()) > 1:
        source.headings.append(without_shouting(dashed[1].strip(_HEADING_EDGES)))
        item = item[dashed.end() :]
    for place, piece in enumerate(sentences.split(item)):
        _read_piece(piece, source, opens_item=place == 0)


def _read_piece(piece: str, source: SourceText, *, opens_item: bool) -> None:
    text = piece
    label = _LABEL.match(piece)
    if label and len(label[1].split()) <= 6:
        pairs = _attribute_pairs(piece.rstrip("."))
        if pairs:
            source.attributes.extend(pairs)
            return
        rest = piece[label.end() :]
        if not rest:
            return
        # inside a paragraph a colon belongs to its sentence; "Closure: two hooks" says nothing without its label
        is_heading = (
            opens_item
            and len(label[1].split()) > 1
            and len(rest.split()) > 3
            and (rest[0].isupper() or label[1].isupper())
        )
        if is_heading and label[1].rsplit(" ", 1)[-1].lower() not in _LEADS_ON:
            source.headings.append(without_shouting(label[1].strip(_HEADING_EDGES)))
            text = rest
    if is_unmarked(text):
        source.unmarked_words += len(text.split())
    if text[-1] not in ".!?" and len(text.split()) <= _FRAGMENT_WORDS:
        phrase = _LEADING_SIGNS.sub("", without_shouting(text.rstrip(" -–—*~•,;:")))
        if phrase and not _UNREADABLE.search(phrase):
            source.fragments.append(capitalised(phrase))
        return
    sentence = as_sentence(text)
    if sentence:
        source.sentences.append(sentence)


def _attribute_pairs(item: str) -> list[tuple[str, str]]:
    """Name and value of each part of "Material: steel; Capacity: 1.7 L"; nothing when one part is something else."""
    if ":" not in item or len(item) > 400:
        return []
    pairs = []
    for part in re.split(r"\s*[;|]\s*", item.rstrip(" .;")):
        name, colon, value = part.partition(":")
        name, value = name.strip(), value.strip()
        if not colon or not value or not re.fullmatch(r"[A-Za-z][\w /&()'’.-]{1,30}", name):
            return []
        if len(name.split()) > 4 or len(value.split()) > 6 or ":" in value or re.search(r"[!?]|[a-z]\.\s", value):
            return []
        pairs.append((name, value))
    # one pair alone may be a heading and a short sentence ("Touch of comfort: feel the softness")
    known = len(pairs) > 1 or pairs[0][0].lower() in phrases().kind_of_name
    return pairs if known else []


def _without_tables(fragments: list[str]) -> list[str]:
    """Phrases without table rows, which repeat words with other numbers ("Bust 36, Length 25")."""
    rows = [" ".join(re.findall(r"[^\W\d_]{2,}", phrase.lower())) for phrase in fragments]
    return [phrase for phrase, row in zip(fragments, rows, strict=True) if len(row) > 2 and rows.count(row) == 1]


def _is_pile(words: list[str]) -> bool:
    """Whether a dozen or more words are a list of search words: over a third of them are repeated."""
    if len(words) < _PILE_WORDS:
        return False
    return (
        len(set(" ".join(words).lower().replace(",", "").split())) < 0.65 * len(words)
        or sum("/" in word for word in words) > 4
    )
