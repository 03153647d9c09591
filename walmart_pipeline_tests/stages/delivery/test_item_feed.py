"""Walmart's item feed: its shape, what is left out, what is sent again, and what came of it."""

from __future__ import annotations

import json
import tracemalloc
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from walmart_pipeline.core.errors import UserError
from walmart_pipeline.stages.delivery import exporter, feed_files, feed_status, item_specs, product_types, spec_changes
from walmart_pipeline.stages.delivery.attribute_fit import AttributeFitter
from walmart_pipeline.stages.delivery.exporter import ListingSelection
from walmart_pipeline.stages.delivery.feed_files import FeedSummary
from walmart_pipeline.stages.delivery.packing import FileLimits, PackedItem, pack
from walmart_pipeline_tests.stages.delivery.publishable import (
    LISTING,
    Shop,
    closed,
    kettle,
    product_type,
    spec_content,
    string,
)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def export(shop: Shop) -> FeedSummary:
    with shop.warehouse.writing() as db:
        return feed_files.write_for(db, shop.settings, shop.folder / "feed")


def send(shop: Shop, feed_id: str) -> None:
    """Upload everything that waits."""
    with shop.warehouse.writing() as db:
        for file in feed_files.waiting(db, shop.folder / "feed"):
            feed_files.mark_sent(db, file, by="tester", feed_id=feed_id)


def answer(shop: Shop, feed_id: str, feed_status_is: str = "PROCESSED", **statuses: str) -> feed_status.FeedReading:
    """Read Walmart's answer: a status, or a status and its errors' codes, by SKU."""
    items = []
    for sku, stated in statuses.items():
        status, *codes = stated.split()
        errors = [{"type": status, "code": code, "field": "productId", "description": "It is wrong."} for code in codes]
        items.append(
            {"sku": sku.replace("_", "-"), "ingestionStatus": status, "ingestionErrors": {"ingestionError": errors}}
        )
    page = {"feedId": feed_id, "feedStatus": feed_status_is, "itemDetails": {"itemIngestionStatus": items}}
    with shop.warehouse.writing() as db:
        return feed_status.apply(db, [page])[0]


def skus(path: str | Path) -> list[str]:
    return [item["Orderable"]["sku"] for item in json.loads(Path(path).read_text())["MPItem"]]


def left_out(shop: Shop) -> str:
    return (shop.folder / "feed" / "left_out.csv").read_text("utf-8-sig")


def test_a_feed_has_the_shape_that_walmart_takes_and_no_field_of_version_4(shop: Shop) -> None:
    shop.accept(kettle())
    (file,) = export(shop).files
    assert json.loads(Path(file.path).read_text()) == {
        "MPItemFeedHeader": {"businessUnit": "WALMART_US", "locale": "en", "version": "5.0.20260803-17_50_56-api"},
        "MPItem": [
            {
                "Orderable": {
                    "sku": "K-001",
                    "productIdentifiers": {"productIdType": "GTIN", "productId": "00000000000001"},
                    "price": 29.99,
                },
                "Visible": {
                    "Electric Kettles": {
                        "productName": LISTING.title,
                        "brand": "Brindlewick",
                        "shortDescription": LISTING.description,
                        "keyFeatures": ["Boils", "Pours", "Rests", "Whistles"],
                        "capacity": {"measure": 1.7, "unit": "L"},
                        "color": "navy",
                    }
                },
            }
        ],
    }


def test_a_feed_of_chosen_listings_holds_only_these_and_the_others_stay_due(shop: Shop) -> None:
    for number in (1, 2, 3):
        shop.accept(kettle(number))
    with shop.warehouse.writing() as db:
        exporter.select(db, ListingSelection(ids=["K-002"]))
        chosen = feed_files.write_for(db, shop.settings, shop.folder / "feed", selected=True)
    assert skus(chosen.files[0].path) == ["K-002"]
    send(shop, "F1")
    assert skus(export(shop).files[0].path) == ["K-001", "K-003"]


def test_a_chosen_variant_goes_with_its_siblings(shop: Shop) -> None:
    for number in (1, 2, 3):
        shop.accept(kettle(number, attributes={"variantGroupId": "navy" if number < 3 else "red"}))
    shop.accept(kettle(4))
    with shop.warehouse.writing() as db:
        exporter.select(db, ListingSelection(ids=["K-002", "K-004"]))
        chosen = feed_files.write_for(db, shop.settings, shop.folder / "feed", selected=True)
    assert skus(chosen.files[0].path) == ["K-001", "K-002", "K-004"]


def test_an_item_that_does_not_fit_is_left_out_with_its_reason_and_the_others_go(shop: Shop) -> None:
    shop.accept(kettle(1))
    shop.accept(kettle(2, gtin=None, price=None))
    shop.accept(kettle(3, category=["Garden"]))
    shop.accept(kettle(4), LISTING.model_copy(update={"key_features": ["Boils"]}))
    written = export(shop)
    assert skus(written.files[0].path) == ["K-001"]
    assert written.left_out == 3
    assert left_out(shop).replace('"', "").splitlines()[1:] == [
        "K-002,Electric Kettles,Orderable: price missing: the record has no price",
        "K-002,Electric Kettles,Orderable: productIdentifiers missing: the record has no valid GTIN",
        "K-003,,the category Garden has no product type: "
        "give it one in product_types.yaml, see `walmart-pipeline feed types`",
        "K-004,Electric Kettles,Visible.keyFeatures: 1 values, at least 3",
    ]


def test_a_listing_that_is_not_publishable_is_in_no_feed(shop: Shop) -> None:
    """The rows of `listings` are older than the scores where a run failed between the two."""
    shop.accept(kettle(1))
    shop.accept(kettle(2), publishable=False)
    changed = kettle(3)
    shop.accept(changed)
    with shop.warehouse.writing() as db:
        db.execute("update catalog.products set facts_hash = 'of other facts' where product_id = 'K-003'")
    assert skus(export(shop).files[0].path) == ["K-001"]


@pytest.mark.parametrize("version", ["5.0", "4.8", "5.0.2026"])
def test_a_version_without_a_date_is_refused_with_the_remedy(shop: Shop, version: str) -> None:
    shop.write_spec(version, Kettles=product_type())
    with pytest.raises(UserError, match="date of the spec"):
        export(shop)


def test_a_spec_is_split_once_and_never_whole_in_memory(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    long = product_type(**{f"property{number}": string(title="A title " * 20) for number in range(60)})
    path = shop.write_spec(**{f"Type {number}": long for number in range(150)})
    tracemalloc.start()
    spec = item_specs.split(path, tmp_path / "cache")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert path.stat().st_size > 2_000_000
    assert peak < 1_200_000
    assert len(spec.types) == 150
    path_of_one = next((tmp_path / "cache").rglob("00000.json"))
    written = path_of_one.stat().st_mtime_ns
    item_specs.split(path, tmp_path / "cache")
    assert path_of_one.stat().st_mtime_ns == written


def test_the_specs_of_the_api_are_read_in_their_envelope(shop: Shop) -> None:
    path = shop.folder / "answer.json"
    path.write_text(json.dumps({"status": "OK", "schema": json.loads((shop.folder / "spec.json").read_text())}))
    spec = item_specs.split(path, shop.settings.item_specs)
    assert (spec.types, spec.version) == (["Electric Kettles"], "5.0.20260803-17_50_56-api")


REFERRING = json.dumps(spec_content(Kettles=product_type(color={"$ref": "#/definitions/color"})))


@pytest.mark.parametrize(
    ("content", "message"),
    [('{"properties": {"MPItem": {"items', "no whole JSON"), ('{"a": 1}', "no item spec"), (REFERRING, "refers")],
)
def test_a_file_that_is_no_spec_is_refused_and_leaves_nothing(shop: Shop, content: str, message: str) -> None:
    path = shop.folder / "broken.json"
    path.write_text(content)
    with pytest.raises(UserError, match=message):
        item_specs.split(path, shop.settings.item_specs)
    assert list(shop.settings.item_specs.iterdir()) == []


WEIGHT = closed(["measure", "unit"], measure={"type": "number"}, unit={"enum": ["lb", "oz", "fl oz", "in"]})


@pytest.mark.parametrize(
    ("text", "schema", "value"),
    [
        ("navy", string(), "navy"),
        ("NEW", {"enum": ["New", "Restored"]}, "New"),
        ("true", {"enum": ["Yes", "No"]}, "Yes"),
        ("1,200", {"type": "integer"}, 1200),
        ("1200 W", {"type": "integer"}, None),
        ("2.5", {"type": "integer"}, None),
        ("2.6 pounds", WEIGHT, {"measure": 2.6, "unit": "lb"}),
        ("30 inches", WEIGHT, {"measure": 30, "unit": "in"}),
        ("3 kg", WEIGHT, None),
        ("10 x 20 in", WEIGHT, None),
        ("red; blue", {"type": "array", "items": string()}, ["red", "blue"]),
        ("a text that is too long", string(5), None),
        ("19.99", {"type": "number", "multipleOf": 0.01}, 19.99),
        ("2026", string(pattern=r"^[A-Z]+$"), None),
        ("2026", string(pattern=r"\p{N}+"), "2026"),
    ],
)
def test_an_attribute_is_taken_as_the_spec_wants_it_or_omitted_with_a_reason(
    text: str, schema: dict[str, Any], value: Any
) -> None:
    found = AttributeFitter(closed([], frameColor=schema), {}).fit({"Frame Color": text})
    assert found.values.get("frameColor") == value
    assert bool(found.omitted) == (value is None)


def test_fixed_values_and_names_of_the_user_fill_what_the_record_has_not(shop: Shop) -> None:
    properties = {"condition": {"enum": ["New"]}, "shade": string(), "color": string()}
    shop.write_spec(**{"Electric Kettles": product_type("condition", **properties)})
    shop.settings.feed_values.write_text("visible: {condition: New, color: any}\nattributes: {Colour: shade}\n")
    shop.accept(kettle(attributes={"Color": "navy", "Colour": "blue"}))
    (file,) = export(shop).files
    visible = json.loads(Path(file.path).read_text())["MPItem"][0]["Visible"]["Electric Kettles"]
    assert (visible["condition"], visible["color"], visible["shade"]) == ("New", "navy", "blue")


def test_categories_have_the_type_of_the_nearest_one_above() -> None:
    types = product_types.ProductTypes({"Home > Kitchen": "Kitchen Tools", "home > kitchen > Kettles": "Kettles"})
    assert types.of(["Home", "Kitchen", "Kettles", "Travel"]) == "Kettles"
    assert types.of(["Home", "Kitchen", "Pans"]) == "Kitchen Tools"
    assert types.of(["Home", "Bath"]) is None


def test_a_category_is_proposed_what_its_products_are_and_not_where_they_are_sold(shop: Shop) -> None:
    shop.accept(kettle(category=["Home", "Bath", "Bathrobes"], product_name="Unisex waffle robe"))
    with shop.warehouse.reading() as db:
        names = ["Home Furniture", "Bath Linens & Accessories", "Bathrobes"]
        (found,) = product_types.unmapped(db, product_types.ProductTypes({}), names)
    assert found.proposals[:2] == ["Bathrobes", "Bath Linens & Accessories"]


def test_proposals_are_added_beside_what_the_user_wrote_and_only_once(shop: Shop) -> None:
    path = shop.settings.product_types
    path.write_text("# mine\nGarden > Hoses: Garden Hoses")
    shop.accept(kettle(1, product_name="Electric kettle, steel"))
    names = ["Electric Kettles", "Stovetop Kettles", "Kitchen Cabinets", "Garden Hoses", "Home Gyms"]
    for _ in range(2):
        with shop.warehouse.reading() as db:
            missing = product_types.unmapped(db, product_types.load(path), names)
        product_types.add_proposals(path, missing)
    assert [(category.category, category.proposals[0]) for category in missing] == [
        ("Home > Kitchen > Kettles", "Electric Kettles")
    ]
    assert path.read_text().startswith("# mine\nGarden > Hoses: Garden Hoses\n# ")
    assert path.read_text().count("Home > Kitchen > Kettles") == 1
    assert product_types.load(path).of(["Home", "Kitchen", "Kettles"]) is None


items = st.lists(
    st.builds(
        PackedItem, st.text("abc", min_size=1, max_size=4), st.none() | st.sampled_from("xyz"), st.integers(1, 60)
    ),
    unique_by=lambda item: item.product_id,
    max_size=40,
)


@settings(max_examples=60)
@given(items, st.integers(1, 8), st.integers(1, 100))
def test_files_hold_every_item_once_within_the_limits_and_split_no_group(
    given_items: list[PackedItem], most: int, size: int
) -> None:
    packed = pack(given_items, FileLimits(most, size))
    assert Counter(item for file in packed.files + packed.too_large for item in file) == Counter(given_items)
    for file in packed.files:
        assert 0 < len(file) <= most
        assert sum(item.bytes for item in file) <= size
    places = {(number, item.group) for number, file in enumerate(packed.files) for item in file if item.group}
    assert len(places) == len({group for _, group in places})
    for group in packed.too_large:
        assert len(group) > most or sum(item.bytes for item in group) > size


def test_files_are_within_the_limits_with_their_header_and_keep_variants_together(shop: Shop) -> None:
    for number in range(1, 6):
        group = {"attributes": {"Variant Group ID": "red"}} if number in (1, 5) else {}
        shop.accept(kettle(number, **group))
    with shop.warehouse.writing() as db:
        one = feed_files.write_for(db, shop.settings, shop.folder / "feed").files[0]
        compiler = feed_files.compiler_for(shop.settings, item_specs.in_force(shop.settings))
        most = {"max_items": 2, "max_bytes": one.bytes}
        written = feed_files.write(db, compiler, shop.folder / "feed", header={"version": "v"}, **most)
    assert [skus(file.path) for file in written.files] == [["K-001", "K-005"], ["K-002", "K-003"], ["K-004"]]


def test_the_same_export_twice_gives_the_same_files_and_only_what_changed_follows_what_was_sent(shop: Shop) -> None:
    for number in (1, 2, 3):
        shop.accept(kettle(number))
    first, second = export(shop), export(shop)
    assert first.files == second.files
    assert (first.compiled, second.compiled) == (3, 0)
    send(shop, "F1")
    assert export(shop).files == []
    shop.accept(kettle(2, price=19.99))
    shop.accept(kettle(4))
    shop.withdraw("K-003")
    written = export(shop)
    assert skus(written.files[0].path) == ["K-002", "K-004"]
    assert (written.unchanged, written.withdrawn) == (1, 1)
    assert "K-003" in (shop.folder / "feed" / "withdrawn.csv").read_text()
    with shop.warehouse.writing() as db:
        assert feed_files.retire(db, ["K-003", "never"]) == ["never"]
    answer(shop, "unknown feed", K_003="SUCCESS")
    assert export(shop).withdrawn == 0


def test_a_file_that_was_changed_by_hand_is_not_noted_as_sent(shop: Shop) -> None:
    shop.accept(kettle())
    (file,) = export(shop).files
    Path(file.path).write_text(Path(file.path).read_text().replace("29.99", "2.99"))
    with pytest.raises(UserError, match="no feed that waits"):
        send(shop, "F1")


def test_a_processed_feed_says_nothing_of_its_items(shop: Shop) -> None:
    for number in (1, 2, 3, 4):
        shop.accept(kettle(number))
    export(shop)
    send(shop, "F1")
    statuses = {"K_001": "SUCCESS", "K_002": "INPROGRESS", "K_003": "SYSTEM_ERROR", "other": "SUCCESS"}
    read = answer(shop, "F1", **statuses)
    assert (read.items, read.unknown) == ({"SUCCESS": 2, "INPROGRESS": 1, "SYSTEM_ERROR": 1}, ["other"])
    written = export(shop)
    assert skus(written.files[0].path) == ["K-003"]
    with shop.warehouse.reading() as db:
        assert list(feed_status.open_feeds(db)) == ["F1"]


def test_a_refused_item_is_a_review_case_until_it_changes(shop: Shop) -> None:
    shop.accept(kettle(1))
    shop.accept(kettle(2))
    export(shop)
    send(shop, "F1")
    answer(shop, "F1", K_001="DATA_ERROR ERR_EXT_DATA_0101119 ERR_PDI_0034", K_002="DATA_ERROR ERR_NEW")
    with shop.warehouse.reading() as db:
        known, new = db.query("select product_id, reasons from delivery.refused_items order by product_id")
    assert "compare the GTIN in the catalog with the package" in known["reasons"][0]
    assert len(known["reasons"]) == 2
    assert new["reasons"] == ["ERR_NEW (productId): It is wrong."]
    assert (export(shop).items, export(shop).refused) == (0, 2)
    shop.accept(kettle(1, gtin="00000000000017"))
    assert skus(export(shop).files[0].path) == ["K-001"]
    with shop.warehouse.reading() as db:
        assert [row["product_id"] for row in db.query("from delivery.refused_items")] == ["K-002"]


def test_a_feed_that_failed_as_a_whole_is_sent_again(shop: Shop) -> None:
    shop.accept(kettle(1))
    export(shop)
    send(shop, "F1")
    answer(shop, "F1", "ERROR")
    assert export(shop).items == 1


def test_the_items_that_a_new_spec_breaks_are_named_with_the_reason(shop: Shop) -> None:
    shop.accept(kettle(1))
    shop.accept(kettle(2, attributes={"Color": "navy"}))
    shop.accept(kettle(3, gtin=None))
    capacity = closed(["measure", "unit"], measure={"type": "number"}, unit={"enum": ["L"]})
    new = shop.write_spec(
        "5.0.20261101-09_00_00-api",
        name="new.json",
        **{"Electric Kettles": product_type("capacity", capacity=capacity)},
    )
    before, after = (item_specs.split(path, shop.settings.item_specs) for path in (shop.folder / "spec.json", new))
    with shop.warehouse.reading() as db:
        found = spec_changes.compare(db, before, after, shop.settings)
    assert [(item.product_id, item.problems) for item in found.broken] == [("K-002", ["Visible: capacity missing"])]
    assert (found.items, found.mended, found.unfit) == (3, 0, 1)
