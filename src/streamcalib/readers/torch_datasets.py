"""The data set classes for PyTorch; importing this needs the package ``torch``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch.utils.data import Dataset, IterableDataset, get_worker_info

from streamcalib.readers.torch import shared_out, tensor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamcalib.readers.reader import CalibrationReader
    from streamcalib.readers.rowsource import RowSource


class RowDataset(Dataset[Any]):  # type: ignore[misc,unused-ignore]
    """Rows of a source as tensors; see `torch_dataset`."""

    def __init__(self, source: RowSource, key: str | None) -> None:
        self.source = source
        self.key = key

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, row: int) -> Any:
        """Return a row's tensor, or a dict of it."""
        if not -len(self) <= row < len(self):
            raise IndexError(f"row {row} of {len(self)}")
        row %= len(self)
        values = tensor(self.source.rows(row, row + 1))[0]
        return values if self.key is None else {self.key: values}


class StepDataset(IterableDataset[Any]):  # type: ignore[misc,unused-ignore]
    """Steps of a reader as tensors; see `torch_batches`."""

    def __init__(self, reader: CalibrationReader) -> None:
        self.reader = reader

    def __len__(self) -> int:
        return len(self.reader)

    def __iter__(self) -> Iterator[Any]:
        """Yield the steps, or a loader worker's share of them."""
        worker = get_worker_info()
        place = (0, 1) if worker is None else (worker.id, worker.num_workers)
        for step in shared_out(self.reader, *place):
            yield step if len(step) > 1 else next(iter(step.values()))
