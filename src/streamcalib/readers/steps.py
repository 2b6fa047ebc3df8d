"""How rows are dealt into calibration steps: batch size, and what becomes of a remainder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from streamcalib.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

Remainder = Literal["error", "drop", "pad"]
"""What becomes of rows that fill no whole step."""


@dataclass(frozen=True)
class Steps:
    """Rows in steps of one size.

    Attributes
    ----------
    rows
        Rows of the set.
    batch_size
        Rows in a step.
    count
        Steps.
    """

    rows: int
    batch_size: int
    count: int

    @property
    def dropped(self) -> int:
        """Rows at the end of the set that are in no step."""
        return max(self.rows - self.count * self.batch_size, 0)

    @property
    def repeated(self) -> int:
        """Rows from the beginning of the set that fill the last step up."""
        return max(self.count * self.batch_size - self.rows, 0)

    def ranges(self, step: int) -> Iterator[tuple[int, int]]:
        """Yield the stretches of rows that make up a step: more than one where rows repeat."""
        start = step * self.batch_size
        wanted = self.batch_size
        while wanted:
            first = start % self.rows
            stop = min(first + wanted, self.rows)
            yield first, stop
            wanted -= stop - first
            start += stop - first


def deal(rows: int, batch_size: int, remainder: Remainder, shown: str = "the set") -> Steps:
    """Deal rows into steps.

    Parameters
    ----------
    rows
        Rows of the set, at least 1.
    batch_size
        Rows in a step.
    remainder
        What becomes of rows that fill no step: ``error`` refuses, ``drop`` leaves them out, ``pad``
        fills the last step with the set's first rows.
    shown
        What the set is called in messages.

    Raises
    ------
    InputError
        If ``batch_size`` is below 1, the rows leave a remainder that is not provided for, or all of
        them would be dropped.
    """
    if remainder not in get_args(Remainder):
        raise InputError(f"remainder must be 'error', 'drop' or 'pad', not {remainder!r}.")
    if batch_size < 1:
        raise InputError(f"batch_size {batch_size}: a step has at least 1 row.")
    whole, left = divmod(rows, batch_size)
    if not left:
        return Steps(rows, batch_size, whole)
    if remainder == "pad":
        return Steps(rows, batch_size, whole + 1)
    if remainder == "drop" and whole:
        return Steps(rows, batch_size, whole)
    if remainder == "drop":
        raise InputError(
            f"batch_size {batch_size} is more than the {rows} rows of {shown}: with "
            "remainder='drop' nothing would be left. Use remainder='pad', or a smaller batch."
        )
    raise InputError(
        f"batch_size {batch_size} does not divide the {rows} rows of {shown}: {left} would fill no "
        f"step. Choose one of the divisors nearest to it ({_near(rows, batch_size)}), or say what "
        f"becomes of them: remainder='drop' leaves {left} out, remainder='pad' takes "
        f"{batch_size - left} rows twice."
    )


def _near(rows: int, batch_size: int) -> str:
    divisors = [size for size in range(1, rows + 1) if rows % size == 0]
    below = max(size for size in divisors if size < batch_size)
    above = min((size for size in divisors if size > batch_size), default=None)
    return str(below) if above is None else f"{below}, {above}"
