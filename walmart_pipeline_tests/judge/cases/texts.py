"""Faults of a whole listing or description: empty, foreign, no language at all, too short, too long or said twice.

Belongs here: how a text is damaged. Does not: its passages (passages.yaml), which products show a fault, and what else
it may touch (mutations.py).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

from walmart_pipeline.core.records import Listing
from walmart_pipeline_tests.judge.cases.case import Clean, Mutation, described, paragraphs, titled, with_sentence

# The limits of the profile walmart-2025, written out: the benchmark is to notice when they move.
WORDS_MIN, DESCRIPTION_MAX = 150, 4000


def empty() -> dict[str, Mutation]:
    blanks = {
        "nothing": "",
        "spaces": "   ",
        "line-breaks": "\n\n \t",
        "hard-spaces": "\u00a0\u00a0",
        "unseen": "\u200b",
    }

    def whole(blank: str) -> Mutation:
        return lambda _: Listing(title=blank, key_features=[blank] * 3, description=blank)

    return {f"all-{name}": whole(blank) for name, blank in blanks.items()} | {"bare": lambda _: Listing()}


def incoherent(lorem: str) -> dict[str, Mutation]:
    def letters(base: Clean) -> str:
        chance = random.Random(base.product.product_id)
        return " ".join(
            "".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=chance.randint(2, 9))) for _ in range(180)
        )

    def mashed(base: Clean) -> str:
        chance = random.Random(base.product.product_id)
        rows = ("asdfghjkl", "qwertyuiop", "zxcvbnm", "asdf", "jkl", "sdfg")
        return " ".join("".join(chance.choices(chance.choice(rows), k=chance.randint(3, 8))) for _ in range(170)) + "."

    def shuffled(base: Clean) -> str:
        words = base.listing.description.split()
        random.Random(base.product.product_id).shuffle(words)
        return " ".join(words)

    def scrambled(base: Clean) -> str:
        chance = random.Random(base.product.product_id)
        return " ".join("".join(chance.sample(word, len(word))) for word in base.listing.description.split())

    def padded(base: Clean) -> str:
        chance = random.Random(base.product.product_id)
        own = base.product.product_name.split()
        noise = letters(base).split()
        return " ".join(chance.choice(own) if place % 4 == 0 else word for place, word in enumerate(noise))

    def keywords(base: Clean) -> str:
        own = [
            word.strip(",.") for word in f"{base.listing.title} {base.noun} {' '.join(base.product.category)}".split()
        ]
        chance = random.Random(base.product.product_id)
        return ", ".join(" ".join(chance.sample(own, 3)).lower() for _ in range(60))

    return {
        "random-letters": described(letters),
        "keyboard-mash": described(mashed),
        "shuffled-words": described(shuffled),
        "scrambled-letters": described(scrambled),
        "padded-with-own-words": described(padded),
        "word-salad-of-keywords": described(keywords),
        "one-word-loop": described(lambda base: " ".join([base.noun] * 170)),
        "lorem-ipsum": described(lambda _: f"{lorem} {lorem.split('. ', 2)[2]}"),
    }


def cut_up() -> dict[str, Mutation]:
    """Key features that are cut from the description, so many words each, beginning at a word in its midst."""

    def cut(first: int, size: int) -> Mutation:
        def features(base: Clean) -> list[str]:
            words = base.listing.description.split("\n\n", 1)[0].split()
            return [" ".join(words[start : start + size])[:78] for start in range(first, first + 5 * size, size)]

        return lambda base: base.listing.model_copy(update={"key_features": features(base)})

    return {f"{size}-words-from-{first}": cut(first, size) for first in (0, 3) for size in (4, 5, 6)}


def piles() -> dict[str, Mutation]:
    """A row of search words in the midst of the description."""
    rows = (
        "kitchen table office bedroom garage garden balcony porch cabin studio",
        "gift birthday wedding anniversary holiday graduation housewarming family friend teacher",
        "women men kids boys girls toddler adult teen baby grandma grandpa",
        "soft light strong thick thin smooth firm warm cool bright plain",
    )

    def piled(row: str) -> Mutation:
        return lambda base: with_sentence(base.listing, f"{row.capitalize()} {' '.join(reversed(row.split()))}.", 1)

    return {row.split()[0]: piled(row) for row in rows}


def foreign(languages: Mapping[str, Any]) -> dict[str, Mutation]:
    def whole(text: Mapping[str, Any]) -> Mutation:
        return lambda base: Listing(
            title=text["title"].format_map(base.words),
            key_features=text["features"],
            description=paragraphs(text["description"]),
        )

    mutations: dict[str, Mutation] = {f"all-{name}": whole(text) for name, text in languages.items()}
    for name in ("spanish", "french", "german"):
        text = languages[name]
        mutations[f"title-{name}"] = titled(lambda base, text=text: text["title"].format_map(base.words))
        mutations[f"description-{name}"] = described(lambda _, text=text: paragraphs(text["description"]))
    return mutations


def description_lengths(idle: list[str]) -> dict[str, Mutation]:
    def part(*places: int) -> Mutation:
        return described(lambda base: "\n\n".join(base.listing.description.split("\n\n")[place] for place in places))

    return {
        "first-paragraph": part(0),
        "two-paragraphs": part(0, 1),
        "one-word-short": described(lambda base: cut(base, WORDS_MIN - 1)),
        "hundred-words": described(lambda base: cut(base, 100)),
        "nothing": described(lambda _: ""),
        "150-characters": described(lambda base: base.listing.description[:WORDS_MIN].rsplit(" ", 1)[0] + "."),
        "too-long": described(lambda base: padded(base, idle)),
        "one-character-too-long": described(lambda base: padded(base, idle)[: DESCRIPTION_MAX + 1]),
    }


def repeated_in_description() -> dict[str, Mutation]:
    def sentences(base: Clean) -> list[str]:
        return [
            sentence for sentence in base.listing.description.replace("\n\n", " ").split(". ") if len(sentence) > 40
        ]

    def twice(base: Clean) -> str:
        sentence = sentences(base)[1].rstrip(".")
        return f"{base.listing.description} {sentence}."

    def paragraph(place: int) -> Callable[[Clean], str]:
        return lambda base: f"{base.listing.description}\n\n{base.listing.description.split(chr(10) * 2)[place]}"

    return {
        "sentence-again": described(twice),
        "sentence-thrice": described(lambda base: f"{twice(base)} {sentences(base)[1].rstrip('.')}."),
        "first-paragraph-again": described(paragraph(0)),
        "last-paragraph-again": described(paragraph(-1)),
        "whole-again": described(lambda base: f"{base.listing.description}\n\n{base.listing.description}"),
        "sentence-loop": described(lambda base: ". ".join([sentences(base)[0].rstrip(".")] * 15) + "."),
    }


def cut(base: Clean, words: int) -> str:
    return " ".join(base.listing.description.split()[:words]).rstrip(",.:;") + "."


def padded(base: Clean, idle: list[str]) -> str:
    return "\n\n".join([base.listing.description, *idle])
