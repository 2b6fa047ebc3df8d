"""The HDF5 file of a Qualcomm AI Hub data set, compressed on all cores."""

from __future__ import annotations

import os
import zlib
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from streamcalib.durable import sync
from streamcalib.errors import MissingExtraError
from streamcalib.exporting.container import Place, Rowset
from streamcalib.stores.writeback import WriteBehind

if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import Future
    from pathlib import Path

    from numpy.typing import NDArray

    from streamcalib.extra_inputs import ExtraInput

# As the hub's own client compresses: h5py's default.
_LEVEL = 4
_STEP_BYTES = 2000
"""What HDF5 takes for the header of an array and its place in a group, generously."""


@dataclass(frozen=True, kw_only=True)
class H5File:
    """Arrays of one calibration step each, as ``qai_hub.upload_dataset`` takes them.

    ``data/<i>`` is input i, with the attributes ``name``, ``order`` and ``batch_count``, and the
    arrays ``batch_<k>`` of its steps. See `Container`.

    Attributes
    ----------
    input_name
        The images' input, the first one.
    batch
        Rows in one step; divides their number.
    extra_inputs
        The model's further inputs by name.
    jobs
        Number of threads that compress.

    Raises
    ------
    MissingExtraError
        If h5py is not installed.
    """

    input_name: str
    batch: int
    extra_inputs: Mapping[str, ExtraInput]
    jobs: int = field(compare=False)

    is_folder = False

    def __post_init__(self) -> None:
        _h5py()

    @property
    def facts(self) -> Mapping[str, Any]:
        """What tells two of them apart."""
        extras = {name: extra.to_dict() for name, extra in self.extra_inputs.items()}
        return {
            "container": "h5",
            "input_name": self.input_name,
            "batch": self.batch,
            "extra_inputs": extras,
        }

    def shown(self, rows: Rowset) -> str:
        """Return how many arrays of which shape."""
        shape = (self.batch, *rows.row_shape)
        names = [self.input_name, *self.extra_inputs]
        return f"{rows.count // self.batch:,} steps of {shape} {rows.dtype.name}, inputs {names}"

    def data_bytes(self, rows: Rowset) -> int:
        """Return the size of the file before compression."""
        steps = rows.count // self.batch * (1 + len(self.extra_inputs))
        return rows.count * rows.row_bytes + steps * _STEP_BYTES

    def is_entry(self, name: str) -> bool:  # noqa: ARG002
        """Return False: it is no folder."""
        return False

    def open(self, path: Path, rows: Rowset, window_bytes: int) -> _Writer:
        """Begin the file; raises ``OSError``."""
        return _Writer(self, path, rows, window_bytes)


class _Writer:
    def __init__(self, kind: H5File, path: Path, rows: Rowset, window_bytes: int) -> None:
        self._kind, self._path, self._rows = kind, path, rows
        self._file = _h5py().File(path, "w")
        self._images = self._file.create_group("data/0")
        self._images.attrs.update(self._attributes(kind.input_name, 0))
        self._pool = ThreadPoolExecutor(kind.jobs, "streamcalib-gzip")
        self._coming: deque[Future[bytes]] = deque()
        self._step = np.empty(0, rows.dtype)
        self._next = self._put_steps = 0
        self._behind, self._pushed = WriteBehind(window_bytes), 0
        self._descriptor = os.open(path, os.O_RDONLY)

    def write(self, row: NDArray[Any], image: str) -> Place:  # noqa: ARG002
        batch = self._kind.batch
        at = self._next % batch
        if not at:
            self._step = np.empty((batch, *self._rows.row_shape), self._rows.dtype)
        self._step[at] = row
        self._next += 1
        if at == batch - 1:
            self._coming.append(self._pool.submit(zlib.compress, self._step.data, _LEVEL))
            while len(self._coming) > 2 * self._kind.jobs:
                self._put()
        return Place("", self._next - 1)

    def _put(self) -> None:
        """Write the oldest step, as one chunk that is compressed already."""
        compressed = self._coming.popleft().result()
        shape = (self._kind.batch, *self._rows.row_shape)
        step = self._images.create_dataset(
            f"batch_{self._put_steps}",
            shape,
            self._rows.dtype,
            chunks=shape,
            compression="gzip",
            compression_opts=_LEVEL,
        )
        step.id.write_direct_chunk((0,) * len(shape), compressed)
        self._put_steps += 1
        size = os.fstat(self._descriptor).st_size
        self._behind.wrote(self._descriptor, self._pushed, size - self._pushed)
        self._pushed = size

    def close(self) -> None:
        while self._coming:
            self._put()
        for order, extra in enumerate(self._kind.extra_inputs.values(), 1):
            self._put_extra(order, extra)
        self.abandon()
        sync(self._path)

    def _put_extra(self, order: int, extra: ExtraInput) -> None:
        group = self._file.create_group(f"data/{order}")
        group.attrs.update(self._attributes(extra.name, order))
        first = group.create_dataset("batch_0", data=extra.repeated(self._kind.batch))
        for step in range(1, self._rows.count // self._kind.batch):
            # The same array under another name.
            group[f"batch_{step}"] = first

    def abandon(self) -> None:
        self._pool.shutdown(cancel_futures=True)
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
        self._file.close()

    def _attributes(self, name: str, order: int) -> dict[str, Any]:
        steps = self._rows.count // self._kind.batch
        return {"name": name, "order": order, "batch_count": steps}


def _h5py() -> Any:
    try:
        import h5py
    except ImportError as error:
        raise MissingExtraError(
            "writing a data set for AI Hub needs the package h5py: pip install "
            "'streamcalib[qai-hub]'."
        ) from error
    return h5py
