"""A finished calibration set: opened, inspected, and read without being loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from streamcalib.card import card
from streamcalib.commands import set_commands
from streamcalib.errors import InputError, SetError
from streamcalib.extra_inputs import ExtraInput
from streamcalib.manifest import Manifest, rows_path
from streamcalib.manifest_rows import read_rows, stored_checksums
from streamcalib.opened import data_bytes, data_path, made_ns, open_rows
from streamcalib.readers.named import Readers
from streamcalib.remotepath import is_file
from streamcalib.setid import Identified
from streamcalib.stores.stored import MappedRows
from streamcalib.values import Canvases, RowValues
from streamcalib.wording import printable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike

    from numpy.typing import NDArray

    from streamcalib.recipe import Recipe
    from streamcalib.remotepath import RemotePath, SetPath
    from streamcalib.stores.stored import StoredRows


class CalibrationSet(Readers, Identified):
    """A finished set and its manifest; a row source for readers.

    Pickles and copies by path: whoever gets a copy maps the file anew.

    Attributes
    ----------
    path
        The data file, the folder of a ``.zarr``, or its URL.
    manifest
        What the set is and was made of.
    """

    def __init__(self, path: SetPath, manifest: Manifest) -> None:
        self.path = path
        self.manifest = manifest
        self._rows: StoredRows | None = None
        self._values: RowValues | None = None
        self._checked: RowValues | None = None
        self._canvases: Canvases | None = None

    @classmethod
    def open(cls, path: str | PathLike[str] | RemotePath) -> Self:
        """Open a set by its data file or URL, and hold the data against its manifest.

        Raises
        ------
        SourceError
            If the file does not exist.
        SetError
            If it is no calibration set, has no manifest, or its array is not the one that the
            manifest describes.
        """
        data, shown = data_path(path), printable(str(path))
        opened = cls(data, Manifest.read(data))
        if not isinstance(opened.manifest.rows, list) and not is_file(rows_path(data)):
            raise SetError(f"{shown} lacks {printable(rows_path(data).name)}: copy that file, too.")
        stored = opened._stored()
        declared = opened.manifest
        if (stored.shape, stored.dtype.name) != (declared.shape, declared.dtype):
            raise SetError(
                f"{shown} holds {stored.shape} {stored.dtype.name}, but its manifest says "
                f"{declared.shape} {declared.dtype}: one of the two was replaced."
            )
        if isinstance(declared.rows, list) and len(declared.rows) != len(opened):
            raise SetError(
                f"the manifest of {shown} has {len(declared.rows)} records of {len(opened)} rows: "
                "it is damaged."
            )
        return opened

    @property
    def shown(self) -> str:
        """The set's name in messages."""
        return printable(self.path.name)

    @property
    def input_name(self) -> str:
        """The graph's input that the rows were made for."""
        return self.manifest.input_name

    @property
    def model_path(self) -> str | None:
        """The ONNX file that the set was built for, where that was said."""
        return self.manifest.model["path"] if self.manifest.model else None

    @property
    def observed_range(self) -> tuple[float, float]:
        """Lowest and highest value of all rows, as the manifest says."""
        low, high = self.manifest.value_range["observed"]
        return low, high

    @property
    def recipe(self) -> Recipe:
        """What the rows are."""
        return self.manifest.recipe

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of all rows as the model sees them: ``(N, 3, H, W)`` or ``(N, H, W, 3)``."""
        return (len(self), *self.recipe.row_shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Dtype of the values that the model sees."""
        return np.dtype(self.manifest.recipe.dtype)

    def __len__(self) -> int:
        return self.manifest.shape[0]

    @property
    def extra_inputs(self) -> dict[str, ExtraInput]:
        """The model's further inputs by name."""
        stored = self.manifest.extra_inputs.items()
        return {name: ExtraInput.from_dict(name, extra) for name, extra in stored}

    def array(self) -> NDArray[Any]:
        """Map all rows, read-only; nothing is loaded until it is touched.

        Raises
        ------
        SetError
            If the file does not hold the array that a set of its kind holds, if it holds canvases
            (``store`` is ``uint8``), or if it is a ``.zarr``: their values are read by `batches`.
        """
        stored = self._stored()
        if self.manifest.store == "uint8":
            raise SetError(
                f"{printable(self.path.name)} holds uint8 canvases, not the {self.dtype.name} "
                "values that the model sees: read them with batches() or a reader, or write them "
                "to a file with 'streamcalib finalize'."
            )
        if not isinstance(stored, MappedRows):
            raise SetError(
                f"{printable(self.path.name)} is in shards, which cannot be mapped as one array: "
                "read its values with batches() or a reader, or write them to a file with "
                "'streamcalib finalize'."
            )
        return stored.array

    def values(self) -> RowValues:
        """Return the rows as the model sees them, whatever the file holds; see `RowValues`."""
        if self._values is None:
            self._values = RowValues(self._stored(), self.recipe, self.manifest.store)
        return self._values

    def checked_values(self) -> RowValues:
        """Return `values` that hold each row, as it is read, against its recorded checksum.

        Raises
        ------
        SetError
            If the manifest's records of rows are damaged.
        """
        kind = self.manifest.store
        return RowValues(
            self._stored(), self.recipe, kind, stored_checksums(self.row_records(), kind)
        )

    def checked_canvases(self) -> Canvases:
        """Return the canvases of all rows, each held against its recorded checksum.

        Raises
        ------
        SetError
            If the manifest's records of rows are damaged.
        """
        sums = stored_checksums(self.row_records(), "uint8")
        return Canvases(self._stored(), self.recipe, self.manifest.store, sums)

    def rows(self, start: int, stop: int) -> NDArray[Any]:
        """Return rows ``start`` to ``stop``: (stop - start, *row shape), C-contiguous.

        A read-only view of a file of final values, else a fresh array.

        Raises
        ------
        DamagedError
            If a row is not what its recorded checksum says.
        """
        if self._checked is None:
            self._checked = self.checked_values()
        return self._checked.read(start, stop)

    def canvases(self, start: int, stop: int) -> NDArray[np.uint8]:
        """Return the canvases of rows ``start`` to ``stop``: (stop - start, 3, H, W), 0..255.

        Raises
        ------
        DamagedError
            If one is not what its recorded checksum says.
        """
        if self._canvases is None:
            self._canvases = self.checked_canvases()
        return self._canvases.read(start, stop)

    @property
    def is_mapped(self) -> bool:
        """Whether `rows` gives views of a file instead of fresh arrays."""
        return self.values().is_mapped

    def batches(self, size: int, *, reuse: bool = False) -> Iterator[NDArray[Any]]:
        """Yield all rows in order, ``size`` at a time, as the model sees them.

        The last batch may be short. From a file of final values they are mapped read-only views;
        from one of uint8 canvases they are encoded, each while the caller works on the one before.

        Parameters
        ----------
        size
            Rows in a batch: (size, *row shape).
        reuse
            Encode into one buffer again and again, which is about twice as fast: each batch is
            gone when the next one is asked for. Some quantizers keep what they are given; for them
            every batch is a fresh array.

        Raises
        ------
        InputError
            If ``size`` is below 1.
        """
        if size < 1:
            raise InputError(f"a batch has at least 1 row, not {size}.")
        return self.values().batches(size, reuse=reuse)

    def _stored(self) -> StoredRows:
        if self._rows is None:
            self._rows = open_rows(self.path, self.manifest.input_name)
        return self._rows

    @property
    def stored_bytes(self) -> int:
        """Size of the data on disk, in bytes; raises ``OSError``."""
        return data_bytes(self.path)

    @property
    def made_ns(self) -> int:
        """When the data was written, in ns since the epoch; raises ``OSError``."""
        return made_ns(self.path)

    def row_records(self) -> Iterator[dict[str, Any]]:
        """Yield the manifest's record of every row, in order.

        Raises
        ------
        SetError
            If the side file that holds them is not the one that the manifest knows; at the end at
            the latest.
        """
        if isinstance(self.manifest.rows, list):
            yield from self.manifest.rows
        else:
            yield from read_rows(
                rows_path(self.path),
                len(self),
                self.manifest.rows["sha256"],
                listed=self.manifest.images["count"],
            )

    @property
    def commands(self) -> dict[str, str]:
        """What can be done with the set where it lies now, in words, and the command for it."""
        return set_commands(self.path, self.manifest.store, self.manifest.model)

    def card(self) -> str:
        """Return what a person wants to know of the set, in Markdown."""
        return card(self.path, self.manifest)

    def __repr__(self) -> str:
        return f"<CalibrationSet {printable(self.path.name)}: {self.shape} {self.dtype.name}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return CalibrationSet.open, (self.path,)
