"""The exceptions a user can meet.

Every message says what was wrong, with which file or option, and how to mend it. The command line
prints the message alone and leaves with the class's exit code.
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple, Self


class StreamcalibError(Exception):
    """Root of all errors raised on purpose by streamcalib (exit code 1)."""

    exit_code: ClassVar[int] = 1


class InputError(StreamcalibError):
    """Wrong usage or input; nothing was written (exit code 2)."""

    exit_code = 2


class SourceError(InputError, FileNotFoundError):
    """A folder, glob, list or set that is not there or holds nothing usable."""


class ListError(InputError, ValueError):
    """An image list that cannot be read, or does not fit what was asked of it."""


class RecipeError(InputError, ValueError):
    """A recipe that contradicts itself or the model."""


class ModelError(InputError, ValueError):
    """An ONNX file that is none, or whose inputs cannot be served."""


class PlanError(InputError, ValueError):
    """A build that cannot fit or makes no sense; refused before a byte is written."""


class OutputError(InputError, OSError):
    """An output that exists from another build, or cannot be written."""


class SetError(InputError, ValueError):
    """A file that is not a calibration set, or no longer agrees with its manifest."""


class DamagedError(StreamcalibError):
    """A set whose bytes are no longer those that were written (exit code 4)."""

    exit_code = 4


class JournalError(InputError, ValueError):
    """The journal of an unfinished build that cannot be used."""


class MissingExtraError(InputError, ImportError):
    """An optional package is needed and absent; the message names the extra."""


class Failure(NamedTuple):
    """One image that could not become a row.

    Attributes
    ----------
    source
        Index of the image in the list, from 0; spares count on behind the list's end.
    path
        The image as the list names it.
    reason
        What is wrong with it, in words.
    """

    source: int
    path: str
    reason: str


class BadImagesError(StreamcalibError):
    """Some images could not become rows (exit code 3); ``failures`` holds every one of them."""

    exit_code = 3

    def __init__(self, message: str, failures: tuple[Failure, ...]) -> None:
        super().__init__(message)
        self.failures = failures

    def __reduce__(self) -> tuple[type[Self], tuple[str, tuple[Failure, ...]]]:
        return type(self), (str(self), self.failures)


class StoppedError(StreamcalibError, OSError):
    """The world stopped a build: a full disk, a vanished volume, a dead worker (exit code 5)."""

    exit_code = 5


class QuantizerError(StreamcalibError):
    """A quantizer that failed, or whose result would not be what it is called (exit code 1)."""


class LockedError(StoppedError):
    """Another build of the same output is running (exit code 5)."""


class ImageError(StreamcalibError):
    """One image cannot become a row; the message is the reason, without the file's name."""

    exit_code = 3
