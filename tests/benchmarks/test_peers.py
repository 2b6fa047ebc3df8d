"""Peers: what they make where they are installed, and what is told where they are not."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.children import run_child
from benchmarks.comparison import best_peer
from benchmarks.corpus import Corpus
from benchmarks.errors import AbsentError
from benchmarks.peers import presence
from benchmarks.peers.presence import PEERS, Peer, missing
from benchmarks.plain import plain_canvas, plain_row

DTYPES = ("float32", "uint8")


def expected(paths, dtype):
    """Return the plain script's rows."""
    make = plain_row if dtype == "float32" else plain_canvas
    return np.stack([make(str(path), 64) for path in paths])


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("peer", PEERS, ids=[peer.work for peer in PEERS])
def test_a_peer_has_its_turn_or_is_told_absent(settings, little, peer, dtype):
    """With the line that installs it."""
    corpus = Corpus("little", tuple(map(str, little)), settings.scratch)
    contestant = presence.contestant(peer, settings, corpus, 12, dtype=dtype)
    if missing(peer):
        with pytest.raises(AbsentError, match=f"not installed: {peer.pip}"):
            contestant.measure()
    else:
        assert contestant.measure()["rows"] == 12
        assert not (settings.scratch / "outputs").exists()


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("peer", PEERS, ids=[peer.work for peer in PEERS])
def test_a_peer_makes_every_row(tmp_path, listed, little, peer, dtype):
    """torch's are the plain script's, DALI's are like them, LitData's are all there."""
    if missing(peer):
        return
    out, rows = tmp_path / "rows", expected(little, dtype)
    run_child(peer.work, list_file=listed, out=out, imgsz=64, dtype=dtype, jobs=2)
    if peer.work == "litdata":
        assert sum(file.stat().st_size for file in out.iterdir()) > rows.nbytes
        return
    made = np.load(out)
    assert (made.shape, made.dtype) == (rows.shape, rows.dtype)
    if peer.work == "torch":
        np.testing.assert_array_equal(made, rows)
    else:
        values = 255 if dtype == "float32" else 1
        assert np.abs(made.astype(float) - rows).mean() * values < 25


def test_nothing_that_is_missing_is_an_error():
    """Not even where the package around it is missing, too."""
    peer = Peer("nobody", "nobody", ("no_such_package", "no_such_package.part"), "pip install it")
    assert missing(peer) == "not installed: pip install it"


def test_the_best_peer_is_the_fastest_that_is_present():
    """By dtype, and named."""
    rates = (("torch DataLoader", 3.0), ("NVIDIA DALI", 5.0))
    current = {f"{title}, uint8": {"rate": rate} for title, rate in rates}
    current["LitData optimize, uint8"] = {"absent": "not installed"}
    assert best_peer(current, "uint8") == {"rate": 5.0, "peer": "NVIDIA DALI"}
    nobody = {f"{peer.title}, uint8": {"absent": "not installed"} for peer in PEERS}
    assert "no peer is present" in best_peer(nobody, "uint8")["absent"]
