"""Rows that hold the same picture as another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from streamcalib.manifest_rows import stored_checksums
from streamcalib.verifying.scan import equal_rows

if TYPE_CHECKING:
    from streamcalib.calibset import CalibrationSet


def repeated_rows(calibration: CalibrationSet) -> list[tuple[int, ...]]:
    """Return groups of two and more rows that hold the same, each ascending, by their first row.

    Rows whose recorded checksums are the same are compared byte for byte; raises ``OSError``.
    """
    sums = stored_checksums(calibration.row_records(), calibration.manifest.store)
    return list(equal_rows(calibration.values(), np.arange(len(sums)), sums))
