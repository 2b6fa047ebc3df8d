"""Builds against bare decoding, ready rows, the plain script and peers, in the same rounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import builds, decoding, plain, writing
from benchmarks.corpus import photographs
from benchmarks.outputs import fitting_rows
from benchmarks.peers.presence import PEERS
from benchmarks.peers.presence import contestant as peer_contestant
from benchmarks.rounds import Contestant, Figure, Outcome, Round, Turn, alternate, ratio

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from benchmarks.corpus import Corpus
    from benchmarks.settings import Settings

PARTS = {
    "decoding": "uint8 and float32 builds over bare decoding",
    "writing": "float32 build over the writing of rows that are ready",
    "plain": "float32 build over the plain script",
    "peers": "uint8 and float32 builds over torch DataLoader, NVIDIA DALI and LitData",
}
"""What can be asked for, and what it is; all of it shares its rounds."""

_DECODING, _READY = "bare decoding", "ready float32 rows"
_UINT8, _FLOAT32 = "uint8 build", "float32 build"
_PLAIN, _FLOAT32_PLAIN = "plain script", "float32 build of the plain script's images"
_PEER_BARS = {"float32": (5.0, 8.0), "uint8": (3.0, 3.6)}


def run(settings: Settings, parts: Collection[str], tell: Callable[[str], None]) -> Outcome:
    """Measure the chosen ones of `PARTS`."""
    contestants = _contestants(settings, photographs(settings), parts, tell)
    rounds = alternate(contestants, settings.rounds, tell)
    if "peers" in parts:
        for dtype in _PEER_BARS:
            for current in rounds:
                current[_best(dtype)] = best_peer(current, dtype)
    return Outcome(_figures(rounds, parts), rounds)


def best_peer(current: Round, dtype: str) -> Turn:
    """Return the turn of the fastest peer that is present in a round, with its name."""
    turns = {peer.title: current[f"{peer.title}, {dtype}"] for peer in PEERS}
    present = {title: turn for title, turn in turns.items() if "absent" not in turn}
    if not present:
        return {"absent": "no peer is present; the README says how to install them"}
    best = max(present, key=lambda title: float(present[title]["rate"]))
    return {**present[best], "peer": best}


def _best(dtype: str) -> str:
    return f"best peer, {dtype}"


def _contestants(
    settings: Settings, corpus: Corpus, parts: Collection[str], tell: Callable[[str], None]
) -> list[Contestant]:
    row_bytes = settings.row_bytes("float32")
    rows = {
        "uint8": fitting_rows(settings, settings.images_count, settings.row_bytes("uint8"), tell),
        "float32": fitting_rows(settings, settings.float32_images, row_bytes, tell),
    }
    made = []
    if "decoding" in parts:
        jobs = settings.jobs
        count = min(rows["uint8"], len(corpus.paths))
        made.append(decoding.contestant(_DECODING, settings, corpus, count, threads=jobs))
    if "decoding" in parts:
        made.append(builds.contestant(_UINT8, settings, corpus, rows["uint8"], store="uint8"))
    if {"decoding", "writing"} & set(parts):
        made.append(builds.contestant(_FLOAT32, settings, corpus, rows["float32"], store="final"))
    if "writing" in parts:
        made.append(writing.contestant(_READY, settings, rows["float32"], row_bytes))
    if "plain" in parts:
        count = plain.rows_in_memory(settings, tell)
        count = fitting_rows(settings, count, row_bytes, tell)
        made.append(plain.contestant(_PLAIN, settings, corpus, count))
        made.append(builds.contestant(_FLOAT32_PLAIN, settings, corpus, count, store="final"))
    if "peers" in parts:
        count = fitting_rows(settings, settings.peer_images, row_bytes, tell)
        made += _beside_peers(settings, corpus, count)
    return made


def _beside_peers(settings: Settings, corpus: Corpus, rows: int) -> list[Contestant]:
    """Return the peers, and the builds of the same images, so that starts weigh the same."""
    stores: dict[str, builds.Store] = {"uint8": "uint8", "float32": "final"}
    return [
        *(
            builds.contestant(_of_peers(dtype), settings, corpus, rows, store=store)
            for dtype, store in stores.items()
        ),
        *(
            peer_contestant(peer, settings, corpus, rows, dtype=dtype)
            for peer in PEERS
            for dtype in _PEER_BARS
        ),
    ]


def _of_peers(dtype: str) -> str:
    return f"{dtype} build of the peers' images"


def _figures(rounds: list[Round], parts: Collection[str]) -> list[Figure]:
    figures: list[Figure] = []
    if "decoding" in parts:
        figures += [
            ratio("uint8 build / bare decoding", rounds, _UINT8, _DECODING, bar=0.75, aim=0.90),
            ratio(
                "float32 .npy build / bare decoding",
                rounds,
                _FLOAT32,
                _DECODING,
                bar=0.45,
                aim=0.65,
            ),
        ]
    if "writing" in parts:
        figures.append(ratio("float32 build / ready float32 rows", rounds, _FLOAT32, _READY))
    if "plain" in parts:
        name = "float32 build / plain script"
        figures.append(ratio(name, rounds, _FLOAT32_PLAIN, _PLAIN, bar=20, aim=29))
    if "peers" in parts:
        figures += _peer_figures(rounds)
    return figures


def _peer_figures(rounds: list[Round]) -> list[Figure]:
    figures = []
    for dtype, (bar, aim) in _PEER_BARS.items():
        build = f"{dtype} build"
        ours, best = _of_peers(dtype), _best(dtype)
        figures.append(ratio(f"{build} / best peer", rounds, ours, best, bar=bar, aim=aim))
        figures += [
            ratio(f"{build} / {peer.title}", rounds, ours, f"{peer.title}, {dtype}")
            for peer in PEERS
        ]
    return figures
