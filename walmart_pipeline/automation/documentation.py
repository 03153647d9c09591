"""The manual as a page that works without the internet, and what links to it from Dagster's UI; tags."""

from __future__ import annotations

import re
from importlib import metadata
from itertools import pairwise

import dagster as dg

from walmart_pipeline.automation.jobs import RETRAINED
from walmart_pipeline.core.settings import CHECKOUT, Settings
from walmart_pipeline.resources import WAREHOUSE_POOL

PAGE = "/docs"
# The section of the README about each group of assets.
SECTIONS = {
    "sources": "your-own-catalog",
    "catalog": "your-own-catalog",
    "content": "providers",
    "quality": "the-judge",
    "training": "training-data-and-models",
    "models": "training-data-and-models",
    "evaluation": "training-data-and-models",
    "delivery": "walmarts-item-feed",
    "insights": "it-runs-by-itself",
}
STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a}"
    "pre,code{background:#f3f4f6;border-radius:4px}pre{padding:.8rem;overflow:auto}"
    "td,th{border:1px solid #d4d4d8;padding:.3rem .6rem;vertical-align:top}table{border-collapse:collapse}"
)


def with_documentation(spec: dg.AssetSpec, settings: Settings) -> dg.AssetSpec:
    """Add the address of the manual's section."""
    url = f"{settings.reports_url.rstrip('/')}{PAGE}#{SECTIONS[str(spec.group_name)]}"
    return spec.merge_attributes(metadata={"documentation": dg.MetadataValue.url(url)})


def tags(spec: dg.AssetSpec, pool: str | None) -> dict[str, str]:
    """Tags to search by in the catalog: the run that makes it, and whether that may call a model."""
    made_by = "retrain" if spec.key.to_user_string() in RETRAINED else "nightly"
    return {"made_by": made_by} | ({} if pool == WAREHOUSE_POOL else {"may_spend": "model_calls"})


def page() -> str:
    """The README as HTML, with a name for each heading. Links and pictures that lead to files are left out."""
    from markdown_it import MarkdownIt

    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = markdown.parse(_readme())
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open":
            opening.attrSet("id", slug(inline.content))
        for child in inline.children or ():
            if child.type == "image":
                child.type, child.content, child.tag = "text", "", ""
            elif child.type == "link_open" and "://" not in str(child.attrGet("href")):
                child.attrs = {}
    body = markdown.renderer.render(tokens, markdown.options, {})
    return f'<!doctype html><meta charset="utf-8"><title>walmart_pipeline</title><style>{STYLE}</style>{body}'


def slug(heading: str) -> str:
    """The name of a heading in an address, as GitHub forms it: `Walmart's item feed` is walmarts-item-feed."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _readme() -> str:
    if CHECKOUT:
        return (CHECKOUT / "README.md").read_text(encoding="utf-8")
    return str(metadata.metadata("walmart-pipeline").get_payload())  # type: ignore[attr-defined] # typeshed's protocol
