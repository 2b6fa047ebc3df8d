"""An unfinished build beside an output: whether it is the same, and what it holds."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from streamcalib.building.alone import is_dangerous
from streamcalib.building.identity import Identity
from streamcalib.building.statefolder import check_token, clear, journal_path, remove_own_folder
from streamcalib.errors import JournalError, OutputError, StreamcalibError
from streamcalib.journal import Journal
from streamcalib.remotepath import RemotePath
from streamcalib.staging import (
    MARKS_NAME,
    Elsewhere,
    foreign_files,
    holds_rows,
    locked_staging,
    staging_path,
)
from streamcalib.wording import counted, printable
from streamcalib.workers.marks import read_marks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from streamcalib.building.prepare import PreparedBuild


def unfinished_rows(prepared: PreparedBuild) -> int:
    """Return how many rows of an unfinished build a build would begin with.

    Raises
    ------
    LockedError
        If that build is running.
    OutputError
        As `begin` does.
    """
    out, options = prepared.out, prepared.options
    if options.restart or prepared.complete is not None or not staging_path(out).is_dir():
        return 0
    with locked_staging(out, break_lock=options.break_lock) as staging:
        path = journal_path(staging.folder, out, options.state)
        journal = same_build(prepared, staging.folder, path)
        if journal is None:
            return 0
        try:
            return journal.count()
        finally:
            journal.close()


def remove_leftovers(prepared: PreparedBuild) -> None:
    """Remove what a build left that died between publishing its output and tidying up.

    An unfinished build of another set under the same name stays.
    """
    out = prepared.out
    if not staging_path(out).is_dir() or foreign_files(out):
        return
    with suppress(StreamcalibError, OSError), locked_staging(out) as staging:
        path = journal_path(staging.folder, out, prepared.options.state)
        journal = same_build(prepared, staging.folder, path)
        if journal is not None:
            journal.close()
        clear(staging.folder, path)
        remove_own_folder(staging.folder, path)


@contextmanager
def ways_out(prepared: PreparedBuild) -> Iterator[None]:
    """Say of a journal that cannot be used how to go on without it."""
    try:
        yield
    except JournalError as error:
        raise JournalError(
            f"{error} Say --restart to build {printable(prepared.out.name)} anew, or choose "
            "another --out."
        ) from error


def same_build(prepared: PreparedBuild, folder: Path, path: Path) -> Journal | None:
    """Return the journal of an unfinished build of the same; None if there is none of worth."""
    if path.parent != folder and Elsewhere.read(folder) is None:
        # Left of rows that were removed.
        return None
    with ways_out(prepared):
        journal = Journal.open(path)
        if journal is None:
            return None
        try:
            kept = journal.count()
            # A build that had no time to note a row may have been ended by an image.
            is_of_worth = kept or bool(suspects(folder, journal))
            differences = _differences(prepared, journal) if is_of_worth else []
            if is_of_worth:
                check_token(folder, journal.facts().get("token"))
        except BaseException:
            journal.close()
            raise
    if is_of_worth and not differences:
        return journal
    journal.close()
    if not kept or not (isinstance(prepared.out, RemotePath) or holds_rows(folder)):
        return None
    lines = "\n".join(f"  {printable(line)}" for line in differences)
    raise OutputError(
        f"an unfinished build of {printable(prepared.out.name)} is another one, with "
        f"{counted(kept, 'row')} done:\n{lines}\nTo discard it, say --restart; or choose another "
        "--out."
    )


def _differences(prepared: PreparedBuild, journal: Journal) -> list[str]:
    facts = journal.facts()
    try:
        before = Identity.from_dict(facts.get("identity"))
    except ValueError as error:
        raise JournalError(f"the journal of the unfinished build is damaged: {error}.") from error
    return before.differences(Identity.of(prepared))


def suspects(folder: Path, journal: Journal) -> frozenset[int]:
    """Return the images that may have ended an earlier run."""
    marked = {mark.source for mark in read_marks(folder / MARKS_NAME) if mark.source is not None}
    bad = journal.failures().items()
    dangerous = {source for source, reason in bad if source >= 0 and is_dangerous(reason)}
    return frozenset(marked | dangerous)
