"""What the dispatcher is told, and what it tells: limits, outcomes, and how far it is.

Belongs here: values that cross between the dispatcher and its caller. Does not: anything that acts on them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from walmart_pipeline.core.records import Completion
from walmart_pipeline.llm.calls import Answer, ErrorClass, Request

# Why a request has no answer: a call's error, or that no call was made. `budget` and `stopped` are never in the ledger.
FailureClass: TypeAlias = ErrorClass | Literal["budget", "stopped"]


@dataclass(frozen=True)
class DispatchLimits:
    """What the dispatcher keeps to. The first four are for each endpoint by itself.

    concurrency: calls at once at most; how many there are is learned. call_seconds: a call's time in all, above the
    client's own limits. attempts: per request, for errors that can pass; waiting for a busy or absent endpoint is none.
    outage_seconds: how long every endpoint may be silent before the rest of the run fails; also the longest wait that
    an endpoint may ask for. grace_seconds: how long calls in flight may take when the run is stopped.
    """

    concurrency: int = 64
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    call_seconds: float = 600.0
    attempts: int = 4
    outage_seconds: float = 300.0
    grace_seconds: float = 30.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one request: an answer, or why there is none.

    attempts: calls of this run that counted as one. seconds: summed over its calls, or the ledger's.
    cost_usd: paid in this run, with the answers that were of no use.
    """

    request: Request
    request_hash: str
    answer: Answer | None
    error_class: FailureClass | None = None
    error: str | None = None
    attempts: int = 0
    seconds_queued: float = 0.0
    seconds_served: float = 0.0
    cost_usd: float = 0.0
    from_ledger: bool = False

    @property
    def completion(self) -> Completion:
        """The outcome as the stages know it. Its cost is that of the answer, whenever it was paid."""
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


@dataclass(frozen=True, slots=True)
class Snapshot:
    """How far a run is. rate: outcomes per second lately; seconds_left: None while there is no total or no rate."""

    done: int
    from_ledger: int
    failed: Mapping[FailureClass, int]
    calls: int
    in_flight: int
    limit: int
    rate: float
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float
    seconds_left: float | None
