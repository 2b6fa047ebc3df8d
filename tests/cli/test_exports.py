"""``finalize --for`` on the command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import smallsets
from streamcalib.exporting.targets import TARGETS


@pytest.fixture
def built(told, images) -> Path:
    """A set of six rows, ``calib.npy``."""
    arguments = ("build", "--list", "list.txt", "--out", "calib.npy", "--imgsz", 16, "--jobs", 1)
    assert told(*arguments).code == 0
    return images[0].parents[1]


def test_what_is_told(told, built, images):
    """Warnings on standard error; size, what the tool holds, and the lines for it."""
    ended = told("finalize", "calib.npy", "--for", "hailo", "--out", "h.npy")
    assert ended.code == 0
    assert ended.err == (
        "warning: 6 rows may be too few: Hailo's compiler needs 1,024 for optimization level 2, "
        "and lowers it for fewer.\n"
    )
    assert ended.out == (
        f"{built}/h.npy written for hailo: 6 rows, 8.7 kB\n"
        "  (6, 16, 16, 3) uint8; hailo holds 4.6 kB of the rows in memory\n"
        "Put into the model script (.alls):\n"
        "  normalization1 = normalization([0, 0, 0], [255, 255, 255])\n"
        "Optimize with Hailo's Dataflow Compiler:\n"
        f"  hailo optimize MODEL.har --hw-arch hailo8 --calib-set-path {built}/h.npy "
        "--model-script MODEL.alls\n"
    )
    rows = np.rint(smallsets.rows(images) * 255).astype(np.uint8)
    np.testing.assert_array_equal(np.load("h.npy"), rows.transpose(0, 2, 3, 1))


def test_the_same_again(told, built):
    """It is already complete, and the lines are there again."""
    command = ("finalize", "calib.npy", "--for", "rknn", "--out", "r")
    first = told(*command)
    again = told(*command)
    assert again.code == 0
    assert again.out.splitlines()[0] == f"{built}/r is already complete: nothing to write"
    assert again.out.splitlines()[1:] == first.out.splitlines()[1:]


@pytest.mark.parametrize("target", TARGETS)
def test_a_dry_run_writes_nothing(told, built, target):
    """The plan: files, bytes on disk, bytes in memory, warnings."""
    suffix = {"qai-hub": ".h5", "polygraphy": ".py", "modelopt": ".npz", "onnx2tf": ".npy"}
    out = f"x{suffix.get(target, '')}"
    before = smallsets.contents(built)
    ended = told("finalize", "calib.npy", "--for", target, "--out", out, "--dry-run")
    assert ended.code == 0
    assert smallsets.contents(built) == before
    assert f"{built}/{out}, for {target}" in ended.out
    assert "rows      6\n" in ended.out
    assert " needed, " in ended.out
    assert ("memory    " in ended.out) == (target not in ("folder", "raw", "mlperf"))


def test_quiet(told, built):
    """Nothing but errors."""
    for _ in range(2):
        ended = told("finalize", "calib.npy", "--for", "rknn", "--out", "r", "--quiet")
        assert ended == (0, "", "")


def test_all_options(told, built):
    """They arrive: layout, dtype, range, shards, rows."""
    ended = told(
        *("finalize", "calib.npy", "--for", "folder", "--out", "f", "--layout", "nhwc"),
        *("--dtype", "float16", "--range", "0-255", "--shards", 2, "--rows", 4, "--jobs", 1),
    )
    assert ended.code == 0, ended.err
    files = sorted(Path("f").iterdir())
    assert [file.name for file in files] == ["000000.npy", "000001.npy"]
    assert np.load(files[1]).shape == (2, 16, 16, 3)
    assert np.load(files[1]).dtype == np.float16
    ended = told(*("finalize", "calib.npy", "--for", "modelopt", "--out", "m.npy", "--batch", 4))
    assert "the last 2 rows are left out: they fill no batch of 4." in ended.err
    assert "--calibration_shapes=images:4x3x16x16" in ended.out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--out", "x.npy", "--dtype", "uint8"), "--dtype needs --for"),
        (("--out", "x.npy", "--range", "0-1"), "--range needs --for"),
        (("--out", "x.npy", "--official-list", "l"), "--official-list needs --for"),
        (("--out", "x", "--for", "rknn", "--store", "uint8"), "--store is not for --for rknn"),
        (("--out", "x", "--for", "rknn", "--compression", "zstd"), "--compression is not for"),
        (("--out", "x", "--for", "rknn", "--layout", "nchw"), "--layout is not for --for rknn"),
        (("--out", "x", "--for", "rknn", "--extra-input", "a=1:int64"), "--extra-input is not"),
        (("--out", "x", "--for", "tpu"), "'tpu' is not one of"),
        (("--out", "x.zarr", "--rows", 3), "--rows is for final values"),
        (("--out", "x.npy", "--rows", 0), "--rows must be at least 1"),
    ],
)
def test_wrong_usage(told, built, arguments, says):
    """Exit code 2, by the option's name, and nothing is written."""
    before = smallsets.contents(built)
    ended = told("finalize", "calib.npy", *arguments)
    assert ended.code == 2
    assert says in ended.err
    assert smallsets.contents(built) == before


def test_names_are_escaped(told, built):
    """An output with control characters does not reach the terminal as it is."""
    evil = "a\x1b[2Jb"
    ended = told("finalize", "calib.npy", "--for", "rknn", "--out", evil)
    assert ended.code == 0
    assert Path(evil).is_dir()
    assert "\x1b" not in ended.out + ended.err
    assert "a\\x1b[2Jb" in ended.out
    again = told("finalize", "calib.npy", "--for", "folder", "--out", evil)
    assert again.code == 2
    assert "\x1b" not in again.out + again.err


def test_the_first_rows_without_a_consumer(told, built):
    """``--rows`` shortens a set of final values; it is a set, and whole."""
    assert told("finalize", "calib.npy", "--out", "short.npy", "--rows", 4).code == 0
    np.testing.assert_array_equal(np.load("short.npy"), np.load("calib.npy")[:4])
    assert told("verify", "short.npy").code == 0
    assert (
        "already complete"
        in told(*("finalize", "calib.npy", "--out", "short.npy", "--rows", 4)).out
    )
