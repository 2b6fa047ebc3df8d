"""What a bench's figures mean: what bounds a build, in words, and what to change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from streamcalib.benching.advice import advise
from streamcalib.benching.figures import CLEARLY_FASTER
from streamcalib.benching.words import in_digits, stores_named
from streamcalib.wording import counted

if TYPE_CHECKING:
    from streamcalib.benching.figures import Figures

Bottleneck = Literal["read", "decode", "letterbox", "encode", "write"]

_POOR_SCALING = 0.7
_LARGE_SPREAD = 0.2

_STEPS: tuple[Bottleneck, ...] = ("decode", "read", "letterbox", "encode")
_TAKES = {
    "decode": "Decoding is the slowest step",
    "read": "Reading is the slowest step, even from the page cache",
    "letterbox": "The letterbox is the slowest step, for the images are large or the decoder fast",
    "encode": "Encoding is the slowest step, for a row is large beside its image",
}


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
    bottlenecks = {store: _bottleneck(figures, store) for store in figures.stores}
    takes = {store: _takes(figures, store, what) for store, what in bottlenecks.items()}
    findings = [
        _bounded(figures, [store for store in takes if takes[store] == why], bottlenecks)
        for why in dict.fromkeys(takes.values())
    ]
    findings += [_scaling(figures), _start(figures), _hardly_written(figures), _noise(figures)]
    return Verdict(bottlenecks, tuple(filter(None, findings)), advise(figures, bottlenecks))


def _bottleneck(figures: Figures, store: str) -> Bottleneck:
    """Return what bounds builds of a store: the slowest step, and writing if it is clearly so."""
    slowest = _slowest_before_writing(figures, store)
    if figures.at_most(f"write_{store}") * CLEARLY_FASTER <= figures.at_most(slowest):
        return "write"
    return slowest


def _slowest_before_writing(figures: Figures, store: str) -> Bottleneck:
    there = [name for name in _STEPS if name in figures.rates]
    if store == "uint8":
        there.remove("encode")
    return min(there, key=figures.at_most)


def _takes(figures: Figures, store: str, bottleneck: Bottleneck) -> str:
    """Say which step is the slowest, and why."""
    if bottleneck != "write":
        return _TAKES[bottleneck]
    if figures.in_memory:
        return "Copying into memory is the limit, for --out is on a file system there"
    if figures.copying_is_work(store):
        return (
            "Copying into the page cache is the limit, for workers that write are busy on the "
            "processor"
        )
    return "Writing is the slowest step, for workers wait for the disk"


def _bounded(figures: Figures, stores: list[str], bottlenecks: dict[str, Bottleneck]) -> str:
    """Say what bounds builds of these stores, and how near to decoding alone they come."""
    bottleneck, workers = bottlenecks[stores[0]], counted(figures.jobs, "worker")
    decode = figures.at_most("decode")
    shares = (
        f"{100 * figures.at_most(f'build_{store}') / decode:.0f} % of decoding alone with --store "
        f"{store}"
        for store in stores
    )
    whole = f"a whole build runs at {' and at '.join(shares)}"
    why = _takes(figures, stores[0], bottleneck)
    if bottleneck == "write":
        others = (_slowest_before_writing(figures, store) for store in stores)
        slowest = min(others, key=figures.at_most)
        return (
            f"{why}: {_writing(figures, stores)} alone with {workers}, and the slowest other step "
            f"({slowest}) {in_digits(figures.at_most(slowest))}; {whole}."
        )
    rate = figures.at_most(bottleneck)
    alone = f"{in_digits(rate)} images/s alone with {workers}{_beside(figures, stores, rate)}"
    return f"{why}: {alone}; {whole}."


def _beside(figures: Figures, stores: list[str], rate: float) -> str:
    """Say which stores are written at about the slowest step's rate, or nothing."""
    near = [store for store in stores if figures.at_most(f"write_{store}") < CLEARLY_FASTER * rate]
    return f", writing with {stores_named(near)} about as slow" if near else ""


def _writing(figures: Figures, stores: list[str]) -> str:
    rates = [(figures.at_most(f"write_{s}"), figures.row_bytes[f"write_{s}"]) for s in stores]
    return " and ".join(
        f"{in_digits(rate)} images/s ({in_digits(rate * row_bytes / 1e6)} MB/s)"
        for rate, row_bytes in rates
    )


def _scaling(figures: Figures) -> str:
    jobs, decode = figures.jobs, figures.rates["decode"]
    if figures.at_work == 1 or 1 not in decode:
        return ""
    times = decode[jobs] / decode[1]
    if times >= _POOR_SCALING * figures.at_work:
        return ""
    return (
        f"{jobs} workers on {counted(figures.cores, 'core')} decode {times:.1f} times as fast as "
        "one: cores are shared with other programs, are hyper-threads of one another, or slow down "
        "together."
    )


def _start(figures: Figures) -> str:
    if not figures.is_mostly_start:
        return ""
    return (
        f"The fastest build of {counted(figures.images, 'image')} takes "
        f"{figures.shortest_build_seconds:.1f} s here, and the start of its workers alone "
        f"{figures.start_seconds[figures.jobs]:.1f} s, whatever the number of images: a larger "
        "--count shows what large builds do."
    )


def _hardly_written(figures: Figures) -> str:
    small = [store for store in figures.stores if figures.fits_window(store)]
    if figures.in_memory or not small:
        return ""
    return (
        f"All that was written with {stores_named(small)} fits the --cache-window: the disk was "
        "hardly measured, and with a larger --count it would be."
    )


def _noise(figures: Figures) -> str:
    if figures.spread <= _LARGE_SPREAD:
        return ""
    return (
        f"Repeats of decoding differ by {100 * figures.spread:.0f} %: the machine is busy with "
        "other work, and small differences mean nothing. Measure again when it is quiet."
    )
