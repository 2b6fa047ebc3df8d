"""Options that say by which rule images are chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import click

from streamcalib.choosing.coco import find_annotations
from streamcalib.choosing.labels.source import LabelSource
from streamcalib.choosing.labels.table import LABEL_COLUMN, PATH_COLUMN
from streamcalib.choosing.strategies import StrategyName
from streamcalib.choosing.stratified import Stratified
from streamcalib.cli import options

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from streamcalib.choosing.strategies import Strategy

_STRATEGY = (
    click.option(
        "--strategy",
        type=click.Choice(get_args(StrategyName)),
        default="random",
        help="Rule of the choice.",
    ),
    click.option(
        "--labels",
        metavar="KIND[:FILE]",
        help="Of stratified: coco:FILE (annotations in JSON; coco alone with --coco), yolo (label "
        "files in labels/ beside images/), yolo:DIR, yolo:DATA.yaml, folder (each image's own), or "
        "csv:FILE.",
    ),
    click.option(
        "--label-column",
        metavar="NAME",
        help=f"Of csv:FILE: the column of classes.  [default: {LABEL_COLUMN}]",
    ),
    click.option(
        "--path-column",
        metavar="NAME",
        help=f"Of csv:FILE: the column of images, as names or paths.  [default: {PATH_COLUMN}]",
    ),
)


def _random(_asked: Mapping[str, Any]) -> Strategy | None:
    return None


def _stratified(asked: Mapping[str, Any]) -> Strategy:
    labels = asked["labels"]
    if labels is None:
        raise click.UsageError(
            "--strategy stratified needs --labels: coco:FILE, yolo, folder or csv:FILE."
        )
    if labels == "coco" and asked.get("coco") is not None:
        labels = f"coco:{find_annotations(asked['coco'], asked.get('split') or 'train2017')}"
    return Stratified(
        LabelSource.parse(
            labels, label_column=asked["label_column"], path_column=asked["path_column"]
        )
    )


_MAKERS: dict[str, Callable[[Mapping[str, Any]], Strategy | None]] = {
    "random": _random,
    "stratified": _stratified,
}
"""What makes a strategy of the options that a user gave, by its name."""

_FOR: dict[str, tuple[str, ...]] = {
    "labels": ("stratified",),
    "label_column": ("stratified",),
    "path_column": ("stratified",),
}
"""The strategies that an option is for, by its parameter; with others it is refused."""


def strategy_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that decide the strategy."""
    return options.all_of(_STRATEGY, function)


def chosen_strategy(asked: Mapping[str, Any]) -> Strategy | None:
    """Return the strategy that the options add up to, or None for the default rule.

    ``asked`` holds the values of `strategy_options`, None where an option was not given, and of
    ``coco`` and ``split``.
    """
    name = asked["strategy"]
    for parameter, names in _FOR.items():
        if asked.get(parameter) is not None and name not in names:
            option = f"--{parameter.replace('_', '-')}"
            raise click.UsageError(f"{option} is for --strategy {' or '.join(names)}.")
    return _MAKERS[name](asked)
