"""What becomes of a set when some of its images are bad."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import smallsets
from streamcalib import CalibrationSet, ImageList, build
from streamcalib.building.badimages import close_holes, stop_message
from streamcalib.building.made import Made
from streamcalib.building.rowtable import RowTable
from streamcalib.errors import BadImagesError, Failure, ListError
from streamcalib.rowfacts import COLUMNS
from streamcalib.stores.npy import NpyStore

WAYS = [
    pytest.param({"jobs": 1}, id="serial"),
    pytest.param({"jobs": 2}, id="loky"),
    pytest.param({"jobs": 3, "backend": "threading"}, id="threading"),
]


def made(row: int) -> Made:
    columns = np.array([(row, 1, row + 1, row, row, 100 + row, 0, 0, 1)], COLUMNS)
    return Made(np.array([row]), columns, np.zeros(3, np.uint8), np.ones(3, np.uint8))


def half_done(path, bad: list[bool]) -> tuple[NpyStore, RowTable]:
    """Return a store whose good rows hold 1 + their source, and its table."""
    store = NpyStore(path=path, rows=len(bad), row_shape=(2,), dtype="float32")
    store.create()
    table = RowTable(len(bad))
    with store.writer() as writer:
        for source, is_bad in enumerate(bad):
            if is_bad:
                table.fail(source, "broken")
            else:
                writer.write(source, np.full(2, 1 + source, np.float32))
                table.record(made(source))
    return store, table


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(bad=st.lists(st.booleans(), min_size=1, max_size=30).filter(lambda bad: not all(bad)))
def test_holes_are_filled_from_the_end(tmp_path, bad):
    """Every good row is kept once; rows before the new end stay; holes get the last, from behind.

    Store and table tell the same of every row.
    """
    store, table = half_done(tmp_path / "rows.npy", bad)
    shorter = close_holes(store, table)
    good = [source for source, is_bad in enumerate(bad) if not is_bad]
    behind = iter(sorted((source for source in good if source >= len(good)), reverse=True))
    expected = [next(behind) if bad[row] else row for row in range(len(good))]
    assert len(table) == shorter.rows == len(good)
    assert table.columns["source"].tolist() == expected
    assert np.load(shorter.path)[:, 0].tolist() == [1 + source for source in expected]
    assert table.columns["bytes"].tolist() == [100 + source for source in expected]
    assert table.open_rows == []


def test_the_message_names_every_image_with_its_reason():
    """One line an image, names escaped, and at the end what to do."""
    failures = [Failure(3, "a\x1b[31m.jpg", "it is empty"), Failure(9, "b.jpg", "it is late")]
    assert stop_message(failures, 12, "Do this.") == (
        "2 of 12 images are bad:\n  a\\x1b[31m.jpg: it is empty\n  b.jpg: it is late\nDo this."
    )
    assert stop_message(failures[:1], 1, "").startswith("1 of 1 images is bad:")


class Scene:
    """Ten images and six spares, of which some are spoilt."""

    def __init__(self, folder, bad=(2, 5, 9), bad_spares=()):
        self.folder, self.out = folder, folder / "calib.npy"
        self.paths = smallsets.make_images(folder / "images", 10)
        self.spares = smallsets.make_images(folder / "spares", 6, first=100)
        self.good = {path: smallsets.row(path) for path in (*self.paths, *self.spares)}
        for path in [self.paths[n] for n in bad] + [self.spares[n] for n in bad_spares]:
            path.write_bytes(b"")
        self.images = ImageList([str(p) for p in self.paths], spares=[str(p) for p in self.spares])

    def build(self, on_bad, **options) -> CalibrationSet:
        return build(
            self.images, self.out, recipe=smallsets.RECIPE, on_bad=on_bad, jobs=1, **options
        )

    def check(self, calibration, expected) -> None:
        """Make sure that the set's rows and its manifest are of the ``expected`` paths."""
        assert [record["path"] for record in calibration.row_records()] == [
            str(p) for p in expected
        ]
        np.testing.assert_array_equal(
            calibration.array(), np.stack([self.good[path] for path in expected])
        )


def test_stop_publishes_nothing_and_names_every_bad_image(tmp_path):
    """By default all bad images are told at once, in the order of the list, and no set is made."""
    scene = Scene(tmp_path)
    with pytest.raises(BadImagesError) as caught:
        scene.build("stop")
    assert caught.value.exit_code == 3
    assert caught.value.failures == tuple(
        Failure(n, str(scene.paths[n]), "the file is empty") for n in (2, 5, 9)
    )
    assert str(caught.value).startswith("3 of 10 images are bad:\n")
    assert "--on-bad skip" in str(caught.value)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["calib.npy.build", "images", "spares"]


def test_after_a_repair_the_same_build_succeeds(tmp_path):
    """The set is then what it would have been from the start."""
    scene = Scene(tmp_path)
    with pytest.raises(BadImagesError):
        scene.build("stop")
    smallsets.make_images(tmp_path / "images", 10)
    scene.check(scene.build("stop"), scene.paths)


@pytest.mark.parametrize("options", WAYS)
def test_skip_leaves_the_bad_images_out(tmp_path, options):
    """Holes get the last good rows, the set is shorter, and the manifest maps rows to images."""
    scene = Scene(tmp_path)
    calibration = build(scene.images, scene.out, recipe=smallsets.RECIPE, on_bad="skip", **options)
    assert calibration.shape == (7, 3, 16, 16)
    scene.check(calibration, [scene.paths[n] for n in (0, 1, 8, 3, 4, 7, 6)])
    records = list(calibration.row_records())
    assert [record["list_row"] for record in records] == [0, 1, 8, 3, 4, 7, 6]
    manifest = calibration.manifest
    assert manifest.on_bad == "skip"
    assert manifest.images["count"] == 10
    assert [(f["path"], f["list_row"]) for f in manifest.failures] == [
        (str(scene.paths[n]), n) for n in (2, 5, 9)
    ]


@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_skip_writes_the_shorter_set_in_every_container(tmp_path, suffix):
    """numpy reads the shortened array, whatever holds it."""
    scene = Scene(tmp_path)
    scene.out = tmp_path / f"calib.{suffix}"
    calibration = scene.build("skip")
    read = np.load(scene.out)
    array = read["images"] if suffix == "npz" else read
    np.testing.assert_array_equal(array, calibration.array())
    assert array.shape == (7, 3, 16, 16)


def test_skip_with_no_good_image_is_an_error(tmp_path):
    """A set has rows: where every image is bad, there is none."""
    scene = Scene(tmp_path, bad=range(10))
    with pytest.raises(BadImagesError) as caught:
        scene.build("skip")
    assert len(caught.value.failures) == 10
    assert "say --on-bad skip" not in str(caught.value)
    assert not list(tmp_path.glob("calib*"))


def test_skip_with_one_good_image_is_a_set_of_one(tmp_path):
    """The last row that is left stands at the first index."""
    scene = Scene(tmp_path, bad=range(9))
    scene.check(scene.build("skip"), scene.paths[9:])


@pytest.mark.parametrize("options", WAYS)
def test_replace_gives_the_jth_bad_row_the_jth_spare(tmp_path, options):
    """Good rows stay where they are; the manifest says which rows are of spares."""
    scene = Scene(tmp_path)
    calibration = build(
        scene.images, scene.out, recipe=smallsets.RECIPE, on_bad="replace", **options
    )
    expected = list(scene.paths)
    expected[2], expected[5], expected[9] = scene.spares[:3]
    scene.check(calibration, expected)
    rows = [record["list_row"] for record in calibration.row_records()]
    assert rows == [0, 1, None, 3, 4, None, 6, 7, 8, None]
    assert [failure["list_row"] for failure in calibration.manifest.failures] == [2, 5, 9]


@pytest.mark.parametrize(
    "bad_spares", [*itertools.combinations(range(6), 2), *itertools.combinations(range(6), 3)]
)
def test_the_jth_bad_row_gets_the_jth_good_spare(tmp_path, bad_spares):
    """Whichever spares are bad, the good ones are taken in order and none is passed over."""
    scene = Scene(tmp_path, bad_spares=bad_spares)
    good_spares = [path for n, path in enumerate(scene.spares) if n not in bad_spares]
    expected = list(scene.paths)
    expected[2], expected[5], expected[9] = good_spares[:3]
    scene.check(scene.build("replace"), expected)


def test_a_bad_spare_is_told_too(tmp_path):
    """A spare that was tried in vain stands among the failures, without a row of the list."""
    scene = Scene(tmp_path, bad=(4,), bad_spares=(0,))
    failures = scene.build("replace").manifest.failures
    assert [(failure["path"], failure["list_row"]) for failure in failures] == [
        (str(scene.paths[4]), 4),
        (str(scene.spares[0]), None),
    ]


def test_only_as_many_spares_are_tried_as_needed(tmp_path):
    """Spares behind the last one taken are not looked at."""
    scene = Scene(tmp_path, bad=(4,), bad_spares=(0, 2, 3, 4, 5))
    failures = scene.build("replace").manifest.failures
    assert len(failures) == 2


def test_too_few_good_spares_are_an_error(tmp_path):
    """When the spares run out, all that is bad is told, and nothing is published."""
    scene = Scene(tmp_path, bad_spares=(0, 1, 3, 5))
    with pytest.raises(BadImagesError) as caught:
        scene.build("replace")
    message = str(caught.value)
    assert message.startswith("7 of 16 images are bad:\n")
    assert "All 6 spares" in message
    named = [failure.path for failure in caught.value.failures]
    assert named == [str(scene.paths[n]) for n in (2, 5, 9)] + [
        str(scene.spares[n]) for n in (0, 1, 3, 5)
    ]
    assert [path.name for path in tmp_path.glob("calib*")] == ["calib.npy.build"]


def test_replace_without_spares_is_refused_at_once(tmp_path):
    """A list that no side file goes with has no spares; nothing is tried or written."""
    scene = Scene(tmp_path)
    listed = smallsets.write_list(tmp_path / "list.txt", scene.paths)
    before = smallsets.contents(tmp_path)
    with pytest.raises(ListError, match="needs spares"):
        build(listed, scene.out, recipe=smallsets.RECIPE, on_bad="replace")
    assert smallsets.contents(tmp_path) == before


def test_spares_come_from_the_lists_side_file(tmp_path):
    """A list written with spares keeps them for the build that needs them."""
    scene = Scene(tmp_path, bad=(0,))
    scene.images.write(tmp_path / "list.txt")
    calibration = build(
        tmp_path / "list.txt", scene.out, recipe=smallsets.RECIPE, on_bad="replace", jobs=1
    )
    scene.check(calibration, [scene.spares[0], *scene.paths[1:]])


@pytest.mark.parametrize("on_bad", ["stop", "skip", "replace"])
def test_where_all_is_well_nothing_is_special(tmp_path, on_bad):
    """Without a bad image every choice gives the same set."""
    scene = Scene(tmp_path, bad=())
    calibration = scene.build(on_bad)
    scene.check(calibration, scene.paths)
    assert calibration.manifest.failures == []


def test_observed_values_are_those_of_the_rows_that_stay(tmp_path):
    """Smallest and largest value are of the set as it is, after rows were left out."""
    scene = Scene(tmp_path)
    calibration = scene.build("skip")
    array = calibration.array()
    assert calibration.manifest.value_range["observed"] == [array.min(), array.max()]


def test_every_kind_of_badness_has_its_reason(tmp_path):
    """Empty, truncated, no image, missing, a folder, and too large are told apart."""
    paths = smallsets.make_images(tmp_path / "images", 7, first=2)
    empty, cut, text, missing, _large, folder, _good = paths
    empty.write_bytes(b"")
    cut.write_bytes(cut.read_bytes()[:-300])
    text.write_text("this is no image")
    missing.unlink()
    folder.unlink()
    folder.mkdir()
    with pytest.raises(BadImagesError) as caught:
        build(paths, tmp_path / "a.npy", recipe=smallsets.RECIPE, jobs=1, max_pixels=767)
    reasons = [failure.reason for failure in caught.value.failures]
    assert [failure.source for failure in caught.value.failures] == [0, 1, 2, 3, 4, 5]
    assert reasons == [
        "the file is empty",
        reasons[1],
        "not an image that OpenCV can read, or a damaged one",
        f"no such file (sought as {missing})",
        "32x24 pixels are over the limit of 767 (--max-pixels)",
        "it is a directory",
    ]
    assert reasons[1].startswith("damaged JPEG: ")
    for path, reason in zip(paths, reasons, strict=False):
        assert f"\n  {path}: {reason}\n" in str(caught.value)


def test_damage_is_tolerated_on_request(tmp_path):
    """What is cut short is taken as OpenCV reads it, and the manifest says so."""
    (path,) = smallsets.make_images(tmp_path / "images", 1)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 3 // 4])
    with pytest.raises(BadImagesError):
        build([path], tmp_path / "a.npy", recipe=smallsets.RECIPE, jobs=1)
    calibration = build(
        [path], tmp_path / "a.npy", recipe=smallsets.RECIPE, jobs=1, tolerate_damage=True
    )
    assert calibration.manifest.images["tolerate_damage"] is True
    assert len(calibration) == 1
