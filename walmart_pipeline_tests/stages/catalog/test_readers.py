"""Unreadable and damaged feeds: each is reported with its reason, and the others are read."""

import gzip
import io
import random
import zipfile
from pathlib import Path

import pytest

from walmart_pipeline.stages.catalog import readers
from walmart_pipeline.stages.catalog.feeds import Feed, find, same_names
from walmart_pipeline.stages.catalog.readers import UnreadableFeedError
from walmart_pipeline_tests.stages.catalog.conftest import Catalog

GOOD = "id,name\n1,Kettle\n2,Mug\n"
NOISE = random.Random(0).randbytes(20_000)

BROKEN = {
    "empty.csv": (b"", "the file is empty"),
    "blank.csv": (b" \n\r\n", "the file is empty"),
    "mark_only.csv": (b"\xef\xbb\xbf", "no line names the columns"),
    "open_header.csv": (b'id,"name\n1,Kettle\n', "the line that names the columns: a quote is opened"),
    "commas_only.csv": (b",,,\n,,\n", "no line names the columns"),
    "binary.csv": (NOISE, "it is a binary file"),
    "picture.csv": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x10\0\0\0\x10\x08\x06\0\0\0", "it is a binary file"),
    "binary.jsonl": (NOISE, "it is a binary file"),
    "binary.json": (NOISE, "it is a binary file"),
    "binary.parquet": (NOISE, "it is not a whole Parquet file"),
    "binary.xlsx": (NOISE, "it is not a workbook"),
    "truncated.csv.gz": (gzip.compress(GOOD.encode() * 5_000)[:-200], "it can't be read to its end"),
    "not_gzip.csv.gz": (GOOD.encode(), "it can't be read to its end"),
    "damaged.json": (b'[{"name": "Kettle"}, {"name": ', "the JSON is damaged"),
    "prose.json": (b"These are the products.", "it is not JSON"),
    "products.pdf": (b"%PDF-1.7", "its name ends in `pdf`, not in a format that is read"),
    "suffixless": (b"id,name", "its name ends in ``, not in a format that is read"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_file_that_cannot_be_read_gives_the_reason(tmp_path: Path, name: str) -> None:
    content, reason = BROKEN[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UnreadableFeedError, match=reason), readers.read(Feed(name, tmp_path / name)) as reading:
        list(reading.rows)


def test_a_missing_file_and_a_folder_say_so(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    for name, reason in {"missing.csv": "no such file", "folder.csv": "a folder, not a file"}.items():
        with pytest.raises(UnreadableFeedError, match=reason), readers.read(Feed(name, tmp_path / name)):
            pass


@pytest.mark.parametrize("name", ["bomb.csv.gz", "bomb.json.gz", "bomb.xlsx", "bomb.xlsx.gz", "bomb.parquet.gz"])
def test_a_small_file_that_unpacks_to_a_large_one_is_refused(tmp_path: Path, name: str) -> None:
    workbook = io.BytesIO()
    with zipfile.ZipFile(workbook, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b" " * 3_000_000)
    content = workbook.getvalue() if ".xlsx" in name else b"[" + b" " * 3_000_000
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    assert path.stat().st_size < 10_000
    with (
        pytest.raises(UnreadableFeedError, match="unpacks to more than 2e-06 GB"),
        readers.read(Feed(name, path), max_bytes=2_000) as reading,
    ):
        list(reading.rows)


def test_a_compressed_feed_of_just_the_size_that_is_allowed_is_read_whole(tmp_path: Path) -> None:
    content = "id,name\n" + "".join(f"{number},Kettle\n" for number in range(1_000))
    path = tmp_path / "feed.csv.gz"
    path.write_bytes(gzip.compress(content.encode()))
    with readers.read(Feed("feed.csv.gz", path), max_bytes=len(content)) as reading:
        assert len(list(reading.rows)) == 1_000
    with (
        pytest.raises(UnreadableFeedError),
        readers.read(Feed("f.csv.gz", path), max_bytes=len(content) - 1) as reading,
    ):
        list(reading.rows)


def test_broken_files_do_not_stop_the_others_and_stay_listed(catalog: Catalog) -> None:
    paths = [catalog.put(name, content) for name, (content, _) in BROKEN.items()]
    good = catalog.put("good.csv", GOOD)
    refined = catalog.run(*paths, catalog.inbox / "missing.csv", good)
    assert (refined.rows_in, refined.products) == (2, 2)
    feeds = {row["source_file"]: row for row in catalog.table("feeds")}
    assert {name for name, row in feeds.items() if row["status"] == "unreadable"} == {*BROKEN, "missing.csv"}
    assert all(reason in feeds[name]["detail"] for name, (_, reason) in BROKEN.items())


def test_a_header_line_only_is_an_empty_feed(catalog: Catalog) -> None:
    catalog.put("header.csv", "id,name,price\n")
    catalog.put("nothing.json", "[]")
    feeds = catalog.load()
    assert {(feed["status"], feed["row_count"]) for feed in feeds.values()} == {("empty", 0)}
    assert "it has no rows" in feeds["header.csv"]["detail"]


def test_gzip_is_read_as_what_is_inside(catalog: Catalog) -> None:
    catalog.put("a.csv.gz", gzip.compress(GOOD.encode()))
    catalog.put("b.JSONL.GZ", gzip.compress(b'{"id": "3", "name": "Pot"}\n'))
    assert catalog.run().products == 3


def test_a_folder_is_searched_and_files_still_being_written_are_left(tmp_path: Path) -> None:
    for name in ("sub/b.csv", "a.JSON", ".hidden.csv", "~$open.xlsx", "notes.md", "a.mapping.yaml", "c.csv.gz"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.csv").mkdir()
    assert [feed.name for feed in find([tmp_path])] == ["a.JSON", "c.csv.gz", "sub/b.csv"]


def test_of_two_files_of_one_name_the_second_is_refused(catalog: Catalog, tmp_path: Path) -> None:
    first, second = catalog.put("feed.csv", GOOD), tmp_path / "feed.csv"
    second.write_text("id,name\n9,Other\n")
    assert same_names(find([first, first])) == {}
    loaded = catalog.load(first, second)
    assert loaded["feed.csv"]["status"] == "read"
    assert "has the same name" in loaded[str(second)]["detail"]
    assert catalog.rows_of("feed.csv") == 2
