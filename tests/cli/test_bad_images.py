"""Bad images: exit code 3, and every one of them named with its reason."""

from __future__ import annotations

import os
import re

import pytest

import smallsets

BUILD = ("build", "--list", "list.txt", "--out", "calib.npy", "--imgsz", 16)
REASONS = {
    "empty.jpg": r"the file is empty",
    "truncated.jpg": r"damaged JPEG: .+",
    "text.jpg": r"not an image that OpenCV can read, or a damaged one",
    "missing.jpg": r"no such file \(sought as .+/images/missing.jpg\)",
    "folder.jpg": r"it is a directory",
    "closed.jpg": r"permission denied",
    "pipe.jpg": r"it is not a regular file",
    "large.png": r"3000x2000 pixels are over the limit of 1000000 \(--max-pixels\)",
    "a\\x1b[2J.jpg": r"the file is empty",
}


@pytest.fixture
def listed(images, tmp_path):
    """A list of six good images and one of every bad kind."""
    folder = tmp_path / "images"
    whole = smallsets.jpeg(1)
    (folder / "empty.jpg").touch()
    (folder / "truncated.jpg").write_bytes(whole[: len(whole) * 2 // 3])
    (folder / "text.jpg").write_text("This is no image.")
    (folder / "folder.jpg").mkdir()
    (folder / "closed.jpg").write_bytes(whole)
    (folder / "closed.jpg").chmod(0)
    os.mkfifo(folder / "pipe.jpg")
    # Only the header of a PNG: its size is known before a byte of it is decoded.
    large = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (3000).to_bytes(4, "big") + (2000).to_bytes(4, "big")
    (folder / "large.png").write_bytes(large + b"\x08\x02\0\0\0" + bytes(100))
    (folder / "a\x1b[2J.jpg").touch()
    names = [name.replace("\\x1b", "\x1b") for name in REASONS]
    entries = [f"images/{path.name}" for path in images] + [f"images/{name}" for name in names]
    return smallsets.write_list(tmp_path / "list.txt", entries)


@pytest.mark.parametrize("jobs", [1, 2])
def test_every_bad_image_is_named_with_its_reason(listed, tmp_path, jobs):
    """All kinds at once, in the order of the list; nothing is published, good rows are kept."""
    before = sorted(path.name for path in tmp_path.iterdir())
    ended = smallsets.run_without_privileges(
        *BUILD, "--jobs", jobs, "--max-pixels", 1_000_000, cwd=tmp_path
    )
    assert (ended.code, ended.out) == (3, "")
    first, *lines, last = ended.err.splitlines()
    assert first == f"streamcalib: error: {len(REASONS)} of {6 + len(REASONS)} images are bad:"
    for line, (name, reason) in zip(lines, REASONS.items(), strict=True):
        assert re.fullmatch(rf"  images/{re.escape(name)}: {reason}", line), line
    assert "the same command again" in last
    kept = f"6 of {6 + len(REASONS)} rows are kept in {tmp_path / 'calib.npy.build'}"
    assert last.endswith(f"{kept}; the same command goes on from there.")
    assert "Traceback" not in ended.err
    after = sorted(path.name for path in tmp_path.iterdir())
    assert after == sorted([*before, "calib.npy.build"])


def test_a_run_names_bad_images_too(told, images):
    """The list is kept, so that it can be mended; there is no set."""
    for path in images:
        path.write_bytes(b"")
    ended = told("run", "images", "--count", 4, "--out", "out", "--imgsz", 16, "--jobs", 1)
    assert ended.code == 3
    assert "4 of 4 images are bad" in ended.err
    assert (images[0].parents[1] / "out" / "quant4.txt").exists()
    assert not list((images[0].parents[1] / "out").glob("calib*"))


def test_no_good_image_is_left(told, images):
    """With ``--on-bad skip`` a set of nothing is still an error."""
    for path in images:
        path.write_bytes(b"")
    ended = told(*BUILD, "--on-bad", "skip", "--jobs", 1)
    assert ended.code == 3
    assert "6 of 6 images are bad" in ended.err


def test_spares_run_out(told, images):
    """All that was tried is named, and what to do."""
    assert told("sample", "images", "--count", 4, "--out", "list4.txt").code == 0
    for path in images:
        path.write_bytes(b"")
    ended = told(
        *("build", "--list", "list4.txt", "--out", "calib.npy", "--imgsz", 16, "--jobs", 1),
        *("--on-bad", "replace"),
    )
    assert ended.code == 3
    assert "6 of 6 images are bad" in ended.err
    assert "All 2 spares of list4.txt were tried" in ended.err


def test_after_a_repair_the_same_command_goes_on(told, images):
    """Exit code 3 is no end."""
    good = images[2].read_bytes()
    images[2].write_bytes(b"")
    assert told(*BUILD, "--jobs", 1).code == 3
    images[2].write_bytes(good)
    assert told(*BUILD, "--jobs", 1).code == 0
