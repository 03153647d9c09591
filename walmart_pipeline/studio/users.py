"""The Studio's users: a file of names, password hashes and roles, and limits against guessing and flooding."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field, ValidationError

from walmart_pipeline.core.errors import UserError
from walmart_pipeline.core.files import write_atomically
from walmart_pipeline.studio.access import Role, User

if TYPE_CHECKING:
    from argon2 import PasswordHasher

MIN_PASSWORD = 10
# Failed attempts on a name that cost nothing, the first pause after that, and the longest: a person mistypes three
# times; a machine gets 1,500 guesses a day.
FREE_ATTEMPTS = 5
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 2.0, 60.0
# Names whose failed attempts are remembered: those that nobody has would otherwise fill the memory.
MOST_NAMES = 10_000
# A hash takes 64 MB.
MOST_HASHES = 4
# Of one user in a minute. Whoever reviews by keyboard makes one or two a second.
REQUESTS_PER_MINUTE = 300


class SignInError(UserError):
    """Nobody is let in; the message does not say whether the name or the password was wrong."""


class StoredUser(BaseModel):
    """A user in the file. password: an argon2 hash; None for one who signs in by OpenID Connect."""

    password: str | None = None
    roles: list[Role] = Field(default_factory=list)


class UserFile:
    """Users by name. Every call reads the file: a removed user is out with the next request."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def users(self) -> dict[str, StoredUser]:
        """Return all users. Raises SignInError if the file is damaged: then nobody gets in."""
        if not self.path.exists():
            return {}
        try:
            found = json.loads(self.path.read_text(encoding="utf-8"))
            return {name: StoredUser.model_validate(value) for name, value in found.items()}
        except (ValueError, AttributeError, ValidationError) as error:
            raise SignInError(f"{self.path.name} can't be read: correct it, or add its users again") from error

    def add(self, name: str, password: str | None, roles: Iterable[Role]) -> None:
        """Add or replace a user. Raises UserError for a weak password."""
        if password is not None and len(password) < MIN_PASSWORD:
            raise UserError(f"a password needs {MIN_PASSWORD} characters")
        users = self.users()
        users[name] = StoredUser(password=_hasher().hash(password) if password else None, roles=sorted(set(roles)))
        self._write(users)

    def remove(self, name: str) -> None:
        """Remove a user. Raises UserError if there is none of this name."""
        users = self.users()
        if name not in users:
            raise UserError(f"there is no user {name}")
        del users[name]
        self._write(users)

    def _write(self, users: dict[str, StoredUser]) -> None:
        text = json.dumps({name: user.model_dump() for name, user in sorted(users.items())}, indent=2)
        write_atomically(self.path, text + "\n", mode=0o600)

    def known(self, name: str) -> User | None:
        """Return a user by name, for whom something else has proved who it is."""
        found = self.users().get(name)
        return User(name, frozenset(found.roles), self.known) if found else None

    def verify(self, name: str, password: str) -> User | None:
        """Return the user if the password is right. An unknown name takes as long as a wrong password."""
        from argon2.exceptions import InvalidHashError, VerificationError

        found = self.users().get(name)
        try:
            with _hashing:
                _hasher().verify((found and found.password) or _NOBODY, password)
        except (VerificationError, InvalidHashError):
            return None
        return User(name, frozenset(found.roles), self.known) if found and found.password else None

    def fingerprint(self, name: str) -> str:
        """Return what changes with a user's password: a session that began with another one ends."""
        found = self.users().get(name)
        return found.password or "" if found else ""


class Attempts:
    """Pauses after failed attempts to sign in, longer with each, by name; shared by all sessions."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: dict[str, tuple[int, float]] = {}
        self._lock = threading.Lock()

    def begin(self, name: str) -> None:
        """Count an attempt as failed until it succeeds, so that those at the same time count too.

        Raises SignInError while the name has to wait.
        """
        with self._lock:
            count, until = self._failures.get(name, (0, 0.0))
            if count >= FREE_ATTEMPTS and (left := until - self._clock()) > 0:
                raise SignInError(f"too many failed attempts: try again in {left:.0f} s")
            exponent = min(max(0, count + 1 - FREE_ATTEMPTS), 10)
            pause = min(FIRST_PAUSE_SECONDS * 2**exponent, LONGEST_PAUSE_SECONDS)
            # The latest attempt last.
            self._failures.pop(name, None)
            self._failures[name] = count + 1, self._clock() + pause
            if len(self._failures) > MOST_NAMES:
                del self._failures[next(iter(self._failures))]

    def succeeded(self, name: str) -> None:
        """Forget the failed attempts."""
        with self._lock:
            self._failures.pop(name, None)


class RequestLimit:
    """At most so many requests of each user in a minute; shared by all sessions."""

    def __init__(self, per_minute: int = REQUESTS_PER_MINUTE, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute, self._clock = per_minute, clock
        self._seen: dict[str, deque[float]] = {}
        self._lock = threading.Lock()

    def count(self, user: str) -> None:
        """Count a request. Raises UserError if it is one too many."""
        with self._lock:
            now, seen = self._clock(), self._seen.setdefault(user, deque())
            while seen and seen[0] <= now - 60:
                seen.popleft()
            if len(seen) >= self._per_minute:
                raise UserError(f"more than {self._per_minute} requests in a minute: wait a little")
            seen.append(now)


_hashing = threading.BoundedSemaphore(MOST_HASHES)


def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher

    return PasswordHasher()


# A hash that no password has, so that an unknown name takes as long.
_NOBODY = "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
