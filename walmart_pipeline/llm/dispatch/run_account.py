"""The budget of a run that several workers spend."""

from __future__ import annotations

from walmart_pipeline.llm.ledger import Ledger

# Share of the budget that a worker draws at a time and has at hand: so much at most, and what was reserved for its
# calls, counts as spent after a kill.
CHUNK = 0.02


class RunAccount:
    """One worker's view of its run's budget; see Account. It draws in chunks, not for each call."""

    def __init__(self, ledger: Ledger, run_id: str, limit_usd: float) -> None:
        self._ledger, self._run_id, self._limit = ledger, run_id, limit_usd
        self._drawn = self._used = 0.0

    @property
    def reached(self) -> str:
        """Why nothing more is reserved."""
        return (
            f"the budget of {self._limit:.2f} USD is reached: {self._ledger.drawn(self._run_id):.4f} USD are spent or "
            "reserved by all workers of this run, and the next call could cost more than what is left"
        )

    def reserve(self, usd: float) -> bool:
        """See Account."""
        short = self._used + usd - self._drawn
        if short > 0 and not (self._draw(max(short, self._limit * CHUNK)) or self._draw(short)):
            return False
        self._used += usd
        return True

    def settle(self, reserved_usd: float, cost_usd: float) -> None:
        """See Account."""
        self._used += cost_usd - reserved_usd
        at_hand = self._drawn - self._used
        if at_hand > 2 * CHUNK * self._limit:
            self._draw(CHUNK * self._limit - at_hand)

    def close(self) -> None:
        """Give back what was not spent; what was spent beyond it is drawn too, whatever the limit."""
        if self._drawn != self._used:
            self._ledger.draw(self._run_id, self._used - self._drawn, float("inf"))
            self._drawn = self._used

    def _draw(self, usd: float) -> bool:
        drawn = self._ledger.draw(self._run_id, usd, self._limit)
        if drawn:
            self._drawn += usd
        return drawn
