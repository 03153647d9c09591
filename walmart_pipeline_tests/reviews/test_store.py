"""The store of decisions: durable at once, never overwritten, ordered."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from typer.testing import CliRunner

from walmart_pipeline.cli import app
from walmart_pipeline.core.records import Listing
from walmart_pipeline.reviews.store import Action, ConflictError, Decision, ReviewStore, SavedText


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ReviewStore]:
    with ReviewStore(f"sqlite:///{tmp_path}/reviews.db") as opened:
        yield opened


def decision(action: Action = "accept", product: str = "P-1", author: str = "ada", **given: object) -> Decision:
    return Decision.model_validate(
        {"product_id": product, "content_hash": "h", "action": action, "author": author, **given}
    )


def test_a_decision_is_read_back_as_it_was(store: ReviewStore) -> None:
    edited = decision("edit", listing=Listing(title="Tëa 🫖", key_features=["one"]), reason="too long")
    store.decide([edited], seen={"P-1": 0})
    store.decide([decision("rate", stars=4, product="P-2")])
    assert store.decisions()[0] == edited
    assert [each.product_id for each in store.decisions(["P-2"])] == ["P-2"]
    assert store.of_ids(store.ids()[1:]) == store.decisions(["P-2"])
    assert store.latest(1) == (2, store.ids()[1:])


def test_the_second_of_two_reviewers_is_told_who_decided_and_overwrites_nothing(store: ReviewStore) -> None:
    store.decide([decision("reject", reason="wrong size")], seen={"P-1": 0})
    with pytest.raises(ConflictError, match=r"ada decided about P-1 in the meantime: reject \(wrong size\)"):
        store.decide([decision(author="bob")], seen={"P-1": 0})
    assert [each.author for each in store.decisions()] == ["ada"]
    store.decide([decision(author="bob")], seen=store.versions(["P-1"]))
    assert [each.author for each in store.decisions()] == ["ada", "bob"]


def test_of_a_selection_with_one_conflict_nothing_is_decided(store: ReviewStore) -> None:
    store.decide([decision()], seen={"P-1": 0})
    with pytest.raises(ConflictError):
        store.decide([decision(product="P-0", author="bob"), decision(author="bob")], seen={"P-0": 0, "P-1": 0})
    assert len(store.decisions()) == 1


def test_of_reviewers_at_the_same_moment_one_wins(store: ReviewStore) -> None:
    def decide(author: str) -> bool:
        try:
            store.decide([decision(author=author)], seen={"P-1": 0})
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(decide, map(str, range(8))))
    assert won.count(True) == 1
    assert len(store.decisions()) == 1


def test_ratings_of_several_people_never_conflict_and_an_undo_is_given_once(store: ReviewStore) -> None:
    rated = decision("rate", stars=5)
    store.decide([rated])
    store.decide([decision("rate", stars=1, author="bob")])
    store.decide([decision("undo", undoes=rated.decision_id)])
    with pytest.raises(ConflictError):
        store.decide([decision("undo", undoes=rated.decision_id)])
    assert len(store.decisions()) == 3


def test_decisions_move_to_another_store_once(store: ReviewStore, tmp_path: Path) -> None:
    accepted, rated = decision(), decision("rate", stars=4)
    store.decide([accepted], seen={"P-1": 0})
    store.decide([rated])
    store.decide([decision("undo", undoes=accepted.decision_id)], seen={"P-1": 1})
    runner = CliRunner()
    home, file = ["--home", str(tmp_path / "other")], str(tmp_path / "decisions.jsonl")
    assert runner.invoke(app, ["review", "export", file, "--home", str(tmp_path)]).exit_code == 0
    assert "3 added, 0 known" in runner.invoke(app, ["review", "import", file, *home]).stdout
    assert "0 added, 3 known" in runner.invoke(app, ["review", "import", file, *home]).stdout
    with ReviewStore(f"sqlite:///{tmp_path}/other/reviews.db") as other:
        assert other.decisions() == store.decisions()
        assert other.versions(["P-1"]) == {"P-1": 2}


def test_preferences_and_saved_texts_are_of_one_person(store: ReviewStore) -> None:
    store.save_preferences("ada", {"tone": "warm"})
    store.save_preferences("ada", {"tone": "plain"})
    text = SavedText(product_id=None, author="ada", listing=Listing(title="Tea"), origin={"provider": "template"})
    store.save_text(text)
    assert (store.preferences("ada"), store.preferences("bob")) == ({"tone": "plain"}, {})
    assert (store.saved_texts("ada"), store.saved_texts("bob")) == ([text], [])


def test_in_postgres_it_works_the_same(postgres: str) -> None:
    with ReviewStore(postgres) as store:
        rejected = decision("reject", reason="no", listing=Listing(title="Tea"))
        store.decide([rejected], seen={"P-1": 0})
        with pytest.raises(ConflictError, match="ada decided about P-1"):
            store.decide([decision(author="bob")], seen={"P-1": 0})
        store.decide([decision("undo", undoes=rejected.decision_id)], seen={"P-1": 1})
        with pytest.raises(ConflictError, match="same moment"):
            store.decide([decision("undo", product="P-2", undoes=rejected.decision_id)])
        store.save_preferences("ada", {"tone": "warm"})
        store.save_preferences("ada", {"tone": "plain"})
        assert store.decisions()[0] == rejected
        assert (store.versions(["P-1"]), store.preferences("ada")) == ({"P-1": 2}, {"tone": "plain"})
        assert store.state()["decisions"] == 2


DECIDE_FOR_EVER = """
import sys
from walmart_pipeline.reviews.store import Decision, ReviewStore
store = ReviewStore(sys.argv[1])
for number in range(1_000_000):
    decision = Decision(product_id=str(number), content_hash="h", action="accept", author="ada")
    store.decide([decision], seen={str(number): 0})
    print(number, flush=True)
"""


@pytest.mark.drill
def test_a_killed_process_loses_no_decision_that_it_reported(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/reviews.db"
    process = subprocess.Popen([sys.executable, "-c", DECIDE_FOR_EVER, url], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    for _ in range(20):
        last = int(process.stdout.readline())
    process.send_signal(signal.SIGKILL)
    last = max([last, *map(int, process.stdout.read().split())])
    process.wait()
    with ReviewStore(url) as store:
        assert {str(number) for number in range(last + 1)} <= {each.product_id for each in store.decisions()}
