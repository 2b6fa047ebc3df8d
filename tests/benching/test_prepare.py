"""What is decided before a bench."""

from __future__ import annotations

import os
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from streamcalib.benching.machine import this_machine
from streamcalib.benching.prepare import default_count, worker_counts
from streamcalib.recipe import Recipe
from streamcalib.stores import filesystem


@given(st.integers(1, 10_000))
def test_workers_double_up_to_the_most(most):
    """From one to the most, which is there once; each number is at most twice the one before."""
    counts = worker_counts(most)
    assert counts[0] == 1
    assert counts[-1] == most
    assert list(counts) == sorted(set(counts))
    assert all(second <= 2 * first for first, second in pairwise(counts))


def test_worker_counts_of_common_machines():
    """Powers of two, and the number itself."""
    assert worker_counts(1) == (1,)
    assert worker_counts(2) == (1, 2)
    assert worker_counts(6) == (1, 2, 4, 6)
    assert worker_counts(16) == (1, 2, 4, 8, 16)


def test_by_default_each_worker_has_enough_images():
    """So many that its start is a small part, unless the disk is small; never none."""
    recipe = Recipe.yolo11()
    assert [default_count(jobs, recipe, 10**15) for jobs in (1, 2, 8, 64)] == [
        500,
        1000,
        4000,
        4000,
    ]
    row_bytes = 3 * 640 * 640 * 4
    assert default_count(64, recipe, 2 * 300 * row_bytes) == 300
    assert default_count(64, recipe, 0) == 1


def test_a_file_system_is_told_by_its_device(monkeypatch, tmp_path):
    """As the system lists it, however its place is written; in memory or not."""
    device = tmp_path.stat().st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    mounts = tmp_path / "mountinfo"
    monkeypatch.setattr(filesystem, "_MOUNTS", mounts)
    monkeypatch.setattr(filesystem, "_mounted", filesystem._mounted.__wrapped__)
    for kind, in_memory in (("ext4", False), ("tmpfs", True)):
        mounts.write_text(
            "1 2 0:9999 / /a\\040-\\040b rw shared:1 - xfs /dev/a rw\n"
            f"3 1 {number} / / rw,relatime - {kind} /dev/b rw\n"
        )
        machine = this_machine(tmp_path)
        assert (machine.file_system, machine.writes_to_memory) == (kind, in_memory)
    mounts.unlink()
    assert this_machine(tmp_path).file_system is None


def test_a_machine_is_described(monkeypatch, tmp_path):
    """By what the system tells of its processor, and by its kind where it tells nothing."""
    assert this_machine(tmp_path).cores >= 1
    assert this_machine(tmp_path).memory_bytes > 0
    told = tmp_path / "cpuinfo"
    monkeypatch.setattr("streamcalib.benching.machine._CPUINFO", told)
    assert this_machine(tmp_path).cpu
    told.write_text("processor\t: 0\nmodel name\t: Fast One 9000\nmodel name\t: other\n")
    assert this_machine(tmp_path).cpu == "Fast One 9000"
