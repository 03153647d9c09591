"""Finds the forbidden phrases of a profile's word lists, all in one pass over a text.

Belongs here: matching whole phrases, and the words beside them that give another meaning.
Does not: which rule a phrase breaks, or the product's own brand (judge.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

from walmart_pipeline.quality import texts
from walmart_pipeline.quality.policy import Phrase

Trie: TypeAlias = dict[str, Any]
_END = ""
_GAP = re.compile(r"[\s-]+")
# Context reaches as far as the longest phrase in not_before and not_after.
_NEXT = re.compile(r"[\s-]*((?:[^\W_]+(?:['’][^\W_]+)?[\s-]*){1,2})")
_CONTEXT_CHARS = 40
# Beside a name these tell that a shop is meant.
_SHOP_BEFORE = re.compile(r"\b(?:at|from|by|than|only)\s+$")
_SHOP_AFTER = re.compile(r"(?:'s)?\s*(?:stores?|exclusives?|online|brand|shoppers?|gift card|return|\.com)\b")


class PhraseSearch:
    """Phrases compiled into one alternation; a space in a phrase matches any run of spaces and hyphens."""

    def __init__(self, entries: Iterable[tuple[str, Phrase]]) -> None:
        """entries: (rule id, phrase); the same phrase may serve several rules."""
        self._entries: dict[str, list[tuple[str, Phrase]]] = {}
        trie: Trie = {}
        for rule, entry in entries:
            key = _key(texts.folded(entry.phrase))
            self._entries.setdefault(key, []).append((rule, entry))
            node = trie
            for char in key:
                node = node.setdefault(char, {})
            node[_END] = True
        self._regex = re.compile(rf"(?<!\w)(?=({_expression(trie)}))") if trie else None

    def find(self, text: str, folded: str) -> Iterator[tuple[str, int, int]]:
        """(rule id, start, end) of each phrase, the longest at each place; `folded` is texts.folded(text)."""
        if self._regex is None:
            return
        ends: dict[str, int] = {}
        for match in self._regex.finditer(folded):
            start, end = match.span(1)
            for rule, entry in self._entries[_key(match[1])]:
                if start >= ends.get(rule, 0) and _is_meant(entry, text, folded, start, end):
                    ends[rule] = end
                    yield rule, start, end


def _key(text: str) -> str:
    return _GAP.sub(" ", text.strip())


def _expression(node: Trie) -> str:
    branches = [
        (r"[\s-]+" if char == " " else re.escape(char)) + _expression(below)
        for char, below in node.items()
        if char != _END
    ]
    # Last, so that a longer phrase is tried first; it must end where a word ends.
    if _END in node:
        branches.append(r"(?!\w)")
    return branches[0] if len(branches) == 1 else f"(?:{'|'.join(branches)})"


def _is_meant(entry: Phrase, text: str, folded: str, start: int, end: int) -> bool:
    if entry.not_before and _begins_with(folded[end : end + _CONTEXT_CHARS], entry.not_before):
        return False
    if entry.not_after and _ends_with(folded[max(0, start - _CONTEXT_CHARS) : start], entry.not_after):
        return False
    return not entry.ordinary or _is_name(text, folded, start, end)


def _begins_with(rest: str, words: tuple[str, ...]) -> bool:
    match = _NEXT.match(rest)
    return match is not None and f"{_key(match[1])} ".startswith(tuple(f"{word} " for word in words))


def _ends_with(before: str, words: tuple[str, ...]) -> bool:
    return f" {_key(before)}".endswith(tuple(f" {word}" for word in words))


def _is_name(text: str, folded: str, start: int, end: int) -> bool:
    """Whether an everyday word is used as a shop's name: capitalised, and beside a word like at or store or in prose.

    At the start of a sentence ("Target stubborn stains") and among other capitals ("Dart Target Set") it is not.
    """
    if not text[start].isupper():
        return False
    before, after = folded[max(0, start - _CONTEXT_CHARS) : start], folded[end : end + _CONTEXT_CHARS]
    if _SHOP_BEFORE.search(before) or _SHOP_AFTER.match(after):
        return True
    previous = re.search(r"([^\W_]+),?\s+$", text[max(0, start - _CONTEXT_CHARS) : start])
    following = re.match(r"\s*([^\W_]+)", text[end : end + _CONTEXT_CHARS])
    return (
        previous is not None
        and previous[1].islower()
        and (following is None or following[1].islower())
        and not text[start:end].isupper()
    )
