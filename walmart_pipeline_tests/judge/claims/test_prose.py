"""What a reader does, what stands around a product, and what follows from others: told from the product's own facts."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from walmart_pipeline.core.records import Product
from walmart_pipeline_tests.judge.claims.examples import claims, doubted, is_blocked, listing_text

# As counted now, without the cross-encoder: 1 of 34 honest ones is blocked, 10 of 25 false ones missed.
MOST_BLOCKED, MOST_MISSED = 2, 0.5

YARN = Product(
    product_id="yarn",
    product_name="Kettle Hill Worsted Yarn 7 oz Skein Marigold Set 3",
    brand="Kettle Hill",
    category=["Arts & Crafts", "Yarn"],
    attributes={
        "Fiber Content": "100% acrylic",
        "Length": "364 yd per skein",
        "Skeins": "3",
        "Color": "Marigold",
        "Needle Size": "5 mm",
    },
)
LANTERN = Product(
    product_id="lantern",
    product_name="Fennlite Camping Lantern 1 25 lb",
    brand="Fennlite",
    category=["Sports", "Camping", "Lanterns"],
    attributes={
        "Run Time": "60 hours",
        "USB Output": "5 V, 2 A",
        "Power Source": "Rechargeable battery",
        "Pole Material": "Fiberglass",
        "Material": "ABS",
        "Side Hook": "No",
        "Batteries Included": "No",
        "Country of Origin": "Taiwan",
        "Capacity": "4 people",
    },
    features=["Tent with room for 4 people"],
)
SOAP = Product(
    product_id="soap",
    product_name="Pennock Goat Milk Soap, 4 oz Bars, Pack of 6",
    brand="Pennock",
    category=["Beauty", "Bath", "Soap"],
    attributes={"Count": "6", "Scent": "Lavender", "Form": "Bar", "Warm Feel": "Yes"},
    features=["BPA & paraben free"],
    description="Cured for 5 weeksMachine pressedRound edges",
)
HOODIE = Product(
    product_id="hoodie",
    product_name="Wrenfield Fleece Hoodie, Navy, Large",
    brand="Wrenfield",
    category=["Clothing", "Hoodies"],
    attributes={"Size": "L", "Color": "Navy", "Material": "Cotton"},
)
VITAMIN = Product(
    product_id="vitamin",
    product_name="Northmere Vitamin D3 Softgels 5000 IU 120 Count",
    brand="Northmere",
    category=["Health", "Vitamins"],
    attributes={"Count": "120", "Form": "Softgel", "Strength": "5000 IU"},
)
GAME = Product(
    product_id="game",
    product_name="Harbor Ledger Board Game",
    brand="Quillfox",
    category=["Toys", "Board Games"],
    attributes={"Players": "2-5", "Age": "10 years and up", "Contents": "1 board, 110 cards, 5 wooden ships"},
)

HONEST = [
    # Sums, multiples and other units.
    (YARN, "Three skeins give you 1,092 yards in all."),
    (YARN, "Each is a little over 1,090 feet long."),
    (YARN, "The set of 3 comes to about 21 ounces."),
    (LANTERN, "On low it runs for two and a half days."),
    (LANTERN, "The port delivers up to 10 watts."),
    (LANTERN, "It weighs 1.25 pounds."),
    (VITAMIN, "At one a day the 120 softgels last about four months."),
    (GAME, "Three or four players sit down to a harbor full of ships."),
    # What a reader does.
    (YARN, "Knit a 4-inch swatch before you cast on."),
    (YARN, "Leave 10 to 12 inches between the posts."),
    (YARN, "Hang the rod six inches or so above the window."),
    (YARN, "Fold the blanket over the foot of an oak bed."),
    (YARN, "The basket hides the plastic bins."),
    (LANTERN, "Pitch it at least 15 feet from the fire."),
    (SOAP, "Wash for 20 seconds, then rinse."),
    (SOAP, "Pour 300 grams of water over 20 grams of flakes."),
    # What stands around it.
    (LANTERN, "Hang it across a 20-foot pergola or beside a 60-inch grill."),
    (LANTERN, "It is at home after a ten-hour shift or on a 90-degree afternoon."),
    (LANTERN, "Let the magnet grip the steel hood of a truck."),
    (LANTERN, "Ready for a second night? After 30 miles, who is not?"),
    (HOODIE, "Wear it with khaki shorts, a white tee or brown leather boots."),
    (HOODIE, "Layer it under a waterproof shell."),
    (HOODIE, "Try a red scarf with it in January."),
    (SOAP, "Stand the bar on a slatted teak dish."),
    (SOAP, "Wash the cloth with a fragrance-free detergent."),
    (SOAP, "There is no rose or citrus scent here."),
    # What a record says otherwise.
    (SOAP, "It is free of parabens."),
    (SOAP, "The soap is BPA-free."),
    (SOAP, "The bars cure for five weeks."),
    (HOODIE, "It comes in size Large."),
    (LANTERN, "Use batteries of your own, since none comes in the box."),
    (LANTERN, "It is built in Taiwan."),
    (LANTERN, "It holds its charge in a built-in battery, so no outlet is needed."),
    (GAME, "For ages 10 and up."),
]
CONTRADICTED = [
    (YARN, "Two skeins give you 1,092 yards.", "number", "1,092 yards"),
    (YARN, "Eight skeins fill the basket.", "number", "Eight"),
    (LANTERN, "Aluminum poles give it its shape.", "attribute", "Aluminum"),
    (LANTERN, "There is room for six campers.", "number", "six campers"),
    (LANTERN, "It sleeps six.", "number", "six"),
    (LANTERN, "A side hook holds it up.", "attribute", "side hook"),
    (LANTERN, "It ships with batteries.", "attribute", "batteries"),
    (LANTERN, "Designed and built in Germany.", "claim", "Designed and built in Germany"),
    (LANTERN, "The lantern has a body of anodized aluminum.", "attribute", "aluminum"),
    (LANTERN, "A 20-hour battery keeps it going.", "number", "20-hour"),
    (SOAP, "A rose fragrance lingers on the skin.", "attribute", "rose"),
    (HOODIE, "Order it in size 3X.", "attribute", "3x"),
    (VITAMIN, "Chew one gummy a day.", "attribute", "gummy"),
    (GAME, "Up to eight players race for the harbor.", "number", "eight"),
    (GAME, "Simple enough for ages 6 and up.", "number", "6"),
    (HOODIE, "Gildan makes this hoodie for cold days.", "brand", "Gildan"),
    (HOODIE, "From Zorvex, this hoodie is warm.", "brand", "Zorvex"),
    (HOODIE, "Part of the Zorvex outdoor line.", "brand", "Zorvex"),
]
UNSUPPORTED = [
    (VITAMIN, "Softgels that are USP verified.", "claim", "USP verified"),
    (LANTERN, "The hub is certified by TÜV for use at home.", "claim", "certified by TÜV"),
    (VITAMIN, "Made in Vermont.", "claim", "Made in Vermont"),
    (HOODIE, "Sewn from Egyptian cotton.", "attribute", "Egyptian cotton"),
    (HOODIE, "Italian leather trims the hood.", "claim", "Italian"),
    (GAME, "Five pewter ships sail from port to port.", "attribute", "pewter"),
    (LANTERN, "It typically lasts 8 weeks on a shelf.", "number", "8 weeks"),
]
WORDS = """
    made in from by Italy Turkey turkey US us German Zorvex makes this yarn hoodie size XL 3X L certified verified
    TÜV USP free of rose oil scent flavor gummy tablet hardcover side hook no not included batteries comes with in
    the box 1 2.5 1/2 three six campers people sleeps seats ages 10 5K 20x30 in 12 a an pair each daily once day
    total part of the line From , . ; ? ! : - — (4) "5" steel wooden red bath mat or and with add pour leave 300
    grams inches feet 90-degree 60-inch desk America's #1 buy two get one %
""".split()


def test_honest_prose_around_a_product_is_left_alone_but_for_a_few() -> None:
    blocked = [sentence for product, sentence in HONEST if is_blocked(product, sentence)]
    assert len(blocked) <= MOST_BLOCKED, "\n".join(blocked)


@pytest.mark.parametrize("false", [CONTRADICTED, UNSUPPORTED], ids=["contradicted", "unsupported"])
def test_what_the_record_says_otherwise_is_found_but_for_some(false: list[tuple[Product, str, str, str]]) -> None:
    missed = [sentence for product, sentence, subject, _ in false if subject not in doubted(product, sentence)]
    assert len(missed) <= MOST_MISSED * len(false), "\n".join(missed)


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from([YARN, LANTERN, SOAP, HOODIE, VITAMIN, GAME]),
    st.lists(st.sampled_from(WORDS), max_size=25).map(" ".join),
)
def test_any_words_in_any_order_are_judged_with_spans_in_the_text(product: Product, sentence: str) -> None:
    text = listing_text(product, sentence).text
    for claim in claims(product, sentence):
        assert 0 <= claim.start < claim.end <= len(text)
