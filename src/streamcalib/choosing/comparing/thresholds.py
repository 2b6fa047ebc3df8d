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


def all_thresholds(merged: Merged, peaks: NDArray[np.float32]) -> dict[str, NDArray[np.float64]]:
    """Return where each calibrator would clip every tensor, by its name.

    ``peaks`` are the largest magnitudes of the images (N, T), exact, which is what ``max`` takes.
    """
    return {
        "max": peaks.max(0).astype(np.float64),
        "percentile": percentile_thresholds(merged),
        "entropy": entropy_thresholds(merged),
    }


def percentile_thresholds(merged: Merged) -> NDArray[np.float64]:
    """Return where calibration by `PERCENTILE` would clip every tensor: (T,)."""
    return magnitude_percentiles(merged.counts, merged.tops, PERCENTILE).astype(np.float64)


def entropy_thresholds(merged: Merged) -> NDArray[np.float64]:
    """Return where calibration by entropy would clip every tensor: (T,).

    The search is ONNX Runtime's, ``HistogramCollector.get_entropy_threshold``, over `ENTROPY_BINS`
    linear bins and 128 quantized ones; done here, since its own takes half a second a tensor.

    Raises
    ------
    MissingExtraError
        If ONNX Runtime is not installed.
    """
    found = []
    for counts, top in zip(merged.counts, merged.tops, strict=True):
        linear, edges = linear_bins(counts, int(top))
        found.append(_least_divergence(linear, edges))
    return np.array(found)


def _least_divergence(counts: NDArray[np.int64], edges: NDArray[np.float64]) -> float:
    """Return the threshold at which quantized counts tell least from what they were."""
    try:
        from onnxruntime.quantization.calibrate import entropy
        from onnxruntime.quantization.quant_utils import smooth_distribution
    except ImportError as error:
        raise MissingExtraError(
            "entropy thresholds need the packages onnx and onnxruntime: pip install "
            "'streamcalib[activations]'."
        ) from error
    middle, least, best = len(counts) // 2, np.inf, float(edges[-1])
    for half in range(_QUANTIZED_BINS // 2, middle + 1):
        start, end = middle - half, min(middle + half + 1, len(counts))
        inside = counts[start:end]
        clipped = inside.copy()
        clipped[0] += counts[:start].sum()
        clipped[-1] += counts[end:].sum()
        width = len(inside) // _QUANTIZED_BINS
        even = width * _QUANTIZED_BINS
        quantized = inside[:even].reshape(-1, width).sum(1)
        quantized[-1] += inside[even:].sum()
        held = (clipped[:even] != 0).reshape(-1, width).sum(1)
        spread = np.zeros_like(clipped)
        spread[:even] = np.repeat(np.where(held, quantized / np.maximum(held, 1), 0), width)
        was, became = smooth_distribution(clipped), smooth_distribution(spread)
        if was is None or became is None:
            continue
        if (divergence := float(entropy(was, became))) < least:
            least, best = divergence, max(-float(edges[start]), float(edges[end]))
    return min(best, float(edges[-1]))


def linear_bins(
    counts: NDArray[np.int64], top: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
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
