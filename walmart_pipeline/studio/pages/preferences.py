"""The page Preferences: how a user likes texts, which model writes them, and the user's own key."""

from __future__ import annotations

import json
from typing import cast

import streamlit as st
from pydantic import SecretStr, ValidationError

from walmart_pipeline.core.errors import UserError
from walmart_pipeline.generation import preferences
from walmart_pipeline.generation.preferences import READING_LEVELS, TONES, ReadingLevel, Tone, UserPreferences
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.studio import escaping, resources
from walmart_pipeline.studio.context import StudioContext
from walmart_pipeline.studio.pages import model_picker

_NO_CHOICE = "as the writer sees fit"
# Of the session: how often preferences were taken over from a file.
_TAKEN_OVER = "preferences_taken_over"


def page(context: StudioContext) -> None:
    """Draw the page."""
    st.title("Preferences")
    st.caption("For the texts that you ask for on the page Write. The record and the policy come first.")
    stored = resources.preferences(context)
    with st.form("preferences", border=True):
        prefix = f"preferences{st.session_state.get(_TAKEN_OVER, '')}"
        wanted = fields(stored, prefix)
        default = model_picker.default(context, stored, prefix)
        if st.form_submit_button("Save", type="primary"):
            _save(context, wanted, default)
    _download(context)
    _upload(context)
    _key(context)


def fields(stored: UserPreferences, prefix: str) -> dict[str, object]:
    """Draw the inputs for tone, level and words. Returns what they hold. prefix: of the widgets' keys."""
    left, right = st.columns(2)
    tone = left.selectbox(
        "Tone",
        ["", *TONES],
        index=["", *TONES].index(stored.tone),
        format_func=lambda name: TONES.get(name, _NO_CHOICE),
        key=f"{prefix}_tone",
    )
    level = right.selectbox(
        "Reading level",
        ["", *READING_LEVELS],
        index=["", *READING_LEVELS].index(stored.reading_level),
        format_func=lambda name: READING_LEVELS.get(name, _NO_CHOICE),
        key=f"{prefix}_level",
    )
    # A row each: a phone shows them one below the other in this order.
    left, right = st.columns(2)
    use = left.text_area(
        "Words to use",
        "\n".join(stored.words_to_use),
        help="One a line; used where the record supports them.",
        key=f"{prefix}_use",
    )
    avoid = right.text_area(
        "Words to avoid",
        "\n".join(stored.words_to_avoid),
        help="One a line; a word of the product's own name stays.",
        key=f"{prefix}_avoid",
    )
    return {
        "tone": cast("Tone", tone),
        "reading_level": cast("ReadingLevel", level),
        "words_to_use": use.splitlines(),
        "words_to_avoid": avoid.splitlines(),
    }


def checked(context: StudioContext, wanted: dict[str, object]) -> UserPreferences | None:
    """The preferences if policy and form allow them; otherwise the reasons are shown, and there are none."""
    try:
        given = UserPreferences.model_validate(wanted)
    except ValidationError as error:
        reasons = [item["msg"].removeprefix("Value error, ") for item in error.errors()]
    else:
        reasons = preferences.refusals(given, resources.judge(context.settings.policy))
        if not reasons:
            return given
    for reason in reasons:
        st.error(escaping.label(reason), icon=":material/block:")
    return None


def _save(context: StudioContext, wanted: dict[str, object], default: str) -> None:
    context.user.require("writer")
    given = checked(context, wanted | {"default_provider": default})
    if given:
        context.store.save_preferences(context.user.name, given.model_dump())
        st.success("Saved.", icon=":material/check:")


def _download(context: StudioContext) -> None:
    stored = resources.preferences(context)
    exported = {"user": context.user.name, "preferences": stored.model_dump()}
    st.download_button(
        "Download user_preferences.json",
        json.dumps(exported, ensure_ascii=False, indent=2),
        "user_preferences.json",
        "application/json",
        icon=":material/download:",
        on_click="ignore",
    )


def _upload(context: StudioContext) -> None:
    with st.expander("Take preferences over from a file", icon=":material/upload:"):
        st.file_uploader("user_preferences.json", ["json"], key="preferences_file", max_upload_size=1)
        is_given = st.session_state.get("preferences_file") is not None
        # A callback, because the fields above are drawn before.
        st.button("Take over", disabled=not is_given, on_click=_take_over, args=(context,))
    if problem := st.session_state.pop("preferences_problem", None):
        st.error(escaping.label(problem), icon=":material/block:")


def _take_over(context: StudioContext) -> None:
    try:
        context.user.require("writer")
        given = from_file(st.session_state["preferences_file"].getvalue(), resources.judge(context.settings.policy))
        context.store.save_preferences(context.user.name, given.model_dump())
    except UserError as error:
        st.session_state["preferences_problem"] = str(error)
        return
    # Other fields: the browser would keep what the present ones show.
    st.session_state[_TAKEN_OVER] = st.session_state.get(_TAKEN_OVER, 0) + 1
    st.toast("Taken over.", icon=":material/check:")


def from_file(content: bytes, judge: Judge) -> UserPreferences:
    """The preferences of a downloaded user_preferences.json, whoever's they were. Raises UserError."""
    try:
        given = UserPreferences.model_validate(json.loads(content)["preferences"])
    except ValidationError as error:
        raise UserError(
            "; ".join(f"{'.'.join(map(str, item['loc'])) or 'preferences'}: {item['msg']}" for item in error.errors())
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise UserError("it is no user_preferences.json of the Studio") from error
    if reasons := preferences.refusals(given, judge):
        raise UserError("; ".join(reasons))
    return given


def _key(context: StudioContext) -> None:
    st.header("Your key for OpenAI")
    kept, name = resources.kept_keys(context), context.user.name
    has_key = resources.openai_key(context) is not None
    problem = resources.openai_key_problem(context)
    if problem:
        st.warning(escaping.label(problem), icon=":material/key_off:")
    st.caption(
        "A key is in use; it is never shown again."
        if has_key
        else "Without one, the Studio's own key is used, where there is one."
    )
    # Another widget after each key: no later run of the page has what was typed.
    number = st.session_state.get("typed_keys", 0)
    with st.form("key", clear_on_submit=True, border=True):
        typed = st.text_input("Key", type="password", max_chars=500, autocomplete="off", key=f"typed_key_{number}")
        keep = st.checkbox(
            "Keep it, sealed, for my next sessions",
            disabled=not kept.can_keep,
            help=None if kept.can_keep else "An admin can allow it with WALMART_STUDIO_KEY.",
        )
        if st.form_submit_button("Use this key") and typed.strip():
            context.user.require("writer")
            key = SecretStr(typed.strip())
            resources.use_openai_key(key)
            st.session_state["typed_keys"] = number + 1
            if keep:
                kept.keep(name, "openai", key)
            st.rerun()
    if (has_key or problem) and st.button("Forget my key", icon=":material/delete:"):
        resources.use_openai_key(None)
        kept.forget(name, "openai")
        st.rerun()
