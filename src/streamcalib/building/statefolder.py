"""Where a build's journal is: beside what is built, or on this machine if that is far away.

SQLite must be able to trust the locks and syncs of the file system under it, which those across a
network do not always deserve.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from streamcalib.errors import OutputError, StreamcalibError
from streamcalib.journal import JOURNAL_NAMES, discard
from streamcalib.staging import ELSEWHERE_NAME, empty, locked_staging, staging_path
from streamcalib.stores.filesystem import file_system, is_on_network
from streamcalib.wording import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

_KEY_DIGITS = 16
_MOST_BYTES = 10_000


def default_state(environment: Mapping[str, str]) -> Path:
    """Return this user's folder for what programs remember (XDG Base Directory Specification)."""
    base = environment.get("XDG_STATE_HOME", "")
    folder = Path(base) if os.path.isabs(base) else Path("~/.local/state").expanduser()  # noqa: PTH117
    return folder / "streamcalib"


def journal_path(
    staging: Path, out: Path, state: str | os.PathLike[str] | None, *, restart: bool = False
) -> Path:
    """Return the path of a build's journal, and make its folder.

    A journal that is elsewhere than in the staging folder is noted there.

    Parameters
    ----------
    staging
        The staging folder, locked.
    out
        The output.
    state
        The folder for journals that was asked for, if any.
    restart
        Whether a journal of an unfinished build does not matter.

    Raises
    ------
    OutputError
        If the folder cannot be made, or the journal of what lies in the staging folder is in
        another one.
    """
    beside = staging / JOURNAL_NAMES[0]
    if state is None and not is_on_network(file_system(staging)):
        path = beside
    else:
        base = default_state(os.environ) if state is None else Path(os.path.abspath(state))  # noqa: PTH100
        digest = hashlib.sha256(os.fsencode(out)).hexdigest()[:_KEY_DIGITS]
        path = base / f"{out.name}-{digest}" / JOURNAL_NAMES[0]
    if not restart:
        _check_same(staging, path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"the folder of the journal, {printable(str(path.parent))}, cannot be made: "
            f"{error.strerror}. Choose another --state."
        ) from error
    return path


def note_place(staging: Path, path: Path) -> None:
    """Write down in the staging folder where its journal is, if elsewhere; raises ``OSError``."""
    if path.parent != staging:
        (staging / ELSEWHERE_NAME).write_bytes(os.fsencode(path))


def _check_same(staging: Path, path: Path) -> None:
    """Make sure that no journal of the staging folder is elsewhere than where it is sought."""
    before = staging / JOURNAL_NAMES[0]
    note = staging / ELSEWHERE_NAME
    if note.exists():
        with note.open("rb") as file:
            before = Path(os.fsdecode(file.read(_MOST_BYTES)))
    elif not before.exists():
        return
    if before != path and not path.exists():
        raise OutputError(
            f"the journal of the unfinished build is {printable(str(before))}, and would be sought "
            f"as {printable(str(path))}: say --state as the build was begun, on the same host; or "
            "--restart to build anew."
        )


def clear(staging: Path, path: Path) -> None:
    """Remove all that a build has left in its staging folder, and its journal at ``path``.

    Raises ``OSError``.
    """
    # Without its rows, a journal would be of no use; without its journal, rows are in nobody's way.
    discard(path)
    empty(staging)


def remove_own_folder(staging: Path, path: Path) -> None:
    """Remove the folder of a journal that was elsewhere, once it is empty."""
    if path.parent != staging:
        with suppress(OSError):
            path.parent.rmdir()


def remove_leftovers(out: Path, state: str | os.PathLike[str] | None) -> None:
    """Remove what a build left that died between publishing ``out`` and tidying up.

    ``state`` is the folder for journals that was asked for, if any.
    """
    if not staging_path(out).is_dir():
        return
    with suppress(StreamcalibError, OSError), locked_staging(out) as staging:
        path = journal_path(staging.folder, out, state, restart=True)
        clear(staging.folder, path)
        remove_own_folder(staging.folder, path)
