"""Where a build is killed: chosen points in its parent and its workers, and the faults there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from faults import constant

if TYPE_CHECKING:
    import random

QUICK = (
    # Many commits, many tasks and many parts, so that there is much to be killed between.
    constant("streamcalib.journal:_LEAST_SECONDS", 0.02),
    constant("streamcalib.journal:_TIMES_ITS_COST", 0),
    constant("streamcalib.building.pace:_TASK_SECONDS", 0.01),
    constant("streamcalib.building.pace:_LEAST_SECONDS", 0.002),
    constant("streamcalib.streamed:_PART_BYTES", 100_000),
    constant("streamcalib.building.extend:_READ_BYTES", 100_000),
)


class Point(NamedTuple):
    """A point where a build can be killed.

    Attributes
    ----------
    name
        What is said of it.
    fault
        As `faults.environment` takes it, but for the number.
    most
        The number is drawn from 1 to this.
    counts
        What is numbered: each ``call`` of a function, or the ``steps`` in what is done to files.
    """

    name: str
    fault: dict[str, Any]
    most: int
    counts: str

    def drawn(self, generator: random.Random) -> dict[str, Any]:
        """Return the fault at a number by chance."""
        return self.at(generator.randint(1, self.most))

    def at(self, number: int) -> dict[str, Any]:
        """Return the fault at a number."""
        return {**self.fault, self.counts: number}


def _call(name: str, at: str, when: str, most: int = 1) -> Point:
    return Point(name, {"at": f"streamcalib.{at}", "when": when}, most, "call")


def _steps(name: str, at: str, when: str, most: int) -> Point:
    return Point(name, {"at": f"streamcalib.{at}", "when": when}, most, "steps")


CREATE = "stores.npy:NpyStore.create"
BEGINNING = (
    _call("before the rows' file is allocated", CREATE, "before"),
    _call("just after it is allocated", CREATE, "after"),
    _call("before the journal is made", "journal:Journal.create", "before"),
    _call("in a journal without tables", "journal:Journal._create", "before"),
    _call("in a journal with tables and no facts", "journal:_as_json", "before"),
    _call("just after the journal is made", "journal:Journal.create", "after"),
    _steps("a step of beginning anew", "building.resume:_anew", "during", 12),
    _steps("a step of taking the lock", "lock:FolderLock._own", "during", 2),
)
GOING_ON = (
    _call("before kept rows are looked at", "stores.npy:NpyStore.reopen", "before"),
    _call("just after kept rows are looked at", "building.resume:_go_on", "after"),
    _call("while rows are forgotten", "journal:Journal.forget_failures", "before"),
)
ROWS = (
    _call("in a worker, before an image", "pixels.canvas:CanvasMaker.make", "before", 500),
    _call("in a worker, half of a write done", "stores.npy:_write_at", "half", 60),
    _call("in a worker, after a write", "building.slab:Slab.flush", "after", 60),
    _call("in a worker, at the end of a task", "building.worker:make_rows", "after", 30),
)
COMMITS = (
    _call("before a commit", "journal:Journal.commit", "before", 12),
    _call("in a commit, before rows are durable", "durable:sync_data", "before", 12),
    _call("in a commit, rows durable, nothing claimed", "durable:sync_data", "after", 12),
    _call("in a commit, before COMMIT", "journal:_as_json", "before", 12),
    _call("in a commit, just after COMMIT", "journal:Journal._transaction", "left", 12),
    _call("after a commit", "journal:Journal.commit", "after", 12),
)
NPZ = (
    _call("before the .npz is begun", "stores.npz:NpzWriter.add", "before"),
    _call("while the .npz is written", "stores.writeback:WriteBehind.wrote", "after", 30),
    _call("while rows are encoded for the .npz", "values:RowValues.read", "before", 9),
    _call("before the .npz's directory is written", "stores.npz:NpzWriter.close", "before"),
    _call("after the .npz's directory is written", "stores.npz:NpzWriter.close", "after"),
)
COPYING = (
    _call("before finalizing begins", "finalize:write_store", "before"),
    _call("while rows are copied", "values:RowValues.read", "before", 9),
)
SHARDS = (
    _call("before a shard is begun", "stores.objects:FolderObjects.create", "before", 9),
    _call("while a shard is written", "stores.objects:NewFile.append", "after", 60),
    _call("before a shard has its name", "stores.objects:NewFile.commit", "before", 9),
    _call("after a shard has its name", "stores.objects:NewFile.commit", "after", 9),
    _call("before shards are looked at", "stores.zarr:ZarrStore.reopen", "before"),
    _call("before the array has metadata", "publish:write_metadata", "before"),
    _call("after the array has metadata", "publish:write_metadata", "after"),
    _call("before holes are filled", "stores.zarr:ZarrStore.move", "before"),
    _call("after holes are filled", "stores.zarr:ZarrStore.move", "after"),
    _call("after the last shard is cut", "stores.zarr:ZarrStore.shorten", "after"),
)
HOLES = (
    _call("before holes are filled", "stores.npy:NpyStore.move", "before"),
    _call("after the holes are filled", "stores.npy:NpyStore.move", "after"),
    _call("before the store is shortened", "stores.npy:NpyStore.shorten", "before"),
    _call("after the store is shortened", "stores.npy:NpyStore.shorten", "after"),
)
EXTENDING = (
    _call("while rows are taken over", "building.extend:_note", "after", 9),
    _call("in the last commit of rows taken over", "building.extend:take_over_rows", "after"),
)
SPARES = (
    _call("before spares are tried", "building.crew:Crew.find_good", "before"),
    _call("before spares become rows", "building.crew:Crew.make", "before"),
    _call("after spares became rows", "building.crew:Crew.make", "after"),
)
PUBLISHING = (
    _call("before the manifest's rows", "manifest_rows:keep_rows", "before"),
    _call("after the manifest's rows", "manifest_rows:keep_rows", "after"),
    _call("before publishing", "publish:publish", "before"),
    _steps("a step of publishing", "publish:publish", "during", 36),
    _steps("a step of publishing", "publish:publish", "during", 36),
    _steps("a step of publishing", "publish:publish", "during", 36),
    _call("after publishing, before tidying up", "publish:publish", "after"),
    _steps("a step of tidying up", "publish:publish", "after", 40),
)
