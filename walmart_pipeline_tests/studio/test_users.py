"""Who gets in, what they may do, and what stops guessing."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
import streamlit as st
from typer.testing import CliRunner

from walmart_pipeline.cli import app
from walmart_pipeline.core.errors import UserError
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.studio import server, sign_in
from walmart_pipeline.studio import users as accounts
from walmart_pipeline.studio.access import NotAllowedError, User
from walmart_pipeline.studio.users import FREE_ATTEMPTS, Attempts, RequestLimit, SignInError, UserFile

PASSWORD = "correct horse battery"


@pytest.fixture
def users(tmp_path: Path) -> UserFile:
    return UserFile(Settings(workspace=tmp_path).studio_users)


def test_a_user_is_added_on_the_command_line_and_only_the_hash_is_stored(users: UserFile, tmp_path: Path) -> None:
    given = f"{PASSWORD}\n{PASSWORD}\n"
    arguments = ["studio", "users", "add", "ada", "--role", "reviewer", "--home", str(tmp_path)]
    assert CliRunner().invoke(app, arguments, input=given).exit_code == 0
    text = users.path.read_text()
    assert PASSWORD not in text
    assert "$argon2id$" in text
    assert stat.S_IMODE(users.path.stat().st_mode) == 0o600
    assert users.verify("ada", PASSWORD) == User("ada", frozenset({"reviewer"}))
    assert users.verify("ada", "wrong") is None
    assert users.verify("bob", PASSWORD) is None
    assert "ada: reviewer" in CliRunner().invoke(app, ["studio", "users", "list", "--home", str(tmp_path)]).stdout
    users.remove("ada")
    assert users.verify("ada", PASSWORD) is None


def test_a_weak_password_and_an_unknown_role_are_refused(users: UserFile, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="10 characters"):
        users.add("ada", "short", ["admin"])
    arguments = ["studio", "users", "add", "ada", "--role", "owner", "--home", str(tmp_path)]
    assert CliRunner().invoke(app, arguments).exit_code == 2


def test_a_user_of_openid_has_no_password_to_guess(users: UserFile) -> None:
    users.add("ada@example.com", None, ["writer"])
    assert users.known("ada@example.com") == User("ada@example.com", frozenset({"writer"}))
    assert users.verify("ada@example.com", "") is None


def test_a_damaged_file_lets_nobody_in(users: UserFile) -> None:
    users.path.write_text("{")
    with pytest.raises(SignInError, match="can't be read"):
        users.verify("ada", PASSWORD)


def test_guessing_is_slowed_down_by_name() -> None:
    now = [0.0]
    attempts = Attempts(lambda: now[0])
    # None of them has an answer yet: those at the same time count too.
    for _ in range(FREE_ATTEMPTS):
        attempts.begin("ada")
    with pytest.raises(SignInError, match="too many"):
        attempts.begin("ada")
    attempts.begin("bob")
    now[0] += 2
    attempts.begin("ada")
    now[0] += 2
    with pytest.raises(SignInError):
        attempts.begin("ada")
    now[0] += 2
    attempts.begin("ada")
    attempts.succeeded("ada")
    for _ in range(FREE_ATTEMPTS):
        attempts.begin("ada")


def test_made_up_names_take_no_more_memory_and_do_not_free_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "MOST_NAMES", 3)
    attempts = Attempts(lambda: 0.0)
    for number in range(FREE_ATTEMPTS):
        attempts.begin("ada")
        attempts.begin(f"nobody {number}")
        attempts.begin(f"nobody else {number}")
    with pytest.raises(SignInError, match="too many"):
        attempts.begin("ada")
    assert len(attempts._failures) == 3


def test_requests_are_limited_by_user() -> None:
    now = [0.0]
    limit = RequestLimit(2, lambda: now[0])
    limit.count("ada")
    limit.count("ada")
    with pytest.raises(UserError, match="more than 2 requests"):
        limit.count("ada")
    limit.count("bob")
    now[0] += 61
    limit.count("ada")


def test_one_request_too_many_does_not_act() -> None:
    """The callback of a button acts before its page is drawn and counted."""
    ada = User("ada", frozenset({"reviewer"}), count=RequestLimit(1, lambda: 0.0).count)
    ada.require("reviewer")
    with pytest.raises(UserError, match="more than 1 requests"):
        ada.require("reviewer")


@pytest.mark.parametrize(("roles", "may"), [({"reviewer"}, True), ({"admin"}, True), ({"writer"}, False), ((), False)])
def test_a_role_is_checked_by_name(roles: set[str], may: bool) -> None:
    user = User("ada", frozenset(roles))  # type: ignore[arg-type] # names of roles, as in the table
    if may:
        user.require("reviewer")
    else:
        with pytest.raises(NotAllowedError, match="needs the role reviewer"):
            user.require("reviewer")


def test_a_removed_user_does_nothing_more_on_a_page_that_is_open(users: UserFile) -> None:
    """A button acts with what its page was drawn with, before the page is drawn again."""
    users.add("ada", PASSWORD, ["reviewer"])
    on_the_page = users.known("ada")
    assert on_the_page
    on_the_page.require("reviewer")
    users.add("ada", PASSWORD, ["writer"])
    with pytest.raises(NotAllowedError, match="ada has writer"):
        on_the_page.require("reviewer")
    users.remove("ada")
    with pytest.raises(NotAllowedError, match="no longer a user"):
        on_the_page.require("reviewer")


def account(monkeypatch: pytest.MonkeyPatch, **claims: object) -> None:
    """An account that OpenID Connect has signed in, with these claims."""
    monkeypatch.setattr(st, "user", claims)


def test_an_account_of_openid_gets_the_roles_of_its_address(
    users: UserFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(workspace=tmp_path)
    settings.studio_secrets.write_text("[auth]")
    users.add("ada@example.com", None, ["reviewer"])
    account(monkeypatch, is_logged_in=True, email="ada@example.com", email_verified=True)
    assert sign_in.user(settings) == User("ada@example.com", frozenset({"reviewer"}))
    for claims in (
        {"email": "ada@example.com", "email_verified": False},
        {"email": "eve@example.com", "email_verified": True},
        {},
    ):
        account(monkeypatch, is_logged_in=True, **claims)
        with pytest.raises(SignInError):
            sign_in.user(settings)
    # A provider that does not say: anybody may have set the address.
    account(monkeypatch, is_logged_in=True, email="ada@example.com")
    with pytest.raises(SignInError, match="verified"):
        sign_in.user(settings)
    assert sign_in.user(settings.model_copy(update={"studio_unverified_emails": True}))
    account(monkeypatch, is_logged_in=False)
    assert sign_in.user(settings) is None


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "studio.example"])
def test_it_listens_for_others_only_with_sign_in(users: UserFile, tmp_path: Path, host: str) -> None:
    settings = Settings(workspace=tmp_path)
    with pytest.raises(UserError, match="without sign-in"):
        server.command(settings, host=host, port=1)
    users.add("ada", PASSWORD, ["admin"])
    assert f"--server.address={host}" in server.command(settings, host=host, port=1)


def test_behind_a_proxy_it_lets_nobody_in_without_sign_in_and_answers_to_its_public_name(
    users: UserFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(workspace=tmp_path, studio_url="https://studio.example/")
    with pytest.raises(UserError, match="without sign-in"):
        server.command(settings, host="127.0.0.1", port=1)
    monkeypatch.setattr(st, "get_option", lambda name: "127.0.0.1")
    with pytest.raises(SignInError, match="add users"):
        sign_in.user(settings)
    users.add("ada", PASSWORD, ["admin"])
    command = server.command(settings, host="127.0.0.1", port=1)
    assert "--server.allowedHosts=studio.example" in command


@pytest.mark.parametrize(("address", "is_let_in"), [("127.0.0.1", True), ("", False), (None, False)])
def test_without_sign_in_only_who_cannot_be_another_is_let_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str | None, is_let_in: bool
) -> None:
    """Streamlit without an address listens on all."""
    monkeypatch.setattr(st, "get_option", lambda name: address)
    settings = Settings(workspace=tmp_path)
    if is_let_in:
        assert sign_in.user(settings) is not None
    else:
        with pytest.raises(SignInError, match="add users"):
            sign_in.user(settings)


def test_on_loopback_it_needs_none_and_sends_no_statistics(tmp_path: Path) -> None:
    command = server.command(Settings(workspace=tmp_path), host="127.0.0.1", port=1)
    assert {"--browser.gatherUsageStats=false", "--server.enableXsrfProtection=true"} <= set(command)
