"""What all sessions of the Studio share, and what is a session's own."""

from __future__ import annotations

import streamlit as st
from pydantic import SecretStr, ValidationError

from walmart_pipeline.generation.preferences import UserPreferences
from walmart_pipeline.judge import profiles
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.studio.context import StudioContext
from walmart_pipeline.studio.keys import KeptKeys, StudioKeyError
from walmart_pipeline.studio.spending import Spending

_SESSION_KEY = "openai_key"


@st.cache_resource(show_spinner="Loading the policy …")
def judge(policy: str) -> Judge:
    """The judge of a policy."""
    return Judge(profiles.load(policy), cross_encoder=True)


@st.cache_resource
def _spending(url: str, limit_usd: float) -> Spending:
    return Spending(url, limit_usd)


def spending(context: StudioContext) -> Spending:
    """What users spent."""
    return _spending(context.settings.reviews_url, context.settings.studio_budget_usd)


@st.cache_resource
def _kept_keys(url: str, _seal: SecretStr | None) -> KeptKeys:
    return KeptKeys(url, _seal)


def kept_keys(context: StudioContext) -> KeptKeys:
    """The keys that users keep."""
    return _kept_keys(context.settings.reviews_url, context.settings.studio_key)


def openai_key(context: StudioContext) -> SecretStr | None:
    """The user's own key for OpenAI: of this session, else the one that is kept and can be read."""
    typed: SecretStr | None = st.session_state.get(_SESSION_KEY)
    try:
        return typed or kept_keys(context).key(context.user.name, "openai")
    except StudioKeyError:
        return None


def openai_key_problem(context: StudioContext) -> str | None:
    """Why the key that the user keeps can't be read, or None."""
    try:
        kept_keys(context).key(context.user.name, "openai")
    except StudioKeyError as error:
        return str(error)
    return None


def use_openai_key(key: SecretStr | None) -> None:
    """Use a key in this session only."""
    st.session_state[_SESSION_KEY] = key


def preferences(context: StudioContext) -> UserPreferences:
    """The user's preferences; those that an earlier version wrote otherwise are as if there were none."""
    try:
        return UserPreferences.model_validate(context.store.preferences(context.user.name))
    except ValidationError:
        return UserPreferences()
