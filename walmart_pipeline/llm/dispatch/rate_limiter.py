"""Requests and tokens per minute, as the user or the provider's contract limits them.

Belongs here: limits that are known. Does not: limits that the endpoint tells (announced_limits.py) or shows
(rate_limit_estimator.py).
"""

from __future__ import annotations

import math
from collections import deque

from walmart_pipeline.llm.calls import Request

MINUTE = 60.0

# Until the first answers tell: English has about four characters a token, and a listing some 400 tokens.
CHARACTERS_PER_TOKEN, ANSWER_TOKENS = 4.0, 400.0
# Share of the newest answer in the running estimate: the last ten or so count.
NEWEST = 0.1


class Entry:
    """What one call took of a window."""

    __slots__ = ("amount", "at")

    def __init__(self, at: float, amount: float) -> None:
        self.at = at
        self.amount = amount


class Window:
    """At most `limit` within any `seconds`: a log of what was taken, not an average."""

    def __init__(self, limit: float, seconds: float) -> None:
        self._limit = limit
        self._seconds = seconds
        self._taken: deque[Entry] = deque()
        self._sum = 0.0

    def when(self, now: float, amount: float) -> float:
        """When so much can be taken. More than the limit can be taken only from an empty window."""
        while self._taken and self._taken[0].at + self._seconds <= now:
            self._sum -= self._taken.popleft().amount
        excess = self._sum + min(amount, self._limit) - self._limit
        if excess <= 1e-9:
            return now
        for entry in self._taken:
            excess -= entry.amount
            if excess <= 1e-9:
                return entry.at + self._seconds
        return self._taken[-1].at + self._seconds

    def take(self, now: float, amount: float) -> Entry:
        """Take it, whether there is room or not; `correct` later if it was another amount."""
        entry = Entry(now, amount)
        self._taken.append(entry)
        self._sum += amount
        return entry

    def correct(self, entry: Entry, amount: float) -> None:
        """The call took this much. An entry that has left the window changes nothing."""
        if self._taken and entry.at >= self._taken[0].at:
            self._sum += amount - entry.amount
            entry.amount = amount


class Rates:
    """The limits of one endpoint. Without limits, everything may go at once."""

    def __init__(self, requests_per_minute: int | None, tokens_per_minute: int | None) -> None:
        self._requests: list[Window] = []
        if requests_per_minute:
            # By the second as well: providers refuse a minute's worth that comes at once.
            each_second = math.ceil(requests_per_minute / MINUTE)
            self._requests = [Window(requests_per_minute, MINUTE), Window(each_second, 1.0)]
        self._tokens = Window(tokens_per_minute, MINUTE) if tokens_per_minute else None
        self._characters_per_token = CHARACTERS_PER_TOKEN
        self._answer_tokens = ANSWER_TOKENS

    def estimate(self, characters: int) -> float:
        """Tokens of a request of so many characters with its answer."""
        return characters / self._characters_per_token + self._answer_tokens

    def when(self, now: float, characters: int) -> float:
        """When a request of so many characters may be asked."""
        times = [window.when(now, 1) for window in self._requests]
        if self._tokens:
            times.append(self._tokens.when(now, self.estimate(characters)))
        return max(times, default=now)

    def asked(self, now: float, characters: int) -> Entry | None:
        """A request is asked. What is returned is to be handed to `answered`."""
        for window in self._requests:
            window.take(now, 1)
        return self._tokens.take(now, self.estimate(characters)) if self._tokens else None

    def answered(self, entry: Entry | None, characters: int, prompt_tokens: int, completion_tokens: int) -> None:
        """Put the tokens that were used in the place of the estimate, and learn from them."""
        if not prompt_tokens:
            return
        if self._tokens and entry:
            self._tokens.correct(entry, prompt_tokens + completion_tokens)
        self._characters_per_token += NEWEST * (characters / prompt_tokens - self._characters_per_token)
        self._answer_tokens += NEWEST * (completion_tokens - self._answer_tokens)


def characters(request: Request) -> int:
    """Characters of all turns."""
    return sum(len(message.content) for message in request.messages)
