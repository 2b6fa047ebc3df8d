"""``streamcalib report``, and the pages of run and demo."""

from __future__ import annotations

from pathlib import Path

import pytest

import reportsets
import smallsets
from streamcalib import CalibrationSet

BUILD = ("build", "--list", "list.txt", "--out", "calib.npy", "--imgsz", 16, "--jobs", 1, "--quiet")
RUN = ("run", "images", "--count", 4, "--out", "out", "--imgsz", 16, "--jobs", 1)


@pytest.fixture
def built(told, images) -> CalibrationSet:
    assert told(*BUILD).code == 0
    return CalibrationSet.open("calib.npy")


def test_a_page_is_written_and_told(told, built, tmp_path):
    """Its path, what there is to know, and that the same again does nothing."""
    ended = told("report", "calib.npy")
    assert (ended.code, ended.err) == (0, "")
    first, *others = ended.out.splitlines()
    assert first == f"{tmp_path}/report.html written: 6 rows; open it in a browser"
    assert "  6 rows only" in others
    assert told("report", "calib.npy").out == (
        f"{tmp_path}/report.html is already complete: nothing to write\n"
    )


def test_options_reach_it(told, built, tmp_path):
    """Rows, seed, threads, name."""
    how = ("--out", "a.html", "--rows", 2, "--seed", 3, "--jobs", 1)
    assert "6 rows, 2 of them shown" in told("report", "calib.npy", *how).out
    assert "chosen by seed 3" in Path("a.html").read_text()
    assert told("report", "calib.npy", "--out", "a.html").code == 2
    assert told("report", "calib.npy", "--out", "a.html", "--overwrite").code == 0


def test_a_dry_run_writes_nothing(told, built, tmp_path):
    """It says what would be read, shown and taken."""
    before = smallsets.contents(tmp_path)
    ended = told("report", "calib.npy", "--dry-run")
    assert ended.out == f"{tmp_path}/report.html: 6 rows to read, 6 to show, at most 5.0 MB\n"
    assert smallsets.contents(tmp_path) == before


@pytest.mark.parametrize("out", [f"{'a' * 300}.html", "/proc/x/r.html", f"new/{'a' * 300}.html"])
def test_a_page_that_cannot_be_written_is_refused_before_the_set_is_read(told, built, out):
    """In words, and though it is but a plan."""
    reportsets.damage(built, 2)
    before = smallsets.contents(Path())
    for plan in ((), ("--dry-run",)):
        ended = told("report", "calib.npy", "--out", out, *plan)
        assert (ended.code, ended.out) == (2, "")
        assert "cannot be written: " in ended.err
    assert smallsets.contents(Path()) == before


def test_quiet_says_nothing(told, built):
    """But writes."""
    assert told("report", "calib.npy", "--quiet") == (0, "", "")
    assert Path("report.html").exists()


def test_damage_ends_with_its_exit_code(told, built, tmp_path):
    """The page is there all the same, and the message says where to look."""
    reportsets.damage(built, 2)
    ended = told("report", "calib.npy")
    assert ended.code == 4
    assert f"1 row of calib.npy is not what was written: see {tmp_path}/report.html" in ended.err
    assert "row 2" in Path("report.html").read_text()


@pytest.mark.parametrize("command", [RUN, ("demo", "--count", 2, "--jobs", 1, "--out", "out")])
def test_runs_and_demos_have_a_page(told, images, command):
    """By default; the same again leaves it, and --no-report leaves it out."""
    assert not told(*command, "--no-report").out.count("report.html")
    assert not Path("out/report.html").exists()
    assert "report    " in told(*command, "--dry-run").out
    ended = told(*command)
    assert (ended.code, ended.err) == (0, "")
    assert "out/report.html written: " in ended.out
    assert "out/report.html is already complete" in told(*command).out


def test_a_run_does_not_replace_what_is_anothers(told, images):
    """It is refused before a list is written."""
    Path("out").mkdir()
    Path("out/report.html").write_text("mine")
    ended = told(*RUN)
    assert ended.code == 2
    assert "--no-report" in ended.err
    assert [path.name for path in Path("out").iterdir()] == ["report.html"]
    assert told(*RUN, "--no-report").code == 0


def test_info_names_the_command(told, built, tmp_path):
    """As it is run for this set."""
    line = f"streamcalib report {tmp_path}/calib.npy --out {tmp_path}/report.html"
    assert line in told("info", "calib.npy").out


def test_labels_are_shown(told, built):
    """As sample takes them; columns are for tables alone."""
    Path("labels.csv").write_text(
        "picture,kind\n" + "".join(f"{number:06d}.jpg,kind{number % 2}\n" for number in range(6))
    )
    columns = ("--label-column", "kind", "--path-column", "picture")
    ended = told("report", "calib.npy", "--labels", "csv:labels.csv", *columns)
    assert (ended.code, ended.err) == (0, "")
    assert "kind1" in Path("report.html").read_text()
    assert told("report", "calib.npy", *columns).code == 2
    assert told("report", "calib.npy", "--labels", "no", "--out", "b.html").code == 2
