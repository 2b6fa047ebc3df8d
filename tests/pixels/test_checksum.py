"""Checksums: CRC-32C of an array's bytes."""

from __future__ import annotations

import google_crc32c
import numpy as np
import pytest

from streamcalib.pixels.checksum import checksum


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        # RFC 3720, B.4, and the check value of CRC-32C.
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(31, -1, -1)), 0x113FDB5C),
        (b"123456789", 0xE3069283),
    ],
)
def test_the_checksum_is_crc32c(data: bytes, expected: int):
    """The checksum is CRC-32C: the RFC's own examples come out."""
    assert checksum(np.frombuffer(data, np.uint8)) == expected


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32"])
def test_the_checksum_is_of_the_bytes_in_order(dtype: str, generator):
    """Any dtype and shape is summed as its bytes lie, and stays writable."""
    values = generator.integers(0, 255, (3, 5, 7)).astype(dtype)
    assert checksum(values) == google_crc32c.value(values.tobytes())
    assert values.flags.writeable
    changed = values.copy()
    changed[2, 4, 6] += 1
    assert checksum(changed) != checksum(values)
