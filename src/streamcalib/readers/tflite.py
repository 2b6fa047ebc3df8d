"""TensorFlow Lite's representative dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from streamcalib.readers.reader import CalibrationReader


class RepresentativeDataset:
    """What ``TFLiteConverter.representative_dataset`` takes (TensorFlow 2.21).

    A callable that gives a fresh generator each time; each item is a list of arrays in the order
    of the model's inputs, or, with ``by_name``, a dict for models with signatures.

    Parameters
    ----------
    reader
        The steps.
    by_name
        Whether items are dicts of input names instead of lists: the image first, then the further
        inputs in the order in which the set names them.
    """

    def __init__(self, reader: CalibrationReader, *, by_name: bool = False) -> None:
        self.reader = reader
        self.by_name = by_name

    def __len__(self) -> int:
        return len(self.reader)

    def __call__(self) -> Iterator[list[NDArray[Any]] | dict[str, NDArray[Any]]]:
        """Yield every step anew."""
        for step in self.reader:
            yield dict(step) if self.by_name else list(step.values())
