"""Putting a set under its final name: whole, or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import smallsets
from messages import text_of
from streamcalib import CalibrationSet, Recipe, build
from streamcalib.errors import SourceError, StoppedError
from streamcalib.publish import publish

OTHER = Recipe.yolo11(32)


class PulledPlug(BaseException):
    """Nothing that a program could handle."""


@pytest.fixture
def images(tmp_path) -> list[Path]:
    return smallsets.make_images(tmp_path / "images", 5)


@pytest.fixture
def out(tmp_path) -> Path:
    return tmp_path / "out" / "calib.npy"


def make(images, out, recipe=smallsets.RECIPE) -> CalibrationSet:
    return build(images, out, recipe=recipe, jobs=1, overwrite=True)


def watch_renames(monkeypatch, out: Path, fail_at: int | None = None) -> list[list[str]]:
    """Note which final names exist before every rename, and pull the plug at one of them."""
    seen: list[list[str]] = []
    rename = Path.replace

    def watched(self, target):
        seen.append([*sorted(path.name for path in out.parent.glob("calib.npy*")), target.name])
        if len(seen) - 1 == fail_at:
            raise PulledPlug
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", watched)
    return seen


def test_the_data_appears_last(images, out, monkeypatch):
    """Before the last rename there are side files and staging, and no data."""
    seen = watch_renames(monkeypatch, out)
    make(images, out)
    assert [names[-1] for names in seen] == ["calib.npy.json", "calib.npy.md", "calib.npy"]
    assert all("calib.npy" not in names[:-1] for names in seen)


def test_old_data_goes_before_new_side_files_come(images, out, monkeypatch):
    """At no moment does old data stand beside a manifest that is not its own."""
    make(images, out)
    seen = watch_renames(monkeypatch, out)
    make(images, out, OTHER)
    assert seen[0] == ["calib.npy.build", "calib.npy.json"]
    assert all("calib.npy" not in names[:-1] for names in seen)


@pytest.mark.parametrize("overwritten", [False, True])
@pytest.mark.parametrize("fail_at", [0, 1, 2])
def test_whenever_the_plug_is_pulled_there_is_no_half_set(
    images, out, monkeypatch, fail_at, overwritten
):
    """Whatever is left does not open as a set, and the same build then makes it whole."""
    if overwritten:
        make(images, out)
    with monkeypatch.context() as patch:
        watch_renames(patch, out, fail_at)
        with pytest.raises(PulledPlug):
            make(images, out, OTHER)
    assert not out.exists()
    with pytest.raises(SourceError):
        CalibrationSet.open(out)
    assert make(images, out, OTHER).recipe == OTHER
    assert not list(out.parent.glob("*.build"))


def test_everything_is_flushed_before_the_data_is_renamed(images, out, monkeypatch):
    """Data, side files and the folder are on the disk before the name is, and the folder after."""
    events = []
    flush, rename = os.fsync, Path.replace

    def flushed(file):
        events.append(Path(f"/proc/self/fd/{file}").readlink().name)
        flush(file)

    def renamed(self, target):
        events.append(f"-> {target.name}")
        return rename(self, target)

    monkeypatch.setattr(os, "fsync", flushed)
    monkeypatch.setattr(Path, "replace", renamed)
    make(images, out)
    data = events.index("-> calib.npy")
    assert "rows.npy" in events[:data]
    for part, name in (("manifest.json", "calib.npy.json"), ("card.md", "calib.npy.md")):
        renamed_at = events.index(f"-> {name}")
        assert events[renamed_at - 1] == part
        assert renamed_at < data
    assert events[data - 1] == events[data + 1] == out.parent.name


def test_a_failing_rename_is_told_and_can_be_repeated(images, out, monkeypatch):
    """An error of the volume in the last step is no set, and no traceback."""
    with monkeypatch.context() as patch:

        def refuse(self, target):
            raise OSError(5, "Input/output error")

        patch.setattr(Path, "replace", refuse)
        with pytest.raises(StoppedError) as caught:
            make(images, out)
    assert "Input/output error" in text_of(caught.value)
    assert not out.exists()
    assert len(make(images, out)) == 5


def test_publishing_takes_the_staged_file_as_it_is(images, out, tmp_path):
    """The data is renamed, not copied: it keeps its inode."""
    manifest = make(images, out).manifest
    staged = tmp_path / "staged.npy"
    staged.write_bytes(out.read_bytes())
    inode = staged.stat().st_ino
    publish(staged, out, manifest)
    assert out.stat().st_ino == inode
    assert not staged.exists()
