"""Makes plain false statements of honest listings, for training: another figure, unit or term, or an added claim."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence

from walmart_pipeline.judge.claims.corpus import Labelled
from walmart_pipeline.judge.claims.evaluation import SYNTHETIC
from walmart_pipeline.judge.claims.listing_text import ListingText, fields_of
from walmart_pipeline.judge.claims.vocabulary import Kind, Vocabulary, vocabulary
from walmart_pipeline.text.quantities import quantities

_FACTORS = (0.5, 0.8, 1.25, 1.5, 2.0, 3.0, 10.0)
_UNITS = (
    ("inches", "feet", "centimeters"),
    ("inch", "foot", "centimeter"),
    ("ounces", "pounds", "grams"),
    ("oz", "lb", "kg"),
    ("hours", "minutes", "days"),
    ("watts", "volts"),
    ("liters", "gallons", "cups"),
    ("years", "months"),
    ("ft", "in", "yards"),
)
_SWAPPED: tuple[Kind, ...] = ("material", "color", "size", "taste", "form")
_SENTENCES = {
    "brand": (
        "Made by {}.",
        "It comes from {}.",
        "Part of the {} line.",
        "This is a {} product.",
        "{} stands behind it.",
    ),
    "claim": ("It is {}.", "The whole product is {}.", "Everything in it is {}.", "{}", "Rated {}."),
    "origin": ("Made in {}.", "It is built in {}.", "Designed and sewn in {}.", "Crafted by hand in {}."),
    "material": ("It is made of {}.", "The body is solid {}.", "Made from {} throughout.", "The outside is {}."),
    "color": ("It comes in {}.", "The color is {}.", "The {} finish looks smart.", "A {} body."),
}


def mutated(honest: Sequence[Labelled], seed: int = 13) -> Iterator[Labelled]:
    """One changed number, one changed term and one added sentence of each listing, as far as it has any."""
    choice = random.Random(seed)  # noqa: S311 - no secret
    words = vocabulary()
    for labelled in honest:
        fields = fields_of(labelled.listing)[: 2 + len(labelled.listing.key_features)]
        for change in (_number, _unit, _term):
            for _ in range(2):
                name, text = choice.choice(fields)
                if found := change(text, choice, words):
                    start, end, new = found
                    yield _changed(labelled, name, text, start, end, new)
        for kind in choice.sample(sorted(_SENTENCES), 2):
            name = choice.choice(
                [form for form, terms in words.forms.items() if any(term.kind == kind for term in terms)]
            )
            if name in f"{labelled.product.model_dump_json()}".lower():
                continue
            written = name.title() if kind in {"brand", "origin"} else name
            sentence = choice.choice(_SENTENCES[kind]).format(written)
            if choice.random() < 0.3:
                yield _changed(labelled, *fields[1][:2], 0, len(fields[1][1]), sentence.rstrip("."))
            else:
                text = labelled.listing.description
                yield _changed(
                    labelled, "description", text, len(text), len(text), f" {sentence[0].upper()}{sentence[1:]}"
                )


def _number(text: str, choice: random.Random, words: Vocabulary) -> tuple[int, int, str] | None:
    found = [each for each in quantities(text, counted=True) if each.text[:1].isdigit()]
    if not found:
        return None
    quantity = choice.choice(found)
    digits = re.match(r"[\d.,]+", quantity.text)
    if digits is None:
        return None
    value = quantity.value * choice.choice(_FACTORS)
    new = f"{value:.1f}" if "." in digits.group() else f"{max(1, round(value))}"
    return None if new == digits.group() else (quantity.start, quantity.start + digits.end(), new)


def _unit(text: str, choice: random.Random, words: Vocabulary) -> tuple[int, int, str] | None:
    for group in choice.sample(_UNITS, len(_UNITS)):
        if match := re.search(rf"(?<=\d[ -])(?:{'|'.join(group)})\b", text):
            return *match.span(), choice.choice([unit for unit in group if unit != match.group()])
    return None


def _term(text: str, choice: random.Random, words: Vocabulary) -> tuple[int, int, str] | None:
    found = [
        (start, end, term)
        for start, end, terms in ListingText([("", text)]).terms
        for term in terms
        if term.kind in _SWAPPED
    ]
    if not found:
        return None
    start, end, old = choice.choice(found)
    others = sorted(form for form, terms in words.forms.items() if terms and terms[0].kind == old.kind)
    new = choice.choice(others)
    return start, end, new.capitalize() if text[start].isupper() else new


def _changed(honest: Labelled, name: str, text: str, start: int, end: int, new: str) -> Labelled:
    changed = f"{text[:start]}{new}{text[end:]}"
    listing = honest.listing
    if name.startswith("key_features"):
        at = int(name[len("key_features[") : -1])
        features = [*listing.key_features[:at], changed, *listing.key_features[at + 1 :]]
        made = listing.model_copy(update={"key_features": features})
    else:
        made = listing.model_copy(update={name: changed})
    return honest._replace(listing=made, kind=SYNTHETIC, field=name, start=start, end=start + len(new))
