"""What an export is to those who start it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from streamcalib.calibset import CalibrationSet
    from streamcalib.exporting.options import ExportOptions
    from streamcalib.progress import Subscriber


class Export(Protocol):
    """A set for one consumer, checked, and not yet written."""

    @property
    def out(self) -> Path:
        """The file or folder to write."""
        ...

    @property
    def rows(self) -> int:
        """How many rows the consumer gets."""
        ...

    @property
    def shown(self) -> str:
        """What is written, in words: arrays, files, shapes."""
        ...

    @property
    def data_bytes(self) -> int:
        """Size of all files together, in bytes; before compression."""
        ...

    @property
    def free_bytes(self) -> int | None:
        """Free space on the output's volume, in bytes."""
        ...

    @property
    def load_bytes(self) -> int | None:
        """What the consumer holds of the rows in memory, in bytes; None if nobody knows it."""
        ...

    @property
    def is_complete(self) -> bool:
        """Whether the output is there already, and is what was asked for."""
        ...

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is allowed and likely wrong."""
        ...

    @property
    def lines(self) -> Mapping[str, str]:
        """What to put where, in words, and the lines themselves."""
        ...

    def write(self, notify: Subscriber) -> None:
        """Write and publish it.

        Raises
        ------
        DamagedError
            If a row of the set is not what its checksum says; nothing was published.
        StoppedError
            If the disk is full or failed.
        """
        ...


class Target(Protocol):
    """A consumer: checks what is asked for, and says what will be written.

    Raises ``InputError`` if it cannot be written; nothing was.
    """

    def __call__(self, source: CalibrationSet, out: Path, options: ExportOptions) -> Export:
        """Return the export of ``source`` to ``out``."""
        ...
