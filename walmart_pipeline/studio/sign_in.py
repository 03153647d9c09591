"""Who is there: by OpenID Connect, by password, or, without either, the account that runs the Studio."""

from __future__ import annotations

import getpass

import streamlit as st

from walmart_pipeline.core.errors import UserError
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.studio import server
from walmart_pipeline.studio.access import User
from walmart_pipeline.studio.escaping import label
from walmart_pipeline.studio.users import Attempts, RequestLimit, SignInError, UserFile

_SESSION = "signed_in"


@st.cache_resource
def _attempts() -> Attempts:
    return Attempts()


@st.cache_resource
def request_limit() -> RequestLimit:
    """The limit of requests, shared by all sessions."""
    return RequestLimit()


def user(settings: Settings) -> User | None:
    """Return who is signed in, or draw the form and return None. Raises SignInError if nobody can be let in."""
    users = UserFile(settings.studio_users)
    if settings.studio_secrets.exists():
        return _by_openid(users, trusts_unverified=settings.studio_unverified_emails)
    if settings.studio_users.exists():
        return _by_password(users)
    # Without an address Streamlit listens on all.
    if server.is_open(settings, str(st.get_option("server.address") or "")):
        raise SignInError("the Studio can be reached by others: add users with `walmart-pipeline studio users add`")
    return User(getpass.getuser(), frozenset({"admin"}))


def is_needed(settings: Settings) -> bool:
    """Whether people have to sign in."""
    return settings.studio_secrets.exists() or settings.studio_users.exists()


def sign_out() -> None:
    """End the session."""
    st.session_state.clear()
    if "is_logged_in" in st.user:
        st.logout()


def _by_openid(users: UserFile, *, trusts_unverified: bool) -> User | None:
    if not st.user.get("is_logged_in"):
        st.title("Walmart Studio")
        st.button("Sign in", type="primary", on_click=st.login)
        return None
    email = str(st.user.get("email") or "")
    verified = st.user.get("email_verified")
    if not email or (verified is not True and not (trusts_unverified and verified is None)):
        raise SignInError("your account has no verified e-mail address")
    found = users.known(email)
    if found is None:
        st.button("Sign out", on_click=sign_out)
        raise SignInError(f"{email} is not a user of this Studio: an admin adds it with `studio users add --openid`")
    return found


def _by_password(users: UserFile) -> User | None:
    signed_in = st.session_state.get(_SESSION)
    if signed_in:
        name, fingerprint = signed_in
        found = users.known(name)
        if found and fingerprint == users.fingerprint(name):
            return found
        st.session_state.clear()
    st.title("Walmart Studio")
    with st.form("sign_in", width=380):
        name = st.text_input("Name", max_chars=200, autocomplete="username")
        password = st.text_input("Password", type="password", max_chars=200, autocomplete="current-password")
        is_submitted = st.form_submit_button("Sign in", type="primary")
    if is_submitted:
        try:
            _check(users, name, password)
        except UserError as error:
            st.error(label(error))
        else:
            st.rerun()
    return None


def _check(users: UserFile, name: str, password: str) -> None:
    attempts = _attempts()
    attempts.begin(name)
    if users.verify(name, password) is None:
        raise SignInError("name or password is wrong")
    attempts.succeeded(name)
    st.session_state[_SESSION] = name, users.fingerprint(name)
