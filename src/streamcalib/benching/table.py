"""A bench's figures as lines of text."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from streamcalib.benching.words import in_digits
from streamcalib.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamcalib.benching.result import BenchResult

_COLUMN = 11


def table(result: BenchResult) -> list[str]:
    """Return steps and builds against numbers of workers, medians of the repeats."""
    labels = {name: label(name, result.row["dtype"]) for name in result.names}
    jobs = result.jobs
    lines = [("images/s", [counted(number, "worker") for number in jobs])]
    for name, shown in labels.items():
        found = [result.measured(name, number) for number in jobs]
        lines.append((shown, [in_digits(one.rate) for one in found]))
        if name.startswith("write"):
            lines.append(("  in MB/s", [in_digits(one.megabytes_per_second) for one in found]))
    for name, shown in labels.items():
        if name.startswith("build"):
            shares = [f"{100 * result.of_decoding(name, number):.0f} %" for number in jobs]
            lines.append((f"{shown} / decode", shares))
    starts = [f"{median(result.start_seconds[number]):.2f} s" for number in jobs]
    lines.append(("start of the workers", starts))
    width = max(len(first) for first, _ in lines)
    return [_line(first, cells, width) for first, cells in lines]


def label(name: str, dtype: str) -> str:
    """Return what people call a step or build: ``build_final`` of float32 is ``build float32``."""
    shown = name.replace("_final", f" {dtype}").replace("_", " ")
    return "read (cached)" if name == "read" else shown


def _line(first: str, cells: Iterable[str], width: int) -> str:
    return first.ljust(width) + "".join(cell.rjust(_COLUMN) for cell in cells)
