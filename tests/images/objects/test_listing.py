"""Folders behind URLs as sources."""

from __future__ import annotations

import pytest

from messages import text_of
from streamcalib.choosing.sample import sample
from streamcalib.errors import ListError, SourceError, StoppedError
from streamcalib.images.listfile import ImageList
from streamcalib.images.listing import list_images
from streamcalib.images.objects import listing, trying


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    """Nobody waits for a server that fails on purpose."""
    monkeypatch.setattr(trying, "_FIRST_PAUSE_SECONDS", 0.001)


NAMES = ("b/2.jpg", "a.jpg", "B.JPG", "b.jpeg", "b-.jpg", "ä.jpg", "a#?.jpg")


def test_a_url_gives_the_same_choice_as_the_folder(tmp_path, monkeypatch, bucket):
    """Entry for entry; what folders pass over is passed over; a like-named folder is another."""
    for name in (*NAMES, "x.png", ".hidden/1.jpg", "b/._2.jpg"):
        path = tmp_path / "train2017" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    url = bucket.put_folder(tmp_path / "train2017")
    bucket.put("train2017-old/1.jpg", b"x")
    monkeypatch.chdir(tmp_path)
    of_folder = sample("train2017", 3, seed=1)
    for source in (url, f"{url}/"):
        of_url = sample(source, 3, seed=1)
        assert list(of_url.paths) == [f"{bucket.url}/{path}" for path in of_folder.paths]
        assert list(of_url.spares) == [f"{bucket.url}/{path}" for path in of_folder.spares]
        assert of_url.provenance["source_kind"] == "url"
        assert of_url.provenance["population"] == len(NAMES)


@pytest.mark.parametrize("at_once", [1, 2])
def test_a_listing_goes_on_where_a_request_failed(bucket, s3_proxy, monkeypatch, at_once):
    """Nothing is missing, nothing comes twice, whichever page it was."""
    monkeypatch.setattr(listing, "_OBJECTS_AT_ONCE", at_once)
    s3_proxy.page = 2
    urls = sorted(bucket.put(f"train/{n:02d}.jpg", b"x") for n in range(7))
    s3_proxy.answer = lambda method, path, before: 500 if before < 1 else None
    assert [url for url, _ in listing.list_objects(f"{bucket.url}/train")] == urls
    assert trying.taken_retries() >= 4
    # What was listed already is not listed again.
    assert len(s3_proxy.seen) < 16


def test_other_endings_are_taken_when_asked_for(bucket):
    """As of a folder."""
    bucket.put("1.jpg", b"x")
    url = bucket.put("2.PNG", b"x")
    assert list_images(bucket.url, ["png"]).paths == [url]


def test_what_cannot_be_listed_is_named(bucket, s3_proxy):
    """A missing bucket, an empty folder, one that may not be listed; each is wrong input."""
    with pytest.raises(SourceError) as caught:
        list_images("s3://no-such-bucket/train")
    assert text_of(caught.value) == (
        "the bucket s3://no-such-bucket does not exist: s3://no-such-bucket/train cannot be listed."
    )
    bucket.put("train/1.png", b"x")
    with pytest.raises(SourceError) as caught:
        list_images(f"{bucket.url}/train")
    assert text_of(caught.value).startswith(
        f"no object ending in .jpg, .jpeg below {bucket.url}/train, which is taken as a folder"
    )
    s3_proxy.answer = lambda method, path, before: 403
    with pytest.raises(SourceError, match="cannot be listed: forbidden") as caught:
        list_images(f"{bucket.url}/train")
    assert caught.value.exit_code == 2
    assert text_of(caught.value)


def test_a_key_that_no_path_can_be_is_told(bucket):
    """Such an object cannot be asked for, and the population would lack it."""
    assert bucket.request("PUT", f"/{bucket.name}/train/a//1.jpg")[0] == 200
    with pytest.raises(SourceError) as caught:
        list_images(f"{bucket.url}/train")
    message = text_of(caught.value)
    assert message.startswith(f"{bucket.url}/train cannot be listed: ")
    assert "train/a//1.jpg" in message


def test_a_server_that_cannot_be_reached_stops(bucket, s3_proxy):
    """After some tries, with exit code 5."""
    s3_proxy.answer = lambda method, path, before: 0
    with pytest.raises(StoppedError, match="cannot be reached"):
        list_images(f"{bucket.url}/train")


def test_a_list_for_another_bucket_is_stopped_by_a_few_requests(bucket, s3_proxy):
    """The folder is looked at once; where it holds nothing, nothing is asked for one by one."""
    bucket.put("train/1.jpg", b"x")
    images = ImageList([f"{bucket.url}/other/{n}.jpg" for n in range(500)])
    with pytest.raises(ListError) as caught:
        images.check_present()
    assert text_of(caught.value, lines=3).startswith("none of the first 500 images of the list")
    assert len(s3_proxy.seen) < 10
    s3_proxy.seen.clear()
    with pytest.raises(ListError, match="the bucket s3://no-such-bucket does not exist"):
        ImageList(["s3://no-such-bucket/1.jpg"] * 500).check_present()
    assert len(s3_proxy.seen) < 10


def test_one_object_that_is_there_is_enough(bucket):
    """Though it is the last of those that are looked for."""
    url = bucket.put("train/999.jpg", b"x")
    ImageList([*(f"{bucket.url}/train/{n}.jpg" for n in range(60)), url]).check_present()


def test_a_list_of_forbidden_images_says_so(bucket, s3_proxy):
    """At once, with bucket and key."""
    s3_proxy.answer = lambda method, path, before: 403
    images = ImageList([f"{bucket.url}/train/{n}.jpg" for n in range(500)])
    with pytest.raises(
        ListError, match=r"forbidden: .* give no access to train/0\.jpg in the bucket"
    ):
        images.check_present()
    assert len(s3_proxy.seen) < 20
