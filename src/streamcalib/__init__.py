"""INT8 calibration sets at the speed of the JPEG decoder, bit for bit as the model sees them."""

from streamcalib.build import build
from streamcalib.calibset import CalibrationSet
from streamcalib.choosing.sample import sample
from streamcalib.extra_inputs import ExtraInput
from streamcalib.finalize import finalize
from streamcalib.images.listfile import ImageList
from streamcalib.recipe import Recipe
from streamcalib.version import __version__

__all__ = [
    "CalibrationSet",
    "ExtraInput",
    "ImageList",
    "Recipe",
    "__version__",
    "build",
    "finalize",
    "sample",
]
