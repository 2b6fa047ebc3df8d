"""A finished set that grows."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

import smallsets
from messages import text_of
from streamcalib import CalibrationSet, ImageList, Recipe
from streamcalib.errors import BadImagesError, OutputError, SetError
from unfinished import begin, check_undisturbed, journal_of, kept, restore, small, spoil

OLD, NEW = 6, 10


@pytest.fixture(autouse=True)
def _notices(caplog) -> None:
    caplog.set_level("INFO", "streamcalib")


@pytest.fixture
def paths(tmp_path) -> list[Path]:
    """Images, all older than any set that is made of them."""
    made = smallsets.make_images(tmp_path / "images", NEW)
    for path in made:
        os.utime(path, (10**9, 10**9))
    return made


@pytest.fixture
def out(tmp_path) -> Path:
    return tmp_path / "out" / "calib.npy"


def refused(images, out: Path, *, lines: int = 1, **options) -> str:
    before = smallsets.contents(out.parent)
    with pytest.raises(OutputError) as caught:
        small(images, out, **options)
    assert smallsets.contents(out.parent) == before
    return text_of(caught.value, lines)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"store": "uint8"},
        {"recipe": replace(Recipe.yolo11(16, dtype="float16"), layout="NHWC")},
        {"recipe": Recipe.yolo11(16, dtype="uint8")},
        {"jobs": 2, "backend": "threading"},
    ],
    ids=["float32", "canvases", "float16-NHWC", "uint8", "threading"],
)
def test_a_longer_list_keeps_the_rows(paths, out, tmp_path, caplog, monkeypatch, options):
    """File and manifest are those of a fresh build; no image of the old list is read again."""
    small(paths[:OLD], out, **options)
    hidden = [path.rename(path.with_suffix(".hidden")) for path in paths[:OLD]]
    caplog.clear()
    extended = small(paths, out, extend=True, **options)
    assert caplog.messages == ["6 of 6 rows of calib.npy kept"]
    for path in hidden:
        path.rename(path.with_suffix(".jpg"))
    check_undisturbed(extended, paths, tmp_path, **options)


def test_the_range_of_values_is_that_of_all_rows(tmp_path, out):
    """Of the old ones and the new ones together."""
    greys = []
    for number, value in enumerate((50, 60, 70, 80)):
        greys.append(tmp_path / f"{number}.png")
        cv2.imwrite(str(greys[-1]), np.full((16, 16, 3), value, np.uint8))
    small(greys[1:3], out)
    images = [*greys[1:3], greys[3], greys[0]]
    extended = small(images, out, extend=True)
    assert extended.manifest.value_range["observed"] == pytest.approx([50 / 255, 80 / 255])
    check_undisturbed(extended, images, tmp_path)


def test_the_same_list_is_already_complete(paths, out):
    """There is nothing to add."""
    built = small(paths[:OLD], out)
    before = smallsets.contents(out.parent)
    assert len(small(paths[:OLD], out, extend=True)) == len(built)
    assert smallsets.contents(out.parent) == before


@pytest.mark.parametrize("ending", [".npy", ".npz"])
def test_without_a_set_it_is_a_plain_build(paths, out, tmp_path, ending):
    """So that one command serves for the first time, too."""
    out = out.with_suffix(ending)
    check_undisturbed(small(paths, out, extend=True), paths, tmp_path)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"recipe": Recipe.yolo11(16, dtype="float16")}, "recipe, dtype"),
        ({"store": "uint8"}, "store: final, not uint8"),
        ({"tolerate_damage": True}, "tolerate damage: False, not True"),
    ],
    ids=["recipe", "store", "damage"],
)
def test_another_set_cannot_be_extended(paths, out, options, line):
    """What differs is named, and the ways out; the set stays as it is."""
    small(paths[:OLD], out)
    told = refused(paths, out, extend=True, lines=3, **options)
    assert told.startswith(f"{out} cannot be extended:\n  {line}")
    assert told.endswith("To replace it, say --overwrite instead; or choose another --out.")


def test_a_list_that_begins_otherwise_is_refused(tmp_path, paths, out):
    """Longer in front, reordered or shorter: none of them only grows at its end."""
    old = smallsets.write_list(tmp_path / "old.txt", paths[:OLD])
    small(old, out)
    for number, images in enumerate(
        ([paths[9], *paths[:OLD]], [*reversed(paths[:OLD]), paths[9]], paths[: OLD - 1])
    ):
        new = smallsets.write_list(tmp_path / f"new{number}.txt", images)
        told = refused(new, out, extend=True, lines=3)
        assert f"  list: {new} does not begin with the 6 images of {old}\n" in told


def test_an_npz_cannot_be_extended(paths, out):
    """The message says what can."""
    out = out.with_suffix(".npz")
    small(paths[:OLD], out)
    told = refused(paths, out, extend=True)
    assert told.endswith("build and extend an .npy or .zarr, and finalize that to an .npz.")


def test_what_is_no_set_cannot_be_extended(paths, out):
    """A file of somebody's own stays."""
    out.parent.mkdir()
    np.save(out, np.zeros(3))
    assert "and cannot be extended: say --overwrite instead" in refused(paths, out, extend=True)


def test_extending_is_suggested_where_it_can_be_done(paths, out):
    """For a longer list of the same recipe and store, in an .npy; and nowhere else."""
    small(paths[:OLD], out)
    suggestion = "To keep its rows and add the others, say --extend."
    assert suggestion in refused(paths, out, lines=3)
    assert "--extend" not in refused(paths[1:], out, lines=3)
    assert "--extend" not in refused(paths[: OLD - 1], out, lines=3)
    assert "--extend" not in refused(paths, out, lines=4, store="uint8")
    npz = out.with_suffix(".npz")
    small(paths[:OLD], npz)
    assert "--extend" not in refused(paths, npz, lines=3)


@pytest.mark.parametrize(
    ("rows", "stage"), [(1, "keep rows"), (1, "build"), (8, "build")], ids=["copying", "1", "8"]
)
def test_an_ended_extension_goes_on(paths, out, tmp_path, caplog, rows, stage):
    """The old set stays until the new one is whole; the end is that of an undisturbed build."""
    old = small(paths[:OLD], out)
    before = out.read_bytes()
    begin(paths, out, rows, stage=stage, extend=True)
    assert out.read_bytes() == before
    assert len(CalibrationSet.open(out)) == len(old)
    caplog.clear()
    extended = small(paths, out, extend=True)
    assert caplog.messages[-1] == "6 of 6 rows of calib.npy kept"
    check_undisturbed(extended, paths, tmp_path)


def test_an_ended_extension_survives_a_look_at_the_old_set(paths, out, tmp_path):
    """Saying the old command again costs nothing."""
    small(paths[:OLD], out)
    begin(paths, out, 8, extend=True)
    rows = kept(journal_of(out))
    small(paths[:OLD], out)
    assert kept(journal_of(out)) == rows
    check_undisturbed(small(paths, out, extend=True), paths, tmp_path)


@pytest.mark.parametrize("broken", [0, 2])
def test_an_extension_that_ends_while_it_is_published_goes_on(
    paths, out, tmp_path, monkeypatch, broken
):
    """Even if the old set is gone by then."""
    small(paths[:OLD], out)
    replace_path, count = Path.replace, [0]

    def ended(self: Path, target: Path) -> Path:
        count[0] += 1
        if target.name.startswith("calib.npy") and count[0] > broken:
            raise KeyboardInterrupt
        return replace_path(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", ended)
        with pytest.raises(KeyboardInterrupt):
            small(paths, out, extend=True)
    assert not out.exists()
    check_undisturbed(small(paths, out, extend=True), paths, tmp_path)


def test_a_damaged_row_of_the_old_set_is_made_again(paths, out, tmp_path, caplog):
    """And that is said; the others are kept."""
    small(paths[:OLD], out)
    times = out.stat()
    with out.open("r+b") as file:
        file.seek(4096 + 2 * 3 * 256 * 4 + 5)
        file.write(b"\x55\xaa")
    os.utime(out, ns=(times.st_atime_ns, times.st_mtime_ns))
    caplog.clear()
    extended = small(paths, out, extend=True)
    assert caplog.messages == [
        "1 row of calib.npy did not hold what was written, and is made again: look after the disk",
        "5 of 6 rows of calib.npy kept",
    ]
    check_undisturbed(extended, paths, tmp_path)


def test_rows_of_images_that_changed_are_made_again(paths, out, tmp_path, caplog):
    """Those of another size, and those that were written after the set."""
    small(paths[:OLD], out)
    paths[1].write_bytes(smallsets.jpeg(77))
    os.utime(paths[1], (10**9, 10**9))
    now = out.stat().st_mtime_ns + 10**9
    paths[2].write_bytes(paths[2].read_bytes())
    os.utime(paths[2], ns=(now, now))
    paths[3].unlink()
    caplog.clear()
    extended = small(paths, out, extend=True)
    assert caplog.messages == ["4 of 6 rows of calib.npy kept"]
    paths[3].write_bytes(smallsets.jpeg(3))
    check_undisturbed(extended, paths, tmp_path)


@pytest.mark.parametrize("on_bad", ["skip", "replace"])
def test_a_set_with_bad_images_is_extended_by_its_list(paths, out, tmp_path, on_bad, caplog):
    """Rows go to their images' places, holes are tried again, and spares are not kept."""
    before = spoil([paths[1]])
    entries = [str(path) for path in paths]
    old = ImageList(entries[:OLD], spares=entries[9:])
    small(old, out, on_bad=on_bad)
    caplog.clear()
    new = ImageList(entries[:9], spares=entries[9:])
    with pytest.raises(BadImagesError):
        small(new, out, extend=True)
    assert f"5 of {5 if on_bad == 'skip' else 6} rows of calib.npy kept" in caplog.messages
    shutil.copytree(out.parent, tmp_path / "copy")
    treated = small(new, tmp_path / "copy" / out.name, extend=True, on_bad=on_bad)
    check_undisturbed(treated, new, tmp_path / "treated", on_bad=on_bad)
    restore(before)
    mended = small(new, out, extend=True)
    check_undisturbed(mended, new, tmp_path / "mended")


def test_large_sets_are_extended_a_few_rows_at_a_time(paths, out, tmp_path, monkeypatch):
    """Memory does not grow with the set, and commits come in between."""
    monkeypatch.setattr("streamcalib.building.extend._READ_BYTES", 7000)
    monkeypatch.setattr("streamcalib.journal._LEAST_SECONDS", 0)
    monkeypatch.setattr("streamcalib.journal._TIMES_ITS_COST", 0)
    small(paths[:OLD], out)
    check_undisturbed(small(paths, out, extend=True), paths, tmp_path)


@pytest.mark.parametrize(
    "edit",
    [
        {"list_row": 99},
        {"list_row": -NEW + 2},
        {"list_row": 3},
        {"height": 0},
        {"canvas_crc32c": "no number"},
        {"canvas_crc32c": "-1"},
        {"height": "tall"},
        {"width": None},
    ],
    ids=str,
)
def test_damaged_records_are_told(paths, out, edit):
    """A manifest is data from outside; what cannot be is refused, and nothing is replaced."""
    small(paths[:OLD], out)
    opened = CalibrationSet.open(out)
    opened.manifest.rows[2].update(edit)
    (out.parent / "calib.npy.json").write_text(opened.manifest.to_json())
    before = out.read_bytes()
    with pytest.raises((SetError, OutputError)):
        small(paths, out, extend=True)
    assert out.read_bytes() == before
