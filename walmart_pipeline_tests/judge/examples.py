"""A product with an honest listing, from which the tests of the judge depart."""

from __future__ import annotations

from walmart_pipeline.core.records import Listing, Product
from walmart_pipeline.judge import profiles
from walmart_pipeline.judge.judge import Judge

KETTLE = Product(
    product_id="kettle-1",
    product_name="Brewster Glass Electric Kettle 1.7 L",
    brand="Brewster",
    category=["Home", "Kitchen Appliances", "Electric Kettles"],
    attributes={
        "Capacity": "1.7 L",
        "Wattage": "1500 W",
        "Material": "Borosilicate Glass",
        "Cord Length": "30 in",
        "Weight": "2.6 lb",
        "Auto Shut-Off": "Yes",
    },
    features=["LED ring lights up blue while the water heats", "2 year warranty"],
    description="Boils a full pot in about 6 minutes. The wide mouth makes it easy to clean.",
)

PARAGRAPHS = [
    "The Brewster glass electric kettle brings water to a boil for tea, coffee, oatmeal or noodles. It holds "
    "1.7 liters, enough to serve the whole family, and heats with 1500 watts of power. A full pot boils in "
    "about 6 minutes, so breakfast is never kept waiting.",
    "The body is made of borosilicate glass that stays clear and takes on no taste. A blue LED ring lights up "
    "while the water heats, and you can see at a glance how far along it is. Once the water boils, the auto "
    "shut-off turns the kettle off by itself. It also turns off when there is no water left inside.",
    "The wide mouth makes the kettle easy to fill and easy to clean with a soft cloth. The cord is 30 inches "
    "long and wraps under the base when you put the kettle away. At 2.6 pounds it is light enough to lift and "
    "pour with one hand. The maker stands behind it with a two-year warranty. Keep it on the counter at home, "
    "in a small office or in a dorm room, and enjoy a hot drink whenever you like.",
]

HONEST = Listing(
    title="Brewster Glass Electric Kettle, 1.7 L, 1500 W, Auto Shut-Off",
    key_features=[
        "1.7-liter borosilicate glass body shows the water level",
        "1500-watt heating element boils a full pot in about 6 minutes",
        "Blue LED ring lights up while the water heats",
        "Auto shut-off turns the kettle off after boiling",
    ],
    description="\n\n".join(PARAGRAPHS),
    seo_keywords=["electric kettle", "glass kettle"],
)

JUDGE = Judge(profiles.load("walmart-2025"))


def broken(product: Product = KETTLE, **changes: object) -> set[str]:
    """Ids of the rules that the honest listing breaks after these changes."""
    report = JUDGE.report(product, HONEST.model_copy(update=changes))
    return {violation.rule for violation in report.violations}


def evidence(rule: str, product: Product = KETTLE, **changes: object) -> list[str]:
    """The words that break a rule."""
    report = JUDGE.report(product, HONEST.model_copy(update=changes))
    return [violation.evidence for violation in report.violations if violation.rule == rule]


def described(sentence: str) -> str:
    """The honest description with one sentence more."""
    return f"{HONEST.description} {sentence}"
