"""The bytes of one image file, or the reason why there are none."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from messages import text_of
from strangers import open_folder, said_to_a_stranger
from streamcalib.errors import ImageError
from streamcalib.images.reading import read_image


def test_a_file_is_read_whole(tmp_path):
    """The bytes are the file's, of whatever length."""
    data = bytes(range(256)) * 5000
    (tmp_path / "1.jpg").write_bytes(data)
    assert read_image("1.jpg", (tmp_path,)) == data
    assert read_image(str(tmp_path / "1.jpg"), ()) == data


def test_an_empty_file_has_no_bytes(tmp_path):
    """Emptiness is for the decoder to judge."""
    (tmp_path / "1.jpg").touch()
    assert read_image("1.jpg", (tmp_path,)) == b""


def test_the_first_folder_that_holds_it_wins(tmp_path):
    """Folders are tried in order; a linked file is read, a link to nothing is passed over."""
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
        (folder / "both.jpg").write_text(folder.name)
    (second / "file.jpg").write_text("found")
    (second / "link.jpg").symlink_to("file.jpg")
    (first / "link.jpg").symlink_to("nowhere")
    assert read_image("both.jpg", (first, second)) == b"first"
    assert read_image("link.jpg", (first, second)) == b"found"


def test_a_missing_file_is_told_with_every_place_it_was_sought(tmp_path):
    """The reason names each path that was tried, escaped."""
    bases = (tmp_path / "one", tmp_path / "two")
    with pytest.raises(ImageError) as caught:
        read_image("a\x1b\n.jpg", bases)
    expected = rf"(sought as {tmp_path}/one/a\x1b\n.jpg and {tmp_path}/two/a\x1b\n.jpg)"
    assert text_of(caught.value) == f"no such file {expected}"


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path.name)


def make_loop(path: Path) -> None:
    path.symlink_to(path.name)


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    ("entry", "make", "reason"),
    [
        ("1.jpg", Path.mkdir, "it is a directory"),
        ("1.jpg", make_pipe, "it is not a regular file"),
        ("1.jpg", make_socket, "it is not a regular file"),
        ("/dev/null", None, "it is not a regular file"),
        ("1.jpg", make_loop, "too many levels of symbolic links"),
        ("x" * 300, None, "file name too long"),
        ("a\0b.jpg", None, "its name holds a NUL character"),
    ],
)
def test_what_is_no_file_has_a_reason(tmp_path, monkeypatch, entry, make, reason):
    """Whatever stands in an image's place is told at once; a pipe is not waited for."""
    monkeypatch.chdir(tmp_path)
    if make is not None:
        make(tmp_path / entry)
    with pytest.raises(ImageError) as caught:
        read_image(entry, (tmp_path,))
    assert text_of(caught.value) == reason


def test_a_file_in_the_place_of_a_folder_is_a_missing_image(tmp_path):
    """A path through a file leads nowhere."""
    (tmp_path / "train").touch()
    with pytest.raises(ImageError, match="no such file"):
        read_image("train/1.jpg", (tmp_path,))


def test_a_file_that_may_not_be_read_says_so():
    """Missing permission is the reason."""
    with open_folder() as folder:
        (folder / "1.jpg").write_bytes(b"secret")
        (folder / "1.jpg").chmod(0)
        said = said_to_a_stranger(f"print(read_image('1.jpg', ({str(folder)!r},)))")
    assert said == "ImageError: permission denied"


def test_no_file_stays_open(tmp_path):
    """Reading, well or badly, leaves no descriptor behind."""
    (tmp_path / "1.jpg").write_bytes(b"x")
    (tmp_path / "folder").mkdir()
    open_before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        read_image("1.jpg", (tmp_path,))
        with pytest.raises(ImageError):
            read_image("folder", (tmp_path,))
    assert len(list(Path("/proc/self/fd").iterdir())) == open_before


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux shows such files")
def test_a_file_that_tells_no_size_is_read_whole():
    """What says it has no bytes and has some, or more than it said, is read to its end."""
    assert read_image("/proc/self/status", ()).startswith(b"Name:")


def test_a_read_that_is_cut_short_is_continued(tmp_path, monkeypatch):
    """The system may give less than was asked for, as it does of more than 2 GiB."""
    (tmp_path / "a.jpg").write_bytes(bytes(range(256)) * 10)
    read = os.read
    monkeypatch.setattr(os, "read", lambda file, size: read(file, min(size, 700)))
    assert read_image("a.jpg", (tmp_path,)) == bytes(range(256)) * 10


def test_a_file_over_the_limit_is_not_read(tmp_path, monkeypatch):
    """Its size is told with the limit and the option; one of just that size is read."""
    (tmp_path / "a.jpg").write_bytes(bytes(1_500_000))
    assert len(read_image("a.jpg", (tmp_path,), max_bytes=1_500_000)) == 1_500_000
    monkeypatch.setattr(os, "read", None)
    with pytest.raises(ImageError) as caught:
        read_image("a.jpg", (tmp_path,), max_bytes=1_499_999)
    assert text_of(caught.value) == ("1500000 bytes are over the limit of 1.5 MB (--max-file-size)")


def test_the_default_limit_is_256_mb(tmp_path):
    """A file with a hole takes no space, and no memory either: it is refused unread."""
    with (tmp_path / "a.jpg").open("wb") as file:
        file.truncate(10**12)
    with pytest.raises(ImageError, match=r"^1000000000000 bytes are over the limit of 256 MB"):
        read_image("a.jpg", (tmp_path,))


@pytest.mark.parametrize("more", [1, 100, 2**25])
def test_a_file_that_grows_is_read_to_the_limit_only(tmp_path, monkeypatch, more):
    """What says that it ends, and goes on, is refused once it is too large."""
    (tmp_path / "a.jpg").write_bytes(bytes(1000))
    fstat, asked = os.fstat, []

    def small(file):
        status = list(fstat(file))
        status[6] = 10
        return os.stat_result(status)

    read = os.read

    def grown(file, size):
        asked.append(size)
        return read(file, size) or bytes(min(size, more))

    monkeypatch.setattr(os, "fstat", small)
    monkeypatch.setattr(os, "read", grown)
    with pytest.raises(ImageError) as caught:
        read_image("a.jpg", (tmp_path,), max_bytes=1010)
    assert text_of(caught.value) == (
        "it goes on where it says that it ends, and is over the limit of 0.00101 MB "
        "(--max-file-size)"
    )
    assert max(asked) <= 1011
    with pytest.raises(ImageError, match="--max-file-size"):
        read_image("/proc/self/status", (), max_bytes=20)
