"""Archives broken at random: an image is what it was or is bad, and nothing else comes of it."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import packed
from streamcalib.errors import ImageError, SourceError
from streamcalib.images.listing import list_images
from streamcalib.images.reading import read_image

CONTENTS = {
    "train/1.jpg": bytes(range(256)) * 8,
    "train/" + "long" * 40 + ".jpg": b"x" * 3000,
    "ä/2.jpg": bytes(5000),
    "3.jpg": b"",
}


def whole(kind: str) -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder, f"a.{kind.partition(' ')[0]}")
        if kind == "zip":
            packed.make_zip(path, CONTENTS, zipfile.ZIP_DEFLATED)
        elif kind == "zip stored":
            packed.make_zip(path, CONTENTS)
        else:
            form = tarfile.GNU_FORMAT if kind == "tar gnu" else tarfile.PAX_FORMAT
            packed.make_tar(path, CONTENTS, form)
        return path.read_bytes()


WHOLE = {kind: whole(kind) for kind in ("zip", "zip stored", "tar", "tar gnu")}

changes = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=8)), max_size=4
)


@pytest.mark.parametrize("kind", WHOLE)
@settings(max_examples=200)
@given(changes, st.floats(0, 1), st.booleans())
@example([], 1.0, False)
@example([], 0.5, True)
def test_broken_archives(cache_home, kind, edits, kept, cuts):
    """A zip tells by its sums; of a tar, which has none, the data that was edited may be read."""
    data = io.BytesIO(WHOLE[kind])
    size = len(WHOLE[kind])
    for place, change in edits:
        # Half of them near the end, where a zip's directory is.
        data.seek(int(place * size) if place < 0.5 else size - int((1 - place) * 2000) % size)
        data.write(change)
    broken = data.getvalue()[: int(kept * size) if cuts else size]
    is_zip = kind.startswith("zip")
    with TemporaryDirectory() as folder:
        path = Path(folder, f"a.{kind.partition(' ')[0]}")
        path.write_bytes(broken)
        try:
            listed = list_images(path, ["jpg"]).paths
        except SourceError:
            listed = []
        if broken == WHOLE[kind]:
            assert len(listed) == len(CONTENTS)
        for entry in {*listed, *(f"{path}::{name}" for name in CONTENTS)}:
            found, reason = outcome(entry)
            assert reason.isprintable()
            assert len(found) <= 10_000
            if is_zip and not reason:
                assert found in CONTENTS.values()


def outcome(entry: str) -> tuple[bytes, str]:
    """Return an image's bytes, or why it is bad."""
    try:
        return read_image(entry, (), max_bytes=10_000), ""
    except ImageError as error:
        return b"", str(error)
