"""Finds the phrases of a profile's word lists and the literals of its patterns, all in one pass over a text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Generic, TypeVar

from walmart_pipeline.judge.policy.schema import Phrase
from walmart_pipeline.text import tokenizer

Tag = TypeVar("Tag")
_GAP = re.compile(r"[\s-]+")
# Context reaches as far as the longest phrase in not_before and not_after.
_NEXT = re.compile(r"[\s-]*((?:[^\W_]+(?:['’][^\W_]+)?[\s-]*){1,3})")
_CONTEXT_CHARS = 40
# Context in which a name means a shop.
_SHOP_BEFORE = re.compile(r"\b(?:at|from|by|than|only|like|on|via|visit)\s+$")
_SHOP_AFTER = re.compile(
    r"(?:'s)?\s*(?:stores?|exclusives?|online|brand|shoppers?|gift card|return|prices?|website|app|\.com)\b"
)


class PhraseSearch(Generic[Tag]):
    """Phrases compiled into one Aho–Corasick automaton. A space in a phrase matches any run of spaces and hyphens."""

    def __init__(self, entries: Iterable[tuple[Tag, Phrase]]) -> None:
        """entries: (tag, phrase); the same phrase may have several tags."""
        from ahocorasick_rs import AhoCorasick, Implementation

        tagged: dict[str, list[tuple[Tag, Phrase]]] = {}
        for tag, entry in entries:
            tagged.setdefault(_key(tokenizer.normalized(entry.phrase)), []).append((tag, entry))
        self._automaton = AhoCorasick(tagged, implementation=Implementation.ContiguousNFA)
        self._tagged = list(tagged.values())

    def find(self, text: str, normalized: str) -> list[tuple[Tag, int, int]]:
        """(tag, start, end) of each phrase in order, the longest at each place. normalized: the text normalized."""
        # No phrase spans a blank line or a dash between spaces.
        spaced = normalized.replace("\n\n", "\0\0").replace(" - ", "\0\0\0").replace("-", " ").replace("\n", " ")
        # The automaton takes no lone surrogates.
        spaced = spaced.encode("utf-8", "replace").decode("utf-8")
        # Collapse runs of spaces; `places` maps back to the text.
        places: Sequence[int] = range(len(spaced))
        if "  " in spaced:
            places = [place for place in places if spaced[place] != " " or spaced[place - 1 : place] != " "]
            spaced = "".join([spaced[place] for place in places])
        found = []
        for which, first, last in self._automaton.find_matches_as_indexes(spaced, overlapping=True):
            start, end = places[first], places[last - 1] + 1
            if not (_is_word(normalized[end : end + 1]) or (start and _is_word(normalized[start - 1]))):
                found.append((start, -end, self._tagged[which]))
        phrases: list[tuple[Tag, int, int]] = []
        ends: dict[Tag, int] = {}
        for start, minus_end, tagged in sorted(found, key=lambda item: item[:2]):
            for tag, entry in tagged:
                if start >= ends.get(tag, 0) and _is_meant(entry, text, normalized, start, -minus_end):
                    ends[tag] = -minus_end
                    phrases.append((tag, start, -minus_end))
        return phrases


def _is_word(char: str) -> bool:
    return char.isalnum() or char == "_"


def _key(text: str) -> str:
    return _GAP.sub(" ", text.strip())


def _is_meant(entry: Phrase, text: str, normalized: str, start: int, end: int) -> bool:
    if entry.not_before and _begins_with(normalized[end : end + _CONTEXT_CHARS], entry.not_before):
        return False
    if entry.not_after and _ends_with(normalized[max(0, start - _CONTEXT_CHARS) : start], entry.not_after):
        return False
    if entry.proper:
        return text[start].isupper() or _names_a_shop(normalized, start, end)
    return not entry.ordinary or _is_name(text, normalized, start, end)


def _begins_with(rest: str, words: tuple[str, ...]) -> bool:
    match = _NEXT.match(rest)
    return match is not None and f"{_key(match[1])} ".startswith(tuple(f"{word} " for word in words))


def _ends_with(before: str, words: tuple[str, ...]) -> bool:
    return f" {_key(before).rstrip()}".endswith(tuple(f" {word}" for word in words))


def _names_a_shop(normalized: str, start: int, end: int) -> bool:
    before, after = normalized[max(0, start - _CONTEXT_CHARS) : start], normalized[end : end + _CONTEXT_CHARS]
    return bool(_SHOP_BEFORE.search(before) or _SHOP_AFTER.match(after))


def _is_name(text: str, normalized: str, start: int, end: int) -> bool:
    """Whether an everyday word is used as a shop's name: capitalized, and in prose or beside a word like at or store.

    At the start of a sentence ("Target stubborn stains") or among other capitals ("Dart Target Set") it is not.
    """
    if not text[start].isupper():
        return False
    if _names_a_shop(normalized, start, end):
        return True
    previous = re.search(r"([^\W_]+),?\s+$", text[max(0, start - _CONTEXT_CHARS) : start])
    following = re.match(r"\s+([^\W_]+)|[.,;!?]", text[end : end + _CONTEXT_CHARS])
    return (
        previous is not None
        and previous[1].islower()
        and previous[1] != "in"  # inches, in a title: "18 in Target"
        and following is not None
        and (following[1] is None or following[1].islower())
        and not text[start:end].isupper()
    )
