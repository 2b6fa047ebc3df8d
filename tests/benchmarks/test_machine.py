"""What is told of the machine, and what is not."""

from __future__ import annotations

import json
import platform

import streamcalib
from benchmarks import machine


def test_the_machine_is_told_without_names(tmp_path):
    """Neither the host's nor a folder's."""
    told = machine.machine(tmp_path)
    assert told["cores"] >= 1
    assert told["memory_bytes"] > 10**8
    assert told["filesystem"] != "unknown"
    assert told["packages"]["streamcalib"] == streamcalib.__version__
    text = json.dumps({**told, "kernel": "", "cpu": ""})
    assert str(tmp_path) not in text
    assert f'"{platform.node()}"' not in text


def test_a_commit_outside_git_is_none(monkeypatch):
    """Nothing fails where there is no git."""
    monkeypatch.setattr(machine.shutil, "which", lambda _: None)
    assert machine.commit() is None
