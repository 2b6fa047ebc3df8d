"""Extras that messages and pages tell people to install."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXTRAS = re.compile(r"streamcalib\[([\w,-]+)\]")
TEXTS = [
    path
    for folder in ("src", "docs", "benchmarks")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in (".py", ".md")
]


def extras() -> set[str]:
    """Return the extras that the project has."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return set(project["optional-dependencies"])


@pytest.mark.skipif(not (ROOT / "src").is_dir(), reason="the sources are not there")
def test_every_extra_that_is_named_is_there():
    """pip only warns of one that is not, and installs nothing for it."""
    named = {
        (extra, path.name)
        for path in [*TEXTS, ROOT / "README.md"]
        for names in EXTRAS.findall(path.read_text(encoding="utf-8"))
        for extra in names.split(",")
    }
    assert {extra for extra, _ in named} >= {"modelopt", "onnx", "s3", "torch", "tflite"}
    assert sorted(one for one in named if one[0] not in extras()) == []
