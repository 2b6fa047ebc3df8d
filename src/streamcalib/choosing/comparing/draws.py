"""Random draws of a pool, the same ones for whatever sets are compared by."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def drawn(members: Sequence[int], size: int, count: int, seed: int) -> Iterator[list[int]]:
    """Yield ``count`` random draws of ``size`` of a pool's images, the same for the same seed.

    Which places in ``members`` are drawn depends on how many there are, and not on what they are.
    """
    # Not for secrets: draws that can be drawn again.
    generator = random.Random(seed)  # noqa: S311
    for _ in range(count):
        yield generator.sample(members, size)
