import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from walmart_pipeline.stages.catalog.readers import UnreadableFeedError, encoding
from walmart_pipeline_tests.stages.catalog.conftest import Catalog

FRENCH = "id;name;description\n1;Théière crème;Une théière en grès émaillé, fabriquée à la main – 1,2 l, 39 €\n" * 3


@pytest.mark.parametrize("charset", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_accents_arrive_whatever_the_encoding(catalog: Catalog, charset: str) -> None:
    catalog.put("feed.csv", FRENCH.encode(charset))
    catalog.run()
    assert catalog.products()["1"]["product_name"] == "Théière crème"
    assert "39 €" in catalog.products()["1"]["description"]


def test_one_byte_out_of_place_far_down_a_file_loses_neither_the_file_nor_the_other_rows(catalog: Catalog) -> None:
    lines = [b"id,name", *(b"%d,Kettle" % number for number in range(20_000)), "99999,Café".encode("cp1252")]
    catalog.put("feed.csv", b"\n".join(lines))
    assert catalog.run().products == 20_001
    assert catalog.products()["99999"]["product_name"] == "Café"


@pytest.mark.parametrize("charset", ["utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("name", ["feed.jsonl", "feed.json"])
def test_json_in_another_encoding_is_read(catalog: Catalog, name: str, charset: str) -> None:
    row = '{"id": "1", "name": "Théière crème", "description": "émaillée à la main, grès"}'
    catalog.put(name, f"[{row}]".encode(charset) if name.endswith("json") else f"{row}\n".encode(charset))
    catalog.run()
    assert catalog.products()["1"]["product_name"] == "Théière crème"


def test_utf16_without_its_mark_is_reported() -> None:
    with pytest.raises(UnreadableFeedError, match="UTF-16 needs its byte-order mark"):
        encoding.detect(io.BytesIO(FRENCH.encode("utf-16-le")))


@given(st.binary(max_size=200))
def test_any_bytes_have_an_encoding_or_a_reason(content: bytes) -> None:
    file = io.BytesIO(content)
    try:
        charset = encoding.detect(file)
    except UnreadableFeedError:
        return
    assert file.tell() == 0
    content.decode(charset, "replace")
