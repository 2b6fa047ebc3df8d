"""What a bench's figures mean: what bounds a build, in words, and what to change."""

from __future__ import annotations

from operator import truediv
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

Bottleneck = Literal["read", "decode", "letterbox", "encode", "write"]

# Differences that a second measurement would not confirm are not spoken of.
_NO_FASTER = 1.05
_CLEARLY_FASTER = 1.1
_POOR_SCALING = 0.7
_LARGE_START = 0.25
_LARGE_SPREAD = 0.2
# Of a build's time, however long its workers seem to start: times differ from run to run.
_LEAST_RUNNING = 0.1

_STEPS: tuple[Bottleneck, ...] = ("decode", "read", "letterbox", "encode")
_TAKES = {
    "decode": "Decoding is the slowest step",
    "read": "Reading is the slowest step, even from the page cache",
    "letterbox": "The letterbox is the slowest step, for the images are large or the decoder fast",
    "encode": "Encoding is the slowest step, for a row is large beside its image",
}
_PARTS = {2: "half", 4: "a quarter"}


class Figures(NamedTuple):
    """What a verdict is made of.

    Attributes
    ----------
    rates
        Images a second of every step and build, at every number of workers. There are ``read``,
        ``decode``, ``letterbox``, ``write_final`` and ``build_final``; where stores differ also
        ``encode``, ``write_uint8`` and ``build_uint8``.
    row_bytes
        Bytes that a step or build writes for an image.
    start_seconds
        How long workers took to start, by their number.
    images
        How many images a build was measured with.
    cores
        How many this process may use.
    spread
        Of decoding at the most workers: largest less smallest rate, as a share of the median.
    """

    rates: Mapping[str, Mapping[int, float]]
    row_bytes: Mapping[str, int]
    start_seconds: Mapping[int, float]
    images: int
    cores: int
    spread: float

    @property
    def jobs(self) -> int:
        """The largest number of workers."""
        return max(self.rates["decode"])

    def at_most(self, name: str) -> float:
        """Return a rate at the largest number of workers."""
        return self.rates[name][self.jobs]


class Verdict(NamedTuple):
    """What a bench's figures mean.

    Attributes
    ----------
    bottlenecks
        What bounds a build at the most workers, by store.
    findings, advice
        Sentences: what is so, and what to change.
    """

    bottlenecks: dict[str, Bottleneck]
    findings: tuple[str, ...]
    advice: tuple[str, ...]


def judge(figures: Figures) -> Verdict:
    """Judge what bounds builds at the largest number of workers."""
    stores = [store for store in ("final", "uint8") if f"build_{store}" in figures.rates]
    bottlenecks = {store: _bottleneck(figures, store) for store in stores}
    findings = [
        _bounded(figures, [store for store in stores if bottlenecks[store] == what], what)
        for what in dict.fromkeys(bottlenecks.values())
    ]
    findings += [_scaling(figures), _start(figures), _noise(figures)]
    advice = [_disk(bottlenecks), _smaller_store(figures), _jobs(figures, bottlenecks)]
    said = tuple(filter(None, advice)) or (_nothing(bottlenecks),)
    return Verdict(bottlenecks, tuple(filter(None, findings)), said)


def _bottleneck(figures: Figures, store: str) -> Bottleneck:
    """Return what bounds builds of a store: writing if it is slower than decoding, else a step."""
    if figures.at_most(f"write_{store}") < figures.at_most("decode"):
        return "write"
    there = [name for name in _STEPS if name in figures.rates]
    if store == "uint8":
        there.remove("encode")
    return min(there, key=figures.at_most)


def _bounded(figures: Figures, stores: list[str], bottleneck: Bottleneck) -> str:
    """Say what bounds builds of these stores, and how near to bare decoding they come."""
    workers, decode = _workers(figures.jobs), figures.at_most("decode")
    shares = (
        f"{100 * figures.at_most(f'build_{store}') / decode:.0f} % of bare decoding with --store "
        f"{store}"
        for store in stores
    )
    whole = f"a whole build runs at {' and at '.join(shares)}"
    if bottleneck == "write":
        return (
            f"Writing is slower than decoding, because of the disk or the page cache: "
            f"{_writing(figures, stores)} against {decode:.0f} with {workers}; {whole}."
        )
    rate = figures.at_most(bottleneck)
    return f"{_TAKES[bottleneck]}: {rate:.0f} images/s alone with {workers}; {whole}."


def _writing(figures: Figures, stores: list[str]) -> str:
    rates = [(figures.at_most(f"write_{s}"), figures.row_bytes[f"write_{s}"]) for s in stores]
    return " and ".join(
        f"{rate:.0f} images/s ({rate * row_bytes / 1e6:.0f} MB/s)" for rate, row_bytes in rates
    )


def _running(figures: Figures, name: str) -> dict[int, float]:
    """Return the rates of a build once its workers have started, by their number."""
    rates = {}
    for jobs, rate in figures.rates[name].items():
        seconds = figures.images / rate
        running = max(seconds - figures.start_seconds[jobs], _LEAST_RUNNING * seconds)
        rates[jobs] = figures.images / running
    return rates


def _scaling(figures: Figures) -> str:
    jobs, decode = figures.jobs, figures.rates["decode"]
    if jobs == 1 or 1 not in decode:
        return ""
    times = decode[jobs] / decode[1]
    if times >= _POOR_SCALING * jobs:
        return ""
    return (
        f"{jobs} workers decode {times:.1f} times as fast as one: cores are shared with other "
        "programs, are hyper-threads of one another, or slow down together."
    )


def _start(figures: Figures) -> str:
    # The faster a build, the more of it is its start.
    seconds = figures.images / figures.at_most("build_final")
    start = figures.start_seconds[figures.jobs]
    if start < _LARGE_START * seconds:
        return ""
    return (
        f"A build of {figures.images} images takes {seconds:.1f} s here, and the start of its "
        f"workers alone {start:.1f} s, whatever the number of images: a larger --count shows what "
        "large builds do."
    )


def _noise(figures: Figures) -> str:
    if figures.spread <= _LARGE_SPREAD:
        return ""
    return (
        f"Repeats of decoding differ by {100 * figures.spread:.0f} %: the machine is busy with "
        "other work, and small differences mean nothing. Measure again when it is quiet."
    )


def _disk(bottlenecks: Mapping[str, Bottleneck]) -> str:
    bound = [f"--store {store}" for store, what in bottlenecks.items() if what == "write"]
    if not bound:
        return ""
    return f"put --out on a faster disk: it bounds {' and '.join(bound)}"


def _smaller_store(figures: Figures) -> str:
    if "build_uint8" not in figures.rates:
        return ""
    running = (_running(figures, f"build_{store}")[figures.jobs] for store in ("uint8", "final"))
    times = truediv(*running)
    part = _PARTS.get(figures.row_bytes["build_final"] // figures.row_bytes["build_uint8"])
    if times < _CLEARLY_FASTER or part is None:
        return ""
    return (
        f"say --store uint8: it writes {part} of the bytes, and builds {times:.1f} times as fast "
        "here, the start of workers aside; rows are encoded when they are read"
    )


def _jobs(figures: Figures, bottlenecks: Mapping[str, Bottleneck]) -> str:
    build, most = _running(figures, "build_final"), figures.jobs
    enough = min(jobs for jobs, rate in build.items() if rate * _NO_FASTER >= max(build.values()))
    if enough < most:
        return (
            f"fewer --jobs: {most} workers are no faster than {enough} "
            f"({build[most]:.0f} against {build[enough]:.0f} images/s, their start aside)"
        )
    if most < figures.cores and bottlenecks["final"] != "write":
        return f"more --jobs: {figures.cores} cores may be used, and {most} were measured"
    return ""


def _nothing(bottlenecks: Mapping[str, Bottleneck]) -> str:
    if bottlenecks["final"] == "decode":
        return "nothing: the decoder is the limit"
    if bottlenecks["final"] == "read":
        return "the source's storage: copy the images to a faster one"
    return "nothing that an option could change"


def _workers(jobs: int) -> str:
    return "1 worker" if jobs == 1 else f"{jobs} workers"
