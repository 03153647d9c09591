"""Texts on demand: streamed from Ollama and OpenAI over HTTP, within a user's budget, one or several at once."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from walmart_pipeline.benchmarks import synthetic_catalog
from walmart_pipeline.benchmarks.server import Behaviour, ModelServer
from walmart_pipeline.core.errors import UserError
from walmart_pipeline.core.file_warehouse import FileWarehouse
from walmart_pipeline.core.records import Completion, Listing, Product
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import Database
from walmart_pipeline.generation.preferences import UserPreferences
from walmart_pipeline.reviews.store import ConflictError, Decision, ReviewStore
from walmart_pipeline.reviews.takeover import take_over
from walmart_pipeline.stages.content.single_product import ProductError, Written
from walmart_pipeline.studio import drafts, model_choices, product_form, small_feeds
from walmart_pipeline.studio.access import NotAllowedError, User
from walmart_pipeline.studio.drafts import Draft, TextVersion
from walmart_pipeline.studio.jobs import AnswerStream, Job, partial_listing
from walmart_pipeline.studio.model_choices import ModelChoice
from walmart_pipeline.studio.spending import Spending
from walmart_pipeline.studio.writing import Order, SmallRun, Writing
from walmart_pipeline_tests.generation.test_model_provider import GOOD, JUDGE, PRODUCT
from walmart_pipeline_tests.llm.fake_ollama import fake_ollama

ADA = User("ada", frozenset({"writer"}))
PLAIN = UserPreferences(tone="plain")
# A text may cost more than the 1 USD that a user has, and less than the 5 USD of a run.
DEAR = "models:\n  drill: {input: 300, output: 300}\n"
CHEAP = "models:\n  drill: {input: 1, output: 1}\n"


@pytest.fixture(scope="module")
def running() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


@pytest.fixture
def server(running: ModelServer) -> ModelServer:
    running.reset(Behaviour(latency=0.3))
    return running


def order(home: Path, provider: str, url: str, *, prices: str | None = None, limit_usd: float = 1.0) -> Order:
    given: dict[str, object] = {"workspace": home, "provider": provider, "base_url": url, "model": "drill"}
    if prices:
        (home / "prices.yaml").write_text(f"batch: 0.5\n{prices}", encoding="utf-8")
        given["prices"] = home / "prices.yaml"
    settings = Settings.model_validate(given)
    return Order(settings, PLAIN, Spending(settings.reviews_url, limit_usd).account("ada"))


@pytest.mark.parametrize(("provider", "path"), [("ollama", ""), ("openai", "/v1")])
def test_a_text_streams_in_and_is_judged(server: ModelServer, tmp_path: Path, provider: str, path: str) -> None:
    writing = Writing(PRODUCT, order(tmp_path, provider, server.url + path), JUDGE)
    seen = {writing.stream.text for _ in writing.looks()}
    written = writing.result()
    assert written.listing
    assert written.report
    assert written.listing.title == PRODUCT.product_name
    # Part of it was there before the whole was.
    assert {len(text) for text in seen} > {0, len(written.completion.text)}


def test_a_server_that_does_not_stream_is_said_to_be_silent(running: ModelServer, tmp_path: Path) -> None:
    running.reset(Behaviour(latency=0.5, streams=False))
    writing = Writing(PRODUCT, order(tmp_path, "ollama", running.url), JUDGE)
    statuses = {writing.status for _ in writing.looks()}
    assert "drill reads the record: no text yet …" in statuses
    assert writing.result().listing


def test_what_was_asked_before_comes_from_the_ledger_and_a_regeneration_is_asked_anew(
    server: ModelServer, tmp_path: Path
) -> None:
    asked = order(tmp_path, "ollama", server.url)
    for revision, calls in ((0, 1), (0, 1), (1, 2)):
        Writing(PRODUCT, asked, JUDGE, revision=revision).result()
        assert server.stats()["calls"] == calls


def test_what_costs_money_is_taken_from_the_users_budget(server: ModelServer, tmp_path: Path) -> None:
    paid = order(tmp_path, "openai", f"{server.url}/v1", prices=CHEAP)
    written = Writing(PRODUCT, paid, JUDGE).result()
    assert 0 < written.completion.cost_usd < 0.01
    spent = Spending(paid.settings.reviews_url, 1.0).spent("ada")
    assert spent == pytest.approx(written.completion.cost_usd)


def test_a_text_above_the_budget_is_never_asked_for(server: ModelServer, tmp_path: Path) -> None:
    too_dear = order(tmp_path, "openai", f"{server.url}/v1", prices=DEAR)
    written = Writing(PRODUCT, too_dear, JUDGE).result()
    assert written.listing is None
    assert "your budget of 1.00 USD a day is reached" in (written.completion.error or "")
    assert server.stats()["calls"] == 0


def test_an_error_reaches_the_page_that_waits(tmp_path: Path) -> None:
    nobody = order(tmp_path, "ollama", "http://127.0.0.1:9")
    with pytest.raises(UserError, match="does not answer"):
        Writing(PRODUCT, nobody, JUDGE).result()


def test_a_small_run_counts_texts_and_cost_and_stops_between_texts(server: ModelServer, tmp_path: Path) -> None:
    products = [PRODUCT.model_copy(update={"product_id": f"K-{number}"}) for number in range(3)]
    run = SmallRun([p.model_copy(update={"product_name": f"Kettle {p.product_id}"}) for p in products])
    run.start(order(tmp_path, "openai", f"{server.url}/v1", prices=CHEAP), JUDGE).result()
    assert sorted(product.product_id for product, _ in run.texts) == ["K-0", "K-1", "K-2"]
    assert run.cost_usd > 0
    stopped = SmallRun(products)
    stopped.stop()
    stopped.start(order(tmp_path, "template", ""), JUDGE).result()
    assert len(stopped.texts) == 1


def test_the_choices_are_what_can_be_reached(server: ModelServer, tmp_path: Path) -> None:
    settings = Settings(workspace=tmp_path, ollama_base_url=server.url)
    found = model_choices.reachable(settings)
    labels = [choice.label for choice in found.choices]
    assert labels[:2] == ["As the pipeline (auto)", "drill:latest (Ollama)"]
    assert labels[-1] == "Template writer (no model)"
    assert found.notes == ["OpenAI needs a key: enter yours under Preferences."]


def test_a_users_key_opens_openais_models_and_an_own_server_lists_its_own(server: ModelServer, tmp_path: Path) -> None:
    away = {"workspace": tmp_path, "ollama_base_url": "http://127.0.0.1:9"}
    found = model_choices.reachable(Settings.model_validate(away), SecretStr("sk-1"))
    assert "Ollama does not answer at http://127.0.0.1:9." in found.notes
    chosen = next(choice for choice in found.choices if choice.provider == "openai")
    assert chosen.settings(Settings(workspace=tmp_path), SecretStr("sk-1")).openai_api_key == SecretStr("sk-1")
    own = Settings.model_validate(away | {"provider": "openai", "base_url": f"{server.url}/v1"})
    assert "drill (own server)" in [choice.label for choice in model_choices.reachable(own).choices]
    # A user's key is for OpenAI: an own server is not shown it.
    given = SecretStr("sk-users-own")
    assert ModelChoice("openai", "drill", "").settings(own, given).openai_api_key != given
    at_openai = ModelChoice("openai", None, "").settings(own.model_copy(update={"provider": "ollama"}), given)
    assert at_openai.openai_api_key == given


def test_models_that_can_not_chat_are_no_choice(tmp_path: Path) -> None:
    with fake_ollama(lambda _: GOOD.model_dump_json()) as ollama:
        ollama.models |= {"reader:latest"}
        ollama.embedding |= {"reader:latest"}
        settings = Settings(workspace=tmp_path, ollama_base_url=ollama.url)
        named = {choice.model for choice in model_choices.reachable(settings).choices}
    assert named >= {"writer:latest"}
    assert "reader:latest" not in named


@pytest.mark.parametrize(
    ("text", "listing"),
    [
        ("", None),
        ("Sure, here", None),
        ('{"title": "Oak bo', Listing(title="Oak bo")),
        ('Sure: {"title": "Oak", "key_features": ["On', Listing(title="Oak", key_features=["On"])),
        ('{"title": "Oak", "key_features": ["One"], "descr', Listing(title="Oak", key_features=["One"])),
        ('{"title": 3, "key_features": "One"', Listing()),
    ],
)
def test_the_beginning_of_an_answer_is_shown_as_a_listing(text: str, listing: Listing | None) -> None:
    assert partial_listing(text) == listing


def test_a_job_raises_its_error_where_its_result_is_taken() -> None:
    def work() -> None:
        raise UserError("no")

    job = Job(work)
    assert list(job.looks())
    with pytest.raises(UserError, match="no"):
        job.result()
    assert AnswerStream().listing is None


TABLE = "name\tbrand\tfeatures\nOak board\tTimber\tMade of oak\n\tNobody\tNothing\n"


def test_a_pasted_table_gives_products_and_bad_rows_their_reasons() -> None:
    feed = small_feeds.pasted(TABLE)
    assert [(each.product_id, each.product_name, each.brand) for each in feed.products] == [
        ("row-1", "Oak board", "Timber")
    ]
    assert [(bad.row, bad.reason) for bad in feed.bad] == [(2, "it has no product name")]


@pytest.mark.parametrize("text", ['[{"id": "1", "name": "Oak board"}]', '{"id": "1", "name": "Oak board"}\n'])
def test_pasted_json_is_read_too(text: str) -> None:
    assert [each.product_id for each in small_feeds.pasted(text).products] == ["1"]


def test_the_same_id_twice_is_a_bad_row_and_too_many_rows_are_counted() -> None:
    rows = [{"id": "1", "name": "Oak board"}] * 2 + [{"id": f"n{at}", "name": f"Board {at}"} for at in range(101)]
    feed = small_feeds.uploaded("../../feed.jsonl", "".join(json.dumps(row) + "\n" for row in rows).encode())
    assert [(bad.row, bad.reason) for bad in feed.bad] == [(2, "row 1 has the same product id, 1")]
    assert (len(feed.products), feed.left_out) == (small_feeds.MOST_PRODUCTS, 2)
    assert feed.products[0].source_file == "feed.jsonl"


def test_of_a_small_compressed_file_with_any_number_of_rows_the_first_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(small_feeds, "MOST_ROWS", 10)
    content = gzip.compress(b"name,brand\n" + b",Nobody\n" * 1_000)
    assert len(small_feeds.uploaded("feed.csv.gz", content).bad) == 10


def test_a_compressed_feed_is_read_and_what_is_none_is_refused() -> None:
    assert small_feeds.uploaded("feed.csv.gz", gzip.compress(TABLE.replace("\t", ",").encode())).products
    with pytest.raises(UserError, match="its name ends in none of"):
        small_feeds.uploaded("feed.exe", b"MZ")
    with pytest.raises(UserError, match=r"feed\.parquet: "):
        small_feeds.uploaded("feed.parquet", b"no parquet")


FORM = {"name": "Oak board", "brand": "", "category": "Home > Kitchen", "features": "One\n\nTwo", "description": ""}


def test_a_form_gives_a_product() -> None:
    product = product_form.product_from(**FORM, attributes="Material: oak\nWidth=12 in")
    assert product.category == ["Home", "Kitchen"]
    assert product.features == ["One", "Two"]
    assert product.attributes == {"Material": "oak", "Width": "12 in"}
    assert product.brand is None


@pytest.mark.parametrize(("wrong", "reason"), [({"name": " "}, "needs a name"), ({"attributes": "oak"}, "“oak”")])
def test_a_form_says_what_is_missing(wrong: dict[str, str], reason: str) -> None:
    with pytest.raises(ProductError, match=reason):
        product_form.product_from(**FORM | {"attributes": ""} | wrong)


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    with FileWarehouse(tmp_path / "warehouse.duckdb").writing() as database:
        synthetic_catalog.make(database, 45)
        yield database


def test_the_catalog_is_searched_in_pages(db: Database) -> None:
    rows, matches = product_form.search(db, "", 2)
    assert (len(rows), matches) == (5, 45)
    name = rows[0]["product_name"]
    assert product_form.search(db, name.upper(), 0)[0][0]["product_name"] == name
    found, _ = product_form.search(db, rows[0]["product_id"], 0)
    assert found[0]["product_id"] == rows[0]["product_id"]
    assert product_form.search(db, "%", 0) == ([], 0)  # no wildcard


def draft_of(db: Database) -> Draft:
    product_id = str(db.value("select min(product_id) from catalog.products"))
    found = product_form.current(db, product_id)
    return Draft(found.product, found.facts_hash, found.content_hash, seen=0)


EDITED = TextVersion(GOOD, "drill", preferences=PLAIN, is_edit=True)


def test_a_saved_text_of_the_catalog_is_this_users_edit_which_the_pipeline_takes_over(
    db: Database, tmp_path: Path
) -> None:
    with ReviewStore(f"sqlite:///{tmp_path}/reviews.db") as store:
        draft = draft_of(db)
        drafts.save(store, ADA, draft, EDITED)
        assert take_over(db, store).edits == 1
        (text,) = db.query("select title, model, user_preferences from content.generated_content")
        assert (text["title"], text["model"]) == (GOOD.title, "ada")
        assert json.loads(text["user_preferences"]) == {"tone": "plain and factual"}
        # The user's own edit is no conflict for the user's next one.
        drafts.save(store, ADA, draft, EDITED.edited(GOOD.model_copy(update={"title": "Another title"})))
        assert [version.listing.title for version in draft.versions] == [GOOD.title, "Another title"]


def test_a_text_of_the_template_writer_is_kept_without_the_preferences_that_nobody_told_it(tmp_path: Path) -> None:
    about = {"request_hash": "r", "provider": "openai", "model": "m", "prompt_version": "2", "status": "complete"}
    came = Completion.model_validate(about | {"fallback": "the model was silent"})
    written = Written(listing=GOOD, report=None, completion=came)
    draft = Draft(Product(product_id="one", product_name="Kettle"))
    with ReviewStore(f"sqlite:///{tmp_path}/reviews.db") as store:
        for version in (TextVersion.written(written, PLAIN), replace(EDITED, follows=False)):
            drafts.save(store, ADA, draft, version)
        assert [each.origin["user_preferences"] for each in store.saved_texts("ada")] == [{}, {}]


def test_who_saves_over_somebody_elses_decision_is_told(db: Database, tmp_path: Path) -> None:
    with ReviewStore(f"sqlite:///{tmp_path}/reviews.db") as store:
        draft = draft_of(db)
        other = Decision(product_id=draft.product.product_id, content_hash=None, action="edit", author="bob")
        store.decide([other.model_copy(update={"listing": GOOD})], seen={draft.product.product_id: 0})
        with pytest.raises(ConflictError, match="bob"):
            drafts.save(store, ADA, draft, EDITED)


def test_a_text_of_a_product_outside_the_catalog_is_kept_for_its_author(tmp_path: Path) -> None:
    with ReviewStore(f"sqlite:///{tmp_path}/reviews.db") as store:
        drafts.save(store, ADA, Draft(Product(product_id="one", product_name="Oak board")), EDITED)
        (saved,) = store.saved_texts("ada")
        assert saved.listing == GOOD
        assert saved.origin["user_preferences"] == {"tone": "plain and factual"}
        assert store.saved_texts("bob") == []
        assert store.decisions() == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"title": " "}, "no title"), ({"description": ""}, "no desc"), ({"title": "\x07"}, "control")],
)
def test_a_text_that_the_pipeline_would_refuse_is_not_saved(
    tmp_path: Path, changes: dict[str, str], reason: str
) -> None:
    with ReviewStore(f"sqlite:///{tmp_path}/reviews.db") as store, pytest.raises(UserError, match=reason):
        drafts.save(store, ADA, Draft(PRODUCT), EDITED.edited(GOOD.model_copy(update=changes)))


def test_who_may_not_write_saves_nothing(tmp_path: Path) -> None:
    with ReviewStore(f"sqlite:///{tmp_path}/reviews.db") as store, pytest.raises(NotAllowedError, match="writer"):
        drafts.save(store, User("eve", frozenset({"reviewer"})), Draft(PRODUCT), EDITED)
