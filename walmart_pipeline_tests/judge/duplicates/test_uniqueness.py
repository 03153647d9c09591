from __future__ import annotations

import random
from collections.abc import Iterable
from pathlib import Path

import pytest

from walmart_pipeline.core.file_warehouse import FileWarehouse
from walmart_pipeline.core.records import Listing, Product
from walmart_pipeline.core.warehouse import Database, Row
from walmart_pipeline.judge.duplicates import uniqueness
from walmart_pipeline.stages.quality import scored_texts
from walmart_pipeline_tests.judge.examples import HONEST, JUDGE, KETTLE

TOASTER = Product(
    product_id="toaster-1",
    product_name="Brewster Two-Slice Toaster, Cream",
    brand="Brewster",
    category=["Home", "Kitchen Appliances", "Toasters"],
    attributes={"Slots": "2", "Color": "Cream", "Wattage": "850 W"},
)
TOAST = Listing(
    title="Brewster Two-Slice Toaster, Cream, 850 W",
    key_features=["Wide slots take a bagel", "Crumb tray slides out at the back", "Dial with seven browning levels"],
    description=(
        "Breakfast begins with bread that is golden on both sides. Two wide slots take a bagel or a thick slice of "
        "sourdough, and the dial lets everyone choose how dark it should be. Lift the lever a little further to reach "
        "a small muffin without burning your fingers. The tray under the slots catches crumbs and comes out at the "
        "back, so nothing is left on the counter. The cream housing stays cool while the wires glow."
    ),
)


def named(product_id: str, name: str, listing: Listing = HONEST) -> tuple[Product, Listing]:
    """The kettle under another name, with a text in which nothing else is swapped."""
    product = KETTLE.model_copy(
        update={"product_id": product_id, "product_name": f"{name} Glass Electric Kettle", "brand": name}
    )
    texts = {field: getattr(listing, field) for field in ("title", "description")}
    return product, listing.model_copy(update={field: text.replace("Brewster", name) for field, text in texts.items()})


def variant(product_id: str, colour: str, **changes: object) -> tuple[Product, Listing]:
    """The kettle in another colour, with nearly the same text."""
    name = f"Brewster Glass Electric Kettle 1.7 L {colour}"
    product = KETTLE.model_copy(update={"product_id": product_id, "product_name": name})
    title = f"Brewster Glass Electric Kettle, 1.7 L, {colour}, Auto Shut-Off"
    return product, HONEST.model_copy(update={"title": title} | changes)


class Shop:
    """A warehouse with texts that some provider left, and the judge over it."""

    def __init__(self, home: Path) -> None:
        self.warehouse = FileWarehouse(home / "warehouse.duckdb")

    def write(self, texts: Iterable[tuple[Product, Listing]]) -> None:
        with self.warehouse.writing() as db:
            for product, listing in texts:
                self.forget(product.product_id, db)
                db.append("catalog.products", [product.model_dump() | {"facts_hash": product.facts_hash}])
                db.append("content.generated_content", [_content(product, listing)])

    def forget(self, product_id: str, db: Database) -> None:
        for table in ("catalog.products", "content.generated_content"):
            db.execute(f"delete from {table} where product_id = $id", {"id": product_id})

    def judge(self) -> int:
        with self.warehouse.writing() as db:
            return scored_texts.score(db, JUDGE, advance=lambda _: None)

    def remove(self, product_id: str) -> None:
        with self.warehouse.writing() as db:
            self.forget(product_id, db)

    def reports(self) -> dict[str, Row]:
        with self.warehouse.reading() as db:
            rows = db.query("select * exclude (scored_at) from quality.scores")
        return {row["product_id"]: row for row in rows}

    def uniqueness(self) -> dict[str, float | None]:
        return {product_id: report["uniqueness"] for product_id, report in self.reports().items()}

    def nearest(self) -> dict[str, str | None]:
        with self.warehouse.reading() as db:
            rows = db.query("select product_id, nearest_product_id from quality.copies")
        return {row["product_id"]: row["nearest_product_id"] for row in rows}


def _content(product: Product, listing: Listing) -> Row:
    return listing.model_dump() | {
        "product_id": product.product_id,
        "status": "complete",
        "content_hash": listing.content_hash,
    }


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def test_texts_of_different_products_are_unique(shop: Shop) -> None:
    shop.write([(KETTLE, HONEST), (TOASTER, TOAST)])
    shop.judge()
    assert shop.uniqueness() == {"kettle-1": 100, "toaster-1": 100}
    assert set(shop.nearest().values()) == {None}


def test_a_template_in_which_only_the_name_is_swapped_is_a_copy_and_says_of_what(shop: Shop) -> None:
    shop.write([(KETTLE, HONEST), (TOASTER, TOAST), named("other", "Fennick")])
    shop.judge()
    assert shop.uniqueness() == {"kettle-1": 0, "toaster-1": 100, "other": 0}
    assert shop.nearest() == {"kettle-1": "other", "toaster-1": None, "other": "kettle-1"}


def test_the_more_is_copied_the_lower_the_uniqueness(shop: Shop) -> None:
    sentences = HONEST.description.split(". ")
    fresh = TOAST.description.split(". ")
    values = []
    for kept in range(len(sentences), 3, -2):
        description = ". ".join([*sentences[:kept], *fresh])
        shop.write(
            [(KETTLE, HONEST), named("other", "Fennick", HONEST.model_copy(update={"description": description}))]
        )
        shop.judge()
        values.append(shop.uniqueness()["other"] or 0.0)
    assert values == sorted(values)
    assert values[0] < 80 < values[-1]


def test_variants_of_one_product_may_be_alike(shop: Shop) -> None:
    shop.write([variant("blue", "Blue"), variant("red", "Red"), (TOASTER, TOAST)])
    shop.judge()
    assert set(shop.uniqueness().values()) == {100}


def test_the_very_same_listing_for_two_variants_tells_neither_and_is_a_copy(shop: Shop) -> None:
    shop.write([variant("blue", "Blue", title=HONEST.title), variant("red", "Red", title=HONEST.title)])
    shop.judge()
    assert shop.uniqueness() == {"blue": 0, "red": 0}


def test_a_copy_that_comes_later_brings_the_report_of_the_first_text_up_to_date(shop: Shop) -> None:
    shop.write([(KETTLE, HONEST), (TOASTER, TOAST)])
    shop.judge()
    before = shop.reports()
    shop.write([named("other", "Fennick")])
    assert shop.judge() == 1
    after = shop.reports()
    assert after["kettle-1"]["uniqueness"] == 0
    assert after["kettle-1"]["score"] < before["kettle-1"]["score"]
    assert after["toaster-1"] == before["toaster-1"]
    shop.remove("other")
    assert shop.judge() == 0
    assert shop.reports() == before


def test_a_copy_that_is_written_anew_sets_the_first_text_free(shop: Shop) -> None:
    shop.write([(KETTLE, HONEST), named("other", "Fennick")])
    shop.judge()
    shop.write([named("other", "Fennick", TOAST)])
    shop.judge()
    assert shop.uniqueness() == {"kettle-1": 100, "other": 100}


def test_text_after_text_ends_where_all_at_once_does(tmp_path: Path) -> None:
    texts = [
        (KETTLE, HONEST),
        (TOASTER, TOAST),
        named("a", "Fennick"),
        named("b", "Larkmoor", TOAST),
        variant("c", "Red"),
    ]
    slowly, at_once = Shop(tmp_path / "slowly"), Shop(tmp_path / "at_once")
    for text in texts:
        slowly.write([text])
        slowly.judge()
    at_once.write(texts)
    at_once.judge()
    assert slowly.reports() == at_once.reports()


def test_a_copied_text_can_lose_its_place_on_the_shelf_and_win_it_back(shop: Shop) -> None:
    """Score, band and verdict follow the uniqueness, not the dimension alone."""
    weak = HONEST.model_copy(update={"key_features": HONEST.key_features[:3], "seo_keywords": ["garden hose"] * 9})
    shop.write([(KETTLE, weak), named("other", "Fennick", weak)])
    shop.judge()
    report = shop.reports()["kettle-1"]
    alone = JUDGE.report(KETTLE, weak)
    measured = alone.dimensions | {"uniqueness": 0.0}
    assert (report["score"], report["band"], report["publishable"]) == JUDGE.grade(measured, blocked=False)


def test_sellers_boilerplate_in_thousands_of_texts_is_found_without_comparing_each_with_each(shop: Shop) -> None:
    rows = [named(f"p{number:04d}", f"Brand{chr(97 + number % 26)}{chr(97 + number // 26)}") for number in range(600)]
    with shop.warehouse.writing() as db:
        db.append("catalog.products", [product.model_dump() for product, _ in rows])
        db.append("content.generated_content", [_content(product, listing) for product, listing in rows])
    shop.judge()
    assert set(shop.uniqueness().values()) == {0}


def test_a_listing_without_words_of_its_own_is_not_measured(shop: Shop) -> None:
    shop.write([(KETTLE, Listing(title="Brewster Glass Electric Kettle 1.7 L", description="Electric kettle."))])
    shop.judge()
    assert shop.uniqueness() == {"kettle-1": None}


def test_what_a_likeness_costs_falls_evenly_from_half_to_whole() -> None:
    similarities = [0, 0.5, 0.6, 0.75, 0.9, 1]
    assert [uniqueness.measure(similarity) for similarity in similarities] == [100, 100, 80, 50, 20, 0]


def test_a_signature_is_the_same_on_every_machine() -> None:
    """Signatures of earlier runs are compared with those of later ones."""
    found = uniqueness.signature(JUDGE.case(TOASTER, TOAST))
    assert found is not None
    assert found.bands[:2] == [18128527402855576056, 16649774055741972990]
    assert found.bits == [12372348809244848599, 6752407345821635722, 13293825010865391996, 16741186014366810062]


def test_signatures_tell_how_many_triples_of_words_two_texts_share() -> None:
    draw = random.Random(1)
    words = [f"{first}{second}" for first in "bcdfghjklm" for second in ("an", "ell", "ist", "orp", "und", "ake")]
    text = [draw.choice(words) for _ in range(400)]
    for kept in (100, 200, 300, 400):
        other = text[:kept] + [draw.choice(words) for _ in range(400 - kept)]
        one, two = ({*zip(each, each[1:], each[2:], strict=False)} for each in (text, other))
        estimated = _similarity(" ".join(text), " ".join(other))
        assert estimated == pytest.approx(len(one & two) / len(one | two), abs=0.2)


def _similarity(one: str, other: str) -> float:
    first, second = (uniqueness.signature(JUDGE.case(KETTLE, Listing(description=text))) for text in (one, other))
    assert first is not None
    assert second is not None
    different = 0
    for left, right in zip(first.bits, second.bits, strict=True):
        different |= left ^ right
    return max(0.0, 1 - different.bit_count() / uniqueness.PERMUTATIONS / (1 - 0.5**uniqueness.BITS))
