"""What a bench found: figures, for people and for programs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

from streamcalib.benching.figures import Figures
from streamcalib.benching.verdict import Verdict, judge

if TYPE_CHECKING:
    from streamcalib.benching.machine import Machine
    from streamcalib.errors import Failure

FORMAT = "streamcalib-bench"
VERSION = 1
CACHED = "files are in the page cache after a first pass, which is not measured"


class Measurement(NamedTuple):
    """What was measured of a step or build at a number of workers.

    Attributes
    ----------
    name
        The step, or ``build_uint8`` or ``build_final``.
    jobs
        Number of workers.
    rates
        Images a second of all workers together, every repeat.
    row_bytes
        Bytes written for an image; 0 where nothing is.
    cores_busy
        How many cores the workers of a step kept busy, every repeat; empty for builds.
    """

    name: str
    jobs: int
    rates: tuple[float, ...]
    row_bytes: int
    cores_busy: tuple[float, ...] = ()

    @property
    def rate(self) -> float:
        """Median of the rates, in images a second."""
        return median(self.rates)

    @property
    def spread(self) -> float:
        """Largest less smallest rate, as a share of the median."""
        return (max(self.rates) - min(self.rates)) / self.rate

    @property
    def megabytes_per_second(self) -> float:
        """What the median rate writes, in 10^6 bytes a second."""
        return self.rate * self.row_bytes / 1e6


@dataclass(frozen=True, kw_only=True)
class BenchResult:
    """Everything that a bench measured.

    Attributes
    ----------
    machine
        What it ran on.
    parameters
        What was asked for, by name.
    images
        What was measured with: kind of source, how many, bytes of a file and pixels of an image
        on average.
    row
        Size, dtype and bytes of a row.
    measurements
        Steps and builds, at every number of workers.
    start_seconds
        How long workers took to start, by their number, every repeat.
    bad
        Images of the source that could not become rows, and were left out.
    """

    machine: Machine
    parameters: dict[str, Any]
    images: dict[str, Any]
    row: dict[str, Any]
    measurements: tuple[Measurement, ...]
    start_seconds: dict[int, tuple[float, ...]]
    bad: tuple[Failure, ...]

    @property
    def jobs(self) -> tuple[int, ...]:
        """The numbers of workers, ascending."""
        return tuple(sorted(self.start_seconds))

    @property
    def names(self) -> tuple[str, ...]:
        """The steps and builds, in order."""
        return tuple(dict.fromkeys(found.name for found in self.measurements))

    def measured(self, name: str, jobs: int) -> Measurement:
        """Return what was measured of a step or build.

        Raises
        ------
        KeyError
            If it was not.
        """
        for found in self.measurements:
            if (found.name, found.jobs) == (name, jobs):
                return found
        raise KeyError((name, jobs))

    def of_decoding(self, name: str, jobs: int) -> float:
        """Return the rate of a build as a share of that of decoding alone."""
        return self.measured(name, jobs).rate / self.measured("decode", jobs).rate

    @property
    def verdict(self) -> Verdict:
        """What bounds builds here, and what to change."""
        most = self.jobs[-1]
        return judge(
            Figures(
                rates={
                    name: {jobs: self.measured(name, jobs).rate for jobs in self.jobs}
                    for name in self.names
                },
                row_bytes={name: self.measured(name, most).row_bytes for name in self.names},
                start_seconds={n: median(found) for n, found in self.start_seconds.items()},
                images=self.images["count"],
                cores=self.machine.cores,
                spread=self.measured("decode", most).spread,
                cores_busy={
                    name: median(found)
                    for name in self.names
                    if (found := self.measured(name, most).cores_busy)
                },
                window_bytes=self.parameters["cache_window_bytes"],
                in_memory=self.machine.writes_to_memory,
            )
        )

    def to_json(self) -> str:
        """Return everything as JSON; neither machine nor user nor any path is named in it."""
        verdict = self.verdict
        found = {
            "format": FORMAT,
            "version": VERSION,
            "machine": self.machine._asdict(),
            "parameters": self.parameters,
            "images": {**self.images, "cached": CACHED},
            "row": self.row,
            "start_seconds": [
                {"jobs": jobs, "median": median(found), "repeats": list(found)}
                for jobs, found in self.start_seconds.items()
            ],
            "measurements": [_record(found) for found in self.measurements],
            "build_over_decode": [
                {"name": name, "jobs": jobs, "share": self.of_decoding(name, jobs)}
                for name in self.names
                if name.startswith("build")
                for jobs in self.jobs
            ],
            "bad_images": len(self.bad),
            "verdict": verdict._asdict(),
        }
        return json.dumps(found, indent=2) + "\n"


def _record(found: Measurement) -> dict[str, Any]:
    record: dict[str, Any] = {
        "name": found.name,
        "jobs": found.jobs,
        "images_per_second": {"median": found.rate, "repeats": list(found.rates)},
    }
    if found.cores_busy:
        record["cores_busy"] = {
            "median": median(found.cores_busy),
            "repeats": list(found.cores_busy),
        }
    if found.row_bytes:
        record["row_bytes"] = found.row_bytes
        record["megabytes_per_second"] = {
            "median": found.megabytes_per_second,
            "repeats": [rate * found.row_bytes / 1e6 for rate in found.rates],
        }
    return record
