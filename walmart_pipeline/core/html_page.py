"""Templates of self-contained pages and summaries, which share one style."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment

# `style.html.j2`, which pages include.
SHARED = Path(__file__).parent / "templates"


def environment(folder: Path, **options: Any) -> Environment:
    """Create the environment of the templates in a folder. options: of jinja2.Environment; say how values are escaped.

    `finalize` or `autoescape` is required: values come from a catalog.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(  # noqa: S701 - the caller decides
        loader=FileSystemLoader([folder, SHARED]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        **options,
    )
