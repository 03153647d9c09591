"""Labelled listings, as files of writers bring them, and what is made of them for training."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from training import claims_model, corpus, evaluation, mutations, pairs
from walmart_pipeline.judge.claims.listing_text import fields_of

RECORD = {
    "product_id": "k1",
    "product_name": "Harrowgate Kettle, 1.7 L",
    "brand": "Harrowgate",
    "attributes": {"Material": "Stainless steel", "Capacity": "1.7 L"},
    "description": "A kettle with a hinged lid.",
}
TEXT = {
    "product_id": "k1",
    "listing": {
        "title": "Harrowgate Kettle, 1.7 L",
        "key_features": ["Stainless steel body", "Hinged lid"],
        "description": "It holds 1.7 L of water. The lid is hinged.",
        "seo_keywords": ["kettle"],
    },
    "faults": [
        {"kind": "capacity", "field": "description", "honest": "holds 1.7 L", "faulty": "holds 1.9 L"},
        {"kind": "material", "field": "key_features", "honest": "Stainless steel body", "faulty": "Copper body"},
    ],
    "extras": [{"kind": "origin", "sentence": "It is made in Turin."}],
}


@pytest.fixture
def labelled(tmp_path: Path) -> list[corpus.Labelled]:
    for name, row in (("texts", TEXT), ("records", RECORD)):
        (tmp_path / f"{name}.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    return list(corpus.read([tmp_path / "texts.jsonl"], [tmp_path / "records.jsonl"]))


def false_words(each: corpus.Labelled) -> str:
    return dict(fields_of(each.listing))[each.field][each.start : each.end]


def test_each_fault_is_its_own_listing_with_the_place_of_the_words_that_differ(labelled: list[corpus.Labelled]) -> None:
    honest, *false = labelled
    assert honest.kind == ""
    assert [(each.kind, false_words(each)) for each in false] == [
        ("capacity", "9"),
        ("material", "Copper"),
        ("origin", "It is made in Turin."),
    ]


def test_a_rewording_counts_as_true_and_a_doubted_statement_counts_nothing(tmp_path: Path) -> None:
    reworded = {"field": "key_features", "honest": "Hinged lid", "reworded": "The lid opens on a hinge"}
    row = TEXT | {
        "record": RECORD,
        "faults": [],
        "extras": [],
        "rewordings": [reworded],
        "doubted": ["The lid is hinged."],
    }
    path = tmp_path / "texts.jsonl"
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    found = [(pair.statement, pair.is_false, pair.twin) for pair in pairs.pairs(corpus.read([path], []))]
    assert found == [
        ("Harrowgate Kettle, 1.7 L", False, None),
        ("Stainless steel body", False, None),
        ("Hinged lid", False, None),
        ("It holds 1.7 L of water.", False, None),
        ("The lid opens on a hinge", False, "Hinged lid"),
    ]


def test_a_fault_that_is_not_in_its_text_is_refused(tmp_path: Path) -> None:
    fault = TEXT["faults"][0] | {"honest": "holds 3 L"}  # type: ignore[index]
    path = tmp_path / "texts.jsonl"
    path.write_text(json.dumps(TEXT | {"record": RECORD, "faults": [fault]}) + "\n", encoding="utf-8")
    with pytest.raises(ValueError, match="holds 3 L"):
        list(corpus.read([path], []))


def test_mutations_are_false_and_the_same_every_time(labelled: list[corpus.Labelled]) -> None:
    first, again = (list(mutations.mutated(labelled[:1])) for _ in range(2))
    assert first == again
    assert first
    assert all(each.listing != labelled[0].listing for each in first)


def test_examples_are_all_honest_statements_and_the_false_ones(labelled: list[corpus.Labelled]) -> None:
    found = list(claims_model.examples(labelled))
    assert [example.is_false for example in found] == [False] * 5 + [True] * 3
    assert all(any(example.at_fault) for example in found if example.is_false)


def test_a_table_counts_each_kind_and_whole_listings(labelled: list[corpus.Labelled]) -> None:
    honest, added = labelled[0], labelled[-1]
    results = [
        evaluation.Result(honest, listing="one", blocked=False, hinted=True),
        evaluation.Result(honest, listing="one", blocked=True, hinted=True),
        evaluation.Result(added, listing="two", blocked=True, hinted=True),
    ]
    rows = {line[:36].strip(): line[36:].split() for line in evaluation.table(results).splitlines()[1:]}
    assert rows["honest listings"][:2] == ["1", "1.000"]
    assert rows["honest statements"][:2] == ["2", "0.500"]
    assert rows["added facts"][:2] == rows["+ origin"][:2] == ["1", "1.000"]
    assert rows["false facts"][:1] == ["0"]
