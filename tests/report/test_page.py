"""The page: whole in one file, its names harmless, its size bounded."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import reportsets
import smallsets
from streamcalib import CalibrationSet, Recipe, build, report
from streamcalib.report import page as page_module
from streamcalib.report.thumbnails import PAGE_BYTES

HOSTILE = [
    "</script><script>alert(1)</script>.png",
    "\"onerror='alert(1)' x=\".png",
    "<img src=x onerror=alert(1)>&amp;.png",
    "{{ 7 * 7 }}{% raw %}.png",
    "a\u202egpj.exe.png",
    "--><!-- x.png",
    "\u2028line.png",
    "tab\there.png",
    os.fsdecode(b"undecodable \xff.png"),
    "é 日本語.png",
]


def written(calibration, folder: Path, **options) -> str:
    return report(calibration, folder / "report.html", **options).path.read_text()


@pytest.fixture(scope="module")
def hostile(tmp_path_factory) -> CalibrationSet:
    # A slash leads to another folder; what stands before it counts as a name, too.
    folder = tmp_path_factory.mktemp("hostile")
    pictures = {name.replace("/", "\u2215"): reportsets.soft(at) for at, name in enumerate(HOSTILE)}
    calibration = reportsets.built(folder, pictures, recipe=replace(Recipe.yolo11(32), name="<b>"))
    sneaky = Path(folder / "images" / "<" / "script><script>alert(1)<" / "script>.png")
    sneaky.parent.mkdir(parents=True)
    sneaky.write_bytes((folder / "images" / "é 日本語.png").read_bytes())
    paths = [*sorted((folder / "images").glob("*.png")), sneaky]
    return build(paths, folder / "</title><s>.npy", recipe=calibration.recipe, jobs=1)


def test_hostile_names_stay_text(hostile, tmp_path):
    """No name becomes an element, an attribute or a program, on the page or in its data."""
    text = written(hostile, tmp_path)
    parsed = reportsets.Parsed(text)
    assert [tag for tag, _ in parsed.tags if tag in ("b", "s")] == []
    assert len(parsed.all("script")) == 2
    for tag, attributes in parsed.tags:
        assert not [name for name in attributes if name.startswith("on")], (tag, attributes)
    images = [found for found in parsed.all("img") if found.get("id") != "dialog-picture"]
    assert len(images) == len(HOSTILE) + 1
    assert all(found["src"].startswith("data:image/webp;base64,") for found in images)
    assert "49" not in text_of_tiles(parsed)
    data = json.loads(parsed.texts["script"][0])
    names = [row[data["fields"].index("name")] for row in data["rows"]]
    assert "{{ 7 * 7 }}{% raw %}.png" in names
    assert "\\u202e" in "".join(names)
    assert "undecodable \\udcff.png" in names
    assert all(name.isprintable() for name in names)


def text_of_tiles(parsed: reportsets.Parsed) -> str:
    return " ".join(parsed.texts["bdi"])


def test_the_policy_forbids_all_but_what_is_there(hostile, tmp_path):
    """Nothing is loaded; program and style are the ones whose hashes stand in the policy."""
    parsed = reportsets.Parsed(written(hostile, tmp_path))
    (policy,) = [
        found["content"]
        for found in parsed.all("meta")
        if found.get("http-equiv") == "Content-Security-Policy"
    ]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data:"
    for tag, rule in (("style", "style-src"), ("script", "script-src")):
        digest = hashlib.sha256(parsed.texts[tag][-1].encode()).digest()
        assert rules[rule] == f"'sha256-{base64.b64encode(digest).decode()}'"
    for tag, attributes in parsed.tags:
        assert "style" not in attributes, tag
        for name in ("src", "href"):
            assert str(attributes.get(name, "#")).startswith(("#", "data:image/webp;base64,"))


def test_every_picture_says_what_it_is(hostile, tmp_path):
    """Alternative texts are file name and row."""
    parsed = reportsets.Parsed(written(hostile, tmp_path))
    images = [found for found in parsed.all("img") if found.get("id") != "dialog-picture"]
    for row, image in enumerate(images):
        assert re.search(rf"\.png, row {row}$", image["alt"])


@pytest.mark.parametrize("side", [64, 640])
def test_a_thousand_rows_fit(tmp_path, generator, side):
    """Of pictures as hard to compress as there are, with long names, under 5 MB."""
    folder = tmp_path / "images"
    folder.mkdir()
    paths = []
    for number in range(20):
        path = folder / f"{number:03d}{'long' * 50}.jpg"
        noise = generator.integers(0, 256, (side, side, 3), np.uint8)
        path.write_bytes(smallsets.cv2.imencode(".jpg", noise)[1].tobytes())
        paths.append(path)
    rows = 1000 if side == 64 else 100
    calibration = build(
        [paths[number % 20] for number in range(rows)],
        tmp_path / "s.npy", recipe=Recipe.yolo11(side), store="uint8", jobs=1,
    )  # fmt: skip
    text = written(calibration, tmp_path)
    assert text.count("data:image/webp;base64,") == rows
    assert len(text.encode()) < PAGE_BYTES


def test_a_set_larger_than_the_sheet_is_sampled_with_a_note(tmp_path):
    """So many rows as asked for, and the page says of how many."""
    calibration = reportsets.built(tmp_path, {f"{n}.png": reportsets.soft(n) for n in range(9)})
    text = written(calibration, tmp_path, rows=4)
    assert text.count("data:image/webp;base64,") == 4
    assert "4 rows of 9 are shown, one of each of as many equal stretches" in text
    assert "Of all 9 rows" in reportsets.text_in(text)


def test_bad_images_repeated_rows_and_commands_are_there(tmp_path):
    """What was left out and why, which rows hold the same, how the set is made again."""
    pictures = {f"{n}.png": reportsets.soft(n % 3) for n in range(4)}
    paths = reportsets.write(tmp_path / "images", pictures)
    (tmp_path / "images" / "bad <i>.png").write_bytes(b"no image")
    paths.append(tmp_path / "images" / "bad <i>.png")
    made = build(paths, tmp_path / "s.npy", recipe=Recipe.yolo11(32), on_bad="skip", jobs=1)
    text = written(made, tmp_path)
    plain = reportsets.text_in(text)
    assert "bad &lt;i&gt;.png" in text
    assert "not an image that OpenCV can read" in plain
    assert "2 rows of 4: the same picture as another row" in plain
    assert re.search(r"row 0: \S+0\.png row 3: \S+3\.png", plain)
    assert "streamcalib build --list" in plain
    assert "4 records, not shown here" in text


@pytest.mark.parametrize("order", ["RGB", "BGR"])
def test_the_order_of_channels_is_said(tmp_path, order):
    """And only a set in BGR can be seen the other way."""
    recipe = replace(Recipe.yolo11(32), channel_order=order)
    text = written(
        reportsets.built(tmp_path, {"a.png": reportsets.soft(1)}, recipe=recipe), tmp_path
    )
    assert ('id="planes"' in text) == (order == "BGR")
    assert ("planes are blue, green, red" in text) == (order == "BGR")
    assert ("shown as red, green and blue" in text) == (order == "RGB")


def test_long_paths_are_cut_in_their_middle(tmp_path):
    """A path of thousands of characters does not fill the page."""
    folder = tmp_path.joinpath(*["deep" * 50] * 15)
    reportsets.write(folder, {"a.png": reportsets.soft(1)})
    made = build([folder / "a.png"], tmp_path / "s.npy", recipe=Recipe.yolo11(32), jobs=1)
    parsed = reportsets.Parsed(written(made, tmp_path))
    data = json.loads(parsed.texts["script"][0])
    path = data["rows"][0][data["fields"].index("path")]
    assert len(path) <= 300
    assert path.endswith("deep/a.png")
    assert "\N{HORIZONTAL ELLIPSIS}" in path


def test_the_middle_of_a_long_name_can_be_searched(tmp_path):
    """A file's name is whole in the data, wherever it lies, and short in the sheet."""
    folder, name = tmp_path / ("deep" * 50), f"{'a' * 100}needle{'b' * 100}.png"
    reportsets.write(folder, {name: reportsets.soft(1)})
    made = build([folder / name], tmp_path / "s.npy", recipe=Recipe.yolo11(32), jobs=1)
    text = written(made, tmp_path)
    data = json.loads(reportsets.Parsed(text).texts["script"][0])
    assert data["rows"][0][data["fields"].index("name")] == name
    tile = text.partition('id="sheet"')[2].partition("</li>")[0]
    assert "needle" not in tile
    assert "aaa" in tile


def test_the_pages_parts_are_files_of_the_package():
    """They are there when the package is installed."""
    assert {"page.html", "page.css", "page.js"} <= {
        path.name for path in Path(page_module.__file__).parent.iterdir()
    }
