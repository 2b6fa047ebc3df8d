"""What an import brings along: the public names whatever came first, and little else."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import smallsets
import streamcalib
from streamcalib.cli import commands

_EVERY_ORDER = """
import itertools, pickle, sys

statements = (
    "import streamcalib.build",
    "from streamcalib.finalize import finalize",
    "import streamcalib.run, streamcalib.cli.build",
    "import streamcalib; streamcalib.build",
    "from streamcalib import build, finalize, sample",
)
for number in (1, 2):
    for order in itertools.permutations(statements, number):
        for name in [name for name in sys.modules if name.partition(".")[0] == "streamcalib"]:
            del sys.modules[name]
        for statement in order:
            exec(statement, {})
        import streamcalib
        assert streamcalib.build is sys.modules["streamcalib.build"].build, order
        assert streamcalib.finalize is sys.modules["streamcalib.finalize"].finalize, order
        assert pickle.loads(pickle.dumps(streamcalib.build)) is streamcalib.build, order
"""


def brought_along(program: str, *arguments: str) -> set[str]:
    """Return the names of all modules that are there after ``program``."""
    shown = f"import atexit, sys; atexit.register(lambda: print(*sys.modules))\n{program}"
    told = subprocess.run(
        [sys.executable, "-c", shown, *arguments], capture_output=True, text=True, check=True
    )
    return set(told.stdout.split())


def test_functions_keep_their_names_whatever_was_imported_before(tmp_path):
    """``streamcalib.build`` is the function, though a submodule has its name, in every order."""
    assert smallsets.run(cwd=tmp_path, program=_EVERY_ORDER) == (0, "", "")


def test_every_public_name_is_there_and_listed():
    """Each name can be had, is found by ``dir``, and comes with a star."""
    found: dict[str, object] = {}
    exec("from streamcalib import *", found)
    for name in streamcalib.__all__:
        assert found[name] is getattr(streamcalib, name)
    assert set(streamcalib.__all__) <= set(dir(streamcalib))


def test_a_name_that_is_not_there_is_refused_as_by_any_module():
    """An unknown name is an AttributeError, and an ImportError where it is imported."""
    with pytest.raises(AttributeError, match="module 'streamcalib' has no attribute 'biuld'"):
        _ = streamcalib.biuld
    with pytest.raises(ImportError, match="cannot import name 'biuld'"):
        exec("from streamcalib import biuld")


def test_the_package_can_be_patched(monkeypatch):
    """A test of a user's may put another function in place, and gets the first one back."""
    before = streamcalib.build
    with monkeypatch.context() as patch:
        patch.setattr(streamcalib, "build", len)
        assert streamcalib.build is len
    assert streamcalib.build is before


def test_a_worker_starts_with_little():
    """A worker's imports are those of its work: no command line, no progress, no whole jobs."""
    modules = brought_along("import streamcalib.building.worker")
    assert "cv2" in modules
    jobs = {"streamcalib.build", "streamcalib.finalize", "streamcalib.building.prepare"}
    assert not modules & {"click", "tqdm", "streamcalib.cli", *jobs}


def test_the_version_needs_no_decoder():
    """``--version`` loads the module of no command."""
    modules = brought_along("from streamcalib.cli import main; main()", "--version")
    assert "streamcalib.cli" in modules
    assert not modules & {
        "numpy",
        "cv2",
        "joblib",
        *(f"streamcalib.cli.{name}" for name in commands.commands),
    }


def test_a_command_loads_its_own_module_alone():
    """Other commands' modules are left where they are."""
    modules = brought_along("from streamcalib.cli import main; main()", "info", "--help")
    assert {name for name in commands.commands if f"streamcalib.cli.{name}" in modules} == {"info"}


def test_every_command_is_named_as_its_file():
    """A command is found under the name it bears, and every file with a command is one."""
    files = Path(streamcalib.cli.__file__).parent.glob("*.py")
    found = {
        file.stem
        for file in files
        if re.search(r"@click\.(command|group)\b.*\ndef command\(", file.read_text(), re.DOTALL)
    }
    assert found == set(commands.commands)
    assert all(command.name == name for name, command in commands.commands.items())
