"""What to change, by a bench's figures."""

from __future__ import annotations

from operator import truediv
from typing import TYPE_CHECKING

from streamcalib.benching.figures import CLEARLY_FASTER
from streamcalib.benching.words import in_digits, stores_named
from streamcalib.wording import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamcalib.benching.figures import Figures

_NO_FASTER = 1.05
_PARTS = {2: "half", 4: "a quarter"}


def advise(figures: Figures, bottlenecks: Mapping[str, str]) -> tuple[str, ...]:
    """Return what to change for faster builds, at least one sentence.

    ``bottlenecks`` holds the slowest step of a build by store.
    """
    smaller = _smaller_store(figures)
    store = "uint8" if smaller else "final"
    advice = (_disk(figures, bottlenecks), smaller, _jobs(figures, store, bottlenecks[store]))
    return tuple(filter(None, advice)) or (_nothing(figures, bottlenecks["final"]),)


def _disk(figures: Figures, bottlenecks: Mapping[str, str]) -> str:
    waiting = [
        store
        for store, what in bottlenecks.items()
        if what == "write" and not figures.copying_is_work(store) and not figures.fits_window(store)
    ]
    if figures.in_memory or not waiting:
        return ""
    return f"put --out on a faster disk: it bounds {stores_named(waiting)}"


def _smaller_store(figures: Figures) -> str:
    if "build_uint8" not in figures.rates:
        return ""
    names = ("build_uint8", "build_final")
    times = truediv(*(figures.running(name)[figures.jobs] for name in names))
    # Where the start is most of a build, what is left of it without may be noise.
    surely = min(times, truediv(*map(figures.at_most, names)))
    part = _PARTS.get(figures.row_bytes["build_final"] // figures.row_bytes["build_uint8"])
    if surely < CLEARLY_FASTER or part is None:
        return ""
    told = (surely, "included") if figures.is_mostly_start else (times, "aside")
    return (
        f"build with --store uint8: it writes {part} of the bytes, and is {told[0]:.1f} times as "
        f"fast here, the start of workers {told[1]}; rows are encoded when they are read"
    )


def _jobs(figures: Figures, store: str, bottleneck: str) -> str:
    """Say whether fewer or more workers would do for the store that is advised."""
    build, most = figures.running(f"build_{store}"), figures.jobs
    enough = min(jobs for jobs, rate in build.items() if rate * _NO_FASTER >= max(build.values()))
    if enough < most and not figures.is_mostly_start:
        return (
            f"fewer --jobs: {counted(most, 'worker')} are no faster than {enough} "
            f"({in_digits(build[most])} against {in_digits(build[enough])} images/s, their start "
            "aside)"
        )
    if enough < most or most >= figures.cores or bottleneck == "write":
        return ""
    if figures.images <= most:
        return (
            f"nothing yet, but measure more images (--count): {counted(figures.images, 'image')} "
            f"cannot keep {figures.cores} cores busy"
        )
    were = "was" if most == 1 else "were"
    return f"more --jobs: {figures.cores} cores may be used, and {most} {were} measured"


def _nothing(figures: Figures, bottleneck: str) -> str:
    if bottleneck == "decode":
        return "nothing: the decoder is the limit"
    if bottleneck == "read":
        return (
            "the images' file system, if it is on a network or slow in opening files: copy them to "
            "a local one. A faster disk alone changes little, for they came from the page cache"
        )
    if bottleneck == "write" and (figures.in_memory or figures.copying_is_work("final")):
        return "nothing: the processor copies rows no faster"
    if bottleneck == "write" and figures.fits_window("final"):
        return "nothing before the disk is measured, with a larger --count"
    return "nothing that an option could change"
