"""Vocabulary of the claims that are checked: materials, colours, sizes, regulated claims, brands, countries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias, cast

from walmart_pipeline.core.files import read_yaml
from walmart_pipeline.text import tokenizer
from walmart_pipeline.text.word_search import WordSearch

FILE = Path(__file__).parent / "vocabulary.yaml"
Kind: TypeAlias = Literal["material", "color", "size", "claim", "brand", "form", "taste", "origin"]
KINDS: tuple[Kind, ...] = ("material", "color", "size", "claim", "brand", "form", "taste")


class Term(NamedTuple):
    """A word of the vocabulary, whatever its spelling.

    ordinary: it has an everyday meaning too; of a place, an adjective. shortens: it is part of a name of something else
    (leather, faux leather).
    """

    kind: Kind
    word: str
    ordinary: bool = False
    shortens: bool = False


@dataclass(frozen=True)
class Vocabulary:
    """Terms and their relations. forms: every spelling; () for an idiom, which claims nothing."""

    forms: Mapping[str, tuple[Term, ...]]
    search: WordSearch[tuple[Term, ...]]
    narrower: Mapping[Term, frozenset[Term]]
    rivals: Mapping[Term, frozenset[Term]]
    """Mutually exclusive terms, such as FDA approved and FDA registered."""
    passive: frozenset[Term]
    """Colours only if an attribute states them: a text may call anything clear."""
    attributes: Mapping[Kind, tuple[str, ...]]
    """Words in the names of attributes of this kind."""


# Catalogs have some hundred names of attributes.
@lru_cache(maxsize=1 << 14)
def is_about(attribute: str, kind: Kind) -> bool:
    """Whether an attribute of this name has this kind of fact."""
    words = f" {' '.join(map(tokenizer.stem, tokenizer.name_words(attribute)))} "
    return any(f" {tokenizer.stem(word)} " in words for word in vocabulary().attributes[kind])


@cache
def vocabulary() -> Vocabulary:
    """The vocabulary that ships with the package, read once."""
    content = read_yaml(FILE)
    forms: dict[str, list[Term]] = {}
    narrower: dict[Term, frozenset[Term]] = {}
    rivals: dict[Term, frozenset[Term]] = {}
    for kind in KINDS:
        section = content[kind]
        shortens = section.get("short_for", {})
        terms = {word: Term(kind, word, word in section["ordinary"], word in shortens) for word in section["words"]}
        for form, word in _forms(section["words"]):
            forms.setdefault(form, []).append(terms[word])
        for word, words in section["wider"].items():
            narrower[terms[word]] = frozenset(terms[other] for other in words)
        for group in section.get("instead", ()):
            for word in group:
                others = frozenset(terms[other] for other in group if other != word)
                rivals[terms[word]] = rivals.get(terms[word], frozenset()) | others
    origin = content["origin"]
    for form, word in _forms(origin["words"]):
        forms.setdefault(form, []).append(Term("origin", word))
    for form, word in origin["adjectives"].items():
        forms.setdefault(form, []).append(Term("origin", word, ordinary=True))
    for word, words in origin["wider"].items():
        narrower[Term("origin", word)] = frozenset(Term("origin", other) for other in words)
    idioms = (idiom.strip() for idiom in content["idioms"].split(","))
    spelled = {form: tuple(terms) for form, terms in forms.items()} | dict.fromkeys(idioms, ())
    return Vocabulary(
        forms=spelled,
        search=WordSearch(spelled),
        narrower=narrower,
        rivals=rivals,
        passive=frozenset(Term("color", word, ordinary=True) for word in content["color"]["passive"]),
        attributes={
            cast(Kind, kind): tuple(section["attributes"])
            for kind, section in content.items()
            if isinstance(section, dict)
        },
    )


def longest(found: Iterable[tuple[int, int, tuple[Term, ...]]]) -> list[tuple[int, int, tuple[Term, ...]]]:
    """The longest of overlapping matches: "stainless steel", not "steel"; without idioms."""
    kept: list[tuple[int, int, tuple[Term, ...]]] = []
    # They come in the order of their ends.
    for match in found:
        start = match[0]
        while kept and kept[-1][1] > start and kept[-1][0] >= start:
            kept.pop()
        if not kept or kept[-1][1] <= start:
            kept.append(match)
    return [match for match in kept if match[2]]


def _forms(words: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for word, others in words.items():
        for form in (word, *others):
            yield str(form), str(word)
