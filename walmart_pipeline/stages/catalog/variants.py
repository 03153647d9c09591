"""Tells the options that a page offers ("01 - white, 02 - black") from the facts of the item itself.

An attribute that lists options says what may be chosen. Which one this item is, its name or text may say; where neither
does for certain, nothing is stated. Lists that describe one item stay facts: "black and white", a blend, a size in
three dimensions, the models that a case fits.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from walmart_pipeline.stages.catalog.colors import FAMILIES, SHADES
from walmart_pipeline.text import tokenizer
from walmart_pipeline.text.quantities import quantities
from walmart_pipeline.text.word_search import has_phrase, search_text

# Words of the attributes by which variants of one product differ; their lists are options.
VARYING = frozenset(
    "color colour shade hue size style pattern scent fragrance flavor flavour finish edition theme".split()
)
# Their lists describe one item, whatever they look like.
DESCRIBING = frozenset(
    """
    material fabric composition ingredient compatibility compatible fit feature care include included content component
    dimension measurement language note certification category
    """.split()
)
SIZES = {
    size: size
    for size in (
        "2xs", "xs", "s", "m", "l", "xl", "1xl", "2xl", "3xl", "4xl", "5xl", "6xl", "one size", "nb", "preemie",
        "twin", "twin xl", "full", "full xl", "queen", "king", "cal king", "california king",
    )
} | {
    "xxs": "2xs", "extra small": "xs", "x small": "xs", "small": "s", "medium": "m", "large": "l", "x large": "xl",
    "extra large": "xl", "xxl": "2xl", "xx large": "2xl", "2x large": "2xl", "xxxl": "3xl", "newborn": "nb",
    "1x": "1xl", "2x": "2xl", "3x": "3xl", "4x": "4xl", "5x": "5xl",
}  # fmt: skip
_SEPARATOR = re.compile(r"\s*[,;|]\s+|\s*[;|]\s*|,(?=\D)")
_NUMBERED = re.compile(r"^\(?#?\d{1,3}\)?\s*[-#:.]\s*(?=[^\W\d])")
# What sellers put before a colour to sort it: a-white, 1#black, v-red, 1102 white.
_CODE = re.compile(r"^(?:[a-z]?\d{0,3}[-#:]|#?\d{1,4}[- ])\s*(?=[^\W\d])", re.IGNORECASE)
# "blue, green and wood", "steel, powder-coated", "2 ivory, 2 black": one item with all of them.
_JOINED = re.compile(r"^(?:and|or|with|in|&|\+)\b|\band\b|\bwith\b|\b(?:not|included|only|each)\b", re.IGNORECASE)
_COUNTED = re.compile(r"^(?:\d{1,2}|one|two|three|four) (?=[a-z]{3})", re.IGNORECASE)
_NUMBER = re.compile(r"^\d+(?:\.\d+)?(?:\s?[-/x]\s?\d+(?:\.\d+)?)?(?:[a-z]{1,2}|\")?$", re.IGNORECASE)
_SET = re.compile(r"^(?:set|pack) of \d+$|^\d+[- ]?(?:pack|pk|pcs?|piece|count|ct)$", re.IGNORECASE)
# An assortment holds all of what it lists.
_ASSORTED = re.compile(r"\b(?:assort(?:ed|ment)|variety|sampler|mixed|multi-?pack)\b", re.IGNORECASE)
MOST_WORDS = 5


class Offered(NamedTuple):
    """A value as shown, and the items of the list if its cell is one."""

    shown: str
    items: list[str]


class Divided(NamedTuple):
    """Facts of the item, and the options of its page."""

    attributes: dict[str, str]
    options: dict[str, list[str]]


def divide(offered: Mapping[str, Sequence[Offered]], name: str, texts: Iterable[str]) -> Divided:
    """Divide a record's attributes, each with all values that its columns give, into facts and options."""
    attributes: dict[str, str] = {}
    options: dict[str, list[str]] = {}
    prose = "\n".join(texts)
    for attribute, values in offered.items():
        lists = [_options(attribute, value, name) for value in values]
        # A column with one value beside a column with a list has the value that was chosen.
        single = next((value.shown for value, found in zip(values, lists, strict=True) if not found), None)
        if listed := next(filter(None, lists), None):
            options[attribute] = listed
        if stated := single or _own(attribute, listed or [], name, prose):
            attributes[attribute] = stated
    return Divided(attributes, options)


def _options(attribute: str, value: Offered, name: str) -> list[str]:
    """The options that a value lists; none if it is a fact."""
    words = {tokenizer.stem(word) for word in tokenizer.name_words(attribute)}
    if words & DESCRIBING:
        return []
    is_list = len(value.items) > 1 and bool(words & VARYING)
    parts = value.items if is_list else [part for part in _SEPARATOR.split(value.shown) if part]
    if len(parts) < 2 or not (is_list or _is_choice(words, parts)) or _holds_all(parts, name):
        return []
    return list(dict.fromkeys(_NUMBERED.sub("", part) for part in parts))


def _is_choice(words: set[str], parts: list[str]) -> bool:
    """Whether the parts of a text are options."""
    if sum(_NUMBERED.match(part) is not None for part in parts) >= 2 or all(map(_SET.match, parts)):
        return True
    if any(_JOINED.search(part) for part in parts[1:]):
        return False
    if all(map(_size, parts)) or _one_unit(parts):
        return True
    if all(map(_NUMBER.match, parts)):
        return len(parts) > 2 or bool(words & VARYING)
    last = {part.split()[-1].lower() for part in parts}
    if last <= FAMILIES.keys():
        return len(parts) > 2 or bool(words & VARYING)
    if len(parts) == 2 or any(len(part.split()) > MOST_WORDS for part in parts):
        return False
    # "14k yellow gold, 14k white gold, 14k rose gold": one kind of thing, named in full each time.
    return bool(words & VARYING) or (len(last) == 1 and all(len(part.split()) > 1 for part in parts))


def _holds_all(parts: list[str], name: str) -> bool:
    """Whether the item has all of them: an assortment, "8 Colors" with eight, or a name that has each."""
    if _ASSORTED.search(name):
        return True
    counts = {int(count) for count in re.findall(r"\d{1,2}", name)}
    numbers = [int(part.split()[0]) for part in parts if re.match(r"\d{1,2} [A-Za-z]{3}", part)]
    if len(numbers) == len(parts) and sum(numbers) in counts:
        return True
    if re.search(rf"(?<!\w){len(parts)}[ -](?:colou?rs?|scents?|flavou?rs?)\b", name, re.IGNORECASE):
        return True
    return all(_in_name(_COUNTED.sub("", part), name) for part in parts)


def _one_unit(parts: list[str]) -> bool:
    """Whether each is nothing but a different amount of one kind: 20W, 30W."""
    found = [quantities(part) for part in parts]
    # The last unit may count for all: 16, 18, 20 inch.
    unit = next(iter(found[-1]), None)
    if unit is None or not unit.readings or unit.text.strip() != parts[-1].strip():
        return False
    return all(
        (
            len(each) == 1
            and each[0].text.strip() == part
            and each[0].readings[:1]
            and each[0].readings[0].kind == unit.readings[0].kind
        )
        or (len(parts) > 2 and _NUMBER.match(part))
        for part, each in zip(parts[:-1], found[:-1], strict=True)
    )


def _own(attribute: str, options: list[str], name: str, prose: str) -> str | None:
    """The option that the name or a label in the text gives as this item's; None unless exactly one is."""
    named = [option for option in options if _in_name(option, name)]
    # "navy blue" holds "blue".
    named = [option for option in named if not any(option != other and _holds(other, option) for other in named)]
    if named:
        return _label(named[0], name) if len(named) == 1 and _is_whole(named[0], name) else None
    labelled = re.findall(rf"\b{re.escape(attribute)}\s*[:：]\s*([^.,;\n]+)(?=[.;\n]|$)", prose, re.IGNORECASE)
    stated = {option for option in options for text in labelled if search_text(text).strip() == _plain(option)}
    return stated.pop() if len(stated) == 1 and len(labelled) == 1 else None


def _label(option: str, name: str) -> str:
    """An option without the code before it, unless the name has the code too: gray for "1394 gray"."""
    plain = _CODE.sub("", option)
    is_coded = has_phrase(_spaced(name), _spaced(plain)) and not has_phrase(_spaced(name), _spaced(option))
    return plain if is_coded else option


def _is_whole(option: str, name: str) -> bool:
    """Whether it is the whole colour of a name: no blue of "Royal Blue", no white of "Grey White"."""
    words = _spaced(name).split()
    option_words = _plain(option).split()
    if not option_words or option_words[-1] not in FAMILIES:
        return True
    around = {
        word
        for place in range(len(words) - len(option_words) + 1)
        if words[place : place + len(option_words)] == option_words
        for word in (*words[place - 1 : place], *words[place + len(option_words) : place + len(option_words) + 1])
    }
    return not around & (FAMILIES.keys() | SHADES)


def _holds(longer: str, shorter: str) -> bool:
    """Whether one option has the other in it."""
    return has_phrase(_plain(longer), _plain(shorter))


@lru_cache(maxsize=1 << 12)
def _in_name(option: str, name: str) -> bool:
    """Whether a name has an option as whole words, an amount in any unit, or a size as letter or word."""
    if size := _size(option):
        return size in _sizes(name)
    amounts = quantities(option)
    if len(amounts) == 1 and amounts[0].readings and amounts[0].text.strip() == option.strip():
        return any(_same(amounts[0].readings, found.readings) for found in quantities(name))
    return has_phrase(_spaced(name), _plain(option))


def _same(one: Sequence[tuple[str, float, object]], other: Sequence[tuple[str, float, object]]) -> bool:
    return any(a[0] == b[0] and abs(a[1] - b[1]) <= 0.01 * a[1] for a in one for b in other)


def _plain(option: str) -> str:
    """An option in lower case without numbering and codes."""
    return _spaced(_CODE.sub("", _NUMBERED.sub("", option)))


def _spaced(text: str) -> str:
    return " ".join(search_text(text).split())


def _size(part: str) -> str | None:
    return SIZES.get(_spaced(part))


@lru_cache(maxsize=1 << 10)
def _sizes(name: str) -> frozenset[str]:
    """Sizes in a name; single letters count only in capitals as its last word."""
    words = re.findall(r"[A-Za-z0-9]+", name)
    found = set()
    for place, word in enumerate(words):
        pair = _size(f"{word} {words[place + 1]}") if place + 1 < len(words) else None
        single = _size(word)
        if pair:
            found.add(pair)
        elif single and (len(word) > 1 or (word.isupper() and place == len(words) - 1)):
            found.add(single)
    return frozenset(found)
