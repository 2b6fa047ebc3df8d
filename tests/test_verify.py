"""A set against its manifest and its images: what is wrong is named, what is odd is told."""

from __future__ import annotations

import json
import random
import re
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import google_crc32c
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import smallsets
from streamcalib import CalibrationSet, ExtraInput, Recipe, build, find_image, verify
from streamcalib.errors import DamagedError, InputError
from streamcalib.stores.npy import HEADER_BYTES

COUNT = 9
RECIPES = {
    "float32": smallsets.RECIPE,
    "float16": Recipe.yolo11(16, dtype="float16"),
    "uint8": Recipe.yolo11(16, dtype="uint8"),
    "pixels last": replace(smallsets.RECIPE, layout="NHWC"),
    "normalized": replace(smallsets.RECIPE, mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.4)),
}
KINDS = [("a.npy", "final"), ("a.npy", "uint8"), ("a.npz", "final")]


@pytest.fixture
def paths(tmp_path) -> list[Path]:
    return smallsets.make_images(tmp_path / "images", COUNT)


@pytest.fixture(params=KINDS, ids=["npy", "canvases", "npz"])
def calibration(request, paths, tmp_path) -> CalibrationSet:
    name, store = request.param
    return build(paths, tmp_path / name, recipe=smallsets.RECIPE, store=store, jobs=1)


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
@pytest.mark.parametrize(("name", "store"), KINDS)
def test_a_sound_set_is_sound(paths, tmp_path, recipe, name, store):
    """In any store, against its manifest and against its images."""
    made = build(paths, tmp_path / name, recipe=recipe, store=store, jobs=1)
    found = verify(made, sources=True, jobs=2)
    assert found.is_sound
    assert (found.rows, found.compared, found.differing) == (COUNT, COUNT, 0)
    assert (found.faults, found.unread, found.constant, found.equal) == ({}, {}, (), ())


def rows_begin(calibration: CalibrationSet) -> tuple[int, int]:
    """Return where rows begin in the file, and the size of one."""
    stored = calibration.values().stored.read(0, len(calibration))
    return int(stored.offset), stored[0].nbytes


def flip(path: Path, place: int, bit: int) -> None:
    with path.open("r+b") as file:
        file.seek(place)
        byte = file.read(1)[0]
        file.seek(place)
        file.write(bytes([byte ^ 1 << bit]))


@given(data=st.data())
def test_one_flipped_bit_anywhere_is_found(data, tmp_path_factory):
    """Its row is named, and no other."""
    folder = tmp_path_factory.mktemp("flip")
    paths = smallsets.make_images(folder / "images", 4)
    name, store = data.draw(st.sampled_from(KINDS))
    made = build(paths, folder / name, recipe=smallsets.RECIPE, store=store, jobs=1)
    begin, row_bytes = rows_begin(made)
    place = data.draw(st.integers(0, 4 * row_bytes - 1))
    flip(made.path, begin + place, data.draw(st.integers(0, 7)))
    found = verify(made.path)
    assert list(found.faults) == [place // row_bytes]
    assert "CRC-32C" in found.faults[place // row_bytes]
    shutil.rmtree(folder)


def set_row(calibration: CalibrationSet, row: int, values: np.ndarray) -> CalibrationSet:
    """Write other values into a row, and their checksum into the manifest."""
    begin, row_bytes = rows_begin(calibration)
    with calibration.path.open("r+b") as file:
        file.seek(begin + row * row_bytes)
        file.write(values.tobytes())
    manifest = calibration.path.with_name(calibration.path.name + ".json")
    text = json.loads(manifest.read_text())
    column = "row_crc32c" if calibration.manifest.store == "final" else "canvas_crc32c"
    text["rows"][row][column] = f"{google_crc32c.value(values.tobytes()):08x}"
    manifest.write_text(json.dumps(text))
    return CalibrationSet.open(calibration.path)


@pytest.mark.parametrize(
    ("value", "says"),
    [(np.nan, "NaN"), (np.inf, "NaN or infinity"), (255.0, "0 to 1"), (-0.1, "0 to 1")],
)
def test_values_that_no_recipe_gives_are_found(paths, tmp_path, value, says):
    """Also where their checksum is right, as of a set that another program wrote."""
    made = build(paths, tmp_path / "a.npy", recipe=smallsets.RECIPE, jobs=1)
    row = np.array(made.array()[5])
    row[1, 2, 3] = value
    found = verify(set_row(made, 5, row))
    assert list(found.faults) == [5]
    assert says in found.faults[5]


def test_odd_rows_are_told_and_no_fault(calibration, paths):
    """Rows of one value, and rows that are equal."""
    first = np.array(calibration.values().stored.read(0, 1)[0])
    changed = set_row(calibration, 7, first)
    changed = set_row(changed, 3, first)
    changed = set_row(changed, 5, np.full_like(first, first.dtype.type(1)))
    found = verify(changed)
    assert found.is_sound
    assert (found.constant, found.equal) == ((5,), ((0, 3, 7),))
    assert found.paths[5] == str(paths[5])


def test_equal_checksums_prove_nothing(paths, tmp_path, monkeypatch):
    """Rows that only have the same checksum are not called equal."""
    made = build(paths, tmp_path / "a.npy", recipe=smallsets.RECIPE, jobs=1)
    monkeypatch.setattr("streamcalib.verifying.scan.checksums", lambda rows: [7] * len(rows))
    found = verify(made)
    assert len(found.faults) == COUNT
    assert found.equal == ()


def test_a_changed_image_is_found_by_its_bits(calibration, paths):
    """With sources, its row is named; without, the set is sound."""
    picture = cv2.imread(str(paths[4]))
    picture[0, 0] ^= 0x80
    cv2.imwrite(str(paths[4]), picture)
    assert verify(calibration).is_sound
    found = verify(calibration, sources=True)
    assert list(found.faults) == [4]
    assert "values differ from its image's" in found.faults[4]
    assert found.differing == 1


def test_an_image_that_is_gone_is_not_compared(calibration, paths):
    """It says nothing about the set, and is told."""
    paths[2].unlink()
    found = verify(calibration, sources=True)
    assert found.is_sound
    assert (list(found.unread), found.compared) == ([2], COUNT - 1)


def test_a_sample_of_sources_is_the_seeds(calibration, monkeypatch):
    """So many rows are compared, the same ones for the same seed."""
    seen: list[str] = []
    read = verify.__globals__["remake"].__globals__["read_image"]
    monkeypatch.setitem(
        verify.__globals__["remake"].__globals__,
        "read_image",
        lambda entry, bases, **_: seen.append(entry) or read(entry, bases),
    )
    for seed in (1, 1, 5):
        assert verify(calibration, sample=4, seed=seed).compared == 4
    one, again, other = sorted(seen[:4]), sorted(seen[4:8]), sorted(seen[8:])
    assert one == again != other
    assert verify(calibration, sample=400).compared == COUNT


def test_an_image_is_found_by_path_or_picture(calibration, paths, tmp_path):
    """Which row it is, and whether it holds its bits."""
    assert find_image(calibration, paths[6]) == ((6, ""),)
    copy = shutil.copy(paths[6], tmp_path / "copy.jpg")
    assert find_image(calibration, copy) == ((6, ""),)
    shutil.copy(paths[1], paths[6])
    ((row, difference),) = find_image(calibration, paths[6])
    assert row == 6
    assert "differ" in difference
    stranger = smallsets.make_images(tmp_path / "others", 1, first=50)[0]
    with pytest.raises(InputError, match="no row of"):
        find_image(calibration, stranger)
    with pytest.raises(InputError, match="cannot become a row"):
        find_image(calibration, tmp_path / "none.jpg")


def lengthen(calibration: CalibrationSet) -> None:
    with calibration.path.open("ab") as file:
        file.write(b"more")


def edit(calibration: CalibrationSet, change) -> None:
    manifest = calibration.path.with_name(calibration.path.name + ".json")
    values = json.loads(manifest.read_text())
    change(values)
    manifest.write_text(json.dumps(values))


def test_a_file_that_is_too_long_is_told(paths, tmp_path):
    """Bytes behind the last row belong to nobody."""
    made = build(paths, tmp_path / "a.npy", recipe=smallsets.RECIPE, jobs=1)
    lengthen(made)
    with pytest.raises(DamagedError, match=f"rows end at {HEADER_BYTES + COUNT * 3072}"):
        verify(made.path)


def test_an_edited_recipe_is_told(calibration):
    """The manifest keeps its fingerprint."""
    edit(calibration, lambda values: values["recipe"].update(pad_value=7))
    with pytest.raises(DamagedError, match="recipe"):
        verify(calibration.path)


def test_further_inputs_are_compared(paths, tmp_path):
    """Their members must hold the manifest's values."""
    extra = ExtraInput("orig_size", [16, 16], "int64")
    made = build(paths, tmp_path / "a.npz", recipe=smallsets.RECIPE, jobs=1, extra_inputs=[extra])
    assert verify(made).is_sound
    edit(made, lambda values: values["extra_inputs"]["orig_size"].update(value=[16, 17]))
    with pytest.raises(DamagedError, match="orig_size"):
        verify(made.path)


def test_records_that_were_cut_are_told(paths, tmp_path):
    """The side file of a large set is held against its SHA-256."""
    images = [paths[n % COUNT] for n in range(1001)]
    made = build(images, tmp_path / "a.npy", recipe=Recipe.yolo11(8), jobs=1)
    assert verify(made).is_sound
    side = tmp_path / "a.npy.rows.jsonl"
    side.write_text(side.read_text().replace('"height": ', '"height": 1', 1))
    with pytest.raises(DamagedError, match=r"rows\.jsonl"):
        verify(made.path)


def test_progress_reaches_the_end(calibration):
    """First over the rows, then over the images."""
    told = []
    verify(calibration, sources=True, progress=told.append)
    ends = {state.stage: (state.done, state.total) for state in told}
    assert ends == {"verify": (COUNT, COUNT), "compare with images": (COUNT, COUNT)}


@pytest.mark.parametrize("options", [{"jobs": 0}, {"sample": 0}])
def test_wrong_options_are_refused(calibration, options):
    """By their names."""
    with pytest.raises(InputError, match=f"--{next(iter(options))}"):
        verify(calibration, **options)


def test_the_command_tells_and_exits(calibration, paths, tmp_path):
    """0 sound, 3 images gone, 4 rows wrong, 2 no set; the rows are named."""
    run = lambda *words: smallsets.run("verify", *words, cwd=tmp_path)  # noqa: E731
    name = calibration.path.name
    sound = run(name, "--sources", "--jobs", 2)
    assert sound.code == 0, sound.err
    assert "every row has its checksum" in sound.out
    assert f"{COUNT} rows compared with their images: {COUNT} hold the same bits" in sound.out
    assert run(name, "--quiet").out == ""
    assert json.loads(run(name, "--json").out)["faults"] == {}
    asked = run(name, "--image", paths[3])
    assert (asked.code, "row 3 is" in asked.out) == (0, True)
    shutil.copy(paths[1], paths[3])
    asked = run(name, "--image", paths[3])
    assert (asked.code, "row 3: " in asked.err) == (4, True)
    paths[8].unlink()
    gone = run(name, "--sample", 100)
    assert gone.code == 4
    assert "row 3 (" in gone.err
    begin, row_bytes = rows_begin(calibration)
    flip(calibration.path, begin + 5 * row_bytes, 0)
    wrong = run(name)
    assert (wrong.code, wrong.err.count("row ")) == (4, 1)
    assert f"row 5 ({paths[5]})" in wrong.err
    assert list(json.loads(run(name, "--json").out)["faults"]) == ["5"]
    assert run("none.npy").code == 2
    calibration.path.write_bytes(calibration.path.read_bytes()[:-1000])
    cut = run(name)
    assert (cut.code, "cannot be mapped" in cut.err) == (4, True), cut.err


def test_images_that_are_gone_are_exit_code_3(calibration, paths, tmp_path):
    """Nothing is wrong with the set, and not everything was compared."""
    paths[8].unlink()
    gone = smallsets.run("verify", calibration.path.name, "--sources", cwd=tmp_path)
    assert gone.code == 3
    assert "1 images of" in gone.err
    assert "no such file" in gone.err


def test_one_bit_of_500_mb_is_found(paths, tmp_path):
    """Wherever it is: the row is named, with what its checksum is and what it was."""
    images = smallsets.write_list(tmp_path / "list.txt", paths * (100 // len(paths) + 1))
    out = tmp_path / "large.npy"
    try:
        built = smallsets.run("build", "--list", images.name, "--out", out.name, cwd=tmp_path)
        assert built.code == 0
        size = out.stat().st_size
        assert size > 490_000_000
        position = random.Random(8).randrange(HEADER_BYTES, size)
        with out.open("r+b") as file:
            file.seek(position)
            byte = file.read(1)[0]
            file.seek(position)
            file.write(bytes([byte ^ 16]))
        row = (position - HEADER_BYTES) // (3 * 640 * 640 * 4)
        ended = smallsets.run("verify", out.name, cwd=tmp_path)
        assert ended.code == 4
        told = re.search(
            rf"row {row} \((.*)\): its CRC-32C is [0-9a-f]{{8}}, and [0-9a-f]{{8}} was recorded",
            ended.out + ended.err,
        )
        assert told
        assert told[1] == str(paths[row % len(paths)])
    finally:
        out.unlink(missing_ok=True)
