"""What is known of a row while its set is built."""

from __future__ import annotations

import numpy as np

COLUMNS = np.dtype(
    [
        ("source", "<i8"),
        ("height", "<u4"),
        ("width", "<u4"),
        ("canvas_crc32c", "<u4"),
        ("row_crc32c", "<u4"),
        ("bytes", "<i8"),
        ("stamp", "<i8"),
        ("route", "u1"),
        ("done", "u1"),
    ]
)
"""What is known of a row; ``row_crc32c`` is of the row as stored, ``bytes`` and ``stamp`` are its
source's, as `Stamp` has them."""
