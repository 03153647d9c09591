"""A call to a model: the request, the answer, what can go wrong, and the client that makes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias

from walmart_pipeline.core.errors import UserError
from walmart_pipeline.core.records import content_hash

Role: TypeAlias = Literal["system", "user", "assistant"]

# What can pass by itself, and what cannot. `refused` and `unreachable` say something about the endpoint, not about the
# request: they are waited out and cost the request none of its attempts.
ErrorClass: TypeAlias = Literal[
    "refused",  # 429, or 503 of a busy server: asked again after Retry-After, outside the retry budget
    "unreachable",  # no connection: the endpoint's circuit breaker counts it
    "dropped",  # the connection closed before the answer was whole
    "timeout",  # connect, read or total
    "server",  # 5xx
    "malformed",  # the answer is not the JSON that was asked for
    "cut",  # the answer ran to max_tokens or repeated itself: asked once in a run
    "rejected",  # 400 and other 4xx: this request can't be answered; asked once
    "unauthorized",  # 401, 403: no request can be answered with this key
    "missing_model",  # 404: no request can be answered with this model
    "too_long",  # the context does not hold the request
    "declined",  # the model refused to answer (OpenAI's `refusal`, a content filter)
]
PASSING: frozenset[ErrorClass] = frozenset(("dropped", "timeout", "server", "malformed"))
WAITED_OUT: frozenset[ErrorClass] = frozenset(("refused", "unreachable"))
# Of these, every further request would fail alike: the run stops asking that endpoint.
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
    # Counts the times that somebody wanted another answer to the same question: a refresh is a question of its own.
    revision: int = 0

    @property
    def characters(self) -> int:
        """Length of all messages."""
        return sum(len(message.content) for message in self.messages)

    @property
    def request_hash(self) -> str:
        """32 hex digits over provider, model, digest, parameters, schema, messages and revision: the ledger's key."""
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
    """A complete answer: the raw text, and what it cost.

    quotas: the limits that the endpoint announced with it. seconds_waited: how long the call was in the server's queue,
    where the server reports it.
    """

    text: str
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float = 0.0
    quotas: tuple[Quota, ...] = field(default=(), compare=False)
    seconds_waited: float | None = field(default=None, compare=False)


class CallError(UserError):
    """A call that gave no complete answer. The message is for a user and holds no secret.

    retry_after: seconds after which the endpoint wants to be asked again, where it names a time.
    billed: the answer that was paid for though it can't be used, so that its cost is counted.
    quotas: the limits that the endpoint announced with the error.
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
    """One model at one endpoint."""

    @property
    def provider(self) -> str:
        """Such as `ollama`."""
        ...

    @property
    def model(self) -> str:
        """The model's name, as the endpoint knows it."""
        ...

    @property
    def endpoint(self) -> str:
        """Its address without secrets: shown to users and stored in the ledger."""
        ...

    async def digest(self) -> str | None:
        """Digest of the model's weights, where the endpoint reports one: another digest is another model."""
        ...

    async def complete(self, request: Request, on_text: OnText | None = None) -> Answer:
        """One whole answer. Raises CallError; never retries by itself.

        on_text: called with each piece of the text as it is written, by a client that streams. An answer may still turn
        out incomplete after its last piece. The caller bounds the time: a call waits for as long as the server does.
        """
        ...

    async def models(self) -> list[str]:
        """The models that the endpoint offers. Raises CallError."""
        ...

    async def close(self) -> None:
        """Let go of connections and memory."""
        ...


class Watcher(Protocol):
    """Follows answers while they are written; called in the thread that makes the calls."""

    def asked(self, request: Request) -> None:
        """A call is made; the pieces up to the next one are of its answer."""
        ...

    def piece(self, text: str) -> None:
        """More of the answer's text. The answer may turn out incomplete, and be asked for again."""
        ...
