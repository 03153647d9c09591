"""Faults of a whole title or of the list of features: lengths, counts, capitals, repetitions and formatting.

Belongs here: how a field is damaged, and the same texts drawn out to exactly a limit. Does not: which products show a
fault, and what else it may touch (mutations.py).
"""

from __future__ import annotations

from collections.abc import Callable

from walmart_pipeline_tests.judge.cases.case import Clean, Mutation, featured, titled

# The limits of the profile walmart-2025, written out: the benchmark is to notice when they move.
TITLE_MIN, TITLE_MAX = 50, 150
FEATURES_MIN, FEATURES_MAX, FEATURE_MAX = 3, 10, 80
LONG_TAIL = " for Quiet Mornings, Busy Afternoons and Long Evenings with Good Friends, Close Family and Kind Neighbors"


def title_lengths() -> dict[str, Mutation]:
    return {
        "nothing": titled(lambda _: ""),
        "brand-and-noun": titled(lambda base: f"{base.brand} {base.noun.title()}"),
        "one-too-short": titled(lambda base: named(base, TITLE_MIN - 1)),
        "noun": titled(lambda base: base.noun.title()),
        "far-too-long": titled(lambda base: f"{base.listing.title}{LONG_TAIL}, All Year Round"),
        "one-too-long": titled(lambda base: drawn_out(base, TITLE_MAX + 1)),
    }


def capitals() -> dict[str, Mutation]:
    def long_words(base: Clean) -> str:
        return " ".join(word.upper() if len(word) > 4 else word for word in base.listing.title.split())

    def opening(base: Clean) -> str:
        words = base.listing.title.split()
        return " ".join([*(word.upper() for word in words[:5]), *words[5:]])

    def ending(base: Clean) -> str:
        return f"{base.listing.title}, EASY AND PRACTICAL"

    return {
        "whole": titled(lambda base: base.listing.title.upper()),
        "long-words": titled(long_words),
        "opening": titled(opening),
        "ending": titled(ending),
        "whole-with-tail": titled(lambda base: f"{base.listing.title.upper()} for Home"),
        "alone-in-front": titled(lambda base: f"VERY PRACTICAL {base.listing.title}"),
    }


def repeated_in_title() -> dict[str, Mutation]:
    def start(base: Clean, words: int) -> str:
        return " ".join(base.listing.title.replace(",", "").replace(":", "").split()[:words])

    return {
        "keyword-list": titled(
            lambda base: (
                f"{base.brand} {base.noun}, home {base.noun}, office {base.noun}, best {base.noun}, {base.noun}"
            )
        ),
        "opening-again": titled(lambda base: f"{base.listing.title}, {start(base, 4)}"),
        "opening-thrice": titled(lambda base: ", ".join([start(base, 3)] * 3)),
        "stutter": titled(lambda base: f"{base.listing.title}, {' '.join([base.noun.title()] * 3)}"),
        "keyword-tail": titled(
            lambda base: f"{start(base, 4)}, {base.noun} kit, {base.noun} gift, {base.noun} home, {base.noun} deluxe"
        ),
        "same-again": titled(lambda base: f"{start(base, 6)}, {start(base, 6)}"),
    }


def feature_counts() -> dict[str, Mutation]:
    return {
        "none": featured(lambda _: []),
        "one": featured(lambda base: base.listing.key_features[:1]),
        "two": featured(lambda base: base.listing.key_features[:2]),
        "two-and-blanks": featured(lambda base: [*base.listing.key_features[:2], " "]),
        "eleven": featured(lambda base: told(base)[: FEATURES_MAX + 1]),
        "one-of-the-record": featured(lambda base: base.product.features[:1]),
    }


def long_features() -> dict[str, Mutation]:
    return {
        "81": featured(lambda base: stretched(base, FEATURE_MAX + 1)),
        "82": featured(lambda base: stretched(base, FEATURE_MAX + 2)),
        "100": featured(lambda base: stretched(base, 100)),
        "120": featured(lambda base: stretched(base, 120)),
        "200": featured(lambda base: stretched(base, 200)),
        "a-paragraph": featured(
            lambda base: [*base.listing.key_features[:-1], base.listing.description.split("\n\n")[0]]
        ),
    }


def formatted_features() -> dict[str, Mutation]:
    def last(template: str) -> Mutation:
        return featured(lambda base: [*base.listing.key_features[:-1], template.format(base.listing.key_features[-1])])

    def each(base: Clean) -> list[str]:
        return [f"{number}. {feature}" for number, feature in enumerate(base.listing.key_features, start=1)]

    return {
        "bullet": last("• {}"),
        "dash": last("- {}"),
        "star": last("* {}"),
        "tick": last("✔ {}"),
        "numbers": featured(each),
        "number-in-brackets": last("1) {}"),
        "bold": last("<b>{}</b>"),
        "list-item": last("<li>{}</li>"),
        "line-break": last("{}<br>"),
        "emoji": last("{} 😀"),
        "entity": last("&bull; {}"),
    }


def duplicates() -> dict[str, Mutation]:
    def again(change: Callable[[str], str]) -> Mutation:
        return featured(lambda base: [*base.listing.key_features, change(base.listing.key_features[0])])

    return {
        "exact": again(str),
        "capitals": again(str.upper),
        "full-stop": again(lambda feature: f"{feature}."),
        "no-commas": again(lambda feature: feature.replace(",", "").replace("-", " ")),
        "spaces": again(lambda feature: f" {feature.replace(' ', '  ')} "),
        "one-word-more": again(lambda feature: f"{feature} too"),
    }


def told(base: Clean) -> list[str]:
    """The features of the listing, then those of the record and its attributes, each once more in other words."""
    attributes = base.product.attributes.items()
    once = [f"{name}: {value}" for name, value in attributes]
    again = [f"Good to know about {name.lower()}: {value}" for name, value in attributes]
    return [*base.listing.key_features, *once, *again]


def stretched(base: Clean, length: int) -> list[str]:
    """The features, the first one drawn out to a length."""
    tail = ", a small thing that makes a real difference on a long day, at home and on the road, for one and all"
    first, *rest = base.listing.key_features
    return [exactly(f"{first}{tail}{tail.replace('small', 'simple')}", length), *rest]


def named(base: Clean, length: int) -> str:
    """A title that begins with brand and noun and has exactly this length."""
    return exactly(f"{base.brand} {base.noun.title()}{LONG_TAIL}", length)


def drawn_out(base: Clean, length: int) -> str:
    """The title, drawn out to exactly this length."""
    return exactly(f"{base.listing.title}{LONG_TAIL}", length)


def exactly(text: str, length: int) -> str:
    """The first characters of a text, of which the last is no space: a space at the end might not be counted."""
    cut = text[:length]
    return f"{cut[:-1]}s" if cut.endswith(" ") else cut
