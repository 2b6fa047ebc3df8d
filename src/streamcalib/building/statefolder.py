"""Where a build's journal is: beside what is built, or on this machine if that is far away.

SQLite must be able to trust the locks and syncs of the file system under it, which those across a
network do not always deserve.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from streamcalib.errors import OutputError
from streamcalib.journal_files import JOURNAL_NAMES, discard
from streamcalib.remotepath import RemotePath
from streamcalib.staging import Elsewhere, default_state, empty, key_of
from streamcalib.stores.filesystem import file_system, is_on_network
from streamcalib.wording import printable

if TYPE_CHECKING:
    from streamcalib.remotepath import SetPath


def journal_path(
    staging: Path, out: SetPath, state: str | os.PathLike[str] | None, *, restart: bool = False
) -> Path:
    """Return the path of a build's journal.

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
        If the journal of what lies in the staging folder is in another folder.
    """
    path = beside = staging / JOURNAL_NAMES[0]
    if isinstance(out, RemotePath):
        # All that a build of it keeps on this machine is in the folder for state.
        return path
    if state is not None or is_on_network(file_system(staging)):
        base = default_state(os.environ) if state is None else Path(os.path.abspath(state))  # noqa: PTH100
        path = base / key_of(out) / JOURNAL_NAMES[0]
    if not restart:
        elsewhere = Elsewhere.read(staging)
        if elsewhere is not None:
            _check_same(elsewhere.path, path)
        elif beside.exists():
            _check_same(beside, path)
    return path


def make_folder(path: Path) -> None:
    """Make the folder of the journal at ``path``.

    Raises
    ------
    OutputError
        If it cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"the folder of the journal, {printable(str(path.parent))}, cannot be made: "
            f"{error.strerror}. Choose another --state."
        ) from error


def _check_same(before: Path, path: Path) -> None:
    """Make sure that the journal of what is staged is where it is sought, and there."""
    if before != path:
        found = f"is {printable(str(before))}, and would be sought as {printable(str(path))}"
    elif not path.exists():
        found = f"was {printable(str(path))}, which is not there"
    else:
        return
    raise OutputError(
        f"the journal of the unfinished build {found}: say --state as the build was begun, on the "
        "same host; or --restart to build anew."
    )


def note_place(staging: Path, path: Path, token: str) -> None:
    """Write down in the staging folder where its journal is, if elsewhere; raises ``OSError``."""
    if path.parent != staging:
        Elsewhere(path, token).write(staging)


def check_token(staging: Path, token: object) -> None:
    """Make sure that a journal is that of the rows in the staging folder.

    Where hosts share the output and have a folder for state each, either may have built there.

    Raises
    ------
    OutputError
        If it is another's.
    """
    elsewhere = Elsewhere.read(staging)
    if elsewhere is not None and elsewhere.token != token:
        raise OutputError(
            f"the journal {printable(str(elsewhere.path))} is not that of the unfinished build in "
            f"{printable(str(staging))}, which was begun on another host: go on there, or say "
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
