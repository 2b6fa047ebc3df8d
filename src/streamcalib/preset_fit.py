"""Which preset a graph's images are for, as far as the graph tells."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Literal, NamedTuple

from streamcalib.errors import ModelError
from streamcalib.presets import DEFAULT_PRESET, PRESETS
from streamcalib.wording import printable

if TYPE_CHECKING:
    from streamcalib.graph import ImageInput, Ultralytics

_LETTERBOX_TASKS = frozenset({"detect", "segment", "pose", "obb", "semantic"})
# What the authors of RT-DETR call the input that scales boxes back.
_RTDETR_SIZES = "orig_target_sizes"
CLASSIFIERS = "torchvision, timm, yolo11-cls, or a recipe of your own"

_log = logging.getLogger(__name__)


class Fit(NamedTuple):
    """The preset of a graph.

    Attributes
    ----------
    preset
        Its name, or None if the graph gives no ground to choose one.
    certainty
        ``told``: the graph's metadata say so. ``assumed``: nothing speaks against it. ``open``:
        something does, and it must be said.
    why
        The ground, as a sentence without its end.
    """

    preset: str | None
    certainty: Literal["told", "assumed", "open"]
    why: str


def find_fit(graph: ImageInput) -> Fit:
    """Return the preset that a graph's metadata, inputs and outputs speak for."""
    if graph.ultralytics is not None:
        return _told(graph.ultralytics)
    if any(other.name == _RTDETR_SIZES for other in graph.other_inputs):
        why = f"its further input {_RTDETR_SIZES!r} is that of RT-DETR, and of models built on it"
        return Fit("rtdetr-original", "open", why)
    shapes = [output.shape for output in graph.outputs]
    if shapes and all(shape is not None and len(shape) == 2 for shape in shapes):
        return Fit(
            None, "open", "its output has two axes, as a classifier's, which no letterbox is for"
        )
    return Fit(DEFAULT_PRESET, "assumed", "it says nothing of how its images are made")


def _told(said: Ultralytics) -> Fit:
    why = f"Ultralytics' metadata say task {said.task!r}, {said.description!r}"
    if said.head == "RTDETRDecoder" or "rtdetr" in said.description.lower():
        return Fit("rtdetr-ultralytics", "told", why)
    ending = {"classify": "-cls", "depth": "-depth"}.get(said.task, "")
    if said.task and not ending and said.task not in _LETTERBOX_TASKS:
        return Fit(None, "open", f"{why}, a task that no preset serves")
    usual = {"-depth": "yolo26-depth"}.get(ending, DEFAULT_PRESET + ending)
    return Fit(_family(said.description, ending) or usual, "told", why)


def _family(description: str, ending: str) -> str | None:
    """Return the preset of the model that a description names, like ``yolov8`` of YOLOv8n."""
    found = re.search(r"yolo(?:e-|-)?(v?)(\d{1,2})", description, re.IGNORECASE)
    if found is None:
        return None
    name = f"yolo{found[1].lower()}{int(found[2])}{ending}"
    return name if name in PRESETS else None


def fitting_preset(graph: ImageInput) -> str:
    """Return the name of the preset that fits a graph; tell it where it is only assumed.

    Raises
    ------
    ModelError
        If it must be said.
    """
    fit = find_fit(graph)
    if fit.certainty == "open" or fit.preset is None:
        raise ModelError(
            f"how images are made for {graph.shown} must be said: {printable(fit.why)}. Say "
            f"--preset {fit.preset or 'NAME'}"
            f"{'' if fit.preset else f' ({CLASSIFIERS})'}; 'streamcalib recipe list' shows all, "
            "and --recipe takes one of your own."
        )
    if fit.certainty == "assumed":
        _log.warning(
            "%s says nothing of how its images are made: preset %s is taken (letterbox, RGB, 0 to "
            "1). If it was trained otherwise, its scales will be wrong: say --preset NAME "
            "('streamcalib recipe list'), or --preset %s if it is right.",
            graph.shown,
            fit.preset,
            fit.preset,
        )
    if graph.does.expects == "bytes" and graph.dtype != "uint8":
        _log.warning(
            "%s %s: rows of 0 to 1 would be normalized twice. "
            "Take a recipe with scale 1, mean 0 and std 1: 'streamcalib recipe show %s --set "
            "scale=1 > recipe.json', and --recipe recipe.json.",
            graph.shown,
            graph.does.in_words,
            fit.preset,
        )
    return fit.preset
