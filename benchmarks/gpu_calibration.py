"""``python -m benchmarks.gpu_calibration MODEL``: whether a GPU waits for its data.

ONNX Runtime's own calibration of a YOLO-like graph (input (N, 3, H, W) float32), or ModelOpt's int8
quantization of it, on the CUDA provider, once with rows that lie ready in memory, once from a uint8
store through streamcalib's reader, in alternation, with batches of 1 and of 8. Needs onnx, and
onnxruntime-gpu with its CUDA libraries; ``--tool modelopt`` needs nvidia-modelopt[onnx], too.
"""

from __future__ import annotations

import argparse
import sys
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import sources
from benchmarks.__main__ import tell
from benchmarks.calibrators import METHODS, TOOLS, ReadyRows, TimedReader, versions
from benchmarks.corpus import photographs
from benchmarks.report import results, table, write_results
from benchmarks.rounds import Contestant, Figure, Outcome, Turn, alternate
from benchmarks.settings import HERE, Settings, default_jobs
from streamcalib import CalibrationSet

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.calibrators import Tool
    from benchmarks.rounds import Round

_READY, _STORE = "rows in memory", "uint8 store"
_PARTS = {"seconds": "calibration", "whole_seconds": "all that the tool does"}


def run(
    settings: Settings,
    model: Path,
    batches: Sequence[int],
    provider: str,
    *,
    tool: Tool = TOOLS["onnxruntime"],
    method: str = "max",
) -> Outcome:
    """Calibrate from both, with every batch size, in alternation."""
    rows = settings.images_count
    with sources.uint8_set(settings, photographs(settings), rows) as path:
        stored = CalibrationSet.open(path)
        name = _input_name(model)
        ready = np.concatenate([part.copy() for part in stored.batches(32, reuse=True)])

        def measured(inner: Any) -> Turn:
            inner.rewind()
            timed = TimedReader(inner)
            seconds = tool(model, timed, provider, method)
            return {
                "rate": rows / seconds.calibration,
                "seconds": seconds.calibration,
                "whole_seconds": seconds.whole,
                "waiting_seconds": timed.seconds,
                "waiting_share": timed.seconds / seconds.calibration,
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
    for seconds, part in _PARTS.items():
        times = (turns[store][seconds] / turns[ready][seconds] for turns in rounds)
        figure = f"{part} from a uint8 store / from memory, time, batches of {batch}"
        yield Figure(name=figure, values=tuple(times))
    for what in (ready, store):
        shares = tuple(turns[what]["waiting_share"] for turns in rounds)
        yield Figure(name=f"share of time that waits for {what}", values=shares)
        grown = tuple(turns[what]["grown_bytes"] / 1e6 for turns in rounds)
        yield Figure(name=f"memory grown, {what}", values=grown, unit="MB")


def _input_name(model: Path) -> str:
    import onnx

    graph = onnx.load(model, load_external_data=False).graph
    return str(graph.input[0].name)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table and write the results; returns 0."""
    asked = _parser().parse_args(arguments)
    settings = Settings(
        scratch=asked.scratch.absolute(),
        images_count=asked.rows,
        photographs=min(asked.rows, 2000),
        rounds=asked.rounds,
        imgsz=asked.imgsz,
        jobs=default_jobs(),
    )
    tool = TOOLS[asked.tool]
    outcome = run(
        settings, asked.model, asked.batches, asked.provider, tool=tool, method=asked.method
    )
    sys.stdout.write(table(outcome.figures) + "\n")
    found = results(settings, photographs(settings).facts(), {"gpu_calibration": outcome})
    found["parameters"] |= {"batches": asked.batches, "provider": asked.provider}
    found["parameters"] |= {"tool": asked.tool, "method": asked.method}
    found["machine"]["packages"] |= versions(asked.tool)
    found["accelerator"] = _accelerator()
    write_results(asked.results, found)
    tell(f"written to {asked.results}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu_calibration")
    add = parser.add_argument
    add("model", type=Path, help="an ONNX graph with one image input")
    add(
        "--tool",
        choices=list(TOOLS),
        default="onnxruntime",
        help="what calibrates [onnxruntime]",
    )
    add(
        "--method",
        choices=METHODS,
        default="max",
        help="how scales are chosen; for onnxruntime, entropy holds all activations of all rows in "
        "memory [max]",
    )
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
    return parser


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
