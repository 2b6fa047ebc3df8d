"""Wrong usage and input: exit code 2, one clear message, no traceback, nothing written."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import smallsets
from graphs import Input, write_graph

BUILD = ("build", "--list", "list.txt", "--out", "calib.npy", "--jobs", 1)
RUN = ("run", "images", "--out", "out", "--jobs", 1)


@pytest.fixture
def refused(told, images, tmp_path):
    """Run a command that must be refused, and return its message."""

    def run(*arguments: object) -> str:
        before = smallsets.contents(tmp_path)
        ended = told(*arguments)
        assert ended.code == 2, ended
        assert ended.out == ""
        assert "Traceback" not in ended.err
        assert smallsets.contents(tmp_path) == before
        message = ended.err.rstrip("\n")
        assert message.replace("\n", "").isprintable()
        return message

    return run


def test_a_missing_list(refused):
    """It is named."""
    message = refused("build", "--list", "no.txt", "--out", "calib.npy")
    assert message == (
        "streamcalib: error: the list no.txt cannot be read: No such file or directory."
    )


@pytest.mark.parametrize("content", ["", "\n\n", "# nothing but a comment\n"])
def test_an_empty_list(refused, content):
    """A list of no image is told as such."""
    Path("empty.txt").write_text(content)
    message = refused("build", "--list", "empty.txt", "--out", "calib.npy")
    assert message == "streamcalib: error: the list empty.txt names no image."


def test_a_folder_for_a_list(refused):
    """``build`` takes a list, and says so of anything else."""
    assert "images" in refused("build", "--list", "images", "--out", "calib.npy")


@pytest.mark.parametrize("name", ["calib.pt", "calib"])
def test_an_unknown_ending(refused, name):
    """The endings that would do are named."""
    message = refused("build", "--list", "list.txt", "--out", name)
    assert message.endswith("use .npy, .npz or .zarr.")


def test_an_output_below_a_file(refused):
    """A file is no folder, however deep below it the output would be."""
    for name in ("list.txt/calib.npy", "list.txt/deeper/still/calib.npy"):
        message = refused("build", "--list", "list.txt", "--out", name)
        assert message.endswith("list.txt is a file.")


def test_a_list_from_another_folder(refused, images):
    """None of the images is there: told at once, with where they were sought."""
    shutil.rmtree(images[0].parent)
    message = refused(*BUILD)
    assert "none of the first 6 images of list.txt is there" in message
    assert f"  {images[0]}\n" in message
    assert "--root" in message


def test_a_list_of_thousands_from_another_folder(refused, images):
    """A thousand are tried, not all; one that is there behind them is not looked for."""
    smallsets.write_list(Path("list.txt"), [f"no/{n}.jpg" for n in range(1500)] + images)
    assert "none of the first 1000 images" in refused(*BUILD)


@pytest.mark.parametrize("count", [7, 10**9])
def test_more_images_than_there_are(refused, count):
    """Both numbers are told."""
    for arguments in (RUN, ("sample", "images", "--out", "new.txt")):
        message = refused(*arguments, "--count", count)
        assert message == (
            f"streamcalib: error: --count asks for {count} images, but images holds 6."
        )


@pytest.mark.parametrize("free", [0, 1000, 29_000_000])
def test_a_disk_that_is_too_small(refused, monkeypatch, free):
    """What is needed and what is free is told before a byte is written."""
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": free}))
    for arguments in (BUILD, (*RUN, "--count", 6), (*BUILD, "--dry-run")):
        message = refused(*arguments)
        assert "not enough disk space: 6 rows need 30.5 MB, and " in message
        assert "--imgsz" in message


@pytest.mark.parametrize(
    "content", [b"", b"no protobuf at all", smallsets.jpeg(0), b"\x08\x07"], ids=repr
)
def test_an_onnx_file_that_is_none(refused, content):
    """Whatever is in it, it is named."""
    Path("m.onnx").write_bytes(content)
    for arguments in (BUILD, RUN):
        assert "m.onnx" in refused(*arguments, "--model", "m.onnx")


def test_a_missing_onnx_file(refused):
    """It is named."""
    assert refused(*BUILD, "--model", "m.onnx").endswith("the model m.onnx does not exist.")


def test_options_that_contradict_the_model(refused):
    """The graph decides; what says otherwise is told."""
    write_graph(Path("m.onnx"), Input(shape=(1, 3, 64, 64)))
    for option, value in (("--imgsz", 32), ("--dtype", "uint8"), ("--input-name", "pixels")):
        assert f"{option} says" in refused(*BUILD, "--model", "m.onnx", option, value)


@pytest.mark.parametrize("size", ["0", "-1", "0x640", "640x", "large", "32769", "1.5", ""])
def test_a_size_that_is_none(refused, size):
    """``--imgsz`` is a side or HxW, at least 1."""
    assert "--imgsz" in refused(*BUILD, f"--imgsz={size}")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((*BUILD, "--jobs", 0), "--jobs must be at least 1"),
        ((*BUILD, "--jobs", "many"), "'many' is not a valid integer"),
        ((*BUILD, "--max-pixels", 0), "--max-pixels must be at least 1"),
        ((*BUILD, "--max-file-size", 0), "--max-file-size"),
        ((*BUILD, "--max-file-size", "nan"), "nan is no size"),
        ((*BUILD, "--cache-window", "inf"), "inf is no size"),
        ((*BUILD, "--on-bad", "replace"), "needs spares"),
        ((*BUILD, "--on-bad", "ignore"), "'ignore' is not one of"),
        ((*BUILD, "--backend", "slurm"), "'slurm' is not one of"),
        ((*BUILD, "--preset", "yolo3"), "'yolo3' is not one of"),
        ((*BUILD, "--root", "nowhere"), "--root nowhere is not a folder"),
        ((*BUILD, "--recipe", "no.json"), "no.json"),
        ((*BUILD, "--recipe", "list.txt"), "list.txt"),
        ((*BUILD, "--extra-input", "size"), "NAME=VALUES:DTYPE"),
        ((*BUILD, "--extra-input", "size=1:int64"), "needs an .npz"),
        ((*BUILD, "--input-name", " "), "no name"),
        ((*BUILD, "--fast"), "No such option"),
        (("build", "--out", "calib.npy"), "--list"),
        (("build", "--list", "list.txt"), "--out"),
        ((*RUN, "--count", 0), "--count must be at least 1"),
        ((*RUN, "--format", "h5"), "'h5' is not one of"),
        (("run", "nowhere", "--out", "out"), "nowhere"),
        (("run", "images", "--ext", "png", "--out", "out"), "no image ending in"),
        (("sample", "images", "--count", 2, "--out", "new.json"), "must end in .txt"),
        (("sample", "images", "--out", "n.txt", "--absolute", "--relative-to", "."), "exclude"),
        (("demo", "--out", "list.txt", "--jobs", 1), "list.txt"),
        (("demo", "--count", 0), "nothing to build"),
        (("finalize", "no.npy", "--out", "a.npz"), "the set no.npy does not exist"),
        (("finalize", "list.txt", "--out", "a.npz"), "must end in .npy, .npz or .zarr"),
        (("info", "no.npy"), "the set no.npy does not exist"),
        (("info", "list.txt"), "must end in .npy, .npz or .zarr"),
        (("imagine",), "No such command"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, tuple) else "",
)
def test_wrong_usage(refused, arguments, says):
    """What is wrong is named, on standard error."""
    assert says in refused(*arguments)


def test_what_differs_is_told(told, refused):
    """Another recipe or list under the same name needs ``--overwrite``."""
    assert told(*BUILD, "--imgsz", 16).code == 0
    message = refused(*BUILD, "--imgsz", 32)
    assert "exists and was built otherwise" in message
    assert "  recipe, height: 16, not 32" in message
    assert "--overwrite" in message
    smallsets.write_list(Path("list.txt"), ["images/000000.jpg"])
    assert "list: list.txt of 6 images, not list.txt of 1" in refused(*BUILD, "--imgsz", 16)
    assert told(*BUILD, "--imgsz", 16, "--overwrite").code == 0


def test_images_changed_behind_the_list_are_told(told, refused, images):
    """The same list is not the same set if an image is another."""
    assert told(*BUILD, "--imgsz", 16).code == 0
    images[3].write_bytes(smallsets.jpeg(33))
    message = refused(*BUILD, "--imgsz", 16)
    assert str(images[3]) in message
    assert "--overwrite" in message


def test_names_in_messages_are_escaped(refused):
    """A list's names cannot play with the terminal."""
    smallsets.write_list(Path("list.txt"), ["a\x1b[2J.jpg"])
    assert "a\\x1b[2J.jpg" in refused(*BUILD)
    assert "b\\x07.txt" in refused("build", "--list", "b\x07.txt", "--out", "calib.npy")


@pytest.mark.parametrize("out", ["closed/calib.npy", "closed/deeper/calib.npy", "closed/x/y.npz"])
def test_a_folder_that_is_not_writable(images, tmp_path, out):
    """Permissions are checked before a byte is written."""
    (tmp_path / "closed").mkdir(mode=0o555)
    before = smallsets.contents(tmp_path)
    ended = smallsets.run_without_privileges(
        "build", "--list", "list.txt", "--out", out, "--imgsz", 16, "--jobs", 1, cwd=tmp_path
    )
    message = f"streamcalib: error: the output folder {tmp_path}/closed is not writable.\n"
    assert ended == (2, "", message)
    assert smallsets.contents(tmp_path) == before


@pytest.mark.parametrize(
    "arguments",
    [
        ("info", "closed/calib.npy"),
        ("finalize", "closed/calib.npy", "--out", "a.npz"),
        ("finalize", "calib.npy", "--out", "closed/a.npz"),
        ("finalize", "calib.npy", "--out", "closed/deeper/a.npz"),
        ("build", "--list", "closed/list.txt", "--out", "a.npy"),
        ("build", "--list", "list.txt", "--out", "closed/a.npy"),
        ("run", "images", "--count", 2, "--out", "closed"),
        ("run", "images", "--count", 2, "--out", "closed/deeper"),
        ("run", "closed", "--count", 2, "--out", "out"),
        ("demo", "--out", "closed/demo"),
        ("sample", "images", "--count", 2, "--out", "closed/two.txt"),
    ],
    ids=lambda arguments: " ".join(map(str, arguments)),
)
def test_a_folder_that_may_not_be_entered(told, images, tmp_path, arguments):
    """What lies behind a closed door is not there, for reading and for writing."""
    told(*BUILD, "--imgsz", 16)
    (tmp_path / "closed").mkdir(mode=0)
    before = smallsets.contents(tmp_path)
    ended = smallsets.run_without_privileges(*arguments, cwd=tmp_path)
    assert (ended.code, ended.out) == (2, ""), ended
    assert ended.err.startswith("streamcalib: error: ")
    assert ended.err.count("\n") == 1
    assert smallsets.contents(tmp_path) == before


def test_a_set_in_a_read_only_folder_is_still_complete(images, tmp_path):
    """What is there needs no permission to write."""
    arguments = ("build", "--list", "list.txt", "--out", "out/a.npy", "--imgsz", 16, "--jobs", 1)
    assert smallsets.run(*arguments, cwd=tmp_path).code == 0
    (tmp_path / "out").chmod(0o555)
    ended = smallsets.run_without_privileges(*arguments, cwd=tmp_path)
    assert (ended.code, ended.err) == (0, "")
    assert "is already complete" in ended.out


def test_without_the_package_onnx_the_extra_is_named(images, tmp_path):
    """A model needs an optional package; the message says how to get it."""
    hidden = "import sys; sys.modules['onnx'] = None; " + smallsets.PROGRAM
    ended = smallsets.run(*BUILD, "--model", "m.onnx", cwd=tmp_path, program=hidden)
    assert (ended.code, ended.out) == (2, "")
    assert "pip install 'streamcalib[onnx]'" in ended.err


def test_the_real_command_ends_the_same_way(images, tmp_path):
    """In a process of its own the exit code is the process's."""
    script = Path(sys.executable).with_name("streamcalib")
    done = subprocess.run(
        [str(script), *map(str, BUILD), "--imgsz", "0"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("streamcalib: error: --imgsz")
