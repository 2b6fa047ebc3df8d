"""Sets held against a pool."""

from __future__ import annotations

import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from messages import text_of
from pools import write_pool
from streamcalib import ImageList, compare, sample
from streamcalib.choosing.comparing import judging
from streamcalib.choosing.comparing.plot import draw_plot
from streamcalib.choosing.comparing.table import lines_of
from streamcalib.choosing.labels.source import LabelSource
from streamcalib.errors import InputError, ListError, ModelError, OutputError
from yolo_like import write_yolo_like

SIDE = 64
FOLDERS = LabelSource("folder")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """A folder with a model, a pool of 24 pictures, and lists."""
    folder = tmp_path_factory.mktemp("comparing")
    paths = write_pool(folder / "pool", 24)
    write_yolo_like(folder / "m.onnx", SIDE)
    (folder / "all.txt").write_text("".join(f"{path}\n" for path in paths))
    (folder / "six.txt").write_text("".join(f"pool/{Path(path).name}\n" for path in paths[:6]))
    return folder


@pytest.fixture(autouse=True)
def here(photos, monkeypatch):
    """The current folder, and a cache of these tests."""
    monkeypatch.chdir(photos)
    monkeypatch.setenv("XDG_CACHE_HOME", str(photos / "cache"))


def compared(*lists, **options):
    return compare(lists, "pool", model="m.onnx", draws=50, jobs=1, **options)


def test_the_whole_pool_is_at_no_distance():
    """Whatever its order; a part of it is at some."""
    found = compared("all.txt", "six.txt")
    whole, part = found.sets
    assert (whole.name, whole.images) == ("all.txt", 24)
    assert whole.ks_mean < 1e-4
    assert (whole.shortfall, whole.entropy_change, whole.percentile_change) == (0, 0, 0)
    assert part.ks_worst >= part.ks_mean > 0.001
    assert whole.ks_worst_beats == 0.5
    worst = found.draws[6].ks_worst
    assert (worst >= found.draws[6].ks).all()
    assert part.ks_worst_beats == ((worst > part.ks_worst) + (worst == part.ks_worst) / 2).mean()
    assert part.ks_worst_tensor in ("images", "stem.out", "left.out", "tokens")
    assert sorted(found.draws) == [6, 24]
    assert found.tensors == 4


def test_draws_are_what_their_median_says():
    """A random list of the pool is among random draws; the same seed draws them again."""
    found = compared(sample("pool", 6, seed=1))
    again = compared(sample("pool", 6, seed=1))
    assert 0 < found.sets[0].ks_beats < 1
    assert found.to_dict() == again.to_dict()
    facts = found.to_dict()["random"]["6"]["ks_mean"]
    assert facts["p0"] <= facts["p5"] <= facts["p50"] <= facts["p95"] <= facts["p100"]


def test_images_outside_of_the_pool_count(tmp_path):
    """They are measured as well, and may be farther than any draw."""
    white = cv2.imencode(".png", np.full((SIDE, SIDE, 3), 255, np.uint8))[1].tobytes()
    paths = [(tmp_path / f"{number}.png").as_posix() for number in range(6)]
    for path in paths:
        Path(path).write_bytes(white)
    found = compared(ImageList(paths))
    assert found.sets[0].name == "list 1"
    assert found.sets[0].ks_beats == 0


def test_bad_images_are_left_out_and_named(tmp_path):
    """With the reason; a set of nothing else is refused."""
    (tmp_path / "bad.jpg").write_bytes(b"\xff\xd8")
    good = sorted(str(path) for path in Path("pool").iterdir())[:3]
    found = compared(ImageList([*good, str(tmp_path / "bad.jpg")]))
    assert found.sets[0].images == 3
    assert [one.place for one in found.bad] == [str(tmp_path / "bad.jpg")]
    assert any("bad.jpg" in line for line in lines_of(found))
    with pytest.raises(ListError, match=r"list 1 is good, the first: .*/bad\.jpg: .+\."):
        compared(ImageList([str(tmp_path / "bad.jpg")]))
    with pytest.raises(ListError, match=r"the first: .*/gone\.jpg: no such file"):
        compared(ImageList([str(tmp_path / "gone.jpg"), str(tmp_path / "bad.jpg")]))


def kinds() -> LabelSource:
    """Write down which kind of picture each one is."""
    rows = [f"{path.name},{path.stem[-1]}" for path in Path("pool").iterdir()]
    Path("labels.csv").write_text("\n".join(["image,class", *rows]) + "\n")
    return LabelSource("csv", "labels.csv")


def test_classes_are_compared_too():
    """With a model or without."""
    labels = kinds()
    found = compare(["six.txt", "all.txt"], "pool", labels=labels, draws=50)
    assert found.sets == ()
    assert found.classes["all.txt"]["largest_difference"] == 0
    assert found.classes["six.txt"]["largest_difference"] > 0
    assert found.classes["all.txt"]["mean_difference_beats"] == 0.5
    both = compared("six.txt", "all.txt", labels=labels)
    assert both.classes == found.classes
    facts = both.to_dict()["random"]["6"]
    assert facts == {
        **compared("six.txt").to_dict()["random"]["6"],
        **found.to_dict()["random"]["6"],
    }
    assert len(facts) == 6


def test_class_shares_have_a_table():
    """With random draws of every size, and what its columns mean."""
    lines = lines_of(compare(["six.txt", "all.txt"], "pool", labels=kinds(), draws=50))
    table = [re.split("  +", line.strip()) for line in lines[lines.index("") + 2 :]]
    assert table[1] == [
        "set",
        "images",
        "difference",
        "beats",
        "largest",
        "beats",
        "classes",
        "beats",
    ]
    assert table[2][:2] == ["random, median of 50", "6"]
    assert table[4][:2] == ["six.txt", "6"]
    assert [row[0] for row in table[5:7]] == ["random, median of 50", "random, best of 50"]
    assert table[7] == ["all.txt", "24", "0.000%", "50.0%", "0.00%", "50.0%", "4 of 4", "50.0%"]
    assert "beats: share of random draws" in "\n".join(lines)


def test_a_single_class_is_nothing_to_compare(tmp_path):
    """If all show it; a set that does not, or images without it, are compared as ever."""
    one = "class shares: one class, which all sets show as often: nothing to compare"
    lines = lines_of(compare(["six.txt", "all.txt"], "pool", labels=FOLDERS, draws=50))
    assert one in lines
    assert not any("beats" in line for line in lines)
    other = tmp_path / "other.jpg"
    other.write_bytes(next(Path("pool").iterdir()).read_bytes())
    assert one not in lines_of(compare([ImageList([str(other)])], "pool", labels=FOLDERS, draws=5))
    some = [path.name for path in sorted(Path("pool").iterdir())[:9]]
    Path("some.csv").write_text("image,class\n" + "".join(f"{name},a\n" for name in some))
    labels = LabelSource("csv", "some.csv")
    assert one not in lines_of(compare(["six.txt"], "pool", labels=labels, draws=5))


def test_a_set_that_is_larger_than_the_pool_has_no_draws():
    """By labels alone; that is said."""
    found = compare(["six.txt", "all.txt"], "pool", labels=kinds(), draws=5, pool_size=6)
    assert list(found.to_dict()["random"]) == ["6"]
    lines = lines_of(found)
    assert "all.txt is larger than the pool: no random draw of the pool is as large." in lines
    assert not any(line.startswith("six.txt is larger") for line in lines)
    draw_plot(found, Path("larger.svg"))
    assert "all.txt (24)" in Path("larger.svg").read_text()


def test_sets_of_one_name_are_all_there():
    """Of different content, too; a name that is given is nobody else's."""
    six, all_of_them = ImageList.read("six.txt"), ImageList.read("all.txt")
    other = ImageList(all_of_them.paths, six.bases, six.file)
    lists = [six, ImageList(six.paths, six.bases, Path("six.txt (2)")), other]
    found = compared(*lists, labels=FOLDERS)
    names = ["six.txt", "six.txt (2)", "six.txt (3)"]
    assert [(one.name, one.images) for one in found.sets] == list(
        zip(names, (6, 6, 24), strict=True)
    )
    assert list(found.classes) == list(found.outside) == names


def test_the_table_names_every_set():
    """With what its columns mean."""
    text = "\n".join(lines_of(compared("six.txt", "all.txt")))
    assert "six.txt" in text
    assert "random, median of 50" in text
    assert "Kolmogorov-Smirnov" in text


def test_sets_have_one_order_in_all_of_the_table():
    """That of their sizes, then that of the lists."""
    lines = lines_of(compared("all.txt", "six.txt"))
    [rows, farthest] = [
        [line.split(what)[0] for line in lines if re.match(rf"\w+\.txt{what}", line)]
        for what in (" +\\d", ": farthest in")
    ]
    assert farthest == ["six.txt", "all.txt"]
    assert [row.split()[0] for row in rows] == farthest


def test_the_legend_lies_above_all_that_is_drawn(tmp_path):
    """However many sets there are."""
    found = compared(*["six.txt"] * 4, "all.txt", labels=kinds())
    draw_plot(found, tmp_path / "p.svg")
    drawn = (tmp_path / "p.svg").read_text()
    places = re.findall(r'<g id="axes_\d">\s*<g id="patch_\d+">\s*<path d="([^"]*)"', drawn)
    legends = re.findall(r'<g id="legend_1">(.*?)<g id="(?:axes_|patch_)|$', drawn, re.DOTALL)
    assert (len(places), "legend_1" in drawn) == (2, True)
    tops = [min(map(float, re.findall(r"[ML] \S+ (\S+)", place))) for place in places]
    marks = [float(y) for text in legends for y in re.findall(r'<use [^>]*y="([\d.]+)"', text)]
    assert len(marks) >= 7
    assert max(marks) < min(tops)


def test_a_plot_is_drawn(tmp_path):
    """As PNG or SVG, names with dollar signs as they are."""
    odd = tmp_path / "a$b$.txt"
    odd.write_bytes(Path("six.txt").read_bytes())
    found = compared("six.txt", str(odd))
    draw_plot(found, tmp_path / "p.png")
    draw_plot(found, tmp_path / "p.svg")
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (tmp_path / "p.svg").read_text()
    with pytest.raises(InputError, match=r"must end in \.png or \.svg"):
        draw_plot(found, tmp_path / "p.pdf")
    with pytest.raises(OutputError, match="make it"):
        draw_plot(found, tmp_path / "no" / "p.png")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"model": None}, "nothing to compare by: say --model, --labels, or both"),
        ({"draws": 0}, "--draws must be 1 to 100,000"),
        ({"pool_size": 0}, "--pool-size must be at least 1"),
        ({"pool_size": 5}, "six.txt has 6 images, and the pool 5"),
    ],
)
def test_what_cannot_be_compared_is_refused(options, says):
    """The message says what is wrong."""
    given = {"model": "m.onnx", "jobs": 1, **options}
    with pytest.raises(InputError) as caught:
        compare(["six.txt"], "pool", **given)
    assert says in text_of(caught.value)


def test_everything_is_ready_for_json():
    """And comes back as it was."""
    facts = compared("six.txt").to_dict()
    assert json.loads(json.dumps(facts)) == facts


def test_a_model_that_cannot_be_quantized_is_refused_first(monkeypatch):
    """Before images go through it."""

    def refuse(*_):
        raise ModelError("not to be quantized")

    monkeypatch.setattr(judging, "Int8Model", refuse)
    events = []
    with pytest.raises(ModelError, match="not to be quantized"):
        compared("six.txt", held_out=2, progress=events.append)
    assert events == []


def test_images_that_are_not_there_show_no_class():
    """They are named, and a list of nothing else is refused."""
    Path("partly.txt").write_text("pool/gone.jpg\n" + Path("six.txt").read_text())
    Path("gone.txt").write_text("pool/gone.jpg\n")
    labels = LabelSource("folder")
    found = compare(["partly.txt", "six.txt"], "pool", labels=labels)
    assert [Path(one.place).name for one in found.bad] == ["gone.jpg"]
    assert found.classes["partly.txt"] == found.classes["six.txt"]
    assert "1 bad image left out:" in lines_of(found)
    with pytest.raises(ListError, match=r"gone\.txt can be found, the first: .*pool/gone\.jpg\."):
        compare(["gone.txt"], "pool", labels=labels)


def test_images_are_of_the_pool_however_they_are_named(tmp_path):
    """Through links to folders and to files; others are counted."""
    (tmp_path / "linked").symlink_to(Path("pool").absolute())
    first, *others = Path("six.txt").read_text().split()
    (tmp_path / "one.jpg").symlink_to(Path(first).absolute())
    (tmp_path / "other.jpg").write_bytes(Path(first).read_bytes())
    paths = [(tmp_path / "linked" / Path(path).name).as_posix() for path in others]
    linked = ImageList([(tmp_path / "one.jpg").as_posix(), *paths])
    more = ImageList([(tmp_path / "other.jpg").as_posix(), *paths])
    found = compare(["six.txt", linked, more], "pool", labels=LabelSource("folder"))
    assert found.classes["list 2"] == found.classes["six.txt"]
    facts = found.to_dict()["outside"]
    assert facts["list 2"] == {"images": 6, "outside": 0}
    assert facts["list 3"] == {"images": 6, "outside": 1}
    assert "list 3: 1 of 6 images is not of the pool" in lines_of(found)


def test_a_linked_sets_own_images_are_not_held_out(tmp_path):
    """All of the pool is in the set: nothing is left to compare on."""
    (tmp_path / "linked").symlink_to(Path("pool").absolute())
    names = sorted(path.name for path in Path("pool").iterdir())
    everything = ImageList([(tmp_path / "linked" / name).as_posix() for name in names])
    with pytest.raises(ListError, match="every image of the pool is in one of the sets"):
        compared(everything, held_out=2)


def test_what_is_measured_is_kept_beside_the_first_file(tmp_path):
    """Or where it is said; of lists in memory, in the user's own folder."""
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "l.txt").write_bytes(Path("six.txt").read_bytes())
    first, second = tmp_path / "first", tmp_path / "second"
    in_memory = ImageList(list(ImageList.read("six.txt")))
    compared(in_memory, first / "l.txt", ImageList.read(second / "l.txt"))
    assert len([*first.glob(".streamcalib/activations/*.sqlite")]) == 1
    assert not (second / ".streamcalib").exists()
    compared(first / "l.txt", cache=tmp_path / "said")
    assert len([*tmp_path.glob("said/activations/*.sqlite")]) == 1
    compared(in_memory)
    assert len([*Path("cache").glob("streamcalib/activations/*.sqlite")]) == 1
