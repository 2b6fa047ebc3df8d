"""What several targets make sure of."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from streamcalib.errors import InputError, MissingExtraError, OutputError
from streamcalib.graph import read_image_input
from streamcalib.wording import counted, printable

if TYPE_CHECKING:
    from streamcalib.calibset import CalibrationSet

_DATA_SUFFIXES = frozenset(
    {".npy", ".npz", ".zarr", ".h5", ".hdf5", ".py", ".txt", ".json", ".bin"}
)


def check_suffix(out: Path, suffix: str, what: str) -> None:
    """Make sure that an output's name ends as it must.

    Raises
    ------
    OutputError
        If it does not; the message says ``what`` it is.
    """
    if out.suffix != suffix:
        raise OutputError(
            f"the output {printable(str(out))} must end in {suffix}: it will be {what}."
        )


def check_folder_name(out: Path) -> None:
    """Make sure that an output's name is one for a folder.

    Raises
    ------
    OutputError
        If it ends as a file of data does.
    """
    if out.suffix in _DATA_SUFFIXES:
        raise OutputError(
            f"the output {printable(str(out))} will be a folder: choose a name that does not end "
            f"in {out.suffix}."
        )


def graph_batch(source: CalibrationSet) -> int | None:
    """Return the batch size that the set's model fixes; None if none, or it is not at hand.

    Raises
    ------
    ModelError
        If the file is there, and has no such input as the set was built for.
    """
    model = source.manifest.model
    if model is None or not Path(model["path"]).exists():
        return None
    try:
        return read_image_input(model["path"], model["input_name"]).batch
    except MissingExtraError:
        return None


def chosen_batch(source: CalibrationSet, batch: int | None) -> int:
    """Return the rows of one calibration step: as asked, else what the set's model fixes, else 1.

    Raises
    ------
    InputError
        If the model fixes another, or is not the one that the set was built for.
    """
    fixed = graph_batch(source)
    if batch is not None and fixed is not None and batch != fixed:
        model = source.manifest.model or {}
        raise InputError(
            f"--batch says {batch}, but {printable(model['path'])}, for which the set was built, "
            f"takes {fixed}: leave --batch out."
        )
    return batch or fixed or 1


def whole_steps(rows: int, batch: int) -> tuple[int, tuple[str, ...]]:
    """Return how many rows fill whole steps, and a warning if some are left out.

    Raises
    ------
    InputError
        If they do not fill one.
    """
    whole = rows // batch * batch
    if not whole:
        raise InputError(
            f"{counted(rows, 'row')} do not fill one batch of {batch}: build a larger set, or "
            "export the model with a smaller batch size."
        )
    if whole == rows:
        return rows, ()
    over = rows - whole
    told = f"{counted(over, 'row')} {'is' if over == 1 else 'are'} left out"
    why = f"{'it fills' if over == 1 else 'they fill'} no batch of {batch}"
    return whole, (f"the last {told}: {why}.",)
