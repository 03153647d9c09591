"""Writes the title: the cleaned name, cut at a natural boundary or extended by further attributes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable

from walmart_pipeline.generation.template.attributes import Fact
from walmart_pipeline.generation.template.words import (
    FUNCTION_WORDS,
    content_words,
    is_left_hanging,
    is_shouted,
    title_cased,
    without_shouting,
)
from walmart_pipeline.text.tokenizer import stem

_SIGNS = re.compile(r"[~!*$™®©<>{}^_=\\\ufe0f\u200d☀-➿⬀-⯿\U0001f000-\U0001faff]+")
_PRICE = re.compile(r"\$\s?\d[\d.,]*")
_BORDER = re.compile(r",\s|;\s|\s[-–—|]\s|\s(?=[(\[])")
_CORE_BORDER = re.compile(rf"{_BORDER.pattern}|\s(?:with|for)\s", re.IGNORECASE)
_SPACES = re.compile(r"\s+")
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_NO_BRAND = frozenset({"unbranded", "generic", "no brand", "n/a", "none", "unknown", "does not apply"})
# Walmart's recommended length (contract: 50 to 75): size and count are added up to it even when 50 are reached.
_RECOMMENDED_CHARS = 75
# A shorter first part may be little more than the brand.
_CORE_CHARS = 18
# Longer values are no part of a title.
_PART_CHARS = 40


def clean_name(name: str, brand: str | None) -> str:
    """The source's name without symbols, all caps and repeated words, brand first."""
    text = _SPACES.sub(" ", _SIGNS.sub(" ", _PRICE.sub(" ", name))).strip(" ,;-–—|")
    if text.islower() and brand and brand.islower():
        brand = title_cased(brand)
    keep = frozenset(word.lower() for word in (brand or "").split())
    letters = [word for word in text.split(" ") if any(map(str.isalpha, word))]
    if sum(map(is_shouted, letters)) * 2 > len(letters) or text.islower():
        text = title_cased(text.lower()) if text.islower() else without_shouting(text, keep, titled=True)
    else:
        text = without_shouting(text, keep, titled=True)
    return _without_repeats(_brand_first(text, brand))


def has_brand(text: str, brand: str | None) -> bool:
    """Whether the text names the brand, whatever its spaces and signs."""
    return bool(brand) and _alphanumeric(brand or "") in _alphanumeric(text)


def extended(name: str, facts: list[Fact], title_min: int, title_max: int) -> str:
    """A name extended by values that it lacks: size and count up to the recommended length, others up to title_min."""
    text = cut(name, title_max)
    covered = content_words(text)
    parts = [(fact, part) for fact in facts if (part := _title_part(fact))]
    first = [(fact, part) for fact, part in parts if fact.kind.name in {"size", "capacity", "count"}]
    for fact, part in [*first, *(pair for pair in parts if pair not in first)]:
        is_first = fact.kind.name in {"size", "capacity", "count"}
        longest = min(title_max, _RECOMMENDED_CHARS) if is_first and len(text) >= title_min else title_max
        words = content_words(part)
        if len(text) >= title_min and not is_first:
            continue
        # no word twice
        if words & covered or not words or len(text) + len(part) + 2 > longest or _YEAR.search(part):
            continue
        text, covered = f"{text}, {part}", covered | words
    return text


def compliant(title: str, acceptable: Callable[[str], bool]) -> str | None:
    """The title without parts that break a rule: segments, or up to four consecutive words; None if nothing is left."""
    if acceptable(title):
        return title
    head, *others = [part for part in _BORDER.split(title) if part]
    kept = [part for part in [_without_breaking(head, acceptable), *others] if part and acceptable(part)]
    text = tidy(", ".join(kept))
    if text and acceptable(text):
        return text
    return _without_breaking(title, acceptable)


def core(name: str) -> str:
    """The name up to a comma, dash, "with" or "for", long enough for a sentence."""
    border = _CORE_BORDER.search(name, _CORE_CHARS)
    return tidy(name[: border.start()]) if border else name


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
    while words and (words[-1] in {"", "&", "-", "–", "+"} or is_left_hanging(words)):
        words.pop()
    return " ".join(words).strip(" ,;:-–—|&+/")


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


def _title_part(fact: Fact) -> str | None:
    if fact.kind.title is None or fact.yes is not None or len(fact.value) > _PART_CHARS:
        return None
    if "," in fact.value or " and " in fact.value:
        return None
    value = fact.value
    bare = value.replace(".", "", 1).isdigit()
    if fact.kind.name == "count" and bare:
        value = f"{value} {'Piece' if 'piece' in fact.name else 'Pack' if 'pack' in fact.name else 'Count'}"
    elif fact.kind.name == "size" and (bare or len(value) < 4):
        value = f"Size {value}"
    return fact.kind.title.format(value=title_cased(value))


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
                brand = _written(brand, " ".join(words[start : end + 1]))
                if start == 0 or not after:
                    rest = tidy(" ".join(before + after))
                    return f"{brand} {rest}".strip()
                return text
            if not wanted.startswith(joined):
                break
    return text if wanted in _alphanumeric(text) else f"{brand} {text}"


def _written(brand: str, found: str) -> str:
    """The brand as in the record, or as in the name if only the case differs and it is not all caps."""
    if brand.islower() or (found.lower() == brand.lower() and not found.islower() and not found.isupper()):
        return found
    return brand


def _without_repeats(text: str) -> str:
    """The text without segments that add nothing and without repetitions that break the rule title.repeated_words.

    A single repetition stays: "Swim Trunks Beach Shorts 2 in 1 Swimming Shorts" makes no sense without it. A function
    word before a dropped word is dropped too.
    """
    segments: list[str] = []
    for segment in re.split(r"(?<=,)\s", text):
        own = content_words(segment)
        if not own or not any(own <= content_words(earlier) for earlier in segments):
            segments.append(segment)
    text = " ".join(segments)
    kept: list[str] = []
    times: Counter[str] = Counter()
    pairs: set[tuple[str, str]] = set()
    before = ""
    for word in text.split(" "):
        bare = stem(word.strip(".,;:()[]\"'").lower())
        if len(bare) < 3 or not bare.isalpha() or bare in FUNCTION_WORDS:
            kept.append(word)
            continue
        if times[bare] > 1 or (before, bare) in pairs:
            while kept and is_left_hanging(kept):
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
