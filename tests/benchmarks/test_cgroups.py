"""Memory limits, for real where a control group can be made, and with their reason elsewhere."""

from __future__ import annotations

import sys

import pytest

from benchmarks.cgroups import Cgroup, memory_cgroup
from benchmarks.children import run_child
from benchmarks.errors import AbsentError, ChildError

LIMIT_BYTES = 100 * 10**6
HUNGRY = [sys.executable, "-c", "b = bytearray(3 * 10**8)"]


def limited() -> tuple[str, int | None]:
    """Run a modest and a hungry process within the limit; return why not, and the peak in bytes."""
    try:
        with memory_cgroup(LIMIT_BYTES) as group:
            run_child("cost", cgroup=group.processes, command=["true"])
            with pytest.raises(ChildError):
                run_child("cost", cgroup=group.processes, command=HUNGRY)
            peak_bytes = group.peak_bytes()
    except AbsentError as error:
        return str(error), None
    assert not group.folder.exists()
    return "", peak_bytes


def test_a_limit_holds_or_its_reason_is_told():
    """A process that takes three times the limit dies; one that does not, lives."""
    reason, peak_bytes = limited()
    assert not reason or "run as root" in reason
    assert peak_bytes is None or 0 < peak_bytes <= LIMIT_BYTES + 2**20


@pytest.mark.parametrize(
    ("version", "files"),
    [
        (1, {"memory.limit_in_bytes": "7", "memory.memsw.limit_in_bytes": "7"}),
        (2, {"memory.max": "7", "memory.swap.max": "0"}),
    ],
)
def test_both_versions_are_written_as_the_kernel_reads_them(tmp_path, version, files):
    """Memory is limited, and swap is no way around it."""
    for name in (*files, "cgroup.procs"):
        (tmp_path / name).touch()
    Cgroup(tmp_path, version).limit(7)
    assert {name: (tmp_path / name).read_text() for name in files} == files


def test_a_group_without_a_memory_controller_is_refused(tmp_path):
    """As version 2 has it where the controller is not handed down."""
    with pytest.raises(FileNotFoundError, match="no memory controller"):
        Cgroup(tmp_path, 2).limit(7)
