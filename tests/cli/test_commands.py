"""What every command does and prints when all is well."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

import smallsets
from streamcalib import CalibrationSet, __version__
from streamcalib.cli import commands

EVIL = "images/a\x1b[2J.jpg"
BUILD = ("build", "--list", "list.txt", "--out", "calib.npy", "--imgsz", 16, "--jobs", 1)


def test_the_version_is_printed(told):
    """``--version`` prints the package's."""
    assert told("--version") == (0, f"streamcalib {__version__}\n", "")


@pytest.mark.parametrize("name", ["", *commands.commands])
@pytest.mark.parametrize("option", ["-h", "--help"])
def test_every_command_has_help(told, name, option):
    """Help fits a terminal of 100 columns and begins with the usage."""
    ended = told(*([name] if name else []), option)
    assert ended.code == 0
    assert ended.out.startswith(f"Usage: streamcalib {name}")
    assert max(map(len, ended.out.splitlines())) <= 100


def test_the_promised_commands_are_there():
    """Names that users script against stay."""
    assert {"sample", "build", "finalize", "run", "info", "demo"} <= set(commands.commands)


def test_build_tells_what_it_built_and_what_comes_next(told, images):
    """Shape, dtype, size and rate; the command that uses the set, and what that loads."""
    ended = told(*BUILD)
    assert (ended.code, ended.err) == (0, "")
    first, ours, command, second, third = ended.out.splitlines()
    assert re.fullmatch(
        r"calib.npy built: \(6, 3, 16, 16\) float32, 22\.5 kB in \d+\.\d s \(\d+ img/s\)",
        first.replace(str(images[0].parents[1]) + "/", ""),
    )
    assert ours == "Quantize with NVIDIA ModelOpt, without loading the set:"
    assert command.strip().startswith("streamcalib quantize MODEL.onnx --calibration ")
    assert second == "The same by ModelOpt's own command line (it loads all 22.5 kB):"
    assert third.strip().startswith("python -m modelopt.onnx.quantization")
    np.testing.assert_array_equal(np.load("calib.npy"), smallsets.rows(images))


def test_the_same_build_again_says_so(told, images, tmp_path):
    """It is already complete: nothing is built, and the exit code is 0."""
    told(*BUILD)
    before = smallsets.contents(tmp_path)
    ended = told(*BUILD)
    assert (ended.code, ended.err) == (0, "")
    assert "calib.npy is already complete: 6 rows, nothing to build" in ended.out
    assert smallsets.contents(tmp_path) == before


def test_bad_images_that_were_left_out_are_told(told, images):
    """With ``--on-bad skip`` the exit code is 0, and the bad images are named with reasons."""
    images[1].write_bytes(b"")
    Path(EVIL).write_bytes(b"no image")
    smallsets.write_list(Path("list.txt"), [*Path("list.txt").read_text().split(), EVIL])
    for _ in range(2):
        ended = told(*BUILD, "--on-bad", "skip")
        assert (ended.code, ended.err) == (0, "")
        assert "2 bad images left out:\n" in ended.out
        assert "\n  images/000001.jpg: the file is empty\n" in ended.out
        assert "\n  images/a\\x1b[2J.jpg: not an image" in ended.out
        assert "\x1b" not in ended.out
    assert len(np.load("calib.npy")) == 5


def test_bad_images_that_were_replaced_are_told(told, images):
    """With ``--on-bad replace`` spares of the list's side file stand in."""
    assert told("sample", "images", "--count", 3, "--out", "three.txt").code == 0
    bad = Path("three.txt").read_text().split()[0]
    Path(bad).write_bytes(b"")
    ended = told(
        "build", "--list", "three.txt", "--out", "a.npy", "--imgsz", 16, "--on-bad", "replace"
    )
    assert ended.code == 0
    assert f"1 bad image replaced by spares:\n  {bad}: the file is empty\n" in ended.out
    assert len(np.load("a.npy")) == 3


def test_every_option_of_a_build_reaches_it(told, images):
    """Decoder, backend, dtype, input name and further inputs do what they say."""
    ended = told(
        *("build", "--list", "list.txt", "--out", "a.npz", "--imgsz", "8x16", "--jobs", 2),
        *("--dtype", "float16", "--preset", "yolov8", "--backend", "threading"),
        *("--decoder", "simplejpeg", "--input-name", "pixels", "--tolerate-damage"),
        *("--extra-input", "size=8,16:int64", "--extra-input", "half=0.5:float32"),
    )
    assert (ended.code, ended.err) == (0, "")
    opened = CalibrationSet.open("a.npz")
    assert opened.shape == (6, 3, 8, 16)
    assert opened.dtype == np.float16
    assert opened.manifest.input_name == "pixels"
    assert sorted(opened.extra_inputs) == ["half", "size"]
    assert opened.manifest.decoder.startswith("simplejpeg")
    assert opened.manifest.images["tolerate_damage"] is True


def test_a_root_says_where_paths_begin(told, images, tmp_path):
    """Relative paths are sought below ``--root``."""
    (tmp_path / "images").rename(tmp_path / "moved")
    (tmp_path / "data").mkdir()
    (tmp_path / "moved").rename(tmp_path / "data" / "images")
    assert told(*BUILD).code == 2
    assert told(*BUILD, "--root", "data").code == 0


def test_finalize_tells_what_it_wrote(told, images):
    """Name, rows and size, and what comes next."""
    told(*BUILD)
    ended = told("finalize", "calib.npy", "--out", "final.npz", "--input-name", "pixels")
    assert (ended.code, ended.err) == (0, "")
    assert re.search(r"final\.npz written: 6 rows, 3\d\.\d kB\n", ended.out)
    assert "--calibration_data_path=" in ended.out
    with np.load("final.npz") as read:
        np.testing.assert_array_equal(read["pixels"], smallsets.rows(images))


def test_info_prints_card_or_manifest(told, images):
    """The card for people, JSON for programs, and nothing with ``--quiet``."""
    told(*BUILD)
    card = told("info", "calib.npy")
    assert (card.code, card.err) == (0, "")
    assert card.out.startswith("# Calibration set calib.npy")
    manifest = json.loads(told("info", "calib.npy", "--json").out)
    assert manifest["shape"] == [6, 3, 16, 16]
    assert told("info", "calib.npy", "--quiet") == (0, "", "")


def test_run_does_it_all(told, images):
    """List and set in one folder, and what was done is told."""
    ended = told(
        *("run", "images", "--count", 4, "--seed", 1, "--out", "out", "--imgsz", 16),
        *("--format", "npz", "--jobs", 1),
    )
    assert (ended.code, ended.err) == (0, "")
    assert "quant4.txt written: 4 of 6 images, seed 1, 2 spares\n" in ended.out
    assert "calib_yolo11_16.npz built: (4, 3, 16, 16)" in ended.out
    with np.load("out/calib_yolo11_16.npz") as read:
        assert read["images"].shape == (4, 3, 16, 16)


def test_a_demo_needs_nothing(told):
    """Photographs, list and set are made from nothing; the same again builds nothing."""
    ended = told("demo", "--count", 3, "--jobs", 1)
    assert (ended.code, ended.err) == (0, "")
    assert "calib_yolo11_640.npy built: (3, 3, 640, 640) float32" in ended.out
    assert np.load("streamcalib-demo/calib_yolo11_640.npy").shape == (3, 3, 640, 640)
    again = told("demo", "--count", 3, "--jobs", 1)
    assert again.code == 0
    assert "is already complete: 3 rows" in again.out


@pytest.mark.parametrize(
    "arguments",
    [
        BUILD,
        (*BUILD, "--on-bad", "skip"),
        ("sample", "images", "--count", 3, "--out", "three.txt"),
        ("run", "images", "--count", 3, "--out", "out", "--imgsz", 16, "--jobs", 1),
        ("demo", "--count", 1, "--jobs", 1),
    ],
    ids=lambda arguments: arguments[0],
)
def test_quiet_prints_nothing(told, images, arguments):
    """Not on the first run, and not when there is nothing to do."""
    for _ in range(2):
        assert told(*arguments, "--quiet") == (0, "", "")


def test_quiet_finalizing_prints_nothing(told, images):
    """Finalize has ``--quiet`` too."""
    told(*BUILD)
    assert told("finalize", "calib.npy", "--out", "a.npz", "--quiet") == (0, "", "")


def test_quiet_prints_errors(told, images):
    """An error is said whatever was asked."""
    images[0].write_bytes(b"")
    ended = told(*BUILD, "--quiet")
    assert (ended.code, ended.out) == (3, "")
    assert "images/000000.jpg: the file is empty" in ended.err


def test_a_dry_run_prints_the_plan_and_writes_nothing(told, images, tmp_path):
    """Rows, shape, bytes, free space, workers, and what is there already."""
    before = smallsets.contents(tmp_path)
    arguments = ("build", "--list", "list.txt", "--out", "new/calib.npy", "--jobs", 2, "--dry-run")
    ended = told(*arguments)
    assert (ended.code, ended.err) == (0, "")
    plan = dict(re.findall(r"^(\w+) +(.+)$", ended.out, re.MULTILINE))
    assert plan["output"] == f"{tmp_path}/new/calib.npy"
    assert plan["images"] == "list.txt, 6 paths"
    assert "(6, 3, 640, 640) float32" in plan["array"]
    assert re.match(r"30\.5 MB needed, [\d.]+ [kMGT]B free", plan["disk"])
    assert plan["workers"].startswith("2")
    assert "of memory together" in plan["workers"]
    assert plan["exists"] == "no"
    assert smallsets.contents(tmp_path) == before


def test_a_dry_run_tells_what_exists(told, images, tmp_path):
    """A complete set, or another one that would be replaced."""
    told(*BUILD)
    before = smallsets.contents(tmp_path)
    assert "already complete; nothing would be built" in told(*BUILD, "--dry-run").out
    other = told(*BUILD, "--dtype", "float16", "--overwrite", "--dry-run")
    assert "another set, which would be replaced" in other.out
    assert told(*BUILD, "--dtype", "float16", "--dry-run").code == 2
    assert smallsets.contents(tmp_path) == before


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("run", "images", "--count", 4, "--out", "out"), "(4, 3, 640, 640)"),
        (("finalize", "calib.npy", "--out", "final.npz"), "6 rows, input 'images'"),
        (("demo", "--count", 5, "--out", "demo"), "(5, 3, 640, 640)"),
        (("sample", "images", "--count", 2, "--out", "two.txt"), "2 of 6 images"),
    ],
    ids=["run", "finalize", "demo", "sample"],
)
def test_every_writing_command_has_a_dry_run(told, images, tmp_path, arguments, says):
    """It says what would be written, and writes nothing."""
    told(*BUILD)
    before = smallsets.contents(tmp_path)
    ended = told(*arguments, "--dry-run")
    assert (ended.code, ended.err) == (0, "")
    assert says in ended.out
    assert smallsets.contents(tmp_path) == before


def test_a_dry_run_names_what_is_wrong(told, images, tmp_path):
    """A plan that cannot be carried out is refused as the build would be."""
    before = smallsets.contents(tmp_path)
    ended = told("build", "--list", "list.txt", "--out", "a.npy", "--imgsz", 0, "--dry-run")
    assert ended.code == 2
    assert smallsets.contents(tmp_path) == before


def test_paths_with_control_characters_are_shown_escaped(told, images):
    """Names that a terminal would obey are made visible, in plans too."""
    name = "new\x1b[31m.npy"
    for more in ((), ("--dry-run",)):
        ended = told("build", "--list", "list.txt", "--out", name, "--imgsz", 16, *more)
        assert ended.code == 0
        assert "new\\x1b[31m.npy" in ended.out
        assert "\x1b" not in ended.out
