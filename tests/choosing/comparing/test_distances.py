"""Distances of sets from a pool, and of random draws."""

from __future__ import annotations

import numpy as np
import pytest

from streamcalib.choosing.activations.features import (
    EDGES,
    WHOLE,
    Features,
    Merged,
    magnitude_percentiles,
    pool_edges,
    shares_at,
)
from streamcalib.choosing.activations.histogram import BINS, count, scan, top_octave, widened
from streamcalib.choosing.activations.observer import Observation
from streamcalib.choosing.comparing.distances import Pool, beaten
from streamcalib.choosing.comparing.thresholds import (
    ENTROPY_BINS,
    entropy_thresholds,
    linear_bins,
    mean_change,
    percentile_thresholds,
)


def observation(*tensors):
    """Return what is seen of an image with these values in its tensors."""
    peaks, tops, counts = [], [], []
    for values in tensors:
        peak, halves = scan(values.astype(np.float32))
        peaks.append(peak)
        tops.append(top_octave(peak))
        counts.append(count(halves, tops[-1]))
    return Observation(
        np.array(peaks, np.float32), np.array(tops, np.uint8), np.array(counts, np.uint32)
    )


def merged_of(images):
    tops = np.max([image.tops for image in images], 0).astype(np.int64)
    counts = sum(widened(image.counts, image.tops.astype(np.int64), tops) for image in images)
    return Merged(tops, counts)


def exact_ks(one, other):
    """Return the Kolmogorov-Smirnov distance of two samples."""
    where = np.sort(np.concatenate([one, other]))
    cumulated = [
        np.searchsorted(np.sort(values), where, "right") / len(values) for values in (one, other)
    ]
    return np.abs(cumulated[0] - cumulated[1]).max()


def test_distances_are_those_of_the_values_themselves(generator):
    """KS to within what lies between two edges, shortfall to the last bit."""
    scales = generator.uniform(0.5, 3, 20)
    values = [generator.normal(scale / 4, scale, 4000).astype(np.float32) for scale in scales]
    images = [observation(value, value * 2) for value in values]
    merged = merged_of(images)
    shares = np.stack([shares_at(image, merged.tops, pool_edges(merged)) for image in images])
    features = Features(shares, np.stack([image.peaks for image in images]))
    pool = Pool(features, np.arange(20))
    found = pool.distances([[0, 3, 5], list(range(20))])
    expected = exact_ks(np.concatenate([values[i] for i in (0, 3, 5)]), np.concatenate(values))
    assert found.ks[0] == pytest.approx([expected] * 2, abs=1 / EDGES)
    assert (found.ks[1] < 1 / WHOLE).all()
    largest = [max(np.abs(values[i]).max() for i in some) for some in ((0, 3, 5), range(20))]
    assert found.shortfall[0] == pytest.approx([1 - largest[0] / largest[1]] * 2, rel=1e-6)


def test_draws_are_drawn_again():
    """The same seed gives the same draws; of the whole pool there is but one."""
    generator = np.random.default_rng(0)
    features = Features(
        generator.integers(0, WHOLE, (30, 2, EDGES), np.uint16),
        generator.random((30, 2), np.float32),
    )
    pool = Pool(features, np.arange(5, 30))
    one, same, other = (pool.draws(7, 20, seed) for seed in (1, 1, 2))
    assert (one.ks == same.ks).all()
    assert (one.ks != other.ks).any()
    assert pool.draws(25, 3, 0).ks.max() < 1e-9
    assert pool.draws(25, 3, 0).shortfall.max() == 0


def test_what_is_beaten():
    """Equals count half."""
    assert beaten(2.0, np.array([1.0, 2.0, 3.0, 4.0])) == 0.625
    assert beaten(0.0, np.array([1.0])) == 1
    assert beaten(2.0, np.array([1.0])) == 0


def test_percentile_thresholds_are_numpys(generator):
    """To within a bin: a 64th."""
    values = generator.normal(0, 1, (3, 200_000)) * [[0.1], [1.0], [7.0]]
    merged = merged_of([observation(*values)])
    found = percentile_thresholds(merged)
    assert found == pytest.approx(np.percentile(np.abs(values), 99.99, axis=1), rel=1 / 60)
    half = magnitude_percentiles(merged.counts, merged.tops, 50.0)
    assert half == pytest.approx(np.percentile(np.abs(values), 50, axis=1), rel=1 / 60)


def test_entropy_thresholds_are_onnx_runtimes(generator):
    """The search finds what ONNX Runtime's own does in the same bins, of whatever shape."""
    from onnxruntime.quantization.calibrate import HistogramCollector

    collector = HistogramCollector("entropy", True, ENTROPY_BINS, 128, 100.0, "same")
    for values in (
        np.concatenate([generator.normal(0, 1, 50_000), [9.0, -8.0]]),
        generator.gamma(1, 1, 50_000),
        np.maximum(generator.normal(-1, 2, 50_000), 0),
    ):
        merged = merged_of([observation(values)])
        [found] = entropy_thresholds(merged)
        counts, edges = linear_bins(merged.counts[0], int(merged.tops[0]))
        peak = edges[-1]
        low, high = collector.get_entropy_threshold((counts, edges, -edges[-1:][0], peak), 128)
        assert found == pytest.approx(max(-low, high), rel=1e-6)
        assert found <= np.abs(values).max() * (1 + 1 / 32)


def test_how_much_thresholds_move():
    """As a part of the pool's; tensors that are always zero have none."""
    assert mean_change(np.array([1.1, 0.9, 0.0]), np.array([1.0, 1.0, 0.0])) == pytest.approx(0.1)
    assert mean_change(np.zeros(2), np.zeros(2)) == 0
    assert BINS > 0
