"""What a zarr array of rows is: its shape, how it lies in shards, and the metadata that says so."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any, Self

import numpy as np

from streamcalib.stores.compression import COMPRESSIONS, Compression, zarr_codecs
from streamcalib.stores.sharding import Sharding

METADATA_NAME = "zarr.json"
"""The object that makes a zarr array of a folder or URL."""

_DTYPES = ("uint8", "float16", "float32")
_SEPARATOR = "."
# Its index is read whole.
_MOST_SHARD_ROWS = 2**24


@dataclass(frozen=True, kw_only=True)
class ZarrLayout:
    """An array of zarr format 3 in shards, as streamcalib writes it.

    Attributes
    ----------
    shape
        ``(rows, *row shape)``.
    dtype
        ``uint8``, ``float16`` or ``float32``.
    sharding
        How rows lie in chunks and shards.
    compression
        Of chunks; each is followed by its CRC-32C.
    """

    shape: tuple[int, ...]
    dtype: str
    sharding: Sharding
    compression: Compression

    @property
    def item_bytes(self) -> int:
        """Size of a value, in bytes."""
        return np.dtype(self.dtype).itemsize

    @property
    def row_bytes(self) -> int:
        """Size of a row before compression, in bytes."""
        return prod(self.shape[1:]) * self.item_bytes

    @property
    def chunk_shape(self) -> tuple[int, ...]:
        """Shape of a chunk."""
        return (self.sharding.chunk_rows, *self.shape[1:])

    def shard_name(self, shard: int) -> str:
        """Return the key of a shard, under zarr's key encoding ``default`` with dots."""
        return _SEPARATOR.join(["c", str(shard), *["0"] * (len(self.shape) - 1)])

    @property
    def shard_names(self) -> list[str]:
        """The keys of all shards."""
        return [self.shard_name(shard) for shard in range(self.sharding.shards(self.shape[0]))]

    def metadata(self, attributes: dict[str, Any]) -> bytes:
        """Return the array's ``zarr.json``, as zarr-python writes it."""
        import zarr
        from zarr.storage import MemoryStore

        written: dict[str, Any] = {}
        zarr.create_array(
            store=MemoryStore(written),
            shape=self.shape,
            dtype=self.dtype,
            shards=(self.sharding.shard_rows, *self.shape[1:]),
            chunks=self.chunk_shape,
            compressors=[*zarr_codecs(self.compression, self.item_bytes), {"name": "crc32c"}],
            filters=None,
            fill_value=0,
            chunk_key_encoding={"name": "default", "configuration": {"separator": _SEPARATOR}},
            attributes=attributes,
        )
        data: bytes = written[METADATA_NAME].to_bytes()
        return data

    @classmethod
    def from_metadata(cls, values: Any) -> Self:
        """Return the layout that a ``zarr.json``, parsed, speaks of.

        Raises
        ------
        ValueError
            If it is no array as streamcalib writes it; the message says what is amiss.
        """
        try:
            array = _Described(values)
            layout = cls(
                shape=array.shape,
                dtype=array.dtype,
                sharding=Sharding(chunk_rows=array.chunk[0], shard_rows=array.shard[0]),
                compression=array.compression,
            )
        except (LookupError, TypeError, AttributeError) as error:
            raise ValueError(f"{error} is amiss") from error
        layout._check(array)
        return layout

    def _check(self, array: _Described) -> None:
        rows = (self.sharding.shard_rows, self.sharding.chunk_rows)
        if self.dtype not in _DTYPES or not all(side > 0 for side in (*self.shape, *rows)):
            raise ValueError("shape or data_type is amiss")
        wanted = ((rows[0], *self.shape[1:]), self.chunk_shape)
        if (array.shard, array.chunk) != wanted or rows[0] % rows[1] or rows[0] > _MOST_SHARD_ROWS:
            raise ValueError("chunk_shape is amiss")


class _Described:
    """What metadata says, as far as it decides where values are and what they are."""

    def __init__(self, values: Any) -> None:
        if (values["zarr_format"], values["node_type"]) != (3, "array"):
            raise ValueError("it is no array of zarr format 3")
        self.shape = _sides(values["shape"])
        self.dtype = str(values["data_type"])
        self.shard = _sides(values["chunk_grid"]["configuration"]["chunk_shape"])
        sharding, others = values["codecs"][0], values["codecs"][1:]
        settings = sharding["configuration"]
        self.chunk = _sides(settings["chunk_shape"])
        names = [codec["name"] for codec in settings["codecs"]]
        index = [codec["name"] for codec in settings["index_codecs"]]
        keys = values["chunk_key_encoding"]
        agreed = (
            sharding["name"] == "sharding_indexed"
            and not others
            and settings.get("index_location", "end") == "end"
            and index == ["bytes", "crc32c"]
            and (keys["name"], keys["configuration"]["separator"]) == ("default", _SEPARATOR)
            and values["chunk_grid"]["name"] == "regular"
            and names[0] == "bytes"
            and names[-1] == "crc32c"
            and _is_little(settings["codecs"][0])
        )
        compression = names[1] if len(names) == 3 else "none"
        if not agreed or len(names) not in (2, 3) or compression not in COMPRESSIONS:
            raise ValueError("its codecs are not those that streamcalib writes")
        self.compression: Compression = compression


def _sides(values: Any) -> tuple[int, ...]:
    if not isinstance(values, list) or not all(type(side) is int for side in values):
        raise TypeError("a shape")
    return tuple(values)


def _is_little(codec: dict[str, Any]) -> bool:
    return bool(codec.get("configuration", {}).get("endian", "little") == "little")
