"""The thresholds that calibrators would choose, by merged histograms."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from streamcalib.choosing.activations.features import magnitude_percentiles
from streamcalib.choosing.activations.histogram import bounds, cumulated
from streamcalib.errors import MissingExtraError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streamcalib.choosing.activations.features import Merged

PERCENTILE = 99.99
"""Of magnitudes, as calibration by percentile is usually asked for."""
ENTROPY_BINS = 512
"""Linear bins over both signs; ONNX Runtime's own default, 128, leaves nothing to choose."""

_QUANTIZED_BINS = 128


def percentile_thresholds(merged: Merged) -> NDArray[np.float64]:
    """Return where calibration by `PERCENTILE` would clip every tensor: (T,)."""
    return magnitude_percentiles(merged.counts, merged.tops, PERCENTILE).astype(np.float64)


def entropy_thresholds(merged: Merged) -> NDArray[np.float64]:
    """Return where calibration by entropy would clip every tensor: (T,).

    The search is ONNX Runtime's, ``HistogramCollector.get_entropy_threshold``, over `ENTROPY_BINS`
    linear bins and 128 quantized ones.

    Raises
    ------
    MissingExtraError
        If ONNX Runtime is not installed.
    """
    try:
        from onnxruntime.quantization.calibrate import HistogramCollector
    except ImportError as error:
        raise MissingExtraError(
            "entropy thresholds need the packages onnx and onnxruntime: pip install "
            "'streamcalib[activations]'."
        ) from error
    collector = HistogramCollector("entropy", True, ENTROPY_BINS, _QUANTIZED_BINS, 100.0, "same")
    found = []
    for counts, top in zip(merged.counts, merged.tops, strict=True):
        linear, edges = _linear(counts, int(top))
        peak = edges[-1:]
        low, high = collector.get_entropy_threshold((linear, edges, -peak[0], peak[0]), 128)
        found.append(max(abs(float(low)), abs(float(high))))
    return np.array(found)


def _linear(counts: NDArray[np.int64], top: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return counts in linear bins up to the largest one that holds something, and their edges."""
    where, sums = bounds(top), cumulated(counts)
    held = np.flatnonzero(counts)
    peak = max(-where[held[0]], where[held[-1] + 1])
    edges = np.linspace(-peak, peak, ENTROPY_BINS + 1)
    return np.diff(np.interp(edges, where, sums).round().astype(np.int64)), edges


def mean_change(chosen: NDArray[np.float64], pool: NDArray[np.float64]) -> float:
    """Return the mean of how much thresholds differ from the pool's, as a part of these."""
    some = pool > 0
    return float(np.abs(chosen[some] / pool[some] - 1).mean()) if some.any() else 0.0
