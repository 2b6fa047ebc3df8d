"""What all tests share: real photographs from packages that ship them, and strict profiles."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from joblib.externals.loky import get_reusable_executor

if TYPE_CHECKING:
    from collections.abc import Iterator

    import buckets

settings.register_profile("default", deadline=None, max_examples=50)
settings.register_profile(
    "ci",
    deadline=None,
    max_examples=200,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("ci" if os.environ.get("CI") else "default")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Where STREAMCALIB_NO_SKIPS is set, as in CI, a test that skips has failed."""
    report = yield
    if os.environ.get("STREAMCALIB_NO_SKIPS") and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} skipped where nothing may: {report.longrepr}"
    return report


@pytest.fixture(scope="session", autouse=True)
def cache_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache folder of the tests' own, for this process and those that it starts."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setenv("XDG_CACHE_HOME", str(folder))
        yield folder


@pytest.fixture(scope="session")
def photographs() -> dict[str, bytes]:
    """Three real photographs as JPEG files, height x width: 427x640 twice, 600x512."""
    return {
        "china.jpg": files("sklearn.datasets.images").joinpath("china.jpg").read_bytes(),
        "flower.jpg": files("sklearn.datasets.images").joinpath("flower.jpg").read_bytes(),
        "grace_hopper.jpg": files("matplotlib")
        .joinpath("mpl-data/sample_data/grace_hopper.jpg")
        .read_bytes(),
    }


@pytest.fixture
def photo_folder(tmp_path: Path, photographs: dict[str, bytes]) -> Path:
    """A folder ``train2017`` of 12 photographs, ``000000000000.jpg`` and on."""
    folder = tmp_path / "train2017"
    folder.mkdir()
    contents = list(photographs.values())
    for number in range(12):
        (folder / f"{number:012d}.jpg").write_bytes(contents[number % len(contents)])
    return folder


@pytest.fixture
def generator() -> np.random.Generator:
    """A seeded generator."""
    return np.random.default_rng(20171225)


@pytest.fixture(scope="session")
def s3_port() -> Iterator[int]:
    """The port of a real S3 server on loopback."""
    import buckets

    with buckets.server() as port:
        yield port


@pytest.fixture
def s3_proxy(s3_port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[buckets.Proxy]:
    """The way to the server of everything that reads, here and in processes begun here."""
    import buckets
    from streamcalib.images.objects import address, archives

    with buckets.Proxy(s3_port) as proxy:
        for name, value in buckets.settings(proxy.port).items():
            monkeypatch.setenv(name, value)
        # Another server is none that this process, or a worker that waits for work, has opened.
        address._store.cache_clear()
        archives._opened.clear()
        get_reusable_executor().shutdown(wait=True)
        yield proxy
    get_reusable_executor().shutdown(wait=True)


@pytest.fixture
def bucket(s3_port: int, s3_proxy: buckets.Proxy) -> buckets.Bucket:
    """A new bucket, filled behind the proxy's back."""
    import buckets

    return buckets.Bucket(f"bucket-{uuid4().hex}", s3_port)
