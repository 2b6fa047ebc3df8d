"""``streamcalib verify``."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from streamcalib.cli import options
from streamcalib.datafile import to_json
from streamcalib.errors import BadImagesError, DamagedError, Failure
from streamcalib.opened import data_bytes
from streamcalib.remotepath import set_path
from streamcalib.verify import Verification, find_image, verify
from streamcalib.wording import in_units, printable

if TYPE_CHECKING:
    from collections.abc import Iterable

_MOST_SHOWN = 20


@click.command("verify")
@click.argument("calibration_set", metavar="SET")
@click.option(
    "--sources", is_flag=True, help="Also make every row from its image again and compare bits."
)
@click.option(
    "--sample",
    type=int,
    metavar="N",
    help="Do that for N rows only, chosen by --seed; implies --sources.  [default: all]",
)
@options.seed
@click.option(
    "--image",
    metavar="FILE",
    help="Only say which row is this image's, a path, ARCHIVE::MEMBER or URL, and whether it holds "
    "its pixels.",
)
@options.jobs
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
@options.quiet
def command(
    calibration_set: str,
    sources: bool,
    sample: int | None,
    seed: int,
    image: str | None,
    jobs: int | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Hold a SET against its manifest, and with --sources against its images.

    Reads every row once: checksums, range of values, NaN. Exit code 4 and the rows that are wrong
    if any is.
    """
    if image is not None:
        _tell_image(calibration_set, image, quiet)
        return
    with options.shown_progress(quiet) as progress:
        found = verify(
            calibration_set,
            sources=sources,
            sample=sample,
            seed=seed,
            jobs=jobs,
            progress=progress,
        )
    if as_json:
        click.echo(to_json(asdict(found)))
    elif not quiet:
        _tell(calibration_set, found)
    shown = printable(calibration_set)
    if found.faults:
        count = _counted(len(found.faults), found.rows)
        raise DamagedError(
            f"{shown} failed: {count} wrong:\n{_listed(found, found.faults)}\n"
            "Copy the set again from where it is whole, or build it again."
        )
    if found.unread:
        failures = tuple(Failure(r, found.paths[r], why) for r, why in found.unread.items())
        raise BadImagesError(
            f"{len(failures)} images of {shown} could not be compared:\n"
            f"{_listed(found, found.unread)}",
            failures,
        )


def _tell(calibration_set: str, found: Verification) -> None:
    size = in_units(data_bytes(set_path(calibration_set)))
    click.echo(f"{printable(calibration_set)}: {found.rows} rows, {size}")
    if found.is_sound:
        click.echo("every row has its checksum, and values that the recipe can give")
    if found.compared:
        same = found.compared - found.differing
        click.echo(f"{found.compared} rows compared with their images: {same} hold the same bits")
    _tell_some("rows of one value only", [str(row) for row in found.constant])
    _tell_some("rows that hold the same", [" = ".join(map(str, group)) for group in found.equal])


def _tell_some(what: str, items: list[str]) -> None:
    if items:
        more = f" and {len(items) - _MOST_SHOWN} more" if len(items) > _MOST_SHOWN else ""
        click.echo(f"{what} (no fault): {', '.join(items[:_MOST_SHOWN])}{more}")


def _listed(found: Verification, reasons: dict[int, str]) -> str:
    lines = [
        f"  row {row} ({printable(found.paths[row])}): {printable(reason)}"
        for row, reason in reasons.items()
    ]
    return "\n".join(_shortened(lines))


def _shortened(lines: list[str]) -> Iterable[str]:
    if len(lines) <= _MOST_SHOWN:
        return lines
    return [*lines[:_MOST_SHOWN], f"  and {len(lines) - _MOST_SHOWN} more (--json names all)"]


def _tell_image(calibration_set: str, image: str, quiet: bool) -> None:
    found = find_image(calibration_set, image)
    for one in found:
        if not one.difference and not quiet:
            click.echo(f"row {one.row} is {printable(image)}, bit for bit")
    if wrong := [one for one in found if one.difference]:
        lines = "\n".join(f"  row {one.row}: {one.difference}" for one in wrong)
        raise DamagedError(f"{printable(image)} is no longer what its row holds:\n{lines}")


def _counted(wrong: int, rows: int) -> str:
    return f"{wrong} of {rows} rows {'is' if wrong == 1 else 'are'}"
