"""The site: built strictly, complete, and in need of no network."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import click
import pytest

pytest.importorskip("mkdocs", reason="the extra docs is not installed")
pytest.importorskip("material", reason="the extra docs is not installed")
pytest.importorskip("mkdocstrings", reason="the extra docs is not installed")

import streamcalib
from streamcalib.cli import commands

pytestmark = pytest.mark.slow

TOP = Path(__file__).parents[2]
FETCHING = {
    ("script", "src"),
    ("img", "src"),
    ("iframe", "src"),
    ("link", "href"),
    ("source", "srcset"),
    ("object", "data"),
}


class Page(HTMLParser):
    """What a page fetches, and its text."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.texts: list[str] = []
        self.ids: set[str] = set()
        self.images: list[dict[str, str | None]] = []
        self.feed(file.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.fetched += [
            found[name] or "" for kind, name in FETCHING if kind == tag and name in found
        ]
        if found.get("id"):
            self.ids.add(found["id"] or "")
        if tag == "img":
            self.images.append(found)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, built with warnings as errors."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    ended = subprocess.run(
        command,
        cwd=TOP,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return folder


def test_every_page_is_there(site):
    """Those in ``docs/``, one a command, the interface, and the benchmarks with their results."""
    names = {path.relative_to(site).as_posix() for path in site.rglob("*.html")}
    assert {path.stem + ".html" for path in (TOP / "docs").glob("*.md")} <= names
    assert {f"commands/{name}.html" for name in commands.commands} <= names
    assert {"python.html", "benchmarks/index.html", "commands/index.html"} <= names
    for result in (TOP / "benchmarks/results").iterdir():
        assert (site / "benchmarks/results" / result.name).read_bytes() == result.read_bytes()


def test_nothing_is_fetched_from_elsewhere(site):
    """No font, script, style or picture: the site works without a network."""
    pages = list(site.rglob("*.html"))
    assert len(pages) > 10
    for file in pages:
        for address in Page(file).fetched:
            assert not re.match(r"(?:[a-z]+:)?//", address), f"{file}: {address}"
    for file in site.rglob("*.css"):
        found = re.findall(r"""url\(\s*["']?((?:https?:)?//[^)"']+)""", file.read_text())
        assert not found, f"{file}: {found}"
        assert "@import" not in file.read_text()


def options_of(command: click.Command) -> list[click.Option]:
    """Return the options of a command, and of those that it has."""
    context = click.Context(command)
    found = [one for one in command.get_params(context) if isinstance(one, click.Option)]
    if isinstance(command, click.Group):
        return [*found, *(one for inner in command.commands.values() for one in options_of(inner))]
    return found


@pytest.mark.parametrize("name", list(commands.commands))
def test_a_commands_page_has_every_option(site, name):
    """With what its help says of it."""
    text = Page(site / f"commands/{name}.html").text
    options = options_of(commands.commands[name])
    assert options
    for option in options:
        assert option.opts[0] in text
        assert " ".join((option.help or "").split()) in text


def test_every_public_name_is_described(site):
    """By its docstring."""
    page = Page(site / "python.html")
    for name in streamcalib.__all__:
        if not name.startswith("_"):
            found = getattr(streamcalib, name)
            assert f"{found.__module__}.{found.__qualname__}" in page.ids
            assert (found.__doc__ or "").split("\n")[0].replace("``", "").replace("`", "")[
                :30
            ] in page.text.replace("`", "")
    assert "streamcalib.errors.BadImagesError" in page.ids


def test_pictures_are_what_the_code_draws():
    """They are kept as files so that pages show them wherever they are read."""
    from docsite.pictures import PICTURES

    folder = TOP / "docs/pictures"
    assert {path.name for path in folder.iterdir()} == set(PICTURES)
    for name, draw in PICTURES.items():
        assert (folder / name).read_text() == draw()


def test_pictures_have_words(site):
    """For those who do not see them."""
    images = [image for file in site.rglob("*.html") for image in Page(file).images]
    assert images
    assert all(image.get("alt") for image in images)
