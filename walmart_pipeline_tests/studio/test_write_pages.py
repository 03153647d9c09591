"""The logic of the pages Write and Preferences, without a browser."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import TextInput

from walmart_pipeline.core.errors import UserError
from walmart_pipeline.core.records import Product
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.generation.preferences import UserPreferences
from walmart_pipeline.reviews.store import ReviewStore
from walmart_pipeline.stages.content import single_product
from walmart_pipeline.stages.content.single_product import Written
from walmart_pipeline.studio.keys import KeptKeys
from walmart_pipeline.studio.pages import preferences
from walmart_pipeline_tests.conftest import KETTLE
from walmart_pipeline_tests.generation.test_model_provider import GOOD, JUDGE
from walmart_pipeline_tests.llm.fake_ollama import fake_ollama

SECRET = "sk-a-very-secret-key"


def _script(page: str, role: str) -> None:
    """What a test's page is drawn by; Streamlit runs the source of this function."""
    import importlib

    import streamlit as st

    from walmart_pipeline.core import settings
    from walmart_pipeline.core.errors import UserError
    from walmart_pipeline.reviews.store import ReviewStore
    from walmart_pipeline.studio.access import User
    from walmart_pipeline.studio.context import StudioContext

    chosen = settings.load()
    context = StudioContext(chosen, ReviewStore(chosen.reviews_url), User("ada", frozenset({role})))
    try:
        importlib.import_module(f"walmart_pipeline.studio.pages.{page}").page(context)
    except UserError as error:
        st.error(str(error))


@pytest.fixture(autouse=True)
def _workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WALMART_HOME", str(tmp_path))
    monkeypatch.setenv("WALMART_PROVIDER", "template")
    monkeypatch.setenv("OLLAMA_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("WALMART_STUDIO_KEY", Fernet.generate_key().decode())
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def page(name: str, role: str = "writer") -> AppTest:
    return AppTest.from_function(_script, args=(name, role), default_timeout=60).run()


def store(home: Path) -> ReviewStore:
    return ReviewStore(Settings(workspace=home).reviews_url)


def html(app: AppTest) -> str:
    return "".join(str(each.proto.body) for each in app.get("html"))


def click(app: AppTest, label: str) -> AppTest:
    return next(button for button in app.button if button.label == label).click().run()


def field(app: AppTest, label: str) -> TextInput:
    return next(each for each in app.text_input if each.label == label)


def fill_in(app: AppTest) -> AppTest:
    app.text_input(key="write_name").input(KETTLE["product_name"])
    app.text_input(key="write_brand").input(KETTLE["brand"])
    app.text_input(key="write_category").input(" > ".join(KETTLE["category"]))
    app.text_area(key="write_features").input("\n".join(KETTLE["features"]))
    app.text_area(key="write_attributes").input(
        "\n".join(f"{name}: {value}" for name, value in KETTLE["specs"].items())
    )
    app.text_area(key="write_description").input(KETTLE["description"])
    return click(app, "Write")


def test_a_form_becomes_a_text_that_is_edited_and_saved(tmp_path: Path) -> None:
    app = fill_in(page("write"))
    assert not app.exception
    assert "can be published" in html(app)
    app.toggle(key="write_editing").set_value(True).run()
    title = field(app, "Title")
    title.input(f"{title.value} FREE SHIPPING").run()
    assert "title.promotional" in html(app)
    assert ">FREE SHIPPING</mark>" in html(app)
    click(app, "Save")
    assert "Saved" in app.success[0].value
    with store(tmp_path) as saved:
        (text,) = saved.saved_texts("ada")
    assert text.listing.title.endswith("FREE SHIPPING")
    # The next product's text takes nothing over from this one's.
    app.text_input(key="write_name").input(KETTLE["product_name"].replace("Navy", "Sage"))
    click(app, "Write")
    assert field(app, "Title").value.endswith("Sage")


def test_a_product_without_a_name_is_told_so() -> None:
    app = click(page("write"), "Write")
    assert "needs a name" in app.error[0].value


def test_who_may_not_write_gets_no_text() -> None:
    app = fill_in(page("write", role="reviewer"))
    assert "this needs the role writer" in app.error[0].value
    assert "score" not in html(app)


def test_several_products_at_once(tmp_path: Path) -> None:
    app = page("write")
    app.segmented_control(key="write_mode").set_value("Several at once").run()
    rows = [json.dumps(KETTLE), json.dumps({"brand": "Nobody"})]
    app.text_area(key="several_table").input("\n".join(rows)).run()
    click(app, "Write 1 text")
    assert not app.exception
    assert app.header[0].value == "1 of 1 texts, 1 to publish"
    results = app.dataframe[1].value
    assert list(results["publish"]) == [True, False]
    assert list(results["problems"])[1] == "not a product: it has no product name"


def test_what_came_before_an_error_can_be_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    write_all = single_product.write_all

    def breaks(*given: Any) -> Iterator[tuple[Product, Written]]:
        yield next(write_all(*given))
        raise UserError("the ledger is full")

    monkeypatch.setattr(single_product, "write_all", breaks)
    app = page("write")
    app.segmented_control(key="write_mode").set_value("Several at once").run()
    rows = [KETTLE, KETTLE | {"product_id": "another"}]
    app.text_area(key="several_table").input("\n".join(map(json.dumps, rows))).run()
    click(app, "Write 2 texts")
    assert app.error[0].value == "the ledger is full"
    assert app.header[0].value == "1 of 2 texts, 1 to publish"
    assert not any(button.proto.disabled for button in app.get("download_button"))


def test_preferences_are_kept_and_those_against_the_policy_are_not(tmp_path: Path) -> None:
    app = page("preferences")
    app.selectbox(key="preferences_tone").set_value("friendly")
    app.text_area(key="preferences_use").input("best seller")
    click(app, "Save")
    assert "the policy forbids it" in app.error[0].value
    app.text_area(key="preferences_use").input("sturdy")
    click(app, "Save")
    assert app.success[0].value == "Saved."
    with store(tmp_path) as kept:
        stored = kept.preferences("ada")
    assert (stored["tone"], stored["words_to_use"]) == ("friendly", ["sturdy"])
    assert page("preferences").selectbox(key="preferences_tone").value == "friendly"


def test_downloaded_preferences_are_taken_over_within_the_policy(tmp_path: Path) -> None:
    app = page("preferences")
    app.text_area(key="preferences_avoid").input("whisper").run()

    def offer(words: list[str]) -> None:
        wanted = UserPreferences.model_construct(tone="lively", words_to_use=words).model_dump()
        given = json.dumps({"user": "bob", "preferences": wanted}).encode()
        app.get("file_uploader")[0].set_value(("user_preferences.json", given, "application/json")).run()
        click(app, "Take over")

    offer(["best seller"])
    assert "the policy forbids it" in app.error[0].value
    offer(["sturdy"])
    assert not app.error
    assert next(box for box in app.selectbox if box.label == "Tone").value == "lively"
    assert [area.value for area in app.text_area] == ["sturdy", ""]
    with store(tmp_path) as kept:
        assert kept.preferences("ada")["words_to_use"] == ["sturdy"]


@pytest.mark.parametrize("content", [b"", b"[]", b'{"preferences": []}', b'{"preferences": {"tone": "rude"}}', b"\xff"])
def test_another_file_is_no_preferences(content: bytes) -> None:
    with pytest.raises(UserError):
        preferences.from_file(content, JUDGE)


def test_whoever_chooses_the_template_writer_is_told_that_it_follows_no_preferences() -> None:
    assert any("The template writer follows no preferences" in each.value for each in page("write").caption)


def test_a_typed_key_is_used_and_kept_but_never_shown(tmp_path: Path) -> None:
    app = page("preferences")
    field(app, "Key").input(SECRET)
    app.checkbox[0].check()
    click(app, "Use this key")
    assert "A key is in use" in "".join(each.value for each in app.caption)
    assert field(app, "Key").value == ""
    assert SECRET not in str(app)
    another_session = page("preferences")
    assert "A key is in use" in "".join(each.value for each in another_session.caption)
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or SECRET.encode() not in file.read_bytes()
    click(another_session, "Forget my key")
    assert "Without one" in "".join(each.value for each in page("preferences").caption)


def test_a_key_that_was_kept_under_another_seal_can_be_entered_again_and_texts_are_written(tmp_path: Path) -> None:
    another = KeptKeys(Settings(workspace=tmp_path).reviews_url, SecretStr(Fernet.generate_key().decode()))
    another.keep("ada", "openai", SecretStr(SECRET))
    another.close()
    assert "can be published" in html(fill_in(page("write")))
    app = page("preferences")
    assert "kept under another" in app.warning[0].value
    field(app, "Key").input(SECRET)
    app.checkbox[0].check()
    click(app, "Use this key")
    assert not app.warning
    assert "A key is in use" in "".join(each.value for each in page("preferences").caption)


def test_a_missing_model_is_pulled_and_then_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    with fake_ollama(lambda _: GOOD.model_dump_json()) as ollama:
        ollama.pulls = [{"status": "pulling", "total": 100, "completed": 40}]
        monkeypatch.setenv("OLLAMA_BASE_URL", ollama.url)
        app = page("write")
        choices = app.selectbox(key="write_choice")
        choices.select("Another model of Ollama …").run()
        app.text_input(key="write_other_model").input("tiny").run()
        assert "is not on" in app.warning[0].value
        click(app, "Pull tiny")
        assert not app.warning
        assert not app.exception
        assert "tiny:latest" in ollama.models
        fill_in(app)
    assert "Written by tiny" in "".join(each.value for each in app.caption)


def test_the_default_provider_is_chosen_first(tmp_path: Path) -> None:
    with store(tmp_path) as kept:
        kept.save_preferences("ada", {"default_provider": "embedded"})
    chosen = page("write").selectbox(key="write_choice").value
    assert chosen.key == "embedded"
