"""Estimates of token counts."""

from __future__ import annotations

import math

# OpenAI's own rule of thumb for English ("What are tokens and how to count them?", help.openai.com): 4 characters.
CHARACTERS_PER_TOKEN = 4


def estimate(characters: int) -> int:
    """Estimated tokens of so many characters of English, rounded up; codes and other scripts have more."""
    return math.ceil(characters / CHARACTERS_PER_TOKEN)
