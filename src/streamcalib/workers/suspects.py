"""Images that workers were at when one of them died, and which of them is to blame."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from streamcalib.errors import StoppedError
from streamcalib.wording import printable
from streamcalib.workers.marks import Marks, OwnMark
from streamcalib.workers.room import LostError, Room, killed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType
    from typing import Self

_SECONDS_ALONE = 600.0
_MOST_NAMED = 4


class Suspects:
    """Knows what the workers of a pass are at, while it is entered.

    Attributes
    ----------
    folder
        Where workers note it, with `mark_in`.

    Raises
    ------
    StoppedError
        On entering, if nothing can be written where temporary files are.
    """

    folder: Path

    def __enter__(self) -> Self:
        try:
            self._temporary = TemporaryDirectory(prefix="streamcalib-", ignore_cleanup_errors=True)
            self.folder = Path(self._temporary.name)
            self._marks = Marks(self.folder)
        except OSError as error:
            raise _unwritable(error) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._marks.close()
        self._temporary.cleanup()

    def take(self) -> list[int]:
        """Return the images that workers were at when they ended, and forget them."""
        found = {mark.source for mark in self._marks.read() if mark.source is not None}
        self._marks.clear()
        return sorted(found)


def mark_in(folder: Path, parent: int) -> OwnMark:
    """Return what a worker notes its images with; to be closed.

    Raises
    ------
    StoppedError
        If it cannot be written.
    """
    try:
        return OwnMark(folder, parent)
    except OSError as error:
        raise _unwritable(error) from error


def killers(
    suspects: Sequence[int], do: Callable[[Any], Any], question: Callable[[int], object]
) -> dict[int, str]:
    """Try each suspect alone, and return those that end their process, with the reason in words.

    Parameters
    ----------
    suspects
        Numbers of images.
    do
        What is done with one in a process that is for it alone; see `Room`.
    question
        Gives what ``do`` takes of an image.
    """
    found = {}
    with Room(do, _SECONDS_ALONE) as room:
        for suspect in suspects:
            try:
                room.ask(question(suspect))
            except LostError as lost:
                reason = f"it took longer than {_SECONDS_ALONE:g} s alone"
                found[suspect] = reason if lost.code is None else killed(lost.code)
    return found


def named(places: Sequence[str]) -> str:
    """Return where workers were, for a message; nothing if that is not known."""
    if not places:
        return ""
    shown = ", ".join(printable(place) for place in places[:_MOST_NAMED])
    more = f" and {len(places) - _MOST_NAMED} more" if len(places) > _MOST_NAMED else ""
    return f" At work then: {shown}{more}; alone, none of them does harm."


def _unwritable(error: OSError) -> StoppedError:
    return StoppedError(
        f"a temporary file cannot be written: {error.strerror or error}. Free space, or name "
        "another folder with TMPDIR."
    )
