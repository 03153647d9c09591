"""A user's keys stay the user's, and what costs money has a limit that all their sessions share."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from walmart_pipeline.core.settings import Settings
from walmart_pipeline.studio.keys import KeptKeys, StudioKeyError
from walmart_pipeline.studio.spending import Spending

KEY = SecretStr("sk-a-very-secret-key")
SEAL = SecretStr(Fernet.generate_key().decode())


def url(folder: Path) -> str:
    return f"sqlite:///{folder}/reviews.db"


def test_a_kept_key_is_sealed_and_opens_for_its_owner_only(tmp_path: Path) -> None:
    kept = KeptKeys(url(tmp_path), SEAL)
    kept.keep("ada", "openai", KEY)
    assert kept.key("ada", "openai") == KEY
    assert kept.key("bob", "openai") is None
    kept.close()
    for file in tmp_path.iterdir():
        assert KEY.get_secret_value().encode() not in file.read_bytes()


def test_a_row_that_is_copied_to_another_name_opens_nothing(tmp_path: Path) -> None:
    kept = KeptKeys(url(tmp_path), SEAL)
    kept.keep("ada", "openai", KEY)
    with sqlite3.connect(tmp_path / "reviews.db") as database:
        database.execute("insert into studio_keys select 'bob', provider, sealed, saved_at from studio_keys")
    assert kept.key("bob", "openai") is None


def test_a_new_key_takes_the_place_of_the_old_one_and_can_be_forgotten(tmp_path: Path) -> None:
    kept = KeptKeys(url(tmp_path), SEAL)
    kept.keep("ada", "openai", SecretStr("old"))
    kept.keep("ada", "openai", KEY)
    assert kept.key("ada", "openai") == KEY
    kept.forget("ada", "openai")
    assert kept.key("ada", "openai") is None


def test_without_a_seal_nothing_is_kept(tmp_path: Path) -> None:
    kept = KeptKeys(url(tmp_path), None)
    assert not kept.can_keep
    with pytest.raises(StudioKeyError, match="WALMART_STUDIO_KEY"):
        kept.keep("ada", "openai", KEY)


def test_a_key_under_an_older_seal_asks_to_be_entered_again(tmp_path: Path) -> None:
    KeptKeys(url(tmp_path), SEAL).keep("ada", "openai", KEY)
    another = KeptKeys(url(tmp_path), SecretStr(Fernet.generate_key().decode()))
    with pytest.raises(StudioKeyError, match="enter it again"):
        another.key("ada", "openai")


def test_a_seal_that_is_no_fernet_key_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(StudioKeyError, match="generate_key"):
        KeptKeys(url(tmp_path), SecretStr("hunter2"))


def test_no_secret_of_the_settings_is_printed() -> None:
    shown = repr(Settings(studio_key=SEAL, openai_api_key=KEY))
    assert SEAL.get_secret_value() not in shown
    assert KEY.get_secret_value() not in shown


def test_what_is_reserved_and_spent_stays_below_the_limit(tmp_path: Path) -> None:
    account = Spending(url(tmp_path), 1.0).account("ada")
    assert account.reserve(0.6)
    assert not account.reserve(0.6)
    account.settle(0.6, 0.1)
    assert account.reserve(0.6)
    assert "1.00 USD a day is reached: 0.7000 USD" in account.reached


def test_sessions_of_a_user_share_the_limit_and_other_users_and_days_have_their_own(tmp_path: Path) -> None:
    one, other = Spending(url(tmp_path), 1.0), Spending(url(tmp_path), 1.0)
    assert one.account("ada").reserve(0.9)
    assert not other.account("ada").reserve(0.9)
    assert other.account("bob").reserve(0.9)
    assert other.account("ada", date(2030, 1, 1)).reserve(0.9)


def test_a_call_that_was_killed_counts_with_what_was_reserved(tmp_path: Path) -> None:
    Spending(url(tmp_path), 1.0).account("ada").reserve(0.7)
    assert Spending(url(tmp_path), 1.0).spent("ada") == 0.7


def test_of_many_at_once_no_two_take_the_same_money(tmp_path: Path) -> None:
    account = Spending(url(tmp_path), 1.0).account("ada")
    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(lambda _: account.reserve(0.3), range(24))) == 3


def test_in_postgres_the_limit_and_the_keys_hold_too(postgres: str) -> None:
    account = Spending(postgres, 1.0).account("ada")
    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(lambda _: account.reserve(0.3), range(8))) == 3
    kept = KeptKeys(postgres, SEAL)
    kept.keep("ada", "openai", KEY)
    assert kept.key("ada", "openai") == KEY
