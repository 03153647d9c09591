"""Products whose records the tests of grounding ask, and what a text about one claims."""

from __future__ import annotations

from walmart_pipeline.core.records import Product
from walmart_pipeline.judge.claims import Claim, Examination, ListingText

BLENDER = Product(
    product_id="blender",
    product_name="Acme ProBlend Countertop Blender 1.5 L, Silver",
    brand="Acme",
    category=["Home", "Kitchen", "Blenders"],
    attributes={
        "Material": "Plastic",
        "Color": "Silver",
        "Capacity": "1.5 L",
        "Wattage": "900 W",
        "Model": "PB-900X",
        "Warranty": "1 year",
        "Dishwasher Safe": "No",
        "Speeds": "6",
        "Item Weight": "7.2 lb",
        "Country of Origin": "China",
    },
    features=["Six speeds with pulse", "BPA-free jar", "Stainless steel blades"],
    description="Crushes ice and blends smoothies. The lid locks in place.",
)
SOFA = Product(
    product_id="sofa",
    product_name="Harbor Lane 3-Seat Sofa, Gray Faux Leather",
    brand="Harbor Lane",
    category=["Furniture", "Sofas"],
    attributes={
        "Upholstery Material": "Faux leather",
        "Frame Material": "Pine",
        "Color": "Gray",
        "Dimensions": "78 x 34 x 32 in",
        "Seat Capacity": "3",
    },
    features=["Holds up to 750 lb", "Legs of black metal"],
    description="A sofa for small rooms. Comes with two throw pillows. Assembly takes 30 minutes.",
)
SNACK = Product(
    product_id="snack",
    product_name="Green Valley Trail Mix, 12 oz, Pack of 3",
    brand="Green Valley",
    category=["Food", "Snacks", "Trail Mix"],
    attributes={"Size": "12 oz", "Pack": "3", "Ingredients": "Almonds, cashews, raisins, dark chocolate"},
    features=["Non-GMO", "7 g of protein per serving"],
    description="Nuts, dried fruit and dark chocolate in a resealable pouch.",
)
HEADPHONES = Product(
    product_id="headphones",
    product_name="Sonara SX-200 Wireless Headphones, Black",
    brand="Sonara",
    category=["Electronics", "Headphones"],
    attributes={
        "Color": "Black",
        "Battery Life": "40 hours",
        "Water Resistance": "IPX4",
        "Model": "SX-200",
        "Warranty": "2 years",
        "Bluetooth Version": "5.3",
    },
    features=["Works with iPhone and Android", "Charges over USB-C in 2 hours"],
    description="Over-ear headphones with soft cushions and a folding frame.",
)
SHIRT = Product(
    product_id="shirt",
    product_name="Plainfield Women's Cotton T-Shirt, Navy, Medium",
    brand="Plainfield",
    category=["Clothing", "Women", "T-Shirts"],
    attributes={"Material": "100% Cotton", "Color": "Navy", "Size": "M"},
    features=["Machine washable", "Crew neck"],
    description="A plain tee with short sleeves.",
)
SHEETS = Product(
    product_id="sheets",
    product_name="Calmera Queen Sheet Set, 4 Pieces, White",
    brand="Calmera",
    category=["Home", "Bedding", "Sheets"],
    attributes={"Size": "Queen", "Color": "White", "Material": "Microfiber", "Thread Count": "1800"},
    features=["Fits mattresses up to 16 in deep", "Oeko-Tex certified"],
    description="Set of a flat sheet, a fitted sheet and two pillowcases.",
)


def listing_text(product: Product, sentence: str, title: str | None = None) -> ListingText:
    """A listing of one sentence, with the product's own name as its title if there is no other."""
    return ListingText([("title", product.product_name if title is None else title), ("description", sentence)])


def examined(product: Product, sentence: str, *, title: str | None = None) -> Examination:
    """The examination of such a listing."""
    return Examination(listing_text(product, sentence, title), product)


def claims(product: Product, sentence: str, *, title: str | None = None) -> list[Claim]:
    """What such a listing claims."""
    return examined(product, sentence, title=title).claims()


def unproved(product: Product, sentence: str, *, title: str | None = None) -> list[tuple[str, str, str]]:
    """(subject, words, status) of each number and term that the record lacks, whatever its sentence is about."""
    found = examined(product, sentence, title=title)
    return [
        (each.claim.subject, found.listing.text[each.claim.start : each.claim.end], each.claim.status)
        for statement in found.statements
        for each in statement.statement.evidence
        if each.group in {"number", "term"}
    ]


def doubted(product: Product, sentence: str) -> set[str]:
    """Subjects of the claims that are blocked or hinted at."""
    return {claim.subject for claim in claims(product, sentence) if claim.status != "supported"}


def is_blocked(product: Product, sentence: str) -> bool:
    """Whether any claim is more than a hint."""
    return any(claim.status != "supported" and not claim.hint for claim in claims(product, sentence))
