"""The fifteen mistakes that ruin calibration most often: each is made here, and stopped or named.

They are numbered as in docs/quantizers.md. Those of which no message can tell are named at the end.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

import smallsets
from graphs import FLOAT16, Input, ultralytics, write_graph
from streamcalib import CalibrationSet, build
from streamcalib.errors import BadImagesError, InputError, ModelError

SIDE = smallsets.SIDE
FITTING = Input(shape=(1, 3, SIDE, SIDE))


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    return smallsets.make_images(tmp_path_factory.mktemp("mistakes") / "images", 6)


@pytest.fixture
def built(paths, tmp_path):
    """Return a function that builds the images by the usual recipe with changes."""

    def build_with(name: str = "calib.npy", **changes) -> CalibrationSet:
        recipe = replace(smallsets.RECIPE, name="custom", **changes) if changes else None
        return build(paths, tmp_path / name, recipe=recipe or smallsets.RECIPE, jobs=1)

    return build_with


@pytest.fixture
def exported(tmp_path):
    """A graph as Ultralytics exports it."""
    return write_graph(
        tmp_path / "exported.onnx", FITTING, metadata=ultralytics(imgsz=f"[{SIDE}, {SIDE}]")
    )


@pytest.fixture
def plain(tmp_path):
    """A graph that says nothing of its preprocessing."""
    return write_graph(tmp_path / "plain.onnx", FITTING)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"pad_value": 0}, r"pad_value 0 instead of 114"),
        ({"anchor": "top-left"}, r"anchor top-left instead of center"),
    ],
)
def test_1_preprocessing_unlike_inference(built, exported, changes, said):
    with pytest.raises(ModelError, match=said):
        built(**changes).reader(model=exported)


def test_2_everything_loaded(built, monkeypatch, caplog):
    """A consumer that makes a list of all rows is told of before it begins."""
    from streamcalib.readers import advising

    calib = built("calib.zarr")
    monkeypatch.setattr(advising, "available_bytes", lambda: 1000)
    calib.quark_reader()
    assert "Quark makes a list of all steps, which takes 18.4 kB; 1.0 kB" in caplog.text


def test_3_and_9_calibrated_on_almost_nothing(built, caplog):
    """Fewer rows than the vendor advises; and never on random data."""
    built().modelopt_reader()
    assert "6 rows may be too few: ModelOpt's guide names at least 500" in caplog.text
    with pytest.raises(InputError):
        build([], "nothing.npy", recipe=smallsets.RECIPE)


def test_4_bytes_where_fractions_are_expected(built, plain):
    with pytest.raises(ModelError, match=r"go up to 255, and nothing in the graph normalizes"):
        built(scale=1.0).reader(model=plain)


def test_4_normalized_twice(built, tmp_path):
    import onnx
    from onnx import helper, numpy_helper

    model = onnx.load(str(write_graph(tmp_path / "divides.onnx", FITTING)))
    model.graph.node[0].CopyFrom(helper.make_node("Div", ["images", "by"], ["output0"]))
    model.graph.initializer.append(numpy_helper.from_array(np.float32(255), "by"))
    onnx.save(model, str(tmp_path / "divides.onnx"))
    with pytest.raises(ModelError, match="they would be normalized twice"):
        built().reader(model=tmp_path / "divides.onnx")


def test_5_what_is_handed_over(built, tmp_path):
    """Another name and another dtype than the graph's; an input name that it does not have."""
    calib = built()
    model = write_graph(tmp_path / "m.onnx", Input("pixels", (1, 3, SIDE, SIDE), FLOAT16))
    with pytest.raises(ModelError) as caught:
        calib.reader(model=model)
    assert "its image input is called 'pixels', not 'images'" in str(caught.value)
    assert "it takes float16, and the rows are float32; nothing is cast" in str(caught.value)
    with pytest.raises(ModelError, match="pass input_name='pixels'"):
        calib.reader("data", model=model)


def test_6_batches_that_do_not_fit(built, tmp_path):
    """A remainder, a set smaller than a batch, another batch than the graph's."""
    calib = built()
    fixed = write_graph(tmp_path / "m.onnx", Input(shape=(4, 3, SIDE, SIDE)))
    with pytest.raises(InputError, match="batch_size 4 does not divide the 6 rows"):
        calib.reader(model=fixed)
    with pytest.raises(InputError, match=r"batch_size 8 is more than the 6 rows"):
        calib.reader(batch_size=8, remainder="drop")
    with pytest.raises(ModelError, match="fixed at 4, and steps of 1 were asked for"):
        calib.reader(model=fixed, batch_size=1)


def test_8_blue_taken_for_red(built, exported):
    with pytest.raises(ModelError, match="channel_order BGR instead of RGB"):
        built(channel_order="BGR").reader(model=exported)


def test_10_sides_left_open(paths, tmp_path):
    """A graph that does not say its height and width is asked for them."""
    model = write_graph(tmp_path / "open.onnx", Input(shape=("batch", 3, "height", "width")))
    with pytest.raises(InputError, match=r"--imgsz"):
        build(paths, tmp_path / "calib.npy", model=model, jobs=1)


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ((1, SIDE, SIDE, 3), "takes NHWC, and the rows are NCHW: read them with layout='NHWC'"),
        ((1, 3, SIDE, 2 * SIDE), "takes 16x32 pixels, and the rows are 16x16"),
    ],
)
def test_11_layout_and_sides(built, tmp_path, shape, said):
    model = write_graph(tmp_path / "m.onnx", Input(shape=shape))
    with pytest.raises(ModelError, match=said):
        built().reader(model=model)


def test_12_a_stale_cache(built, plain, paths, tmp_path):
    """Caches are called after set and model; another choice of images is another cache."""
    calib = built()
    other = build(paths[1:], tmp_path / "other.npy", recipe=smallsets.RECIPE, jobs=1)
    assert calib.cache_name(plain) == CalibrationSet.open(calib.path).cache_name(plain)
    assert calib.cache_name(plain) != other.cache_name(plain)


def test_13_images_that_are_none(paths, tmp_path):
    """Truncated, missing and empty ones: all of them named, with their reasons."""
    cut, gone, empty = (tmp_path / f"{name}.jpg" for name in ("cut", "gone", "empty"))
    cut.write_bytes(paths[0].read_bytes()[:-200])
    empty.touch()
    with pytest.raises(BadImagesError) as caught:
        build([*paths, cut, gone, empty], tmp_path / "c.npy", recipe=smallsets.RECIPE, jobs=1)
    named = {failure.path.rpartition("/")[2]: failure.reason for failure in caught.value.failures}
    assert set(named) == {"cut.jpg", "gone.jpg", "empty.jpg"}
    assert all(named.values())


def test_14_orientation_is_applied(tmp_path):
    """A photograph that lies on its side is stood upright, as OpenCV's reader does it."""
    data = smallsets.jpeg(0)
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    tag = b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif
    turned = tmp_path / "turned.jpg"
    turned.write_bytes(data[:2] + tag + data[2:])
    upright = cv2.imread(str(turned))
    assert upright.shape[:2] == smallsets.picture(0).shape[1::-1]
    calib = build([turned], tmp_path / "calib.npy", recipe=smallsets.RECIPE, jobs=1)
    np.testing.assert_array_equal(calib.rows(0, 1)[0], smallsets.row(turned))


def test_which_are_tested_elsewhere():
    """What ``streamcalib report`` shows (7, not representative), and ``bench`` (15, slow)."""
    tested = {
        int(part)
        for name in globals()
        if name.startswith("test_")
        for part in name.split("_")
        if part.isdigit()
    }
    assert tested | {7, 15} == set(range(1, 16))
