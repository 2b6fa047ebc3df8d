"""The commands on the page make the same set again."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

import smallsets
from pools import write_pool
from streamcalib import ByActivations, CalibrationSet, ExtraInput, Recipe, build, sample
from streamcalib.choosing.labels.source import LabelSource
from streamcalib.choosing.saving import save_list
from streamcalib.choosing.stratified import Stratified
from streamcalib.report.reproduce import reproduce
from streamcalib.run import prepare_run, run_prepared
from yolo_like import write_yolo_like

SHELL = """
streamcalib() {{ {python} -c 'from streamcalib.cli import main; main()' "$@"; }}
set -e
{commands}
"""

OWN = replace(Recipe.yolo11(64), pad_value=7, name="own")


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
    extra = [
        ExtraInput("size", [16, 16], "int64"),
        ExtraInput("half", 0.5, "float32"),
        ExtraInput("mask", 1, "float32", (1, 2, 2)),
    ]
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


def from_list(images, name: str = "quant4.txt") -> CalibrationSet:
    """Write a chosen list, and build its set beside it."""
    listed = save_list(images, name).images
    return build(listed, "s.npy", recipe=smallsets.RECIPE, jobs=1)


@pytest.mark.parametrize(
    ("recipe", "option"),
    [(Recipe.preset("yolox", 64), "--preset yolox"), (OWN, "--recipe pool-recipe.json")],
    ids=["preset", "own"],
)
def test_a_choice_by_activations_is_made_again(tmp_path, monkeypatch, recipe, option):
    """With the rows and spares that it was made with, which are not those of the set."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    write_pool(tmp_path / "pool", 12)
    write_yolo_like(tmp_path / "m.onnx", 64)
    strategy = ByActivations(model="m.onnx", recipe=recipe, pool_size=10, jobs=1)
    calibration = from_list(sample("pool", 4, spares=3, strategy=strategy))
    [command] = [one.command for one in reproduce(calibration) if "Choose" in one.what]
    assert option in command
    assert "--spares 3" in command
    kept = Path("quant4.txt").read_bytes(), Path("quant4.txt.json").read_bytes()
    again(calibration)
    assert (Path("quant4.txt").read_bytes(), Path("quant4.txt.json").read_bytes()) == kept


def test_a_choice_by_a_table_is_made_again(tmp_path, monkeypatch):
    """With the columns that were named."""
    monkeypatch.chdir(tmp_path)
    paths = smallsets.make_images(tmp_path / "images", 8)
    lines = "".join(f"{path.name},{'ab'[at % 2]}\n" for at, path in enumerate(paths))
    Path("t.csv").write_text("my picture,its kind\n" + lines)
    labels = LabelSource.parse("csv:t.csv", label_column="its kind", path_column="my picture")
    again(from_list(sample("images", 4, strategy=Stratified(labels))))


def test_further_inputs_of_a_choice_are_in_its_command(tmp_path, monkeypatch):
    """As --extra-input takes them; what is noted and is none gives no command."""
    monkeypatch.chdir(tmp_path)
    smallsets.make_images(tmp_path / "images", 4)
    calibration = from_list(sample("images", 4))
    chosen = calibration.manifest.images["chosen"]
    chosen |= {
        "strategy": "activations",
        "pool": {"size": 4},
        "model": "m.onnx",
        "recipe": OWN.to_dict(),
        "extra_inputs": {"mask": {"value": 1, "dtype": "float32", "shape": [1, 2, 2]}},
    }
    commands = [step.command for step in reproduce(calibration)]
    assert any("--extra-input 'mask=1*1x2x2:float32'" in command for command in commands)
    for name in ("recipe", "extra_inputs"):
        kept, chosen[name] = chosen[name], {"mask": {"value": "x"}}
        assert not any("sample" in step.command for step in reproduce(calibration))
        chosen[name] = kept


def from_command_line(*words: str) -> None:
    """Run a command in the current folder."""
    code = "from streamcalib.cli import main; main()"
    command = [smallsets.sys.executable, "-c", code, *words]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("rule", "written", "root"),
    [
        ("random", ("--relative-to", "p ool"), None),
        ("table", ("--absolute",), "."),
        ("model", ("--relative-to", "p ool"), "p ool"),
    ],
)
def test_a_list_that_starts_elsewhere_is_made_again(tmp_path, monkeypatch, rule, written, root):
    """Its source, its files and the set are where they were, wherever its paths start from."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    paths = write_pool(tmp_path / "p ool", 8)
    lines = "".join(f"{Path(path).name},{'ab'[at % 2]}\n" for at, path in enumerate(paths))
    Path("t.csv").write_text("image,class\n" + lines)
    write_yolo_like(tmp_path / "m.onnx", 64)
    how = {
        "random": (),
        "table": ("--strategy", "stratified", "--labels", "csv:t.csv"),
        "model": ("--strategy", "activations", "--model", "m.onnx", "--jobs", "1"),
    }[rule]
    # Beside the images, where a list without --root is found, too.
    place = "p ool" if root is None else "rel"
    listed, out = f"{place}/quant4.txt", f"{place}/c.npy"
    from_command_line("sample", "p ool", "--count", "4", *how, *written, "--out", listed)
    at = () if root is None else ("--root", root)
    small = ("--preset", "yolo11", "--imgsz", "64", "--jobs", "1")
    from_command_line("build", "--list", listed, *at, *small, "--out", out)
    files = [Path(listed), Path(f"{listed}.json")]
    kept = [file.read_bytes() for file in files]
    again(CalibrationSet.open(out))
    assert [file.read_bytes() for file in files] == kept


def test_a_set_that_is_built_elsewhere_is_made_again(tmp_path, monkeypatch):
    """The list is chosen in one folder, and named in another."""
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    monkeypatch.chdir(first)
    smallsets.make_images(first / "images", 6)
    from_command_line("sample", "images", "--count", "4", "--out", "../second/quant4.txt")
    monkeypatch.chdir(second)
    small = ("--root", "../first", "--preset", "yolo11", "--imgsz", "64", "--jobs", "1")
    from_command_line("build", "--list", "quant4.txt", *small, "--out", "c.npy")
    again(CalibrationSet.open("c.npy"))
