"""The logic of the page Review, without a browser."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import pytest
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

from walmart_pipeline.cli import app
from walmart_pipeline.core.errors import UserError
from walmart_pipeline.core.file_warehouse import FileWarehouse
from walmart_pipeline.core.records import Listing
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.llm.ledger_database import LedgerError
from walmart_pipeline.reviews import takeover
from walmart_pipeline.reviews.store import ConflictError, Decision, ReviewStore
from walmart_pipeline.stages.quality import scored_texts
from walmart_pipeline.studio import repairs, review_case, review_queue
from walmart_pipeline.studio.access import NotAllowedError, User
from walmart_pipeline.studio.context import StudioContext
from walmart_pipeline.studio.open_cases import FREE_AFTER_SECONDS, OpenCases
from walmart_pipeline.studio.review_actions import Done, ReviewState
from walmart_pipeline.studio.review_case import ReviewCase
from walmart_pipeline.studio.review_neighbours import LOOKED_AT, Neighbours
from walmart_pipeline.studio.review_queue import PAGE_CASES, QueueFilter
from walmart_pipeline.studio.users import RequestLimit, UserFile
from walmart_pipeline_tests.studio import review_cases
from walmart_pipeline_tests.studio.review_cases import FALSE, FORBIDDEN, GOOD, NO_TEXT, NOW

ADA, BOB = User("ada", frozenset({"reviewer"})), User("bob", frozenset({"reviewer"}))
BETTER = Listing(title="A kettle of steel", key_features=["Boils water"], description="It boils water.")
PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return review_cases.make(tmp_path_factory.mktemp("review"))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ReviewStore]:
    with ReviewStore(f"sqlite:///{tmp_path}/reviews.db") as opened:
        yield opened


@pytest.fixture
def case(settings: Settings, store: ReviewStore) -> Callable[[str], ReviewCase]:
    def load(product_id: str) -> ReviewCase:
        with FileWarehouse(settings.warehouse).reading() as db:
            row = review_case.load(db, store, product_id)
        assert row is not None
        return review_case.judged(row, review_cases.judge())

    return load


def queue(settings: Settings, store: ReviewStore, wanted: QueueFilter) -> list[str]:
    with FileWarehouse(settings.warehouse).reading() as db:
        decided = review_queue.standing(takeover.waiting(db, store))
        rows = review_queue.page(db, wanted, decided, threshold=60)
        assert review_queue.count(db, wanted, decided) == len(rows)
    return [row["product_id"] for row in rows]


def test_the_queue_is_ordered_and_filtered(settings: Settings, store: ReviewStore) -> None:
    # Whether a statement is true is a guess; a web address is there or not; what has no text comes last.
    assert queue(settings, store, QueueFilter()) == [FALSE, FORBIDDEN, NO_TEXT]
    assert queue(settings, store, QueueFilter(order="worst"))[0] == NO_TEXT
    assert queue(settings, store, QueueFilter(rule="description.url")) == [FORBIDDEN]
    assert queue(settings, store, QueueFilter(category="Home", model="gpt-x")) == [FALSE, FORBIDDEN]
    assert queue(settings, store, QueueFilter(feed="other.csv")) == []
    assert queue(settings, store, QueueFilter(search="k-FALSE")) == []
    assert queue(settings, store, QueueFilter(search=FALSE)) == [FALSE]
    assert queue(settings, store, QueueFilter(scope="published")) == [GOOD]


def test_the_command_line_lists_the_same_queue(settings: Settings) -> None:
    arguments = ["review", "list", "--json", "--home", str(settings.workspace)]
    found = json.loads(CliRunner().invoke(app, arguments).stdout)
    assert [case["product_id"] for case in found] == [FALSE, FORBIDDEN, NO_TEXT]
    assert "2.5 L" in found[0]["reasons"][0]


def test_what_was_decided_leaves_the_queue_and_an_undo_brings_it_back(
    settings: Settings, store: ReviewStore, case: Callable[[str], ReviewCase]
) -> None:
    decision = review_case.decide(store, ADA, case(FALSE), "accept")
    assert FALSE not in queue(settings, store, QueueFilter())
    review_case.undo(store, ADA, decision)
    assert FALSE in queue(settings, store, QueueFilter())


def test_a_product_without_a_text_leaves_the_queue_alone_once_somebody_wrote_one(
    settings: Settings, store: ReviewStore, case: Callable[[str], ReviewCase]
) -> None:
    review_case.decide(store, ADA, case(NO_TEXT), "edit", listing=BETTER)
    assert queue(settings, store, QueueFilter()) == [FALSE, FORBIDDEN]


def test_a_decision_that_changed_nothing_leaves_its_case_in_the_queue(tmp_path: Path, store: ReviewStore) -> None:
    settings = review_cases.make(tmp_path)
    with FileWarehouse(settings.warehouse).writing() as db:
        texts = {row["product_id"]: row for row in db.query("from content.generated_content")}
        for product_id, action, given in (
            (GOOD, "accept", {}),
            (FALSE, "accept", {"facts_hash": "of an earlier record"}),
            (FORBIDDEN, "reject", {"reason": "has a web address"}),
        ):
            text = {name: texts[product_id][name] for name in ("content_hash", "facts_hash")}
            about = {"product_id": product_id, "action": action, "author": "ada", **text, **given}
            store.decide([Decision.model_validate(about)], seen={product_id: 0})
        takeover.take_over(db, store)
        refused = {"product_id": GOOD, "status": "needs_review", "reasons": ["no such GTIN"], "queued_at": NOW}
        db.append("delivery.refused_items", [refused | {"content_hash": texts[GOOD]["content_hash"], "score": 90.0}])
        scored_texts.accept(db)
        scored_texts.queue(db, review_cases.judge())
    # What nobody has rejected yet comes first.
    assert set(queue(settings, store, QueueFilter())) == {GOOD, FALSE, NO_TEXT, FORBIDDEN}
    assert queue(settings, store, QueueFilter())[-1] == FORBIDDEN
    assert queue(settings, store, QueueFilter(order="worst"))[0] == NO_TEXT


def test_an_edit_that_no_run_could_apply_comes_back_with_its_text(tmp_path: Path, store: ReviewStore) -> None:
    settings = review_cases.make(tmp_path)
    about = {"action": "edit", "author": "ada", "listing": BETTER, "facts_hash": "of an earlier record"}
    with FileWarehouse(settings.warehouse).writing() as db:
        published = db.value("select content_hash from content.generated_content where product_id = ?", [GOOD])
        for product_id, text in ((GOOD, published), (NO_TEXT, None)):
            edit = Decision.model_validate({"product_id": product_id, "content_hash": text, **about})
            store.decide([edit], seen={product_id: 0})
        takeover.take_over(db, store)
        waiting = review_queue.page(db, QueueFilter(), [], threshold=60)
        found = review_case.load(db, store, GOOD)
    assert {row["product_id"] for row in waiting} == {GOOD, FALSE, FORBIDDEN, NO_TEXT}
    assert len(waiting) == 4
    assert found is not None
    case = review_case.judged(found, review_cases.judge())
    assert case.unapplied is not None
    edit, problem = case.unapplied
    assert (edit.listing, problem) == (BETTER, "its record has changed since: look at it again")
    # Whatever somebody decides next answers it.
    review_case.decide(store, BOB, case, "accept")
    assert GOOD not in queue(settings, store, QueueFilter())
    with FileWarehouse(settings.warehouse).reading() as db:
        found = review_case.load(db, store, GOOD)
    assert found is not None
    assert review_case.judged(found, review_cases.judge()).unapplied is None


def test_next_goes_through_a_long_queue_and_begins_again_after_it() -> None:
    order = [f"K-{number}" for number in range(2 * PAGE_CASES + 7)]
    current = ReviewState(open=order[0])
    visited = []
    for _ in order:
        offset = Neighbours.offset(current.place)
        found = Neighbours.of(current, order[offset : offset + LOOKED_AT], offset, len(order))
        visited.append(current.open)
        assert found.place == order.index(visited[-1])
        assert found.previous == (visited[-2] if len(visited) > 1 else None)
        current.show(next(iter(found.coming), None))
    assert visited == order
    assert (current.open, current.place) == (None, 0)


def test_the_next_case_takes_the_place_of_one_that_left_the_queue() -> None:
    current = ReviewState(open="gone", place=1)
    found = Neighbours.of(current, ["K-1", "K-2"], 0, 2)
    assert (found.place, found.previous, found.coming) == (None, "K-1", ("K-2",))


def test_two_reviewers_never_overwrite_each_other(store: ReviewStore, case: Callable[[str], ReviewCase]) -> None:
    seen = case(FALSE)
    rejected = review_case.decide(store, ADA, seen, "reject", reason="2.5 L is wrong")
    with pytest.raises(ConflictError, match="ada decided about K-FALSE in the meantime: reject"):
        review_case.decide(store, BOB, seen, "accept")
    # With open eyes he may, and then it is no longer hers to undo.
    review_case.decide(store, BOB, case(FALSE), "accept")
    with pytest.raises(ConflictError):
        review_case.undo(store, ADA, rejected)
    assert case(FALSE).agreement() == "disagree: ada rejects, bob accepts"


def test_stars_of_two_reviewers_stand_side_by_side(store: ReviewStore, case: Callable[[str], ReviewCase]) -> None:
    seen = case(GOOD)
    review_case.decide(store, ADA, seen, "rate", stars=5)
    review_case.decide(store, BOB, seen, "rate", stars=2)
    assert case(GOOD).agreement() == "stars differ by 3: ada 5★, bob 2★"


def test_the_action_checks_what_the_button_only_shows(store: ReviewStore, case: Callable[[str], ReviewCase]) -> None:
    writer = User("wim", frozenset({"writer"}))
    with pytest.raises(NotAllowedError):
        review_case.decide(store, writer, case(GOOD), "accept")
    for found, action, message in (
        (case(FORBIDDEN), "accept", "Walmart refuses this text"),
        (case(GOOD), "reject", "say why"),
        (case(NO_TEXT), "accept", "no text"),
        (case(GOOD), "edit", "nothing was changed"),
    ):
        with pytest.raises(UserError, match=message):
            review_case.decide(store, ADA, found, action)  # type: ignore[arg-type] # actions, as in the table
    with pytest.raises(UserError, match="no description"):
        review_case.decide(store, ADA, case(GOOD), "edit", listing=Listing(title="Only a title"))
    with pytest.raises(UserError, match="your own"):
        review_case.undo(store, BOB, review_case.decide(store, ADA, case(GOOD), "accept"))
    assert [each.action for each in store.decisions()] == ["accept"]


def test_a_selection_is_decided_where_it_can_be_all_or_none(settings: Settings, store: ReviewStore) -> None:
    with FileWarehouse(settings.warehouse).reading() as db:
        rows = review_queue.page(db, QueueFilter(), [], threshold=60)
    _, refused = review_case.sorted_out(rows, "accept")
    assert refused == {FORBIDDEN: "Walmart refuses it, edit it", NO_TEXT: "there is no text"}
    decided = review_case.decide_all(store, ADA, rows, {}, "accept")
    assert [decision.product_id for decision in decided] == [FALSE]
    with pytest.raises(ConflictError):
        review_case.decide_all(store, BOB, rows, {}, "reject", reason="all of them")
    assert len(store.decisions()) == 1


def test_a_suggested_repair_is_publishable_and_changes_little(case: Callable[[str], ReviewCase]) -> None:
    judge = review_cases.judge()
    for product_id, gone in ((FALSE, "2.5 L"), (FORBIDDEN, "www")):
        found = case(product_id)
        assert found.listing is not None
        assert found.report is not None
        repair = repairs.suggestions(found.product, found.listing, found.report, judge)[0]
        assert repair.report.publishable
        assert gone not in repair.listing.description
        assert repair.listing.key_features == found.listing.key_features


def _app() -> None:
    from walmart_pipeline.studio import app

    app.main()


def test_a_password_is_asked_for_and_a_writer_may_look_but_not_decide(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "warehouse.duckdb").symlink_to(settings.warehouse)
    monkeypatch.setenv("WALMART_HOME", str(tmp_path))
    UserFile(replace_workspace(settings, tmp_path).studio_users).add("wim", PASSWORD, ["writer"])
    test = AppTest.from_function(_app, default_timeout=60).run()
    assert [button.label for button in test.button] == ["Sign in"]
    test.text_input[0].set_value("wim")
    test.text_input[1].set_value("wrong password")
    test.button[0].click().run()
    assert "wrong" in test.error[0].value
    test.text_input[0].set_value("wim")
    test.text_input[1].set_value(PASSWORD)
    test.button[0].click().run()
    assert not test.exception
    assert any(button.label == "Sign out" for button in test.button)


def replace_workspace(settings: Settings, workspace: Path) -> Settings:
    return settings.model_copy(update={"workspace": workspace})


def _review() -> None:
    import streamlit as st

    from walmart_pipeline.core.settings import Settings
    from walmart_pipeline.reviews.store import ReviewStore
    from walmart_pipeline.studio.access import User
    from walmart_pipeline.studio.context import StudioContext
    from walmart_pipeline.studio.pages import review

    settings = Settings(workspace=st.session_state["workspace"])
    user = User(st.session_state["name"], frozenset(st.session_state["roles"]))
    review.page(StudioContext(settings, ReviewStore(settings.reviews_url), user))


def reviewing(settings: Settings, name: str = "ada", roles: tuple[str, ...] = ("reviewer",)) -> AppTest:
    test = AppTest.from_function(_review, default_timeout=60)
    for key, value in {"workspace": settings.workspace, "name": name, "roles": roles}.items():
        test.session_state[key] = value
    return test.run()


def button(test: AppTest, label: str):  # type: ignore[no-untyped-def] # streamlit's class is private
    return next(each for each in test.button if each.label == label)


def test_the_next_case_opens_and_a_conflict_is_explained(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "warehouse.duckdb").symlink_to(settings.warehouse)
    own = replace_workspace(settings, tmp_path)
    test = reviewing(own)
    assert not test.exception
    with ReviewStore(own.reviews_url) as store:
        seen = Decision(product_id=FALSE, content_hash="other", action="reject", author="bob", reason="typo")
        store.decide([seen], seen={FALSE: 0})
        button(test, "Accept").click().run()
        assert "bob decided about K" in test.error[0].value.replace("\\", "")
        button(test, "Accept").click().run()
        assert [each.author for each in store.decisions()] == ["bob", "ada"]
    assert not test.error
    assert any("Walmart refuses it" in each.value for each in test.warning)


def test_save_stores_every_field_as_it_is_when_it_is_pressed(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "warehouse.duckdb").symlink_to(settings.warehouse)
    own = replace_workspace(settings, tmp_path)
    test = reviewing(own)
    button(test, "Edit").click().run()
    away = [each.label for each in test.button if each.label in ("Accept", "Reject", "Back", "Next") and each.disabled]
    assert away == ["Accept", "Reject", "Back", "Next"], "what is being typed is not left by a slip"
    test.text_input(key=f"title-{FALSE}-0").set_value("A kettle of steel")
    test.text_area(key=f"description-{FALSE}-0").set_value("It boils water.")
    button(test, "Save").click().run()
    assert not test.error
    with ReviewStore(own.reviews_url) as store:
        (saved,) = store.decisions()
    assert saved.listing is not None
    assert (saved.listing.title, saved.listing.description) == ("A kettle of steel", "It boils water.")


def test_the_text_of_an_edit_that_was_not_applied_is_edited_on(tmp_path: Path) -> None:
    settings = review_cases.make(tmp_path)
    edit = Decision(
        product_id=NO_TEXT, content_hash=None, action="edit", author="ada", listing=BETTER, facts_hash="old"
    )
    with FileWarehouse(settings.warehouse).writing() as db, ReviewStore(settings.reviews_url) as store:
        store.decide([edit], seen={NO_TEXT: 0})
        takeover.take_over(db, store)
    test = reviewing(settings)
    while not any("The edit of ada was not applied" in each.value for each in test.warning):
        button(test, "Next").click().run()
    button(test, "Edit that text").click().run()
    assert not test.exception
    assert test.text_input(key=f"title-{NO_TEXT}-1").value == BETTER.title


def _undoing() -> None:
    import streamlit as st

    from walmart_pipeline.studio import review_actions

    st.session_state["review"] = st.session_state["state"]
    review_actions.undo(st.session_state["context"])


def test_an_undo_is_of_all_that_was_decided_at_once_and_waits_for_a_busy_database(
    settings: Settings, store: ReviewStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FileWarehouse(settings.warehouse).reading() as db:
        rows = review_queue.page(db, QueueFilter(), [], threshold=60)
    decided = review_case.decide_all(store, ADA, rows, {}, "reject", reason="all of them")
    current = ReviewState(done=[Done(0, list(decided))])
    test = AppTest.from_function(_undoing, default_timeout=60)
    test.session_state["state"], test.session_state["context"] = current, StudioContext(settings, store, ADA)
    with monkeypatch.context() as busy:
        busy.setattr(review_case, "undo", Mock(side_effect=LedgerError("the database is busy")))
        test.run()
    assert (current.problem, len(store.decisions())) == ("the database is busy", 2)
    # Nor does one press too many lose what could be undone.
    may = test.session_state["context"]
    test.session_state["context"] = replace(may, user=replace(may.user, count=RequestLimit(0).count))
    test.run()
    assert "more than 0 requests" in current.problem
    test.session_state["context"] = may
    # Somebody has answered one of them: it stays, the other does not.
    again = Decision(product_id=FALSE, content_hash="other", action="accept", author="bob")
    store.decide([again], seen={FALSE: 1})
    test.run()
    assert not test.exception
    assert "Undone: reject of 1 in all; bob decided about K-FALSE" in current.problem
    assert [each.product_id for each in store.decisions() if each.action == "undo"] == [FORBIDDEN]
    assert current.done == []


def test_whoever_may_not_review_sees_disabled_buttons(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "warehouse.duckdb").symlink_to(settings.warehouse)
    test = reviewing(replace_workspace(settings, tmp_path), "wim", ("writer",))
    assert button(test, "Accept").disabled
    assert button(test, "Edit").disabled


def test_people_who_review_at_the_same_time_get_different_cases() -> None:
    now = [0.0]
    opened = OpenCases(lambda: now[0])
    queue = ["K-1", "K-2"]
    assert opened.take_free("ada", queue) == "K-1"
    assert opened.take_free("bob", queue) == "K-2"
    assert opened.of_others("bob") == {"K-1": "ada"}
    # More people than cases.
    assert opened.take_free("eve", queue) == "K-1"
    opened.show("bob", "K-3")
    assert opened.take_free("eve", queue) == "K-2"
    # A page that is loaded again shows the same case.
    assert opened.take_free("eve", queue) == "K-2"
    # Nobody says that a tab was closed.
    now[0] = FREE_AFTER_SECONDS + 1
    assert opened.take_free("bob", queue) == "K-1"
