"""Code run by a user who may not do everything, even where the tests are run by root."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import dedent
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# Everything is imported before the change of user, who may not be able to read it.
_PRELUDE = """
import os, sys
from streamcalib.choosing.sample import sample
from streamcalib.choosing.saving import save_list
from streamcalib.errors import StreamcalibError
from streamcalib.graph import read_image_input
from streamcalib.images.listfile import ImageList
from streamcalib.images.listing import list_images
from streamcalib.images.reading import read_image
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
os.chdir("/")
try:
{code}
except StreamcalibError as error:
    print(type(error).__name__, error, sep=": ")
"""


@contextmanager
def open_folder() -> Iterator[Path]:
    """Give a temporary folder that every user can reach."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)
        yield folder


def said_to_a_stranger(code: str, *, imports: str = "") -> str:
    """Run code as a user without privileges, and return what it printed."""
    indented = "\n".join(f"    {line}" for line in dedent(code).strip().splitlines())
    script = imports + _PRELUDE.format(code=indented)
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
