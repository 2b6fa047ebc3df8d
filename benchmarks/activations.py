"""Histograms of a model's activations, against running the model for the same tensors."""

from __future__ import annotations

import random
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.children import run_child
from benchmarks.corpus import photographs
from benchmarks.errors import AbsentError
from benchmarks.rounds import (
    Contestant,
    Figure,
    Outcome,
    Round,
    Turn,
    absence,
    alternate,
)
from streamcalib.choosing.activations.cache import Observations, pack
from streamcalib.choosing.activations.features import features_of, largest, merge, octaves
from streamcalib.choosing.activations.measuring import Measuring
from streamcalib.choosing.activations.observer import SAMPLES, Observation, Observer
from streamcalib.choosing.comparing.distances import Pool
from streamcalib.images.stamp import Stamp
from streamcalib.pixels.opencv_threads import one_opencv_thread
from streamcalib.pixels.row import RowMaker
from streamcalib.pixels.turbo import find_decoder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from benchmarks.settings import Settings

_PASS, _ERROR = "histogram pass and inference", "error of counting some"
_ALL = 2**62
_SETS = 100


def run(settings: Settings, tell: Callable[[str], None]) -> Outcome:
    """Run the model and pass over photographs, one image after the other, on one thread."""
    paths = list(photographs(settings).paths[: settings.observed_images])

    def measured(which: str) -> Turn:
        if settings.model is None:
            raise AbsentError("say --model FILE")
        return run_child("activations", which=which, model=str(settings.model), paths=paths)

    rounds = alternate([Contestant(_PASS, partial(measured, _PASS))], settings.rounds, tell)
    # The same every time: measured once.
    rounds[0] |= alternate([Contestant(_ERROR, partial(measured, _ERROR))], 1, tell)[0]
    reason = absence(rounds[:1], _ERROR)
    errors = [
        Figure(
            name=f"mean KS distance of half of the images, in 10^-5: {told}",
            values=() if reason else tuple(1e5 * value for value in rounds[0][_ERROR][key]),
            absent=reason,
        )
        for told, key in (("all values counted", "exact"), ("error of counting some", "error"))
    ]
    return Outcome([_ratio(rounds, "seconds", 0.7), _ratio(rounds, "cpu_seconds"), *errors], rounds)


def _ratio(rounds: Sequence[Round], clock: str, bar: float | None = None) -> Figure:
    absent = absence(rounds, _PASS)
    turns = [] if absent else [turns[_PASS] for turns in rounds]
    # Processor time is that of the one processor, which others may use meanwhile.
    told = ", processor time" if clock == "cpu_seconds" else ""
    return Figure(
        name=f"histogram pass / inference with the same outputs{told}",
        values=tuple(turn[f"inference_{clock}"] / turn[clock] for turn in turns),
        bar=bar,
        absent=absent,
    )


def work(which: str, model: str, paths: list[str]) -> Turn:
    """Take one contestant's turn; the images were read once before."""
    measuring = Measuring.of(model)
    for path in paths:
        Path(path).read_bytes()
    with one_opencv_thread():
        return _error(measuring, paths) if which == _ERROR else _pass(measuring, paths)


class _Clock:
    """Sums the time of the blocks that it is entered for."""

    def __init__(self) -> None:
        self.seconds = self.cpu_seconds = 0.0

    def __enter__(self) -> None:
        self._start, self._cpu_start = time.perf_counter(), time.process_time()

    def __exit__(self, *_: object) -> None:
        self.seconds += time.perf_counter() - self._start
        self.cpu_seconds += time.process_time() - self._cpu_start


def _pass(measuring: Measuring, paths: Sequence[str]) -> Turn:
    """Take turns image by image, so that a slow moment of the machine slows both."""
    observer, maker = Observer(measuring.observed, measuring.takes), _maker(measuring)
    alone, name = Observer(measuring.observed, measuring.takes), measuring.takes.name
    wanted = [tensor for tensor in measuring.observed.tensors if tensor != name]
    size = 0
    for number, path in enumerate([paths[0], *paths]):
        if number < 2:
            # The first runs set things up.
            passing, inference, size = _Clock(), _Clock(), 0
        with passing:
            row, _ = maker.make(Path(path).read_bytes())
            size += len(pack(observer.observe(row)))
        with inference:
            alone.session.run(wanted, {name: row[None]})
    return {
        "rate": len(paths) / passing.seconds,
        "seconds": passing.seconds,
        "cpu_seconds": passing.cpu_seconds,
        "inference_seconds": inference.seconds,
        "inference_cpu_seconds": inference.cpu_seconds,
        "bytes_an_image": size / len(paths),
    }


def _error(measuring: Measuring, paths: Sequence[str]) -> Turn:
    """Return how far halves of the images are from all, counting everything, and the error."""
    start = time.perf_counter()
    exact, some = (_distances(measuring, paths, samples) for samples in (_ALL, SAMPLES))
    error = np.abs(some - exact).tolist()
    return {"exact": exact.tolist(), "error": error, "seconds": time.perf_counter() - start}


def _distances(measuring: Measuring, paths: Sequence[str], samples: int) -> NDArray[np.float64]:
    observer = Observer(measuring.observed, measuring.takes, samples)
    maker = _maker(measuring)
    with Observations(f"benchmark-{samples}", len(measuring.observed.tensors), kept=False) as held:
        for path in paths:
            seen: Observation = observer.observe(maker.make(Path(path).read_bytes())[0])
            held.put([(path, Stamp(0, 0, 0), pack(seen))])
        merged = merge(held, paths, octaves(largest(held, paths)))
        features = features_of(held, paths, merged)
    generator = random.Random(0)  # noqa: S311
    half = max(1, len(paths) // 2)
    sets = [generator.sample(range(len(paths)), half) for _ in range(_SETS)]
    pool = Pool(features, np.arange(len(paths)))
    mean: NDArray[np.float64] = pool.distances(sets).ks.mean(1)
    return mean


def _maker(measuring: Measuring) -> RowMaker:
    return RowMaker(measuring.recipe, find_decoder())
