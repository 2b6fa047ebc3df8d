"""How far the outputs of INT8 models are from the FP32 model's, on images of no set."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from streamcalib.choosing.activations.observer import open_session
from streamcalib.choosing.comparing.detections import (
    agreement,
    boxes_of,
    holds_scores,
    is_detector,
)
from streamcalib.errors import ModelError
from streamcalib.images.reading import read_source
from streamcalib.pixels.row import RowMaker
from streamcalib.pixels.turbo import find_decoder
from streamcalib.progress import Counter, Subscriber, ignore
from streamcalib.wording import printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from streamcalib.choosing.activations.measuring import Measuring
    from streamcalib.choosing.comparing.int8 import Int8Model

_MOST_DECIBELS = 200.0


class OutputDifference(NamedTuple):
    """How an INT8 model differs from the FP32 model on held-out images.

    Attributes
    ----------
    name, method
        The set, and the calibrator that chose the thresholds: ``max``, ``percentile``, ``entropy``.
    sqnr_db
        Signal to quantization noise of the outputs, in decibels: the mean over images and outputs,
        each -200 to 200; one with values that are no finite numbers is the lowest.
    boxes, int8_boxes
        Detections of the FP32 and of the INT8 model; None of other models than detectors.
    matched
        Part of the FP32 model's detections that the INT8 model has: of the same class, overlapping
        by half; None without any.
    score_difference
        Mean difference of the scores of matched detections; None without any.
    """

    name: str
    method: str
    sqnr_db: float
    boxes: int | None
    int8_boxes: int | None
    matched: float | None
    score_difference: float | None


def differences(
    measuring: Measuring,
    quantizable: Int8Model,
    thresholds: Mapping[tuple[str, str], NDArray[np.float64]],
    held_out: Sequence[str],
    *,
    jobs: int = 1,
    progress: Subscriber | None = None,
) -> tuple[OutputDifference, ...]:
    """Quantize a model with each of several thresholds, and compare outputs.

    Parameters
    ----------
    quantizable
        The model of ``measuring``, to be given scales.
    thresholds
        Of every tensor (T,), by the set's name and the calibrator's.
    held_out
        Places of images, all of them good.
    jobs
        Threads of ONNX Runtime.

    Raises
    ------
    ModelError
        If ONNX Runtime cannot run the model, or its outputs in INT8 have other sizes than in FP32.
    ImageError
        If an image cannot become a row.
    """
    runner = _Runner(measuring)
    total = len(held_out) * (len(thresholds) + 1)
    counter = Counter("int8", total, 0, progress or ignore, "inferences")
    reference = []
    session = open_session(measuring.observed.graph, folder=measuring.observed.folder, threads=jobs)
    for place in held_out:
        reference.append(runner.outputs(session, place))
        counter.add(1, 0)
    detects, found = _detects(measuring, reference), []
    for (name, method), clips in thresholds.items():
        session = open_session(quantizable.clipped_at(clips), threads=jobs)
        sums = _Sums(detects)
        for place, expected in zip(held_out, reference, strict=True):
            given = runner.outputs(session, place)
            _check_sizes(measuring, expected, given)
            sums.add(expected, given)
            counter.add(1, 0)
        found.append(sums.difference(name, method))
    return tuple(found)


class _Runner:
    """Runs images through sessions of one model; their rows are made again each time."""

    def __init__(self, measuring: Measuring) -> None:
        self._model = printable(measuring.model)
        self._takes, self._names = measuring.takes, measuring.observed.outputs
        self._maker = RowMaker(measuring.recipe, find_decoder())

    def outputs(self, session: Any, place: str) -> list[NDArray[Any]]:
        row, _ = self._maker.make(read_source(place, ()).data)
        batch = np.ascontiguousarray(np.broadcast_to(row, (self._takes.batch, *row.shape)))
        try:
            made = session.run(self._names, {self._takes.name: batch, **self._takes.others})
        except Exception as error:  # ONNX Runtime's own classes share no base
            reason = printable(str(error).strip().split("\n")[0])
            raise ModelError(
                f"ONNX Runtime cannot run {self._model} on {printable(place)}: {reason}"
            ) from error
        return [np.asarray(output) for output in made]


def _detects(measuring: Measuring, outputs: Sequence[list[NDArray[Any]]]) -> bool:
    """Whether what a model gives are boxes and scores of classes."""
    recipe, task = measuring.recipe, measuring.task
    if not all(is_detector([o.shape for o in one], recipe.height, recipe.width) for one in outputs):
        return False
    return task == "detect" if task else all(holds_scores(one) for [one] in outputs)


def _check_sizes(
    measuring: Measuring, expected: list[NDArray[Any]], given: list[NDArray[Any]]
) -> None:
    for name, one, other in zip(measuring.observed.outputs, expected, given, strict=True):
        if one.shape != other.shape:
            raise ModelError(
                f"output {printable(name)} of {printable(measuring.model)} is {_shown(one)} in "
                f"FP32 and {_shown(other)} in INT8: --quantize compares outputs of one size. "
                "Export the model without what chooses among its boxes (NMS)."
            )


def _shown(output: NDArray[Any]) -> str:
    return "x".join(map(str, output.shape)) or "one number"


class _Sums:
    """What adds up over images."""

    def __init__(self, detects: bool) -> None:
        self._detects = detects
        self._decibels: list[float] = []
        self._boxes = np.zeros(4)

    def add(self, expected: list[NDArray[Any]], given: list[NDArray[Any]]) -> None:
        self._decibels += [_sqnr(one, other) for one, other in zip(expected, given, strict=True)]
        if self._detects:
            self._boxes += agreement(boxes_of(expected[0]), boxes_of(given[0]))

    def difference(self, name: str, method: str) -> OutputDifference:
        decibels = float(np.mean(self._decibels))
        if not self._detects:
            return OutputDifference(name, method, decibels, None, None, None, None)
        reference, other, matched, scores = self._boxes.tolist()
        return OutputDifference(
            name,
            method,
            decibels,
            int(reference),
            int(other),
            matched / reference if reference else None,
            scores / matched if matched else None,
        )


def _sqnr(expected: NDArray[Any], given: NDArray[Any]) -> float:
    """Return signal to noise in decibels, -200 to 200; -200 of values that are no numbers."""
    one, other = expected.astype(np.float64), given.astype(np.float64)
    if not (np.isfinite(one).all() and np.isfinite(other).all()):
        return -_MOST_DECIBELS
    signal, noise = float((one**2).sum()), float(((one - other) ** 2).sum())
    if not noise:
        return _MOST_DECIBELS
    if not signal:
        return -_MOST_DECIBELS
    return max(-_MOST_DECIBELS, min(_MOST_DECIBELS, 10 * math.log10(signal / noise)))
