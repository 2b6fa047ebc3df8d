"""Archives behind URLs: read by parts, indexed once, and found out when they change."""

from __future__ import annotations

import io
import tarfile
import zipfile

import pytest

import smallsets
from streamcalib.errors import ImageError, SourceError
from streamcalib.images.listing import list_images
from streamcalib.images.objects import archives
from streamcalib.images.probing import probe, probe_all
from streamcalib.images.reading import read_image, read_source


def zip_of(contents: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in contents.items():
            archive.writestr(name, data)
    return out.getvalue()


def tar_of(contents: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in contents.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return out.getvalue()


PACKERS = {"zip": zip_of, "tar": tar_of}
PICTURES = {f"train/{number}.jpg": smallsets.jpeg(number) for number in range(6)}


@pytest.mark.parametrize("kind", PACKERS)
def test_members_are_listed_and_read(bucket, s3_proxy, kind):
    """Each image is one request, whatever else the archive holds."""
    packed = PACKERS[kind]({**PICTURES, "big.bin": bytes(5_000_000)})
    url = bucket.put(f"data/train.{kind}", packed)
    population = list_images(url)
    assert population.paths == [f"{url}::{name}" for name in PICTURES]
    assert population.kind == kind
    s3_proxy.seen.clear()
    for name, data in PICTURES.items():
        assert read_image(f"{url}::{name}", ()) == data
    assert len(s3_proxy.seen) == len(PICTURES)


@pytest.mark.parametrize("kind", PACKERS)
def test_an_archive_is_scanned_once_for_all_processes(bucket, s3_proxy, kind):
    """Another process takes the index from the cache: it looks at the object, and reads on."""
    url = bucket.put(f"train.{kind}", PACKERS[kind](PICTURES))
    list_images(url)
    archives._opened.clear()
    s3_proxy.seen.clear()
    assert read_image(f"{url}::train/3.jpg", ()) == PICTURES["train/3.jpg"]
    assert [method for method, _, _ in s3_proxy.seen] == ["HEAD", "GET"]


@pytest.mark.parametrize("kind", PACKERS)
def test_an_archive_that_is_replaced_is_opened_anew(bucket, kind):
    """Parts of two archives are never mixed: the next read finds it out, and has the new image."""
    url = bucket.put(f"train.{kind}", PACKERS[kind](PICTURES))
    entry = f"{url}::train/3.jpg"
    before = read_source(entry, ()).stamp
    assert probe(entry) == before
    others = {name: smallsets.jpeg(100) + data for name, data in PICTURES.items()}
    bucket.put(f"train.{kind}", PACKERS[kind](others))
    after = read_source(entry, ())
    assert after.data == others["train/3.jpg"]
    assert after.stamp.number != before.number
    assert probe(entry) == after.stamp


def test_probing_many_members_asks_for_none(bucket, s3_proxy):
    """One look at their archive tells of all."""
    url = bucket.put("train.zip", zip_of(PICTURES))
    list_images(url)
    s3_proxy.seen.clear()
    stamps = list(probe_all([f"{url}::{name}" for name in PICTURES]))
    assert [stamp.bytes for stamp in stamps] == [len(data) for data in PICTURES.values()]
    assert len(s3_proxy.seen) <= 1


def test_what_is_wrong_with_an_archive_is_told(bucket):
    """It is missing, or none; a member is missing."""
    for kind in PACKERS:
        with pytest.raises(
            SourceError, match=rf"the archive {bucket.url}/no\.{kind} does not exist"
        ):
            list_images(f"{bucket.url}/no.{kind}")
        url = bucket.put(f"odd.{kind}", b"no archive at all" * 100)
        with pytest.raises(SourceError, match=f"odd.{kind} is no {kind}"):
            list_images(url)
        with pytest.raises(ImageError, match=f"odd.{kind} is no {kind}"):
            read_image(f"{url}::1.jpg", ())
    url = bucket.put("train.zip", zip_of(PICTURES))
    with pytest.raises(ImageError, match="has no such member"):
        read_image(f"{url}::9.jpg", ())
