"""Estimates of tokens, before a model has counted them."""

from __future__ import annotations

import math

# OpenAI's own rule of thumb for English ("What are tokens and how to count them?", help.openai.com): 4 characters.
CHARACTERS_PER_TOKEN = 4


def estimate(characters: int) -> int:
    """Tokens of so many characters of English, rounded up. Codes, sizes and other scripts come to more."""
    return math.ceil(characters / CHARACTERS_PER_TOKEN)
