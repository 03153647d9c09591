"""English forms (plural, article, verb, case) and content words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from walmart_pipeline.core.files import read_yaml
from walmart_pipeline.text.tokenizer import STOP_WORDS, stem
from walmart_pipeline.text.units import COUNTS, units_named

if TYPE_CHECKING:
    import inflect

_WORD = re.compile(r"\d+(?:\.\d+)?|[^\W\d_]+")
# inflect takes "8-year" for "a 8-year", and "LED lamp" for "a LED lamp".
_AN = re.compile(r"(?:8|11(?!\d)|18(?!\d)|(?!U[SKN])[AEFHILMNORSX](?=[A-Z\d]))")
# inflect takes "plus" for the plural of "plu", and these.
_SINGULAR = re.compile(r".*(?:ss|us|is)|lens|canvas|gas|atlas|series|species|always|various|across|perhaps")
_EDGES = "\"'“”‘’()[]{}.,;:!?&"
# Longer names of units are words: 500 Lumens.
_UNIT_LETTERS = 3
# In a model number (X200) or a table (S=US) capitals are no shouting.
_UNSHOUTABLE = frozenset("0123456789=")

# fmt: off
SMALL_WORDS = frozenset({
    "a", "an", "and", "as", "at", "but", "by", "for", "from", "in", "into", "of", "on", "or", "per", "the",
    "to", "via", "vs", "with", "w/",
})
# Words that say nothing by themselves in a sentence; "use" and "over" do.
_SAY_SOMETHING = {"off", "over", "plus", "such", "up", "use", "used", "without"}
FUNCTION_WORDS = SMALL_WORDS | (STOP_WORDS - _SAY_SOMETHING) | frozenset({
    "were", "which", "who", "had", "can", "may", "also", "they", "he", "she", "his", "her", "i", "my", "me", "us",
    "if", "all", "any", "each", "more", "most", "just", "only", "both", "t", "s",
})
# A text that ends with one of these was truncated.
UNFINISHED = SMALL_WORDS | frozenset({
    "is", "are", "that", "which", "your", "our", "their", "its", "this", "these", "has", "have", "when",
})
# Verbs of product texts that are hardly ever nouns.
VERBS = frozenset({
    "has", "have", "offers", "provides", "includes", "keeps", "makes", "gives", "adds", "brings", "allows", "lets",
    "comes", "stays", "creates", "delivers", "ensures", "protects", "helps", "prevents", "contains", "combines",
    "turns", "fits", "features",
})
# fmt: on


@cache
def _engine() -> inflect.engine:
    import typeguard

    # It would recompile inflect's functions with checks of their arguments: 1.8 of the 1.9 s of the import.
    checked = typeguard.typechecked
    typeguard.typechecked = cast(Any, lambda function: function)
    try:
        import inflect
    finally:
        typeguard.typechecked = checked
    return inflect.engine()


@cache
def phrase_file() -> dict[str, Any]:
    """The content of phrases.yaml, to be read only."""
    content: dict[str, Any] = read_yaml(Path(__file__).with_name("phrases.yaml"))
    return content


@cache
def acronyms() -> dict[str, str]:
    """Acronyms by their lower case."""
    return {word.lower(): word for word in phrase_file()["acronyms"]}


@lru_cache(maxsize=4096)
def is_plural(noun: str) -> bool:
    """Whether a lower-case noun is plural."""
    return noun.isalpha() and not _SINGULAR.fullmatch(noun) and bool(_engine().singular_noun(noun))


@lru_cache(maxsize=4096)
def singular(noun: str) -> str:
    """The singular of a lower-case noun."""
    return str(_engine().singular_noun(noun)) if is_plural(noun) else noun


def verb(phrase: str, *, plural: bool) -> str:
    """A verb phrase in the third person ("is made of"), in the number of its subject."""
    first, _, rest = phrase.partition(" ")
    return f"{_plural_verb(first)} {rest}".rstrip() if plural else phrase


def counted(noun: str, number: int) -> str:
    """ "3 drawers", "1 drawer"."""
    head, _, last = noun.rpartition(" ")
    return f"{number} {head} {singular(last) if number == 1 else last}".replace("  ", " ")


def with_article(phrase: str) -> str:
    """ "an LED lamp"; a phrase in the plural takes none."""
    head = re.split(r" (?:of|with|in|on|over) ", phrase, maxsplit=1)[0]
    if is_plural(head.rsplit(" ", 1)[-1]):
        return phrase
    return f"an {phrase}" if _AN.match(phrase) else _article(phrase)


def joined(parts: Sequence[str]) -> str:
    """ "a, b and c"."""
    return f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else "".join(parts)


def spelled_out(value: str, units: dict[str, str]) -> str:
    """Units after a number as words: "1 lb" → "1 pound", "8 x 4 in" → "8 x 4 inches"."""

    def word(match: re.Match[str]) -> str:
        unit = units[match[2]]
        return f"{match[1]} {unit if match[1] == '1' else _plural_noun(unit)}"

    return re.sub(rf"(\d[\d.,/]*) ({'|'.join(sorted(units, key=len, reverse=True))})\b(?! +\d)", word, value)


# Features, prose and attributes use the same sentences; a thousand entries are enough for several products.
@lru_cache(maxsize=1024)
def content_words(text: str) -> frozenset[str]:
    """Words and numbers in lower case, without function words and without a plural s."""
    return frozenset(map(stem, set(_WORD.findall(text.lower())) - FUNCTION_WORDS))


def is_covered(words: frozenset[str], covered: Iterable[frozenset[str]]) -> bool:
    """Whether an earlier text has at least 70 % of these content words, since repetitions may differ by a word."""
    return not words or any(len(words & other) >= 0.7 * len(words) for other in covered)


def is_left_hanging(words: list[str]) -> bool:
    """Whether the last word needs another one; "in" after a number is an inch."""
    last = words[-1].lower()
    return last in UNFINISHED and not (last == "in" and len(words) > 1 and words[-2][-1].isdigit())


def capitalised(text: str) -> str:
    """The text with a capital, unless its first word has one already (iPhone)."""
    first = text.split(" ", 1)[0]
    return text if first != first.lower() else text[:1].upper() + text[1:]


def is_shouted(word: str) -> bool:
    """Whether a word is all caps, with at least two letters; model numbers (X200) are not."""
    return word.isupper() and sum(map(str.isalpha, word)) > 1 and not any(map(_UNSHOUTABLE.__contains__, word))


def without_shouting(text: str, keep: frozenset[str] = frozenset()) -> str:
    """A name with its all-caps words in title case if it has two of them in a row; acronyms and words to keep stay."""
    words = text.split(" ")
    loud = [is_shouted(word) and len(word.strip(_EDGES)) > 3 for word in words]
    if sum(loud) < 2:
        return text
    units = _unit_places(words)
    for place, word in enumerate(words):
        bare = word.strip(_EDGES).lower()
        if is_shouted(word) and place not in units and bare not in acronyms() and bare not in keep:
            words[place] = word.lower() if bare in SMALL_WORDS and place else _with_capitals(word.lower())
    return " ".join(words)


def title_cased(text: str) -> str:
    """A text with its lower-case words in title case and acronyms in capitals: 10 in, but 24 Pencils."""
    words = text.split(" ")
    units = _unit_places(words)
    for place, word in enumerate(words):
        bare = word.strip(_EDGES)
        if bare in acronyms():
            words[place] = word.replace(bare, acronyms()[bare])
        elif (
            len(bare) > 1
            and word.islower()
            and place not in units
            and not any(map(str.isdigit, word))
            and (place == 0 or bare not in SMALL_WORDS)
        ):
            words[place] = _with_capitals(word)
    return " ".join(words)


def _unit_places(words: Sequence[str]) -> set[int]:
    """Places of the abbreviated units after numbers, which are written as they are."""
    found: set[int] = set()
    for place, (before, _) in enumerate(pairwise(words), start=1):
        for parts in (words[place : place + 2], words[place : place + 1]) if before[-1:].isdigit() else ():
            unit = " ".join(parts).strip(_EDGES).lower()
            is_short = max(map(len, unit.split()), default=0) <= _UNIT_LETTERS
            if is_short and unit not in COUNTS and units_named(unit, glued=False):
                found.update(range(place, place + len(parts)))
    return found


@lru_cache(maxsize=256)
def _plural_verb(word: str) -> str:
    return str(_engine().plural_verb(word))


@lru_cache(maxsize=256)
def _plural_noun(word: str) -> str:
    return str(_engine().plural_noun(word))


@lru_cache(maxsize=4096)
def _article(phrase: str) -> str:
    return str(_engine().a(phrase))


def _with_capitals(word: str) -> str:
    """The word with a capital, and one after each hyphen."""
    return "-".join(map(_with_capital, word.split("-")))


def _with_capital(word: str) -> str:
    for place, letter in enumerate(word):
        if letter.isalpha():
            return word[:place] + letter.upper() + word[place + 1 :]
    return word
