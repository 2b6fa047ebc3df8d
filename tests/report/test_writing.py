"""Writing the page: whole or not at all, and never over what is another's."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

import reportsets
import smallsets
from messages import text_of
from streamcalib import Recipe, build, report
from streamcalib.errors import DamagedError, InputError, OutputError, SourceError, StoppedError
from streamcalib.report import writing
from streamcalib.report.order import check_folder_page, check_report
from streamcalib.report.page import Page
from streamcalib.report.writing import report_beside


@pytest.fixture
def calibration(tmp_path):
    pictures = {f"{number}.png": reportsets.soft(number) for number in range(3)}
    return reportsets.built(tmp_path, pictures)


def test_a_report_tells_what_it_wrote(calibration, tmp_path):
    """Path, counts, concerns; a folder that is missing is made, and nothing else is left."""
    made = report(str(calibration.path), tmp_path / "new" / "page.html", jobs=1)
    assert made.path == tmp_path / "new" / "page.html"
    assert (made.rows, made.shown, made.damaged, made.is_new) == (3, 3, 0, True)
    assert [concern.title for concern in made.concerns] == ["3 rows only"]
    assert [path.name for path in made.path.parent.iterdir()] == ["page.html"]


def test_progress_is_told(calibration, tmp_path):
    """From nothing to all rows."""
    seen = []
    report(calibration, tmp_path / "page.html", progress=seen.append)
    assert (seen[0].stage, seen[0].done, seen[0].total) == ("report", 0, 3)
    assert seen[-1].done == 3


def test_the_same_page_is_left_as_it_is(calibration, tmp_path):
    """Its set and options are the same: nothing is written; another page needs to be replaced."""
    page = tmp_path / "page.html"
    report(calibration, page)
    before = (page.stat().st_ino, page.stat().st_mtime_ns)
    assert not report(calibration, page).is_new
    assert (page.stat().st_ino, page.stat().st_mtime_ns) == before
    with pytest.raises(OutputError, match="say --overwrite"):
        report(calibration, page, rows=2)
    assert report(calibration, page, rows=2, overwrite=True).shown == 2


def test_a_set_that_was_touched_has_another_page(calibration, tmp_path):
    """What was written of it may not hold any longer."""
    page = tmp_path / "page.html"
    report(calibration, page)
    reportsets.damage(calibration, 1)
    assert not check_report(calibration, page, overwrite=True).is_complete
    found = report(calibration, page, overwrite=True)
    assert found.damaged == 1
    assert found.concerns[0].title == "1 row of 3: damaged, not what was written"
    # It is looked at again every time, and needs no word to be replaced.
    assert not check_report(calibration, page).is_complete
    assert report(calibration, page).damaged == 1


def test_a_foreign_file_is_not_replaced(calibration, tmp_path):
    """Unless that is said."""
    page = tmp_path / "page.html"
    page.write_text("mine")
    with pytest.raises(OutputError):
        report(calibration, page)
    assert page.read_text() == "mine"
    assert report(calibration, page, overwrite=True).is_new


@pytest.mark.parametrize(
    ("out", "options", "error"),
    [
        ("page.txt", {}, OutputError),
        ("folder.html", {}, OutputError),
        ("s3://bucket/page.html", {}, OutputError),
        ("file.txt/page.html", {}, OutputError),
        ("page.html", {"rows": 0}, InputError),
        ("page.html", {"rows": 10_001}, InputError),
        ("page.html", {"jobs": 0}, InputError),
    ],
)
def test_what_cannot_be_is_refused(calibration, tmp_path, monkeypatch, out, options, error):
    """With a message that says what; nothing is left."""
    monkeypatch.chdir(tmp_path)
    Path("folder.html").mkdir()
    Path("file.txt").write_text("")
    before = smallsets.contents(tmp_path)
    with pytest.raises(error) as caught:
        report(calibration, out, **options)
    text_of(caught.value)
    assert caught.value.exit_code == 2
    assert smallsets.contents(tmp_path) == before


def test_a_set_that_is_not_there(tmp_path):
    """Is named as by every command."""
    with pytest.raises(SourceError):
        report(tmp_path / "none.npy", tmp_path / "page.html")


def test_a_changed_recipe_is_refused(calibration, tmp_path):
    """Nothing that the page said of such a set would be so."""
    manifest = Path(f"{calibration.path}.json")
    manifest.write_text(manifest.read_text().replace('"pad_value": 114', '"pad_value": 115'))
    with pytest.raises(DamagedError, match="changed after the build"):
        report(calibration.path, tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()


@pytest.mark.parametrize(
    ("number", "error", "says"),
    [(errno.ENOSPC, StoppedError, "Free space"), (errno.EACCES, OutputError, "cannot be written")],
)
def test_a_disk_that_fails_leaves_nothing(calibration, tmp_path, monkeypatch, number, error, says):
    """No half of a page, and the one that was there stays."""
    page = tmp_path / "page.html"
    report(calibration, page)
    before = page.read_bytes()

    def parts(self):
        yield "half"
        raise OSError(number, "no more")

    monkeypatch.setattr(Page, "parts", parts)
    with pytest.raises(error, match=says):
        report(calibration, page, rows=1, overwrite=True)
    assert page.read_bytes() == before
    assert not [path for path in tmp_path.iterdir() if "part" in path.name]


def test_a_set_that_cannot_be_read_stops_it(calibration, tmp_path, monkeypatch):
    """The volume is to be mended; exit code 5."""

    def survey(*_):
        raise OSError(errno.EIO, "bad volume")

    monkeypatch.setattr(writing, "survey", survey)
    with pytest.raises(StoppedError, match=r"reading .* failed: bad volume"):
        report(calibration, tmp_path / "page.html")


def test_a_run_keeps_its_page_up_to_date(calibration, tmp_path):
    """Its own page is replaced, another's file is refused before the run begins."""
    page = check_folder_page(tmp_path)
    assert page == tmp_path / "report.html"
    assert report_beside(calibration, None) is None
    assert report_beside(calibration, page).is_new
    assert not report_beside(calibration, check_folder_page(tmp_path)).is_new
    other = reportsets.built(tmp_path, {"x.png": reportsets.soft(9)}, "t.npy")
    assert report_beside(other, check_folder_page(tmp_path)).is_new
    page.write_text("mine")
    with pytest.raises(OutputError, match="--no-report"):
        check_folder_page(tmp_path)


def test_what_ends_a_runs_report_says_that_the_set_is_whole(calibration, tmp_path, monkeypatch):
    """So that nobody builds it again."""

    def survey(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(writing, "survey", survey)
    with pytest.raises(KeyboardInterrupt) as caught:
        report_beside(calibration, tmp_path / "report.html")
    assert "The set is whole" in caught.value.__notes__[0]


def test_a_thread_count_changes_nothing(tmp_path):
    """The page is the same to the last byte."""
    pictures = {f"{number}.png": reportsets.soft(number) for number in range(5)}
    made = reportsets.built(tmp_path, pictures, recipe=Recipe.yolo11(64))
    pages = [report(made, tmp_path / f"{jobs}.html", jobs=jobs).path for jobs in (1, 4)]
    assert pages[0].read_bytes() == pages[1].read_bytes()


def test_a_set_behind_a_url_has_the_page_of_the_same_set_on_disk(tmp_path, bucket, monkeypatch):
    """Rows come from where it is; the page lies here."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    paths = reportsets.write(
        tmp_path / "images", {f"{number}.png": reportsets.soft(number) for number in range(5)}
    )
    options = {"recipe": Recipe.yolo11(32), "jobs": 1}
    there = build(paths, f"{bucket.url}/s.zarr", **options)
    here = build(paths, tmp_path / "s.zarr", **options)
    pages = [
        reportsets.Parsed(report(made, tmp_path / f"{at}.html").path.read_text())
        for at, made in enumerate((there, here))
    ]
    one, other = ([image["src"] for image in page.all("img") if "src" in image] for page in pages)
    assert one == other
    assert len(one) == 5
    assert pages[0].texts["script"][0] == pages[1].texts["script"][0]
