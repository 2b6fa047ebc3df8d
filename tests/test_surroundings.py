"""What a set's making depended on outside the project."""

from __future__ import annotations

import json
import os
import platform

import numpy as np
import PIL
import pytest

import streamcalib.version
from streamcalib.surroundings import image_folders, links_on_the_way, naming_variables, versions


def test_versions_are_those_that_make_rows():
    """streamcalib, Python, the platform, and the installed packages that decide pixels."""
    found = versions()
    assert found["streamcalib"] == streamcalib.version.__version__
    assert found["python"] == platform.python_version()
    assert found["numpy"] == np.__version__
    assert {"joblib", "simplejpeg", "platform"} <= set(found)
    assert any(name.startswith("opencv-python") for name in found)
    assert json.loads(json.dumps(found)) == found


def test_pillow_is_named_where_it_makes_pixels():
    """It decides nothing for other recipes, whose versions it would only seem to change."""
    assert versions(with_pillow=True)["pillow"] == PIL.__version__
    assert "pillow" not in versions()


def test_folders_are_told_once(tmp_path, monkeypatch):
    """Folders of images are absolute, sorted and distinct, whether or not they are there."""
    monkeypatch.chdir(tmp_path)
    paths = ["b/1.jpg", "a/1.jpg", "b/2.jpg", f"{tmp_path}/b/3.jpg", "4.jpg"]
    assert image_folders(paths) == [str(tmp_path), f"{tmp_path}/a", f"{tmp_path}/b"]
    assert image_folders([]) == []


@pytest.fixture
def linked(tmp_path):
    """A folder ``data/train`` where ``data`` is a link to ``disk``, and its resolved parent."""
    real = tmp_path.resolve()
    (real / "disk/train").mkdir(parents=True)
    (real / "data").symlink_to("disk")
    return real


def test_links_above_the_images_are_told(linked):
    """Every link on the way is there with what it resolves to; other folders are not."""
    folders = [f"{linked}/data/train", f"{linked}/disk/train"]
    assert links_on_the_way(folders) == {f"{linked}/data": f"{linked}/disk"}
    assert links_on_the_way([f"{linked}/disk/train"]) == {}
    (linked / "disk/latest").symlink_to("train")
    assert links_on_the_way([f"{linked}/data/latest"]) == {
        f"{linked}/data": f"{linked}/disk",
        f"{linked}/data/latest": f"{linked}/disk/train",
    }


def test_a_link_that_leads_nowhere_is_still_told(linked):
    """A broken link, or one to itself, stops nothing."""
    (linked / "self").symlink_to("self")
    (linked / "gone").symlink_to("nowhere")
    found = links_on_the_way([f"{linked}/self/a", f"{linked}/gone/b"])
    assert set(found) == {f"{linked}/self", f"{linked}/gone"}
    assert found[f"{linked}/gone"] == f"{linked}/nowhere"


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("{}/disk/train", True),
        ("{}/disk/train/", True),
        ("{}/disk", True),
        ("{}/disk/train/deeper", False),
        ("{}/disk/tr", False),
        ("{}/other", False),
        ("/", False),
        ("", False),
        ("disk/train", False),
        ("--data={}/disk/train", False),
    ],
)
def test_variables_that_name_the_images_are_told(linked, monkeypatch, value, told):
    """A variable whose value is the images' folder or one above it may have led to them."""
    value = value.format(linked)
    monkeypatch.setenv("STREAMCALIB_TEST_DATA", value)
    found = naming_variables([f"{linked}/disk/train"])
    assert found.get("STREAMCALIB_TEST_DATA") == (value if told else None)


@pytest.mark.parametrize("name", ["HOME", "PWD", "OLDPWD", "TMPDIR"])
def test_variables_that_name_everything_are_not_told(linked, monkeypatch, name):
    """Where a person lives and works says nothing about the images."""
    monkeypatch.setenv(name, str(linked / "disk"))
    assert name not in naming_variables([f"{linked}/disk/train"])


def test_nothing_else_of_the_environment_is_told(linked, monkeypatch):
    """Secrets and settings stay out of what is written beside a set."""
    for name in list(os.environ):
        if os.environ[name].startswith("/") and name != "PATH":
            monkeypatch.delenv(name)
    monkeypatch.setenv("STREAMCALIB_TEST_TOKEN", "hunter2")
    monkeypatch.setenv("STREAMCALIB_TEST_DATA", str(linked))
    assert naming_variables([f"{linked}/disk"]) == {"STREAMCALIB_TEST_DATA": str(linked)}
