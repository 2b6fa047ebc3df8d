"""The compression of a zarr array's chunks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args

if TYPE_CHECKING:
    from numpy.typing import NDArray

Compression = Literal["none", "zstd", "blosc"]
COMPRESSIONS: tuple[Compression, ...] = get_args(Compression)

# The fastest of each: of photographs, slower ones save little more.
_LEVEL = 1
_BLOSC_NAME = "lz4"


class _Codec(Protocol):
    def encode(self, data: Any) -> bytes: ...

    def decode(self, data: Any, out: Any = None) -> Any: ...


def zarr_codecs(compression: Compression, item_bytes: int) -> list[dict[str, Any]]:
    """Return the codecs between ``bytes`` and ``crc32c``, as zarr's metadata names them."""
    if compression == "zstd":
        return [{"name": "zstd", "configuration": {"level": _LEVEL, "checksum": False}}]
    if compression == "blosc":
        settings = {
            "typesize": item_bytes,
            "cname": _BLOSC_NAME,
            "clevel": _LEVEL,
            "shuffle": "noshuffle" if item_bytes == 1 else "shuffle",
            "blocksize": 0,
        }
        return [{"name": "blosc", "configuration": settings}]
    return []


class Compressor:
    """Compresses and restores chunks; without compression they stay what they are.

    numcodecs does it, as in zarr-python.

    Attributes
    ----------
    is_none
        Whether chunks are stored as they are.
    """

    def __init__(self, compression: Compression, item_bytes: int) -> None:
        self._codec = _codec(compression, item_bytes)
        self.is_none = self._codec is None

    def encode(self, chunk: NDArray[Any]) -> Any:
        """Return the bytes to store of a C-contiguous chunk."""
        return (
            chunk.reshape(-1).view("u1").data if self._codec is None else self._codec.encode(chunk)
        )

    def decode(self, data: Any, out: NDArray[Any]) -> None:
        """Restore a chunk into C-contiguous ``out``; raises ``ValueError`` if it does not fit."""
        flat = out.reshape(-1).view("u1")
        try:
            if self._codec is None:
                flat[:] = memoryview(data)
            else:
                # Into what is there: a chunk says itself how large it claims to be.
                self._codec.decode(data, flat)
        except (RuntimeError, ValueError) as error:
            raise ValueError(f"it cannot be restored: {error}") from error


def _codec(compression: Compression, item_bytes: int) -> _Codec | None:
    codec: _Codec
    if compression == "zstd":
        from numcodecs.zstd import Zstd

        codec = Zstd(level=_LEVEL, checksum=False)
    elif compression == "blosc":
        from numcodecs import blosc

        shuffle = blosc.NOSHUFFLE if item_bytes == 1 else blosc.SHUFFLE
        codec = blosc.Blosc(cname=_BLOSC_NAME, clevel=_LEVEL, shuffle=shuffle, typesize=item_bytes)
    else:
        return None
    return codec
