"""How a bench puts figures to people."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_WHOLE_FROM = 100


def in_digits(rate: float) -> str:
    """Return a rate as a whole number, and with three significant digits below 100."""
    return f"{rate:.0f}" if rate >= _WHOLE_FROM else f"{rate:.3g}"


def stores_named(stores: Iterable[str]) -> str:
    """Return stores as they are asked for, like ``--store final and --store uint8``."""
    return " and ".join(f"--store {store}" for store in stores)
