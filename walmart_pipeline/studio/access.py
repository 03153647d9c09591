"""Who a user is and may do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

from walmart_pipeline.core.errors import UserError

Role: TypeAlias = Literal["writer", "reviewer", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)


class NotAllowedError(UserError):
    """A user lacks the role for an action."""


@dataclass(frozen=True)
class User:
    """A person who signed in. An admin may do everything.

    lookup: finds who has a name now. A button acts for the user that it was drawn for, who may be removed since.
    count: counts an action of theirs, or raises UserError if it is one too many.
    """

    name: str
    roles: frozenset[Role] = field(default_factory=frozenset)
    lookup: Callable[[str], User | None] | None = field(default=None, compare=False, repr=False)
    count: Callable[[str], None] | None = field(default=None, compare=False, repr=False)

    def has(self, role: Role) -> bool:
        """Whether the user may act in this role."""
        return role in self.roles or "admin" in self.roles

    def require(self, role: Role) -> None:
        """Call it where an action happens, not where its button is drawn.

        Raises NotAllowedError, and UserError for more requests than anybody may make in a minute: the page counts its
        own drawing, before which the callback of a button has acted.
        """
        if self.count:
            self.count(self.name)
        current = self.lookup(self.name) if self.lookup else self
        if current is None:
            raise NotAllowedError(f"{self.name} is no longer a user: ask an admin")
        if not current.has(role):
            mine = ", ".join(sorted(current.roles)) or "no role"
            raise NotAllowedError(f"this needs the role {role}; {self.name} has {mine}: ask an admin")
