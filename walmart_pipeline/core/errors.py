"""The base class of errors for users."""

from __future__ import annotations


class UserError(Exception):
    """An error whose message names the problem and the remedy: commands print it without a traceback."""
