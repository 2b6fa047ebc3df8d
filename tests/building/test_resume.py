"""Going on where a build ended, or beginning anew."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

import smallsets
from messages import text_of
from streamcalib import ImageList, Recipe, finalize
from streamcalib.errors import BadImagesError, ImageError, JournalError, OutputError, StoppedError
from unfinished import begin, check_undisturbed, facts, journal_of, kept, restore, small, spoil

COUNT = 12
ENDINGS = (".npy", ".npz")
DAMAGED = "did not hold what was written, and"


@pytest.fixture(autouse=True)
def _notices(caplog) -> None:
    caplog.set_level("INFO", "streamcalib")


@pytest.fixture
def paths(tmp_path) -> list[Path]:
    return smallsets.make_images(tmp_path / "images", COUNT)


@pytest.fixture
def out(tmp_path) -> Path:
    return tmp_path / "out" / "calib.npy"


def staged(out: Path) -> Path:
    return journal_of(out).with_name("rows.npy")


def edit(out: Path, statement: str, *values: object) -> None:
    """Change the journal of an unfinished build."""
    with closing(sqlite3.connect(journal_of(out))) as database, database:
        database.execute(statement, values)


def refused(kind: type[Exception], images, out: Path, *, lines: int = 1, **options) -> str:
    before = smallsets.contents(out.parent)
    with pytest.raises(kind) as caught:
        small(images, out, **options)
    after = smallsets.contents(out.parent)
    assert [name for name in after if "sqlite" not in name] == [
        name for name in before if "sqlite" not in name
    ]
    assert after["calib.npy.build/rows.npy"][1] == before["calib.npy.build/rows.npy"][1]
    return text_of(caught.value, lines)


@pytest.mark.parametrize(
    ("ending", "store"), [(".npy", "final"), (".npy", "uint8"), (".npz", "final")]
)
@pytest.mark.parametrize("ends", [(1,), (4, 7, 11)], ids=str)
def test_an_ended_build_goes_on(paths, out, tmp_path, caplog, ending, store, ends):
    """However often it ended: the set is that of an undisturbed build, to the last bit."""
    out = out.with_suffix(ending)
    for rows in ends:
        begin(paths, out, rows, store=store)
        assert kept(journal_of(out)) == list(range(rows))
    caplog.clear()
    finished = small(paths, out, store=store)
    assert caplog.messages == [f"{ends[-1]} of 12 rows kept"]
    check_undisturbed(finished, paths, tmp_path, store=store)


@pytest.mark.parametrize(
    ("dtype", "layout"), [("float32", "NHWC"), ("float16", "NCHW"), ("uint8", "NHWC")]
)
def test_rows_of_every_kind_are_kept(paths, out, tmp_path, caplog, layout, dtype):
    """Whatever their dtype and layout; the range of values, too, if it has to be found anew."""
    recipe = replace(Recipe.yolo11(16, dtype=dtype), layout=layout)
    begin(paths, out, 6, recipe=recipe)
    edit(out, "DELETE FROM facts WHERE name = 'low'")
    finished = small(paths, out, recipe=recipe)
    assert "6 of 12 rows kept" in caplog.messages
    check_undisturbed(finished, paths, tmp_path, recipe=recipe)


@pytest.mark.parametrize(
    "low", ["[0, 0]", "[-1, 0, 300]", '"abc"', "[[1], 2, 3]", "null", "[1e999, 0, 0]"]
)
def test_a_range_of_values_that_cannot_be_is_found_anew(paths, out, tmp_path, low):
    """What a damaged journal says of it does not come into a manifest."""
    begin(paths, out, 6)
    edit(out, "UPDATE facts SET value = ? WHERE name = 'high'", low)
    check_undisturbed(small(paths, out), paths, tmp_path)


@pytest.mark.parametrize(
    "options",
    [
        {"jobs": 2},
        {"jobs": 3, "backend": "threading"},
        {"on_bad": "skip"},
        {"cache_window": 5000},
        {"max_pixels": 10**30},
        {"image_timeout": 7.5},
        {"decoder": "simplejpeg"},
    ],
    ids=lambda options: next(iter(options)),
)
def test_what_decides_no_bytes_may_change(paths, out, tmp_path, options):
    """Another number of workers, another backend or treatment of bad images keeps the rows."""
    begin(paths, out, 6, decoder="simplejpeg")
    options = {"decoder": "simplejpeg", **options}
    check_undisturbed(small(paths, out, **options), paths, tmp_path, **options)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"recipe": Recipe.yolo11(32)}, "recipe, height: 16, not 32"),
        ({"recipe": Recipe.yolo11(16, dtype="float16")}, "recipe, dtype: float32, not float16"),
        ({"store": "uint8"}, "rows on disk: final, not uint8"),
        ({"tolerate_damage": True}, "tolerate damage: False, not True"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_another_build_is_refused_with_what_differs(paths, out, tmp_path, options, line):
    """Both values and both ways out are named; the rows stay, and --restart discards them."""
    begin(paths, out, 6)
    lines = 4 if "32" in line and "height" in line else 3
    told = refused(OutputError, paths, out, lines=lines, **options).split("\n")
    assert told[0] == "an unfinished build of calib.npy is another one, with 6 rows done:"
    assert line in told[1].replace("'", "")
    assert told[-1] == "To discard it, say --restart; or choose another --out."
    finished = small(paths, out, restart=True, **options)
    check_undisturbed(finished, paths, tmp_path, **options)


def test_another_list_is_refused(tmp_path, paths, out):
    """Named with both lists and their lengths."""
    first = smallsets.write_list(tmp_path / "first.txt", paths)
    second = smallsets.write_list(tmp_path / "second.txt", paths[1:])
    begin(first, out, 6)
    told = refused(OutputError, second, out, lines=3)
    assert f"  list: {first} of 12 images, not {second} of 11\n" in told
    assert "list: " in refused(OutputError, list(reversed(paths)), out, lines=3)


def test_a_hostile_journal_is_shown_escaped(paths, out):
    """What it says of its build is data, and a terminal that shows it obeys nothing in it."""
    begin(paths, out, 2)
    with closing(sqlite3.connect(journal_of(out))) as database:
        ((text,),) = database.execute("SELECT value FROM facts WHERE name = 'identity'")
    identity = {**json.loads(text), "images": "\x1b[2J\n", "entries_sha256": "other"}
    edit(out, "UPDATE facts SET value = ? WHERE name = 'identity'", json.dumps(identity))
    assert r"  list: \x1b[2J\n of 12" in refused(OutputError, paths, out, lines=3)


@pytest.mark.parametrize("ending", ENDINGS)
def test_bad_images_are_tried_again(paths, out, tmp_path, caplog, ending):
    """Once they are mended, the set is that of a build that never saw them broken."""
    out = out.with_suffix(ending)
    before = spoil([paths[3], paths[8]])
    with pytest.raises(BadImagesError) as caught:
        small(paths, out)
    assert [failure.source for failure in caught.value.failures] == [3, 8]
    assert caught.value.__notes__ == [
        f"10 of 12 rows are kept in {out}.build; the same command goes on from there."
    ]
    paths[3].write_bytes(before[paths[3]])
    with pytest.raises(BadImagesError) as caught:
        small(paths, out)
    assert [failure.source for failure in caught.value.failures] == [8]
    assert "11 of 12 rows are kept" in caught.value.__notes__[0]
    paths[8].write_bytes(before[paths[8]])
    caplog.clear()
    finished = small(paths, out)
    assert caplog.messages == ["11 of 12 rows kept"]
    check_undisturbed(finished, paths, tmp_path)


def test_with_nothing_done_nothing_is_left(paths, out):
    """A build of which no row came about leaves no folder behind, and says of none."""
    spoil(paths)
    with pytest.raises(BadImagesError) as caught:
        small(paths, out)
    assert not hasattr(caught.value, "__notes__")
    assert list(out.parent.iterdir()) == []


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("on_bad", ["skip", "replace"])
def test_bad_images_may_be_treated_after_all(paths, out, tmp_path, on_bad, ending):
    """A build that stopped goes on with --on-bad, as if it had been said at once."""
    out = out.with_suffix(ending)
    spoil([paths[1], paths[8]])
    images = ImageList([str(path) for path in paths[:10]], spares=[str(p) for p in paths[10:]])
    begin(images, out, 5)
    with pytest.raises(BadImagesError):
        small(images, out)
    check_undisturbed(small(images, out, on_bad=on_bad), images, tmp_path, on_bad=on_bad)


@pytest.mark.parametrize("on_bad", ["skip", "replace"])
@pytest.mark.parametrize(
    ("ending", "step"),
    [(".npy", "_settle_bad_images"), (".npy", "publish_store"), (".npz", "write_record")],
)
def test_a_build_with_holes_may_end_at_its_end(
    paths, out, tmp_path, monkeypatch, on_bad, step, ending
):
    """Once rows were moved or replaced, the same command still makes the same set."""
    out = out.with_suffix(ending)
    spoil([paths[1], paths[8]])
    images = ImageList([str(path) for path in paths[:10]], spares=[str(p) for p in paths[10:]])
    module = sys.modules["streamcalib.build"]
    done = getattr(module, step)

    def end(*arguments: object) -> None:
        if step == "_settle_bad_images":
            done(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, step, end)
        with pytest.raises(KeyboardInterrupt):
            small(images, out, on_bad=on_bad)
    assert not out.exists()
    check_undisturbed(small(images, out, on_bad=on_bad), images, tmp_path, on_bad=on_bad)


def test_spares_that_did_not_suffice_leave_no_trace(tmp_path, paths, out):
    """A spare that took a place is no part of a set whose own images were mended."""
    cv2.imwrite(str(tmp_path / "white.png"), np.full((16, 16, 3), 255, np.uint8))
    cv2.imwrite(str(tmp_path / "black.png"), np.zeros((16, 16, 3), np.uint8))
    greys = []
    for number in range(4):
        greys.append(tmp_path / f"grey{number}.png")
        cv2.imwrite(str(greys[-1]), np.full((16, 16, 3), 100 + number, np.uint8))
    before = spoil(greys[1:4])
    entries, spares = [str(path) for path in greys], ["white.png", "black.png"]
    images = ImageList(entries, spares=[str(tmp_path / name) for name in spares])
    with pytest.raises(BadImagesError, match="do not suffice"):
        small(images, out, on_bad="replace")
    restore(before)
    finished = small(images, out, on_bad="replace")
    assert finished.manifest.value_range["observed"] == pytest.approx([100 / 255, 103 / 255])
    check_undisturbed(finished, images, tmp_path, on_bad="replace")


def test_a_row_of_an_image_that_changed_is_made_again(paths, out, tmp_path, caplog):
    """And that is said; nothing of the old picture is left, not even in the range of values."""
    cv2.imwrite(str(paths[2]), np.full((16, 16, 3), 100, np.uint8))
    for path in paths[3:]:
        cv2.imwrite(str(path), np.full((16, 16, 3), 120, np.uint8))
    begin(paths, out, 6)
    for path in paths[:2]:
        cv2.imwrite(str(path), np.full((16, 16, 3), 110, np.uint8))
    caplog.clear()
    finished = small(paths, out)
    assert caplog.messages == [
        "4 of 12 rows kept; 2 rows to be made again",
        "2 images changed since the build began; their rows were made again",
    ]
    assert finished.manifest.value_range["observed"] != [0, 1]
    check_undisturbed(finished, paths, tmp_path)


def test_an_image_that_changed_is_told_of_even_if_the_build_is_ended_again(paths, out, caplog):
    """It is told by the run that made its row again."""
    begin(paths, out, 6)
    paths[0].write_bytes(smallsets.jpeg(99))
    before = spoil([paths[9]])
    caplog.clear()
    with pytest.raises(BadImagesError):
        small(paths, out)
    said = "1 image changed since the build began; its row was made again"
    assert said in caplog.messages
    restore(before)
    caplog.clear()
    small(paths, out)
    assert caplog.messages == ["11 of 12 rows kept"]


def test_an_image_that_was_only_touched_is_not_told_of(paths, out, tmp_path, caplog):
    """Its row is made again, and is the same."""
    begin(paths, out, 6)
    os.utime(paths[0], (1, 1))
    paths[1].write_bytes(paths[1].read_bytes())
    caplog.clear()
    finished = small(paths, out)
    assert caplog.messages == ["4 of 12 rows kept; 2 rows to be made again"]
    check_undisturbed(finished, paths, tmp_path)


def test_the_row_of_an_image_that_is_gone_is_kept(paths, out, tmp_path, caplog):
    """What was made of it is as good as before."""
    begin(paths, out, 6)
    gone = paths[0].read_bytes()
    paths[0].unlink()
    caplog.clear()
    finished = small(paths, out)
    assert caplog.messages == ["6 of 12 rows kept"]
    paths[0].write_bytes(gone)
    check_undisturbed(finished, paths, tmp_path)


def test_an_image_that_is_bad_by_now_is_bad(paths, out, tmp_path):
    """Its row is not kept, nor what it brought to the range of values."""
    for path in paths[1:]:
        cv2.imwrite(str(path), np.full((16, 16, 3), 120, np.uint8))
    begin(paths, out, 6)
    spoil([paths[0]])
    with pytest.raises(BadImagesError):
        small(paths, out)
    check_undisturbed(small(paths, out, on_bad="skip"), paths, tmp_path, on_bad="skip")


def test_images_beyond_this_runs_limit_are_bad(paths, out, tmp_path, caplog):
    """A lower --max-pixels holds for the rows that are done, too; a higher one mends."""
    begin(paths, out, 6)
    caplog.clear()
    with pytest.raises(BadImagesError) as caught:
        small(paths, out, max_pixels=700)
    large = [n for n in range(COUNT) if np.prod(smallsets.SIZES[n % 6]) > 700]
    assert [failure.source for failure in caught.value.failures] == large
    skipped = small(paths, out, max_pixels=700, on_bad="skip")
    options = {"max_pixels": 700, "on_bad": "skip"}
    check_undisturbed(skipped, paths, tmp_path, **options)


def flip(file: Path, position: int) -> None:
    with file.open("r+b") as opened:
        opened.seek(position)
        byte = opened.read(1)
        opened.seek(position)
        opened.write(bytes([byte[0] ^ 1]))


def test_a_row_that_the_disk_did_not_keep_is_made_again(paths, out, tmp_path, caplog):
    """One bit of one row: it is found, told, and mended; and so is every other one then."""
    begin(paths, out, 6)
    for row in (1, 4):
        flip(staged(out), 4096 + row * 3 * 16 * 16 * 4 + 77)
    caplog.clear()
    finished = small(paths, out)
    assert caplog.messages == [
        f"2 rows of the unfinished build {DAMAGED} are made again: look after the disk",
        "4 of 12 rows kept; 2 rows to be made again",
    ]
    assert caplog.records[0].levelname == "WARNING"
    check_undisturbed(finished, paths, tmp_path)


def test_a_row_that_is_both_damaged_and_changed_is_told_of_as_changed(paths, out, caplog):
    """What its old picture alone brought to the range of values goes, too."""
    for path in paths[1:]:
        cv2.imwrite(str(path), np.full((16, 16, 3), 120, np.uint8))
    begin(paths, out, 6)
    flip(staged(out), 4096)
    cv2.imwrite(str(paths[0]), np.full((16, 16, 3), 130, np.uint8))
    caplog.clear()
    finished = small(paths, out)
    assert "1 image changed since the build began; its row was made again" in caplog.messages
    assert finished.manifest.value_range["observed"] == pytest.approx(
        [120 / 255, 130 / 255], abs=0.02
    )


@pytest.mark.parametrize("size", [0, 10, 4096, 4096 + 3 * 1024 * 3 + 5, 4096 + 6 * 1024 * 3])
def test_a_staged_file_that_was_cut_has_lost_its_end(paths, out, tmp_path, caplog, size):
    """The rows that are left are kept."""
    begin(paths, out, 6)
    os.truncate(staged(out), size)
    whole = max(0, size - 4096) // (3 * 1024)
    caplog.clear()
    finished = small(paths, out)
    again = f"; {6 - whole} rows to be made again" if whole < 6 else ""
    assert caplog.messages == [f"{whole} of 12 rows kept{again}"]
    check_undisturbed(finished, paths, tmp_path)


@pytest.mark.parametrize("what", ["missing", "another shape", "text"])
def test_staged_rows_that_are_others_are_not_kept(paths, out, tmp_path, caplog, what):
    """All are made again, in a file of the right kind."""
    begin(paths, out, 6)
    staged(out).unlink()
    if what == "another shape":
        np.save(staged(out), np.zeros((12, 3, 8, 8), np.float32))
    elif what == "text":
        staged(out).write_text("no rows" * 2000)
    caplog.clear()
    finished = small(paths, out)
    assert caplog.messages == ["0 of 12 rows kept; 6 rows to be made again"]
    check_undisturbed(finished, paths, tmp_path)


def test_a_journal_without_rows_holds_no_other_build_up(paths, out, tmp_path):
    """A build that died between publishing and tidying up has left no rows to lose."""
    begin(paths, out, 6)
    staged(out).unlink()
    recipe = Recipe.yolo11(32)
    check_undisturbed(small(paths, out, recipe=recipe), paths, tmp_path, recipe=recipe)


def other_makers(out: Path) -> None:
    makers = {"decoder": "another 1.0", "numpy": np.__version__}
    edit(out, "UPDATE facts SET value = ? WHERE name = 'made_with'", json.dumps(makers))


def test_other_versions_are_told_of_and_compared(paths, out, tmp_path, caplog):
    """A warning names both; rows that come out the same are kept, and next time all is well."""
    begin(paths, out, 6)
    other_makers(out)
    caplog.clear()
    begin(paths, out, 7)
    warning, same, count = caplog.messages
    assert warning.startswith(
        "rows of the unfinished build were made with decoder another 1.0, now"
    )
    assert "numpy" not in warning
    assert same == "6 rows made again to compare: no difference"
    assert count == "6 of 12 rows kept"
    caplog.clear()
    finished = small(paths, out)
    assert caplog.messages == ["7 of 12 rows kept"]
    check_undisturbed(finished, paths, tmp_path)


def test_other_versions_that_make_other_rows_are_refused(paths, out, tmp_path):
    """Two kinds of rows never come into one set."""
    begin(paths, out, 6)
    other_makers(out)
    edit(out, "UPDATE done SET canvas_crc32c = canvas_crc32c + 1 WHERE row = 3")
    told = refused(OutputError, paths, out)
    assert told.startswith(f"row 3 ({paths[3]}) comes out otherwise than in the unfinished build, ")
    assert "decoder another 1.0, now" in told
    assert told.endswith("or say --restart to build it anew.")
    check_undisturbed(small(paths, out, restart=True), paths, tmp_path)


def test_other_versions_that_encode_otherwise_are_refused(paths, out, monkeypatch):
    """Of final values the rows themselves are compared, not only the canvases."""
    begin(paths, out, 6)
    other_makers(out)
    monkeypatch.setattr("streamcalib.building.kept.checksum", lambda _values: 1)
    assert "comes out otherwise" in refused(OutputError, paths, out)


def test_other_versions_and_no_image_left_to_compare(paths, out, caplog):
    """Nothing is claimed that was not seen."""
    begin(paths, out, 2)
    other_makers(out)
    for path in paths[:2]:
        path.unlink()
    caplog.clear()
    small(paths, out)
    assert "none of their images is there to compare with" in caplog.messages


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE facts SET value = '{' WHERE name = 'identity'",
        "UPDATE facts SET value = '3' WHERE name = 'identity'",
        "UPDATE facts SET value = '{\"recipe\": 7}' WHERE name = 'identity'",
        "DELETE FROM facts WHERE name = 'identity'",
        "DROP TABLE failed",
        "PRAGMA user_version = 9",
        "UPDATE done SET row = 12 WHERE row = 5",
        "UPDATE done SET height = 0 WHERE row = 5",
        "UPDATE done SET width = -7 WHERE row = 5",
        "UPDATE done SET route = 77 WHERE row = 5",
        "UPDATE done SET bytes = 'many' WHERE row = 5",
    ],
)
def test_a_damaged_journal_is_refused_with_the_ways_out(paths, out, tmp_path, statement):
    """Nothing is guessed, and nothing is lost without a word."""
    begin(paths, out, 6)
    edit(out, statement)
    told = refused(JournalError, paths, out)
    assert told.endswith("Say --restart to build calib.npy anew, or choose another --out.")
    assert told.count(" is damaged: ") <= 1
    check_undisturbed(small(paths, out, restart=True), paths, tmp_path)


def test_a_journal_without_rows_is_no_reason_to_refuse(paths, out, tmp_path):
    """A build that died before its first commit has nothing to lose, whatever it was."""
    begin(paths, out, 1, recipe=Recipe.yolo11(32))
    edit(out, "DELETE FROM done")
    edit(out, "DELETE FROM facts")
    check_undisturbed(small(paths, out), paths, tmp_path)


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_is_left_beside_a_finished_set_goes(paths, out, tmp_path, ending):
    """A build that died between publishing and tidying up is tidied up after."""
    out = out.with_suffix(ending)
    begin(paths, out, 11)
    shutil.copytree(journal_of(out).parent, tmp_path / "left")
    small(paths, out)
    shutil.copytree(tmp_path / "left", journal_of(out).parent)
    check_undisturbed(small(paths, out), paths, tmp_path)


def test_another_unfinished_build_beside_a_finished_set_stays(paths, out):
    """Asking for the set that is there costs no row of one that is being built to replace it."""
    small(paths, out)
    begin(paths, out, 6, recipe=Recipe.yolo11(32), overwrite=True)
    small(paths, out)
    assert kept(journal_of(out)) == list(range(6))


def test_foreign_files_beside_a_finished_set_stay(paths, out):
    """A folder of that name may be somebody's own."""
    small(paths, out)
    mine = out.with_name("calib.npy.build") / "mine.txt"
    mine.parent.mkdir()
    mine.touch()
    small(paths, out)
    assert mine.exists()


def test_finalizing_does_not_empty_an_unfinished_build(paths, out, tmp_path):
    """It is refused, and the build can still go on."""
    source = small(paths, tmp_path / "source.npy")
    begin(paths, out, 6)
    with pytest.raises(
        OutputError, match=r"an unfinished build of calib.npy lies in .*, with 6 rows"
    ):
        finalize(source, out)
    check_undisturbed(small(paths, out), paths, tmp_path)


def test_a_build_that_was_taken_over_leaves_the_others_files_alone(paths, out):
    """Whatever it has done itself, it removes nothing and promises nothing."""

    def progress(state) -> None:
        if state.done >= 1:
            owner = journal_of(out).with_name("owner.json")
            owner.write_text(owner.read_text().replace('"token": "', '"token": "x'))

    before = spoil(paths[1:])
    with pytest.raises(StoppedError, match="another build has taken over") as caught:
        small(paths, out, progress=progress)
    assert not hasattr(caught.value, "__notes__")
    assert staged(out).exists()
    restore(before)


def test_an_npz_whose_rows_the_disk_did_not_keep_is_not_published(paths, out, tmp_path):
    """They are found as they are encoded; the next run makes them again."""
    out = out.with_suffix(".npz")

    def progress(state) -> None:
        if state.stage == "write npz" and state.done == 0:
            flip(staged(out), 4096 + 5 * 3 * 256)

    with pytest.raises(StoppedError, match="the disk did not keep what was written") as caught:
        small(paths, out, progress=progress)
    assert "11 of 12 rows are kept" in caught.value.__notes__[0]
    assert not out.exists()
    check_undisturbed(small(paths, out), paths, tmp_path)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_rebuild_under_an_old_name_goes_on_beside_the_old_set(paths, out, tmp_path, ending):
    """The old set stays until the new one is whole."""
    out = out.with_suffix(ending)
    old = small(paths, out, recipe=Recipe.yolo11(32)).path.read_bytes()
    begin(paths, out, 6, overwrite=True)
    assert out.read_bytes() == old
    finished = small(paths, out, overwrite=True)
    check_undisturbed(finished, paths, tmp_path)


def test_a_repeated_image_is_kept_in_all_its_rows(paths, out, tmp_path):
    """Rows are known by their number."""
    images = [paths[0], paths[0], paths[1], paths[0]]
    begin(images, out, 2)
    check_undisturbed(small(images, out), images, tmp_path)


def test_suspects_of_a_dead_build_are_tried_first(paths, out, monkeypatch, tmp_path):
    """What workers were at when a build died is made where it can harm nobody; here, it is good."""
    begin(paths, out, 4)
    marks = journal_of(out).with_name("marks")
    mark = next(path for path in marks.iterdir() if path.name != "stop")
    for source in (2, 6, 99):
        content = (source + 1).to_bytes(8, "little") + (1).to_bytes(8, "little") + bytes(48)
        mark.with_name(f"77{source}-1").write_bytes(content)
    tried = []

    def make_alone(_work, tasks, _seconds, *, trial):
        assert not trial
        for task in tasks:
            tried.append(task.rows)
            yield from ()

    monkeypatch.setattr("streamcalib.building.crew.make_alone", make_alone)
    finished = small(paths, out)
    assert tried == [(6,)]
    check_undisturbed(finished, paths, tmp_path)


def test_images_that_change_while_they_are_compared_are_no_defect(paths, out, monkeypatch):
    """An image that cannot be read just then is passed over."""
    begin(paths, out, 4)
    other_makers(out)

    def read_image(*_: object, **_options: object) -> bytes:
        raise ImageError("it is gone")

    monkeypatch.setattr("streamcalib.building.kept.read_image", read_image)
    assert facts(small(paths, out))["shape"][0] == COUNT
