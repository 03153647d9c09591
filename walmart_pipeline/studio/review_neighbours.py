"""Which case of the queue comes before and after the open one, however long the queue is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from walmart_pipeline.studio.review_actions import ReviewState
from walmart_pipeline.studio.review_queue import PAGE_CASES

LOOK_BACK = PAGE_CASES // 2
# The last two: the next case, when its place is not known yet, and the one after it.
LOOKED_AT = PAGE_CASES + 2


@dataclass(frozen=True)
class Neighbours:
    """The cases before and after the open one.

    place: of the open one in the queue; None: it is not in it. coming: those after it, as far as they are known.
    """

    place: int | None
    total: int
    previous: str | None
    coming: tuple[str, ...]

    @staticmethod
    def offset(place: int) -> int:
        """Return from which case of the queue on to look around this place: the same for many, so that it is kept."""
        return max(0, place // LOOK_BACK - 1) * LOOK_BACK

    @classmethod
    def of(cls, current: ReviewState, ids: list[str], offset: int, total: int) -> Self:
        """Find them among these LOOKED_AT cases. offset: the place of the first. Moves `current.place`."""
        found = ids.index(current.open) if current.open in ids else None
        if found is not None:
            current.place = offset + found
        at = current.place - offset
        # If it has left the queue, the next one has taken its place.
        after = at if found is None else at + 1
        return cls(
            place=None if found is None else current.place,
            total=total,
            previous=ids[at - 1] if 0 < at <= len(ids) else None,
            coming=tuple(ids[after:]),
        )

    @property
    def is_alone(self) -> bool:
        """Whether there is no other case in the queue."""
        return self.total == (0 if self.place is None else 1)
