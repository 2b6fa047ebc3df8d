"""OpenVINO NNCF's data set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamcalib.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    from streamcalib.readers.reader import CalibrationReader


def nncf_dataset(reader: CalibrationReader, *, integers: bool = False) -> Any:
    """Return an ``nncf.Dataset`` (NNCF 3.4) of a reader's steps.

    Items are dicts of input names; NNCF asks for those that it wants by number. Give
    ``nncf.quantize`` ``subset_size=len(reader)``, which `Readers.nncf_options` says, or it takes
    300 steps at most. Where a step has several rows, NNCF looks at each row by itself.

    Parameters
    ----------
    reader
        The steps.
    integers
        Whether rows of ``uint8`` are meant: the model then normalizes them inside.

    Raises
    ------
    InputError
        If the rows are integers and that is not said: NNCF takes them unscaled, without a word.
    MissingExtraError
        If the package ``nncf`` is not installed.
    """
    if reader.source.recipe.dtype == "uint8" and not integers:
        raise InputError(
            f"the rows of {reader.source.shown} are uint8, 0 to 255, which NNCF takes as they are. "
            "If the model normalizes inside, say integers=True; if not, scale='0-1' gives what "
            "most models expect."
        )
    try:
        from nncf import Dataset
    except ImportError as error:
        raise MissingExtraError(
            "this needs the package nncf: pip install 'streamcalib[openvino]'."
        ) from error
    return Dataset(reader)
