"""The command line, run in this process."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

import smallsets
from streamcalib.cli import commands
from streamcalib.cli.ending import run_to_the_end

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def told(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., smallsets.Told]]:
    """Run a command in ``tmp_path``, and return how it ended and what it printed."""
    monkeypatch.chdir(tmp_path)
    before = signal.getsignal(signal.SIGTERM)

    def run(*arguments: object) -> smallsets.Told:
        capsys.readouterr()
        code = run_to_the_end(commands, [str(argument) for argument in arguments])
        return smallsets.Told(code, *capsys.readouterr())

    yield run
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    """Six images in the folder ``images``, and ``list.txt`` that names them."""
    paths = smallsets.make_images(tmp_path / "images", 6)
    smallsets.write_list(tmp_path / "list.txt", [f"images/{path.name}" for path in paths])
    return paths
