"""The command line of long runs: progress, a table of verdicts, and what was found."""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import cv2

from fuzz.judging import all_decoders
from fuzz.running import Finding, Tally, run

_CHUNK = 250
_SHOWN = 20
_SECONDS_BETWEEN_LINES = 10


def main(arguments: Sequence[str] | None = None) -> int:
    """Run as the command line says; return the exit code."""
    options = _parser().parse_args(arguments)
    numbers = range(options.first, options.first + options.count)
    chunks = [numbers[start : start + _CHUNK] for start in range(0, len(numbers), _CHUNK)]
    print(
        "; ".join(decoder.describe() for decoder in all_decoders()), f"; OpenCV {cv2.__version__}"
    )
    tally, died, code = Tally(), "", 0
    started = told = time.perf_counter()
    try:
        for part in _tallies(options.seed, chunks, options.jobs):
            tally.add(part)
            _keep(part.findings, options.keep)
            if time.perf_counter() - told > _SECONDS_BETWEEN_LINES:
                told = time.perf_counter()
                print(_progress(tally, len(numbers), told - started), flush=True)
    except BrokenProcessPool as error:
        died = f"a process died while it judged one of {error.args[0]}"
    except KeyboardInterrupt:
        code = 130
    print(_progress(tally, len(numbers), time.perf_counter() - started))
    print(_table(tally))
    print(f"slowest: mutant {tally.slowest[1]} with {tally.slowest[0]:.2f} s")
    for finding in tally.findings[:_SHOWN]:
        print(f"finding: {_name(finding)}, {finding.kind}: {finding.text}")
    if died:
        print(f"finding: {died}")
    return 1 if died or tally.findings else code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=200_000, help="how many mutants (%(default)s)")
    parser.add_argument("--first", type=int, default=0, help="number of the first (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="seed of all (%(default)s)")
    parser.add_argument("--jobs", type=int, default=1, help="processes (%(default)s)")
    parser.add_argument("--keep", type=Path, help="folder for the bytes of findings (none)")
    return parser


def _tallies(seed: int, chunks: list[range], jobs: int) -> Iterator[Tally]:
    """Yield the tally of every chunk as it is done.

    Only as many are under way as there are processes, so that it is known which of them killed one.
    """
    waiting = iter(chunks)
    pool = ProcessPoolExecutor(
        jobs,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=cv2.setNumThreads,
        initargs=(1,),
    )
    with pool:
        running: dict[Future[Tally], range] = {}
        for chunk in itertools.islice(waiting, jobs):
            running[pool.submit(run, seed, chunk)] = chunk
        while running:
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                try:
                    tally = future.result()
                except BrokenProcessPool as error:
                    raise BrokenProcessPool(list(running.values())) from error
                del running[future]
                for chunk in itertools.islice(waiting, 1):
                    running[pool.submit(run, seed, chunk)] = chunk
                yield tally


def _keep(findings: list[Finding], folder: Path | None) -> None:
    if folder is None or not findings:
        return
    folder.mkdir(parents=True, exist_ok=True)
    for finding in findings:
        (folder / f"{_name(finding)}.jpg").write_bytes(finding.data)


def _name(finding: Finding) -> str:
    return f"{finding.seed}-{finding.number}-{finding.way.replace(' ', '-')}"


def _progress(tally: Tally, count: int, seconds: float) -> str:
    rate = tally.judged / max(seconds, 1e-9)
    return f"{tally.judged} of {count}, {rate:.0f} a second, {len(tally.findings)} findings"


def _table(tally: Tally) -> str:
    """Lay out how many mutants of each kind met which verdict."""
    verdicts = sorted({verdict for _, verdict in tally.verdicts})
    kinds = list(dict.fromkeys(sorted(kind for kind, _ in tally.verdicts)))
    lines = [f"{'kind':24}" + "".join(f"{verdict:>16}" for verdict in verdicts)]
    for kind in kinds:
        counts = [tally.verdicts[kind, verdict] for verdict in verdicts]
        lines.append(f"{kind:24}" + "".join(f"{count:16}" for count in counts))
    return "\n".join(lines)
