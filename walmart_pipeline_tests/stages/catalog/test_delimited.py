import csv
import io
import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from walmart_pipeline.stages.catalog.readers import FeedRow, delimited
from walmart_pipeline.stages.catalog.readers.rows import column_names
from walmart_pipeline_tests.stages.catalog.conftest import Catalog


def rows(content: str | bytes) -> list[FeedRow]:
    found, _ = delimited.read(io.BytesIO(content.encode() if isinstance(content, str) else content))
    return list(found)


def cells(content: str | bytes) -> list[dict[str, str]]:
    read = rows(content)
    assert not [row for row in read if row.problem]
    return [json.loads(row.raw) for row in read]


# Without lone surrogates, which have no UTF-8, and control characters, of which a few make a short file a binary one.
cell = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12) | st.sampled_from(
    ['"', '""', "a\nb", "a\r\nb", "\r", ";", "\t", "|", ",", "é", "\ufeff", "\x85", "\u2028", '5" pipe', " padded "]
)


@given(
    st.integers(2, 5).flatmap(lambda width: st.lists(st.lists(cell, min_size=width, max_size=width), max_size=6)),
    st.sampled_from(delimited.DELIMITERS),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
@example([['"', "x"], ['",', "y"]], ",", "\n", "utf-8", csv.QUOTE_MINIMAL)
def test_what_a_csv_writer_writes_is_read_as_it_was(
    table: list[list[str]], delimiter: str, line_end: str, charset: str, quoting: int
) -> None:
    header = [f"column_{number}" for number in range(len(table[0]) if table else 2)]
    text = io.StringIO()
    # With another line end than its own, Python's writer leaves a `\n` or `\r` inside a cell unquoted.
    quoting = quoting if line_end == "\r\n" else csv.QUOTE_ALL
    writer = csv.writer(text, delimiter=delimiter, lineterminator=line_end, quoting=quoting)
    writer.writerows([header, *table])
    expected = [{name: value for name, value in zip(header, row, strict=True) if value} for row in table]
    assert cells(text.getvalue().encode(charset)) == expected


@pytest.mark.parametrize("delimiter", delimited.DELIMITERS)
def test_the_delimiter_is_found_out_though_others_stand_in_the_cells(delimiter: str) -> None:
    lines = [["id", "name", "price"], ["1", "Kettle, red; small | new", "1,50"], ["2", "Mug", "2,50"]]
    text = "\n".join(delimiter.join(f'"{value}"' for value in line) for line in lines)
    assert cells(text)[0] == {"id": "1", "name": "Kettle, red; small | new", "price": "1,50"}


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_line_ends_of_every_system_and_line_breaks_in_quotes(line_end: str) -> None:
    text = line_end.join(["id,name", '1,"two', 'lines"', "", "2,Mug", ""])
    assert cells(text) == [{"id": "1", "name": f"two{line_end}lines"}, {"id": "2", "name": "Mug"}]


def test_a_quote_that_is_never_closed_costs_one_row() -> None:
    broken, good = rows('id,name\n1,"Kettle\n2,Mug\n')
    assert (broken.problem, broken.raw) == ("a quote is opened in this row and never closed", '1,"Kettle\n')
    assert json.loads(good.raw) == {"id": "2", "name": "Mug"}


def test_a_quote_that_a_later_row_seems_to_close_costs_one_row() -> None:
    """Python's own reader makes one row of these two, and no one is told."""
    broken, good = rows('id,name,price\n1,"Kettle,9.99\n2,"Mug, red",5.00\n')
    assert broken.problem == "a quote is opened in this row and never closed"
    assert json.loads(good.raw) == {"id": "2", "name": "Mug, red", "price": "5.00"}


def test_a_file_cut_inside_a_quoted_cell_gives_no_half_row() -> None:
    good, broken = rows('id,name\n1,Kettle\n2,"Mug with a lo')
    assert good.problem is None
    assert broken.problem == "a quote is opened in this row and never closed"


def test_a_quote_out_of_place_is_part_of_the_text() -> None:
    read = cells('id,name,note\n1,5" pipe,"two\nlines"\n2,"6" pipe,x\n')
    assert read == [{"id": "1", "name": '5" pipe', "note": "two\nlines"}, {"id": "2", "name": "6 pipe", "note": "x"}]


def test_an_endless_quote_is_given_up_after_a_megabyte() -> None:
    tail = "".join(f"{number},Mug\n" for number in range(150_000))
    read = rows('id,name\n0,"Kettle\n' + tail)
    assert len(read) == 150_001
    assert [row.problem is not None for row in read[:2]] == [True, False]


def test_more_cells_than_the_header_is_a_broken_row_and_fewer_are_empty_cells() -> None:
    more, empties, fewer = rows("id,name,price\n1,Kettle,9,99\n2,Mug,5,,\n3,Pot\n")
    assert (more.problem, more.raw) == ("the row has 4 cells, the header 3", "1,Kettle,9,99\n")
    assert json.loads(empties.raw) == {"id": "2", "name": "Mug", "price": "5"}
    assert json.loads(fewer.raw) == {"id": "3", "name": "Pot"}


def test_empty_and_repeated_column_names_lose_no_cell() -> None:
    assert column_names(["name", "", "name", "name (2)", "name"]) == [
        "name", "column 2", "name (2)", "name (2) (2)", "name (3)",
    ]  # fmt: skip
    assert cells("id,,id\n1,2,3\n") == [{"id": "1", "column 2": "2", "id (2)": "3"}]


@given(st.lists(st.sampled_from(["a", "", "a (2)", "column 1", " a "]), max_size=6))
def test_no_two_columns_have_one_name(names: list[str]) -> None:
    assert len(set(column_names(names))) == len(names)


def test_a_nul_in_a_cell_costs_nothing(catalog: Catalog) -> None:
    catalog.put("nul.csv", b"id,name\n1,Ket\0tle\n2,Mug\n")
    catalog.run()
    assert catalog.products()["1"]["product_name"] == "Kettle"


def test_a_hundred_thousand_columns_are_a_row_like_any_other(catalog: Catalog) -> None:
    header = ",".join(["id", "name", *(f"column_{number}" for number in range(100_000))])
    line = ",".join(["1", "Kettle", *("x" for _ in range(100_000))])
    catalog.put("wide.csv", f"{header}\n{line}\n")
    refined = catalog.run()
    assert (refined.rows_in, refined.products) == (1, 1)
    (feed,) = catalog.table("feeds")
    assert feed["unmapped"][:2] == ["column_0", "column_1"]
    assert len(feed["unmapped"]) == 200
