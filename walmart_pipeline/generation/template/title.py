"""Writes the title: brand, what it is, then defining facts, size and count."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from walmart_pipeline.generation.template import grammar
from walmart_pipeline.generation.template.facts import Fact, phrases
from walmart_pipeline.text.tokenizer import stem
from walmart_pipeline.text.units import UNITS

_SIGNS = re.compile(r"[~!*$™®©<>{}^_=\\\ufe0f\u200d☀-➿⬀-⯿\U0001f000-\U0001faff]+")
_PRICE = re.compile(r"\$\s?\d[\d.,]*")
_BORDER = re.compile(r",\s|;\s|\s[-–—|]\s|\s(?=[(\[])")
_NAME_END = re.compile(rf"{_BORDER.pattern}|\s(?:with|w/|for|(?<!\d )in)\s", re.IGNORECASE)
_BRACKETED = re.compile(r"\s*[(\[][^)\]]*[)\]]")
_SPACES = re.compile(r"\s+")
# "Womens", "4 PCs": as an editor writes them.
_POSSESSIVE = re.compile(r"\b((?:Wo)?[Mm]en)s\b")
_PIECES = re.compile(r"(?<!\d )\b(\d+) ?(?:pcs?|pieces?)\b", re.IGNORECASE)
_PIECES_BEFORE_NOUN = re.compile(rf"{_PIECES.pattern}(?= [A-Za-z])", re.IGNORECASE)
# People that a name is for are not what it names.
_PEOPLE = frozenset(
    {"woman", "women", "man", "men", "girl", "boy", "baby", "kid", "toddler", "adult", "pet", "cat", "dog"}
)
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_NO_BRAND = frozenset({"unbranded", "generic", "no brand", "n/a", "none", "unknown", "does not apply"})
# Walmart's recommended length is 50 to 75; a name that says all it has to in 100 stays whole.
_ROOM = 100
# A name without signs of more words than this up to its noun is a list of search words.
_NAME_WORDS = 11
# A shorter name is whole; after a noun, more words are a list too.
_SHORT_NAME = 6
_SHORT_REST = 4
# A number after fewer words belongs to the name.
_FEWEST_WORDS = 3
# Words that go on with a noun: "sheet set".
_COLLECTIVE = frozenset({"set", "sets", "kit", "pack", "pair", "bundle", "collection"})
_UNIT = "|".join(sorted((unit for unit in UNITS if re.fullmatch("[a-zA-Z][a-zA-Z ]+", unit)), key=len, reverse=True))
_MEASURE = re.compile(rf"(?<![\d.x] )\b\d[\d./]*(?: ?x ?\d[\d./]*)* ?(?:{_UNIT})\b", re.IGNORECASE)
_LISTED = re.compile(r"\s*(?:&|,|/|\band\b)\s*")
# A bare number beside another: a point, a dash or a sign was lost between them.
_LOST_SIGN = re.compile(r"(?<!\S)\d+ \d+(?!\S)")


@dataclass(frozen=True)
class Name:
    """A product's name. core: brand and what it is, as the subject of a sentence. noun: in lower case."""

    core: str
    noun: str
    rest: tuple[str, ...]

    @property
    def plural(self) -> bool:
        """Whether its noun is plural."""
        return grammar.is_plural(self.noun.rsplit(" ", 1)[-1])


def name_of(text: str, brand: str | None, category: list[str]) -> Name | None:
    """The parts of a cleaned name; None where it is a list of search words that tells no noun of the category."""
    after = len((brand or "").split())
    end = _NAME_END.search(text, len(brand or "") + 1)
    core, rest = (text[: end.start()], text[end.start() :]) if end else (text, "")
    words = core.split()
    place = _noun_place(words, after, category)
    if not rest and place and len(words) > _SHORT_NAME:
        core, rest = " ".join(words[: place[1]]), " ".join(words[place[1] :])
        rest = f", {rest}" if len(rest.split()) <= _SHORT_REST else ""
        core = _of_one(core) if category[:1] == ["Clothing"] else core
    words = core.split()
    # without signs and a noun of its category, nothing shows what a name names
    if not place and not end and len(words) > _SHORT_NAME:
        return None
    if len(words) > _NAME_WORDS and not place:
        number = next((at for at, word in enumerate(words) if at > _FEWEST_WORDS and word[0].isdigit()), len(words))
        words = words[:number]
        core = " ".join(words)
    if len(words) > _NAME_WORDS:
        return _short_name(words, after, place) if place else None
    noun = " ".join(words[slice(*place)]) if place and place[1] <= len(words) else words[-1]
    if grammar.singular(noun.lower()) in _PEOPLE:
        return None
    return Name(core=tidy(core), noun=noun.lower(), rest=tuple(_segments(rest)))


def _of_one(noun: str) -> str:
    """A name of clothes in the singular: "Tops" are one top, but "Pants" are pants."""
    last = noun.rsplit(" ", 1)[-1].lower()
    if last in phrases().pairs or not grammar.is_plural(last):
        return noun
    return noun[: -len(last)] + noun[-len(last)] + grammar.singular(last)[1:]


def _short_name(words: list[str], after: int, place: tuple[int, int]) -> Name | None:
    """Of a list of search words: brand, for whom, and the noun; facts say the rest."""
    noun = _of_one(" ".join(words[slice(*place)]))
    whom = [word for word in words[after:] if word.lower().rstrip("s").rstrip("'’") in {"women", "men", "girl", "boy"}]
    plus = ["Plus Size"] if "plus size" in " ".join(words).lower() else []
    core = " ".join([*words[:after], *whom[:1], *plus, noun])
    # "Acme Boys Set" says nothing
    return None if noun.lower() in _COLLECTIVE else Name(core=core, noun=noun.lower(), rest=())


def written(name: Name, facts: list[Fact], shortest: int, longest: int) -> str:
    """The title: the core, then parts of the name and values of facts that say something new, while there is room."""
    text, covered = name.core, grammar.content_words(name.core)
    for part in name.rest:
        words = grammar.content_words(part)
        if words - covered and len(text) + len(part) + 2 <= min(longest, _ROOM):
            text, covered = f"{text}{'' if part[0] == ' ' else ', '}{part}", covered | words
    for fact in facts:
        words = grammar.content_words(fact.title or "")
        if fact.title and not words <= covered and len(text) < shortest and len(text) + len(fact.title) + 2 <= longest:
            text, covered = f"{text}, {grammar.title_cased(fact.title)}", covered | words
    # "24 pencils" after a name in title case
    return cut(grammar.title_cased(text) if grammar.title_cased(name.core) == name.core else text, longest)


def clean_name(name: str, brand: str | None) -> str:
    """The source's name without symbols, all caps, years and repeated words, brand first."""
    text = _SPACES.sub(" ", _SIGNS.sub(" ", _PRICE.sub(" ", name))).strip(" ,;-–—|")
    pieces = _PIECES_BEFORE_NOUN if _BORDER.search(text) else _PIECES
    text = pieces.sub(r"\1-Piece", text)
    text = text if _BORDER.search(text) else _POSSESSIVE.sub(r"\1's", text)
    if text.islower() and brand and brand.islower():
        brand = grammar.title_cased(brand)
    keep = frozenset(word.lower() for word in (brand or "").split() if brand and not brand.isupper())
    text = grammar.title_cased(text) if text.islower() else grammar.without_shouting(text, keep)
    return _without_repeats(_brand_first(text, brand))


def compliant(title: str, acceptable: Callable[[str], bool], brand: str | None = None) -> str | None:
    """The title without parts that break a rule: segments, or up to four consecutive words; None if nothing is left.

    What breaks a rule before the brand goes as a whole: "HOT SALE - Acme Kettle".
    """
    if acceptable(title):
        return title
    if brand and (start := title.lower().find(brand.lower())) > 0 and not acceptable(title[:start]):
        title = title[start:]
    title = _BRACKETED.sub(lambda match: match[0] if acceptable(match[0].strip(" ()[]")) else "", title)
    head, *others = [part for part in _BORDER.split(title) if part]
    kept = [part for part in [_without_breaking(head, acceptable), *others] if part and acceptable(part)]
    text = tidy(", ".join(kept))
    return text if text and acceptable(text) else _without_breaking(title, acceptable)


def cut(text: str, longest: int) -> str:
    """At most `longest` characters, ending at a comma, a dash or before a parenthesis, else between two words."""
    if len(text) <= longest:
        return text
    borders = [border.start() for border in _BORDER.finditer(text) if longest // 2 <= border.start() <= longest]
    end = borders[-1] if borders else text.rfind(" ", 0, longest + 1)
    return tidy(text[:end] if end > 0 else "")


def tidy(text: str) -> str:
    """The text without dangling signs and function words, repeated signs and empty parentheses."""
    text = re.sub(r"\(\s*\)|\[\s*\]", " ", text)
    text = re.sub(r"\s+([,;])", r"\1", _SPACES.sub(" ", text))
    text = re.sub(r"([,;])(?:\s*[,;])+", r"\1", text).strip(" ,;:-–—|&+/")
    words = text.split(" ")
    while words and (words[-1] in {"", "&", "-", "–", "+"} or grammar.is_left_hanging(words)):
        words.pop()
    return " ".join(words).strip(" ,;:-–—|&+/")


def _noun_place(words: list[str], after: int, category: list[str]) -> tuple[int, int] | None:
    """Start and end of the first words of a name that end a category ("Towel Sets"), as many as possible."""
    low = [grammar.singular(word.lower().strip("(),")) for word in words]
    # categories name things in the plural: "Kettles" are, "Travel" is none
    things = [
        part.split()
        for level in category
        for part in _LISTED.split(level.lower().split(" for ")[0])
        if grammar.is_plural(last := part.rsplit(" ", 1)[-1]) and grammar.singular(last) not in _PEOPLE
    ]
    found = []
    for thing in things:
        wanted = [grammar.singular(word) for word in thing[-3:]]
        for size in range(1, len(wanted) + 1):
            for start in range(max(after, 1), len(low) - size + 1):
                end = start + size
                end += end < len(low) and low[end] in _COLLECTIVE
                # "Bowl Mats" are no bowl
                following = words[end].lower() if end < len(low) else ""
                # but "Shorts Pockets" are shorts
                parts = {f"{part['noun']}s" for part in phrases().parts}
                is_last = following in grammar.VERBS | parts or not grammar.is_plural(following)
                if low[start : start + size] == wanted[-size:] and is_last:
                    found.append((start, -size, end))
    if not found:
        return None
    start, _, end = min(found)
    return start, end


def _segments(rest: str) -> list[str]:
    """The parts of a name after its noun. With signs as written, else cut at measures."""
    if rest.startswith(" ") and not rest.startswith((" -", " –", " —", " |", " (", " [")):
        head, *others = _BORDER.split(rest)
        parts = [head.rstrip(), *others]
    elif rest.startswith(", ") and not _BORDER.search(rest, 2):
        measured = _MEASURE.sub(lambda match: f", {match[0]}, ", rest[2:])
        parts = measured.split(", ")
    else:
        parts = _BORDER.split(rest)
    return [
        clean if part[:1] != " " else f" {clean}"
        for part in parts
        if (clean := tidy(part.strip(" ()[]"))) and not _LOST_SIGN.search(clean) and not _YEAR.fullmatch(clean)
    ]


def _without_breaking(text: str, acceptable: Callable[[str], bool]) -> str | None:
    """The text without up to four runs of words that break a rule; None if nothing is left."""
    words = text.split(" ")
    for _ in range(4):
        rest = tidy(" ".join(words))
        if not rest or acceptable(rest):
            return rest or None
        window = _breaking_window(words, acceptable)
        if window is None:
            return None
        words = words[: window[0]] + words[window[1] :]
    return None


def _breaking_window(words: list[str], acceptable: Callable[[str], bool]) -> tuple[int, int] | None:
    """The shortest run of words that breaks a rule by itself, first one without which the rest breaks none."""
    windows = [(start, start + size) for size in range(1, 5) for start in range(len(words) - size + 1)]
    alone = [window for window in windows if not acceptable(" ".join(words[slice(*window)]))]
    for start, end in [*alone, *windows]:
        if acceptable(" ".join(words[:start] + words[end:])):
            return start, end
    return alone[0] if alone else None


def _brand_first(text: str, brand: str | None) -> str:
    if not brand or brand.strip().lower() in _NO_BRAND:
        return text
    brand = brand.strip()
    words, wanted = text.split(" "), _alphanumeric(brand)
    owner = _alphanumeric(brand.removesuffix("'s").removesuffix("’s"))
    if owner != wanted and words and _alphanumeric(words[0]) == owner:
        return " ".join([brand, *words[1:]])
    for start in range(len(words)):
        joined = ""
        for end in range(start, len(words)):
            joined += _alphanumeric(words[end])
            if joined == wanted:
                before, after = words[:start], words[end + 1 :]
                found = " ".join(words[start : end + 1])
                own = found if brand.islower() or (found.lower() == brand.lower() and found.istitle()) else brand
                return tidy(f"{own} {' '.join(before + after)}") if start == 0 or not after else text
            if not wanted.startswith(joined):
                break
    return text if wanted in _alphanumeric(text) else f"{brand} {text}"


def _without_repeats(text: str) -> str:
    """The text without segments that add nothing and without repetitions that break the rule title.repeated_words.

    A single repetition stays: "Swim Trunks Beach Shorts 2 in 1 Swimming Shorts" makes no sense without it. A function
    word before a dropped word is dropped too.
    """
    segments: list[str] = []
    for segment in re.split(r"(?<=,)\s", text):
        own = grammar.content_words(segment)
        if not own or not any(own <= grammar.content_words(earlier) for earlier in segments):
            segments.append(segment)
    kept: list[str] = []
    times: Counter[str] = Counter()
    pairs: set[tuple[str, str]] = set()
    before = ""
    for word in " ".join(segments).split(" "):
        bare = stem(word.strip(".,;:()[]\"'").lower())
        if len(bare) < 3 or not bare.isalpha() or bare in grammar.FUNCTION_WORDS:
            kept.append(word)
            # "Gel Pens, 12 pens" counts them
            before = bare if bare.isdigit() else before
            continue
        if times[bare] > 1 or (before, bare) in pairs or before == bare:
            while kept and grammar.is_left_hanging(kept):
                kept.pop()
            if word[-1] in ",;" and kept:
                kept[-1] = kept[-1].rstrip(",;") + word[-1]
            continue
        times[bare] += 1
        pairs.add((before, bare))
        before = bare
        kept.append(word)
    return tidy(" ".join(kept))


def _alphanumeric(text: str) -> str:
    return "".join(filter(str.isalnum, text.lower()))
