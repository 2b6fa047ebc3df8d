"""Builds from 64x64 JPEGs, where everything but decoding weighs most."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import builds, decoding
from benchmarks.corpus import SMALL_SIDE, small_images
from benchmarks.outputs import fitting_rows
from benchmarks.rounds import Outcome, alternate, ratio

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.settings import Settings

_DECODING, _UINT8, _FLOAT32 = "bare decoding", "uint8 build", "float32 build"
_FLOAT32_ROW_BYTES = 3 * SMALL_SIDE**2 * 4


def run(settings: Settings, tell: Callable[[str], None]) -> Outcome:
    """Build at imgsz 64 and decode, in alternation."""
    corpus = small_images(settings)
    rows = fitting_rows(settings, settings.small_rows, _FLOAT32_ROW_BYTES, tell)
    contestants = [
        decoding.contestant(_DECODING, settings, corpus, rows, threads=settings.jobs),
        builds.contestant(_UINT8, settings, corpus, rows, store="uint8", imgsz=SMALL_SIDE),
        builds.contestant(_FLOAT32, settings, corpus, rows, store="final", imgsz=SMALL_SIDE),
    ]
    rounds = alternate(contestants, settings.rounds, tell)
    return Outcome(
        [
            ratio(f"64x64: {build} / {_DECODING}", rounds, build, _DECODING, bar=0.35, aim=0.6)
            for build in (_UINT8, _FLOAT32)
        ],
        rounds,
    )
