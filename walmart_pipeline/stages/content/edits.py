"""Texts that reviewers wrote: into `content.generated_content`, where they are judged, exported and learned from.

Belongs here: putting an edit in the place of a text, and what it replaced (`content.edits`). Does not: reading files
(edit_files.py), or when the plan may write over one (planning.py).
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, TypeAlias

from walmart_pipeline.core.records import Listing, Record
from walmart_pipeline.core.warehouse import Database, struct
from walmart_pipeline.generation import parsing

# Who wrote it, where a provider's name stands.
REVIEWER = "reviewer"

Kept: TypeAlias = Literal["kept", "unchanged"]

CURRENT = f"""
select
    products.facts_hash,
    coalesce(content.revision, 0) as revision,
    content.provider,
    content.model,
    content.content_hash,
    case when content.status = 'complete' then {struct("content", Listing)} end as listing
from catalog.products
left join content.generated_content as content using (product_id)
where products.product_id = $product_id
"""


class EditError(ValueError):
    """An edit can't be kept; the message says why."""


class Edit(Record):
    """A listing as a reviewer wants it."""

    product_id: str
    listing: Listing
    reviewer: str
    comment: str = ""
    edited_at: datetime


def keep(db: Database, edit: Edit) -> Kept:
    """Put a reviewer's text in the place of the product's. `unchanged`: it is the text that the product has.

    Raises EditError for a product that is not in the catalog, and for a listing without title and description.
    """
    current = next(iter(db.query(CURRENT, {"product_id": edit.product_id})), None)
    if current is None:
        raise EditError(f"there is no product {edit.product_id}: correct product_id")
    if blank := [name for name in ("title", "description") if not getattr(edit.listing, name).strip()]:
        raise EditError(f"the listing has no {' and no '.join(blank)}: give the whole text")
    text = edit.listing
    if parsing.CONTROL.search("".join([text.title, text.description, *text.key_features, *text.seo_keywords])):
        raise EditError("the listing holds control characters: remove them")
    replaced = Listing(**current["listing"]) if current["listing"] else None
    if replaced == edit.listing:
        return "unchanged"
    written = edit.listing.model_dump() | {
        "product_id": edit.product_id,
        "content_hash": edit.listing.content_hash,
        "facts_hash": current["facts_hash"],
    }
    by = {"provider": REVIEWER, "model": edit.reviewer, "prompt_version": REVIEWER, "generated_at": edit.edited_at}
    # Of the text before, so that a rejected edit is asked for as a question that was not asked yet.
    by |= {"status": "complete", "revision": current["revision"], "parser_version": parsing.VERSION}
    by |= {"written_by": edit.reviewer}
    db.upsert("content.generated_content", [written | by | {"seconds": 0.0, "cost_usd": 0.0}], ["product_id"])
    kept = {name: written[name] for name in ("product_id", "content_hash", "facts_hash")}
    kept |= edit.model_dump(include={"reviewer", "comment", "edited_at"})
    if replaced:
        kept |= {
            "replaced": replaced.model_dump_json(),
            "replaced_content_hash": current["content_hash"],
            "replaced_provider": current["provider"],
            "replaced_model": current["model"],
        }
    db.append("content.edits", [kept])
    return "kept"
