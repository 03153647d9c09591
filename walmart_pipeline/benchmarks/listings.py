"""Synthetic products and listings for benchmarks of the judge, some with faults and copies."""

from __future__ import annotations

import random
from collections.abc import Iterator

from walmart_pipeline.core.records import Listing, Product

# Shares of texts that break a rule, and that repeat another product's sentences.
FAULTY_PER_CENT, COPIED_PER_CENT = 15, 5

BRANDS = "Brindlewick Carrowind Tollmarsh Everholt Quarrystone Fennick Larkmoor Oakhaven Pinebrook Stellmark".split()
KINDS = {
    "Kettle": ["Home", "Kitchen", "Kettles"],
    "Backpack": ["Luggage", "Bags", "Backpacks"],
    "Desk Lamp": ["Home", "Lighting", "Desk Lamps"],
    "Garden Chair": ["Patio & Garden", "Seating", "Garden Chairs"],
    "Bath Towel": ["Home", "Bath", "Towels"],
    "Dog Bed": ["Pets", "Dogs", "Dog Beds"],
    "Storage Box": ["Home", "Storage", "Boxes"],
    "Puzzle": ["Toys", "Games", "Puzzles"],
}
MATERIALS = "stainless steel|bamboo|cotton|aluminum|polyester|ceramic|linen|glass|rubber|pine".split("|")
COLOURS = "navy|sage|ivory|charcoal|crimson|teal|amber|slate".split("|")
QUALITIES = (
    "sturdy|plain|quiet|roomy|slim|soft|handy|light|compact|deep|broad|smooth|firm|simple|neat|gentle|steady|clean|tidy"
    "|calm|even|bright|warm|cool|narrow|flat|round|tall|low|long"
).split("|")
PARTS = (
    "handle|lid|base|frame|seam|edge|pocket|cover|hinge|corner|side|strap|foot|panel|switch|shelf|rim|clasp|lining|ring"
    "|surface|hook|tray|loop|cap|knob|zip|leg|seat|back"
).split("|")
PLACES = (
    "kitchen|hall|office|garden|bedroom|garage|cabin|classroom|balcony|studio|workshop|car|closet|porch|guest room"
    "|attic|tent|playroom|pantry|laundry room"
).split("|")
DEEDS = (
    "keeps its shape|wipes clean with a damp cloth|folds away in a moment|stands still on any floor|fits where space is"
    " short|takes little care|looks well beside older things|carries its load with ease|holds up through a busy week"
    "|stays where you put it|opens with one hand|packs flat for a move|dries within the hour|makes no noise at night"
    "|serves a small household|lasts through many seasons"
).split("|")
SENTENCES = (
    "The {quality} {part} {deed}.",
    "In the {place}, the {part} {deed}, and the {other} is {quality} to the touch.",
    "Its {part} is {quality} and its {other} {manner}.",
    "You will find the {quality} {part} useful in a {place} or a {elsewhere}.",
    "Put it in the {place} and the {other} {deed}.",
    "A {quality} {part} and a {manner} {other} come with every piece.",
    "Because the {part} is {quality}, the {other} {deed}.",
    "Families like the {manner} {part} when the {place} is full.",
)
FAULTS = ("Order now for free shipping.", "It weighs 97 lb.", "See www.example.com for more.", "Sold at Target stores.")


def pairs(number: int, words: int) -> Iterator[tuple[Product, Listing]]:
    """Yield `number` products with listings whose descriptions have at least so many words."""
    earlier = ""
    for place in range(number):
        draw = random.Random(place)  # noqa: S311  (no secret)
        product = _product(place, draw)
        copied = draw.randrange(100) < COPIED_PER_CENT and earlier
        description = earlier if copied else _description(product, words, draw)
        earlier = description
        if draw.randrange(100) < FAULTY_PER_CENT:
            description += " " + draw.choice(FAULTS)
        yield product, _listing(product, description, draw)


def _product(place: int, draw: random.Random) -> Product:
    kind = draw.choice(list(KINDS))
    brand, material, colour = draw.choice(BRANDS), draw.choice(MATERIALS), draw.choice(COLOURS)
    weight, length = draw.randrange(10, 90) / 10, draw.randrange(8, 60)
    return Product(
        product_id=f"B-{place:08d}",
        product_name=f"{brand} {draw.choice(QUALITIES).title()} {kind}, {material.title()}, {colour.title()}",
        brand=brand,
        category=KINDS[kind],
        attributes={
            "Material": material,
            "Color": colour,
            "Weight": f"{weight} lb",
            "Length": f"{length} in",
            "Warranty": "2 years",
            "Assembly Required": "No",
        },
        features=[f"Made of {material}", f"Weighs {weight} lb", f"{length} in long", "Backed for 2 years"],
        description=" ".join(sentences(40, draw)),
    )


def _description(product: Product, words: int, draw: random.Random) -> str:
    facts = product.attributes
    opening = (
        f"{product.product_name} comes in {facts['Color']}. It is made of {facts['Material']} and weighs "
        f"{facts['Weight']}. The length is {facts['Length']}, and the maker stands behind it for {facts['Warranty']}."
    )
    return " ".join([opening, *sentences(words - len(opening.split()), draw)])


def sentences(words: int, draw: random.Random) -> Iterator[str]:
    """Sentences with at least so many words in total."""
    while words > 0:
        sentence = draw.choice(SENTENCES).format(
            quality=draw.choice(QUALITIES),
            manner=draw.choice(QUALITIES),
            part=draw.choice(PARTS),
            other=draw.choice(PARTS),
            place=draw.choice(PLACES),
            elsewhere=draw.choice(PLACES),
            deed=draw.choice(DEEDS),
        )
        words -= len(sentence.split())
        yield sentence


def _listing(product: Product, description: str, draw: random.Random) -> Listing:
    facts = product.attributes
    return Listing(
        title=f"{product.product_name}, {facts['Length']}, {facts['Weight']}",
        key_features=[
            *product.features[:3],
            f"{draw.choice(QUALITIES).title()} {draw.choice(PARTS)} {draw.choice(DEEDS)}",
        ],
        description=description,
        seo_keywords=[product.category[-1].lower(), f"{facts['Material']} {product.category[-1].lower()}"],
    )
