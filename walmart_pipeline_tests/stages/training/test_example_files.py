import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from walmart_pipeline.core.records import ExampleInput, ExampleOutput, Product, TrainingExample
from walmart_pipeline.stages.training.example_files import chat_line, write_chat, write_training_data
from walmart_pipeline_tests.stages.training.conftest import MakeExample
from walmart_pipeline_tests.stages.training.openai_format import check_chat_line

PROMPT = "You write listings for Walmart.com from facts."


def test_the_input_names_every_fact_that_the_text_may_state(make_example: MakeExample) -> None:
    """A fact that is only in the output teaches a model to invent."""
    assert make_example().input == ExampleInput(
        product_name="Acme Kettle 1.7 L",
        category="Home > Kitchen > Kettles",
        features=[
            "Auto shut-off",
            "Cordless base",
            "Brand: Acme",
            "Capacity: 1.7 L",
            "Material: Stainless steel",
            "Boils in four minutes.",
        ],
    )


def test_features_are_one_a_line(make_example: MakeExample) -> None:
    assert make_example().output.features_formatted == "Shuts off by itself\nCordless base"


def test_a_product_without_facts_still_makes_an_example(make_example: MakeExample) -> None:
    example = make_example(product=Product(product_id="1", product_name="Thing"))
    assert (example.input.features, example.input.category) == ([], "")
    assert check_chat_line(chat_line(example, system_prompt=PROMPT)[0]) == []


@pytest.mark.parametrize("count", [0, 1, 3])
def test_training_data_is_a_json_list_of_the_published_schema(
    tmp_path: Path, make_example: MakeExample, count: int
) -> None:
    path = tmp_path / "training_data.json"
    examples = [make_example(score=80 + number) for number in range(count)]
    assert write_training_data(path, (example.model_dump_json() for example in examples)) == count
    assert [TrainingExample.model_validate(item) for item in json.loads(path.read_text("utf-8"))] == examples


def test_a_chat_line_is_system_user_and_the_listing_as_json(make_example: MakeExample) -> None:
    system, user, assistant = json.loads(chat_line(make_example(), system_prompt=PROMPT)[0])["messages"]
    assert (system["role"], system["content"]) == ("system", PROMPT)
    assert user["role"] == "user"
    request = json.loads(user["content"])
    assert request["product_name"] == "Acme Kettle 1.7 L"
    assert "Capacity: 1.7 L" in request["features"]
    assert assistant["role"] == "assistant"
    assert json.loads(assistant["content"]) == {
        "title": "Acme 1.7 L Kettle",
        "key_features": ["Shuts off by itself", "Cordless base"],
        "description": "A kettle.\n\nIt boils water.",
        "seo_keywords": ["kettle", "cordless kettle"],
    }


def test_a_file_with_few_examples_is_written_too(tmp_path: Path, make_example: MakeExample) -> None:
    assert write_chat(tmp_path / "few.jsonl", [make_example()] * 4, system_prompt=PROMPT).examples == 4
    lines = (tmp_path / "few.jsonl").read_text("utf-8").splitlines()
    assert [check_chat_line(line) for line in lines] == [[]] * 4


def test_memory_does_not_grow_with_the_dataset(tmp_path: Path, make_example: MakeExample) -> None:
    def many(count: int) -> Iterator[TrainingExample]:
        return (make_example() for _ in range(count))

    def peak(count: int) -> int:
        tracemalloc.start()
        write_training_data(tmp_path / "training_data.json", (one.model_dump_json() for one in many(count)))
        write_chat(tmp_path / "chat.jsonl", many(count), system_prompt=PROMPT)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(10)
    assert peak(1000) < peak(100) + 50_000


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.text(), min_size=4, max_size=6))
def test_any_text_survives_the_chat_file_on_one_line(make_example: MakeExample, texts: list[str]) -> None:
    name, title, description, *features = texts
    base = make_example()
    example = base.model_copy(
        update={
            "input": base.input.model_copy(update={"product_name": name, "features": features}),
            "output": ExampleOutput(
                title=title,
                features_formatted="\n".join(features),
                description=description,
                seo_keywords=features,
            ),
        }
    )
    line, _ = chat_line(example, system_prompt=PROMPT)
    assert len(line.splitlines()) == 1
    assert check_chat_line(line) == []
    answer = json.loads(json.loads(line)["messages"][-1]["content"])
    assert (answer["title"], answer["description"], answer["seo_keywords"]) == (title, description, features)
