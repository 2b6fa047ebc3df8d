"""What is said when a reader is made."""

from __future__ import annotations

import logging

import pytest

import smallsets
from streamcalib import build
from streamcalib.readers import advising


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("advising")
    paths = smallsets.make_images(folder / "images", 6)
    build(paths, folder / "float32.npy", recipe=smallsets.RECIPE, jobs=1)
    build(paths, folder / "uint8.npy", recipe=smallsets.RECIPE, store="uint8", jobs=1)
    return folder


@pytest.fixture
def calibration(folder):
    from streamcalib import CalibrationSet

    return CalibrationSet.open(folder / "float32.npy")


@pytest.mark.parametrize(
    ("method", "said"),
    [
        ("modelopt_reader", "ModelOpt's guide names at least 500"),
        ("polygraphy_loader", "TensorRT's guide names about 500"),
        ("representative_dataset", "100 to 500"),
        ("edge_reader", "100 to 500"),
        ("aimet_reader", "1,000"),
    ],
)
def test_too_few_rows(calibration, caplog, method, said):
    """Fewer than the vendor advises, by the vendor's own words."""
    getattr(calibration, method)()
    (warning,) = caplog.records
    assert warning.levelno == logging.WARNING
    assert warning.getMessage().startswith("float32.npy: 6 rows may be too few: ")
    assert said in warning.getMessage()


def test_rows_count_once(calibration, caplog):
    """Rows that only fill up the last step are no more rows, and dropped ones are none."""
    calibration.modelopt_reader(batch_size=4, remainder="pad")
    calibration.modelopt_reader(batch_size=4, remainder="drop")
    first, second = (record.getMessage() for record in caplog.records)
    assert "6 rows" in first
    assert "4 rows" in second


@pytest.mark.parametrize("method", ["ort_reader", "quark_reader", "reader"])
def test_where_nobody_advises_nothing_is_said(calibration, caplog, method):
    """Nor of a plain reader, whose consumer is not known."""
    getattr(calibration, method)()
    assert not caplog.records


@pytest.mark.parametrize("method", ["quark_reader", "edge_reader"])
def test_consumers_that_list_everything(folder, caplog, monkeypatch, method):
    """Of rows that are made, the memory is named; more than is free is a warning."""
    from streamcalib import CalibrationSet

    caplog.set_level(logging.INFO, "streamcalib")
    reading = getattr(CalibrationSet.open(folder / "uint8.npy"), method)
    for free, level in ((10**9, logging.INFO), (1000, logging.WARNING)):
        caplog.clear()
        monkeypatch.setattr(advising, "available_bytes", lambda free=free: free)
        reading()
        told = caplog.records[-1]
        assert told.levelno == level
        # 6 rows of 3 x 16 x 16 float32.
        assert "makes a list of all steps, which takes 18.4 kB" in told.getMessage()
        assert "finalize" in told.getMessage()
    caplog.clear()
    getattr(CalibrationSet.open(folder / "float32.npy"), method)()
    assert not [record for record in caplog.records if "list" in record.getMessage()]
