"""Who writes and how: the model, the preferences for these texts, and what is left of the user's budget."""

from __future__ import annotations

import streamlit as st

from walmart_pipeline.studio import escaping, resources
from walmart_pipeline.studio.context import StudioContext
from walmart_pipeline.studio.model_choices import ModelChoice
from walmart_pipeline.studio.pages import model_picker, preferences
from walmart_pipeline.studio.writing import Order


def draw(context: StudioContext, prefix: str) -> tuple[ModelChoice | None, dict[str, object]]:
    """Draw the inputs. Returns the choice, None while its model is missing, and the preferences as they were given.

    prefix: of the widgets' keys.
    """
    stored = resources.preferences(context)
    left, right = st.columns(2, gap="medium", vertical_alignment="bottom")
    with left:
        choice, notes = model_picker.pick(context, stored)
    with right.expander("Preferences for this text", icon=":material/tune:"):
        wanted = preferences.fields(stored, prefix)
    spent, limit = resources.spending(context).spent(context.user.name), context.settings.studio_budget_usd
    st.caption(escaping.label(" ".join([f"Spent today: ${spent:.4f} of ${limit:.2f}; local models are free.", *notes])))
    return choice, wanted


def order(context: StudioContext, choice: ModelChoice, wanted: dict[str, object]) -> Order | None:
    """What is asked for; None if the preferences are refused, which is shown. Raises NotAllowedError."""
    context.user.require("writer")
    given = preferences.checked(context, wanted)
    if given is None:
        return None
    settings = choice.settings(context.settings, resources.openai_key(context))
    return Order(settings, given, resources.spending(context).account(context.user.name))
