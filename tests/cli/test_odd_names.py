"""Names that hold what a terminal or a Markdown page would obey: shown, never sent."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

import smallsets
from streamcalib import CalibrationSet, build

ODD = "a\x1b[31m\u202e\x07\x7f\x9b|`<b>&#;](x) \udcff"
"""What no name should hold, but a line break, which no list can."""

BREAKING = f"{ODD}\r\n# Heading\n"


def shown(ended: smallsets.Told) -> str:
    """Return what a command printed, once a terminal can show it as it is."""
    text = ended.out + ended.err
    assert "Traceback" not in text
    assert all(line.isprintable() for line in text.split("\n")), ascii(text)
    return text


@pytest.fixture
def odd(told, images, tmp_path):
    """Six images, the third of an odd name and the fifth bad and odd, in an odd list and folder."""
    folder = tmp_path / f"dir{ODD}"
    images[0].parent.rename(folder)
    (folder / images[2].name).rename(folder / f"{ODD}2.jpg")
    (folder / images[4].name).rename(folder / f"{ODD}4.jpg")
    (folder / f"{ODD}4.jpg").write_bytes(b"no image")
    names = sorted(os.fsencode(f"{folder.name}/{path.name}") for path in folder.iterdir())
    listed = tmp_path / f"list{ODD}.txt"
    listed.write_bytes(b"\n".join(names))
    return listed


def test_a_build_shows_odd_names_escaped(told, odd, tmp_path):
    """Bad images, lists, outputs: whatever is said of them is printable."""
    build = ("build", "--list", odd, "--out", f"out{ODD}/calib{ODD}.npy", "--imgsz", 16)
    ended = told(*build, "--jobs", 1)
    assert ended.code == 3
    assert r"a\x1b[31m\u202e\x07\x7f\x9b|`<b>&#;](x) \udcff4.jpg: not an image" in shown(ended)
    for more in (["--dry-run"], ["--on-bad", "skip"], ["--on-bad", "skip"]):
        ended = told(*build, "--jobs", 1, *more)
        assert ended.code == 0, ended
        shown(ended)
    shown(told(*build, "--imgsz", 32))
    calib = tmp_path / f"out{ODD}" / f"calib{ODD}.npy"
    for arguments in (
        ("info", calib),
        ("info", calib, "--json"),
        ("verify", calib, "--sources"),
        ("verify", calib, "--json"),
        ("verify", calib, "--image", tmp_path / f"dir{ODD}" / f"{ODD}2.jpg"),
        ("finalize", calib, "--out", tmp_path / f"f{ODD}.npz"),
        ("finalize", calib, "--out", tmp_path / f"f{ODD}.npz"),
        ("finalize", calib, "--out", tmp_path / f"g{ODD}.npy", "--dry-run"),
    ):
        ended = told(*arguments)
        assert ended.code == 0, ended
        shown(ended)
    with calib.open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\xff")
    ended = told("verify", calib)
    assert ended.code == 4
    assert r"\x1b" in shown(ended)
    check_card(calib)


def check_card(calib: Path) -> None:
    """Make sure that a card has the parts of every card, and no others."""
    card = calib.with_name(f"{calib.name}.md").read_bytes().decode()
    assert card == CalibrationSet.open(calib).card()
    lines = card.split("\n")
    assert all(line.isprintable() for line in lines), ascii(card)
    headings = [line for line in lines if line.startswith("#")]
    parts = ["Recipe", "Images", "Bad images, left out", "Commands"]
    assert headings[1:] == [f"## {name}" for name in parts]
    assert [line for line in lines if line.startswith("```")] == ["```"] * 6
    outside = "\n".join(lines[: lines.index("## Commands")])
    assert not re.search(r"[<`]|\]\(", outside)
    for line in outside.split("\n"):
        assert line.count("|") in (0, 3 if line.startswith("|") else 0), line


def test_a_run_shows_odd_names_escaped(told, odd, tmp_path):
    """From the choice to the set, in a git work tree too."""
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / ".gitignore").write_text("*.txt\n*.json\n*.tx?\n")
    source = f"dir{ODD}"
    ended = told("run", source, "--count", 6, "--out", f"run{ODD}", "--imgsz", 16, "--jobs", 1)
    assert ended.code == 3
    shown(ended)
    arguments = ("run", source, "--count", 6, "--out", f"run{ODD}", "--imgsz", 16, "--jobs", 1)
    ended = told(*arguments, "--on-bad", "skip")
    assert ended.code == 0, ended
    shown(ended)
    for arguments in (
        ("sample", source, "--count", 2, "--out", f"{ODD}s.txt", "--dry-run"),
        ("sample", source, "--count", 2, "--out", f"{ODD}s.txt"),
        ("sample", source, "--count", 3, "--out", f"{ODD}s.txt"),
        ("bench", source, "--dry-run"),
    ):
        shown(told(*arguments))
    check_card(tmp_path / f"run{ODD}" / "calib_yolo11_16.npy")


def test_names_with_line_breaks_do_not_break_lines(told, images, tmp_path, monkeypatch):
    """No list can hold them, but Python can; a card holds one line of each."""
    monkeypatch.chdir(tmp_path)
    bad = tmp_path / f"{BREAKING}.jpg"
    bad.write_bytes(b"no image")
    calib = tmp_path / f"calib{BREAKING}.npy"
    build([*images, bad], calib, recipe=smallsets.RECIPE, jobs=1, on_bad="skip")
    check_card(calib)
    for arguments in (
        ("info", calib),
        ("info", calib, "--json"),
        ("verify", calib, "--sources"),
        ("finalize", calib, "--out", f"{BREAKING}.npz"),
        ("build", "--list", BREAKING, "--out", "a.npy"),
        ("sample", bad, "--count", 1, "--out", "a.txt"),
        ("run", BREAKING, "--out", "out"),
        ("run", f"{BREAKING}*", "--count", 1, "--out", "out"),
    ):
        lines = shown(told(*arguments)).split("\n")
        assert not any(line.startswith("# Heading") for line in lines)


@pytest.mark.parametrize(
    "arguments",
    [
        ("info", "a.npy", ODD),
        (BREAKING,),
        ("info", f"--{BREAKING}"),
        ("build", "--jobs", BREAKING),
        ("build", "--preset", BREAKING),
        ("build", "--list", "list.txt", "--out", "a.npy", "--imgsz", BREAKING),
        ("build", "--list", "list.txt", "--out", BREAKING),
        ("build", "--list", "list.txt", "--out", "a.npy", "--model", BREAKING),
        ("build", "--list", "list.txt", "--out", "a.npy", "--recipe", BREAKING),
        ("build", "--list", "list.txt", "--out", "a.npy", "--root", BREAKING),
        ("build", "--list", "list.txt", "--out", "a.npz", "--extra-input", BREAKING),
        ("build", "--list", "list.txt", "--out", "a.npz", "--extra-input", f"{BREAKING}=1:int8"),
        ("build", "--list", "list.txt", "--out", "a.npz", "--input-name", BREAKING),
        ("build", "--list", "list.txt", "--out", f"no{BREAKING}/list.txt/a.npz", "--dry-run"),
        ("bench", "images", "--out", BREAKING),
        ("bench", "images", "--json", f"{BREAKING}/a.json"),
        ("run", "images", "--ext", BREAKING, "--out", "out"),
    ],
    ids=lambda arguments: ascii(" ".join(arguments))[:50],
)
def test_what_is_typed_is_quoted_escaped(told, images, arguments):
    """A shell may have found the name; usage errors are of one voice with all others."""
    ended = told(*arguments)
    assert ended.code == (0 if "--dry-run" in arguments else 2), ended
    assert "# Heading" not in shown(ended).split("\n")


HOSTILE = {
    "on_bad": "skip",
    "decoder": ODD + "\n|x|",
    "created": "\x1b]0;title\x07",
    "environment": {BREAKING: BREAKING},
    "links": {BREAKING: BREAKING},
    "failures": [{"path": BREAKING, "reason": BREAKING, "list_row": 1}],
    "versions": {"streamcalib": BREAKING},
    "model": {"path": BREAKING, "input_name": "images", "calibration_shapes": BREAKING},
}


def test_a_hostile_manifest_is_shown_escaped(told, images, tmp_path):
    """Whatever its texts are, they are told as they are written."""
    assert told("build", "--list", "list.txt", "--out", "calib.npy", "--imgsz", 16).code == 0
    path = Path("calib.npy.json")
    values = json.loads(path.read_text())
    values["images"] |= {"list": BREAKING, "bases": [BREAKING, str(tmp_path)], "sha256": BREAKING}
    values["images"]["chosen"] = {"seed": BREAKING, "rule": BREAKING, "source": [BREAKING]}
    values["recipe"]["name"] = BREAKING
    values["rows"][2]["path"] = BREAKING
    path.write_text(json.dumps({**values, **HOSTILE}))
    Path("calib.npy.md").write_bytes(CalibrationSet.open("calib.npy").card().encode())
    check_card(tmp_path / "calib.npy")
    with Path("calib.npy").open("r+b") as file:
        file.write(b"\x93NUMPY")
        file.seek(-1, 2)
        file.write(b"\xff")
    for arguments in (
        ("info", "calib.npy"),
        ("info", "calib.npy", "--json"),
        ("verify", "calib.npy", "--sources"),
        ("verify", "calib.npy", "--json"),
        ("build", "--list", "list.txt", "--out", "calib.npy", "--imgsz", 16),
        ("build", "--list", "list.txt", "--out", "calib.npy", "--imgsz", 32),
        ("finalize", "calib.npy", "--out", "f.npy"),
        ("finalize", "calib.npy", "--out", "f.npz", "--input-name", "x"),
    ):
        shown(told(*arguments))


def test_a_recipes_name_leads_nowhere(told, images, tmp_path):
    """It becomes a part of a file's name, and is any text."""
    values = smallsets.RECIPE.to_dict()
    for name in ("../../evil", "/evil", BREAKING, "x" * 1000, ".."):
        Path("recipe.json").write_text(json.dumps({**values, "name": name}))
        out = tmp_path / "runs" / "deep"
        arguments = ("run", "images", "--count", 2, "--recipe", "recipe.json", "--out", out)
        shown(told(*arguments, "--dry-run"))
        ended = told(*arguments, "--jobs", 1)
        assert ended.code == 0, ended
        shown(ended)
    assert not [path for path in tmp_path.rglob("*evil*") if path.parent != out]
    assert {path.suffix for path in out.iterdir()} == {".txt", ".json", ".npy", ".md", ".html"}


def test_a_defect_is_reported_escaped(told, images, monkeypatch):
    """Even what nobody foresaw quotes names as they are written."""

    def broken(*_args, **_named):
        raise ZeroDivisionError(BREAKING)

    monkeypatch.setattr("streamcalib.cli.info.CalibrationSet.open", broken)
    ended = told("info", "calib.npy")
    assert ended.code == 1
    assert all(line.isprintable() for line in ended.err.split("\n"))
    assert "ZeroDivisionError" in ended.err


def test_nothing_of_an_image_reaches_the_terminal(told, images, tmp_path):
    """A file's own words, as in the name of a colour profile, are never printed."""
    import claims

    profile = b"\x1b[31mred\0\0" + np.random.default_rng(1).bytes(300)
    data = claims.png(16, 16, claims.chunk(b"iCCP", profile), pixels=bytes(49 * 16))
    (tmp_path / "images" / "odd.png").write_bytes(data)
    smallsets.write_list(tmp_path / "list.txt", ["images/odd.png"])
    ended = smallsets.run(
        "build", "--list", "list.txt", "--out", "a.npy", "--imgsz", 16, "--jobs", 2, cwd=tmp_path
    )
    assert ended.code == 0
    shown(ended)


@pytest.mark.parametrize("length", [250, 300, 5000])
@pytest.mark.parametrize(
    "call",
    [
        ("build", "--list", "list.txt", "--imgsz", 16, "--out", "{}.npy"),
        ("build", "--list", "list.txt", "--imgsz", 16, "--out", "{}/a.npy"),
        ("run", "images", "--count", 2, "--imgsz", 16, "--out", "{}"),
        ("demo", "--count", 2, "--out", "{}"),
        ("finalize", "calib.npy", "--out", "{}.npz"),
        ("report", "calib.npy", "--out", "{}.html"),
        ("sample", "images", "--count", 2, "--out", "{}.txt"),
    ],
)
@pytest.mark.usefixtures("images")
def test_names_that_are_too_long_are_refused(told, length, call):
    """In words and with the code of a mistake; a folder of 250 is none."""
    if "calib.npy" in call:
        assert told("build", "--list", "list.txt", "--imgsz", 16, "--out", "calib.npy").code == 0
    name = "n" * length
    ended = told(*(str(word).replace("{}", name) for word in call))
    if length == 250 and call[-1] in ("{}", "{}/a.npy"):
        assert ended.code == 0, ended
        return
    assert ended.code == 2, ended
    assert "too long" in ended.err
    assert "Traceback" not in ended.err
    assert len(ended.err) < 7000
