"""A product that a user writes for: the versions of its text, and how one of them is saved."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace
from typing import Any

from walmart_pipeline.core.errors import UserError
from walmart_pipeline.core.records import Completion, Listing, Product
from walmart_pipeline.generation.preferences import UserPreferences
from walmart_pipeline.reviews import edits
from walmart_pipeline.reviews.store import Decision, ReviewStore, SavedText
from walmart_pipeline.stages.content.single_product import Written
from walmart_pipeline.studio.access import User
from walmart_pipeline.studio.writing import Writing


@dataclass(frozen=True)
class TextVersion:
    """One text of a product. completion: of the model's answer; None for the text that the catalog has.

    follows: whether its writer was told the preferences; the template writer is not.
    """

    listing: Listing
    author: str
    completion: Completion | None = None
    preferences: UserPreferences = field(default_factory=UserPreferences)
    is_edit: bool = False
    follows: bool = True

    @classmethod
    def written(cls, written: Written, given: UserPreferences, *, follows: bool = True) -> TextVersion:
        """An answer that was asked for. given: the preferences that it was asked for by."""
        if written.listing is None:
            raise ValueError("a version needs a text: show the completion's error instead")
        author, completion = written.completion.written_by.partition("@")[0], written.completion
        # The template writer's text may stand in for a model's.
        return cls(written.listing, author, completion, given, follows=follows and not completion.fallback)

    def edited(self, listing: Listing) -> TextVersion:
        """This text as the user changed it."""
        return replace(self, listing=listing, author=f"{self.author}, edited", is_edit=True)


@dataclass
class Draft:
    """The product that a session works on.

    facts_hash, content_hash: of the record and the text that the catalog had. seen: how many decisions about the
    product the user knew of; None for a product outside the catalog. is_wanted: a first text is to be asked for. asked:
    how many texts came.
    """

    product: Product
    facts_hash: str | None = None
    content_hash: str | None = None
    seen: int | None = None
    versions: list[TextVersion] = field(default_factory=list)
    writing: Writing | None = None
    is_wanted: bool = False
    asked: int = 0
    draft_id: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def is_in_catalog(self) -> bool:
        """Whether a saved text is an edit that the pipeline takes over."""
        return self.seen is not None


def save(store: ReviewStore, user: User, draft: Draft, version: TextVersion) -> None:
    """Save a version: as this user's edit of a product of the catalog, else among the user's saved texts.

    Raises UserError for a text that the pipeline would not take, and ConflictError if somebody else decided meanwhile.
    """
    user.require("writer")
    listing = version.listing
    if problem := edits.problem(listing):
        raise UserError(problem)
    told = version.preferences.for_prompt() if version.follows else {}
    if draft.seen is None:
        origin: dict[str, Any] = {"product": draft.product.model_dump(mode="json"), "user_preferences": told}
        if version.completion:
            origin |= version.completion.model_dump(include={"provider", "model", "prompt_version", "request_hash"})
        store.save_text(SavedText(product_id=None, author=user.name, listing=listing, origin=origin))
    else:
        product_id = draft.product.product_id
        decision = Decision(
            product_id=product_id,
            content_hash=draft.content_hash,
            facts_hash=draft.facts_hash,
            action="edit",
            author=user.name,
            listing=listing,
            user_preferences=told,
        )
        store.decide([decision], seen={product_id: draft.seen})
        # The user's own edit is no news to the user.
        draft.seen += 1
        draft.content_hash = listing.content_hash
    if version not in draft.versions:
        draft.versions.append(version)
