"""The commands on the page make the same set again."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

import smallsets
from streamcalib import CalibrationSet, ExtraInput, Recipe, build
from streamcalib.report.reproduce import reproduce
from streamcalib.run import prepare_run, run_prepared

SHELL = """
streamcalib() {{ {python} -c 'from streamcalib.cli import main; main()' "$@"; }}
set -e
{commands}
"""


def again(calibration: CalibrationSet) -> None:
    """Remove a set and its list, and run the commands of its page in a shell."""
    steps = [step for step in reproduce(calibration) if "ModelOpt" not in step.what]
    files = [Path(calibration.path), *Path(calibration.path).parent.glob("quant*")]
    kept = files[0].read_bytes()
    for file in files:
        file.unlink()
    commands = "\n".join(step.command for step in steps)
    script = SHELL.format(python=smallsets.sys.executable, commands=commands)
    done = subprocess.run(["bash", "-c", script], cwd="/", capture_output=True, text=True)
    assert done.returncode == 0, (commands, done.stderr)
    assert files[0].read_bytes() == kept


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe.yolo11((16, 24), dtype="float16"),
        replace(smallsets.RECIPE, channel_order="BGR", pad_value=0, name="it's; $(mine)\nRECIPE"),
    ],
    ids=["preset", "own"],
)
def test_a_run_is_made_again(tmp_path, monkeypatch, recipe):
    """The choice, the recipe and the bytes; from anywhere, with names that a shell would take."""
    folder = tmp_path / "a 'b' $(touch pwned)"
    folder.mkdir()
    monkeypatch.chdir(folder)
    smallsets.make_images(folder / "train $x", 9)
    prepared = prepare_run("train $x", 4, "out", seed=7, recipe=recipe, extensions=["jpg"])
    again(run_prepared(prepared).calibration)
    assert not (folder / "pwned").exists()


def test_a_list_and_further_inputs_are_made_again(tmp_path, monkeypatch):
    """Without a seed there is no choice to repeat; inputs keep their values."""
    monkeypatch.chdir(tmp_path)
    paths = smallsets.make_images(tmp_path / "images", 3)
    listed = smallsets.write_list(tmp_path / "list.txt", paths)
    extra = [ExtraInput("size", [16, 16], "int64"), ExtraInput("half", 0.5, "float32")]
    calibration = build(
        listed, "s.npz", recipe=smallsets.RECIPE, extra_inputs=extra, input_name="pixels", jobs=1
    )
    assert not any("sample" in step.command for step in reproduce(calibration))
    again(calibration)


def test_a_changed_manifest_gives_no_command(tmp_path):
    """What is no choice by the rule is not called one."""
    calibration = build(
        smallsets.make_images(tmp_path / "images", 2), tmp_path / "s.npy",
        recipe=smallsets.RECIPE, jobs=1,
    )  # fmt: skip
    chosen = {"source": ["x"], "rule": 7, "seed": "1; rm -rf /", "count": 2}
    calibration.manifest.images["chosen"] = chosen
    assert not any("sample" in step.command for step in reproduce(calibration))
