"""Names of files in exported folders."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamcalib.exporting.names import bare_name, file_name, is_entry


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("train2017/000000411685.jpg", "000003-000000411685.npy"),
        ("a b'c\"d.jpg", "000003-a_b_c_d.npy"),
        ("line\nbreak.jpg", "000003-line_break.npy"),
        ("straße/日本.jpeg", "000003-__.npy"),
        ("shards.tar::inner/x.y.png", "000003-x.y.npy"),
        ("s3://bucket/key/p.jpg", "000003-p.npy"),
        ("..", "000003-..npy"),
        (".hidden", "000003-.hidden.npy"),
        ("a/", "000003.npy"),
        ("x" * 300 + ".jpg", f"000003-{'x' * 80}.npy"),
        (None, "000003.npy"),
    ],
)
def test_a_name_is_number_and_stem(image, name):
    """What shells, lists and other systems stumble over is gone."""
    assert file_name(3, 100, ".npy", image) == name


def test_names_sort_by_number():
    """Zeros in front suffice for all files."""
    names = [file_name(number, 2_000_000, ".bin") for number in (9, 10, 1_999_999)]
    assert names == sorted(names) == ["0000009.bin", "0000010.bin", "1999999.bin"]


@given(st.text(st.characters(exclude_categories=())), st.integers(0, 10**7 - 1))
def test_no_image_leads_out_of_the_folder(image, number):
    """Whatever an image is called, its file's name is plain, and known as one of ours."""
    name = file_name(number, 10**7, ".npy", image)
    assert is_entry(name)
    assert name.isascii()
    assert not set(name) & set("/\\ \n:")


@pytest.mark.parametrize("name", ["notes.txt", "1-a.npy", "000001-a.npy.bak", "000001-a b.npy"])
def test_other_names_are_not_ours(name):
    """A folder with such a file was not made here."""
    assert not is_entry(name)


def test_bare_names():
    """The last part of a path, member or URL, as MLPerf's lists have it."""
    assert bare_name("a/b.jpg") == bare_name("z.zip::a/b.jpg") == bare_name("b.jpg") == "b.jpg"
