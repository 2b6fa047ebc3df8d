"""MLPerf's closed division: images of the official list alone, and the list of those used."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from streamcalib.datafile import read_data
from streamcalib.errors import InputError, ListError
from streamcalib.exporting.checks import check_folder_name
from streamcalib.exporting.data import DataExport, plan_data
from streamcalib.exporting.names import bare_name
from streamcalib.exporting.npyfile import ARRAY_NAME, LIST_NAME, NpyFile
from streamcalib.finalizing.order import chosen_rows
from streamcalib.wording import counted, printable

if TYPE_CHECKING:
    import os

    from streamcalib.calibset import CalibrationSet
    from streamcalib.exporting.options import ExportOptions

_MOST_LIST_BYTES = 2**24
_SHOWN = 3


def mlperf(source: CalibrationSet, out: Path, options: ExportOptions) -> DataExport:
    """Return the export of a set for a submission to MLPerf: the array, and the list of its images.

    The list is in the form of MLPerf's own: one bare file name a line, in the order of the rows.

    Raises
    ------
    InputError
        If an image is not in the official list that was given, or two have the same name.
    """
    options.check_taken("mlperf", {"official_list"})
    check_folder_name(out)
    rows = chosen_rows(source, options.rows)
    names = [bare_name(record["path"]) for record in islice(source.row_records(), rows)]
    _check_names(names)
    warnings: tuple[str, ...] = ()
    if options.official_list is None:
        warnings = (
            (
                "whether these images may be used, only MLPerf's own list tells: give it with "
                "--official-list, like coco_cal_images_list.txt of mlcommons/inference."
            ),
        )
    else:
        _check_official(names, options.official_list)
    return plan_data(
        "mlperf",
        source,
        out,
        options,
        recipe=source.recipe,
        container=NpyFile(is_folder=True),
        lines={
            "The rows, in this order": str(out / ARRAY_NAME),
            "are made of these images": str(out / LIST_NAME),
        },
        warnings=warnings,
    )


def _check_names(names: list[str]) -> None:
    name, times = Counter(names).most_common(1)[0]
    if times > 1:
        raise InputError(
            f"{counted(times, 'row')} are made of images named {printable(name)}: MLPerf's lists "
            "hold each name once."
        )
    broken = next((name for name in names if not name.isprintable()), None)
    if broken is not None:
        raise InputError(
            f"the image {printable(broken)} has no name that can stand on a line of a list."
        )


def _check_official(names: list[str], official: str | os.PathLike[str]) -> None:
    shown = printable(str(official))
    try:
        text = read_data(Path(official), _MOST_LIST_BYTES).decode("utf-8")
    except (OSError, ValueError) as error:
        why = printable(str(getattr(error, "strerror", None) or error))
        raise ListError(f"the list {shown} of --official-list cannot be read: {why}.") from error
    # ImageNet's lists have the class behind the name.
    allowed = {line.split()[0] for line in text.splitlines() if line.strip()}
    foreign = [name for name in names if name not in allowed]
    if foreign:
        some = ", ".join(printable(name) for name in foreign[:_SHOWN])
        raise InputError(
            f"{len(foreign):,} of {counted(len(names), 'image')} are not in {shown}: {some}"
            f"{', ...' if len(foreign) > _SHOWN else ''}. The closed division allows the images of "
            "that list alone: build the set from it, with --root."
        )
