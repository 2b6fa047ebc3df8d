"""Builds that are killed, at chosen points and at random moments, and run again to their end.

Whatever ends one, nothing half-written ever has the final name, and the same command goes on to the
very bytes of an undisturbed build. For many more kills: ``python tests/crash/run.py``.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from crash.cases import CASES, make_shared
from crash.trial import Tally, Trial, undisturbed

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.crash

RANDOM = ("at a random moment", 0)
STEPS = "a step of publishing"
KILLS = {
    "npy, one job": (
        ("just after it is allocated", 1),
        ("in a journal without tables", 1),
        ("in a journal with tables and no facts", 1),
        ("in a commit, just after COMMIT", 4),
        (STEPS, 31),  # all is on disk but the name
    ),
    "npy, loky": (
        RANDOM,
        ("in a worker, half of a write done", 3),
        ("in a commit, rows durable, nothing claimed", 3),
        RANDOM,
    ),
    "uint8, one job": (
        ("in a worker, before an image", 50),
        ("after a commit", 3),
        (STEPS, 18),  # the manifest is on disk, under another name
        ("a step of tidying up", 3),
    ),
    "npz, threading": (
        ("in a commit, before COMMIT", 4),
        ("while the .npz is written", 3),
        ("before the .npz's directory is written", 1),
    ),
    "zarr, loky": (
        # The set has four shards: of few more than one can be sure.
        ("before a shard has its name", 1),
        ("in a commit, rows durable, nothing claimed", 1),
        ("after the array has metadata", 1),
        (STEPS, 18),
    ),
    "skip zarr, one job": (("after holes are filled", 1), ("after the last shard is cut", 1)),
    "finalize zarr": (("while a shard is written", 2),),
    "skip, threading": (("after the holes are filled", 1), (STEPS, 15)),
    "state, one job": (("after a commit", 3), ("after publishing, before tidying up", 1)),
    "overwrite, one job": (RANDOM, (STEPS, 4)),
    "finalize npz": (
        ("while rows are encoded for the .npz", 2),
        ("after publishing, before tidying up", 1),
    ),
}
"""What is killed where, one after another: names of points, and their numbers."""


@pytest.fixture(scope="module")
def shared(tmp_path_factory) -> Path:
    """What all cases have in common."""
    folder = tmp_path_factory.mktemp("crash") / "shared"
    make_shared(folder)
    return folder


@pytest.mark.parametrize("name", KILLS)
def test_what_was_killed_goes_on_to_the_same_bytes(shared, tmp_path, name):
    """Each kill is met, what is published is whole, and in the end nothing differs."""
    case = next(case for case in CASES if case.name == name)
    reference = undisturbed(case, shared, tmp_path / "reference")
    tally, generator = Tally(), random.Random(name)
    trial = Trial(case, shared, tmp_path / "killed", reference, tally)
    known = {point.name: point for point in case.chosen}
    for point, number in KILLS[name]:
        if (point, number) == RANDOM:
            trial.kill_at_random(generator)
        else:
            trial.kill_at(point, known[point].at(number))
    trial.finish()
    assert tally.wrong == []
    met = tally.kills.keys() - {RANDOM[0]}
    assert met == {point for point, _ in KILLS[name]} - {RANDOM[0]}
    assert case.words[0] == "finalize" or tally.kept > 0
