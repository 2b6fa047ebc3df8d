"""What is decided before a bench."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from streamcalib.benching.machine import this_machine
from streamcalib.benching.prepare import worker_counts


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


def test_a_machine_is_described(monkeypatch, tmp_path):
    """By what the system tells of its processor, and by its kind where it tells nothing."""
    assert this_machine().cores >= 1
    assert this_machine().memory_bytes > 0
    told = tmp_path / "cpuinfo"
    monkeypatch.setattr("streamcalib.benching.machine._CPUINFO", told)
    assert this_machine().cpu
    told.write_text("processor\t: 0\nmodel name\t: Fast One 9000\nmodel name\t: other\n")
    assert this_machine().cpu == "Fast One 9000"
