"""Requests for a listing: the first one, and the repair that lists the problems of the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from typing import Any

from walmart_pipeline.core.records import Product, Violation, content_hash
from walmart_pipeline.generation import prompt
from walmart_pipeline.generation.recipes import Turns
from walmart_pipeline.judge.policy.schema import Limits
from walmart_pipeline.llm import token_counts
from walmart_pipeline.llm.calls import Message, Purpose, Request

# A longer list would repeat the rules.
COMPLAINTS_AT_MOST = 8


@dataclass(frozen=True)
class ListingPrompt:
    """Model, task, schema and parameters that all requests of a run share.

    examples: few-shot turns between the task and the product. is_built: the model contains task, examples and
    parameters; a system message would replace them. preferences: of the user that the texts are written for.
    """

    provider: str
    model: str
    digest: str | None
    system: str
    schema: Mapping[str, Any]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    examples: tuple[Turns, ...] = ()
    is_built: bool = False
    preferences: Mapping[str, str] = field(default_factory=dict)
    purpose: Purpose = "listing"

    @cached_property
    def version(self) -> str:
        """Hash (8 hex digits) of task, examples, schema and parameters; another version requires new texts."""
        shown = [turns.model_dump() for turns in self.examples]
        return content_hash([prompt.VERSION, self.system, shown, self.schema, dict(self.parameters)])[:8]

    @cached_property
    def opening(self) -> tuple[Message, ...]:
        """The messages before the product's."""
        if self.is_built:
            return ()
        shown = [(Message("user", turns.user), Message("assistant", turns.assistant)) for turns in self.examples]
        return (Message("system", self.system), *chain.from_iterable(shown))

    @property
    def opening_characters(self) -> int:
        """Length of the messages before the product's."""
        return sum(len(message.content) for message in self.opening)


# A weak model does not end a list or a text: 8 of 20 listings of SmolLM2-135M ran on until they were cut. Six
# characters a word are enough for the required words of a description; larger models may write twice as many.
CHARACTERS_PER_WORD = 6
SMALL_DESCRIPTION, SMALL_LIST, LIST = 1_300, 7, 10


def listing_schema(limits: Limits, *, small_model: bool = False) -> dict[str, Any]:
    """JSON schema of a Listing with bounds for each text and list."""
    text: dict[str, Any] = {"type": "string"}
    title = text | {"minLength": limits.title_min, "maxLength": limits.title_max}
    feature = text | {"minLength": 10, "maxLength": limits.feature_max_chars}
    keyword = text | {"minLength": 3, "maxLength": 40}
    shortest = limits.description_min_words * CHARACTERS_PER_WORD
    longest = max(shortest, SMALL_DESCRIPTION) if small_model else 2 * shortest
    longest = min(longest, limits.description_max_chars)
    description = text | {"minLength": min(shortest, longest), "maxLength": longest}
    most = min(limits.features_max, SMALL_LIST) if small_model else limits.features_max
    properties = {
        "title": title,
        "key_features": {"type": "array", "items": feature, "minItems": limits.features_min, "maxItems": most},
        "description": description,
        "seo_keywords": {"type": "array", "items": keyword, "maxItems": SMALL_LIST if small_model else LIST},
    }
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def answer_tokens(schema: Mapping[str, Any]) -> int:
    """Estimated tokens of the longest answer that a schema of strings and lists of strings allows."""
    characters = 0
    for name, part in schema["properties"].items():
        item, many = (part["items"], part["maxItems"]) if part["type"] == "array" else (part, 1)
        characters += len(name) + many * (item["maxLength"] + len('"", '))
    return token_counts.estimate(characters)


def first(shared: ListingPrompt, product: Product, revision: int) -> Request:
    """The request for a product's listing, with the product's facts as JSON in the user's turn."""
    facts = prompt.facts(product, shared.preferences)
    return Request(
        product_id=product.product_id,
        provider=shared.provider,
        model=shared.model,
        digest=shared.digest,
        prompt_version=shared.version,
        messages=(*shared.opening, Message("user", prompt.as_json(prompt.user(facts)))),
        schema=shared.schema,
        parameters=shared.parameters,
        revision=revision,
        purpose=shared.purpose,
    )


def repair(request: Request, answer: str, complaints: Sequence[str]) -> Request:
    """The request followed by its answer and the answer's problems."""
    listed = "\n".join(f"- {complaint}" for complaint in complaints[:COMPLAINTS_AT_MOST])
    again = f"That answer can't be published:\n{listed}\nAnswer again with the whole JSON object, and mend this."
    messages = (*request.messages, Message("assistant", answer), Message("user", again))
    return replace(request, messages=messages, purpose="repair")


def complaint(violation: Violation) -> str:
    """A violation as an instruction to the writer."""
    quoted = f' ("{violation.evidence[:80]}")' if violation.evidence else ""
    return f"{violation.field}: {violation.message}{quoted}"
