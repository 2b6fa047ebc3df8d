"""``python -m benchmarks``: measure, print the table, keep the results."""

from __future__ import annotations

import argparse
import re
import signal
import sys
import time
from datetime import UTC, datetime
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import (
    activations,
    batches,
    comparison,
    finalizing,
    memory_limit,
    peak_memory,
    planning,
    safety,
    sharded,
    small_images,
)
from benchmarks.corpus import photographs
from benchmarks.machine import cpu_model
from benchmarks.report import results, table, write_results
from benchmarks.rounds import FAILED, Outcome
from benchmarks.settings import HERE, Settings, default_jobs
from streamcalib.errors import StreamcalibError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType

    Benchmark = Callable[[Settings, Callable[[str], None]], Outcome]

ALONE: dict[str, tuple[str, Benchmark]] = {
    "finalize": ("a uint8 set to float32 over the writing of ready rows", finalizing.run),
    "limit": ("a build inside a tenth of its output's memory over a free one", memory_limit.run),
    "safety": ("a build over one without journal and checksums", safety.run),
    "zarr": ("builds into zarr over uint8 builds, shards over zarr-python", sharded.run),
    "batches": ("float32 batches of a uint8 set over decoding, one thread", batches.run),
    "small": ("builds of 64x64 JPEGs over bare decoding", small_images.run),
    "planning": ("time and memory of the plan of a million rows", planning.run),
    "activations": ("histograms of --model's activations over running it", activations.run),
    "memory": ("anonymous memory of builds of few and many images", peak_memory.run),
}
"""Benchmarks with rounds of their own: what each is, and what runs it."""

NAMES = {**comparison.PARTS, **{name: told for name, (told, _) in ALONE.items()}}
DEFAULTS = Settings(scratch=HERE / "scratch")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for; returns 0, or 1 if anything failed that is not merely absent."""
    asked = _parser().parse_args(arguments)
    if asked.list:
        sys.stdout.writelines(f"{name:11} {told}\n" for name, told in NAMES.items())
        return 0
    # A run that is told to end takes its children with it, as at Ctrl-C.
    signal.signal(signal.SIGTERM, _terminate)
    try:
        return _run(asked)
    except (StreamcalibError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 2


def _run(asked: argparse.Namespace) -> int:
    settings = _settings(asked)
    file = asked.results or _default_file(settings, asked.toy)
    _check_results(file)
    outcomes = _measured(settings, asked.only or list(NAMES))
    figures = [figure for outcome in outcomes.values() for figure in outcome.figures]
    sys.stdout.write(table(figures) + "\n")
    corpus = photographs(settings).facts() if _uses_photographs(outcomes) else None
    write_results(file, results(settings, corpus, outcomes))
    tell(f"written to {file}")
    return int(any(figure.absent.startswith(FAILED) for figure in figures))


def _check_results(file: Path) -> None:
    """Make sure that results can be written, before anything is measured."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8"):
        pass
    if not file.stat().st_size:
        file.unlink()


def tell(text: str) -> None:
    """Say what is going on, on stderr, with the time of day."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")


def _measured(settings: Settings, names: Sequence[str]) -> dict[str, Outcome]:
    outcomes = {}
    if parts := [name for name in comparison.PARTS if name in names]:
        outcomes["comparison"] = comparison.run(settings, parts, tell)
    for name, (_, benchmark) in ALONE.items():
        if name in names:
            outcomes[name] = benchmark(settings, tell)
    return outcomes


def _uses_photographs(outcomes: dict[str, Outcome]) -> bool:
    return bool({"comparison", "finalize", "limit", "batches", "activations"} & outcomes.keys())


def _settings(asked: argparse.Namespace) -> Settings:
    settings = Settings(
        scratch=asked.scratch.absolute(),
        images=asked.images,
        images_count=asked.images_count,
        photographs=asked.photographs,
        peer_images=asked.peer_images,
        plain_images=asked.plain_images,
        rounds=asked.rounds,
        jobs=asked.jobs,
        model=asked.model,
    )
    return settings.toy() if asked.toy else settings


def _default_file(settings: Settings, toy: bool) -> Path:
    if toy:
        return settings.scratch / "toy.json"
    cpu = re.sub(r"[^a-z0-9]+", "-", cpu_model().lower()).strip("-")
    name = f"{datetime.now(UTC).date().isoformat()}_{cpu}"
    folder = HERE / "results"
    numbered = (folder / f"{name}_{number}.json" for number in count(2))
    return next(file for file in chain([folder / f"{name}.json"], numbered) if not file.exists())


class _TerminatedError(KeyboardInterrupt):
    """SIGTERM came."""


def _terminate(_signal: int, _frame: FrameType | None) -> None:
    raise _TerminatedError


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, not {number}")
    return number


def _folder(text: str) -> Path:
    if not Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"{text} is no folder")
    return Path(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    add = parser.add_argument
    add("--only", nargs="+", choices=list(NAMES), metavar="NAME", help="run only these; see --list")
    add("--list", action="store_true", help="name what can be run, and run nothing")
    add("--toy", action="store_true", help="everything in seconds, at a size that says nothing")
    add(
        "--images",
        type=_folder,
        metavar="DIR",
        help="a folder of JPEGs instead of made photographs",
    )
    for option, told in (
        ("--images-count", "rows of a uint8 build; a float32 build has half of them"),
        ("--photographs", "how many different photographs they name in turn"),
        ("--peer-images", "rows that a peer makes"),
        ("--plain-images", "rows that the plain script makes, at 10 MB of memory each"),
        ("--rounds", "how often every contestant has its turn"),
    ):
        default = getattr(DEFAULTS, option[2:].replace("-", "_"))
        add(option, type=_positive, default=default, metavar="N", help=f"{told} [{default}]")
    add(
        *("--jobs",),
        type=_positive,
        default=default_jobs(),
        metavar="N",
        help="workers of builds and peers, threads of the ceilings [all cores]",
    )
    add(
        *("--model",),
        type=Path,
        metavar="FILE",
        help="ONNX graph with one image input, for activations, which are left out without it",
    )
    add(
        *("--scratch",),
        type=Path,
        default=DEFAULTS.scratch,
        metavar="DIR",
        help="where images and outputs go, on the volume to measure [benchmarks/scratch]",
    )
    add(
        *("--results",),
        type=Path,
        metavar="FILE",
        help="where the JSON goes, replacing what is there "
        "[a new benchmarks/results/DATE_CPU.json; of --toy, in the scratch]",
    )
    return parser


if __name__ == "__main__":
    try:
        sys.exit(main())
    except _TerminatedError:
        sys.exit(143)
    except KeyboardInterrupt:
        sys.exit(130)
