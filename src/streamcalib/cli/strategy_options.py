"""Options that say by which rule images are chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import click

from streamcalib.choosing.coco import find_annotations
from streamcalib.choosing.labels.source import LabelSource
from streamcalib.choosing.labels.table import LABEL_COLUMN, PATH_COLUMN
from streamcalib.choosing.strategies import POOL_SIZE, StrategyName
from streamcalib.choosing.stratified import Stratified
from streamcalib.cli import options
from streamcalib.progress import ignore

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from streamcalib.choosing.strategies import Strategy
    from streamcalib.progress import Subscriber

DEFAULT_BLEND = 0.25

_STRATEGY = (
    click.option(
        "--strategy",
        type=click.Choice(get_args(StrategyName)),
        default="random",
        help="Rule of the choice. By the activations of --model: activations, images that together "
        "are distributed as the pool is; ranges, images that reach its largest values; "
        "blend, both. By --labels: stratified, images that show each class as "
        "often as all do, rare classes included.",
    ),
    click.option(
        "--pool-size",
        type=int,
        metavar="N",
        help="With --model: how many candidates go through the model, drawn at random.  "
        f"[default: {POOL_SIZE}]",
    ),
    click.option(
        "--blend",
        type=float,
        metavar="SHARE",
        help="With --strategy blend: share of the images that are taken for the largest values, 0 "
        f"to 1.  [default: {DEFAULT_BLEND}]",
    ),
    click.option(
        "--percentile",
        type=float,
        metavar="PERCENT",
        help="With --strategy ranges or blend: the percentile of a tensor's magnitudes that is "
        "reached for, instead of the largest.  [default: 100]",
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
_BY_MODEL = ("activations", "ranges", "blend")


def _random(_asked: Mapping[str, Any], _progress: Subscriber) -> Strategy | None:
    return None


def _by_activations(asked: Mapping[str, Any], progress: Subscriber) -> Strategy | None:
    # Imported where it is used: most choices need no model.
    from streamcalib.choosing.activations.strategy import ByActivations
    from streamcalib.recipe_choice import choose_recipe

    name, model = asked["strategy"], asked["model"]
    if model is None:
        raise click.UsageError(f"--strategy {name} is by the activations of a model: say --model.")
    wishes = ("preset", "imgsz", "dtype")
    recipe = choose_recipe(
        file=asked["recipe_file"], model=model, **{wish: asked[wish] for wish in wishes}
    )
    blend = {"activations": 0.0, "ranges": 1.0}.get(name, asked["blend"])
    return ByActivations(
        model=model,
        blend=DEFAULT_BLEND if blend is None else blend,
        percentile=100.0 if asked["percentile"] is None else asked["percentile"],
        pool_size=POOL_SIZE if asked["pool_size"] is None else asked["pool_size"],
        recipe=recipe,
        extra_inputs=asked["extra_inputs"],
        jobs=asked["jobs"],
        progress=progress,
        cache=asked["cache"],
    )


def _stratified(asked: Mapping[str, Any], _progress: Subscriber) -> Strategy:
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


_MAKERS: dict[str, Callable[[Mapping[str, Any], Subscriber], Strategy | None]] = {
    "random": _random,
    **dict.fromkeys(_BY_MODEL, _by_activations),
    "stratified": _stratified,
}
"""What makes a strategy of the options that a user gave, by its name."""

_FOR: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("model", "preset", "imgsz", "dtype"), _BY_MODEL),
    **dict.fromkeys(("recipe_file", "extra_inputs", "pool_size"), _BY_MODEL),
    "blend": ("blend",),
    "percentile": ("ranges", "blend"),
    **dict.fromkeys(("labels", "label_column", "path_column"), ("stratified",)),
}
"""The strategies that an option is for, by its parameter; with others it is refused."""

_OPTIONS = {"recipe_file": "--recipe", "extra_inputs": "--extra-input"}


def strategy_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that decide the strategy."""
    model = options.recipe_options_with(
        "With --strategy activations, ranges or blend: ONNX model whose activations decide; images "
        "become rows as its input wants them."
    )
    further = (model, options.extra_inputs_to_run)
    return options.all_of((*_STRATEGY, *further), function)


def chosen_strategy(asked: Mapping[str, Any], progress: Subscriber = ignore) -> Strategy | None:
    """Return the strategy that the options add up to, or None for the default rule.

    ``asked`` holds the values of `strategy_options`, None where an option was not given, and of
    ``coco``, ``split`` and ``jobs``, and as ``cache`` the folder in which what is measured is kept.
    """
    name = asked["strategy"]
    for parameter, names in _FOR.items():
        if asked.get(parameter) not in (None, []) and name not in names:
            option = _OPTIONS.get(parameter, f"--{parameter.replace('_', '-')}")
            raise click.UsageError(f"{option} is for --strategy {' or '.join(names)}.")
    return _MAKERS[name](asked, progress)
