"""Choices by looks: none twice, and by the rules that they are named after."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.errors import AbsentError
from benchmarks.looks import herd, k_center, looks, medoids

CLOUDS = np.concatenate(
    [np.random.default_rng(3).normal(centre, 0.1, (20, 2)) for centre in (0, 10, 20)]
)


@pytest.mark.parametrize("choose", [k_center, medoids])
def test_one_of_each_cloud(choose):
    """Three images are one of each kind; more are still all different."""
    assert {image // 20 for image in choose(CLOUDS, 3, seed=0)} == {0, 1, 2}
    assert len(set(choose(CLOUDS, 40, seed=1))) == 40


def test_herding_keeps_the_mean():
    """The mean of a few is nearer to that of all than of most random draws."""
    chosen = herd(CLOUDS, 9)
    assert len(set(chosen)) == 9
    generator, mean = np.random.default_rng(0), CLOUDS.mean(0)
    draws = [CLOUDS[generator.choice(60, 9, replace=False)].mean(0) for _ in range(200)]
    far = np.linalg.norm(np.array(draws) - mean, axis=1)
    assert np.linalg.norm(CLOUDS[chosen].mean(0) - mean) < np.percentile(far, 5)


def test_features_of_images(little, tmp_path):
    """One line an image, the same for the same image, standardised; what is none is refused."""
    paths = [str(path) for path in little]
    found = looks([*paths, paths[0]])
    assert found.shape == (len(paths) + 1, 92)
    np.testing.assert_array_equal(found[0], found[-1])
    np.testing.assert_allclose(found.mean(0), 0, atol=1e-9)
    assert len(np.unique(found[:-1].round(6), axis=0)) == len(paths)
    (tmp_path / "no.jpg").write_bytes(b"no image")
    with pytest.raises(AbsentError, match=r"no\.jpg cannot be decoded"):
        looks([str(tmp_path / "no.jpg")])
