"""Polygraphy's loader, without Polygraphy: copies, and what it gives before it is told anything."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import smallsets
from streamcalib import ExtraInput, build


@pytest.fixture
def loader(tmp_path):
    paths = smallsets.make_images(tmp_path / "images", 4)
    size = ExtraInput("orig_size", [640, 480], "int64")
    calib = build(paths, tmp_path / "c.npz", recipe=smallsets.RECIPE, jobs=1, extra_inputs=[size])
    return calib.polygraphy_loader(batch_size=3, remainder="pad")


def test_a_signature_is_what_steps_are(loader):
    """Without reading one."""
    step = loader.get_first()
    assert loader.signature() == {
        name: (array.dtype.name, array.shape) for name, array in step.items()
    }


def test_copies_pad_as_the_loader_does(loader):
    """And know nothing of a network, as it does."""
    for copied in (copy.deepcopy(loader), pickle.loads(pickle.dumps(loader))):
        assert copied.input_metadata is None
        assert len(copied) == 2
        for ours, theirs in zip(copied, loader, strict=True):
            np.testing.assert_array_equal(ours["images"], theirs["images"])
