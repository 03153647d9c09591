import datetime as dt
import io
import zipfile
from decimal import Decimal
from pathlib import Path
from xml.sax.saxutils import escape

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from walmart_pipeline.stages.catalog.readers import UnreadableFeedError, columnar
from walmart_pipeline_tests.stages.catalog.conftest import Catalog


def workbook(*sheets: list[list[object]]) -> bytes:
    """A minimal .xlsx: numbers as Excel keeps them, all else as text in the cell."""

    def cell(value: object) -> str:
        if isinstance(value, int | float):
            return f"<c><v>{value}</v></c>"
        return f'<c t="inlineStr"><is><t>{escape(str(value))}</t></is></c>'

    head, space = '<?xml version="1.0"?>', "http://schemas.openxmlformats.org"
    relation = f"{space}/officeDocument/2006/relationships"
    numbers = range(1, len(sheets) + 1)
    files = {
        "[Content_Types].xml": f'{head}<Types xmlns="{space}/package/2006/content-types"/>',
        "_rels/.rels": f'{head}<Relationships xmlns="{space}/package/2006/relationships"><Relationship Id="r" '
        f'Type="{relation}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'{head}<workbook xmlns="{space}/spreadsheetml/2006/main" xmlns:r="{relation}"><sheets>'
        + "".join(f'<sheet name="S{n}" sheetId="{n}" r:id="r{n}"/>' for n in numbers)
        + "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'{head}<Relationships xmlns="{space}/package/2006/relationships">'
        + "".join(
            f'<Relationship Id="r{n}" Type="{relation}/worksheet" Target="worksheets/s{n}.xml"/>' for n in numbers
        )
        + "</Relationships>",
    }
    for number, rows in zip(numbers, sheets, strict=True):
        data = "".join(f"<row>{''.join(map(cell, row))}</row>" for row in rows)
        files[f"xl/worksheets/s{number}.xml"] = (
            f'{head}<worksheet xmlns="{space}/spreadsheetml/2006/main"><sheetData>{data}</sheetData></worksheet>'
        )
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return content.getvalue()


def parquet(path: Path, **columns: object) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


def test_identifiers_of_a_workbook_are_no_floats(catalog: Catalog) -> None:
    rows = [["SKU", "Name", "UPC", "Price", "Name"], [173530386.0, "Kettle", 36000291452.0, 12.5, "other"]]
    catalog.put("feed.xlsx", workbook([], [["", ""], *rows]))
    catalog.run()
    kettle = catalog.products()["173530386"]
    assert (kettle["product_name"], kettle["gtin"], kettle["price"]) == ("Kettle", "00036000291452", 12.5)
    assert catalog.table("feeds")[0]["unmapped"] == ["Name (2)"]


def test_a_truncated_and_an_empty_workbook_say_so() -> None:
    content = workbook([["Name"], ["Kettle"]])
    with pytest.raises(UnreadableFeedError, match="it is not a workbook"):
        list(columnar.read_workbook(io.BytesIO(content[: len(content) // 2])))
    with pytest.raises(UnreadableFeedError, match="no sheet has a row"):
        list(columnar.read_workbook(io.BytesIO(workbook([], [["", ""]]))))


def test_nested_values_of_parquet_are_understood(catalog: Catalog) -> None:
    specs = pa.array([[("Weave", "terry")], None], pa.map_(pa.string(), pa.string()))
    parquet(
        catalog.inbox / "feed.parquet",
        item_id=pa.array([173530386.0, 173530387.0]),
        name=pa.array([b"Towel", b"Caf\xc3\xa9 mat"]),
        specs=specs,
        offer=pa.array([{"price": Decimal("9.50")}, {"price": None}]),
        features=[["Soft", "Thick"], []],
        launched=pa.array([dt.datetime(2025, 1, 2), None]),
        rating=pa.array([float("nan"), 4.5]),
    )
    catalog.run()
    towel, mat = catalog.products()["173530386"], catalog.products()["173530387"]
    assert (towel["attributes"], towel["price"], towel["features"]) == ({"Weave": "terry"}, 9.5, ["Soft", "Thick"])
    assert (towel["rating"], mat["rating"], mat["product_name"]) == (None, 4.5, "Café mat")
    assert catalog.table("feeds")[0]["unmapped"] == ["launched"]


def test_a_truncated_parquet_file_reports_it(tmp_path: Path) -> None:
    content = parquet(tmp_path / "feed.parquet", name=["Kettle"] * 100).read_bytes()
    with pytest.raises(UnreadableFeedError, match="it is not a whole Parquet file"):
        list(columnar.read_parquet(io.BytesIO(content[:-20])))
