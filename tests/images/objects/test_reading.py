"""Images behind URLs: an S3 server of their own, which fails when it is told to."""

from __future__ import annotations

import pytest

from messages import text_of
from streamcalib.errors import ImageError, InputError, StoppedError
from streamcalib.images.objects import trying
from streamcalib.images.objects.trying import MOST_TRIES, taken_retries
from streamcalib.images.probing import probe, probe_all
from streamcalib.images.reading import read_image, read_source


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    """Nobody waits for a server that fails on purpose; retries of other tests are not counted."""
    monkeypatch.setattr(trying, "_FIRST_PAUSE_SECONDS", 0.001)
    taken_retries()


ODD_KEYS = ("1.jpg", "a b/ä#?%41.jpg", "~x[1]*.jpg", "a+b&c=d;e:f@g.jpg", "a::b.jpg", "é.jpg")


@pytest.mark.parametrize("key", ODD_KEYS)
def test_an_object_is_read_whole(bucket, key):
    """By one request; nothing in its key is decoded or means anything."""
    url = bucket.put(key, bytes(range(256)) * 700)
    assert read_image(url, ()) == bytes(range(256)) * 700


def test_a_root_may_be_a_url(bucket):
    """Bare names are sought there; a slash at its end makes no difference."""
    bucket.put("train2017/1.jpg", b"one")
    for root in (f"{bucket.url}/train2017", f"{bucket.url}/train2017/"):
        assert read_image("1.jpg", (root,)) == b"one"


def test_one_request_an_image(bucket, s3_proxy):
    """Size, ETag and bytes come in one answer."""
    read_image(bucket.put("1.jpg", b"one"), ())
    assert len(s3_proxy.seen) == 1


def test_a_missing_object_or_bucket_is_told_as_a_missing_file(bucket):
    """With its address."""
    for url in (f"{bucket.url}/none.jpg", "s3://no-such-bucket/1.jpg"):
        with pytest.raises(ImageError) as caught:
            read_image(url, ())
        assert text_of(caught.value) == f"no such file (sought as {url})"


def test_an_object_over_the_limit_is_not_downloaded(bucket, s3_proxy):
    """Its size is told by the answer's head."""
    url = bucket.put("1.jpg", bytes(2_000_000))
    assert len(read_image(url, (), max_bytes=2_000_000)) == 2_000_000
    with pytest.raises(ImageError) as caught:
        read_image(url, (), max_bytes=1_999_999)
    assert text_of(caught.value) == "2000000 bytes are over the limit of 2 MB (--max-file-size)"
    assert taken_retries() == 0


@pytest.mark.parametrize("failure", [500, 503, 0])
def test_a_server_that_fails_now_and_then_is_asked_again(bucket, s3_proxy, failure):
    """Server errors and broken connections are tried again, and counted."""
    url = bucket.put("1.jpg", b"one")
    s3_proxy.answer = lambda method, path, before: failure if before < 2 else None
    assert read_image(url, ()) == b"one"
    assert taken_retries() == 2
    assert taken_retries() == 0


def test_a_server_that_always_fails_makes_a_bad_image(bucket, s3_proxy):
    """After so many tries; the status is told."""
    url = bucket.put("1.jpg", b"one")
    s3_proxy.answer = lambda method, path, before: 503
    with pytest.raises(ImageError) as caught:
        read_image(url, ())
    assert text_of(caught.value).startswith("the server answered 503")
    assert f"{MOST_TRIES} times" in str(caught.value)
    assert len(s3_proxy.seen) == MOST_TRIES


def test_what_is_forbidden_is_named(bucket, s3_proxy):
    """Bucket and key are told, and nothing is tried again."""
    url = bucket.put("a/1.jpg", b"one")
    s3_proxy.answer = lambda method, path, before: 403
    with pytest.raises(ImageError) as caught:
        read_image(url, ())
    assert text_of(caught.value) == (
        "forbidden: the credentials in the environment give no access to a/1.jpg in the bucket "
        f"{bucket.url}"
    )
    assert len(s3_proxy.seen) == 1


@pytest.mark.parametrize("status", [400, 416])
def test_a_request_that_is_refused_is_not_tried_again(bucket, s3_proxy, status):
    """The server's status is the reason."""
    url = bucket.put("1.jpg", b"one")
    s3_proxy.answer = lambda method, path, before: status
    with pytest.raises(ImageError, match=f"^the server answers {status}"):
        read_image(url, ())
    assert len(s3_proxy.seen) == 1


def test_a_server_that_cannot_be_reached_stops(monkeypatch, bucket):
    """The world is to blame, not the image: nothing is said to be bad."""
    from streamcalib.images.objects import address

    address._store.cache_clear()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(StoppedError) as caught:
        read_image(f"{bucket.url}/1.jpg", ())
    message = text_of(caught.value)
    assert message.startswith(f"{bucket.url} cannot be reached")
    assert "AWS_ENDPOINT_URL" in message


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"AWS_ENDPOINT_URL": "no url at all"}, "InvalidUri"),
        ({"AWS_ALLOW_HTTP": "false"}, "needs AWS_ALLOW_HTTP=true"),
    ],
)
def test_settings_that_cannot_be_are_told(bucket, monkeypatch, settings, says):
    """As wrong input, with the variables to look at."""
    from streamcalib.images.objects import address

    address._store.cache_clear()
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(InputError) as caught:
        read_image(f"{bucket.url}/1.jpg", ())
    message = text_of(caught.value)
    assert says in message
    assert "AWS_ENDPOINT_URL" in message
    assert taken_retries() == 0


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("s3://bucket/a//1.jpg", "its key cannot be"),
        ("s3://bucket/../1.jpg", "its key cannot be"),
        ("s3://bucket", "it is an address of a folder"),
        ("s3://bucket/a/", "it is an address of a folder"),
        ("s3:///1.jpg", "the address s3:///1.jpg names no bucket"),
        ("s3://../1.jpg", ".. cannot be the name of a bucket"),
        ("s3://a..b/1.jpg", "a..b cannot be the name of a bucket"),
        ("s3://a@b/1.jpg", "a@b cannot be the name of a bucket"),
        ("s3://a b\x1b/1.jpg", r"a b\x1b cannot be the name of a bucket"),
        ("s3://bucket/\udcff.jpg", "its key cannot be"),
        ("ftp://host/1.jpg", "addresses like ftp:// are not read: say s3://"),
        ("s3\x1b://host/1.jpg", "no such file"),
        ("file://host/1.jpg", "addresses like file:// are not read"),
    ],
)
def test_what_is_no_address_of_an_image_is_told(s3_proxy, url, says):
    """Before anything is asked of a server."""
    with pytest.raises(ImageError) as caught:
        read_image(url, ("/none",))
    assert text_of(caught.value).startswith(says)
    assert s3_proxy.seen == []


def test_a_file_url_is_a_path(tmp_path):
    """Escapes in it are those of URLs."""
    (tmp_path / "a b%.jpg").write_bytes(b"one")
    assert read_image(f"file://{tmp_path}/a%20b%.jpg", ()) == b"one"
    assert read_image(f"file://localhost{tmp_path}/a b%25.jpg", ()) == b"one"


def test_the_stamp_is_that_of_the_content(bucket):
    """It is the same before and after reading, and for the same bytes; others have another."""
    url = bucket.put("1.jpg", b"one")
    stamp = read_source(url, ()).stamp
    assert probe(url) == stamp
    assert stamp.bytes == 3
    assert 0 <= stamp.number < 2**63
    bucket.put("1.jpg", b"two")
    assert probe(url).number != stamp.number
    assert probe(f"{bucket.url}/none.jpg") is None


def test_many_are_probed_in_order(bucket):
    """Requests run at the same time; answers come in the order of the places."""
    urls = [bucket.put(f"{n}.jpg", bytes(n)) for n in range(40)]
    urls[7] = f"{bucket.url}/none.jpg"
    sizes = [None if stamp is None else stamp.bytes for stamp in probe_all(urls)]
    assert sizes == [None if n == 7 else n for n in range(40)]


@pytest.mark.parametrize("times", [50, 1])
def test_many_of_a_folder_are_looked_at_by_lists(bucket, s3_proxy, monkeypatch, times):
    """As far as lists go; the answers are those of asking for each, and what is gone is gone."""
    from streamcalib.images import probing

    monkeypatch.setattr(probing, "_LISTED_FROM", 20)
    monkeypatch.setattr(probing, "_LISTED_TIMES", times)
    urls = [bucket.put(f"train/{n:02d}.jpg", bytes(n)) for n in range(30)]
    one_by_one = [probe(url) for url in urls]
    asked = [*urls[:25], f"{bucket.url}/train/none.jpg"]
    s3_proxy.seen.clear()
    assert list(probe_all(asked)) == [*one_by_one[:25], None]
    assert len(s3_proxy.seen) < 10
    s3_proxy.answer = lambda method, path, before: 403 if "list-type" in path else None
    assert list(probe_all(asked)) == [*one_by_one[:25], None]


def test_memory_is_shared_by_threads_of_one_process():
    """``memory://`` is for programs that put images there themselves."""
    import obstore

    from streamcalib.images.objects.address import Address

    address = Address.of("memory://some/a/1.jpg")
    obstore.put(address.store, "a/1.jpg", b"one")
    assert read_image("memory://some/a/1.jpg", ()) == b"one"
    assert probe("memory://some/a/1.jpg").bytes == 3
    with pytest.raises(ImageError, match="no such file"):
        read_image("memory://other/a/1.jpg", ())
