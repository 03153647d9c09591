"""The page Export: a selection as files with their history, and imports with what was refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from streamlit.testing.v1 import AppTest

from walmart_pipeline.core.errors import UserError
from walmart_pipeline.core.file_warehouse import FileWarehouse
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import Database, Row, Warehouse
from walmart_pipeline.reviews import takeover
from walmart_pipeline.reviews.store import Decision, ReviewStore
from walmart_pipeline.stages.delivery import exporter, feed_files
from walmart_pipeline.stages.delivery.exporter import ListingSelection
from walmart_pipeline.studio import exporting
from walmart_pipeline.studio.access import NotAllowedError, User
from walmart_pipeline_tests.generation.test_model_provider import JUDGE
from walmart_pipeline_tests.stages.delivery.publishable import Shop, kettle
from walmart_pipeline_tests.stages.insights.catalog import MODEL, add_texts

T = TypeVar("T")

ANN = User("ann", frozenset({"writer", "reviewer"}))
TEXT = {"title": "=A title", "key_features": ["One"], "description": "Words.", "seo_keywords": ["word"]}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A workspace with three publishable texts about toys, two about the home, and one that is withheld."""
    chosen = Settings(workspace=tmp_path)
    with FileWarehouse(chosen.warehouse).writing() as db:
        add_texts(db, "Toys", [90.0, 80.0, 70.0])
        add_texts(db, "Home", [95.0, 85.0, 75.0], blocked=1, model="template", provider="template")
        db.execute("update catalog.products set facts_hash = 'facts', source_file = 'feed.csv'")
        db.execute("update quality.scores set facts_hash = 'facts'")
        db.execute(
            "update content.generated_content set facts_hash = 'facts', title = 'A title', key_features = ['One'], "
            "description = 'Words.', seo_keywords = ['word'], revision = 0"
        )
        rows = db.query(
            "select product_id, content_hash, score, provider, model from content.generated_content "
            "join quality.scores using (product_id, content_hash) where publishable"
        )
        db.append("quality.listings", [row | TEXT for row in rows])
    return chosen


def query(settings: Settings, sql: str) -> list[Row]:
    with FileWarehouse(settings.warehouse).reading() as db:
        return db.query(sql)


def exported_ids(exported: exporting.Exported) -> list[str]:
    (path,) = [Path(file.path) for file in exported.files if file.format == "jsonl"]
    return [json.loads(line)["product_id"] for line in path.read_text().splitlines()]


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ({}, ["Home-1", "Home-2", "Toys-0", "Toys-1", "Toys-2"]),
        ({"categories": ["Toys"], "score_at_least": 80}, ["Toys-0", "Toys-1"]),
        ({"ids": ["Toys-2", "Home-0", "unknown"]}, ["Toys-2"]),
        ({"models": ["template"], "feeds": ["feed.csv"]}, ["Home-1", "Home-2"]),
        ({"models": [MODEL], "ids": ["Toys-0", "Home-1"]}, ["Toys-0"]),
    ],
)
def test_a_selection_exports_what_meets_every_condition_and_is_publishable(
    settings: Settings, selection: dict[str, list[str]], expected: list[str]
) -> None:
    exported = exporting.export(settings, ANN, ListingSelection.model_validate(selection), ["jsonl"])
    assert exported_ids(exported) == expected


def test_an_export_has_a_history_with_its_author_its_origins_and_checksums(settings: Settings) -> None:
    exported = exporting.export(settings, ANN, ListingSelection(categories=["Toys"]), ["txt", "jsonl", "csv", "xlsx"])
    assert [file.rows for file in exported.files] == [3, 3, 3, 3]
    folder = Path(exported.files[0].path).parent
    assert "'=A title" in (folder / "listings.csv").read_text(encoding="utf-8-sig")
    origins = [json.loads(line) for line in (folder / "listings.provenance.jsonl").read_text().splitlines()]
    assert [row["product_id"] for row in origins] == ["Toys-0", "Toys-1", "Toys-2"]
    assert (folder / "SHA256SUMS").is_file()
    with FileWarehouse(settings.warehouse).reading() as db:
        rows = exporting.history(db, settings)
    assert {row["exported_by"] for row in rows} == {"ann"}
    assert {row["format"] for row in rows} == {"txt", "jsonl", "csv", "xlsx", "provenance"}
    assert all(row["available"] for row in rows)


def test_what_a_reviewer_rejected_a_moment_ago_is_not_exported(settings: Settings) -> None:
    rejected = Decision(
        product_id="Toys-0", content_hash="hash of Toys-0", action="reject", author="bo", reason="wrong"
    )
    with ReviewStore(settings.reviews_url) as store:
        store.decide([rejected], seen={"Toys-0": 0})
    exported = exporting.export(settings, ANN, ListingSelection(categories=["Toys"]), ["jsonl"])
    assert exported_ids(exported) == ["Toys-1", "Toys-2"]


def test_an_export_of_nothing_and_one_without_the_role_leave_no_trace(settings: Settings) -> None:
    with pytest.raises(UserError, match="nothing was exported"):
        exporting.export(settings, ANN, ListingSelection(ids=["unknown"]), ["csv"])
    with pytest.raises(NotAllowedError):
        exporting.export(settings, User("guest"), ListingSelection(), ["csv"])
    assert not settings.exports.exists()
    assert query(settings, "from delivery.exports") == []


def test_ratings_are_imported_and_each_refused_row_has_its_reason(settings: Settings) -> None:
    content = b"product_id,stars,reviewer\nToys-0,5,ann\nToys-1,9,ann\nnowhere,3,ann\n"
    done = exporting.import_ratings(settings, ANN, "../../ratings.csv", content)
    assert (done.rows, done.counts["added"], done.counts["not imported"]) == (3, 1, 2)
    assert [problem["row"] for problem in done.problems] == [3, 4]
    assert query(settings, "select product_id, stars from quality.ratings") == [{"product_id": "Toys-0", "stars": 5}]
    with pytest.raises(NotAllowedError):
        exporting.import_ratings(settings, User("guest", frozenset({"writer"})), "ratings.csv", content)
    with pytest.raises(UserError, match=r"^ratings\.csv: no column stars"):
        exporting.import_ratings(settings, ANN, "ratings.csv", b"product_id\nToys-0\n")


def test_imported_edits_are_decisions_that_the_next_run_takes_over_and_overwrite_nobody(settings: Settings) -> None:
    better = TEXT | {"title": "A better title"}
    rows = [{"product_id": each, "listing": better, "reviewer": "ann"} for each in ("Toys-0", "Toys-1", "nowhere")]
    content = "\n".join(map(json.dumps, rows)).encode()
    with ReviewStore(settings.reviews_url) as store:
        seen = Decision(product_id="Toys-1", content_hash="hash of Toys-1", action="accept", author="bo")
        store.decide([seen], seen={"Toys-1": 0})
        done = exporting.import_edits(settings, ANN, "edits.jsonl", content)
        assert done.counts["kept"] == 1
        assert [(each["row"], str(each["why"])[:10]) for each in done.problems] == [
            (2, "bo decided"),
            (3, "there is n"),
        ]
        assert exporting.import_edits(settings, ANN, "edits.jsonl", content).counts["unchanged"] == 1
        assert [(each.product_id, each.author, each.action) for each in store.decisions()] == [
            ("Toys-1", "bo", "accept"),
            ("Toys-0", "ann", "edit"),
        ]
    titles = "select title from content.generated_content where product_id in ('Toys-0', 'Toys-1') order by product_id"
    assert query(settings, titles) == [{"title": "A title"}, {"title": "A title"}]
    with FileWarehouse(settings.warehouse).writing() as db:
        takeover.from_store(db, settings)
    assert query(settings, titles) == [{"title": "A better title"}, {"title": "A title"}]


def test_who_decides_while_a_file_of_edits_is_read_is_not_overwritten(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = Decision(product_id="Toys-1", content_hash="hash of Toys-1", action="accept", author="bo")
    edit = {"product_id": "Toys-1", "listing": TEXT | {"title": "A better title"}, "reviewer": "ann"}

    def too_early(_: Database, store: ReviewStore) -> list[Decision]:
        store.decide([seen], seen={"Toys-1": 0})
        return []

    monkeypatch.setattr(takeover, "waiting", too_early)
    with pytest.raises(UserError, match="bo decided about Toys-1"):
        exporting.import_edits(settings, ANN, "edits.jsonl", json.dumps(edit).encode())


def test_a_reviewer_imports_no_ratings_or_edits_in_the_name_of_another(settings: Settings) -> None:
    rating = b"product_id,stars,reviewer\nToys-0,5,bo\n"
    done = exporting.import_ratings(settings, ANN, "ratings.csv", rating)
    assert (done.counts["added"], done.problems[0]["row"]) == (0, 2)
    assert "it is of bo" in str(done.problems[0]["why"])
    edit = {"product_id": "Toys-0", "listing": TEXT | {"title": "Another"}, "reviewer": "bo"}
    done = exporting.import_edits(settings, ANN, "edits.jsonl", json.dumps(edit).encode())
    assert (done.counts["kept"], len(done.problems)) == (0, 1)
    admin = User("root", frozenset({"admin"}))
    assert exporting.import_ratings(settings, admin, "ratings.csv", rating).counts["added"] == 1


def training_data(name: str) -> bytes:
    output = {"title": name, "description": "A kettle.", "key_features": ["One"], "seo_keywords": ["kettle"]}
    request = {"product_name": name, "features": ["1.7 l"], "category": "Kitchen"}
    return json.dumps([{"input": request, "output": output, "metadata": {}}]).encode()


def test_files_of_one_name_take_nothing_from_another_user(settings: Settings) -> None:
    bo = User("bo", frozenset({"reviewer"}))
    for user, name in ((ANN, "Red kettle"), (bo, "Blue kettle"), (bo, "Green kettle")):
        done = exporting.import_examples(settings, user, "training_data.json", training_data(name), JUDGE)
        assert done.rows == 1
    assert query(settings, "select source_file, example ->> '$.output.title' as title from training.imports") == [
        {"source_file": "ann/training_data.json", "title": "Red kettle"},
        {"source_file": "bo/training_data.json", "title": "Green kettle"},
    ]


def test_the_warehouse_is_free_while_files_are_written_and_examples_judged(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever writes keeps every other process out."""
    holders: list[Warehouse] = []
    writing = FileWarehouse.writing

    @contextmanager
    def noted(warehouse: Warehouse) -> Iterator[Database]:
        with writing(warehouse) as db:
            holders.append(warehouse)
            yield db
        holders.remove(warehouse)

    def while_free(slow: Callable[..., T]) -> Callable[..., T]:
        def step(*given: Any, **named: Any) -> T:
            assert not holders
            return slow(*given, **named)

        return step

    monkeypatch.setattr(FileWarehouse, "writing", noted)
    monkeypatch.setattr(exporter, "deliver", while_free(exporter.deliver))
    monkeypatch.setattr(JUDGE, "report", while_free(JUDGE.report))
    assert exporting.export(settings, ANN, ListingSelection(), ["jsonl"]).files[0].rows == 5
    assert exporting.import_examples(settings, ANN, "examples.json", training_data("Red kettle"), JUDGE).rows == 1


def test_the_warehouse_is_free_while_the_item_feed_is_written_and_a_feed_sent_meanwhile_is_not_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, write_files = Shop(tmp_path), feed_files.write_files
    for number in (1, 2):
        shop.accept(kettle(number))
    folder, meanwhile = shop.settings.exports / feed_files.FOLDER, []

    def slowly(*given: Any) -> list[feed_files.WrittenFile]:
        # Another process could write now.
        with FileWarehouse(shop.settings.warehouse).writing() as db:
            for file in feed_files.waiting(db, folder) if meanwhile else []:
                feed_files.mark_sent(db, file, by="bo")
        meanwhile.append("written")
        return write_files(*given)

    monkeypatch.setattr(feed_files, "write_files", slowly)
    done = exporting.export(shop.settings, ANN, ListingSelection(ids=["K-001"]), [exporting.FEED])
    assert [(file.rows, Path(file.path)) for file in done.files] == [(1, folder / "feed-001.json")]
    assert [item["Orderable"]["sku"] for item in json.loads((folder / "feed-001.json").read_text())["MPItem"]] == [
        "K-001"
    ]
    with pytest.raises(feed_files.FeedSentError):
        exporting.export(shop.settings, ANN, ListingSelection(), [exporting.FEED])
    assert not list(folder.glob("feed-*.json")) + list(folder.glob(".writing*"))
    again = exporting.export(shop.settings, ANN, ListingSelection(), [exporting.FEED])
    assert [file.rows for file in again.files] == [1]


def draw(folder: str, role: str = "writer") -> None:
    """Run by AppTest: it takes the source of this function."""
    from pathlib import Path
    from unittest.mock import Mock

    from walmart_pipeline.core.settings import Settings
    from walmart_pipeline.studio.access import User
    from walmart_pipeline.studio.context import StudioContext
    from walmart_pipeline.studio.pages import export

    user = User("ann", frozenset({role}))  # type: ignore[arg-type] # the name of a role
    export.page(StudioContext(Settings(workspace=Path(folder)), Mock(), user))


def test_the_page_shows_the_selection_exports_it_and_offers_the_file(settings: Settings) -> None:
    page = AppTest.from_function(draw, default_timeout=120, args=(str(settings.workspace),)).run()
    assert page.header[0].value == "5 listings"
    page.multiselect(key="export_categories").set_value(["Toys"]).run()
    assert page.header[0].value == "3 listings"
    next(button for button in page.button if button.label == "Export").click().run()
    assert not page.exception
    (offered,) = page.get("download_button")
    assert "3 listings" in offered.proto.label
    page.text_area(key="export_ids").set_value("unknown").run()
    assert "No publishable listing" in page.info[0].value


def test_only_a_writer_downloads_from_the_history(settings: Settings) -> None:
    exporting.export(settings, ANN, ListingSelection(), ["jsonl"])
    for role, offered in (("writer", True), ("reviewer", False)):
        page = AppTest.from_function(draw, default_timeout=120, args=(str(settings.workspace), role)).run()
        assert ("history_file" in [box.key for box in page.selectbox]) is offered


def test_the_page_of_an_empty_workspace_says_what_to_run(tmp_path: Path) -> None:
    page = AppTest.from_function(draw, default_timeout=120, args=(str(tmp_path),)).run()
    assert "walmart-pipeline run" in page.info[0].value
