"""Carrying the plan out: what a run that is stopped leaves behind."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from pathlib import Path

import pytest

from walmart_pipeline.benchmarks import synthetic_catalog
from walmart_pipeline.core.file_warehouse import FileWarehouse
from walmart_pipeline.core.records import Completion, Listing, Product
from walmart_pipeline.generation.provider import Provider, Task
from walmart_pipeline.generation.template.writer import TemplateWriter
from walmart_pipeline.judge import profiles
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.stages.content import generation, planning


class Writer(Provider):
    """A provider that notes when its run is ended."""

    name = "ollama"
    model = "writer@1"
    prompt_version = "p1"
    ended = False

    def write(self, tasks: Iterable[Task]) -> Generator[tuple[Product, Completion], None, None]:
        try:
            for product, _ in tasks:
                answer = {"request_hash": product.product_id, "provider": self.name, "model": self.model}
                text = Listing(title=product.product_name).model_dump_json()
                yield product, Completion(**answer, prompt_version="p1", status="complete", text=text)
        finally:
            self.ended = True


def stop(pieces: int, note: str = "") -> None:
    raise KeyboardInterrupt


def test_a_stopped_run_ends_the_providers_calls_at_once_and_keeps_what_is_written(tmp_path: Path) -> None:
    """Calls in flight are paid for: they have to end while the ledger is open, not when memory is tidied up."""
    warehouse, provider = FileWarehouse(tmp_path / "warehouse.duckdb"), Writer()
    with warehouse.writing() as db:
        synthetic_catalog.make(db, 2 * generation.CHECKPOINT_PRODUCTS)
        planning.plan(db, provider, "run")
    with pytest.raises(KeyboardInterrupt) as stopped:
        generation.write(warehouse, provider, "run", advance=stop)
    assert stopped.tb is not None
    assert provider.ended
    with warehouse.reading() as db:
        assert db.count("content.generated_content") == generation.CHECKPOINT_PRODUCTS


def test_a_plan_of_before_an_outage_rewrites_nothing_in_it(tmp_path: Path) -> None:
    """A failed run that is repeated carries out its first plan, perhaps when the model is away."""
    warehouse = FileWarehouse(tmp_path / "warehouse.duckdb")
    with warehouse.writing() as db:
        synthetic_catalog.make(db, 3)
        synthetic_catalog.write_texts(db, Writer())
        db.execute("delete from content.generated_content where product_id = 'B-00000001'")
        planning.plan(db, Writer(), "run", planning.PlanScope(everything=True))
    stand_in = TemplateWriter(Judge(profiles.load("walmart-2025")), outage="Ollama does not answer")
    assert generation.write(warehouse, stand_in, "run", advance=lambda _pieces, _note="": None).total() == 1
    with warehouse.reading() as db:
        kept = db.query("select product_id from content.generated_content where provider = 'ollama' order by 1")
    assert [row["product_id"] for row in kept] == ["B-00000000", "B-00000002"]
