"""When a failed call is made again.

Belongs here: the delay before a request's next attempt. Does not: whether its endpoint is up or refuses
(circuit_breaker.py, rate_limit_estimator.py).
"""

from __future__ import annotations

from random import Random

from walmart_pipeline.llm.calls import CallError

# A server error passes within a second, or takes the endpoint's breaker; waits longer than 20 s gain nothing then.
FIRST_SECONDS, MOST_SECONDS = 0.5, 20.0
# A refusal that names no time: a busy server frees a place with each answer.
REFUSED_SECONDS = 1.0


def delay(error: CallError, attempts: int, chance: Random) -> float:
    """Seconds until the next attempt. attempts: those made, of which this error ended the last.

    Full jitter over the upper half, so that requests that failed together do not come back together.
    """
    if error.error_class == "malformed":
        return 0.0  # nothing has to recover: the next answer is another one
    if error.error_class == "refused":
        least = REFUSED_SECONDS if error.retry_after is None else error.retry_after
        # Never earlier than told; a little later, as all that were refused together were told the same.
        return least * chance.uniform(1.0, 1.1)
    if error.error_class == "unreachable":
        return FIRST_SECONDS * chance.uniform(0.1, 0.5)  # the breaker decides; another endpoint may take it
    return min(MOST_SECONDS, FIRST_SECONDS * 2.0 ** max(0, attempts - 1)) * chance.uniform(0.5, 1.0)
