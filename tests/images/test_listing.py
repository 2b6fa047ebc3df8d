"""Sources: folders, globs and lists, sorted."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from messages import text_of
from strangers import open_folder, said_to_a_stranger
from streamcalib.errors import ListError, SourceError
from streamcalib.images.listing import list_images

MEMORY_LIMIT_BYTES = 300_000_000
NAMES_AT_THE_LIMIT = 1_000_000


def touched(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return folder


def below(folder: Path, paths: list[str]) -> list[str]:
    return [os.path.relpath(path, folder) for path in paths]


def test_a_folder_is_listed_with_all_its_subfolders_in_posix_order(tmp_path):
    """A folder's population is every JPEG under it, absolute, sorted by code point."""
    touched(tmp_path, "b/2.jpg", "a.jpg", "B.jpg", "b.jpg", "b/c/3.jpeg", "b-.jpg", "ä.jpg")
    population = list_images(tmp_path)
    expected = ["B.jpg", "a.jpg", "b-.jpg", "b.jpg", "b/2.jpg", "b/c/3.jpeg", "ä.jpg"]
    assert population.paths == [f"{tmp_path}/{name}" for name in expected]
    assert (population.kind, population.duplicates) == ("folder", 0)


def test_jpeg_endings_are_taken_in_any_case_and_nothing_else(tmp_path):
    """By default ``.jpg`` and ``.jpeg`` in any case are images; other files are not."""
    images = ["1.jpg", "2.JPG", "3.Jpeg", "4.JPEG", "5.png.jpg"]
    touched(tmp_path, *images, "x.png", "x.jpg.txt", "jpg", "x.jpgx", "xjpg")
    assert below(tmp_path, list_images(tmp_path).paths) == images


@pytest.mark.parametrize("extensions", [("png", "webp"), (".PNG", " .webp")])
def test_other_endings_take_the_place_of_the_default_ones(tmp_path, extensions):
    """``extensions`` names the endings, with or without a dot, in any case."""
    touched(tmp_path, "1.png", "2.WebP", "3.jpg")
    assert below(tmp_path, list_images(tmp_path, extensions).paths) == ["1.png", "2.WebP"]


def test_hidden_files_and_folders_are_passed_over(tmp_path):
    """Names that begin with a dot, like those of macOS archives and caches, are no images."""
    touched(tmp_path, "1.jpg", "._1.jpg", ".cache/2.jpg")
    assert below(tmp_path, list_images(tmp_path).paths) == ["1.jpg"]


def test_a_relative_folder_gives_absolute_paths(tmp_path, monkeypatch):
    """Where the process stands does not matter to the population."""
    touched(tmp_path, "photos/1.jpg", "work/x.txt")
    monkeypatch.chdir(tmp_path / "work")
    assert list_images("../photos").paths == [f"{tmp_path}/photos/1.jpg"]
    assert list_images(Path("..")).paths == [f"{tmp_path}/photos/1.jpg"]


def test_a_linked_folder_is_followed(tmp_path):
    """Images behind a link are listed under the link's name, and linked files are images."""
    touched(tmp_path, "elsewhere/1.jpg", "photos/2.jpg")
    (tmp_path / "photos/link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "photos/3.jpg").symlink_to(tmp_path / "elsewhere/1.jpg")
    paths = list_images(tmp_path / "photos").paths
    assert below(tmp_path / "photos", paths) == ["2.jpg", "3.jpg", "link/1.jpg"]


def test_a_source_that_is_a_link_keeps_its_name(tmp_path):
    """A linked source is listed by the name it was given."""
    touched(tmp_path, "disk/1.jpg")
    (tmp_path / "train").symlink_to("disk")
    assert list_images(tmp_path / "train").paths == [f"{tmp_path}/train/1.jpg"]


@pytest.mark.parametrize("glob", [False, True])
@pytest.mark.parametrize("links", [{"a/up": ".."}, {"a/up": "..", "a/self": ".", "b/top": "../b"}])
def test_link_loops_end(tmp_path, links, glob):
    """Links that lead back are not followed again, in a folder and under ``**`` of a glob."""
    touched(tmp_path, "a/1.jpg", "b/2.jpg")
    for name, target in links.items():
        (tmp_path / name).symlink_to(target)
    source = f"{tmp_path}/**/*.jpg" if glob else tmp_path
    assert below(tmp_path, list_images(source).paths) == ["a/1.jpg", "b/2.jpg"]


def test_no_folder_is_listed_twice(tmp_path):
    """A folder that is reachable in several ways keeps its real path, or its first link's."""
    touched(tmp_path, "photos/real/1.jpg", "elsewhere/2.jpg")
    for name in ("a", "z"):
        (tmp_path / "photos" / name).symlink_to("real")
    for name in ("k", "j"):
        (tmp_path / "photos" / name).symlink_to(tmp_path / "elsewhere")
    paths = list_images(tmp_path / "photos").paths
    assert below(tmp_path / "photos", paths) == ["j/2.jpg", "real/1.jpg"]


def test_a_link_to_itself_is_no_folder(tmp_path):
    """A link that leads nowhere does not stop the listing; one named like an image is bad later."""
    touched(tmp_path, "1.jpg")
    (tmp_path / "self").symlink_to("self")
    (tmp_path / "self.jpg").symlink_to("self.jpg")
    (tmp_path / "gone.jpg").symlink_to("nowhere")
    assert below(tmp_path, list_images(tmp_path).paths) == ["1.jpg", "gone.jpg", "self.jpg"]


def test_the_parent_of_a_linked_folder_is_that_of_its_target(tmp_path, monkeypatch):
    """``link/..`` means what it means to the system, not the folder that holds the link."""
    touched(tmp_path, "disk/photos/1.jpg", "disk/deep/x.txt", "home/photos/wrong.jpg")
    (tmp_path / "home/link").symlink_to(tmp_path / "disk/deep")
    monkeypatch.chdir(tmp_path / "home")
    (tmp_path / "home/images.txt").write_text("link/../photos/1.jpg\n")
    for source in ("link/../photos", "link/..", "link/../photos/*.jpg", "images.txt"):
        assert list_images(source).paths == [f"{tmp_path}/disk/photos/1.jpg"], source


@pytest.mark.parametrize(
    ("glob", "expected"),
    [
        ("*.jpg", ["1.jpg", "2.jpg"]),
        ("[1]*", ["1.jpg"]),
        ("?.*", ["1.jpg", "2.jpg", "3.png"]),
        ("*/*.jpg", ["a/4.jpg"]),
        ("**/*.jpg", ["1.jpg", "2.jpg", "a/4.jpg", "a/b/5.jpg"]),
        ("a/**", ["a/4.jpg", "a/b/5.jpg"]),
        ("**/b/**/*.jpg", ["a/b/5.jpg"]),
        ("**/**/[45].jpg", ["a/4.jpg", "a/b/5.jpg"]),
        (".hidden/*", [".hidden/6.jpg"]),
    ],
)
@pytest.mark.parametrize("relative", [True, False])
def test_a_glob_names_files(tmp_path, monkeypatch, glob, expected, relative):
    """A glob's population is the files it matches, whatever their ending, sorted and once."""
    folder = touched(
        tmp_path / "odd [name]*",
        *("1.jpg", "2.jpg", "3.png", "a/4.jpg", "a/b/5.jpg", ".hidden/6.jpg"),
    )
    if relative:
        monkeypatch.chdir(folder)
        population = list_images(glob)
    else:
        population = list_images(f"{tmp_path}/odd [[]name][*]/{glob}")
    assert below(folder, population.paths) == expected
    assert population.kind == "glob"


def test_a_glob_can_be_narrowed_by_ending(tmp_path):
    """``extensions`` holds for globs too."""
    touched(tmp_path, "1.jpg", "2.PNG")
    assert below(tmp_path, list_images(f"{tmp_path}/*", ["png"]).paths) == ["2.PNG"]


def test_a_folder_whose_name_looks_like_a_glob_is_a_folder(tmp_path):
    """What exists is taken at its word before it is read as a pattern."""
    touched(tmp_path / "train[1]", "1.jpg")
    assert list_images(tmp_path / "train[1]").paths == [f"{tmp_path}/train[1]/1.jpg"]


def test_a_list_is_a_source(tmp_path, monkeypatch):
    """Another list's images are resolved, sorted, and taken once; ``duplicates`` counts the rest.

    They need not exist.
    """
    monkeypatch.chdir(tmp_path)
    entries = ["b/2.jpg", "a/1.png", "./b/2.jpg", f"{tmp_path}/b/2.jpg", "b/1.jpg"]
    Path("all.txt").write_text("\n".join(entries))
    population = list_images("all.txt")
    assert below(tmp_path, population.paths) == ["a/1.png", "b/1.jpg", "b/2.jpg"]
    assert (population.kind, population.duplicates) == ("list", 2)
    assert below(tmp_path, list_images("all.txt", ["png"]).paths) == ["a/1.png"]


def test_a_lists_paths_may_start_from_its_own_folder(tmp_path, monkeypatch):
    """A list that travelled with its images is a source from wherever it is used."""
    touched(tmp_path, "set/images/1.jpg", "work/x")
    (tmp_path / "set/all.TXT").write_text("images/1.jpg\n")
    monkeypatch.chdir(tmp_path / "work")
    assert list_images("../set/all.TXT").paths == [f"{tmp_path}/set/images/1.jpg"]


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("missing", "the source missing does not exist"),
        ("empty", "no image ending in .jpg, .jpeg under empty: is it the right folder"),
        ("1.png", "1.png is a file, but no image list: a source is a folder, a glob, a list "),
        ("*.gif", "the glob *.gif matches no file"),
        ("bad\n\x1bname", r"the source bad\n\x1bname does not exist"),
        ("bad\n\x1b*", r"the glob bad\n\x1b* matches no file"),
        ("em\x1bpty", r"no image ending in .jpg, .jpeg under em\x1bpty"),
        ("1\x1b.png", r"1\x1b.png is a file"),
        ("x" * 300, "File name too long"),
        ("nul\0", "does not exist"),
    ],
)
def test_a_source_without_images_is_refused(tmp_path, monkeypatch, source, says):
    """The message names the source and what is wrong with it."""
    touched(tmp_path, "1.png", "1\x1b.png")
    for folder in ("empty", "em\x1bpty"):
        (tmp_path / folder).mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SourceError) as caught:
        list_images(source)
    assert says in text_of(caught.value)


@pytest.mark.parametrize("source", ["all.txt", "*.jpg"])
def test_a_list_or_glob_without_that_ending_is_refused(tmp_path, monkeypatch, source):
    """The message names the ending that nothing has."""
    touched(tmp_path, "1.jpg")
    (tmp_path / "all.txt").write_text("1.jpg\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SourceError) as caught:
        list_images(source, ["webp"])
    assert ".webp" in text_of(caught.value)
    assert source in str(caught.value)


def test_an_empty_list_is_refused(tmp_path):
    """A list without an entry is no source."""
    (tmp_path / "all.txt").write_text("# nothing\n\n")
    with pytest.raises(ListError, match="names no image"):
        list_images(tmp_path / "all.txt")


def test_a_folder_that_may_not_be_read_is_refused_by_name():
    """Images that cannot be listed are not left out in silence."""
    with open_folder() as folder:
        touched(folder, "1.jpg", "closed/2.jpg")
        (folder / "closed").chmod(0)
        said = said_to_a_stranger(f"print(list_images({str(folder)!r}))")
    assert said == f"SourceError: {folder}/closed cannot be listed: Permission denied."


def peak_memory_bytes(source: str, population: int, cwd: Path) -> tuple[int, int]:
    """Return the peak memory of a process before and after sampling a source."""
    script = """
import sys
from streamcalib.choosing.sample import sample

def peak():
    with open("/proc/self/status") as lines:
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM"))

before = peak()
assert sample(sys.argv[1], 100).provenance["population"] == int(sys.argv[2])
print(before, peak())
"""
    command = [sys.executable, "-c", script, source, str(population)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=500)
    assert done.returncode == 0, done.stderr
    before, after = done.stdout.split()
    return int(before), int(after)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("start", ["", "/data/imagenet/ILSVRC2012/train/n01440764/n01440764_"])
def test_a_list_of_a_million_names_takes_little_memory(tmp_path, start):
    """Choosing from a list of 1,000,000 names takes no more than 300 MB, code and all."""
    folder = tmp_path / "a folder with a name as long as those of shared volumes often are"
    folder.mkdir()
    with (folder / "all.txt").open("w") as file:
        file.writelines(f"{start}{number:012d}.JPEG\n" for number in range(NAMES_AT_THE_LIMIT))
    _, peak = peak_memory_bytes("all.txt", NAMES_AT_THE_LIMIT, folder)
    assert peak <= MEMORY_LIMIT_BYTES


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("source", ["train2017", "train2017/*.jpg", "**/*.jpg"])
def test_a_large_folder_takes_little_memory(source):
    """A folder of 100,000 images takes a tenth of what a million may take."""
    with TemporaryDirectory() as name:
        folder = Path(name) / "train2017"
        folder.mkdir()
        for number in range(NAMES_AT_THE_LIMIT // 10):
            (folder / f"{number:012d}.jpg").touch()
        before, peak = peak_memory_bytes(source, NAMES_AT_THE_LIMIT // 10, Path(name))
    assert peak - before <= (MEMORY_LIMIT_BYTES - before) / 10
