"""The strategy by labels: the bar on a whole source, whatever its order, and what is noted."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest

import labelling
import packed
from streamcalib.choosing.labels.source import LabelSource
from streamcalib.choosing.sample import sample
from streamcalib.choosing.stratified import Stratified

IMAGES, CLASSES, COUNT = 5000, 80, 200


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    """A folder of 5,000 images by name, and COCO annotations of 80 classes, Zipf-distributed."""
    top = tmp_path_factory.mktemp("coco")
    names = [f"{number:012d}.jpg" for number in range(IMAGES)]
    labelling.empty_images(top / "train2017", names)
    classes = labelling.zipf_names(IMAGES, CLASSES, 11, 1.9)
    (top / "annotations").mkdir()
    (top / "annotations/instances_train2017.json").write_text(labelling.coco_json(names, classes))
    return top, dict(zip(names, classes, strict=True))


def strategy(top) -> Stratified:
    return Stratified(LabelSource.parse(f"coco:{top}/annotations/instances_train2017.json"))


@pytest.mark.parametrize("seed", [0, 42])
def test_the_bar_of_shares_and_presence(pool, seed):
    """Classes over 2 % are within 2 % of the pool's share, and every class is there."""
    top, classes = pool
    images = sample(top / "train2017", COUNT, seed=seed, strategy=strategy(top))
    assert len(set(images)) == COUNT
    assert len({*images, *images.spares}) == COUNT + COUNT // 10
    chosen = [classes[entry.rpartition("/")[2]] for entry in images]
    names = {name for of_image in classes.values() for name in of_image}
    assert len(names) == CLASSES
    worst = 0.0
    for name in names:
        share = sum(name in of_image for of_image in classes.values()) / IMAGES
        found = sum(name in of_image for of_image in chosen)
        assert found >= 1
        worst = max(worst, abs(found / COUNT - share))
        if share > 0.02:
            assert abs(found / COUNT - share) <= 0.02
    facts = images.provenance["class_shares"]
    assert facts["classes"] == facts["classes_chosen"] == CLASSES
    assert facts["largest_difference"] == pytest.approx(worst, abs=1e-6)
    assert [entry["class"] for entry in facts["shares"]][:2] == ["class000", "class001"]


def test_the_choice_is_the_same_whatever_the_order(pool, tmp_path):
    """Of files, of a list, of members, and of the annotations."""
    top, classes = pool
    expected = [
        entry.rpartition("/")[2]
        for entry in sample(top / "train2017", 50, seed=1, strategy=strategy(top))
    ]
    names = list(classes)
    random.Random(5).shuffle(names)
    (tmp_path / "all.txt").write_text("".join(f"{top}/train2017/{name}\n" for name in names))
    packed.make_zip(tmp_path / "all.zip", {f"train2017/{name}": b"" for name in names})
    text = labelling.coco_json(names, [classes[name] for name in names])
    value = json.loads(text)
    shuffled = dict(reversed(value.items()))
    (tmp_path / "other.json").write_text(json.dumps(shuffled, indent=1))
    other = Stratified(LabelSource.parse(f"coco:{tmp_path}/other.json"))
    for source in ("all.txt", "all.zip"):
        images = sample(tmp_path / source, 50, seed=1, strategy=other)
        assert [entry.rpartition("/")[2] for entry in images] == expected


def test_seeds_differ(pool):
    """Another seed is another choice."""
    top, _ = pool
    lists = [set(sample(top / "train2017", 50, seed=s, strategy=strategy(top))) for s in (1, 2)]
    assert len(lists[0] & lists[1]) < 25


def test_what_was_done_is_noted(pool, tmp_path):
    """Rule, labels and shares go into the side file."""
    top, _ = pool
    images = sample(top / "train2017", 100, strategy=strategy(top)).write(tmp_path / "list.txt")
    side = json.loads((tmp_path / "list.txt.json").read_text())
    assert side["strategy"] == "stratified"
    assert side["labels"] == f"coco:{top}/annotations/instances_train2017.json"
    assert side["images_without_labels"] == 0
    shares = side["class_shares"]["shares"]
    assert len(shares) == CLASSES
    assert np.diff([entry["pool"] for entry in shares]).max() <= 0
    assert images.provenance["class_shares"] == side["class_shares"]


def test_all_images_of_a_pool_can_be_chosen(tmp_path):
    """Then there is nothing to exchange, and there are no spares."""
    for name in ("a/1.jpg", "a/2.jpg", "b/3.jpg"):
        labelling.empty_images(tmp_path, [name])
    images = sample(tmp_path, 3, strategy=Stratified(LabelSource("folder")))
    assert len(set(images)) == 3
    assert not images.spares
