"""How a user likes texts to sound, within what the policy and the record allow."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, Field

from walmart_pipeline.core.records import Listing, Product, Record
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.text import english, tokenizer
from walmart_pipeline.text.units import COUNTS, UNITS

Tone: TypeAlias = Literal["", "plain", "friendly", "lively", "technical"]
ReadingLevel: TypeAlias = Literal["", "easy", "general", "expert"]

# A choice as a model is told it; a preference is never free text, which could give the model other orders.
TONES: dict[str, str] = {
    "plain": "plain and factual",
    "friendly": "warm and friendly, speaking to the shopper as you",
    "lively": "lively, with active verbs and short sentences",
    "technical": "technical and precise",
}
READING_LEVELS: dict[str, str] = {
    "easy": "easy: short sentences and everyday words, as for a reader of ten years",
    "general": "general: as in a newspaper",
    "expert": "expert: terms of the trade need no explanation",
}
# Of words to use, and of words to avoid: more would leave the model little to choose from.
MOST_WORDS = 20
_PHRASE = re.compile(r"[^\W_]+(?:['’.&/-]?[ ]?[^\W_]+)*")
LONGEST_PHRASE, WORDS_IN_PHRASE = 40, 4
# Their classes in english.yaml.
_FUNCTION_WORDS = frozenset("dopcvbtniqwm")
# To judge a phrase by itself.
_NOTHING = Product(product_id="", product_name="Item")


def _phrases(given: list[str]) -> list[str]:
    phrases = list(dict.fromkeys(" ".join(phrase.split()) for phrase in given if phrase.strip()))
    for phrase in phrases:
        if (
            not _PHRASE.fullmatch(phrase)
            or len(phrase) > LONGEST_PHRASE
            or len(phrase.split()) > WORDS_IN_PHRASE
            or not any(letter.isalpha() for letter in phrase)
        ):
            raise ValueError(f"“{phrase[:LONGEST_PHRASE]}” is no word: use up to {WORDS_IN_PHRASE} words of letters")
    return phrases


Phrases: TypeAlias = Annotated[list[str], Field(max_length=MOST_WORDS), AfterValidator(_phrases)]


class UserPreferences(Record):
    """A user's preferences for texts; empty ones leave the choice to the writer."""

    tone: Tone = ""
    reading_level: ReadingLevel = ""
    words_to_use: Phrases = Field(default_factory=list, description="Where the record supports them.")
    words_to_avoid: Phrases = Field(default_factory=list, description="Save in the product's own name.")
    default_provider: str = Field(
        default="", description="Chosen first where texts are asked for; not told to a model."
    )

    def for_prompt(self) -> dict[str, str]:
        """The preferences as a model is told them, and as training examples keep them; empty ones are left out."""
        told = {
            "tone": TONES.get(self.tone, ""),
            "reading_level": READING_LEVELS.get(self.reading_level, ""),
            "words_to_use": ", ".join(self.words_to_use),
            "words_to_avoid": ", ".join(self.words_to_avoid),
        }
        return {name: text for name, text in told.items() if text}


def refusals(preferences: UserPreferences, judge: Judge) -> list[str]:
    """Why the policy does not allow these preferences; empty if it does."""
    both = {phrase.lower() for phrase in preferences.words_to_use} & {
        phrase.lower() for phrase in preferences.words_to_avoid
    }
    found = [f"“{phrase}” can't be both used and avoided: remove it from one list" for phrase in sorted(both)]
    for phrase in preferences.words_to_use:
        if rules := judge.broken_by(phrase, _NOTHING):
            found.append(f"“{phrase}” can't be a word to use: the policy forbids it ({', '.join(rules)})")
    found += [
        f"“{phrase}” can't be a word to avoid: {reason}"
        for phrase in preferences.words_to_avoid
        if (reason := _needed(phrase))
    ]
    return found


def _needed(phrase: str) -> str | None:
    """Why the policy needs a word in texts; None if it does not."""
    words = tokenizer.PIECE.findall(tokenizer.normalized(phrase))
    if any(unit.kind not in COUNTS for unit in UNITS.get(phrase.lower(), ())):
        return "a number needs the unit of its record (grounding.number)"
    if all(word_class in _FUNCTION_WORDS for word_class in english.word_classes(words)):
        return "a text without such words is not read as English sentences (listing.incoherent, listing.non_english)"
    return None


def departures(preferences: UserPreferences, product: Product, listing: Listing) -> list[str]:
    """Where a text does not follow the preferences in its words; what the product's name or brand has may stay."""
    texts = [listing.title, *listing.key_features, listing.description]
    text, own = _words(texts), _words([product.product_name, product.brand or ""])
    unwanted = [p for p in preferences.words_to_avoid if _words([p]) in text and _words([p]) not in own]
    absent = [p for p in preferences.words_to_use if _words([p]) not in text]
    found = [f"It says “{phrase}”, which you avoid." for phrase in unwanted]
    return found + [f"It does not say “{phrase}”: the record may not support it." for phrase in absent]


def _words(texts: Iterable[str]) -> str:
    """The words of texts, each between spaces, to be searched for whole words."""
    return " ; ".join(f" {' '.join(tokenizer.PIECE.findall(tokenizer.normalized(text)))} " for text in texts)
