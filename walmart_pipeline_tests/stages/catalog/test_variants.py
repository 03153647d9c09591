import pytest

from walmart_pipeline_tests.stages.catalog.test_products import product


def kettle(name: str, **cells: object) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Facts and options of a product with this name and these attributes."""
    found = product(name=name, description="", attributes=cells)
    return found.attributes, found.options


@pytest.mark.parametrize(
    ("name", "attribute", "value", "options", "own"),
    [
        ("Sheet Set, Iron Gray", "Color", "01 - white, 02 - black, 03 - iron gray", 3, "iron gray"),
        ("Sheet Set", "Color", "01 - white, 02 - black, baby pink", 3, None),
        ("Lamp Navy Blue", "Color", "blue, navy blue, red", 3, "navy blue"),
        ("Lamp Royal Blue", "Color", "blue, green, red", 3, None),
        ("Lamp Grid Grey White", "Color", "white, black, green", 3, None),
        ("Men's Shirt XL", "Size", "S, M, L, XL", 4, "XL"),
        ("Storage bag clear lid large", "Size", "m, l, xl", 3, "l"),
        ("Weighted Blanket 15 lbs", "Weight", "5 lb, 10 lb, 15 lb", 3, "15 lb"),
        ("Hose 50 ft", "Length", "25FT, 50FT, 75FT", 3, "50FT"),
        ("Chain Necklace 20 Inch", "Length", "16, 18, 20, 22 inch", 4, "20"),
        ("Yellow Gold Chain", "Metal", "14k yellow gold, 14k white gold, 14k rose gold", 3, None),
        ("Keyboard, Brown Switch", "Switch", "Red, Brown, Blue", 3, "Brown"),
        ("Stools Set of 2", "Set size", "Set of 2, Set of 4", 2, "Set of 2"),
        ("Cat Litter Green Tea", "Scent", "original, green tea, milk", 3, "green tea"),
    ],
)
def test_a_list_of_what_the_page_offers_is_options(
    name: str, attribute: str, value: str, options: int, own: str | None
) -> None:
    facts, offered = kettle(name, **{attribute: value})
    assert len(offered[attribute]) == options
    assert facts.get(attribute) == own


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("Color", "black and white"),
        ("Color", "blue, green and wood"),
        ("Color", "Walnut, ivory lining"),
        ("Colors", "2 ivory, 2 blush, 2 mocha, 2 black"),
        ("Material", "cotton, polyester"),
        ("Material", "cotton, polyester, nylon"),
        ("Dimensions", "72 x 2 x 1 inches"),
        ("Dimensions", "12 in, 8 in, 4 in"),
        ("Ingredients", "sugar, salt, honey"),
        ("Compatible devices", "iPhone 12, iPhone 13, iPhone 14"),
        ("Capacity", "38 L, 44 L expanded"),
        ("Volume", "50 ml / 1.7 fl oz"),
        ("Power", "120 V, 450 W"),
        ("Closure", "zipper, snap"),
        ("Care", "machine wash cold, air dry, warm iron"),
        ("Size", "EU 39, regular width"),
        ("Hex sizes", "2.5, 3, 4 and 5 mm"),
        ("Lid", "steel, loose fit"),
        ("Tips", "5 Phillips, 5 slotted, 2 square"),
    ],
)
def test_a_list_that_describes_one_item_stays_a_fact(attribute: str, value: str) -> None:
    assert kettle("Scrunchies, 8-Pack", **{attribute: value}) == ({attribute: value}, {})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Sauce Variety Pack", "smoked, garlic, cherry"),
        ("Sauce, 3 flavors", "smoked, garlic, cherry"),
        ("Gift Set with Smoked, Garlic and Cherry", "smoked, garlic, cherry"),
    ],
)
def test_an_assortment_holds_all_that_it_lists(name: str, value: str) -> None:
    assert kettle(name, Flavor=value) == ({"Flavor": value}, {})


def test_a_cell_with_a_list_offers_whatever_its_values_say() -> None:
    """A shop's palette of two colours each was read as one item with all of them."""
    found = product(name="Rug Brown", color_palette=["brick red and black", "brown", "dusty blue and tan"])
    assert found.options == {"Color": ["brick red and black", "brown", "dusty blue and tan"]}
    assert found.attributes == {"Color": "brown"}


def test_a_column_with_one_value_beside_one_with_a_list_has_the_value_that_was_chosen() -> None:
    found = product(name="Rug", color_palette=["red", "brown"], actual_color="brown")
    assert (found.attributes, found.options) == ({"Color": "brown"}, {"Color": ["red", "brown"]})


def test_a_label_in_the_text_says_which_option_it_is() -> None:
    found = product(name="Rug", color_palette=["red", "brown"], description="Soft pile. Color: brown.")
    assert found.attributes == {"Color": "brown"}
