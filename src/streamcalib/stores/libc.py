"""Calls of the system's C library that Python has no name for."""

from __future__ import annotations

import ctypes
import logging
from functools import cache
from typing import Any

_log = logging.getLogger(__name__)


@cache
def libc_function(name: str) -> Any:
    """Return a function that returns a C int and sets ctypes' errno; None where there is none.

    It runs without the interpreter's lock.
    """
    try:
        function = getattr(ctypes.CDLL(None, use_errno=True), name)
    except (OSError, AttributeError, TypeError):
        _log.debug("the system has no %s", name)
        return None
    function.restype = ctypes.c_int
    return function
