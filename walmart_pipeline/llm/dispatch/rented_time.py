"""What a server that is rented by the hour costs: its time with calls in flight, shared among them."""

from __future__ import annotations

HOUR = 3_600


class RentedTime:
    """The rent of one server. Times are the event loop's.

    Calls in flight share each moment's rent equally, so that all shares together are the rent of the time in use. To
    need no visit to every call, a clock of rent per call runs the slower the more calls there are, as in processor
    sharing: a call pays what it advanced meanwhile.
    """

    def __init__(self, usd_per_hour: float) -> None:
        self._usd_per_second = usd_per_hour / HOUR
        self._in_flight = 0
        self._at = 0.0
        self._per_call = 0.0
        self._unsettled = 0.0

    def began(self, now: float) -> float:
        """A call begins. Returns its mark for `ended`."""
        self._advance(now)
        self._in_flight += 1
        return self._per_call

    def ended(self, now: float, mark: float) -> float:
        """USD of a call that ends."""
        self._advance(now)
        self._in_flight -= 1
        share = self._per_call - mark
        self._unsettled -= share
        return share

    def at_most(self, now: float, seconds: float) -> float:
        """USD that calls in flight, with another one, may still have to pay if the longest lasts so many seconds."""
        self._advance(now)
        return self._unsettled + seconds * self._usd_per_second

    def _advance(self, now: float) -> None:
        if self._in_flight:
            rent = (now - self._at) * self._usd_per_second
            self._unsettled += rent
            self._per_call += rent / self._in_flight
        self._at = now
