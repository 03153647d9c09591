"""What workers leave as files and a committer stores: the same rows as in one process, each once, whoever dies."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from pathlib import Path

import pytest

from walmart_pipeline.benchmarks import synthetic_catalog
from walmart_pipeline.core.buckets import Share
from walmart_pipeline.core.file_warehouse import FileWarehouse
from walmart_pipeline.core.records import Completion, Listing, Product
from walmart_pipeline.core.staging import Staging
from walmart_pipeline.core.warehouse import Database, Row, Warehouse
from walmart_pipeline.generation.provider import Provider, Task
from walmart_pipeline.judge import profiles
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.stages.content import generation, planning
from walmart_pipeline.stages.quality import scored_texts
from walmart_pipeline.stages.training import examples

HALVES = (Share(0, 31), Share(32, 63))
PRODUCTS = 12
TIMES = "* exclude (generated_at, attempted_at, seconds)"
MADE = {
    "content.generated_content": TIMES,
    "quality.scores": "* exclude (scored_at)",
    "quality.copies": "*",
    "training.examples": "* exclude (example)",
}


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge(profiles.load("walmart-2025"))


class Writer(Provider):
    """Writes what the record says."""

    name = "ollama"
    model = "writer@1"
    prompt_version = "p1"

    def write(self, tasks: Iterable[Task]) -> Generator[tuple[Product, Completion], None, None]:
        for product, _ in tasks:
            listing = Listing(
                title=product.product_name, key_features=product.features, description=product.description
            )
            answer = {"request_hash": product.product_id, "provider": self.name, "model": self.model}
            text = listing.model_dump_json()
            yield product, Completion(**answer, prompt_version="p1", status="complete", text=text)


@pytest.fixture(scope="module")
def writer() -> Provider:
    return Writer()


@pytest.fixture
def planned(tmp_path: Path, writer: Provider) -> Callable[[str], tuple[Warehouse, Staging]]:
    def make(name: str) -> tuple[Warehouse, Staging]:
        warehouse = FileWarehouse(tmp_path / name / "warehouse.duckdb")
        warehouse.path.parent.mkdir()
        with warehouse.writing() as db:
            synthetic_catalog.make(db, PRODUCTS)
            planning.plan(db, writer, "run")
        return warehouse, Staging(tmp_path / name / "staging")

    return make


def ignore(_pieces: int, _note: str = "") -> None:
    pass


def rows(warehouse: Warehouse, table: str, columns: str = TIMES) -> list[Row]:
    with warehouse.reading() as db:
        return db.query(f"select {columns} from {table} order by all")


def write_shares(warehouse: Warehouse, staging: Staging, writer: Provider, run: str = "run") -> None:
    for share in HALVES:
        path = staging.path(run, generation.TABLE, share)
        generation.stage(warehouse, writer, "run", share, path, advance=ignore)


Planned = Callable[[str], tuple[Warehouse, Staging]]


def test_shares_give_the_rows_of_one_process(planned: Planned, writer: Provider, judge: Judge) -> None:
    alone, _ = planned("alone")
    generation.write(alone, writer, "run", advance=ignore)
    with alone.writing() as db:
        scored_texts.score(db, judge, advance=ignore, processes=1)
        db.execute("update quality.scores set publishable = true")
        scored_texts.accept(db)
        examples.learn(db, judge, advance=ignore)

    shared, staging = planned("shared")
    write_shares(shared, staging, writer)
    assert generation.commit(shared, writer, staging).total() == PRODUCTS
    for share in reversed(HALVES):
        scored_texts.stage(shared, judge, share, staging.path("run", scored_texts.TABLE, share), advance=ignore)
    assert scored_texts.commit(shared, staging) == PRODUCTS
    with shared.writing() as db:
        assert scored_texts.score(db, judge, advance=ignore, processes=1) == 0
        db.execute("update quality.scores set publishable = true")
        scored_texts.accept(db)
    for share in HALVES:
        examples.stage(shared, share, staging.path("run", examples.TABLE, share), advance=ignore, stand_ins=False)
    assert examples.commit(shared, staging) == PRODUCTS
    with shared.writing() as db:
        assert examples.learn(db, judge, advance=ignore) == 0

    for table, columns in MADE.items():
        assert rows(shared, table, columns) == rows(alone, table, columns)
    assert rows(shared, "content.generated_content", "product_id, title")
    assert not list(staging.folder.rglob("*"))


def test_a_committer_that_dies_before_the_end_of_its_transaction_leaves_all_to_the_next(
    planned: Planned, writer: Provider
) -> None:
    warehouse, staging = planned("one")
    write_shares(warehouse, staging, writer)

    def die(db: Database, found: str) -> None:
        db.execute(f"insert into content.generated_content by name from {found}")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        staging.commit(warehouse, generation.TABLE, die)
    assert rows(warehouse, generation.TABLE) == []
    # The next run's committer: that of this one is dead.
    assert generation.commit(warehouse, writer, staging)["complete"] == PRODUCTS
    assert generation.commit(warehouse, writer, staging).total() == 0
    assert len(rows(warehouse, generation.TABLE)) == PRODUCTS


def test_files_of_a_committer_that_died_after_its_transaction_are_only_removed(
    planned: Planned, writer: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse, staging = planned("one")
    write_shares(warehouse, staging, writer)

    def die(self: Path, missing_ok: bool = False) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Path, "unlink", die)
        generation.commit(warehouse, writer, staging)
    with warehouse.writing() as db:
        # What happened to a row since then stays.
        db.execute("update content.generated_content set title = 'By a reviewer', attempted_at = null")
    assert generation.commit(warehouse, writer, staging).total() == 0
    assert {row["title"] for row in rows(warehouse, generation.TABLE)} == {"By a reviewer"}
    assert staging.waiting() == []


def test_what_a_dead_run_left_replaces_nothing_newer(planned: Planned, writer: Provider) -> None:
    warehouse, staging = planned("one")
    write_shares(warehouse, staging, writer, run="dead")
    generation.write(warehouse, writer, "run", advance=ignore)
    with warehouse.writing() as db:
        db.execute("update content.generated_content set title = 'Newer' where product_id < 'B-00000006'")
        db.execute("delete from content.generated_content where product_id >= 'B-00000006'")
    assert generation.commit(warehouse, writer, staging)["complete"] == PRODUCTS - 6
    assert [row["title"] == "Newer" for row in rows(warehouse, generation.TABLE)].count(True) == 6
    assert len(rows(warehouse, generation.TABLE)) == PRODUCTS


def test_a_product_that_this_run_tried_is_not_tried_again(planned: Planned, writer: Provider) -> None:
    warehouse, staging = planned("one")
    with warehouse.reading() as db:
        since = planning.planned_at(db, "run")
    path = staging.path("run", generation.TABLE, HALVES[0])
    done = generation.stage(warehouse, writer, "run", HALVES[0], path, advance=ignore).total()
    assert 0 < done < PRODUCTS
    generation.commit(warehouse, writer, staging)
    assert generation.write(warehouse, writer, "run", advance=ignore, since=since).total() == PRODUCTS - done
