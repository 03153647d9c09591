from __future__ import annotations

import pytest

from walmart_pipeline.core.records import Product
from walmart_pipeline.judge import profiles
from walmart_pipeline.judge.rules import CHECKS
from walmart_pipeline_tests.judge.examples import HONEST, JUDGE, KETTLE, broken, described, evidence

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
    "Summer of 1984 Glass Electric Kettle by Brewster, Summer of 1984": "title.repeated_words",
    "BREWSTER GLASS Electric Kettle with Fast Boil and Light": "title.all_caps",
    "Brewster Glass Electric Kettle with Fast Boil, Half Off": "title.promotional",
    "Brewster Glass Electric Kettle, Amazon's Choice of 1.7 L": "title.retailer_name",
    "Brewster Glass Electric Kettle, No Longer Available, 1.7 L": "title.availability",
    "Brewster Glass Electric Kettle, see brewster.co/kettles": "title.url",
    "Brewster Glass Electric Kettle with Fast Boil and Light！": "title.special_characters",
    "Brewster 100% Authentic Glass Electric Kettle, 1.7 Liters": "description.authenticity",
}
SENTENCES = {
    "<b>Enjoy</b> it.": "description.html",
    "Tea &amp; coffee.": "description.html",
    "Order now while it lasts.": "description.promotional",
    "It comes with a money-back guarantee.": "description.promotional",
    "It is cheaper than on Amazon.": "description.retailer_name",
    "You will also find it at Target.": "description.retailer_name",
    "It is cheaper than at best buy.": "description.retailer_name",
    "Buy one, get one free.": "description.promotional",
    "Today you save 30% on it.": "description.promotional",
    "<!-- to be checked --> It boils.": "description.html",
    "You receive an authentic Brewster product.": "description.authenticity",
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
    "a) Easy to clean": "features.formatting",
    "→ Easy to clean": "features.formatting",
    "Glass body | Blue LED ring | Auto shut-off": "features.formatting",
    "Now on sale": "features.promotional",
    "Genuine Brewster kettle": "description.authenticity",
    "Better than from Amazon": "description.retailer_name",
    "Blue LED ring also lights up while the water heats": "features.duplicate",
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
    "Brewster Glass Electric Kettle, 18 in Target, Blue Light",
    "Brewster Amazon Parrot Glass Electric Kettle, Blue Light",
    "Brewster Stress-Free Gift Glass Electric Kettle with Light",
]


@pytest.mark.parametrize("title", HARMLESS_TITLES)
def test_an_honest_title_that_looks_faulty_is_left_alone(title: str) -> None:
    assert {rule for rule in broken(title=title) if rule.startswith("title.")} == set()


HARMLESS_SENTENCES = [
    "Target stubborn stains with the soft cloth.",
    "It sits on the shelf next to a dart target.",
    "Mind the gap between lid and body.",
    "I wish every morning began like this.",
    "Bring the Amazon rainforest home with a cup of herbal tea.",
    "It works with Amazon Alexa.",
    "There is a great deal of room inside.",
    "It comes to you from the heart of the Amazon.",
    "It is named for a best-selling novel.",
    "A pocket of the box holds the coupon book.",
    "Look for the best buy date on the tea.",
    "Keep your cups in order now and then.",
    "Tea has an authentic Italian taste from it.",
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
    "It follows the XM4, the 4T and the 2XL.",
    "Brewster™ glass is made with care – as ever – by hand; see page → inside.",
    "Its lid fits <M and >S mugs.",
    "R&D went into it; salt & pepper stay out.",
    "Sign up now and then for tea with friends.",
    "It is clean and in order. Now enjoy.",
]


@pytest.mark.parametrize("sentence", HARMLESS_SENTENCES)
def test_an_honest_sentence_that_looks_faulty_is_left_alone(sentence: str) -> None:
    assert {rule for rule in broken(description=described(sentence)) if not rule.startswith("grounding.")} == set()


def test_a_real_material_and_what_is_free_of_something_are_no_claims() -> None:
    product = KETTLE.model_copy(update={"features": ["Leather handle", "For sugar-free and caffeine-free drinks"]})
    text = described(
        "Its handle is of genuine leather, for sugar-free tea, caffeine-free coffee and hands-free pouring."
    )
    assert {rule for rule in broken(product, description=text) if not rule.startswith("grounding.")} == set()


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


def test_a_name_without_a_brand_begins_with_it() -> None:
    product = KETTLE.model_copy(update={"brand": None, "product_name": "Amazon Basics Glass Kettle"})
    assert "title.retailer_name" not in broken(
        product, title="Amazon Basics Glass Electric Kettle, Fast Boil and Light"
    )
    assert "title.retailer_name" in broken(
        product, title="Glass Electric Kettle with Fast Boil, Better than from Amazon"
    )


def test_a_books_title_and_a_sign_for_sales_may_say_what_they_are() -> None:
    novel = Product(product_id="n", product_name="The Best Seller: A Mystery", category=["Books"])
    assert "title.promotional" not in broken(novel, title="The Best Seller: A Mystery of a Bookshop, Paperback")
    tags = Product(product_id="t", product_name="Stockroom Discount Tag Labels, 500 Count")
    assert "title.promotional" not in broken(tags, title="Stockroom Discount Tag Labels on a Roll, Discount Red")
    assert "title.promotional" in broken(tags, title="Stockroom Discount Tag Labels on a Roll, Big Discount")


def test_a_name_that_the_record_gives_the_product_is_no_fault() -> None:
    product = KETTLE.model_copy(update={"attributes": {"Series": "Black Friday Nights"}})
    assert "title.promotional" not in broken(product, title="Brewster Black Friday Nights Glass Electric Kettle, 1.7 L")
    assert "title.promotional" in broken(product, title="Brewster Glass Electric Kettle, 1.7 L, Black Friday Special")


def test_a_year_in_the_products_own_name_may_be_in_the_title() -> None:
    planner = KETTLE.model_copy(update={"product_name": "Brewster 2026 Wall Planner"})
    assert "title.year" not in broken(planner, title="Brewster 2026 Wall Planner with Months and Weeks, Glass")


def test_a_year_that_belongs_to_a_name_in_the_record_may_be_in_the_title() -> None:
    hub = KETTLE.model_copy(update={"features": ["Works with Windows Server 2019"]})
    assert "title.year" not in broken(hub, title="Brewster Hub for Windows Server 2019 in Glass with Blue Light")
    assert "title.year" in broken(hub, title="Brewster Glass Hub with Blue Light and Auto Shut-Off, 2019")


@pytest.mark.parametrize(
    ("sentence", "words"),
    [
        ("The same kettle at half the price.", "half the price"),
        ("Hurry, this price will not last.", "price will not last"),
        ("The sale days are over, and still it is on sale.", "on sale"),
        ("On sale days it waits in the window of the shop.", None),
    ],
)
def test_a_price_held_against_others_is_promotion_and_a_day_of_sales_is_not(sentence: str, words: str | None) -> None:
    report = JUDGE.report(KETTLE, HONEST.model_copy(update={"description": described(sentence)}))
    found = [violation.evidence for violation in report.violations if violation.rule == "description.promotional"]
    assert found == ([words] if words else [])


def test_a_bad_keyword_is_told_and_does_not_keep_the_listing_from_the_shop() -> None:
    keywords = ["electric kettle", "walmart kettle", "best seller", "kettle.com"]
    report = JUDGE.report(KETTLE, HONEST.model_copy(update={"seo_keywords": keywords}))
    assert {(violation.rule, violation.field, violation.evidence) for violation in report.violations} >= {
        ("description.retailer_name", "seo_keywords[1]", "walmart"),
        ("description.promotional", "seo_keywords[2]", "best seller"),
        ("description.url", "seo_keywords[3]", "kettle.com"),
    }
    assert {violation.severity for violation in report.violations} == {"major"}


def test_a_figure_in_a_keyword_is_looked_up_and_does_not_keep_the_listing_from_the_shop() -> None:
    product = KETTLE.model_copy(update={"attributes": {**KETTLE.attributes, "Size": "12M"}})
    keywords = ["1.7 l kettle", "kettle 12m", "2.5 l kettle", "copper kettle"]
    report = JUDGE.report(product, HONEST.model_copy(update={"seo_keywords": keywords}))
    told = [violation for violation in report.violations if violation.rule.startswith("grounding.")]
    assert [(violation.field, violation.evidence) for violation in told] == [
        ("seo_keywords[2]", "2.5 l"),
        ("seo_keywords[3]", "copper"),
    ]
    assert "blocking" not in {violation.severity for violation in told}
    # A keyword is read in any case also where the text has the same figure, wrongly.
    prose = HONEST.model_copy(
        update={"description": described("The cord length is 12m."), "seo_keywords": ["kettle 12m"]}
    )
    assert [v.field for v in JUDGE.report(product, prose).violations if "number" in v.rule] == ["description"]


def test_a_message_speaks_of_the_field_where_the_fault_is() -> None:
    report = JUDGE.report(
        KETTLE, HONEST.model_copy(update={"key_features": [*HONEST.key_features, "Genuine Brewster"]})
    )
    (violation,) = [violation for violation in report.violations if violation.rule == "description.authenticity"]
    assert (violation.field, violation.severity) == ("key_features[4]", "blocking")
    assert "out of the feature" in violation.message


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


def test_a_template_writer_can_ask_for_one_sentence() -> None:
    assert JUDGE.acceptable("description", "Boils a full pot in about 6 minutes.", KETTLE)
    assert not JUDGE.acceptable("description", "Order now with free shipping.", KETTLE)
    assert not JUDGE.acceptable("key_features", "- Easy to clean", KETTLE)
    assert JUDGE.acceptable("description", "- Easy to clean", KETTLE)
    with pytest.raises(ValueError, match="use one of title, key_features, description"):
        JUDGE.acceptable("name", "x", KETTLE)  # type: ignore[arg-type]


def test_every_check_is_in_force_and_carries_a_source() -> None:
    profile = profiles.load("walmart-2025")
    assert set(CHECKS) <= set(profile.rules)
    assert all(setting.source and setting.message for setting in profile.rules.values())


def test_a_missing_brand_hides_nothing() -> None:
    nameless = Product(product_id="1", product_name="Glass Kettle")
    assert "title.retailer_name" in broken(nameless, title="Glass Electric Kettle as on Amazon with Fast Boil, Light")


def test_a_brand_that_is_an_address_is_no_web_address() -> None:
    product = Product(product_id="1", product_name="startech com rkpw24 24 outlet power strip", brand="startech")
    assert "title.url" not in broken(product, title="StarTech.com RKPW24 Power Strip with 24 Outlets, Black")
    assert "title.url" in broken(product, title="StarTech RKPW24 Power Strip with 24 Outlets, see outlets.com")
