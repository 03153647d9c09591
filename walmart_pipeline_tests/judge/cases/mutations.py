"""Faults made by program: each departs from a clean listing and breaks one rule, the same way on every run.

Belongs here: which fault is shown on which products, and what else it may touch. Does not: how a field or text is
damaged (fields.py, texts.py), its words (faults.yaml, claims.yaml, passages.yaml, the swaps of each product), or cases
that need a writer's eye (traps.yaml, hard.yaml).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from walmart_pipeline.core.records import Listing
from walmart_pipeline_tests.judge.cases import fields, texts
from walmart_pipeline_tests.judge.cases.case import (
    Case,
    Clean,
    Mutation,
    Swap,
    described,
    featured,
    read,
    titled,
    with_feature,
    with_sentence,
)

RULE_OF = {
    "number": "grounding.number",
    "unit": "grounding.number",
    "count": "grounding.number",
    "warranty": "grounding.number",
    "material": "grounding.attribute",
    "colour": "grounding.attribute",
    "size": "grounding.attribute",
    "brand": "grounding.brand",
}
# A damaged text may hold figures and words that the record does not have.
GROUNDING = frozenset({"grounding.number", "grounding.brand", "grounding.attribute", "grounding.claim"})
# Each fault is shown on this many products: with the fewest phrases of a rule (six) that still makes twelve cases.
PRODUCTS_A_FAULT = 2


def mutated(clean: Mapping[str, Clean]) -> Iterator[Case]:
    """All cases made by program, in a fixed order."""
    yield from _swapped(clean)
    yield from _unsupported_claims(clean)
    yield from _phrases(clean)
    yield from _damaged(clean)
    yield from _at_the_limit(clean)


def _swapped(clean: Mapping[str, Clean]) -> Iterator[Case]:
    """A figure, unit, count, material, colour, size or brand that is not the record's."""
    for product_id, base in clean.items():
        for number, swap in enumerate(base.swaps):
            rule = RULE_OF[swap.fault]
            yield Case(
                f"{rule}:{swap.fault}-{number}:{product_id}",
                base.product,
                _swap(base.listing, swap),
                expected=frozenset({rule}),
                allowed=frozenset({"grounding.claim"} if swap.fault == "warranty" else ()),
                contradicts=True,
                source=swap.source,
                evidence=swap.becomes,
            )


def _swap(listing: Listing, swap: Swap) -> Listing:
    """Changes the first field that has the words. A swap that finds nothing would be a case without a fault."""
    if swap.words in listing.title:
        return listing.model_copy(update={"title": listing.title.replace(swap.words, swap.becomes, 1)})
    if swap.words in listing.description:
        return listing.model_copy(update={"description": listing.description.replace(swap.words, swap.becomes, 1)})
    features = [feature.replace(swap.words, swap.becomes, 1) for feature in listing.key_features]
    if features == listing.key_features:
        raise ValueError(
            f"no field has the words {swap.words!r}: correct the swap beside the listing {listing.title!r}"
        )
    return listing.model_copy(update={"key_features": features})


def _unsupported_claims(clean: Mapping[str, Clean]) -> Iterator[Case]:
    for number, entry in enumerate(read("claims.yaml")):
        field, text = next((field, entry[field]) for field in ("sentence", "feature", "title") if field in entry)
        for product_id in entry["for"]:
            yield Case(
                f"grounding.claim:{number}:{product_id}",
                clean[product_id].product,
                _put(field, text)(clean[product_id]),
                expected=frozenset({"grounding.claim"}),
                # The name of a standard may hold a figure.
                allowed=frozenset({"grounding.number"}),
                contradicts="contradicts" in entry,
                evidence=text,
            )


def _phrases(clean: Mapping[str, Clean]) -> Iterator[Case]:
    """The phrases of faults.yaml, each on the next products in turn, so that all products carry some."""
    for place, (rule, entry) in enumerate(read("faults.yaml").items()):
        hosts = [base for product_id, base in clean.items() if product_id not in entry.get("not_for", ())]
        faults = [
            (f"{field}-{number}", _put(field, text))
            for field in ("title", "before", "sentence", "feature")
            for number, text in enumerate(entry.get(field, ()))
        ]
        contradicts = True if "contradicts" in entry else None
        yield from _cases(rule, faults, hosts, place, frozenset(entry.get("allowed", ())), contradicts)


def _put(field: str, text: str) -> Mutation:
    """A mutation that puts a phrase into one field."""

    def mutation(base: Clean) -> Listing:
        words, listing = text.format_map(base.words), base.listing
        if field == "sentence":
            return with_sentence(listing, words, len(base.product.product_id) % 3)
        if field == "feature":
            return with_feature(listing, words)
        title = f"{listing.title}, {words}" if field == "title" else f"{words} {listing.title}"
        return listing.model_copy(update={"title": title})

    return mutation


def _cases(
    rule: str,
    faults: list[tuple[str, Mutation]],
    hosts: list[Clean],
    start: int,
    allowed: frozenset[str] = frozenset(),
    contradicts: bool | None = None,
) -> Iterator[Case]:
    turn = start
    for name, mutation in faults:
        for _ in range(PRODUCTS_A_FAULT):
            # 13 shares no factor with the number of products, so that all of them have their turn.
            base = hosts[turn * 13 % len(hosts)]
            turn += 1
            yield Case(
                f"{rule}:{name}:{base.product.product_id}",
                base.product,
                mutation(base),
                expected=frozenset({rule}),
                allowed=allowed,
                contradicts=contradicts,
            )


def _damaged(clean: Mapping[str, Clean]) -> Iterator[Case]:
    """Faults of the whole field or text."""
    passages = read("passages.yaml")
    allowed: dict[str, frozenset[str]] = {
        "listing.empty": frozenset({"title.length", "features.count", "features.formatting", "description.length"}),
        "listing.incoherent": GROUNDING
        | {"description.repeated_text", "description.retailer_name", "listing.non_english"}
        | {"writing.keyword_pile", "writing.run_together"},
        "listing.non_english": frozenset({"description.length"}),
        "title.length": frozenset({"listing.empty"}),
        "features.count": frozenset({"features.duplicate", "features.length"}),
        "features.formatting": frozenset({"features.length"}),
        "features.length": frozenset({"writing.fragment"}),
        "description.repeated_text": frozenset({"listing.incoherent"}),
        "writing.word_soup": frozenset({"writing.fragment", "features.duplicate"}),
        "writing.keyword_pile": frozenset({"grounding.claim"}),
    }
    faults: dict[str, dict[str, Mutation]] = {
        "listing.empty": texts.empty(),
        "listing.incoherent": texts.incoherent(passages["lorem"]),
        "listing.non_english": texts.foreign(passages["languages"]),
        "title.length": fields.title_lengths(),
        "title.all_caps": fields.capitals(),
        "title.repeated_words": fields.repeated_in_title(),
        "features.count": fields.feature_counts(),
        "features.length": fields.long_features(),
        "features.formatting": fields.formatted_features(),
        "features.duplicate": fields.duplicates(),
        "description.length": texts.description_lengths(passages["idle"]),
        "description.repeated_text": texts.repeated_in_description(),
        "writing.word_soup": texts.cut_up(),
        "writing.keyword_pile": texts.piles(),
    }
    for place, (rule, mutations) in enumerate(faults.items()):
        yield from _cases(
            rule, list(mutations.items()), list(clean.values()), 3 * place, allowed.get(rule, frozenset())
        )


def _at_the_limit(clean: Mapping[str, Clean]) -> Iterator[Case]:
    """Both ends of a range are allowed: the shortest and the longest text that break nothing."""
    idle = read("passages.yaml")["idle"]
    mutations: dict[str, Mutation] = {
        "shortest-title": titled(lambda base: fields.named(base, fields.TITLE_MIN)),
        "longest-title": titled(lambda base: fields.drawn_out(base, fields.TITLE_MAX)),
        "three-features": featured(lambda base: base.listing.key_features[: fields.FEATURES_MIN]),
        "ten-features": featured(lambda base: fields.told(base)[: fields.FEATURES_MAX]),
        "longest-feature": featured(lambda base: fields.stretched(base, fields.FEATURE_MAX)),
        "shortest-description": described(lambda base: texts.cut(base, texts.WORDS_MIN)),
        "longest-description": described(lambda base: texts.padded(base, idle)[: texts.DESCRIPTION_MAX]),
    }
    # What the record says of an attribute may be said by a feature as well; then one of the ten would be a duplicate.
    allowed = frozenset({"features.duplicate"})
    for place, (name, mutation) in enumerate(mutations.items()):
        for base in list(clean.values())[place::15]:
            yield Case(f"limit:{name}:{base.product.product_id}", base.product, mutation(base), allowed=allowed)
