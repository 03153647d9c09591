from __future__ import annotations

import pytest

from walmart_pipeline.quality import policy
from walmart_pipeline.quality.rules import CHECKS
from walmart_pipeline.records import Product
from walmart_pipeline_tests.quality.examples import HONEST, JUDGE, KETTLE, broken, described, evidence

TITLES = {
    "Brewster Kettle": "title.length",
    "Brewster Glass Electric Kettle " + "with a very fine handle " * 6: "title.length",
    "BREWSTER GLASS ELECTRIC KETTLE WITH FAST BOIL AND LIGHT": "title.all_caps",
    "Brewster GLASS ELECTRIC Kettle with Fast Boil and Light": "title.all_caps",
    "Brewster Glass Electric Kettle with Fast Boil and Light!": "title.special_characters",
    "Brewster Glass Electric Kettle ~ Fast Boil and Blue Light": "title.special_characters",
    "Brewster Glass Electric Kettle with Fast Boil and Light ⭐": "title.special_characters",
    "Brewster Glass Electric Kettle, Free Shipping, Blue Light": "title.promotional",
    "Brewster Best-Selling Glass Electric Kettle, Fast Boil": "title.promotional",
    "Brewster Glass Electric Kettle with Fast Boil, 20% Off": "title.promotional",
    "Brewster Glass Electric Kettle on Sale with Fast Boil Now": "title.promotional",
    "Brewster Glass Electric Kettle with Fast Boil, Clearance": "title.promotional",
    "Brewster Glass Electric Kettle as Sold by Amazon in Store": "title.retailer_name",
    "Brewster Glass Electric Kettle, Target Exclusive, Light": "title.retailer_name",
    "Brewster Glass Electric Kettle, Coming Soon, Blue Light": "title.availability",
    "Brewster Glass Electric Kettle from www.brewster.example": "title.url",
    "Brewster Glass Electric Kettle from brewster.com, 1.7 L": "title.url",
    "Brewster Glass Electric Kettle 2025 with Fast Boil, Light": "title.year",
    "Brewster Kettle, Electric Kettle, Glass Kettle, Fast Boil": "title.repeated_words",
    "Brewster Glass Kettle Fast Boil with Light, Glass Kettle": "title.repeated_words",
}
SENTENCES = {
    "<b>Enjoy</b> it.": "description.html",
    "Tea &amp; coffee.": "description.html",
    "Order now while it lasts.": "description.promotional",
    "It comes with a money-back guarantee.": "description.promotional",
    "It is cheaper than on Amazon.": "description.retailer_name",
    "You will also find it at Target.": "description.retailer_name",
    "It is an online exclusive.": "description.retailer_name",
    "It is 100% authentic.": "description.authenticity",
    "This is a genuine Brewster.": "description.authenticity",
    "See https://example.org/kettle for more.": "description.url",
    "You will love it 😀.": "description.emoji",
    "You can see at a glance how far along it is when the water heats.": "description.repeated_text",
    "It boils 3 liters.": "grounding.number",
}
FEATURES = {
    "• Easy to clean": "features.formatting",
    "1. Easy to clean": "features.formatting",
    "Easy to clean ✨": "features.formatting",
    "<li>Easy to clean</li>": "features.formatting",
    "Top-rated kettle": "features.promotional",
    "Read more at www.example.com": "features.url",
    "Blue LED ring lights up while water heats": "features.duplicate",
    "Easy to clean with a soft cloth, easy to fill under the tap and easy to put away again": "features.length",
}


@pytest.mark.parametrize(("title", "rule"), TITLES.items())
def test_a_faulty_title_is_found(title: str, rule: str) -> None:
    assert rule in broken(title=title)


@pytest.mark.parametrize(("sentence", "rule"), SENTENCES.items())
def test_a_faulty_sentence_in_the_description_is_found(sentence: str, rule: str) -> None:
    assert rule in broken(description=described(sentence))


@pytest.mark.parametrize(("feature", "rule"), FEATURES.items())
def test_a_faulty_feature_is_found(feature: str, rule: str) -> None:
    assert rule in broken(key_features=[*HONEST.key_features, feature])


def test_the_honest_listing_is_excellent_and_breaks_no_rule() -> None:
    report = JUDGE.report(KETTLE, HONEST)
    assert report.violations == []
    assert (report.band, report.publishable) == ("excellent", True)
    assert report.dimensions["coverage"] == 100


# Titles that look faulty and are not.
HARMLESS_TITLES = [
    "Brewster Glass Electric Kettle with USB Port, HDMI and LED",
    "Brewster WH-1000XM4 Glass Electric Kettle, 4K LCD HEPA NVMe",
    "Brewster Glass Kettle with Wholesale Pack and Salemate Tray",
    "Brewster Dart Target Set with Glass Kettle and Blue Light",
    "Brewster Serum to Target Dark Spots, for Face and Neck Care",
    "Brewster Sugar-Free Glass Electric Kettle and Free Standing",
    "Brewster Yard Sale Sign with Glass Holder and Blue Light",
    "Brewster High Ground Clearance Kettle Cart with Blue Light",
    "Brewster Energy Savings Kettle in Glass with Blue Light",
    "Brewster Kettle with 2000 mAh Battery and Glass Body, Blue",
    "Brewster Kids' Shirt for Big Kids and Little Ones in Blue",
    "Brewster T-Shirt, Men's S M L XL XXL, Crew Neck, Soft Blue",
    'Brewster Kettle & Mug Set – Glass, 1.7 L (1500 W), 5" Base',
]


@pytest.mark.parametrize("title", HARMLESS_TITLES)
def test_an_honest_title_that_looks_faulty_is_left_alone(title: str) -> None:
    assert {rule for rule in broken(title=title) if rule.startswith("title.")} == set()


HARMLESS_SENTENCES = [
    "Its handle is wrapped in genuine leather.",
    "Target stubborn stains with the soft cloth.",
    "It sits on the shelf next to a dart target.",
    "Mind the gap between lid and body.",
    "I wish every morning began like this.",
    "Bring the Amazon rainforest home with a cup of herbal tea.",
    "It works with Amazon Alexa.",
    "There is a great deal of room inside.",
    "Tea has an authentic Italian taste from it.",
    "Brew sugar-free tea, caffeine-free coffee or hands-free cocoa.",
    "It is made for wholesale kitchens.",
    "Use it as a two-in-one or on two sides through all four seasons.",
    "One day you will not want to miss it.",
    "It boils 57 oz of water.",
    "It boils 1.7-litre pots.",
    "It draws 1,500 W.",
    "It draws 1.5 kW.",
    'Its cord is 30" long.',
    "Its cord is 76 cm long.",
    "Its cord is 30-inch.",
    "It weighs 2.6 lbs.",
    "It comes with a 24-month warranty.",
    "It has a 2 yr. warranty.",
    "Keep it on 24/7 in the 1st or 2nd room.",
    "The model EK-1700XM4 is the one shown.",
    "Brewster™ glass is made with care – as ever – by hand; see page → inside.",
    "Its lid fits <M and >S mugs.",
    "R&D went into it; salt & pepper stay out.",
    "Sign up now and then for tea with friends.",
    "It is clean and in order. Now enjoy.",
]


@pytest.mark.parametrize("sentence", HARMLESS_SENTENCES)
def test_an_honest_sentence_that_looks_faulty_is_left_alone(sentence: str) -> None:
    found = JUDGE.report(KETTLE, HONEST.model_copy(update={"description": described(sentence)})).violations
    assert found == []


@pytest.mark.parametrize(
    ("brand", "title"),
    [
        ("Best Price", "Best Price Glass Electric Kettle with Fast Boil and Light"),
        ("Best Deal Products", "Best Deal Glass Electric Kettle with Fast Boil and Light"),
        ("Amazon Basics", "Amazon Basics Glass Electric Kettle, Fast Boil and Light"),
        ("Yahoo!", "Yahoo! Glass Electric Kettle with Fast Boil and Blue Light"),
        ("IBTOM CASTLE", "IBTOM CASTLE Glass Electric Kettle with Fast Boil, Light"),
        ("Boats.com", "Boats.com Glass Electric Kettle with Fast Boil and Light"),
    ],
)
def test_the_products_own_brand_is_never_a_fault(brand: str, title: str) -> None:
    product = KETTLE.model_copy(update={"brand": brand})
    assert {rule for rule in broken(product, title=title) if rule.startswith("title.")} == set()


def test_a_year_in_the_products_own_name_may_be_in_the_title() -> None:
    planner = KETTLE.model_copy(update={"product_name": "Brewster 2026 Wall Planner"})
    assert broken(planner, title="Brewster 2026 Wall Planner with Months and Weeks, Glass") == set()


def test_too_few_and_too_many_features_are_found() -> None:
    assert broken(key_features=HONEST.key_features[:2]) == {"features.count"}
    assert broken(key_features=[*HONEST.key_features[:3], " ", "x", "y", "z", "p", "q", "r", "s"]) == set()
    assert "features.count" in broken(key_features=[f"{letter} is told" for letter in "abcdefghijk"])


def test_a_description_is_measured_in_words_and_not_in_characters() -> None:
    words = HONEST.description.split()
    assert len(" ".join(words[:60])) > 150
    assert broken(description=" ".join(words[:60])) == {"description.length"}
    assert broken(description=" ".join(["tea -"] * 149)) >= {"description.length"}
    assert "description.length" not in broken(description=" ".join(words[:150]))
    assert "description.length" in broken(description=" ".join(words[:149]))
    assert "description.length" in broken(description=HONEST.description + " a" * 2000)


def test_evidence_is_exactly_the_faulty_words() -> None:
    assert evidence("title.year", title="Brewster Glass Electric Kettle 2025, 1.7 L, Auto Shut-Off") == ["2025"]
    assert evidence("description.url", description=described("See brewster.com/tea now.")) == ["brewster.com/tea"]
    assert evidence("description.promotional", description=described("Best  sellers, FREE-Shipping.")) == [
        "Best  sellers",
        "FREE-Shipping",
    ]


def test_a_table_of_sizes_and_the_products_own_name_are_no_repetition() -> None:
    table = "Twin: fitted sheet 80 x 39, flat sheet 102 x 66. Queen: fitted sheet 80 x 60, flat sheet 102 x 66."
    assert "description.repeated_text" not in broken(description=described(f"{table} {table}"))
    product = KETTLE.model_copy(
        update={"product_name": "Brewster Men s Wide Mouth Blue Glass Electric Kettle for Home"}
    )
    named = "Meet the Brewster Men's Wide Mouth Blue Glass Electric Kettle for Home. "
    assert broken(product, description=described(named * 2)) & {"description.repeated_text"} == set()


def test_words_that_do_not_stand_together_are_no_repeated_phrase() -> None:
    assert "title.repeated_words" not in broken(title="Brewster Tinted Balm 020 Beloved, Tinted 09 Oz Balm, Soft Rose")


def test_a_report_tells_the_same_words_once() -> None:
    assert evidence("description.emoji", description=described("⭐ tea ⭐ tea ⭐")) == ["⭐"]


def test_a_composer_can_ask_for_one_sentence() -> None:
    assert JUDGE.acceptable("description", "Boils a full pot in about 6 minutes.", KETTLE)
    assert not JUDGE.acceptable("description", "Order now with free shipping.", KETTLE)
    assert not JUDGE.acceptable("key_features", "- Easy to clean", KETTLE)
    assert JUDGE.acceptable("description", "- Easy to clean", KETTLE)
    with pytest.raises(ValueError, match="use one of title, key_features, description"):
        JUDGE.acceptable("name", "x", KETTLE)  # type: ignore[arg-type]


def test_every_check_is_in_force_and_carries_a_source() -> None:
    profile = policy.load("walmart-2025")
    assert set(CHECKS) <= set(profile.rules)
    assert all(setting.source and setting.message for setting in profile.rules.values())


def test_a_missing_brand_hides_nothing() -> None:
    nameless = Product(product_id="1", product_name="Glass Kettle")
    assert "title.retailer_name" in broken(nameless, title="Glass Electric Kettle as on Amazon with Fast Boil, Light")
