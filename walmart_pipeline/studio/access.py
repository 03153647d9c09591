"""Who a user is and may do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

from walmart_pipeline.core.errors import UserError

Role: TypeAlias = Literal["writer", "reviewer", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)


class NotAllowedError(UserError):
    """A user lacks the role for an action."""


@dataclass(frozen=True)
class User:
    """A person who signed in. An admin may do everything."""

    name: str
    roles: frozenset[Role] = field(default_factory=frozenset)

    def has(self, role: Role) -> bool:
        """Whether the user may act in this role."""
        return role in self.roles or "admin" in self.roles

    def require(self, role: Role) -> None:
        """Call it where an action happens, not where its button is drawn. Raises NotAllowedError."""
        if not self.has(role):
            mine = ", ".join(sorted(self.roles)) or "no role"
            raise NotAllowedError(f"this needs the role {role}; {self.name} has {mine}: ask an admin")
