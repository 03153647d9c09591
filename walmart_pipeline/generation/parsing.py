"""Parses a provider's raw answer into a listing."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pydantic import ValidationError

from walmart_pipeline.core.records import Listing
from walmart_pipeline.text.units import UNITS

# Bumped when the same answer would give another listing: stored answers are then parsed again.
VERSION = "2"

# All but tab, line feed and carriage return.
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
WORD = re.compile(r"[^\W\d_]{3,}")


class UnusableAnswerError(Exception):
    """The answer is not a listing; the message is the reason."""


def listing(text: str) -> Listing:
    """Parse a raw answer. Raises UnusableAnswerError."""
    try:
        return normalized(Listing.model_validate_json(text))
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, item['loc'])) or 'answer'}: {item['msg']}" for item in error.errors())
        raise UnusableAnswerError(f"the answer is not a listing: {wrong}") from error


def normalized(listing: Listing) -> Listing:
    """The listing without control characters, and with features that were joined by `|` split."""
    return Listing(
        title=_visible(listing.title),
        key_features=[part for feature in listing.key_features for part in _features(_visible(feature))],
        description=_visible(listing.description),
        seo_keywords=[*map(_visible, listing.seo_keywords)],
    )


def _visible(text: str) -> str:
    return CONTROL.sub(lambda found: " " if found[0].isspace() else "", text)


def _features(feature: str) -> Iterator[str]:
    """Split statements at bars; values of a list ("Colors: Red | Blue") get commas instead.

    Sizes ("1/2 | 3/4 in", "S | M | L") and pairs of words ("on|off") keep their bars.
    """
    parts = [part.strip() for part in feature.split("|") if part.strip()]
    if "|" not in feature or not all(map(_has_word, parts)):
        yield feature
        return
    phrases = sum(" " in part for part in parts)
    is_labelled_list = ":" in parts[0] and not any(":" in part for part in parts[1:])
    if 2 * phrases >= len(parts) and not is_labelled_list and (" | " in feature or phrases == len(parts)):
        yield from parts
    else:
        yield ", ".join(parts) if " | " in feature else feature


def _has_word(text: str) -> bool:
    return any(word.lower() not in UNITS for word in WORD.findall(text))
