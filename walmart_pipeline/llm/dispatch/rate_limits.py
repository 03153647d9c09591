"""Rate limits of an endpoint: configured by the user, announced by the server, learned from its refusals."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from walmart_pipeline.llm.calls import Quota
from walmart_pipeline.llm.ledger_claims import Want

MINUTE = 60.0

# Until the first answers: English has about four characters a token, and a listing some 400 tokens.
CHARACTERS_PER_TOKEN, ANSWER_TOKENS = 4.0, 400.0
# Share of the newest answer in the running estimate: the last ten or so count.
NEWEST = 0.1
# Sums of estimates come back to zero but for their rounding.
CLOSE = 1e-6

# At first a limit is 6 refusals among 10 calls in a row: of 5 % that are refused by chance, as good as never. Where a
# limit is known, a little above it a small share is refused.
UNKNOWN_LIMIT, KNOWN_LIMIT = (6, 10), (5, 20)
# How far the learned limits are exceeded to find out whether they still hold: by 20 % after ten pauses, by 80 % after
# twenty (after CUBIC, RFC 9438: long near the limit, then quickly away from it).
PROBE_PAUSES, PROBE_SHARE = 10.0, 0.2
# A measured rate is no less than this share of the one before: something else may have held calls back.
LEAST_SHARE = 0.7
# Where the server does not say how long. Doubled with each pause after which nothing got through.
PAUSE_SECONDS, PAUSE_MOST = 1.0, 60.0
# Timers are late by some milliseconds: what was missed within this time is caught up.
CATCH_UP_SECONDS = 0.05


@dataclass(slots=True, eq=False)
class Entry:
    """What one call took of a window."""

    at: float
    amount: float


class Window:
    """At most `limit` within any `seconds`: a log of what was taken, not an average."""

    def __init__(self, limit: float, seconds: float) -> None:
        self.limit = limit
        self._seconds = seconds
        self._taken: deque[Entry] = deque()
        self._sum = 0.0

    def when(self, now: float, amount: float) -> float:
        """When so much can be taken: never of a limit of 0. More than the limit only from an empty window."""
        if self.limit <= 0:
            return math.inf
        excess = self.used(now) + min(amount, self.limit) - self.limit
        if excess <= CLOSE:
            return now
        for entry in self._taken:
            excess -= entry.amount
            if excess <= CLOSE:
                return entry.at + self._seconds
        return self._taken[-1].at + self._seconds

    def used(self, now: float) -> float:
        """What was taken within the time."""
        while self._taken and self._taken[0].at + self._seconds <= now:
            self._sum -= self._taken.popleft().amount
        return self._sum if self._taken else 0.0

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


class ConfiguredLimits:
    """Requests and tokens per minute of one endpoint. Without limits, everything may be sent at once.

    Where workers share an endpoint, `allow` sets this worker's part of its limits.
    """

    def __init__(self, requests_per_minute: int | None, tokens_per_minute: int | None) -> None:
        self._configured = [limit for limit in (requests_per_minute, tokens_per_minute) if limit]
        self._requests: list[Window] = []
        if requests_per_minute:
            # By the second as well: providers refuse a minute's worth that comes at once.
            each_second = math.ceil(requests_per_minute / MINUTE)
            self._requests = [Window(requests_per_minute, MINUTE), Window(each_second, 1.0)]
        self._tokens = Window(tokens_per_minute, MINUTE) if tokens_per_minute else None
        self._characters_per_token = CHARACTERS_PER_TOKEN
        self._answer_tokens = ANSWER_TOKENS

    def wants(self, endpoint: str, now: float) -> list[Want]:
        """The limits that workers share, with what this one uses or may still take."""
        minutes = [*self._requests[:1], *([self._tokens] if self._tokens else [])]
        return [
            Want(
                f"{endpoint} {'tokens' if window is self._tokens else 'requests'} a minute",
                limit,
                max(window.used(now), window.limit),
                counts_seconds=MINUTE,
                is_whole=window is not self._tokens,
            )
            for limit, window in zip(self._configured, minutes, strict=True)
        ]

    def allow(self, allowed: Iterable[float]) -> None:
        """Set what may be taken of each limit of `wants`."""
        parts = iter(allowed)
        if self._requests:
            each_minute, each_second = self._requests
            each_minute.limit = next(parts)
            each_second.limit = math.ceil(each_minute.limit / MINUTE)
        if self._tokens:
            self._tokens.limit = next(parts)

    def estimate(self, characters: int) -> float:
        """Tokens of a request of so many characters with its answer."""
        return characters / self._characters_per_token + self._answer_tokens

    def when(self, now: float, characters: int) -> float:
        """When a request of so many characters may be sent."""
        times = [window.when(now, 1) for window in self._requests]
        if self._tokens:
            times.append(self._tokens.when(now, self.estimate(characters)))
        return max(times, default=now)

    def sent(self, now: float, characters: int) -> Entry | None:
        """A request is sent. What is returned is to be handed to `answered`."""
        for window in self._requests:
            window.take(now, 1)
        return self._tokens.take(now, self.estimate(characters)) if self._tokens else None

    def answered(self, entry: Entry | None, characters: int, prompt_tokens: int, completion_tokens: int) -> None:
        """Replace the estimate by the tokens that were used, and learn from them."""
        if not prompt_tokens:
            return
        if self._tokens and entry:
            self._tokens.correct(entry, prompt_tokens + completion_tokens)
        self._characters_per_token += NEWEST * (characters / prompt_tokens - self._characters_per_token)
        self._answer_tokens += NEWEST * (completion_tokens - self._answer_tokens)


class AnnouncedLimits:
    """The requests and tokens that one endpoint still accepts, by its headers.

    longest: seconds; a reset that is further away is not waited for. The endpoint is asked, and its answer decides.
    """

    def __init__(self, longest: float) -> None:
        self._requests, self._tokens = _Remaining(longest), _Remaining(longest)

    def when(self, now: float, tokens: float) -> float:
        """When a call of so many tokens may be made: infinite until another call has ended."""
        return max(self._requests.when(now, 1), self._tokens.when(now, tokens))

    def sent(self, tokens: float) -> None:
        """A call is made."""
        self._requests.in_flight += 1
        self._tokens.in_flight += tokens

    def ended(self, tokens: float) -> None:
        """A call has ended, in whatever way."""
        self._requests.in_flight -= 1
        self._tokens.in_flight -= tokens

    def update(self, began: float, now: float, quotas: Iterable[Quota]) -> None:
        """Take in the headers of a call that was made at `began`."""
        for quota in quotas:
            remaining = self._requests if quota.unit == "requests" else self._tokens
            remaining.update(began, now, quota)


class _Remaining:
    """What remains of one unit. The calls in flight may take of it too: nobody knows which of them are counted."""

    def __init__(self, longest: float) -> None:
        self._longest = longest
        self.in_flight = 0.0
        self._remaining = self._full = math.inf
        self._reset_at = math.inf
        self._updated_at = self._renewed_at = -math.inf

    def when(self, now: float, amount: float) -> float:
        if now >= self._reset_at:
            self._renewed_at = self._updated_at = now
            self._remaining, self._reset_at = self._full, math.inf
        return now if self.in_flight + min(amount, self._full) <= self._remaining + CLOSE else self._reset_at

    def update(self, began: float, now: float, quota: Quota) -> None:
        # A server may have counted when the call came in; if that window has ended since, its count is outdated.
        if began + quota.reset_seconds <= self._renewed_at:
            return
        # Calls overtake each other. Only one that was made after the last update is sure to know more.
        if began < self._updated_at and quota.remaining >= self._remaining:
            return
        self._updated_at = now
        if quota.reset_seconds > self._longest:
            self._remaining = self._full = self._reset_at = math.inf
            return
        known = 0.0 if math.isinf(self._full) else self._full
        self._full = quota.limit or max(known, quota.remaining + 1)
        self._remaining = quota.remaining
        # Counted from the answer: late by the call's time at most, and never early.
        self._reset_at = now + quota.reset_seconds


class RateLimitEstimator:
    """Slows an endpoint down to the calls per second that its refusals show it to allow.

    A limit is distinguished from refusals by chance by their number. At a limit the endpoint is paused for as long as
    it asks for, and goes on at the rate at which calls got through in the second before; what a token bucket gave on
    top is corrected by the next decision. From there the rate rises, slowly at first, to find out whether the limit
    holds. A limit of calls in flight comes to a rate as well.
    """

    def __init__(self) -> None:
        # Time and number of the calls of the last second; no model server answers more than a thousand in one.
        self._sent: deque[tuple[float, int]] = deque(maxlen=1_000)
        self._refused: deque[int] = deque()  # those among them that were refused
        self._slowed_at = 0  # the first call after the last decision: what was sent before is no news
        self._window: tuple[int, int] | None = None  # first call of the second before a decision, and of its pause
        self._fruitless = 0
        self._pause = PAUSE_SECONDS
        self._paused_until = self._probing_since = self._next = 0.0
        self._rate: float | None = None

    def when(self, now: float) -> float:
        """When the next call may be made."""
        return max(self._paused_until, self._next)

    def sent(self, call: int, now: float) -> None:
        """A call is made; `call` is the endpoint's running number."""
        if self._window:
            self._measure(*self._window)
        self._sent.append((now, call))
        while self._sent[0][0] < now - 1:
            self._sent.popleft()
        if self._rate is not None:
            unused = now - self._next
            if unused > CATCH_UP_SECONDS:  # something else held calls back: no evidence for a higher rate
                self._probing_since = min(now, self._probing_since + unused)
            pauses = max(0.0, now - self._probing_since) / max(self._pause, CATCH_UP_SECONDS)
            probe = 1 + PROBE_SHARE * (pauses / PROBE_PAUSES) ** 2
            self._next = max(self._next, now - CATCH_UP_SECONDS) + 1 / (self._rate * probe)

    def passed(self) -> None:
        """A call got through."""
        self._fruitless = 0

    def refused(self, call: int, next_call: int, now: float, retry_after: float | None) -> None:
        """A call was refused."""
        self._refused.append(call)
        if call < self._slowed_at:
            return
        first = self._sent[0][1] if self._sent else call
        while self._refused and self._refused[0] < first:
            self._refused.popleft()
        refusals, among = UNKNOWN_LIMIT if self._rate is None else KNOWN_LIMIT
        if sum(number > call - among for number in self._refused) < refusals:
            return
        self._pause = min(PAUSE_SECONDS * 2**self._fruitless, PAUSE_MOST) if retry_after is None else retry_after
        self._fruitless += 1
        self._paused_until = self._probing_since = self._next = now + self._pause
        self._slowed_at = next_call
        self._window = first, next_call

    def _measure(self, first: int, end: int) -> None:
        """After a pause, when late refusals have come in."""
        got_through = end - first - sum(first <= number < end for number in self._refused)
        self._rate = max(got_through, 1.0, (self._rate or 0.0) * LEAST_SHARE)
        self._window = None
        self._refused.clear()
