"""INT8 calibration sets at the speed of the JPEG decoder, bit for bit as the model sees them."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from streamcalib import errors as errors
from streamcalib.version import __version__

# ruff: noqa: TC004 - what __all__ names is there when it is asked for.
if TYPE_CHECKING:
    from streamcalib.build import build
    from streamcalib.calibset import CalibrationSet
    from streamcalib.choosing.activations.strategy import ByActivations
    from streamcalib.choosing.compare import compare
    from streamcalib.choosing.comparing.result import Comparison
    from streamcalib.choosing.dedupe.distinct import Dedupe
    from streamcalib.choosing.labels.source import LabelSource
    from streamcalib.choosing.sample import sample
    from streamcalib.choosing.stratified import Stratified
    from streamcalib.export import export
    from streamcalib.extra_inputs import ExtraInput
    from streamcalib.finalize import finalize
    from streamcalib.images.listfile import ImageList
    from streamcalib.live import LiveSet, live
    from streamcalib.quantize import Quantized, quantize
    from streamcalib.recipe import Recipe
    from streamcalib.report.writing import Report, report
    from streamcalib.verify import Verification, find_image, verify

__all__ = [
    "ByActivations",
    "CalibrationSet",
    "Comparison",
    "Dedupe",
    "ExtraInput",
    "ImageList",
    "LabelSource",
    "LiveSet",
    "Quantized",
    "Recipe",
    "Report",
    "Stratified",
    "Verification",
    "__version__",
    "build",
    "compare",
    "export",
    "finalize",
    "find_image",
    "live",
    "quantize",
    "report",
    "sample",
    "verify",
]

_HOMES = {
    "ByActivations": "streamcalib.choosing.activations.strategy",
    "CalibrationSet": "streamcalib.calibset",
    "Comparison": "streamcalib.choosing.comparing.result",
    "Dedupe": "streamcalib.choosing.dedupe.distinct",
    "ExtraInput": "streamcalib.extra_inputs",
    "ImageList": "streamcalib.images.listfile",
    "LabelSource": "streamcalib.choosing.labels.source",
    "LiveSet": "streamcalib.live",
    "Quantized": "streamcalib.quantize",
    "Recipe": "streamcalib.recipe",
    "Report": "streamcalib.report.writing",
    "Stratified": "streamcalib.choosing.stratified",
    "Verification": "streamcalib.verify",
    "build": "streamcalib.build",
    "compare": "streamcalib.choosing.compare",
    "export": "streamcalib.export",
    "finalize": "streamcalib.finalize",
    "find_image": "streamcalib.verify",
    "live": "streamcalib.live",
    "quantize": "streamcalib.quantize",
    "report": "streamcalib.report.writing",
    "sample": "streamcalib.choosing.sample",
    "verify": "streamcalib.verify",
}


class _Package(ModuleType):
    """The package itself, which imports a public name when it is first asked for.

    So workers and ``--version`` start without the rest.
    """

    def __getattr__(self, name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        value = getattr(import_module(_HOMES[name]), name)
        setattr(self, name, value)
        return value

    def __setattr__(self, name: str, value: object) -> None:
        # Python sets every submodule it imports here; build and finalize stay the functions.
        if name not in _HOMES or not isinstance(value, ModuleType):
            super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *_HOMES})


# A class, not a module's __getattr__: only a class can refuse what Python sets.
sys.modules[__name__].__class__ = _Package
