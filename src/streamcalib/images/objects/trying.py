"""Requests that are tried again, and counted, when a server fails now and then."""

from __future__ import annotations

import logging
import random
import re
import threading
import time
from typing import TYPE_CHECKING

from streamcalib.errors import ImageError, InputError, StoppedError
from streamcalib.wording import counted, printable

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from streamcalib.images.objects.address import Address

    Result = TypeVar("Result")

MOST_TRIES = 6
_FIRST_PAUSE_SECONDS = 0.1
_STATUS = re.compile(r"status code: (\d{3})([\w ]*)")

_counted = threading.local()
_log = logging.getLogger(__name__)


def taken_retries() -> int:
    """Return how many requests this thread has tried again since it last asked."""
    retries: int = getattr(_counted, "retries", 0)
    _counted.retries = 0
    return retries


def tell_retries(retries: int) -> None:
    """Say how many requests were tried again, if any."""
    if retries:
        was = "was" if retries == 1 else "were"
        _log.info("%s for images %s tried again", counted(retries, "request"), was)


def trying(address: Address, request: Callable[[], Result]) -> Result:
    """Return a request's result; servers that fail, and connections, are tried `MOST_TRIES` times.

    Raises
    ------
    FileNotFoundError
        If there is no such object or bucket.
    ImageError
        If it is forbidden, or the server answers with errors to the end; the message is the reason.
    StoppedError
        If the server cannot be reached.
    InputError
        If the settings in the environment cannot be.
    ObjectChangedError
        If the object is no longer the one that was asked for.
    """
    from obstore import exceptions

    pause = _FIRST_PAUSE_SECONDS
    for left in reversed(range(MOST_TRIES)):
        try:
            return request()
        except (exceptions.NotFoundError, FileNotFoundError) as error:
            raise FileNotFoundError(_reason(error)) from error
        except (
            exceptions.PermissionDeniedError,
            exceptions.UnauthenticatedError,
            PermissionError,
        ) as error:
            raise _forbidden(address) from error
        except exceptions.PreconditionError as error:
            raise ObjectChangedError("it was changed while it was read") from error
        except (exceptions.InvalidPathError, ValueError) as error:
            # What cannot be a key here: empty parts, parts that climb.
            raise ImageError(f"its key cannot be: {_reason(error)}") from error
        except (exceptions.BaseError, OSError) as error:
            if (final := _final(address, error, left)) is not None:
                raise final from error
        except BaseException as error:
            # What obstore meets a setting with that it cannot take, like an endpoint with a space.
            if type(error).__name__ != "PanicException":
                raise
            raise _unusable(address, _reason(error)) from error
        # Many workers are not to come back at the same moment.
        time.sleep(pause * random.uniform(0.5, 1))  # noqa: S311
        pause *= 2
        _counted.retries = getattr(_counted, "retries", 0) + 1
    raise AssertionError("the last try returns or raises")


class ObjectChangedError(ImageError):
    """An object that is no longer the one whose parts are read."""


def _forbidden(address: Address) -> ImageError:
    return ImageError(
        f"forbidden: the credentials in the environment give no access to {printable(address.key)} "
        f"in the bucket {address.scheme}://{address.bucket}"
    )


def _status(error: Exception) -> tuple[str, str] | None:
    match = _STATUS.search(str(error))
    return None if match is None else (match[1], match[2].strip())


def _final(address: Address, error: Exception, tries_left: int) -> Exception | None:
    """Return what a failure comes to if it is not worth another try, else None."""
    status = _status(error)
    if status is not None and status[0] < "5":
        return _refused(address, status, error)
    if "BadScheme" in str(error):
        return _unusable(address, "an endpoint that begins with http:// needs AWS_ALLOW_HTTP=true")
    return None if tries_left else _failed(address, status, error)


def _unusable(address: Address, reason: str) -> InputError:
    return InputError(
        f"{address.scheme}://{address.bucket} cannot be asked for anything: {reason}. Look at the "
        "settings in the environment (AWS_ENDPOINT_URL, AWS_REGION and the like)."
    )


def _refused(address: Address, status: tuple[str, str], error: Exception) -> Exception:
    if status[0] in ("401", "403"):
        return _forbidden(address)
    if status[0] == "404":
        return FileNotFoundError(_reason(error))
    return ImageError(f"the server answers {status[0]} {status[1]}".rstrip())


def _failed(address: Address, status: tuple[str, str] | None, error: Exception) -> Exception:
    if status is not None:
        answer = f"{status[0]} {status[1]}".rstrip()
        return ImageError(f"the server answered {answer} {MOST_TRIES} times")
    place = f"{address.scheme}://{address.bucket}"
    return StoppedError(
        f"{place} cannot be reached: {_reason(error)}, {MOST_TRIES} times. Look after the network "
        "and the settings in the environment (AWS_ENDPOINT_URL and the like), then run the same "
        "command again."
    )


def _reason(error: BaseException) -> str:
    """Return what a store says in one line, without the request's address and its answer."""
    first = str(error).partition("\n")[0]
    first = re.sub(r"^Generic \S+ error: ", "", first)
    found = re.sub(r"^.*? in [\d.]+\S{1,2}s - ", "", first)
    is_word = found[1:2].islower()
    return printable((found[:1].lower() if is_word else found[:1]) + found[1:200])
