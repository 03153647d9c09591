"""Shared by the rules of regulated claims: verbs before a listed word, and the text and category of a record."""

from __future__ import annotations

import re

from walmart_pipeline.core.records import Product
from walmart_pipeline.text import tokenizer

# A claim's verb and object are in one sentence, at most this many words apart: "relieves the pain of arthritis".
WORDS_BETWEEN = 6
# At most so much of a sentence is read on either side.
SENTENCE_CHARS = 300
_BETWEEN = rf"(?:[^\w.!?;:]+[\w'%-]+(?:\.\d+%?)?){{0,{WORDS_BETWEEN}}}?[^\w.!?;:]+$"

NOT_CLAIMED = re.compile(
    r"\b(?:not|never|no|nor|cannot|without|isn't|aren't|don't|doesn't|won't|can't|unable to)\b"
    r"(?! (?:only|more|longer)\b)"
)
# Over-the-counter drugs may claim what their label states (21 CFR 330.1).
DRUG_CATEGORY = re.compile(
    r"\b(?:medicines?|medications?|drugs?|otc|pain relie\w*|cold|flu|cough|allergy|allergies|antacids?|laxatives?|"
    r"digestive|first aid|acne|itch\w*|antifungal|eye drops|warts?|lice|sleep aids?|toothpaste|mouthwash|oral care|"
    r"sunscreens?|sun care|dandruff|diaper rash|rash|skin protectants?|hand sanitizers?)\b"
)
SUPPLEMENTS = re.compile(r"\b(?:supplements?|vitamins?|herbs?|herbal)\b")
DRUG_ATTRIBUTE = re.compile(r"\b(?:active ingredients?|drug facts|ndc)\b")
# A book or game whose record mentions cures and germs makes no claim.
STORIES = re.compile(
    r"\b(?:books?|novels?|magazines?|movies?|dvds?|blu-ray|tv shows?|music|games?|puzzles?|toys?|costumes?|posters?)\b"
)


def action(*verbs: str) -> re.Pattern[str]:
    """Pattern of these verbs in the part of a sentence before the listed word."""
    return re.compile(rf"(?<![\w-])(?:{'|'.join(verbs)})(?={_BETWEEN})")


def record(product: Product) -> str:
    """The whole record as normalized text."""
    return tokenizer.normalized(
        "\n".join(
            [
                product.product_name,
                product.description,
                *product.features,
                *product.category,
                *(f"{name}: {value}" for name, value in product.attributes.items()),
            ]
        )
    )


def category(product: Product) -> str:
    """The path of the category, normalized."""
    return tokenizer.normalized(" / ".join(product.category))


def is_drug(product: Product) -> bool:
    """Whether a product is sold as a drug over the counter, by its category or its label's attributes."""
    path = category(product)
    if SUPPLEMENTS.search(path):
        return False
    return bool(DRUG_CATEGORY.search(path)) or any(DRUG_ATTRIBUTE.search(name.lower()) for name in product.attributes)
