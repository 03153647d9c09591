"""A workspace with held-out products, and a model server whose models answer as a test decides."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path
from typing import Any, TypeAlias

import dagster as dg
from aiohttp import web

from walmart_pipeline.core.file_warehouse import FileWarehouse
from walmart_pipeline.core.progress import LogProgress
from walmart_pipeline.core.records import Listing, Product
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import Row
from walmart_pipeline.generation import provider_factory
from walmart_pipeline.generation.template import writer
from walmart_pipeline.judge import profiles
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.registry import model_versions
from walmart_pipeline.registry.model_versions import ModelVersion
from walmart_pipeline.stages.evaluation import model_evaluation
from walmart_pipeline.stages.evaluation.assets import (
    ModelEvaluationConfig,
    PromotionConfig,
    evaluated_models,
    promotion_by_evidence,
)
from walmart_pipeline.stages.evaluation.evaluation_store import ModelEvaluation
from walmart_pipeline_tests.conftest import KETTLE
from walmart_pipeline_tests.stages.ollama_server import ollama_in_thread

JUDGE = Judge(profiles.load("walmart-2025"))
BASE = "writer:latest"
WORDS = "Harbor Meadow Summit Prairie Canyon Willow Juniper Orchard".split()
NAMES = [" ".join(both) for both in combinations(WORDS, 2)][:24]


def product(name: str) -> Product:
    """A kettle whose facts carry a listing."""
    return Product(
        product_id=name,
        product_name=KETTLE["product_name"].replace("Harbor", name),
        brand=KETTLE["brand"],
        category=[f"Home {len(name) % 3}", "Kettles"],
        attributes=KETTLE["specs"],
        features=KETTLE["features"],
        description=KETTLE["description"].replace("Harbor", name),
    )


PRODUCTS = [product(name) for name in NAMES]
PLACES = {each.product_name: place for place, each in enumerate(PRODUCTS)}
COMPOSED = {each.product_name: writer.compose(each, JUDGE.policy.limits, JUDGE.acceptable) for each in PRODUCTS}

# What a model answers about the product at that place.
Writes: TypeAlias = Callable[[int, str], web.Response]


def answer(text: str) -> web.Response:
    """What Ollama makes of a model's text."""
    usage = {"prompt_eval_count": 100, "eval_count": 50}
    message = {"role": "assistant", "content": text}
    return web.json_response({"message": message, "done": True, "done_reason": "stop", **usage})


def good(_: int, name: str) -> web.Response:
    return answer(COMPOSED[name].model_dump_json())


def poor(_: int, name: str) -> web.Response:
    return answer(Listing(title=name, description="It boils water.").model_dump_json())


def no_listing(_: int, __: str) -> web.Response:
    return answer("I would rather not.")


def blocked(_: int, name: str) -> web.Response:
    """Good but for a claim that may never be published."""
    listing = COMPOSED[name]
    claim = f"{listing.description}\n\nIt cures cancer."
    return answer(listing.model_copy(update={"description": claim}).model_dump_json())


def mostly(one: Writes, other: Writes, *, every: int) -> Writes:
    """`one`, but `other` for each product whose place is a multiple of `every`."""
    return lambda place, name: (one if place % every else other)(place, name)


class Server:
    """Where it answers, how each model writes, and what was asked of which."""

    def __init__(self) -> None:
        self.url = ""
        self.writes: dict[str, Writes] = {BASE: poor}
        self.asked: list[tuple[str, str]] = []

    async def chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        name = json.loads(body["messages"][-1]["content"])["product_name"]
        self.asked.append((body["model"], name))
        return self.writes[body["model"]](PLACES[name], name)

    async def tags(self, _: web.Request) -> web.StreamResponse:
        models = [{"name": name, "model": name, "digest": "a" * 64} for name in self.writes]
        return web.json_response({"models": models})


@contextmanager
def server() -> Iterator[Server]:
    """It answers until the block ends."""
    made = Server()
    with ollama_in_thread(made.chat, made.tags) as made.url:
        yield made


class Shop:
    """A home with held-out products and as many candidates as are planted."""

    def __init__(self, home: Path, served: Server, **settings: Any) -> None:
        self.server = served
        self.settings = Settings(
            workspace=home, provider="ollama", model=BASE, ollama_base_url=served.url, concurrency=4, **settings
        )
        self.warehouse = FileWarehouse(self.settings.warehouse)
        with self.warehouse.writing() as db:
            db.append("catalog.products", [each.model_dump() for each in PRODUCTS])
            db.append("training.split", [self._side(each) for each in PRODUCTS])
            db.append("training.dataset", [{"version": "v1", "product_id": "train"}])

    def _side(self, each: Product) -> Row:
        return {"product_id": each.product_id, "family": f"family of {each.product_id}", "split": "test"}

    def plant(self, writes: Writes, *, temperature: float = 0.4) -> ModelVersion:
        """A candidate that writes so."""
        base = provider_factory.base_recipe(self.settings, JUDGE)
        assert base is not None
        recipe = base.model_copy(update={"parameters": {"temperature": temperature}})
        with self.warehouse.writing() as db:
            version = model_versions.add(
                db, "basic", recipe, dataset_version="v1", prompt_version="1", policy=JUDGE.policy.label
            )
        self.server.writes[version.name] = writes
        return version

    def evaluate(self, products: int = 24) -> ModelEvaluation:
        base = provider_factory.base_recipe(self.settings, JUDGE)
        assert base is not None
        return model_evaluation.evaluate(
            self.settings, self.warehouse, JUDGE, base, products, progress=LogProgress(), log=lambda _: None
        )

    def status(self, version: ModelVersion) -> str:
        with self.warehouse.reading() as db:
            return model_versions.get(db, version.name).status

    def rows(self, sql: str) -> list[Row]:
        with self.warehouse.reading() as db:
            return db.query(sql)

    def decide(self, *, products: int = 24, automatic: bool = True) -> Mapping[str, Any]:
        """Evaluate and decide by the assets; returns the metadata of the promotion, nothing where it is skipped."""
        given = {"settings": self.settings, "warehouse": self.warehouse, "judge": JUDGE}
        context = dg.build_asset_context()
        [*evaluated_models(context, ModelEvaluationConfig(products=products), **given, progress=LogProgress())]
        for made in promotion_by_evidence(context, PromotionConfig(automatic=automatic), **given):
            assert isinstance(made, dg.MaterializeResult)
            return {name: getattr(value, "value", value) for name, value in (made.metadata or {}).items()}
        return {}
