"""Shows text of products and people as it is: never as HTML, Markdown, LaTeX, an icon or a link.

Streamlit reads Markdown in every label, caption and message. Use `label` there, and `markup` in `st.html`.
"""

from __future__ import annotations

import html
import re

# What Markdown lets a backslash take the meaning from.
_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
# Streamlit replaces :smile:, (c) and --> and links www.… and a@b.c even when they are escaped: a word joiner, which has
# no width, takes them apart.
_SHORTCUTS = re.compile(r"(\\[:@)>-]|www(?=\\\.))")
_LINE_BREAKS = re.compile(r"\s*[\r\n\u2028\u2029\x85\v\f]\s*")
_WORD_JOINER = "\u2060"


def label(text: object) -> str:
    """Return a text as one line for a label, caption, message or any other Markdown of Streamlit."""
    line = _LINE_BREAKS.sub(" ", str(text)).replace("\x00", "").strip()
    return _SHORTCUTS.sub(rf"\1{_WORD_JOINER}", _PUNCTUATION.sub(r"\\\1", line))


def markup(text: object) -> str:
    """Return a text for `st.html`, also inside an attribute in double quotes."""
    return html.escape(str(text), quote=True)
