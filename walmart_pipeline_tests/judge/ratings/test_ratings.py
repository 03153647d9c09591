"""Blind ratings: how they are gathered, what the judge's agreement with them is, and what is fitted to them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from walmart_pipeline.cli import app
from walmart_pipeline.core.records import Listing, Product
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.judge.ratings import agreement
from walmart_pipeline.judge.ratings.rated_listings import RatedListing, ReaderRating
from walmart_pipeline.judge.writing import stars
from walmart_pipeline.judge.writing.features import SIGNS
from walmart_pipeline_tests.judge.cases.case import clean_listings
from walmart_pipeline_tests.judge.examples import HONEST, JUDGE, KETTLE
from walmart_pipeline_tests.paths import SHARED, needs_shared


def write(path: Path, rows: Iterable[Any]) -> Path:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


def command(*arguments: object) -> Result:
    done = CliRunner().invoke(app, ["judge", *map(str, arguments)])
    assert done.exit_code == 0, done.output
    return done


def rated(kind: str, product: Product, listing: Listing, *given: int) -> RatedListing:
    return RatedListing(
        kind=kind,
        source="sample",
        writer=kind,
        facts_hash=product.facts_hash,
        content_hash=listing.content_hash,
        product=product,
        listing=listing,
        ratings=[
            ReaderRating(rater=str(number), stars=each, publish="yes" if each > 3 else "no")
            for number, each in enumerate(given)
        ],
    )


def spoiled(product: Product, listing: Listing, fault: int) -> Listing:
    """One of three faults that readers name: labels for features, a list of attributes for a text, everything twice."""
    attributes = [f"The {name.lower()} is {value}." for name, value in product.attributes.items()]
    return listing.model_copy(
        update=(
            {"key_features": [f"{name}: {value}" for name, value in product.attributes.items()][:6]},
            {"title": product.product_name, "description": " ".join(attributes * 4)},
            {"description": f"{listing.description} {listing.description}", "key_features": ["Easy to", "And more"]},
        )[fault]
    )


@pytest.fixture(scope="module")
def ratings() -> list[RatedListing]:
    found = []
    for place, base in enumerate(clean_listings().values()):
        found.append(rated("good", base.product, base.listing, 5, 4 + place % 2))
        found += [
            rated("bad", base.product, spoiled(base.product, base.listing, fault), 3 - fault, 3 - fault)
            for fault in range(3)
        ]
    return found


def test_a_sheet_is_joined_with_its_key_and_its_raters(tmp_path: Path) -> None:
    record = KETTLE.model_dump(include={"product_name", "brand", "category", "attributes", "features", "description"})
    rows = [{"n": number, "record": record, "listing": HONEST.model_dump()} for number in (1, 2, 3)]
    sheet = write(tmp_path / "sheet.jsonl", rows)
    kinds = ("independent", "template", "source")
    key = write(
        tmp_path / "key.jsonl",
        [{"n": number, "kind": kind, "source": kind[:1]} for number, kind in enumerate(kinds, start=1)],
    )
    raters = [
        write(
            tmp_path / f"rater_{name}.jsonl",
            [
                {"n": number, "publish": "yes", "stars": given, "faults": ["robotic_phrasing"], "worst": "It boils."}
                for number in numbers
            ],
        )
        for name, numbers, given in (("a", (1, 2), 4), ("b", (2,), 2))
    ]
    target = tmp_path / "rated.jsonl"
    command("gather", sheet, key, *raters, "--output", target, "--without-text", "i")
    first, second = (RatedListing.model_validate_json(line) for line in target.read_text().splitlines())
    assert (first.kind, first.stars, first.listing, first.content_hash) == (
        "independent", 4, None, HONEST.content_hash,
    )  # fmt: skip
    assert "It boils." not in target.read_text().splitlines()[0]
    assert (second.kind, second.stars, second.listing) == ("template", 3, HONEST)


def test_agreement_is_measured_within_each_kind_and_over_all(tmp_path: Path, ratings: list[RatedListing]) -> None:
    path = tmp_path / "rated.jsonl"
    path.write_text("".join(f"{each.model_dump_json()}\n" for each in ratings[:40]))
    figures = {each["kind"]: each for each in json.loads(command("agreement", path, "--json").stdout)}
    assert list(figures) == ["bad", "good", "all"]
    assert (figures["good"]["listings"], figures["bad"]["listings"], figures["all"]["listings"]) == (10, 30, 40)
    assert figures["bad"]["between_raters"] == 1
    assert figures["all"]["score_and_stars"] > 0.7
    assert figures["all"]["low_stars_called_excellent"] == 0


def test_a_model_is_fitted_that_ranks_unseen_texts_and_only_punishes_faults(
    tmp_path: Path, ratings: list[RatedListing]
) -> None:
    path, good, target = tmp_path / "rated.jsonl", tmp_path / "good.jsonl", tmp_path / "model.json"
    path.write_text("".join(f"{each.model_dump_json()}\n" for each in ratings))
    write(good, [{"listing": base.listing.model_dump()} for base in clean_listings().values()])
    arguments = ("fit", path, "--good", good, "--output", target, "--json")
    figures = json.loads(command(*arguments).stdout)
    assert figures["spearman_by_record"] > 0.8
    assert figures["weights"]["writing"] == max(figures["weights"].values())
    assert sum(figures["weights"].values()) == pytest.approx(100, abs=0.5)
    model = stars.WritingModel.model_validate_json(target.read_bytes())
    assert all(effect.below * SIGNS[effect.name] >= 0 for effect in model.stars.effects)
    ours = Judge(JUDGE.policy, stars.ready(model))
    robotic = spoiled(KETTLE, HONEST, 1)
    better, worse = (ours.report(KETTLE, text).dimensions["writing"] or 0 for text in (HONEST, robotic))
    assert better > worse + 20


def test_the_same_ratings_give_the_same_model(tmp_path: Path, ratings: list[RatedListing]) -> None:
    path, good = tmp_path / "rated.jsonl", tmp_path / "good.jsonl"
    path.write_text("".join(f"{each.model_dump_json()}\n" for each in ratings[:40]))
    write(good, [{"listing": base.listing.model_dump()} for base in list(clean_listings().values())[:10]])
    models = [tmp_path / "first.json", tmp_path / "second.json"]
    for target in models:
        command("fit", path, "--good", good, "--output", target)
    assert models[0].read_bytes() == models[1].read_bytes()


@needs_shared
def test_the_score_ranks_listings_as_blind_raters_do() -> None:
    """It once ran against them: -0.12, with 94 points for texts that both raters would not publish."""
    rows = [json.loads(line) for line in (SHARED / "data" / "prose" / "rated_listings.jsonl").read_text().splitlines()]
    found = []
    for row in rows:
        product = Product.model_validate({"product_id": "1", **row["record"]})
        listing = Listing.model_validate(row["listing"])
        kind = "independent" if row["written_by"] == "copywriter" else "template"
        found.append(rated(kind, product, listing, *(each["stars"] for each in row["ratings"])))
    figures = {each.kind: each for each in agreement.measure(found, JUDGE)}
    overall = figures[agreement.ALL]
    assert (overall.writing_and_stars or 0) >= 0.75
    assert (figures["template"].score_and_stars or 0) >= 0.5
    assert overall.low_stars_called_excellent == 0
