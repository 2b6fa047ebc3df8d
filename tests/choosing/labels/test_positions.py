"""Which image a name means."""

from __future__ import annotations

import pytest

from messages import text_of
from streamcalib.choosing.labels.positions import Positions
from streamcalib.errors import ListError

POOL = [
    "/data/train2017/1.jpg",
    "/data/val2017/1.jpg",
    "/data/val2017/22.jpg",
    "/data/x.zip::val/33.jpg",
    "s3://bucket/deep/44.png",
    "/data/a/same.jpg",
    "/data/a/same.png",
]


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("22.jpg", 2),
        ("2.jpg", None),
        ("val2017/22.jpg", 2),
        ("al2017/22.jpg", None),
        ("/data/val2017/22.jpg", 2),
        ("/elsewhere/val2017/22.jpg", None),
        ("./22.jpg", 2),
        (r"val2017\22.jpg", 2),
        (" 22.jpg ", 2),
        ("train2017/1.jpg", 0),
        ("val/33.jpg", 3),
        ("/data/val/33.jpg", 3),
        ("33.jpg", 3),
        ("deep/44.png", 4),
        ("44", 4),
        ("deep/44", 4),
        ("shallow/44", None),
        ("22", 2),
        ("same", None),
        ("same.png", 6),
        ("99.jpg", None),
        ("", None),
    ],
)
def test_a_name_means_the_image_whose_path_ends_in_it(name, index):
    """Folder by folder; members as extracted; without an ending only if that is enough."""
    assert Positions(POOL, "test").of(name) == index


def test_a_name_that_may_mean_several_is_refused():
    """The message shows two of them."""
    with pytest.raises(ListError) as caught:
        Positions(POOL, "labels.csv").of("1.jpg")
    assert "1.jpg, which may mean /data/train2017/1.jpg and /data/val2017/1.jpg" in text_of(
        caught.value
    )
