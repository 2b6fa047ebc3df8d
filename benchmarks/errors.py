"""Why something has no number."""

from __future__ import annotations


class AbsentError(Exception):
    """It cannot be measured here; the message says why, and how to mend it."""


class ChildError(Exception):
    """A child process ended badly; the message says how, without paths."""
