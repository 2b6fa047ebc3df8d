"""The manifest and the card: what was built, of what, and with what."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from datetime import datetime
from pathlib import Path

import cv2
import numpy as np
import pytest

import smallsets
from messages import text_of
from streamcalib import CalibrationSet, ExtraInput, Recipe, __version__, build, sample
from streamcalib.errors import SetError
from streamcalib.manifest import Manifest, manifest_path, rows_path
from streamcalib.manifest_rows import read_rows


@pytest.fixture
def paths(tmp_path) -> list[Path]:
    return smallsets.make_images(tmp_path / "images", 6)


@pytest.fixture
def calibration(tmp_path, paths) -> CalibrationSet:
    listed = smallsets.write_list(tmp_path / "list.txt", paths)
    return build(listed, tmp_path / "calib.npy", recipe=smallsets.RECIPE, jobs=1)


def test_a_manifest_is_read_as_it_was_written(calibration):
    """Nothing is lost on the way through JSON."""
    read = Manifest.read(calibration.path)
    assert read == calibration.manifest
    assert read.to_json() == manifest_path(calibration.path).read_text()


def test_it_says_what_the_set_is(calibration):
    """Array, recipe, values and graph input stand in plain fields."""
    values = json.loads(manifest_path(calibration.path).read_text())
    array = calibration.array()
    assert (values["format"], values["version"]) == ("streamcalib-set", 1)
    assert values["shape"] == [6, 3, 16, 16]
    assert (values["dtype"], values["layout"], values["store"]) == ("float32", "NCHW", "final")
    assert values["input_name"] == "images"
    assert Recipe.from_dict(values["recipe"]) == smallsets.RECIPE
    assert values["recipe_fingerprint"] == smallsets.RECIPE.fingerprint
    assert values["value_range"] == {
        "expected": [0.0, 1.0],
        "observed": [array.min(), array.max()],
    }
    assert values["checksums"]["algorithm"] == "crc32c"


@pytest.mark.parametrize("order", ["RGB", "BGR"])
def test_observed_values_are_per_channel(tmp_path, order):
    """With a mean of each channel's own, the range is still that of the array."""
    path = tmp_path / "red.png"
    cv2.imwrite(str(path), np.full((16, 16, 3), (10, 20, 200), np.uint8))
    recipe = Recipe(height=16, width=16, channel_order=order, mean=(0.5, 0.0, -0.25))
    calibration = build([path], tmp_path / "calib.npy", recipe=recipe, jobs=1)
    array = calibration.array()
    assert calibration.manifest.value_range["observed"] == [array.min(), array.max()]


def test_it_says_what_it_was_made_of(calibration, tmp_path, paths):
    """List, checksums, folders, and of every image its size and place on the canvas."""
    images = calibration.manifest.images
    listed = tmp_path / "list.txt"
    assert images["list"] == str(listed)
    assert images["sha256"] == hashlib.sha256(listed.read_bytes()).hexdigest()
    lines = "".join(f"{path}\n" for path in paths).encode()
    assert images["entries_sha256"] == hashlib.sha256(lines).hexdigest()
    assert images["count"] == 6
    assert str(tmp_path) in images["bases"]
    for number, (path, record) in enumerate(zip(paths, calibration.row_records(), strict=True)):
        height, width = smallsets.SIZES[number]
        assert (record["path"], record["list_row"]) == (str(path), number)
        assert (record["height"], record["width"]) == (height, width)
        assert record["bytes"] == path.stat().st_size
        assert record["scale"] == min(16 / height, 16 / width)
        top, bottom, left, right = record["padding"]
        assert top + bottom == 16 - max(1, round(height * record["scale"]))
        assert left + right == 16 - max(1, round(width * record["scale"]))
        assert record["decoded_by"] == "turbo"


def test_what_opencv_decoded_is_counted(tmp_path, paths):
    """A PNG is no JPEG, and the manifest says how many were not."""
    other = tmp_path / "other.png"
    cv2.imwrite(str(other), smallsets.picture(0))
    calibration = build([*paths, other], tmp_path / "a.npy", recipe=smallsets.RECIPE, jobs=1)
    assert calibration.manifest.images["through_opencv"] == 1
    assert [record["decoded_by"] for record in calibration.row_records()][-1] == "opencv-other"


def test_it_says_with_what_it_was_made(calibration):
    """Versions of everything that makes bytes, the decoder's and its library's included."""
    manifest = calibration.manifest
    assert manifest.versions["streamcalib"] == __version__
    assert manifest.versions["python"] == platform.python_version()
    assert manifest.versions["numpy"] == np.__version__
    assert "libjpeg-turbo" in manifest.decoder
    made = datetime.fromisoformat(manifest.created)
    assert made.utcoffset().total_seconds() == 0


def test_a_sampled_list_tells_how_it_was_chosen(tmp_path, photo_folder):
    """Source, rule and seed pass from the list's side file to the manifest and the card."""
    images = sample(photo_folder, 4, seed=7).write(tmp_path / "list.txt")
    calibration = build(images, tmp_path / "calib.npy", recipe=smallsets.RECIPE, jobs=1)
    chosen = calibration.manifest.images["chosen"]
    assert (chosen["seed"], chosen["population"]) == (7, 12)
    assert "random.Random(seed).sample(sorted(paths), count), seed 7" in calibration.card()


def test_links_and_variables_on_the_way_are_noted(tmp_path, paths, monkeypatch):
    """Where images were found through a link or a variable, both are written down."""
    link = tmp_path / "dataset"
    link.symlink_to(tmp_path / "images")
    monkeypatch.setenv("DATASET_HOME", str(link))
    monkeypatch.setenv("UNRELATED", str(tmp_path / "elsewhere"))
    through = [link / path.name for path in paths]
    manifest = build(through, tmp_path / "a.npy", recipe=smallsets.RECIPE, jobs=1).manifest
    assert manifest.links[str(link)] == str(tmp_path / "images")
    assert manifest.environment["DATASET_HOME"] == str(link)
    assert "UNRELATED" not in manifest.environment


def test_the_command_names_the_set(calibration):
    """The ModelOpt command has the set's path, and is quoted where it must be."""
    ours, line = calibration.manifest.commands.values()
    assert f"--calibration {calibration.path}" in ours
    assert f"--calibration_data_path={calibration.path}" in line
    assert line.startswith("python -m modelopt.onnx.quantization ")


def test_the_card_tells_a_person(calibration):
    """Name, array, recipe and commands; the card beside the set is the same text."""
    card = calibration.card()
    assert card == calibration.path.with_name("calib.npy.md").read_text()
    assert card.startswith("# Calibration set calib.npy\n")
    for part in ("(6, 3, 16, 16) float32, NCHW", "16x16", "modelopt", "padding 114", "6 images"):
        assert part in card


def test_the_card_of_an_npz_has_its_further_inputs(tmp_path, paths):
    """Constant inputs are facts about the set."""
    extra = ExtraInput.parse("orig_size=640,480:int64")
    calibration = build(
        paths, tmp_path / "a.npz", recipe=smallsets.RECIPE, jobs=1, extra_inputs=[extra]
    )
    assert "| further input orig_size | [640, 480] int64 in every row |" in calibration.card()


def test_the_card_escapes_what_a_terminal_would_obey(tmp_path, paths):
    """Control characters in names of images, list or set are shown, not sent."""
    evil = tmp_path / "images" / "a\x1b[2Jb.jpg"
    evil.write_bytes(b"")
    listed = smallsets.write_list(tmp_path / "list\x1b[31m.txt", [*paths, evil])
    calibration = build(
        listed, tmp_path / "calib\x07.npy", recipe=smallsets.RECIPE, jobs=1, on_bad="skip"
    )
    assert calibration.card().replace("\n", "").isprintable()
    assert "a\\x1b[2Jb.jpg: the file is empty" in calibration.card()
    assert calibration.manifest.failures[0]["path"] == str(evil)


def test_many_failures_do_not_fill_the_card(tmp_path, paths):
    """The card shows the first twenty; the manifest has them all."""
    missing = [tmp_path / f"{n}.jpg" for n in range(25)]
    calibration = build(
        [*missing, *paths], tmp_path / "a.npy", recipe=smallsets.RECIPE, jobs=1, on_bad="skip"
    )
    assert calibration.card().count("no such file") == 20
    assert "and 5 more, in the manifest" in calibration.card()
    assert len(calibration.manifest.failures) == 25


def spoil(calibration: CalibrationSet, **changes) -> None:
    path = manifest_path(calibration.path)
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "cannot be read"),
        ('{"format": "streamcalib-set", ', "cannot be read"),
        ("[]", "not the manifest of a calibration set"),
        ("null", "not the manifest of a calibration set"),
        ('{"format": "coco"}', "not the manifest of a calibration set"),
        ('{"format": "streamcalib-set"}', "version None"),
        ('{"format": "streamcalib-set", "version": 1}', "damaged"),
    ],
)
def test_what_is_no_manifest_is_told(calibration, text, says):
    """Empty, cut, or foreign JSON is a clear error with the file's name."""
    path = manifest_path(calibration.path)
    path.write_text(text)
    with pytest.raises(SetError) as caught:
        Manifest.read(calibration.path)
    message = text_of(caught.value)
    assert says in message
    assert str(path) in message


def test_bytes_that_are_no_text_are_told(calibration):
    """A manifest overwritten with data is a clear error too."""
    manifest_path(calibration.path).write_bytes(b"\xff\xfe\x00binary")
    with pytest.raises(SetError, match="cannot be read"):
        Manifest.read(calibration.path)


def test_a_missing_manifest_is_told(calibration):
    """The message says which file is missing and that it belongs to the set."""
    manifest_path(calibration.path).unlink()
    with pytest.raises(SetError) as caught:
        Manifest.read(calibration.path)
    assert "calib.npy.json is missing" in text_of(caught.value)


def test_a_later_version_is_not_guessed_at(calibration):
    """What another version wrote is for that version to read."""
    spoil(calibration, version=2)
    with pytest.raises(SetError) as caught:
        Manifest.read(calibration.path)
    assert "has version 2, and this streamcalib reads version 1" in text_of(caught.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"shape": "6x3"},
        {"shape": [6, 3, 16.5]},
        {"shape": [0, 3, 16, 16]},
        {"recipe": None},
        {"recipe": []},
        {"recipe": {"height": -1}},
        {"recipe": {"sharpness": 1}},
        {"images": None},
        {"rows": "calib.npy.rows.jsonl"},
        {"failures": None},
        {"extra_inputs": []},
        {"unknown": 1},
        {"images": {}},
        {"commands": None},
        {"value_range": []},
        {"value_range": {"expected": [0], "observed": [0, 1]}},
        {"failures": [1]},
        {"extra_inputs": {"a": 1}},
        {"rows": [{"path": "a.jpg"}]},
        {"model": "m.onnx"},
        {"store": "other"},
        {"created": 1},
        {"value_range": {"expected": [0, float("nan")], "observed": [0, 1]}},
        {"value_range": {"expected": [0, 1], "observed": [0, 10**400]}},
        {"shape": [6, 3, 32, 16]},
        {"shape": [10**30, 3, 16, 17]},
        {"dtype": "float16"},
        {"dtype": "object"},
        {"store": "uint8"},
        {"input_name": ""},
        {"input_name": "a\0b"},
        {"extra_inputs": {"a": {"value": 1, "dtype": "object"}}},
        {"extra_inputs": {"a": {"value": [[1], [1, 2]], "dtype": "int64"}}},
        {"extra_inputs": {"a": {"value": ["x"], "dtype": "float32"}}},
        {"extra_inputs": {"a": {"value": 10**400, "dtype": "int64"}}},
        {"extra_inputs": {"a": {"value": [], "dtype": "int64"}}},
        {"failures": [{"path": "a", "reason": "b", "list_row": 6}]},
        {"failures": [{"path": "a", "reason": "b", "list_row": -1}]},
    ],
    ids=lambda changes: str(changes)[:60],
)
def test_a_damaged_field_is_told(calibration, changes):
    """Fields of the wrong kind are found when the manifest is read, not later."""
    spoil(calibration, **changes)
    with pytest.raises(SetError) as caught:
        Manifest.read(calibration.path)
    assert "is damaged" in text_of(caught.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"list_row": 6},
        {"list_row": -1},
        {"list_row": True},
        {"list_row": 1.0},
        {"bytes": -1},
        {"bytes": "9"},
        {"bytes": None},
        {"path": None},
        {"height": "x"},
        {"width": -5},
        {"canvas_crc32c": 7},
    ],
    ids=str,
)
def test_a_damaged_record_is_told(calibration, changes):
    """Records in the manifest and records in a side file have to make the same sense."""
    records = list(calibration.row_records())
    records[2] = {**records[2], **changes}
    lines = "".join(json.dumps(record) + "\n" for record in records).encode()
    rows_path(calibration.path).write_bytes(lines)
    with pytest.raises(SetError, match="line 3 is no record"):
        list(read_rows(rows_path(calibration.path), 6, hashlib.sha256(lines).hexdigest(), listed=6))
    spoil(calibration, rows=records)
    with pytest.raises(SetError, match="field 'rows' is amiss"):
        Manifest.read(calibration.path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[" * 50_000, "nested"),
        ('{"format": "streamcalib-set", "format": "streamcalib-set"}', "twice"),
        ('{"format": "streamcalib-set", "version": "\\u001b[31m' + "x" * 1000 + '"}', "version '"),
        ('{"format": "streamcalib-set", "version": ' + "9" * 5000 + "}", "digits"),
    ],
    ids=["nested", "twice", "version", "digits"],
)
def test_odd_json_is_told(calibration, text, says):
    """No recursion, no choice between two values, no message without end."""
    manifest_path(calibration.path).write_text(text)
    with pytest.raises(SetError) as caught:
        Manifest.read(calibration.path)
    message = text_of(caught.value)
    assert says in message
    assert len(message) < 500


def test_a_manifest_without_end_is_not_read(calibration):
    """A file of terabytes is refused for its size."""
    with manifest_path(calibration.path).open("r+b") as file:
        file.truncate(10**12)
    with pytest.raises(SetError, match=r"cannot be read: it has more than 268\.4 MB\.$"):
        Manifest.read(calibration.path)


@pytest.mark.timeout(60)
def test_a_pipe_is_no_manifest(calibration):
    """What nobody writes to is not waited for."""
    manifest_path(calibration.path).unlink()
    os.mkfifo(manifest_path(calibration.path))
    with pytest.raises(SetError, match="cannot be read: nothing is written to this pipe"):
        Manifest.read(calibration.path)


@pytest.mark.parametrize(
    "line", [b"[" * 50_000, b'{"path": "a", "path": "b"}', b"x" * 2**18, b"null", b"[]"], ids=len
)
def test_odd_lines_of_a_side_file_are_told(calibration, line):
    """Nested, doubled, or without end: an error, and no more of it is read."""
    path = rows_path(calibration.path)
    path.write_bytes(line + b"\n")
    with pytest.raises(SetError):
        list(read_rows(path, 1, hashlib.sha256(line + b"\n").hexdigest(), listed=6))


def test_a_side_file_is_sought_beside_its_set_only(calibration, tmp_path):
    """The name that a manifest gives for it leads nowhere, however it climbs."""
    lines = "".join(json.dumps(record) + "\n" for record in calibration.row_records()).encode()
    sha256 = hashlib.sha256(lines).hexdigest()
    (tmp_path / "elsewhere").write_bytes(lines)
    for name in ("elsewhere", "../elsewhere", str(tmp_path / "elsewhere")):
        spoil(calibration, rows={"file": name, "sha256": sha256})
        with pytest.raises(SetError, match=r"lacks calib\.npy\.rows\.jsonl"):
            CalibrationSet.open(calibration.path)
    rows_path(calibration.path).write_bytes(lines)
    assert len(list(CalibrationSet.open(calibration.path).row_records())) == 6
