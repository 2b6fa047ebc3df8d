"""Image lists and their side files."""

from __future__ import annotations

import hashlib
import io
import json
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import smallsets
from messages import text_of
from strangers import open_folder, said_to_a_stranger
from streamcalib.errors import ListError
from streamcalib.images import lines, listfile
from streamcalib.images.listfile import ImageList, entries_sha256, side_file
from streamcalib.images.reading import read_image

BOM = b"\xef\xbb\xbf"
_FORBIDDEN = b"\0\n\r/"
_TELLING = [b" ", b"\t", b"#", BOM, b"\xff\xfe", b"\xfe\xff", b"\x1c", b"\xc2\x85", b"\xe2\x80\xa8"]
_TELLING += [b"\x0b", b"\x0c", b"\\", b'"', b"a", b".jpg", "ü".encode(), "写真".encode(), b"\xe9"]


def _is_name(name: bytes) -> bool:
    return name not in (b"", b".", b"..") and not set(name) & set(_FORBIDDEN)


names = st.one_of(
    st.lists(st.sampled_from(_TELLING), min_size=1, max_size=5).map(b"".join),
    st.binary(min_size=1, max_size=12),
).filter(_is_name)
"""Every name a file can have that a line of a list can hold, with those that look like more."""


def texts(values: list[bytes]) -> list[str]:
    return [os.fsdecode(value) for value in values]


def read_back(data: bytes) -> list[str]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "list.txt"
        path.write_bytes(data)
        return list(ImageList.read(path).paths)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", BOM])
@pytest.mark.parametrize("last", [True, False])
def test_lists_of_other_tools_are_read(end, mark, last):
    """Any line ending, a byte order mark, blank lines and comments: only paths are entries."""
    lines = ["# made by hand", "", "a/1.jpg", "   ", "\t", "#b.jpg", "b/ü 2.jpg", "", "c#3.jpg"]
    data = mark + end.join(lines).encode() + (end.encode() if last else b"")
    assert read_back(data) == ["a/1.jpg", "b/ü 2.jpg", "c#3.jpg"]


def test_spaces_belong_to_names():
    """Spaces at either end and inside are the file's own."""
    assert read_back(b" 1.jpg\n2 .jpg\n3.jpg \n") == [" 1.jpg", "2 .jpg", "3.jpg "]


def test_only_line_feeds_and_returns_end_a_line():
    """Other characters that some call line ends stay in their names."""
    odd = "a\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029b.jpg"
    assert read_back(f"{odd}\nc.jpg\n".encode()) == [odd, "c.jpg"]


def line_by_line(data: bytes) -> list[str] | None:
    """Return a list's entries as its rules say, or None if it must be refused."""
    text = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig", errors="surrogateescape")
    lines = list(text)
    if b"\0" in data or "".join(lines[:1]).startswith(("\udcff\udcfe", "\udcfe\udcff")):
        return None
    found = [line.removesuffix("\n") for line in lines if line.strip() and line[0] != "#"]
    return found or None


_PIECES = [*_TELLING, b"\n", b"\n", b"\r\n", b"\r", b"\n#", b"\n \n", b"\0"]


@given(st.lists(st.sampled_from(_PIECES), max_size=24).map(b"".join), st.integers(1, 12))
@example(b"\xfe\xff\n", 1)
@example(b"a\n\xff\xfeb\n", 1)
@example(BOM + b"\r\n\n#a\r\r\nb", 2)
def test_blocks_of_lines_hold_what_lines_hold(data, block):
    """However large the blocks in which a list is read, its entries are those of its lines."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "_BLOCK_CHARACTERS", block)
        try:
            found = read_back(data)
        except ListError:
            found = None
    assert found == line_by_line(data)


@given(st.lists(names, min_size=1, max_size=6))
@example([b"\xff\xfea.jpg"])
@example([BOM + b"a.jpg", b"#a.jpg", b" "])
def test_every_name_survives_being_written_and_read(entries):
    """What a list is given is what it reads back, byte for byte, whatever the names."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "list.txt"
        written = ImageList(texts(entries), spares=texts(entries[::-1])).write(path)
        found = ImageList.read(path)
    assert [os.fsencode(os.path.normpath(entry)) for entry in found.paths] == entries
    assert [os.fsencode(os.path.normpath(entry)) for entry in found.spares] == entries[::-1]
    assert found.paths == written.paths
    assert found.entries_sha256 == written.entries_sha256


@given(names)
def test_a_listed_name_leads_to_its_file(name):
    """The file of any name is found again through a list."""
    with TemporaryDirectory() as folder:
        (Path(folder) / os.fsdecode(name)).write_bytes(b"contents")
        path = Path(folder).parent / f"{Path(folder).name}.list.txt"
        try:
            ImageList([os.fsdecode(name)]).write(path)
            images = ImageList.read(path, root=folder)
        finally:
            path.unlink(missing_ok=True)
            side_file(path).unlink(missing_ok=True)
        assert read_image(images.paths[0], images.bases) == b"contents"


def test_plain_names_are_written_as_they_are(tmp_path):
    """A list is one path a line, each ended by a line feed, and nothing else."""
    ImageList(["train2017/1.jpg", "a b.jpg", "ü.jpg"]).write(tmp_path / "list.txt")
    assert (tmp_path / "list.txt").read_bytes() == "train2017/1.jpg\na b.jpg\nü.jpg\n".encode()


@pytest.mark.parametrize("name", ["a\nb.jpg", "a\rb.jpg", "c\x1b.jpg\n"])
@pytest.mark.parametrize("where", ["paths", "spares"])
def test_a_name_with_a_line_break_is_refused(tmp_path, name, where):
    """Such a name cannot stand in a list; the message shows it escaped, and nothing is left."""
    entries = {"paths": ["1.jpg"], "spares": [], where: ["1.jpg", name]}
    with pytest.raises(ListError) as caught:
        ImageList(entries["paths"], spares=entries["spares"]).write(tmp_path / "list.txt")
    message = text_of(caught.value)
    assert "rename" in message
    assert name.encode("unicode_escape").decode() in message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (None, "No such file or directory"),
        (b"", "names no image"),
        (b"\n# only this\n \n", "names no image"),
        (BOM, "names no image"),
        ("1.jpg\n2.jpg\n".encode("utf-16"), "is not UTF-8 text: save it as UTF-8"),
        ("1.jpg\n2.jpg\n".encode("utf-16-le"), "is not UTF-8 text: save it as UTF-8"),
        ("1.jpg\n2.jpg\n".encode("utf-16-be"), "is not UTF-8 text: save it as UTF-8"),
        ("写真\n".encode("utf-16"), "is not UTF-8 text: save it as UTF-8"),
        (b"1.jpg\n" * 2000 + b"\0\n", "is not UTF-8 text"),
        (b"\x93NUMPY\x01\0v\0{'descr': '<f4'", "is not UTF-8 text"),
    ],
)
def test_what_is_no_list_is_refused(tmp_path, data, says):
    """A list that is missing, empty, or not text says so, under its own name."""
    path = tmp_path / "odd\x1bname\n.txt"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(ListError) as caught:
        ImageList.read(path)
    message = text_of(caught.value)
    assert says in message
    assert r"odd\x1bname\n.txt" in message


def test_a_folder_is_no_list(tmp_path):
    """A folder given as a list is named as one."""
    with pytest.raises(ListError, match="Is a directory"):
        ImageList.read(tmp_path)


def test_a_list_that_may_not_be_read_says_so():
    """Missing permission is told, not raised."""
    with open_folder() as folder:
        path = folder / "list.txt"
        path.write_text("1.jpg\n")
        path.chmod(0)
        said = said_to_a_stranger(f"ImageList.read({str(path)!r})")
    assert said == f"ListError: the list {path} cannot be read: Permission denied."


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Folders ``root``, ``here`` (the current one) and ``lists``, which holds ``list.txt``."""
    for name in ("top", "here", "lists"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "here")
    (tmp_path / "lists/list.txt").write_text("1.jpg\n")
    return tmp_path


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        (("here", "lists", "top"), "here"),
        (("lists", "top"), "lists"),
        (("top",), "here"),
    ],
)
def test_relative_paths_start_from_the_current_folder_then_the_lists_own(places, there, expected):
    """An entry is sought where the user stands, then beside the list; never elsewhere."""
    for name in there:
        (places / name / "1.jpg").touch()
    images = ImageList.read("../lists/list.txt")
    assert Path(os.path.normpath(images.resolve(0))) == places / expected / "1.jpg"


def test_a_root_takes_the_place_of_every_other_folder(places):
    """With ``root``, entries are sought there alone."""
    for name in ("here", "lists", "top"):
        (places / name / "1.jpg").touch()
    for _ in range(2):
        found = ImageList.read("../lists/list.txt", root="../top").resolve(0)
        assert Path(os.path.normpath(found)) == places / "top/1.jpg"
        (places / "top/1.jpg").unlink(missing_ok=True)


def test_absolute_paths_need_no_folder(places):
    """An absolute entry is itself, whatever the root."""
    (places / "lists/list.txt").write_text(f"{places}/top/1.jpg\n")
    images = ImageList.read("../lists/list.txt", root="../top")
    assert images.resolve(0) == f"{places}/top/1.jpg"


def test_folders_stay_when_the_process_moves_on(places, monkeypatch):
    """Where entries start from is decided when the list is read, not when an image is."""
    images = ImageList.read("../lists/list.txt", root="../top")
    (places / "top/1.jpg").touch()
    monkeypatch.chdir("/")
    assert Path(images.resolve(0)).exists()


def test_a_list_of_bare_names_works_with_a_root(tmp_path, monkeypatch):
    """Lists like MLPerf's, names alone, fit any folder of the images."""
    (tmp_path / "val2017").mkdir()
    numbers = ["000000391895.jpg", "000000522418.jpg"]
    for number in numbers:
        (tmp_path / "val2017" / number).write_bytes(number.encode())
    (tmp_path / "coco_cal_images_list.txt").write_text("\n".join(numbers))
    monkeypatch.chdir("/")
    images = ImageList.read(tmp_path / "coco_cal_images_list.txt", root=tmp_path / "val2017")
    images.check_present()
    assert [read_image(entry, images.bases).decode() for entry in images] == numbers


@pytest.mark.parametrize(("root", "shown"), [("missing\x1b", r"missing\x1b"), ("file", "file")])
def test_a_root_that_is_no_folder_is_refused(places, root, shown):
    """The option is named, with what was given."""
    Path("file").touch()
    with pytest.raises(ListError) as caught:
        ImageList.read("../lists/list.txt", root=root)
    assert text_of(caught.value) == f"--root {shown} is not a folder."


def test_a_list_for_another_folder_is_stopped_with_what_was_sought(places):
    """If none of the first images is there, the message shows every path that was tried."""
    (places / "lists/list.txt").write_text("a\x1b/1.jpg\na/2.jpg\n")
    with pytest.raises(ListError) as caught:
        ImageList.read("../lists/list.txt").check_present()
    lines = text_of(caught.value, lines=4).splitlines()
    assert lines[0].startswith("none of the first 2 images of ../lists/list.txt is there")
    assert lines[1] == rf"  {places}/here/a\x1b/1.jpg"
    assert os.path.normpath(lines[2].strip()) == rf"{places}/lists/a\x1b/1.jpg"
    assert "--root" in lines[3]


def test_one_missing_image_is_told_in_the_singular(places):
    """A list of one reads as a person would say it."""
    with pytest.raises(ListError, match=r"^the only image of \.\./lists/list\.txt is not there"):
        ImageList.read("../lists/list.txt", root="../top").check_present()


@pytest.mark.parametrize(("position", "passes"), [(0, True), (999, True), (1000, False)])
def test_a_thousand_images_are_tried_before_a_list_is_stopped(places, position, passes):
    """One image among the first thousand is enough; later ones are not looked for."""
    (places / "lists/list.txt").write_text("".join(f"{n}.jpg\n" for n in range(1001)))
    (places / f"here/{position}.jpg").touch()
    images = ImageList.read("../lists/list.txt")
    if passes:
        images.check_present()
    else:
        with pytest.raises(ListError, match="none of the first 1000 images"):
            images.check_present()


def a_list(folder: Path) -> Path:
    provenance = {"source": "train2017", "rule": "some", "seed": 42, "count": 2}
    images = ImageList(["1.jpg", "2.jpg"], spares=["3.jpg", "4.jpg"], provenance=provenance)
    images.write(folder / "list.txt")
    return folder / "list.txt"


def test_the_side_file_brings_back_spares_and_provenance(tmp_path):
    """Beside ``list.txt`` stands ``list.txt.json``, which says where the list comes from."""
    path = a_list(tmp_path)
    side = json.loads((tmp_path / "list.txt.json").read_text())
    assert (side["format"], side["version"]) == ("streamcalib-list", 1)
    assert side["entries_sha256"] == hashlib.sha256(b"1.jpg\n2.jpg\n").hexdigest()
    found = ImageList.read(path)
    assert found.spares == ["3.jpg", "4.jpg"]
    assert found.provenance == {"source": "train2017", "rule": "some", "seed": 42, "count": 2}
    assert found.file == path


@pytest.mark.parametrize(
    "edited", [b"2.jpg\n1.jpg\n", b"1.jpg\n", b"1.jpg\n2.jpg\n3.jpg\n", b"1.jpg \n2.jpg\n"]
)
def test_an_edited_list_has_no_spares(tmp_path, edited):
    """The side file of a list that was changed since no longer speaks of it."""
    path = a_list(tmp_path)
    path.write_bytes(edited)
    found = ImageList.read(path)
    assert (len(found.spares), found.provenance) == (0, {})


@pytest.mark.parametrize(
    "same", [b"1.jpg\r\n2.jpg\r\n", BOM + b"1.jpg\n2.jpg", b"# checked by hand\n1.jpg\n\n2.jpg\n"]
)
def test_a_list_whose_entries_are_the_same_keeps_its_spares(tmp_path, same):
    """Line endings, comments and a byte order mark change no entry."""
    path = a_list(tmp_path)
    path.write_bytes(same)
    assert ImageList.read(path).spares == ["3.jpg", "4.jpg"]


@pytest.mark.parametrize(
    "change",
    [
        "not JSON",
        "[]",
        "\udcff",
        {"format": "something else"},
        {"version": 2},
        {"spares": "3.jpg"},
        {"spares": [3]},
        {"entries_sha256": None},
    ],
)
def test_another_tools_side_file_is_passed_over(tmp_path, change):
    """A file beside the list that is not this version's side file brings nothing along."""
    path = a_list(tmp_path)
    side = side_file(path)
    if isinstance(change, dict):
        change = json.dumps(json.loads(side.read_text()) | change)
    side.write_bytes(os.fsencode(change))
    found = ImageList.read(path)
    assert (list(found.paths), len(found.spares)) == (["1.jpg", "2.jpg"], 0)


def test_a_slice_is_a_list_with_the_same_folders(tmp_path):
    """Slices keep where entries start from; spares were for the whole list."""
    path = a_list(tmp_path)
    images = ImageList.read(path)
    part = images[1:]
    assert isinstance(part, ImageList)
    assert (list(part), part.bases, len(part.spares)) == (["2.jpg"], images.bases, 0)
    assert (images[0], images[-1], len(images)) == ("1.jpg", "2.jpg", 2)


def test_spares_are_counted_on_behind_the_end(tmp_path):
    """Source numbers run through the list and into its spares."""
    images = ImageList.read(a_list(tmp_path))
    assert [images.source(index) for index in range(4)] == ["1.jpg", "2.jpg", "3.jpg", "4.jpg"]


def test_a_list_of_anything_that_names_images(tmp_path):
    """`ImageList.of` takes a list, the path of one, or paths, and refuses to take none."""
    path = a_list(tmp_path)
    images = ImageList.read(path)
    assert ImageList.of(images) is images
    assert ImageList.of(path).spares == ImageList.of(str(path)).spares == images.spares
    assert list(ImageList.of([Path("a") / "1.jpg", "b//2.jpg"])) == ["a/1.jpg", "b/2.jpg"]
    assert list(ImageList.of(f"{n}.jpg" for n in range(2))) == ["0.jpg", "1.jpg"]
    with pytest.raises(ListError, match="the list of paths is empty"):
        ImageList.of([])


@given(st.lists(names, max_size=4), st.lists(names, max_size=4))
def test_the_checksum_tells_lists_apart(first, second):
    """Two lists have the same checksum exactly if they have the same entries in the same order."""
    same = entries_sha256(texts(first)) == entries_sha256(texts(second))
    assert same == (first == second)


@given(st.lists(names, max_size=9), st.integers(1, 10))
def test_the_checksum_is_that_of_the_lines(entries, block):
    """Entries are hashed as lines, in bytes, however many at a time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(listfile, "_BLOCK_ENTRIES", block)
        found = entries_sha256(texts(entries))
    assert found == hashlib.sha256(b"".join(entry + b"\n" for entry in entries)).hexdigest()


_PEAK = """
import atexit, sys

def told():
    with open("/proc/self/status") as lines:
        peak = next(line for line in lines if line.startswith("VmHWM"))
    print(peak.split()[1], file=sys.stderr)

atexit.register(told)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_build_of_a_million_is_planned_in_little_memory(tmp_path):
    """Planning 1,000,000 rows from a list with 100,000 spares takes no more than 250 MB."""
    entries = [f"train2017/{number:012d}.jpg" for number in range(1_100_000)]
    ImageList(entries[:1_000_000], spares=entries[1_000_000:]).write(tmp_path / "million.txt")
    smallsets.make_images(tmp_path / "train2017", 1)
    (tmp_path / "train2017/000000.jpg").rename(tmp_path / entries[0])
    build = ("build", "--list", "million.txt", "--out", "a.npy", "--imgsz", 1, "--dtype", "uint8")
    ended = smallsets.run(*build, "--dry-run", cwd=tmp_path, program=_PEAK + smallsets.PROGRAM)
    assert ended.code == 0, ended.err
    assert "(1000000, 3, 1, 1) uint8" in ended.out
    assert 1024 * int(ended.err) <= 250 * 10**6
