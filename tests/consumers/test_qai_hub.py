"""AI Hub's own client reads the data sets that streamcalib writes."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import h5py
import numpy as np
import pytest

import smallsets
from streamcalib import ExtraInput, build, export

pytestmark = [
    pytest.mark.qai_hub,
    pytest.mark.skipif(
        importlib.util.find_spec("qai_hub") is None, reason="qai-hub is not installed"
    ),
]


@pytest.mark.parametrize("suffix", ["npz", "zarr"])
def test_the_clients_reader(tmp_path, suffix):
    """Inputs in their order, one array a step, the set's rows; and as its own writer has them."""
    from qai_hub.util.dataset_entries_converters import dataset_entries_to_h5, h5_to_dataset_entries

    paths = smallsets.make_images(tmp_path / "images", 6)
    extras = [ExtraInput("size", [640, 480], "int64")] if suffix == "npz" else []
    calibration = build(
        paths, tmp_path / f"c.{suffix}", recipe=smallsets.RECIPE, jobs=1, extra_inputs=extras
    )
    export(calibration, tmp_path / "d.h5", "qai-hub", batch=2)
    with h5py.File(tmp_path / "d.h5", "r") as file:
        found = h5_to_dataset_entries(file)
    assert list(found) == ["images", *(extra.name for extra in extras)]
    assert [step.shape for step in found["images"]] == [(2, 3, 16, 16)] * 3
    np.testing.assert_array_equal(np.concatenate(found["images"]), smallsets.rows(paths))
    for extra in extras:
        np.testing.assert_array_equal(np.concatenate(found[extra.name]), [extra.value] * 6)
    with h5py.File(tmp_path / "theirs.h5", "w") as file:
        dataset_entries_to_h5(found, file)
    assert description(tmp_path / "theirs.h5") == description(tmp_path / "d.h5")


def description(path: Path) -> dict[str, object]:
    """Return every group's attributes, and every array's shape, dtype and compression."""
    found: dict[str, object] = {}
    with h5py.File(path, "r") as file:
        for group in file["data"].values():
            found[group.name] = {key: str(value) for key, value in group.attrs.items()}
            for step in group.values():
                # Constant inputs are not compressed: they are one array under several names.
                packed = step.compression if group.attrs["order"] == 0 else None
                found[step.name] = step.shape, step.dtype, packed
    return found
