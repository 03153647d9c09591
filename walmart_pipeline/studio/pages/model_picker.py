"""Chooses who writes, from what can be reached; a missing Ollama model can be pulled."""

from __future__ import annotations

import streamlit as st
from pydantic import SecretStr

from walmart_pipeline.core.settings import Settings
from walmart_pipeline.generation import ollama_models
from walmart_pipeline.generation.ollama_models import Missing
from walmart_pipeline.generation.preferences import UserPreferences
from walmart_pipeline.llm.clients.ollama import PullProgress
from walmart_pipeline.studio import escaping, model_choices, resources
from walmart_pipeline.studio.context import StudioContext
from walmart_pipeline.studio.jobs import Job
from walmart_pipeline.studio.model_choices import ModelChoice, Reachable

# Seconds that a page trusts what the servers said: they answer in milliseconds, and a silent one in two seconds.
TRUST_SECONDS = 30
ANOTHER = ModelChoice("ollama", "", "Another model of Ollama …")


@st.cache_data(ttl=TRUST_SECONDS, show_spinner="Looking for models …")
def _reachable(_settings: Settings, _key: SecretStr | None, servers: tuple[object, ...]) -> Reachable:
    return model_choices.reachable(_settings, _key)


def reachable(context: StudioContext) -> Reachable:
    """What can write now."""
    settings, key = context.settings, resources.openai_key(context)
    servers = (settings.base_url, settings.ollama_base_url, settings.cloud_ollama_url, settings.provider, bool(key))
    return _reachable(settings, key, (*servers, settings.model, context.user.name))


def default(context: StudioContext, stored: UserPreferences, prefix: str) -> str:
    """Draw the choice of a default. Returns its key. prefix: of the widget's key."""
    choices = reachable(context).choices
    keys = ["", *(choice.key for choice in choices)]
    if stored.default_provider not in keys:
        keys.append(stored.default_provider)
    labels = {choice.key: choice.label for choice in choices} | {"": "no default"}
    return st.selectbox(
        "Default provider",
        keys,
        index=keys.index(stored.default_provider),
        format_func=lambda key: labels.get(key, f"{key} (not reachable now)"),
        key=f"{prefix}_provider",
    )


def pick(context: StudioContext, stored: UserPreferences) -> tuple[ModelChoice | None, list[str]]:
    """Draw the choice. Returns it, None while a named model is missing, and notes on what is not reachable."""
    found = reachable(context)
    choices = [*found.choices, ANOTHER]
    keys = [choice.key for choice in choices]
    first = keys.index(stored.default_provider) if stored.default_provider in keys else 0
    chosen = st.selectbox(
        "Written by", choices, index=first, format_func=lambda choice: choice.label, key="write_choice"
    )
    if chosen != ANOTHER:
        return chosen, found.notes_on(chosen, context.settings)
    name = st.text_input("Model", placeholder=context.settings.base_model, key="write_other_model").strip()
    if not name:
        return None, found.notes
    named = ModelChoice("ollama", name, f"{name} (Ollama)")
    absent = ollama_models.missing(named.settings(context.settings))
    if absent:
        _pull(context, absent, named)
    return (None if absent else named), found.notes


def _pull(context: StudioContext, absent: Missing, named: ModelChoice) -> None:
    """Offer to pull a model, and show its progress; the page is drawn anew once it is there."""
    key = f"pull {absent.model}"
    st.warning(escaping.label(f"{absent.model} is not on {', '.join(absent.endpoints)}."), icon=":material/download:")
    if key not in st.session_state and st.button(escaping.label(f"Pull {absent.model}")):
        context.user.require("writer")
        steps: list[PullProgress] = []
        settings = named.settings(context.settings)
        job = Job(lambda: ollama_models.pull(settings, absent, lambda _, step: steps.append(step)))
        st.session_state[key] = job, steps
    if key not in st.session_state:
        return
    job, steps = st.session_state[key]
    bar = st.progress(0.0, "Waiting for Ollama …")
    for _ in job.looks():
        if steps:
            latest = steps[-1]
            share = latest.completed / latest.total if latest.total else 0.0
            size = f" · {latest.completed / 1e6:,.0f} of {latest.total / 1e6:,.0f} MB" if latest.total else ""
            bar.progress(min(1.0, share), escaping.label(f"{latest.status}{size}"))
    del st.session_state[key]
    job.result()
    _reachable.clear()
    st.rerun()
