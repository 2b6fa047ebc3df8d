"""Which peers there are, and how to get those that are not here."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.children import run_child
from benchmarks.errors import AbsentError
from benchmarks.outputs import output_folder
from benchmarks.rounds import Contestant, Turn

if TYPE_CHECKING:
    from benchmarks.corpus import Corpus
    from benchmarks.settings import Settings


class Peer(NamedTuple):
    """A package that can do a build's work.

    Attributes
    ----------
    title
        Its name in the results.
    work
        Its name in `benchmarks.child`.
    modules
        What must be importable.
    pip
        How to get it.
    """

    title: str
    work: str
    modules: tuple[str, ...]
    pip: str


PEERS = (
    Peer("torch DataLoader", "torch", ("torch",), "pip install torch"),
    Peer("NVIDIA DALI", "dali", ("nvidia", "nvidia.dali"), "pip install nvidia-dali-cuda120"),
    Peer("LitData optimize", "litdata", ("litdata",), "pip install litdata"),
)


def missing(peer: Peer) -> str:
    """Return what to tell of a peer that is not installed, or an empty text."""
    # A parent is looked for before its child, which would raise without it.
    if all(find_spec(module) is not None for module in peer.modules):
        return ""
    return f"not installed: {peer.pip}"


def contestant(
    peer: Peer, settings: Settings, corpus: Corpus, rows: int, *, dtype: str
) -> Contestant:
    """Return a peer's making of ``rows`` rows of ``dtype`` (``float32`` or ``uint8``)."""
    file = corpus.listed(rows)

    def measure() -> Turn:
        if reason := missing(peer):
            raise AbsentError(reason)
        corpus.warm(rows)
        with output_folder(settings) as folder:
            return run_child(
                peer.work,
                list_file=file,
                out=folder / "rows",
                imgsz=settings.imgsz,
                dtype=dtype,
                jobs=settings.jobs,
            )

    return Contestant(f"{peer.title}, {dtype}", measure)
