"""Limits, outcomes and usage of the dispatcher."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

from walmart_pipeline.core.records import Completion
from walmart_pipeline.llm.calls import Answer, ErrorClass, Request

# Why a request has no answer: a call's error, or that no call was made. `budget` and `stopped` are never in the ledger.
FailureClass: TypeAlias = ErrorClass | Literal["budget", "stopped"]


@dataclass(frozen=True)
class DispatchLimits:
    """Limits of a run. The first five are for each endpoint by itself.

    concurrency: calls in flight at most; how many there are is learned. call_seconds: how long a call that is served
    may be silent before its first text; where the server does not stream, how long it may take. What calls ahead of it
    in the server's queue may take comes on top. silent_seconds: the same after the first text. attempts: per request,
    for errors that can pass; waiting for a busy or absent endpoint is none. outage_seconds: how long every endpoint may
    give no answer before the rest of the run fails; also the longest wait that an endpoint may ask for. grace_seconds:
    how long calls in flight may take when the run is stopped. weights: by the endpoints' addresses, 1 unless told
    otherwise: where all have room, one of 3 gets three times the calls of one of 1.
    """

    concurrency: int = 64
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    call_seconds: float = 600.0
    silent_seconds: float = 60.0
    attempts: int = 4
    outage_seconds: float = 300.0
    grace_seconds: float = 2.0
    weights: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Outcome of one request: an answer, or an error.

    attempts: of this run. seconds_served: of all its calls, or the ledger's. cost_usd: in this run, including unusable
    answers.
    """

    request: Request
    request_hash: str
    answer: Answer | None
    error_class: FailureClass | None = None
    error: str | None = None
    attempts: int = 0
    seconds_served: float = 0.0
    cost_usd: float = 0.0
    from_ledger: bool = False

    @property
    def completion(self) -> Completion:
        """The outcome as a Completion, with the answer's cost even if it was paid earlier."""
        answer = self.answer or Answer("")
        return Completion(
            request_hash=self.request_hash,
            provider=self.request.provider,
            model=self.request.model,
            prompt_version=self.request.prompt_version,
            status="complete" if self.answer else "failed",
            text=answer.text,
            error=self.error,
            prompt_tokens=answer.prompt_tokens,
            completion_tokens=answer.completion_tokens,
            seconds=self.seconds_served,
            cost_usd=answer.cost_usd,
        )


class Usage(NamedTuple):
    """What a run has used."""

    prompt_tokens: int
    completion_tokens: int
    cost_usd: float
