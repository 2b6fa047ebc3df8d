"""Paths of sets: on disk, or behind a URL."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO

from streamcalib.datafile import MOST_BYTES, open_data, read_data
from streamcalib.errors import ImageError
from streamcalib.images.places import is_url, without_file_scheme
from streamcalib.paths import absolute_path

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    Result = TypeVar("Result")


@dataclass(frozen=True)
class RemotePath:
    """The URL of a set or of a file beside it, with so much of `Path` as sets need.

    Attributes
    ----------
    url
        ``s3://bucket/key``, ``gs://`` or ``memory://``, without a slash at its end.
    state
        Folder on this machine for what a build of it keeps; by default the user's own.
    """

    url: str
    state: Path | None = field(default=None, compare=False)

    @property
    def name(self) -> str:
        """Its last part."""
        return PurePosixPath(self.url).name

    @property
    def stem(self) -> str:
        """Its last part without the ending."""
        return PurePosixPath(self.url).stem

    @property
    def suffix(self) -> str:
        """Its ending."""
        return PurePosixPath(self.url).suffix

    def with_name(self, name: str) -> RemotePath:
        """Return the path of another object beside it."""
        return replace(self, url=f"{self.url.rpartition('/')[0]}/{name}")

    def __truediv__(self, name: str) -> RemotePath:
        return replace(self, url=f"{self.url}/{name}")

    def __str__(self) -> str:
        return self.url

    def __fspath__(self) -> str:
        # So that it is never taken for a file of the current folder.
        raise TypeError(f"{self.url} is behind a URL, and no file of this machine")

    def exists(self) -> bool:
        """Whether there is an object; raises ``OSError`` if that cannot be told."""
        try:
            self.changed_ns()
        except FileNotFoundError:
            return False
        return True

    def changed_ns(self) -> int:
        """Return when the object was written, in ns since the epoch; raises as `read`."""
        from streamcalib.images.objects.reading import look_at

        return _as_file(lambda: look_at(self.url).stamp.changed_ns)

    def read(self, most_bytes: int) -> bytes:
        """Return the object's bytes.

        Raises
        ------
        FileNotFoundError
            If there is none.
        OSError
            If it is forbidden, too large, or the server fails.
        """
        from streamcalib.images.objects.reading import read_object

        return _as_file(lambda: read_object(self.url, most_bytes)[0])


SetPath = Path | RemotePath


def set_path(
    text: str | os.PathLike[str] | RemotePath, state: str | os.PathLike[str] | None = None
) -> SetPath:
    """Return the path of a set: absolute, or a URL; ``file://`` is a path on disk.

    ``state`` is the folder on this machine for what a build of it keeps if it is a URL.
    """
    if isinstance(text, RemotePath):
        return text
    name = without_file_scheme(os.fspath(text))
    if is_url(name):
        folder = None if state is None else Path(absolute_path(os.fspath(state)))
        return RemotePath(name.rstrip("/"), folder)
    return Path(absolute_path(name))


def exists(path: SetPath) -> bool:
    """Whether anything has this name; raises ``OSError`` if that cannot be told."""
    return path.exists() if isinstance(path, RemotePath) else os.path.lexists(path)


def is_file(path: SetPath) -> bool:
    """Whether a regular file, or an object, has this name; raises ``OSError`` as `exists`."""
    return path.exists() if isinstance(path, RemotePath) else path.is_file()


def open_file(path: SetPath) -> BinaryIO:
    """Open a file beside a set for reading; raises as `open_data`, and `RemotePath.read`."""
    if isinstance(path, RemotePath):
        return io.BytesIO(path.read(MOST_BYTES))
    return open_data(path)


def read_file(path: SetPath) -> bytes:
    """Return all of a file beside a set; raises as `read_data`, and `RemotePath.read`."""
    return path.read(MOST_BYTES) if isinstance(path, RemotePath) else read_data(path)


def _as_file(request: Callable[[], Result]) -> Result:
    """Tell of an object's faults as of a file's."""
    try:
        return request()
    except ImageError as error:
        raise OSError(str(error)) from error
