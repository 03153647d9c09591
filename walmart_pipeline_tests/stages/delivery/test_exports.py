import codecs
import csv
import hashlib
import json
import tracemalloc
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from walmart_pipeline.core.records import Listing, Product
from walmart_pipeline.stages.delivery.exporter import (
    COLUMNS,
    Accepted,
    ExportSummary,
    harmless,
    write_csv,
    write_jsonl,
    write_txt,
)

Write: TypeAlias = Callable[[Path, Iterable[Accepted]], ExportSummary]
WRITERS: list[Write] = [write_jsonl, write_csv, write_txt]

KETTLE: Accepted = (
    Product(
        product_id="K-17",
        product_name="kettle",
        brand="Café Acme",
        category=["Home", "Kettles"],
        price=29.99,
        gtin="00012345678905",
    ),
    Listing(
        title='Café Acme 1.7 L Kettle, 9"',
        key_features=["Shuts off by itself", "Cordless, light"],
        description="It boils water.\n\nIt is quiet.",
        seo_keywords=["kettle", "quiet kettle"],
    ),
    91.5,
)
BARE: Accepted = (Product(product_id="B-1", product_name="bare"), Listing(title="Bare"), 60.0)

texts = st.text() | st.sampled_from(
    ['=cmd|"/c calc"!A1', "＝1+1", ' "=1', "\ta", "-5", "a,b", 'a"b', "a\r\nb", "\u200b@x"]
)
listings = st.builds(
    Listing, title=texts, key_features=st.lists(texts, max_size=3), description=texts, seo_keywords=st.lists(texts)
)
products = st.builds(
    Product,
    product_id=texts,
    product_name=texts,
    brand=st.none() | texts,
    category=st.lists(texts, max_size=3),
    price=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    gtin=st.none() | st.from_regex(r"[0-9]{14}", fullmatch=True),
)
accepted = st.lists(st.tuples(products, listings, st.floats(0, 100)), max_size=4)
same_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def runs_as_a_formula(cell: str) -> bool:
    """What a spreadsheet may do with a cell: trim it, fold its width, look at its start."""
    trimmed = unicodedata.normalize("NFKC", cell)
    while trimmed and (not trimmed[0].isprintable() or trimmed[0].isspace() or trimmed[0] in '"“”'):
        trimmed = unicodedata.normalize("NFKC", trimmed[1:])
    return cell.startswith(("\t", "\r", "\n")) or trimmed.startswith(("=", "+", "-", "@"))


@pytest.mark.parametrize("write", WRITERS)
def test_the_summary_describes_the_file(tmp_path: Path, write: Write) -> None:
    path = tmp_path / "exports" / "listings"
    summary = write(path, [KETTLE, BARE])
    data = path.read_bytes()
    assert (summary.path, summary.rows, summary.bytes) == (str(path), 2, len(data))
    assert summary.sha256 == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("write", WRITERS)
def test_no_listing_makes_a_file_without_rows(tmp_path: Path, write: Write) -> None:
    assert write(tmp_path / "listings", []).rows == 0
    assert (tmp_path / "listings").exists()


@pytest.mark.parametrize("write", WRITERS)
def test_an_export_that_breaks_leaves_yesterdays_file(tmp_path: Path, write: Write) -> None:
    def breaking() -> Iterator[Accepted]:
        yield KETTLE
        raise ConnectionError("the warehouse went away")

    path = tmp_path / "listings"
    path.write_text("yesterday")
    with pytest.raises(ConnectionError):
        write(path, breaking())
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("listings", "yesterday")]


@pytest.mark.parametrize("write", WRITERS)
def test_memory_does_not_grow_with_the_catalog(tmp_path: Path, write: Write) -> None:
    def peak(count: int) -> int:
        tracemalloc.start()
        write(tmp_path / "listings", (KETTLE for _ in range(count)))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(10)
    assert peak(3000) < peak(300) + 50_000


def test_a_json_line_holds_what_a_consumer_needs(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "listings.jsonl", [KETTLE, BARE])
    kettle, bare = map(json.loads, (tmp_path / "listings.jsonl").read_text("utf-8").splitlines())
    assert kettle == {
        "product_id": "K-17",
        "gtin": "00012345678905",
        "brand": "Café Acme",
        "category": ["Home", "Kettles"],
        "price": 29.99,
        "quality_score": 91.5,
        "listing": KETTLE[1].model_dump(),
    }
    assert (bare["gtin"], bare["brand"], bare["price"], bare["category"]) == (None, None, None, [])


def test_a_price_that_is_not_a_number_is_refused_in_json(tmp_path: Path) -> None:
    product = Product(product_id="1", product_name="a", price=float("nan"))
    with pytest.raises(ValueError, match="JSON"):
        write_jsonl(tmp_path / "listings.jsonl", [(product, Listing(), 0.0)])
    assert list(tmp_path.iterdir()) == []


@same_folder
@given(accepted)
def test_every_json_line_parses_back(tmp_path: Path, rows: list[Accepted]) -> None:
    path = tmp_path / "listings.jsonl"
    write_jsonl(path, rows)
    lines = path.read_text("utf-8").splitlines()
    assert len(lines) == len(rows)
    for line, (product, listing, score) in zip(map(json.loads, lines), rows, strict=True):
        assert Listing.model_validate(line["listing"]) == listing
        assert (line["product_id"], line["price"], line["quality_score"]) == (
            product.product_id,
            product.price,
            score,
        )


def test_a_csv_opens_in_excel_with_its_accents(tmp_path: Path) -> None:
    """Without a byte order mark Excel reads the local code page."""
    path = tmp_path / "listings.csv"
    write_csv(path, [KETTLE, BARE])
    assert path.read_bytes().startswith(codecs.BOM_UTF8)
    kettle, bare = read_csv(path)
    assert kettle == {
        "product_id": "K-17",
        "gtin": "00012345678905",
        "brand": "Café Acme",
        "category": "Home > Kettles",
        "price": "29.99",
        "quality_score": "91.5",
        "title": 'Café Acme 1.7 L Kettle, 9"',
        "key_features": "Shuts off by itself\nCordless, light",
        "description": "It boils water.\n\nIt is quiet.",
        "seo_keywords": "kettle, quiet kettle",
    }
    assert (bare["price"], bare["brand"]) == ("", "")


def test_a_negative_price_stays_a_number(tmp_path: Path) -> None:
    product = Product(product_id="1", product_name="refund", price=-5.25)
    write_csv(tmp_path / "listings.csv", [(product, Listing(), 0.0)])
    assert read_csv(tmp_path / "listings.csv")[0]["price"] == "-5.25"


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\tx",
        "\rx",
        "\nx",
        "  =1",
        "\u00a0=1",
        "\u200b=1",
        "\ufeff=1",
        '"=1',
        '" "=1',
        "“=1",
        "＝1",
        "＋1",
        "－1",
        "＠1",
        "﹣1",
    ],
)
def test_a_formula_gets_an_apostrophe(text: str) -> None:
    assert harmless(text) == "'" + text


@pytest.mark.parametrize("text", ["", "Kettle", "1.7 L", "5-in-1 = more", "'=1", "–5", " a@b", '"Quiet" kettle'])
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert harmless(text) == text


@same_folder
@given(accepted)
def test_a_csv_reader_gives_back_what_was_written(tmp_path: Path, rows: list[Accepted]) -> None:
    path = tmp_path / "listings.csv"
    write_csv(path, rows)
    back = read_csv(path)
    assert len(back) == len(rows)
    for cells, (product, listing, score) in zip(back, rows, strict=True):
        assert tuple(cells) == COLUMNS
        assert cells["title"].removeprefix("'") == listing.title.removeprefix("'")
        assert cells["description"].removeprefix("'") == listing.description.removeprefix("'")
        assert (float(cells["price"]) if cells["price"] else None) == product.price
        assert float(cells["quality_score"]) == score


@same_folder
@given(accepted)
def test_no_text_cell_runs_as_a_formula(tmp_path: Path, rows: list[Accepted]) -> None:
    path = tmp_path / "listings.csv"
    write_csv(path, rows)
    for cells in read_csv(path):
        for column in set(COLUMNS) - {"price", "quality_score"}:
            assert not runs_as_a_formula(cells[column])


@given(st.text())
@example("'=1")
def test_making_harmless_twice_changes_nothing(text: str) -> None:
    assert harmless(harmless(text)) == harmless(text)


def test_rows_end_as_rfc_4180_asks(tmp_path: Path) -> None:
    write_csv(tmp_path / "listings.csv", [BARE])
    data = (tmp_path / "listings.csv").read_bytes()
    assert data.endswith(b"\r\n")
    assert data.count(b"\r\n") == 2


def test_a_text_file_reads_from_top_to_bottom(tmp_path: Path) -> None:
    write_txt(tmp_path / "listings.txt", [KETTLE, BARE])
    text = (tmp_path / "listings.txt").read_text("utf-8")
    parts = [
        'Café Acme 1.7 L Kettle, 9"\n',
        "Product K-17 | GTIN 00012345678905 | Café Acme | Home > Kettles | $29.99 | quality 91.5",
        "* Shuts off by itself\n* Cordless, light",
        "It boils water.\n\nIt is quiet.",
        "Keywords: kettle, quiet kettle",
        "-----",
        "Bare\nProduct B-1 | quality 60.0",
    ]
    places = [text.index(part) for part in parts]
    assert places == sorted(places)
    assert "None" not in text
