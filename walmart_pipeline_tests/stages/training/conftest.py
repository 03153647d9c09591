from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from walmart_pipeline.core.file_warehouse import FileWarehouse
from walmart_pipeline.core.records import Listing, Product, TrainingExample
from walmart_pipeline.core.warehouse import Database
from walmart_pipeline.judge import profiles
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.stages.training.example_files import example_from

MakeExample = Callable[..., TrainingExample]


@pytest.fixture
def kettle() -> Product:
    return Product(
        product_id="K-17",
        product_name="Acme Kettle 1.7 L",
        brand="Acme",
        category=["Home", "Kitchen", "Kettles"],
        attributes={"Capacity": "1.7 L", "Material": "Stainless steel"},
        features=["Auto shut-off", "Cordless\nbase"],
        description="Boils in four minutes.\n\nAuto shut-off",
    )


@pytest.fixture
def make_example(kettle: Product) -> MakeExample:
    def make(**changes: object) -> TrainingExample:
        given: dict[str, object] = {
            "product": kettle,
            "listing": Listing(
                title="Acme 1.7 L Kettle",
                key_features=["Shuts off by itself", "Cordless\n base", " "],
                description="A kettle.\n\nIt boils water.",
                seo_keywords=["kettle", "cordless kettle"],
            ),
            "score": 91.5,
            "timestamp": datetime(2025, 3, 1, 12, tzinfo=UTC),
            "model_used": "template",
            "generation_time": 0.25,
        }
        return example_from(**(given | changes))  # type: ignore[arg-type]

    return make


@pytest.fixture(scope="session")
def judge() -> Judge:
    return Judge(profiles.load("walmart-2025"))


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    with FileWarehouse(tmp_path / "warehouse.duckdb").writing() as database:
        yield database
