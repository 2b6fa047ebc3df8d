"""Settings of toy size, and a list of little images."""

from __future__ import annotations

from pathlib import Path

import pytest

import smallsets
from benchmarks.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A run of toy size with a scratch folder of its own and two workers."""
    return Settings(scratch=tmp_path / "scratch", jobs=2, rounds=1).toy()


@pytest.fixture
def little(tmp_path: Path) -> list[Path]:
    """Twelve images of sizes that differ."""
    return smallsets.make_images(tmp_path / "images", 12)


@pytest.fixture
def listed(tmp_path: Path, little: list[Path]) -> Path:
    """A list of them."""
    return smallsets.write_list(tmp_path / "list.txt", little)
