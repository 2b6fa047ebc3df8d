"""Workers begin together, or not at all."""

from __future__ import annotations

import threading
import time

import pytest

from streamcalib.benching import gate as gate_module
from streamcalib.benching.gate import Gate
from streamcalib.errors import StoppedError


def test_all_pass_when_the_last_has_come(tmp_path):
    """Nobody passes before."""
    gate = Gate(str(tmp_path), 3)
    passed = []

    def come(number: int) -> None:
        gate.wait(number)
        passed.append(number)

    threads = [threading.Thread(target=come, args=(number,)) for number in (0, 1)]
    for thread in threads:
        thread.start()
    time.sleep(0.05)
    assert passed == []
    come(2)
    for thread in threads:
        thread.join()
    assert sorted(passed) == [0, 1, 2]


def test_one_alone_passes_at_once(tmp_path):
    """There is nobody to wait for."""
    begun = threading.Thread(target=Gate(str(tmp_path), 1).wait, args=(0,))
    begun.start()
    begun.join(timeout=60)
    assert not begun.is_alive()


@pytest.mark.parametrize("parties", [2, 3])
def test_a_closed_gate_sends_away_who_waits(tmp_path, parties):
    """Closing is no arrival."""
    gate = Gate(str(tmp_path), parties)
    threading.Timer(0.05, gate.close).start()
    with pytest.raises(StoppedError, match="did not come together"):
        gate.wait(0)


def test_nobody_waits_for_ever(tmp_path, monkeypatch):
    """A worker that never comes is given up, with advice."""
    monkeypatch.setattr(gate_module, "_MOST_SECONDS", 0.02)
    with pytest.raises(StoppedError, match="--jobs"):
        Gate(str(tmp_path), 2).wait(0)
