"""``python -m benchmarks.scaling``: builds and bare decoding with 1, 2, 4, ... all cores.

Rows grow with the workers, so that perfect scaling takes the same time at every number of them;
where nothing scales, by threads and to a disk, they end at a number of their own. Outputs go to a
disk and to a file system in memory.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from benchmarks import builds, curve
from benchmarks.__main__ import tell
from benchmarks.arrangements import DECODING, THREADS, TITLES, Arrangement, Curve, name
from benchmarks.children import run_child
from benchmarks.corpus import photographs
from benchmarks.machine import filesystem
from benchmarks.outputs import fitting_rows, output_folder
from benchmarks.report import results, table, write_results
from benchmarks.rounds import Contestant, Figure, Outcome, Turn, absence, alternate, ratio
from benchmarks.settings import HERE, Settings, default_jobs
from streamcalib.errors import StreamcalibError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.builds import Store
    from benchmarks.corpus import Corpus
    from benchmarks.rounds import Round

_DECODING_SECONDS = 2.0
_RATES = {"rate": "", "rate_after_start": ", after the start"}


def run(settings: Settings, asked: Curve, tell: Callable[[str], None]) -> Outcome:
    """Measure everything in alternation."""
    corpus = photographs(settings)
    contestants = [one for jobs in asked.jobs for one in _at(settings, asked, corpus, jobs, tell)]
    rounds = alternate(contestants, settings.rounds, tell)
    return Outcome([*_figures(asked, rounds)], rounds)


def _at(
    settings: Settings, asked: Curve, corpus: Corpus, jobs: int, tell: Callable[[str], None]
) -> list[Contestant]:
    made = [_decoding(replace(settings, jobs=jobs), corpus)]
    for (place, folder), store in product(asked.places.items(), TITLES):
        there = replace(settings, jobs=jobs, scratch=folder)
        for what in asked.arrangements:
            if not asked.has(what, jobs):
                continue
            called, rows = name(what, store, place, jobs), asked.rows_of(what, store, place, jobs)
            rows = fitting_rows(there, rows, settings.row_bytes(TITLES[store]), tell)
            if what == "crossed":
                made.append(_crossed(called, there, corpus, rows, store))
            else:
                one = builds.contestant(called, there, corpus, rows, store=store, backend=what)
                made.append(one)
    return made


def _decoding(settings: Settings, corpus: Corpus) -> Contestant:
    file = corpus.listed(len(corpus.paths))

    def measure() -> Turn:
        seconds = _DECODING_SECONDS if settings.pause_s else 0.1
        return run_child("decode_many", list_file=file, jobs=settings.jobs, seconds=seconds)

    return Contestant(f"{DECODING}, {settings.jobs}", measure)


def _crossed(
    called: str, settings: Settings, corpus: Corpus, rows: int, store: Store
) -> Contestant:
    file = corpus.listed(rows)

    def measure() -> Turn:
        corpus.warm(rows)
        with output_folder(settings) as folder:
            out = folder / "calib.npy"
            order = builds.order(settings, file, out, store=store)
            return run_child("crossed", **order, threads=THREADS)

    return Contestant(called, measure)


def _figures(asked: Curve, rounds: list[Round]) -> list[Figure]:
    one = f"{DECODING}, 1"
    figures = [_linear(DECODING, rounds, one, f"{DECODING}, {n}", n) for n in asked.jobs[1:]]
    for place, store, what in product(asked.places, TITLES, asked.arrangements):
        label = f"{what}, {TITLES[store]}, {place}"
        one = name("loky" if "loky" in asked.arrangements else what, store, place, 1)
        for jobs in asked.jobs:
            called, decoding = name(what, store, place, jobs), f"{DECODING}, {jobs}"
            if called not in rounds[0]:
                continue
            for rate, when in _RATES.items():
                if rate != "rate" and what == "crossed":
                    continue
                figure = f"{label}: {jobs} workers / {DECODING}{when}"
                figures.append(ratio(figure, rounds, called, decoding, rate=rate))
                if jobs > 1:
                    figures.append(_linear(label, rounds, one, called, jobs, rate))
    return figures


def _linear(
    label: str, rounds: list[Round], one: str, many: str, jobs: int, rate: str = "rate"
) -> Figure:
    """Return the figure of a rate as a share of that of one worker times their number."""
    called = f"{label}: {jobs} workers / {jobs} times 1{_RATES[rate]}"
    if one not in rounds[0]:
        return Figure(name=called, absent="1 worker was not measured")
    if reason := absence(rounds, one) or absence(rounds, many):
        return Figure(name=called, absent=reason)
    values = (a[many][rate] / a[one][rate] / jobs for a in rounds)
    return Figure(name=called, values=tuple(values))


def worker_counts(most: int) -> tuple[int, ...]:
    """Return 1, 2, 4 and so on, and ``most``."""
    return tuple(sorted({most, *(2**power for power in range(most.bit_length()))} - {0}))


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, write the results and draw the curve; returns 0."""
    asked = _parser().parse_args(arguments)
    if asked.plot:
        curve.draw(*asked.plot)
        return 0
    settings = Settings(
        scratch=asked.disk.absolute(),
        images=asked.images,
        photographs=asked.photographs,
        rounds=asked.rounds,
        jobs=max(asked.jobs),
        pause_s=0.5,
    )
    if asked.toy:
        settings = settings.toy()
    wanted = Curve(
        jobs=tuple(sorted(set(asked.jobs))),
        rows=4 if asked.toy else asked.rows,
        most_rows=8 if asked.toy else asked.most_rows,
        places=_places(asked),
        arrangements=tuple(asked.arrangements),
    )
    try:
        outcome = run(settings, wanted, tell)
        sys.stdout.write(table(outcome.figures) + "\n")
        found = results(settings, photographs(settings).facts(), {"scaling": outcome})
        found["parameters"] |= {"numbers_of_workers": wanted.jobs, "rows_a_worker": wanted.rows}
        found["parameters"]["most_rows_of_threads_or_to_a_disk"] = wanted.most_rows
        found["filesystems"] = {what: filesystem(at) for what, at in wanted.places.items()}
        write_results(asked.results, found)
    except (StreamcalibError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    curve.draw(asked.results)
    tell(f"written to {asked.results}, and the curve beside it")
    return 0


def _places(asked: argparse.Namespace) -> dict[str, Path]:
    places = {"disk": asked.disk.absolute(), "memory": asked.memory and asked.memory.absolute()}
    return {what: folder for what, folder in places.items() if folder and what in asked.places}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling", description=__doc__)
    add = parser.add_argument
    most, scratch = default_jobs(), HERE / "scratch"
    add(
        "--jobs",
        type=int,
        nargs="+",
        default=list(worker_counts(most)),
        metavar="N",
        help="numbers of workers [1, 2, 4, ... all cores]",
    )
    add(
        "--rows",
        type=int,
        default=1000,
        metavar="N",
        help="rows of a uint8 build for each worker; float32 has half [1000]",
    )
    add(
        "--most-rows",
        type=int,
        default=8000,
        metavar="N",
        help="rows of a uint8 build by threads, or to a disk, at most; float32 has half [8000]",
    )
    add("--rounds", type=int, default=3, metavar="N", help="turns of everything [3]")
    add(
        "--arrangements",
        nargs="+",
        default=list(get_args(Arrangement)),
        choices=get_args(Arrangement),
        help="of workers; crossed: processes of 4 threads",
    )
    add(
        "--places",
        nargs="+",
        default=["disk", "memory"],
        choices=["disk", "memory"],
        help="where outputs go [both]",
    )
    add(
        "--disk",
        type=Path,
        default=scratch,
        metavar="DIR",
        help="folder on the disk; the photographs are kept there [benchmarks/scratch]",
    )
    add(
        "--memory",
        type=Path,
        default=Path("/dev/shm/streamcalib-scaling"),  # noqa: S108
        metavar="DIR",
        help="folder in memory [/dev/shm/streamcalib-scaling]",
    )
    add("--images", type=Path, metavar="DIR", help="a folder of JPEGs instead of made photographs")
    add("--photographs", type=int, default=2000, metavar="N", help="different photographs [2000]")
    add(
        "--results",
        type=Path,
        default=HERE / "results" / f"scaling_{most}_cores.json",
        metavar="FILE",
        help="where the JSON goes, and the curve as .png beside it",
    )
    add(
        "--plot",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="only draw the curve of one or several runs' JSON, beside the first",
    )
    add("--toy", action="store_true", help="seconds, and nothing said about speed")
    return parser


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
