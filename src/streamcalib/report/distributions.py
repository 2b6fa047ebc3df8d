"""The charts of a survey."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from streamcalib.report.charts import Chart, bar_chart, line_chart
from streamcalib.report.measuring import LEVELS, channel_names

if TYPE_CHECKING:
    from streamcalib.recipe import Recipe
    from streamcalib.report.survey import Survey

_LEVELS_A_POINT = 4
_COLOURS = {"R": "red", "G": "green", "B": "blue"}


def distributions(survey: Survey, recipe: Recipe) -> list[Chart]:
    """Return a chart for everything that was counted."""
    charts = []
    if survey.brightness.count:
        charts.append(_brightness(survey))
    if survey.sizes.count:
        charts += [_sizes(survey), _aspects(survey)]
    charts.append(_paddings(survey))
    if survey.counts.any():
        charts += _values(survey, recipe)
    return charts


def _brightness(survey: Survey) -> Chart:
    seen = survey.brightness
    return bar_chart(
        "brightness",
        "Brightness",
        f"Mean luma of each picture, padding left out: {seen.least:.0f} to {seen.greatest:.0f} of "
        f"255, {seen.mean:.0f} on average.",
        seen.bars(),
        lambda value: f"{value:.0f}",
        "mean luma",
    )


def _sizes(survey: Survey) -> Chart:
    seen = survey.sizes
    return bar_chart(
        "sizes",
        "Image size",
        f"Pixels of each image before it was resized: {_pixels(seen.least)} to "
        f"{_pixels(seen.greatest)}.",
        seen.bars(),
        _pixels,
        "pixels",
    )


def _aspects(survey: Survey) -> Chart:
    seen = survey.aspects
    return bar_chart(
        "aspects",
        "Aspect ratio",
        f"Width over height of each image: {seen.least:.2f} to {seen.greatest:.2f}.",
        seen.bars(),
        lambda value: f"{value:.2f}",
        "width / height",
    )


def _paddings(survey: Survey) -> Chart:
    seen = survey.paddings
    return bar_chart(
        "paddings",
        "Padding",
        f"Share of each canvas that is padding: {seen.least:.0%} to {seen.greatest:.0%}, "
        f"{seen.mean:.1%} of all values.",
        seen.bars(),
        lambda value: f"{value:.0%}",
        "of the canvas",
    )


def _values(survey: Survey, recipe: Recipe) -> list[Chart]:
    """Return the channels' values on the canvas, and as the recipe encodes them."""
    names = [_COLOURS.get(name, name) for name in channel_names(recipe)]
    points = LEVELS // _LEVELS_A_POINT
    counts = survey.counts.reshape(len(names), points, _LEVELS_A_POINT).sum(axis=2)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    middle = np.arange(points) * _LEVELS_A_POINT + _LEVELS_A_POINT // 2
    table = recipe.lookup_table().astype(np.float64)
    lines = {name: shares[number].tolist() for number, name in enumerate(names)}
    encoded = {name: table[number][middle].tolist() for number, name in enumerate(names)}
    levels = np.arange(LEVELS)
    total = np.maximum(survey.counts.sum(axis=1), 1)
    means = [
        f"{name} {mean:.4g}"
        for name, mean in zip(names, survey.counts @ levels / total, strict=True)
    ]
    after = [
        f"{name} {float(survey.counts[number] @ table[number] / total[number]):.4g}"
        for number, name in enumerate(names)
    ]
    pad = [f"{float(values[recipe.pad_value]):.4g}" for values in table]
    padded = f"Padding is left out; it is {survey.padding_share:.1%} of all values, at"
    return [
        line_chart(
            "levels",
            "Values before encoding",
            f"Each channel of the pictures, 0 to 255; a point is {_LEVELS_A_POINT} levels. "
            f"Means: {', '.join(means)}. {padded} {recipe.pad_value}.",
            dict.fromkeys(names, middle.tolist()),
            lines,
            (0, LEVELS - 1),
        ),
        line_chart(
            "values",
            "Values after encoding",
            f"The same as the {recipe.dtype} values that the model sees. Means: "
            f"{', '.join(after)}. {padded} {', '.join(dict.fromkeys(pad))}.",
            encoded,
            lines,
            recipe.value_range,
        ),
    ]


def _pixels(value: float) -> str:
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"
