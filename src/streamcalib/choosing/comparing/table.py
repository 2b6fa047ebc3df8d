"""A comparison in lines for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from streamcalib.wording import counted, printable

if TYPE_CHECKING:
    from streamcalib.choosing.comparing.result import Comparison, SetDistance

_HEAD = (
    "set",
    "images",
    "KS mean",
    "beats",
    "KS worst",
    "beats",
    "shortfall",
    "beats",
    "entropy",
    "99.99 %",
)

_CLASSES_HEAD = ("set", "images", "difference", "beats", "largest", "beats", "classes", "beats")

_SHOWN = (("median", 50), ("best", 0))
"""What is shown of random draws, and which percentile it is; of all, less is better."""

_INT8_HEAD = ("set", "calibrator", "SQNR", "boxes", "matched", "scores")


def lines_of(comparison: Comparison) -> list[str]:
    """Return the table, what its columns mean, class shares, and the images left out."""
    lines = [f"pool {printable(comparison.pool)}: {counted(comparison.pool_images, 'image')}"]
    for name, one in comparison.outside.items():
        if one.outside:
            verb = "is" if one.outside == 1 else "are"
            lines.append(
                f"{printable(name)}: {one.outside} of {counted(one.images, 'image')} {verb} not of "
                "the pool"
            )
    if comparison.sets:
        lines += _distances(comparison)
    if comparison.outputs:
        lines += _int8(comparison)
    if comparison.classes:
        lines += _classes(comparison)
    if comparison.bad:
        lines.append(f"{counted(len(comparison.bad), 'bad image')} left out:")
        lines += [f"  {printable(one.place)}: {one.reason}" for one in comparison.bad]
    return lines


def _distances(comparison: Comparison) -> list[str]:
    rows: list[tuple[str, ...]] = [_HEAD]
    for size, draws in comparison.draws.items():
        for what, percent in _SHOWN:
            ks, worst, short = (
                np.percentile(values, percent)
                for values in (draws.ks, draws.ks_worst, draws.shortfall)
            )
            name = f"random, {what} of {comparison.draws_each:,}"
            figures = (f"{ks:.5f}", "", f"{worst:.4f}", "", f"{short:.4f}", "", "", "")
            rows.append((name, f"{size}", *figures))
        rows += [_row(one) for one in comparison.sets if one.images == size]
    farthest = [
        f"{printable(one.name)}: farthest in {printable(one.ks_worst_tensor)}"
        for size in comparison.draws
        for one in comparison.sets
        if one.images == size
    ]
    return [
        f"model {printable(str(comparison.model))}: {counted(comparison.tensors, 'tensor')}",
        "",
        *_aligned(rows),
        "",
        *farthest,
        "KS: Kolmogorov-Smirnov distance to the pool, mean over tensors and largest. shortfall:",
        "part of the pool's largest magnitudes that is not reached. entropy, 99.99 %: how much the",
        "thresholds of these calibrators differ from the pool's. All: the less the better. beats:",
        "share of random draws of that size that are worse.",
    ]


def _row(one: SetDistance) -> tuple[str, ...]:
    return (
        printable(one.name),
        f"{one.images}",
        f"{one.ks_mean:.5f}",
        f"{one.ks_beats:.1%}",
        f"{one.ks_worst:.4f}",
        f"{one.ks_worst_beats:.1%}",
        f"{one.shortfall:.4f}",
        f"{one.shortfall_beats:.1%}",
        f"{one.entropy_change:.2%}",
        f"{one.percentile_change:.2%}",
    )


def _classes(comparison: Comparison) -> list[str]:
    there = next(iter(comparison.classes.values()))["classes"]
    if there == 1 and _all_alike(comparison):
        return ["", "class shares: one class, which all sets show as often: nothing to compare"]
    rows: list[tuple[str, ...]] = [_CLASSES_HEAD]
    for size in sorted({one["images"] for one in comparison.classes.values()}):
        if size in comparison.class_draws:
            rows += _drawn_rows(comparison, size, there)
        rows += [
            _class_row(name, one)
            for name, one in comparison.classes.items()
            if one["images"] == size
        ]
    larger = [
        f"{printable(name)} is larger than the pool: no random draw of the pool is as large."
        for name, one in comparison.classes.items()
        if one["images"] not in comparison.class_draws
    ]
    return [
        "",
        f"class shares, against {counted(there, 'class', 'classes')} of the pool",
        "",
        *_aligned(rows),
        "",
        "difference: how far the shares of classes are from the pool's, mean, in percent of the",
        "images. largest: of the class that is farthest. classes: those of the pool that are",
        "present. beats: share of random draws of that size that are worse.",
        *larger,
    ]


def _all_alike(comparison: Comparison) -> bool:
    """Whether no set, and no random draw, has other class shares than the pool."""
    found = [one["largest_difference"] for one in comparison.classes.values()]
    drawn = [draws.largest_difference.max() for draws in comparison.class_draws.values()]
    return not any(found) and not any(drawn)


def _drawn_rows(comparison: Comparison, size: int, there: int) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for what, percent in _SHOWN:
        mean, largest, missing = (
            float(np.percentile(values, percent)) for values in comparison.class_draws[size]
        )
        name = f"random, {what} of {comparison.draws_each:,}"
        found = f"{there - missing:g} of {there}"
        rows.append((name, f"{size}", f"{mean:.3%}", "", f"{largest:.2%}", "", found, ""))
    return rows


def _class_row(name: str, one: dict[str, Any]) -> tuple[str, ...]:
    beats = (
        "" if (part := one[f"{what}_beats"]) is None else f"{part:.1%}"
        for what in ("mean_difference", "largest_difference", "classes_chosen")
    )
    return (
        printable(name),
        f"{one['images']}",
        f"{one['mean_difference']:.3%}",
        next(beats),
        f"{one['largest_difference']:.2%}",
        next(beats),
        f"{one['classes_chosen']} of {one['classes']}",
        next(beats),
    )


def _int8(comparison: Comparison) -> list[str]:
    rows: list[tuple[str, ...]] = [_INT8_HEAD]
    for one in comparison.outputs:
        boxes = "" if one.boxes is None else f"{one.int8_boxes} of {one.boxes}"
        matched = "" if one.matched is None else f"{one.matched:.1%}"
        scores = "" if one.score_difference is None else f"{one.score_difference:.4f}"
        rows.append(
            (printable(one.name), one.method, f"{one.sqnr_db:.2f} dB", boxes, matched, scores)
        )
    return [
        "",
        f"INT8 against FP32 on {counted(comparison.held_out, 'image')} of no set",
        "",
        *_aligned(rows),
        "",
        "SQNR: signal to quantization noise of the outputs, the more the better. boxes: detections",
        "in INT8 and in FP32. matched: part of FP32's that INT8 has, of the same class, with half",
        "of the two overlapping. scores: mean difference of theirs.",
    ]


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if number else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
