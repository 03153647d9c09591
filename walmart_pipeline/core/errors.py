"""The error that a user can do something about."""

from __future__ import annotations


class UserError(Exception):
    """Its message says what is wrong and what to do: a command prints it in place of a traceback."""
