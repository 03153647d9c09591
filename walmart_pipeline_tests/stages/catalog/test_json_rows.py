import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from walmart_pipeline.stages.catalog.readers import FeedRow, UnreadableFeedError, json_rows
from walmart_pipeline_tests.stages.catalog.conftest import Catalog

KETTLE, MUG = {"id": 1, "name": "Kettle"}, {"id": 2, "name": "Mug"}


def document(content: str) -> list[FeedRow]:
    found, _ = json_rows.read_document(io.BytesIO(content.encode()))
    return list(found)


def lines(content: str) -> list[FeedRow]:
    return list(json_rows.read_lines(io.BytesIO(content.encode())))


@pytest.mark.parametrize(
    "content",
    [
        json.dumps([KETTLE, MUG]),
        json.dumps([KETTLE, MUG], indent=2),
        json.dumps({"products": [KETTLE, MUG]}),
        json.dumps({"total": 2, "pages": [1], "data": {"items": [KETTLE, MUG]}}, indent=1),
        f"{json.dumps(KETTLE)}\n{json.dumps(MUG)}\n",
        f"{json.dumps(KETTLE)}\n\n{json.dumps(MUG)}",
    ],
)
def test_every_form_of_a_document_gives_its_rows(content: str) -> None:
    assert [json.loads(row.raw) for row in document(content)] == [KETTLE, MUG]


def test_a_lone_object_is_a_row_with_its_lists() -> None:
    product = {"name": "Kettle", "features": ["Boils"], "specs": [{"name": "Size", "value": "1 L"}]}
    assert [json.loads(row.raw) for row in document(json.dumps(product))] == [product]
    assert document("[]") == document('{"products": []}') == []


def test_what_is_no_object_is_a_broken_row_and_the_next_one_is_read() -> None:
    for found in (document(json.dumps([None, 7, KETTLE])), lines(f"null\n7\n{json.dumps(KETTLE)}")):
        assert [row.problem for row in found] == [*["the row is not an object with named values"] * 2, None]


def test_a_broken_line_gives_the_character() -> None:
    broken, good = lines('{"id": 1, "name": \n{"id": 2}\n')
    assert broken == FeedRow('{"id": 1, "name":', "the line is not JSON: Expecting value at character 18")
    assert json.loads(good.raw) == {"id": 2}


def test_numbers_and_nesting_without_end_are_broken_rows() -> None:
    huge, deep, good = lines(f'{{"id": {"9" * 5000}}}\n{{"a": {"[" * 100_000}\n{json.dumps(KETTLE)}\n')
    assert huge.problem is not None
    assert deep.problem is not None
    assert good.problem is None
    with pytest.raises(UnreadableFeedError):
        document(f'[{{"id": {"9" * 5000}}}]')


def test_deeply_nested_values_are_rejects_and_not_the_end_of_the_run(catalog: Catalog) -> None:
    deep = '{"name": "Kettle", "x": ' + '{"a": ' * 900 + "1" + "}" * 901
    cell = json.dumps({"name": "Mug", "features": "[" * 800 + "1" + "]" * 800})
    catalog.put("deep.jsonl", f"{deep}\n{cell}\n" + json.dumps(KETTLE))
    catalog.put("deep.json", f"[{deep}]")
    refined = catalog.run()
    assert refined.rows_in == refined.products + refined.merged + refined.rejected == 4
    assert refined.products >= 1


def test_a_line_that_is_a_whole_document_is_refused_before_it_fills_the_memory() -> None:
    with pytest.raises(UnreadableFeedError, match="a line is longer than 16 MB"):
        lines('{"a": "' + "x" * (17 << 20))


def test_a_lone_surrogate_does_not_stop_the_warehouse(catalog: Catalog) -> None:
    catalog.put(
        "feed.jsonl", '{"id": "1", "name": "Kettle \\ud83d", "col\\ud83d": "x"}\n"\\ud83d"\n{"id": "\\u0000"}\n'
    )
    refined = catalog.run()
    assert (refined.products, refined.rejected) == (1, 2)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.lists(json_values | st.text().map(lambda text: text.replace("\n", "")), max_size=5))
def test_every_line_with_something_on_it_is_a_row(values: list[object]) -> None:
    written = [value if isinstance(value, str) and value.strip() else json.dumps(value) for value in values]
    written = [line.encode("utf-8", "replace").decode().replace("\r", "") for line in written]
    content = "".join(f"{line}\n" for line in written) + "{}\n"
    expected = sum(bool(line.strip()) for line in content.split("\n"))
    try:
        assert len(lines(content)) == expected
    except UnreadableFeedError as error:
        assert "binary" in str(error)
