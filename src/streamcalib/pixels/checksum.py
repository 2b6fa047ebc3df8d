"""The checksum of rows and canvases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import google_crc32c
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def checksum(values: NDArray[Any]) -> int:
    """Return the CRC-32C (RFC 3720) of a C-contiguous array's bytes."""
    return checksums(values[None])[0]


def extended(crc: int, values: NDArray[Any]) -> int:
    """Return the `checksum` of bytes whose sum is ``crc``, followed by those of an array."""
    flat = values.reshape(-1).view(np.uint8)
    flat.flags.writeable = False
    return int(google_crc32c.extend(crc, flat))


def checksums(rows: NDArray[Any]) -> list[int]:
    """Return the `checksum` of every row of a C-contiguous array (k, ...)."""
    flat = rows.reshape(len(rows), -1).view(np.uint8)
    # The package copies writable buffers before reading them.
    flat.flags.writeable = False
    return list(map(google_crc32c.value, flat))
