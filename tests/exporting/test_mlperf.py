"""Array and list for MLPerf's closed division."""

from __future__ import annotations

import numpy as np
import pytest

import smallsets
from messages import text_of
from streamcalib import ImageList, build, export
from streamcalib.errors import InputError, ListError


@pytest.fixture
def official(tmp_path):
    """An official list: the images of the set, and others, in an order of its own."""
    names = [f"{number:06d}.jpg" for number in range(20, -1, -1)]
    return smallsets.write_list(tmp_path / "official.txt", names)


def test_array_and_list(plain, tmp_path, official):
    """The list has bare names, one a line, in the order of the rows."""
    done = export(plain.calibration, tmp_path / "m", "mlperf", official_list=official)
    folder = tmp_path / "m"
    assert sorted(path.name for path in folder.iterdir()) == [
        "calibration.npy",
        "calibration_list.txt",
    ]
    np.testing.assert_array_equal(np.load(folder / "calibration.npy"), plain.values)
    names = [f"{number:06d}.jpg\n" for number in range(7)]
    assert (folder / "calibration_list.txt").read_text() == "".join(names)
    assert done.warnings == ()


def test_the_list_can_be_built_from(plain, tmp_path, paths):
    """What is written is a list as streamcalib itself takes it: the same rows come of it."""
    export(plain.calibration, tmp_path / "m", "mlperf")
    images = ImageList.read(tmp_path / "m" / "calibration_list.txt", root=paths[0].parent)
    again = build(images, tmp_path / "a.npy", recipe=smallsets.RECIPE, jobs=1)
    np.testing.assert_array_equal(again.array(), plain.values)


def test_classes_behind_names(plain, tmp_path, official):
    """ImageNet's lists have a class behind each name."""
    lines = [f"{line} {number}" for number, line in enumerate(official.read_text().split())]
    smallsets.write_list(official, lines)
    assert export(plain.calibration, tmp_path / "m", "mlperf", official_list=official).rows == 7


def test_other_images_are_refused(plain, tmp_path, official):
    """Whatever is not in the official list is named; nothing is written."""
    lines = [line for line in official.read_text().split() if line != "000001.jpg"]
    smallsets.write_list(official, lines)
    with pytest.raises(InputError) as caught:
        export(plain.calibration, tmp_path / "m", "mlperf", official_list=official)
    assert "1 of 7 images are not in" in text_of(caught.value)
    assert "000001.jpg" in str(caught.value)
    assert not (tmp_path / "m").exists()


def test_a_list_that_is_none(plain, tmp_path):
    """A missing one is told by its option, its path once."""
    with pytest.raises(ListError, match="--official-list") as caught:
        export(plain.calibration, tmp_path / "m", "mlperf", official_list=tmp_path / "no.txt")
    assert text_of(caught.value).count("no.txt") == 1


def test_without_the_list_it_is_said(plain, tmp_path):
    """Nobody but MLPerf's list knows."""
    (warning,) = export(plain.calibration, tmp_path / "m", "mlperf").warnings
    assert "--official-list" in warning


def test_names_that_cannot_be_listed(tmp_path, paths):
    """Two images of one name, or a name with a line break, make no list."""
    other = tmp_path / "other"
    other.mkdir()
    (other / paths[0].name).write_bytes(smallsets.jpeg(5))
    twice = build(
        [paths[0], other / paths[0].name], tmp_path / "t.npy", recipe=smallsets.RECIPE, jobs=1
    )
    with pytest.raises(InputError, match=r"000000\.jpg"):
        export(twice, tmp_path / "m", "mlperf")
    (other / "line\nbreak.jpg").write_bytes(smallsets.jpeg(5))
    broken = build([other / "line\nbreak.jpg"], tmp_path / "b.npy", recipe=smallsets.RECIPE, jobs=1)
    with pytest.raises(InputError) as caught:
        export(broken, tmp_path / "m", "mlperf")
    assert r"line\nbreak.jpg" in text_of(caught.value)
