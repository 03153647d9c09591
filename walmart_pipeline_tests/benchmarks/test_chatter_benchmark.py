import json
from pathlib import Path

import pytest

from walmart_pipeline.benchmarks import chatter
from walmart_pipeline.core.errors import UserError

TALK = [
    "Contact us with any question about your order.",
    "Please contact our service team before a return.",
    "Any question about an order, please contact us.",
    "Contact our team for a return of your order.",
    "Please contact us before you return your order.",
    "Our team answers any question about your order.",
]
FACTS = [
    "The lid is oak and fits tightly.",
    "The jar holds 1 liter and its lid is oak.",
    "The lid of the jar fits tightly.",
    "Oak lid, glass jar, holds 1 liter.",
    "Its jar is glass and the lid oak.",
    "The glass jar holds 2 liters.",
]


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    """Labelled sentences of six products; the talk of the last three is known by its hash only."""
    rows: list[dict[str, str]] = []
    for place, (talk, fact) in enumerate(zip(TALK, FACTS, strict=True)):
        shared = {"drawn": "random", "product": str(place)}
        known = {"text": talk} if place < 3 else {"hash": chatter.sentence_hash(talk)}
        rows += [shared | {"label": "chatter"} | known, shared | {"label": "product", "text": fact}]
    path = tmp_path / "labels.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_labels_that_are_hashes_take_part_where_their_catalog_is_given(labels: Path, tmp_path: Path) -> None:
    feed = tmp_path / "feed.jsonl"
    feed.write_text("".join(json.dumps({"name": "Jar", "description": talk}) + "\n" for talk in TALK), encoding="utf-8")
    alone, with_catalog = chatter.measure(labels, []), chatter.measure(labels, [feed])
    assert (alone.without_text, alone.measured, alone.chatter) == (3, 9, 3)
    assert (with_catalog.without_text, with_catalog.measured, with_catalog.chatter) == (0, 3, 3)
    low, high = with_catalog.recall_interval
    assert low <= with_catalog.recall <= high


def test_a_missing_file_of_labels_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--labels"):
        chatter.measure(tmp_path / "none.jsonl", [])
