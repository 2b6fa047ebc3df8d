"""``python -m benchmarks.gpu_calibration MODEL``: whether a GPU waits for its data.

ONNX Runtime's own calibration of a YOLO-like graph (input (N, 3, H, W) float32) on the CUDA
provider, once with rows that lie ready in memory, once from a uint8 store through streamcalib's
reader, in alternation, with batches of 1 and of 8. Needs onnx, and onnxruntime-gpu with its CUDA
libraries.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import sources
from benchmarks.__main__ import tell
from benchmarks.corpus import photographs
from benchmarks.report import results, table, write_results
from benchmarks.rounds import Contestant, Figure, Outcome, Turn, alternate
from benchmarks.settings import HERE, Settings, default_jobs
from streamcalib import CalibrationSet

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from benchmarks.rounds import Round

_READY, _STORE = "rows in memory", "uint8 store"


class TimedReader:
    """A reader whose answers are timed, and the memory of this process looked at between them.

    Attributes
    ----------
    seconds
        How long all answers took together.
    anonymous_bytes
        The process's anonymous memory before the first step, and before each later one.
    """

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.seconds = 0.0
        self.anonymous_bytes: list[int] = []

    def get_next(self) -> Any:
        """Return the next step, or None at the end."""
        self.anonymous_bytes.append(_anonymous_bytes())
        start = time.perf_counter()
        step = self._inner.get_next()
        self.seconds += time.perf_counter() - start
        return step

    @property
    def grown_bytes(self) -> int:
        """By how much the process's anonymous memory grew at most since the first step."""
        return max(self.anonymous_bytes) - self.anonymous_bytes[0]


class ReadyRows:
    """Steps that lie ready in memory, one after the other in one array."""

    def __init__(self, rows: NDArray[np.float32], name: str, batch: int) -> None:
        self._steps = [{name: rows[at : at + batch]} for at in range(0, len(rows), batch)]
        self.rewind()

    def rewind(self) -> None:
        """Start again."""
        self._left = iter(self._steps)

    def get_next(self) -> Any:
        """Return the next step, or None at the end."""
        return next(self._left, None)


def calibrate(model: Path, reader: TimedReader, provider: str) -> float:
    """Return how many seconds a min-max calibration takes, its session's start aside."""
    from onnxruntime.quantization.calibrate import CalibrationMethod, create_calibrator

    with tempfile.TemporaryDirectory() as folder:
        calibrator = create_calibrator(
            model,
            augmented_model_path=str(Path(folder, "augmented.onnx")),
            calibrate_method=CalibrationMethod.MinMax,
            extra_options={"symmetric": False},
        )
        calibrator.set_execution_providers([provider])
        used = calibrator.infer_session.get_providers()[0]
        if used != provider:
            raise SystemExit(f"error: {provider} cannot be used, only {used}")
        start = time.perf_counter()
        calibrator.collect_data(reader)
        calibrator.compute_data()
        return time.perf_counter() - start


def run(settings: Settings, model: Path, batches: Sequence[int], provider: str) -> Outcome:
    """Calibrate from both, with every batch size, in alternation."""
    rows = settings.images_count
    with sources.uint8_set(settings, photographs(settings), rows) as path:
        stored = CalibrationSet.open(path)
        name = _input_name(model)
        ready = np.concatenate([part.copy() for part in stored.batches(32, reuse=True)])

        def measured(inner: Any) -> Turn:
            inner.rewind()
            timed = TimedReader(inner)
            seconds = calibrate(model, timed, provider)
            return {
                "rate": rows / seconds,
                "seconds": seconds,
                "waiting_seconds": timed.seconds,
                "waiting_share": timed.seconds / seconds,
                "grown_bytes": timed.grown_bytes,
            }

        def contestant(what: str, batch: int) -> Contestant:
            if what == _READY:
                reader: Any = ReadyRows(ready, name, batch)
            else:
                reader = stored.modelopt_reader(name, batch_size=batch)
            return Contestant(_called(what, batch), lambda: measured(reader))

        contestants = [contestant(*one) for one in product((_READY, _STORE), batches)]
        # The first calibration on a GPU also loads its kernels, once for each size of a batch.
        for batch in batches:
            measured(ReadyRows(ready, name, batch))
        rounds = alternate(contestants, settings.rounds, tell)
    return Outcome([figure for batch in batches for figure in _figures(rounds, batch)], rounds)


def _called(what: str, batch: int) -> str:
    return f"{what}, batches of {batch}"


def _figures(rounds: list[Round], batch: int) -> Iterator[Figure]:
    ready, store = _called(_READY, batch), _called(_STORE, batch)
    times = (turns[store]["seconds"] / turns[ready]["seconds"] for turns in rounds)
    figure = f"calibration from a uint8 store / from memory, time, batches of {batch}"
    yield Figure(name=figure, values=tuple(times))
    for what in (ready, store):
        shares = tuple(turns[what]["waiting_share"] for turns in rounds)
        yield Figure(name=f"share of time that waits for {what}", values=shares)
        grown = tuple(turns[what]["grown_bytes"] / 1e6 for turns in rounds)
        yield Figure(name=f"memory grown, {what}", values=grown, unit="MB")


def _anonymous_bytes() -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    found = re.search(r"RssAnon:\s+(\d+) kB", status)
    return int(found[1]) * 1024 if found else 0


def _input_name(model: Path) -> str:
    import onnx

    graph = onnx.load(model, load_external_data=False).graph
    return str(graph.input[0].name)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table and write the results; returns 0."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu_calibration")
    add = parser.add_argument
    add("model", type=Path, help="an ONNX graph with one image input")
    add("--rows", type=int, default=512, metavar="N", help="rows [512]")
    add(
        "--batches",
        type=int,
        nargs="+",
        default=[1, 8],
        metavar="N",
        help="rows a step, each of which divides the rows [1 8]",
    )
    add("--rounds", type=int, default=5, metavar="N", help="turns of each [5]")
    add("--imgsz", type=int, default=640, metavar="N", help="side of the graph's input [640]")
    add(
        "--provider",
        default="CUDAExecutionProvider",
        metavar="NAME",
        help="execution provider [CUDAExecutionProvider]",
    )
    add("--scratch", type=Path, default=HERE / "scratch", metavar="DIR", help="for images and set")
    add(
        "--results",
        type=Path,
        default=HERE / "results" / "gpu_calibration.json",
        metavar="FILE",
        help="where the JSON goes",
    )
    asked = parser.parse_args(arguments)
    settings = Settings(
        scratch=asked.scratch.absolute(),
        images_count=asked.rows,
        photographs=min(asked.rows, 2000),
        rounds=asked.rounds,
        imgsz=asked.imgsz,
        jobs=default_jobs(),
    )
    outcome = run(settings, asked.model, asked.batches, asked.provider)
    sys.stdout.write(table(outcome.figures) + "\n")
    found = results(settings, photographs(settings).facts(), {"gpu_calibration": outcome})
    found["parameters"] |= {"batches": asked.batches, "provider": asked.provider}
    found["accelerator"] = _accelerator()
    write_results(asked.results, found)
    tell(f"written to {asked.results}")
    return 0


def _accelerator() -> str | None:
    """Return the GPU's name as its driver tells it, or None."""
    import shutil
    import subprocess

    if (program := shutil.which("nvidia-smi")) is None:
        return None
    order = [program, "--query-gpu=name", "--format=csv,noheader"]
    told = subprocess.run(order, capture_output=True, text=True)
    return next(iter(told.stdout.splitlines()), None)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
