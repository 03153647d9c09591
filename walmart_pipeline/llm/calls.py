"""Model calls: requests, answers, errors, and the protocol of clients."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias

from walmart_pipeline.core.errors import UserError
from walmart_pipeline.core.records import content_hash

Role: TypeAlias = Literal["system", "user", "assistant"]

# A product id, and the id of the batch with the product's request.
Deferred: TypeAlias = tuple[str, str]

# What a call is for: a product's text, its repair, a model that is tried out, or a model that judges.
Purpose: TypeAlias = Literal["listing", "repair", "trial", "rating", "fact check"]

# `refused` and `unreachable` are about the endpoint, not the request: they count as no attempt.
ErrorClass: TypeAlias = Literal[
    "refused",  # 429, or 503 of a busy server: retried after Retry-After
    "unreachable",  # no connection: the endpoint's circuit breaker counts it
    "dropped",  # the connection closed before the answer was whole
    "timeout",  # connect, read or total
    "server",  # 5xx
    "malformed",  # the answer does not match the schema
    "cut",  # the answer ran to max_tokens or repeated itself: no retry in the same run
    "rejected",  # 400 and other 4xx: this request can't be answered; no retry
    "unauthorized",  # 401, 403: no request can be answered with this key
    "missing_model",  # 404: no request can be answered with this model
    "too_long",  # the request exceeds the context
    "declined",  # the model refused to answer (OpenAI's `refusal`, a content filter)
]
PASSING: frozenset[ErrorClass] = frozenset(("dropped", "timeout", "server", "malformed"))
WAITED_OUT: frozenset[ErrorClass] = frozenset(("refused", "unreachable"))
# All requests would fail alike: the run stops using that endpoint.
FATAL: frozenset[ErrorClass] = frozenset(("unauthorized", "missing_model"))


@dataclass(frozen=True)
class Message:
    """One turn of a conversation."""

    role: Role
    content: str


@dataclass(frozen=True)
class Request:
    """A request to a model. Equal requests to the same model have the same hash."""

    product_id: str
    provider: str
    model: str
    digest: str | None
    prompt_version: str
    messages: tuple[Message, ...]
    schema: Mapping[str, Any] | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    # Number of times that another answer to the same messages was requested; part of the hash.
    revision: int = 0
    # For statistics; not part of the hash.
    purpose: Purpose = "listing"

    @property
    def characters(self) -> int:
        """Length of all messages."""
        return sum(len(message.content) for message in self.messages)

    @property
    def request_hash(self) -> str:
        """Hash of provider, model, digest, parameters, schema, messages and revision: the ledger's key."""
        turns = [[message.role, message.content] for message in self.messages]
        return content_hash(
            [self.provider, self.model, self.digest, dict(self.parameters), self.schema, turns, self.revision]
        )


@dataclass(frozen=True, slots=True)
class Quota:
    """Requests or tokens that an endpoint still accepts until its window resets."""

    unit: Literal["requests", "tokens"]
    remaining: float
    reset_seconds: float
    limit: float | None = None


@dataclass(frozen=True)
class Answer:
    """A complete answer with its raw text, tokens and cost.

    quotas: announced with it by the endpoint. seconds_waited: in the server's queue, if the server reports it.
    """

    text: str
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float = 0.0
    quotas: tuple[Quota, ...] = field(default=(), compare=False)
    seconds_waited: float | None = field(default=None, compare=False)


class CallError(UserError):
    """A call without a usable answer. The message is for a user and contains no secret.

    retry_after: seconds, if the endpoint names a time. billed: an unusable answer that was paid for. quotas: announced
    with the error by the endpoint.
    """

    def __init__(
        self, error_class: ErrorClass, message: str, *, retry_after: float | None = None, billed: Answer | None = None
    ) -> None:
        super().__init__(message)
        self.error_class = error_class
        self.retry_after = retry_after
        self.billed = billed
        self.quotas: tuple[Quota, ...] = ()


OnText: TypeAlias = Callable[[str], object]


class Client(Protocol):
    """One model at one endpoint.

    model: its name there. endpoint: the address without secrets, shown to users and stored in the ledger.
    """

    model: str
    endpoint: str

    async def digest(self) -> str | None:
        """Digest of the model's weights, if the endpoint reports one."""

    async def complete(self, request: Request, on_text: OnText | None = None) -> Answer:
        """Return the complete answer. Never retries and has no timeout for the answer. Raises CallError.

        on_text: called with each piece of a streamed answer, which may still turn out to be incomplete.
        """

    async def models(self) -> list[str]:
        """Names of the endpoint's models. Raises CallError."""

    async def close(self) -> None:
        """Release connections and memory."""


class Watcher(Protocol):
    """Follows streamed answers; called in the thread that makes the calls."""

    def call_started(self, request: Request) -> None:
        """A call was made; the pieces up to the next one belong to its answer."""

    def piece(self, text: str) -> None:
        """More of the answer's text. The answer may turn out incomplete, and be requested again."""
