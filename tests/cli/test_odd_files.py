"""Pipes, sockets, devices, folders and loops of links where a file is named: told, never a hang."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from pathlib import Path

import pytest

import smallsets
from graphs import Input, write_graph

pytestmark = pytest.mark.timeout(120)

BUILD = ("build", "--list", "list.txt", "--out", "calib.npy", "--imgsz", 16, "--jobs", 1)
KINDS = ("pipe", "socket", "folder", "loop", "dead link", "device", "endless")


def make(kind: str, path: Path) -> None:
    """Make something that is no file."""
    path.unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(os.path.relpath(path))
    elif kind == "folder":
        path.mkdir()
    else:
        targets = {"loop": path.name, "dead link": "no/where"}
        path.symlink_to(targets.get(kind, "/dev/null" if kind == "device" else "/dev/zero"))


@pytest.fixture
def refused(told, images):
    """Run a command that must be refused with one message that names ``named``."""

    def run(named: str, *arguments: object, code: int = 2) -> str:
        ended = told(*arguments)
        assert ended.code == code, ended
        assert ended.err.startswith("streamcalib: ")
        assert "Traceback" not in ended.err
        assert named in ended.err
        return ended.err

    return run


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("option", ["--list", "--recipe", "--model"])
def test_in_the_place_of_an_input(refused, kind, option):
    """A list, a recipe or a model."""
    make(kind, Path("odd"))
    refused("odd", *BUILD[:5], option, "odd")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("command", ["sample", "run", "bench"])
def test_in_the_place_of_a_source(refused, kind, command):
    """What is chosen from: an empty folder holds nothing, and the rest is nothing."""
    make(kind, Path("odd.txt"))
    out = "." if command == "bench" else "new.txt" if command == "sample" else "out"
    refused("odd.txt", command, "odd.txt", "--count", 1, "--out", out)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_in_the_place_of_a_set(told, refused, kind, suffix):
    """``info``, ``verify`` and ``finalize``."""
    make(kind, Path(f"odd{suffix}"))
    for arguments in (
        ("info", f"odd{suffix}"),
        ("finalize", f"odd{suffix}", "--out", "f.npy"),
        ("verify", f"odd{suffix}", "--image", "images/000000.jpg"),
    ):
        refused(f"odd{suffix}", *arguments)
    assert told("verify", f"odd{suffix}").code in (2, 4)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("side", [".json", ".rows.jsonl"])
def test_in_the_place_of_a_side_file(told, refused, kind, side):
    """A manifest or its records: the set is damaged, and what stands there is named."""
    assert told(*BUILD).code == 0
    if side == ".rows.jsonl":
        manifest = Path("calib.npy.json")
        rows = {"file": "calib.npy.rows.jsonl", "sha256": "0" * 64}
        manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "rows": rows}))
    make(kind, Path(f"calib.npy{side}"))
    refused(f"calib.npy{side}", "info", "calib.npy")
    refused(f"calib.npy{side}", "finalize", "calib.npy", "--out", "f.npz")
    refused(f"calib.npy{side}", "verify", "calib.npy", code=4)
    refused(f"calib.npy{side}", *BUILD)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("side", [".json", ".md", ".rows.jsonl"])
def test_what_a_build_would_replace_is_looked_at(told, images, kind, side):
    """A name beside the output may be a dead link; anything else is not streamcalib's."""
    make(kind, Path(f"calib.npy{side}"))
    ended = told(*BUILD)
    if kind in ("dead link", "loop"):
        assert ended.code == 0, ended
        assert told("verify", "calib.npy").code == 0
    else:
        assert ended.code == 2, ended
        assert "is not streamcalib's" in ended.err


@pytest.mark.parametrize("overwrite", [(), ("--overwrite",)])
@pytest.mark.parametrize("kind", KINDS)
def test_in_the_place_of_an_output(told, images, kind, overwrite):
    """Not even with --overwrite is a pipe, socket, folder or device replaced; a dead link is."""
    make(kind, Path("calib.npy"))
    assert told(*BUILD[:3], "--out", "a.npy", *BUILD[5:]).code == 0
    for arguments in (BUILD, ("finalize", "a.npy", "--out", "calib.npy")):
        ended = told(*arguments, *overwrite)
        if kind in ("dead link", "loop") and overwrite:
            assert ended.code == 0, ended
            Path("calib.npy").unlink()
            make(kind, Path("calib.npy"))
        else:
            assert ended.code == 2, ended
            assert "calib.npy" in ended.err
            assert not Path("calib.npy").is_file()


@pytest.mark.parametrize("kind", ["pipe", "socket", "device", "loop"])
def test_in_the_place_of_a_folder(refused, kind):
    """The folder of an output, or its staging folder."""
    make(kind, Path("odd"))
    for arguments in (
        (*BUILD[:3], "--out", "odd/calib.npy"),
        ("run", "images", "--count", 2, "--out", "odd"),
        ("demo", "--out", "odd", "--count", 1),
        ("bench", "images", "--out", "odd"),
        (*BUILD, "--root", "odd"),
    ):
        refused("odd", *arguments)
    make(kind, Path("calib.npy.build"))
    refused("calib.npy.build", *BUILD)


@pytest.mark.parametrize("kind", ["pipe", "socket", "folder", "device", "endless", "loop"])
def test_in_the_place_of_images(told, images, kind):
    """A bad image with its reason, in workers too."""
    make(kind, images[2])
    ended = smallsets.run(*BUILD[:-1], 2, cwd=images[0].parent.parent)
    assert ended.code == 3, ended
    assert "1 of 6 images is bad" in ended.err
    assert told(*BUILD, "--on-bad", "skip").code == 0
    assert told("verify", "calib.npy", "--sources").code == 0


def test_in_the_place_of_a_lists_side_file(told, images):
    """It is no side file: the list has no spares then."""
    assert told("sample", "images", "--count", 2, "--out", "new.txt").code == 0
    for kind in KINDS:
        make(kind, Path("new.txt.json")) if kind != "folder" else None
        ended = told("build", "--list", "new.txt", "--out", "a.npy", "--on-bad", "replace")
        assert ended.code == 2
        assert "needs spares" in ended.err


@pytest.mark.parametrize(
    "content", ["[" * 50_000, '{"format": "streamcalib-list", "a": 1, "a": 2}']
)
def test_an_odd_side_file_of_a_list_is_none(told, images, content):
    """It is passed over, as one that does not belong to the list."""
    Path("list.txt.json").write_text(content)
    assert "needs spares" in told(*BUILD, "--on-bad", "replace").err
    with Path("list.txt.json").open("wb") as file:
        file.truncate(10**12)
    assert told(*BUILD).code == 0


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("[" * 50_000, "nested"),
        ('{"height": 16, "height": 32}', "'height' stands in it twice"),
        ('{"height": ' + "9" * 5000 + "}", "digits"),
        ('{"height": 1e999}', "height must be"),
        ('{"height": NaN}', "height must be"),
        ('{"scale": Infinity}', "scale must be"),
        ('{"mean": [[1], 2, 3]}', "mean must be"),
        ('{"dtype": {"a": 1}}', "dtype must be"),
        ('{"name": ["a"]}', "name must be"),
        ('{"__class__": "os.system"}', "unknown recipe field"),
        ("null", "must be a JSON object"),
        ('"' + "x" * 10**6 + '"', "it has more than 1.0 MB"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_an_odd_recipe_is_told(refused, content, says):
    """Whatever its JSON is."""
    Path("recipe.json").write_text(content)
    assert says in refused("recipe.json", *BUILD[:5], "--recipe", "recipe.json")


@pytest.mark.parametrize("where", ["process substitution", "standard input"])
def test_lists_recipes_and_models_come_through_pipes(images, tmp_path, where):
    """A shell can hand them over without a file."""
    write_graph(tmp_path / "m.onnx", Input(shape=(1, 3, 16, 16)))
    (tmp_path / "recipe.json").write_text(smallsets.RECIPE.to_json())
    program = " ".join(f"'{word}'" for word in smallsets.command())
    options = "--model <(cat m.onnx) --recipe <(cat recipe.json)"
    if where == "standard input":
        command = f"cat list.txt | {program} build --list /dev/stdin {options} --out a.npy"
    else:
        command = f"{program} build --list <(sleep 0.3; cat list.txt) {options} --out a.npy"
    done = subprocess.run(
        ["bash", "-c", f"{command} --jobs 1"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    manifest = json.loads((tmp_path / "a.npy.json").read_text())
    assert manifest["shape"] == [6, 3, 16, 16]
    # What a pipe held can be read once only.
    assert manifest["images"]["sha256"] is None
    assert len(manifest["images"]["entries_sha256"]) == 64


def test_a_pipe_in_the_place_of_gitignore(told, images, tmp_path):
    """It is named, and nothing waits for it."""
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    os.mkfifo(".gitignore")
    ended = told("sample", "images", "--count", 2, "--out", "new.txt")
    assert ended.code == 2, ended
    assert ".gitignore is not a regular file" in ended.err
