"""Writes the description: two short paragraphs, of the source's good sentences and of facts."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from zlib import crc32

from walmart_pipeline.generation.template import grammar
from walmart_pipeline.generation.template.facts import Fact, phrases
from walmart_pipeline.generation.template.source import Sentence
from walmart_pipeline.generation.template.title import Name

# A shopper reads a paragraph of some 90 words; facts need no more sentences than four.
_PROSE_WORDS = 90
_FACT_SENTENCES = 4
_ENOUGH_PROSE = 40
# A shorter first line may be a heading.
_OPENING_WORDS = 6
_VERBS_A_SENTENCE = 3
_OBJECTS_A_VERB = 3
# Kinds that say what a product is, rather than how big.
_OPENERS = frozenset({"material", "capacity", "count", "color", "animal", "parts"})


def describe(
    *,
    name: Name,
    seed: str,
    prose: list[Sentence],
    facts: list[Fact],
    features: list[str],
    longest: int,
    acceptable: Callable[[str], bool],
) -> str:
    """Two paragraphs of at most `longest` characters. seed: chooses the wording, the same for the same product."""
    covered = [grammar.content_words(name.core)]
    chosen = _prose(prose, covered, features, acceptable)
    said = [grammar.content_words(text) for text in [*chosen, *features]]
    # "has a seat height of 18 inches" reads like a table: raters named it most
    left = [fact for fact in facts if fact.kind != "other" and not _is_stated(fact, said)]
    # what the name tells needs no sentence where there are others
    if sum(len(sentence.split()) for sentence in chosen) >= _ENOUGH_PROSE:
        told = [grammar.content_words(" ".join([name.core, *name.rest]))]
        left = [fact for fact in left if fact.kind == "material" or not _is_stated(fact, told)]
    opening, left = _opening(name, seed, left, chosen)
    statements = [sentence for sentence in _statements(name, seed, left) if acceptable(sentence)]
    first = [*opening, *chosen]
    while len(" ".join([*first, *statements])) + 2 > longest and (statements or first):
        (statements or first).pop()
    return "\n\n".join(" ".join(paragraph) for paragraph in (first, statements) if paragraph)


def _prose(
    prose: list[Sentence], covered: list[frozenset[str]], features: list[str], acceptable: Callable[[str], bool]
) -> list[str]:
    """The first sentences that say something new, of one passage where it is long enough.

    One that does not stand by itself comes only right after another, or where it opens the text.
    """
    covered = [*covered, *map(grammar.content_words, features)]
    chosen: dict[int, str] = {}
    words = 0
    for sentence in prose:
        own = grammar.content_words(sentence.text)
        count = len(sentence.text.split())
        follows = sentence.place - 1 in chosen or (sentence.place == 1 and count >= _OPENING_WORDS)
        if words + count > _PROSE_WORDS or (words >= _ENOUGH_PROSE and not follows):
            break
        if not (sentence.whole or follows) or grammar.is_covered(own, covered):
            continue
        if acceptable(sentence.text):
            chosen[sentence.place] = sentence.text
            covered.append(own)
            words += count
    return list(chosen.values())


def _opening(name: Name, seed: str, facts: list[Fact], prose: list[str]) -> tuple[list[str], list[Fact]]:
    """A sentence that names the product by one or two facts, and the facts that are left."""
    if prose and grammar.content_words(name.core) & grammar.content_words(prose[0]) and len(prose) > 2:
        return [], facts
    openers = [fact for fact in facts if fact.kind in _OPENERS]
    said = _sayable(openers, name.core)[: 1 + crc32(seed.encode()) % 2]
    if not said:
        return [], facts
    determiners = phrases().determiners["plural" if name.plural else "singular"]
    determiner = determiners[crc32(f"{seed} opening".encode()) % len(determiners)]
    sentence = f"{determiner} {name.core} {_predicates(said, plural=name.plural)}."
    return [sentence], [fact for fact in facts if fact not in said]


def _statements(name: Name, seed: str, facts: list[Fact]) -> list[str]:
    """Facts as sentences of two or three, with "the kettle" and "it" by turns."""
    spoken = _sayable(facts, name.noun)
    by_verb = [list(group) for _, group in groupby(spoken, key=lambda fact: fact.verb)]
    parts = [group[at : at + _OBJECTS_A_VERB] for group in by_verb for at in range(0, len(group), _OBJECTS_A_VERB)]
    size = 2 + crc32(f"{seed} size".encode()) % (_VERBS_A_SENTENCE - 1)
    sentences: list[str] = []
    for at in range(0, len(parts), size):
        subject = ("They" if name.plural else "It") if len(sentences) % 2 else f"The {name.noun}"
        said = [fact for part in parts[at : at + size] for fact in part]
        sentences.append(f"{subject} {_predicates(said, plural=name.plural)}.")
    return sentences[:_FACT_SENTENCES] + [fact.sentence for fact in facts if fact.sentence][:2]


def _sayable(facts: list[Fact], subject: str) -> list[Fact]:
    """Facts with a verb, without what the subject says: no cast iron skillet that is made of cast iron."""
    said = grammar.content_words(subject)
    return [fact for fact in facts if fact.verb and not ((own := grammar.content_words(fact.object)) and own <= said)]


def _predicates(facts: list[Fact], *, plural: bool) -> str:
    """ "weighs 3.3 pounds and holds 3 quarts"; facts of one verb share it. One bib weighs no "4 ounces each"."""
    parts = []
    for verb, group in groupby(facts, key=lambda fact: fact.verb or ""):
        objects = [fact.object if plural else fact.object.removesuffix(" each") for fact in group]
        parts.append(f"{grammar.verb(verb, plural=plural)} {grammar.joined(objects)}")
    return grammar.joined(parts)


def _is_stated(fact: Fact, covered: list[frozenset[str]]) -> bool:
    return bool(fact.words) and any(
        fact.words <= words or (len(fact.written) > 1 and fact.written <= words) for words in covered
    )
