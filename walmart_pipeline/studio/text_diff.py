"""Two listings side by side as HTML, with the words that differ marked."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

from walmart_pipeline.core.records import Listing
from walmart_pipeline.judge.claims import fields_of
from walmart_pipeline.studio.escaping import markup

STYLE = """<style>
.diff { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 0.4rem 1.5rem; line-height: 1.6; }
.diff h3 { margin: 0; padding: 0; font-size: 0.8rem; font-weight: 600; grid-column: 1 / -1; }
.diff p { margin: 0 0 0.5rem; overflow-wrap: anywhere; }
.diff .side { font-weight: 600; }
.diff del { background: rgba(224, 60, 60, 0.22); text-decoration: line-through; }
.diff ins { background: rgba(34, 160, 84, 0.25); text-decoration: underline; }
</style>"""

_WORDS = re.compile(r"\s+|\w+|[^\w\s]")


def diff_html(before: Listing, after: Listing, names: tuple[str, str]) -> str:
    """Both listings, field by field. names: of the two sides."""
    left, right = dict(fields_of(before)), dict(fields_of(after))
    cells = [f'<p class="side">{markup(name)}</p>' for name in names]
    for field in dict.fromkeys([*_in_order(left), *_in_order(right)]):
        old, new = _marked(left.get(field, ""), right.get(field, ""))
        if old or new:
            cells += [f"<h3>{_heading(field)}</h3>", f"<p>{old}</p>", f"<p>{new}</p>"]
    return f'{STYLE}<div class="diff">{"".join(cells)}</div>'


def _in_order(fields: dict[str, str]) -> list[str]:
    kinds = ["title", "key_features", "description", "seo_keywords"]
    return sorted(fields, key=lambda field: kinds.index(field.partition("[")[0]))


def _heading(field: str) -> str:
    kind, _, number = field.partition("[")
    names = {"title": "Title", "key_features": "Feature", "description": "Description", "seo_keywords": "Search"}
    return f"{names[kind]} {int(number.rstrip(']')) + 1}" if number else names[kind]


def _marked(before: str, after: str) -> tuple[str, str]:
    """Both texts, escaped, with what only one of them has."""
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    left, right = [], []
    for kind, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        removed, added = markup("".join(old[a:b])), markup("".join(new[c:d]))
        left.append(removed if kind == "equal" or not removed else f"<del>{removed}</del>")
        right.append(added if kind == "equal" or not added else f"<ins>{added}</ins>")
    return "".join(left).replace("\n\n", "<br><br>"), "".join(right).replace("\n\n", "<br><br>")
