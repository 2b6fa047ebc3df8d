"""Rows in another layout, range or dtype."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import smallsets
from streamcalib import Recipe, build
from streamcalib.errors import InputError, RecipeError
from streamcalib.readers.view import viewed

MEAN = Recipe(height=16, width=16, mean=(0.5, 0.25, 0.125), std=(0.5, 0.25, 2.0))


@pytest.fixture(scope="module", params=["final", "uint8"])
def calibration(tmp_path_factory, request):
    folder = tmp_path_factory.mktemp("view")
    paths = smallsets.make_images(folder / "images", 6)
    return build(paths, folder / "calib.npy", recipe=MEAN, store=request.param, jobs=1)


def bytes_of(calibration) -> np.ndarray:
    rows = calibration.values().read(0, 6)
    mean, std = (np.array(each, np.float32)[:, None, None] for each in (MEAN.mean, MEAN.std))
    return np.rint((rows * std + mean) * 255).astype(np.uint8)


def test_bytes_are_the_canvas(calibration):
    """``0-255`` gives what mean, std and scale were applied to, in either store."""
    view = viewed(calibration, scale="0-255")
    assert view.rows(1, 4).dtype == np.uint8
    np.testing.assert_array_equal(view.rows(1, 4), bytes_of(calibration)[1:4])


def test_from_nought_to_one(calibration):
    """``0-1`` divides the same bytes by 255, as float32 does."""
    view = viewed(calibration, scale="0-1")
    expected = bytes_of(calibration).astype(np.float32) / np.float32(255)
    np.testing.assert_array_equal(view.rows(0, 6), expected)


def test_bytes_as_floats(calibration):
    """``0-255`` as float32, with pixels last."""
    view = viewed(calibration, scale="0-255", dtype="float32", layout="NHWC")
    rows = view.rows(2, 5)
    assert rows.dtype == np.float32
    assert rows.flags.c_contiguous
    np.testing.assert_array_equal(rows, bytes_of(calibration)[2:5].transpose(0, 2, 3, 1))


def test_another_layout_alone_copies_nothing(calibration):
    """Axes in another order: of a file of final values, a view of it."""
    rows = viewed(calibration, layout="NHWC").rows(0, 6)
    np.testing.assert_array_equal(rows, calibration.rows(0, 6).transpose(0, 2, 3, 1))
    if calibration.is_mapped:
        assert np.shares_memory(rows, calibration.array())
        assert not rows.flags.writeable


def test_what_differs_in_nothing_is_the_set_itself(calibration):
    """No view for no reason."""
    assert viewed(calibration) is calibration
    assert viewed(calibration, layout="NCHW", dtype="float32") is calibration


def test_views_are_copied_by_path(calibration):
    """A pickle of a view is small, and reads the same rows."""
    view = viewed(calibration, scale="0-1", layout="NHWC")
    data = pickle.dumps(view)
    assert len(data) < 3000
    for copied in (pickle.loads(data), copy.deepcopy(view)):
        np.testing.assert_array_equal(copied.rows(0, 2), view.rows(0, 2))


def test_wrong_wishes_are_named(calibration):
    """A range that is none, and a dtype that cannot hold the values."""
    with pytest.raises(InputError, match="'0-1' or '0-255'"):
        viewed(calibration, scale="0..1")
    with pytest.raises(RecipeError, match="uint8"):
        viewed(calibration, dtype="uint8")
    with pytest.raises(RecipeError, match="layout"):
        viewed(calibration, layout="CHW")
