"""PyTorch: map-style and iterable data sets, and ModelOpt's forward loop for torch PTQ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from streamcalib.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from streamcalib.readers.reader import CalibrationReader
    from streamcalib.readers.rowsource import RowSource


def torch_dataset(source: RowSource, *, key: str | None = None) -> Any:
    """Return rows as a map-style ``torch.utils.data.Dataset``.

    Item k is row k as a tensor (row shape), or ``{key: tensor}``: what Ultralytics' loaders give
    is ``{"img": uint8}``, 0..255, which its back ends divide by 255 themselves. Workers of a
    ``DataLoader`` open the set anew by its path.

    Raises
    ------
    MissingExtraError
        If the package ``torch`` is not installed.
    """
    return _classes()[0](source, key)


def torch_batches(reader: CalibrationReader) -> Any:
    """Return steps as a ``torch.utils.data.IterableDataset`` of tensors (batch_size, *row shape).

    For a ``DataLoader`` with ``batch_size=None``. Its workers share the steps out among them. Of a
    set with further inputs an item is a dict of tensors by name.

    Raises
    ------
    MissingExtraError
        If the package ``torch`` is not installed.
    """
    return _classes()[1](reader)


def torch_forward_loop(
    reader: CalibrationReader, *, device: Any = None, rows: int | None = None
) -> Callable[[Any], None]:
    """Return the ``forward_loop`` for ``modelopt.torch.quantization.quantize``.

    Parameters
    ----------
    reader
        The steps.
    device
        Where the tensors go; by default to the device of the model's first parameter.
    rows
        Rows after which to end, a multiple of the batch size; by default all.

    Raises
    ------
    InputError
        If ``rows`` is no multiple of the batch size, or more than there are.
    MissingExtraError
        If the package ``torch`` is not installed.
    """
    torch = _torch()
    held = len(reader) * reader.batch_size
    wanted = held if rows is None else rows
    if not 0 < wanted <= held or wanted % reader.batch_size:
        raise InputError(
            f"rows {wanted}: the reader has {held}, in steps of {reader.batch_size}; name a "
            "multiple of that, or leave it out."
        )

    def forward_loop(model: Any) -> None:
        """Run the model over the rows, without gradients."""
        first = next(model.parameters(), None)
        target = device or (first.device if first is not None else "cpu")
        with torch.no_grad():
            for number, step in enumerate(reader):
                if number * reader.batch_size >= wanted:
                    return
                tensors = {name: tensor(array).to(target) for name, array in step.items()}
                model(*tensors.values())

    return forward_loop


def tensor(array: NDArray[Any]) -> Any:
    """Return a writable tensor of an array's values: torch has no read-only ones."""
    return _torch().from_numpy(array if array.flags.writeable else np.array(array))


def _torch() -> Any:
    try:
        import torch
    except ImportError as error:
        raise MissingExtraError(
            "this reader needs the package torch: pip install 'streamcalib[torch]'."
        ) from error
    return torch


def _classes() -> tuple[Any, Any]:
    """Return the data set classes, made where torch is there to derive from."""
    _torch()
    from streamcalib.readers.torch_datasets import RowDataset, StepDataset

    return RowDataset, StepDataset


def shared_out(reader: CalibrationReader, worker: int, workers: int) -> Iterator[dict[str, Any]]:
    """Yield the steps of one of several loader workers, as tensors by name."""
    for number in range(worker, len(reader), workers):
        yield {name: tensor(array) for name, array in reader[number].items()}
