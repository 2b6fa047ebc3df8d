"""Faults that a test's child process, and its workers, are to meet; Python runs this as it starts.

Workers import everything anew, so nothing that a test changes in its own process reaches them; what
stands on PYTHONPATH does. See `faults`, which says what is told, and how.
"""

from __future__ import annotations

import functools
import importlib.abc
import importlib.machinery
import json
import os
import sys


class _Faults(importlib.abc.MetaPathFinder):
    """Changes modules as soon as they are imported, before anybody takes names out of them."""

    def __init__(self, told: dict) -> None:
        self._told = told
        places = [fault["at"] for fault in told["faults"]]
        self._modules = {place.partition(":")[0] for place in places}

    def find_spec(self, name, path=None, target=None):
        if name not in self._modules:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        run = spec.loader.exec_module

        def exec_module(module) -> None:
            run(module)
            for fault in self._told["faults"]:
                if fault["at"].partition(":")[0] == name:
                    _apply(module, fault, self._told)

        spec.loader.exec_module = exec_module
        return spec


def _apply(module, fault: dict, told: dict) -> None:
    """Set a constant, or wrap a function or method."""
    *owners, name = fault["at"].partition(":")[2].split(".")
    owner = module
    for part in owners:
        owner = getattr(owner, part)
    if "set" in fault:
        setattr(owner, name, fault["set"])
        return
    kinds = {"images": _images, "steps": _steps, "call": _call, "elsewhere": _elsewhere}
    wrap = next(kinds[kind] for kind in kinds if kind in fault)
    found = vars(owner)[name]
    is_classmethod = isinstance(found, classmethod)
    wrapped = wrap(found.__func__ if is_classmethod else found, fault, told)
    setattr(owner, name, classmethod(wrapped) if is_classmethod else wrapped)


def _end(fault: dict, told: dict) -> None:
    """Do what is to happen at the place."""
    import signal
    from pathlib import Path

    if fault.get("only") == "workers" and os.getppid() == told["runner"]:
        return
    if told.get("log"):
        with Path(told["log"]).open("a") as file:
            file.write("reached\n")
    what = fault.get("does", "kill group")
    if what == "kill group":
        # Never that of the tests themselves.
        if os.getpgrp() != told["group"]:
            os.killpg(0, signal.SIGKILL)
        raise RuntimeError("the child was to have a session of its own")
    if what == "kill self":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "command":
        os.system(fault["command"])
    if what == "raise":
        raise OSError(fault["errno"], os.strerror(fault["errno"]))


def _call(function, fault: dict, told: dict):
    """Have the n-th call meet the fault: before, after, when half is written, or as it is left."""
    count = 0
    when, number = fault["when"], fault["call"]

    def is_it() -> bool:
        nonlocal count
        count += 1
        return count == number or number == "every"

    if when == "left":
        from contextlib import contextmanager

        @contextmanager
        @functools.wraps(function)
        def entered(*arguments, **options):
            it = is_it()
            with function(*arguments, **options) as value:
                yield value
            if it:
                _end(fault, told)

        return entered

    @functools.wraps(function)
    def called(*arguments, **options):
        it = is_it()
        if it and when == "before":
            _end(fault, told)
        if it and when == "half":
            file, view, position = arguments
            function(file, view[: len(view) // 2], position)
            _end(fault, told)
        result = function(*arguments, **options)
        if it and when == "after":
            _end(fault, told)
        return result

    return called


def _elsewhere(function, _fault: dict, _told: dict):
    """Have a process take itself for one of another host."""

    @functools.wraps(function)
    def here(cls):
        return function(cls)._replace(host="elsewhere", boot="")

    return here


def _steps(function, fault: dict, told: dict):
    """Count what is done to files while a function runs, or since it has: before and after each."""
    count, counts = 0, False

    def step() -> None:
        nonlocal count
        if counts:
            count += 1
            if count == fault["steps"]:
                _end(fault, told)

    def stepped(call):
        @functools.wraps(call)
        def done(*arguments, **options):
            step()
            try:
                return call(*arguments, **options)
            finally:
                step()

        return done

    for name in ("fsync", "fdatasync", "unlink", "remove", "replace", "rename", "rmdir", "mkdir"):
        setattr(os, name, stepped(getattr(os, name)))

    @functools.wraps(function)
    def called(*arguments, **options):
        nonlocal counts
        counts = fault["when"] == "during"
        try:
            return function(*arguments, **options)
        finally:
            counts = fault["when"] == "after"

    return called


def _images(function, fault: dict, told: dict):
    """Have images meet what they carry behind their end: a word of `faults.carrying`."""

    @functools.wraps(function)
    def make(*arguments, **options):
        # Of a method or a function.
        data = next(one for one in arguments if hasattr(one, "__getitem__"))
        word = bytes(data[-64:]).rpartition(b"#")[2]
        if word == b"segv":
            import ctypes

            ctypes.string_at(0)
        elif word == b"exit":
            os._exit(7)
        elif word == b"hang":
            import time

            time.sleep(1000)
        elif word == b"stuck":
            # Holding the interpreter's lock: no signal handler, no thread gets a turn.
            import ctypes

            ctypes.PyDLL(None).sleep(1000)
        elif word == b"slow":
            import time

            time.sleep(fault["slow"])
        return function(*arguments, **options)

    return make


if _TOLD := os.environ.get("STREAMCALIB_TEST_FAULTS"):
    sys.meta_path.insert(0, _Faults(json.loads(_TOLD)))
