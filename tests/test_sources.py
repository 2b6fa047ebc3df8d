"""Whole jobs on images from folders, archives and buckets: the same set, to the last bit."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

import packed
import smallsets
from messages import text_of
from streamcalib import find_image, sample, verify
from streamcalib.building.options import BuildOptions
from streamcalib.errors import BadImagesError, InputError, OutputError
from streamcalib.images.listfile import ImageList
from streamcalib.images.objects import trying
from streamcalib.run import prepare_run, run_prepared
from unfinished import begin, small

KINDS = ("folder", "zip", "tar", "s3", "s3 zip", "s3 tar")
COUNT = 8


class Source:
    """Twelve images somewhere, and what can be done to them."""

    def __init__(self, kind: str, folder: Path, bucket=None) -> None:
        self.kind, self.folder, self._bucket = kind, folder, bucket
        self.files = smallsets.make_images(folder, 12)
        self.pack()

    def pack(self) -> None:
        """Bring the folder's files to where the images are read."""
        where, _, packing = self.kind.partition(" ")
        if where in packed.MAKERS:
            packing = where
        archive = self.folder.with_name(f"{self.folder.name}.{packing}")
        if packing:
            archive.unlink(missing_ok=True)
            packed.pack_folder(self.folder, archive)
        if where == "s3" and packing:
            self.source = self._bucket.put(archive.name, archive.read_bytes())
            self.of = f"{self.source}::{self.folder.name}"
        elif where == "s3":
            self.of = self.source = self._bucket.put_folder(self.folder)
        else:
            self.source = str(archive if packing else self.folder)
            self.of = f"{archive}::{self.folder.name}" if packing else self.source

    def entry(self, number: int) -> str:
        """Return an image as a list names it."""
        return f"{self.of}/{self.files[number].name}"

    def sampled(self, **options) -> ImageList:
        """Choose some of the images."""
        return sample(self.source, COUNT, absolute=True, **options)

    def expected(self, images: ImageList) -> np.ndarray:
        """Return the rows of chosen images, from the folder's files."""
        return smallsets.rows(self.folder / entry.rpartition("/")[2] for entry in images)


@pytest.fixture(params=KINDS)
def source(request, tmp_path, monkeypatch) -> Source:
    """Images in each kind of place."""
    monkeypatch.setattr(trying, "_FIRST_PAUSE_SECONDS", 0.001)
    bucket = request.getfixturevalue("bucket") if request.param.startswith("s3") else None
    return Source(request.param, tmp_path / "train", bucket)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_set_is_the_same_from_everywhere(source, tmp_path):
    """As it is from the folder, by file; every row is made again from its source."""
    images = source.sampled()
    calibration = small(images, tmp_path / "a.npy")
    np.testing.assert_array_equal(calibration.array(), source.expected(images))
    of_folder = sample(source.folder, COUNT, absolute=True)
    small(of_folder, tmp_path / "b.npy")
    assert digest(tmp_path / "a.npy") == digest(tmp_path / "b.npy")
    found = verify(tmp_path / "a.npy", sources=True, jobs=2)
    assert (found.compared, found.differing, found.unread) == (COUNT, 0, {})
    small(images, tmp_path / "a.npy")


@pytest.mark.parametrize("source", ["zip", "tar", "s3", "s3 zip"], indirect=True)
def test_workers_that_are_processes_read_everything(source, tmp_path):
    """Each opens archives and buckets by itself."""
    images = source.sampled()
    calibration = small(images, tmp_path / "a.npy", jobs=2, backend="loky")
    np.testing.assert_array_equal(calibration.array(), source.expected(images))


def test_an_interrupted_build_goes_on(source, tmp_path, caplog):
    """What is done is kept, except the rows of images that have changed meanwhile."""
    images = source.sampled()
    out = tmp_path / "a.npy"
    begin(images, out, 5)
    changed = source.folder / images[1].rpartition("/")[2]
    data = bytearray(changed.read_bytes())
    # A coarser quantization is another picture of the same size.
    data[data.index(b"\xff\xdb") + 5] += 1
    changed.write_bytes(data)
    source.pack()
    caplog.set_level("INFO")
    caplog.clear()
    calibration = small(images, out)
    np.testing.assert_array_equal(calibration.array(), source.expected(images))
    # Of a tar it is only known that it has changed.
    again = "5 rows" if source.kind.endswith("tar") else "1 row"
    assert f"of 8 rows kept; {again} to be made again" in caplog.text


def test_a_finished_set_is_held_to_its_images(source, tmp_path):
    """The same again builds nothing; another picture under the same name is told."""
    images = source.sampled()
    out = tmp_path / "a.npy"
    small(images, out)
    made = out.stat().st_mtime_ns
    small(images, out)
    assert out.stat().st_mtime_ns == made
    changed = source.folder / images[1].rpartition("/")[2]
    changed.write_bytes(smallsets.jpeg(99))
    source.pack()
    with pytest.raises(OutputError) as caught:
        small(images, out)
    assert changed.name in str(caught.value)


def test_a_set_is_extended(source, tmp_path, caplog):
    """Its rows are kept."""
    images = source.sampled()
    out = tmp_path / "a.npy"
    small(images[:5], out)
    # As if it had been made later than anything on a server whose clock counts seconds.
    later = out.stat().st_mtime_ns + 10**9
    os.utime(out, ns=(later, later))
    caplog.set_level("INFO")
    extended = small(images, out, extend=True)
    np.testing.assert_array_equal(extended.array(), source.expected(images))
    assert "5 of 5 rows of a.npy kept" in caplog.text


def test_an_image_is_found_by_its_name_and_by_its_pixels(source, tmp_path, monkeypatch):
    """As it is listed, and from a file somewhere else."""
    images = source.sampled()
    small(images, tmp_path / "a.npy")
    assert [tuple(one) for one in find_image(tmp_path / "a.npy", images[3])] == [(3, "")]
    copy = tmp_path / "copy.jpg"
    copy.write_bytes((source.folder / images[4].rpartition("/")[2]).read_bytes())
    assert [tuple(one) for one in find_image(tmp_path / "a.npy", copy)] == [(4, "")]
    monkeypatch.chdir(tmp_path)
    if source.kind in packed.MAKERS:
        relative = images[3].removeprefix(f"{tmp_path}/")
        assert [tuple(one) for one in find_image("a.npy", f"./{relative}")] == [(3, "")]


@pytest.mark.parametrize("kind", packed.MAKERS)
def test_members_of_one_name_in_two_folders_are_two_images(tmp_path, kind):
    """One is not taken for the other."""
    contents = {"a/1.jpg": smallsets.jpeg(1), "b/1.jpg": smallsets.jpeg(2)}
    archive = packed.MAKERS[kind](tmp_path / f"x.{kind}", contents)
    small([f"{archive}::a/1.jpg"], tmp_path / "a.npy")
    assert len(find_image(tmp_path / "a.npy", f"{archive}::a//1.jpg")) == 1
    with pytest.raises(InputError, match="no row of"):
        find_image(tmp_path / "a.npy", f"{archive}::b/1.jpg")


def test_bad_images_are_named_as_they_are_listed(source, tmp_path):
    """The others are made; spares take their places from the same source."""
    images = source.sampled()
    bad = source.folder / images[2].rpartition("/")[2]
    bad.write_bytes(b"no picture")
    source.pack()
    with pytest.raises(BadImagesError) as caught:
        small(images, tmp_path / "a.npy")
    assert [failure.path for failure in caught.value.failures] == [images[2]]
    replaced = small(images, tmp_path / "a.npy", on_bad="replace")
    chosen = [*images[:2], images.spares[0], *images[3:]]
    np.testing.assert_array_equal(replaced.array(), source.expected(chosen))


def test_the_manifest_says_where_images_are(source, tmp_path):
    """Entries as listed, the kind of source, and links on the way to files and archives."""
    link = tmp_path / "link"
    link.symlink_to(tmp_path)
    at = source.source.replace(str(tmp_path), str(link))
    images = sample(at, COUNT, absolute=True)
    calibration = small(images, tmp_path / "a.npy")
    manifest = json.loads((tmp_path / "a.npy.json").read_text())
    assert [record["path"] for record in calibration.row_records()] == list(images)
    kind = {"s3": "url"}.get(source.kind, source.kind.rpartition(" ")[2])
    assert manifest["images"]["chosen"]["source_kind"] == kind
    is_local = not source.kind.startswith("s3")
    assert (str(link) in manifest["links"]) == is_local


def test_a_run_stays_inside_its_source(source, tmp_path):
    """``--confine`` holds for the source that was given."""
    out = tmp_path / "out"
    prepared = prepare_run(
        source.source,
        COUNT,
        out,
        recipe=smallsets.RECIPE,
        options=BuildOptions(jobs=1, confine=True),
    )
    assert len(run_prepared(prepared).calibration) == COUNT


def test_a_wrong_crc_is_one_bad_image(tmp_path):
    """The other members are read."""
    source = Source("zip", tmp_path / "train")
    archive = tmp_path / "train.zip"
    with zipfile.ZipFile(archive) as opened:
        place = opened.getinfo("train/000003.jpg").header_offset + 60
    data = bytearray(archive.read_bytes())
    data[place] ^= 1
    archive.write_bytes(data)
    images = ImageList([source.entry(n) for n in range(6)])
    with pytest.raises(BadImagesError) as caught:
        small(images, tmp_path / "a.npy")
    (failure,) = caught.value.failures
    assert failure.path == images[3]
    assert failure.reason.startswith("its CRC-32 in the archive is ")
    made = small(images, tmp_path / "a.npy", on_bad="skip")
    assert len(made) == 5


def test_a_bucket_that_fails_now_and_then(tmp_path, bucket, s3_proxy, monkeypatch, caplog):
    """Every row is made, and it is said how many requests were tried again."""
    monkeypatch.setattr(trying, "_FIRST_PAUSE_SECONDS", 0.001)
    source = Source("s3", tmp_path / "train", bucket)
    images = source.sampled()
    failing = {"000003.jpg", "000006.jpg"} & {entry.rpartition("/")[2] for entry in images}
    assert failing

    def answer(method: str, path: str, before: int) -> int | None:
        return 500 if method == "GET" and path[-10:] in failing and before < 2 else None

    s3_proxy.answer = answer
    caplog.set_level("INFO")
    for options in ({"jobs": 1}, {"jobs": 2, "backend": "threading"}):
        caplog.clear()
        s3_proxy.seen.clear()
        made = small(images, tmp_path / "a.npy", overwrite=True, restart=True, **options)
        np.testing.assert_array_equal(made.array(), source.expected(images))
        assert f"{2 * len(failing)} requests for images were tried again" in caplog.messages
        (tmp_path / "a.npy").unlink()


def test_a_worker_process_counts_too(tmp_path, bucket, s3_proxy, caplog):
    """What it tried again is told by the parent."""
    source = Source("s3", tmp_path / "train", bucket)
    images = source.sampled()
    name = images[5].rpartition("/")[2]
    s3_proxy.answer = lambda method, path, before: (
        503 if method == "GET" and path.endswith(name) and before < 1 else None
    )
    caplog.set_level("INFO")
    made = small(images, tmp_path / "a.npy", jobs=2, backend="loky")
    np.testing.assert_array_equal(made.array(), source.expected(images))
    assert "1 request for images was tried again" in caplog.messages


def test_what_is_forbidden_is_bad_and_named(tmp_path, bucket, s3_proxy):
    """Bucket and key stand in the reason; the others are made."""
    source = Source("s3", tmp_path / "train", bucket)
    images = source.sampled()
    name = images[5].rpartition("/")[2]
    s3_proxy.answer = lambda method, path, before: 403 if path.endswith(name) else None
    with pytest.raises(BadImagesError) as caught:
        small(images, tmp_path / "a.npy")
    (failure,) = caught.value.failures
    assert failure.path == images[5]
    assert f"give no access to train/{name} in the bucket {bucket.url}" in failure.reason


def test_images_in_memory_need_threads(tmp_path):
    """Other processes would not see them."""
    import obstore

    from streamcalib.images.objects.address import Address

    urls = [f"memory://test-sources/{n}.jpg" for n in range(3)]
    for number, url in enumerate(urls):
        address = Address.of(url)
        obstore.put(address.store, address.key, smallsets.jpeg(number))
    with pytest.raises(InputError) as caught:
        small(urls, tmp_path / "a.npy", jobs=2, backend="loky")
    assert "--backend threading, or --jobs 1" in text_of(caught.value)
    expected = smallsets.rows(smallsets.make_images(tmp_path / "images", 3))
    for name, options in (("a.npy", {"jobs": 2, "backend": "threading"}), ("b.npy", {"jobs": 1})):
        np.testing.assert_array_equal(small(urls, tmp_path / name, **options).array(), expected)
    assert sample("memory://test-sources", 3).provenance["population"] == 3
